"""The laws of events: what arrives at the receivers of webhooks, and what the shop says has happened."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import jsonschema

from sellout_core.events import kinds
from tests.consistency.history import Arrival, History
from tests.consistency.history import Final as End
from tests.consistency.receivers import KINDS

_MEMBERS: Final = {"id", "type", "version", "timestamp", "subject", "data"}
_WANTED: Final[Mapping[str, frozenset[str]]] = {
    "good": frozenset(kinds.KINDS),
    "moody": frozenset({*KINDS, kinds.PING}),
    "elsewhere": frozenset(),
}
OFTEN: Final = 20
"""The maximum number of arrivals of an event at one receiver. Faults and refusals cause some."""

_Body = dict[str, Any]
_What = tuple[Any, ...]


def every_change_has_its_event(past: History, final: End) -> Iterator[str]:
    """Each registration, each order and each entry of a history has one event, and no other one arrives."""
    expected = Counter(_expected(past, final))
    for receiver, wanted in _WANTED.items():
        found = Counter(what for body in _accepted(final.arrivals or [], receiver) if (what := _what(body)) is not None)
        due = Counter({what: count for what, count in expected.items() if what[0] in wanted})
        for what in due.keys() | found.keys():
            if due[what] != found[what]:
                yield f"{receiver}: {found[what]} of {due[what]} events {what}"


def events_arrive_in_order(_: History, final: End) -> Iterator[str]:
    """Each receiver accepts the events of a subject in order. Repetitions do not count."""
    for receiver in _WANTED:
        last: dict[str, int] = {}
        for body in _accepted(final.arrivals or [], receiver):
            if body["id"] < last.get(body["subject"], 0):
                yield f"{receiver}: {body['id']} of {body['subject']} after {last[body['subject']]}"
            last[body["subject"]] = body["id"]


def events_have_their_members_alone(_: History, final: End) -> Iterator[str]:
    """An event has the members of its kind, and no others: neither personal data nor secrets."""
    for arrival in final.arrivals or []:
        body = arrival.body
        members = kinds.KINDS[body["type"]].members
        schema = {"properties": {member.name: dict(member.schema) for member in members}}
        is_valid = jsonschema.Draft202012Validator(schema).is_valid(body["data"])
        if body.keys() != _MEMBERS or body["data"].keys() != {member.name for member in members} or not is_valid:
            yield f"{arrival.receiver}: {body}"


def events_are_signed(_: History, final: End) -> Iterator[str]:
    """The reference library finds the signature of each request right."""
    for arrival in final.arrivals or []:
        if not arrival.is_signed:
            yield f"{arrival.receiver}: {arrival.body['id']}"


def receivers_get_what_they_want(_: History, final: End) -> Iterator[str]:
    """No receiver gets events of other kinds than those of its webhook, and no redirect is followed."""
    for arrival in final.arrivals or []:
        if arrival.body["type"] not in _WANTED[arrival.receiver]:
            yield f"{arrival.receiver}: {arrival.body['type']}"


def accepted_events_do_not_come_again(_: History, final: End) -> Iterator[str]:
    """When all events have arrived, nothing more does. No event arrives often."""
    if final.later_arrivals:
        yield f"{final.later_arrivals} requests when nothing was due"
    for (receiver, event_id), count in repeated(final.arrivals or []).items():
        if count > OFTEN:
            yield f"{receiver}: {event_id} {count} times"


def prices_follow_their_events(past: History, final: End) -> Iterator[str]:
    """Each change of a price and of an availability begins with what the one before has led to, and the last one leads
    to the present.
    """
    if final.arrivals is None:
        return
    prices = {unit_id: goods.prices[0][0] for unit_id, goods in past.goods.items()}
    available = dict.fromkeys(past.goods, True)
    for body in sorted(_accepted(final.arrivals, "good"), key=lambda body: int(body["id"])):
        data = body["data"]
        if body["type"] == "product_unit.price_changed":
            if prices[data["unit_id"]] != data["previous_price"]:
                yield f"{prices[data['unit_id']]} before {data}"
            prices[data["unit_id"]] = data["price"]
        elif body["type"].startswith("product_unit."):
            is_available = body["type"] == "product_unit.back_in_stock"
            if available[data["unit_id"]] == is_available:
                yield f"unit {data['unit_id']}: {body['type']} twice"
            available[data["unit_id"]] = is_available
    for unit_id, unit in final.units.items():
        if (unit["final_price"], unit["availability"]) != (prices[unit_id], available[unit_id]):
            yield f"unit {unit_id}: {prices[unit_id]}, {available[unit_id]}, and in the shop {unit}"


EVENT_LAWS: Final = (
    every_change_has_its_event,
    events_arrive_in_order,
    events_have_their_members_alone,
    events_are_signed,
    receivers_get_what_they_want,
    accepted_events_do_not_come_again,
    prices_follow_their_events,
)


def repeated(arrivals: Sequence[Arrival]) -> Counter[tuple[str, int]]:
    """The number of arrivals of each event at each receiver."""
    return Counter((arrival.receiver, arrival.body["id"]) for arrival in arrivals)


def _accepted(arrivals: Sequence[Arrival], receiver: str) -> Iterator[_Body]:
    """The first acceptance of each event by a receiver."""
    found: dict[int, _Body] = {}
    for arrival in arrivals:
        if arrival.accepted and arrival.receiver == receiver:
            found.setdefault(arrival.body["id"], arrival.body)
    yield from found.values()


def _what(body: _Body) -> _What | None:
    """What an event says, in the words of `_expected`. None: the laws of units see it, or it is a ping."""
    name, data = body["type"], body["data"]
    subject, _, of = body["subject"].partition("/")
    if subject == "user":
        return name, int(of)
    if subject != "order":
        return None
    match name:
        case "order.placed":
            rest: _What = (data["total"], sum(line["amount"] for line in data["lines"]) + data["delivery_fee"])
        case "order.line_moved":
            rest = (data["unit_id"], data["from"], data["to"])
        case "order.return_requested":
            rest = (data["unit_id"],)
        case "order.parcel_shipped":
            rest = (data["parcel"], tuple(sorted(data["unit_ids"])))
        case "order.cancelled":
            rest = ()
        case "order.overpaid":
            rest = (data["amount"],)
        case _ if name.startswith("order.payment_"):
            rest = (data["from"], data["amount"])
        case _:
            rest = (data["unit_id"], data["amount"])
    return name, int(of), *rest


def _expected(past: History, final: End) -> Iterator[_What]:
    """What must have been said."""
    if final.arrivals is None:
        return
    for user_id in final.orders_of.keys() | past.staff:
        yield "user.registered", user_id
    for order in final.orders:
        order_id, total = order["id"], order["total_amount"]
        yield "order.placed", order_id, total, total
        tracking = final.tracking[order_id]
        for entry in final.histories[order_id]:
            yield _of_entry(order_id, entry)
        parcels = defaultdict[int, list[int]](list)
        for unit in tracking["product_unit"]:
            if unit["parcel"] is not None:
                parcels[unit["parcel"]].append(unit["id"])
        for number, unit_ids in parcels.items():
            yield "order.parcel_shipped", order_id, number, tuple(sorted(unit_ids))
        if all(unit["state"] == "cancelled" for unit in tracking["product_unit"]):
            yield "order.cancelled", order_id


def _of_entry(order_id: int, entry: dict[str, Any]) -> _What:
    """The event of an entry of a history."""
    unit_id, source, target, amount = (entry[name] for name in ("product_unit", "source", "target", "amount"))
    match entry["event"]:
        case "line_moved":
            return "order.line_moved", order_id, unit_id, source, target
        case "payment_moved":
            return f"order.payment_{target}", order_id, source, amount
        case "refund_moved":
            return f"order.refund_{target}", order_id, unit_id, amount
        case "return_requested":
            return "order.return_requested", order_id, unit_id
        case _:
            return f"order.{entry['event']}", order_id, amount
