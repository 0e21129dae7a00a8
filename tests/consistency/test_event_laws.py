"""The laws of events without a shop: arrivals that add up, and each way to violate a law."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from tests.consistency.event_laws import EVENT_LAWS, OFTEN
from tests.consistency.history import Arrival, Final, Goods, History

BUYER, STAFF, UNIT, ORDER = 2, 9, 1, 1
OF_ORDER = {"order_id": ORDER, "buyer_id": BUYER}


def event(number: int, kind: str, subject: str, **data: Any) -> dict[str, Any]:
    """An event as it arrives."""
    return {
        "id": number,
        "type": kind,
        "version": 1,
        "timestamp": "2026-03-01T12:00:00Z",
        "subject": subject,
        "data": data,
    }


def moved(number: int, source: str, target: str) -> dict[str, Any]:
    return event(
        number, "order.line_moved", f"order/{ORDER}", **OF_ORDER, unit_id=UNIT, **{"from": source, "to": target}
    )


EVENTS = [
    event(1, "user.registered", f"user/{BUYER}", user_id=BUYER),
    event(2, "user.registered", f"user/{STAFF}", user_id=STAFF),
    event(
        3,
        "order.placed",
        f"order/{ORDER}",
        **OF_ORDER,
        total=12,
        delivery_fee=2,
        currency="RUB",
        lines=[{"unit_id": UNIT, "product_id": 1, "amount": 10}],
    ),
    event(4, "product_unit.out_of_stock", f"product_unit/{UNIT}", unit_id=UNIT, product_id=1),
    event(
        5,
        "order.payment_captured",
        f"order/{ORDER}",
        **OF_ORDER,
        **{"from": "due", "to": "captured", "amount": 12},
    ),
    moved(6, "placed", "confirmed"),
    event(7, "order.return_requested", f"order/{ORDER}", **OF_ORDER, unit_id=UNIT),
    moved(8, "confirmed", "cancelled"),
    event(9, "order.refund_due", f"order/{ORDER}", **OF_ORDER, unit_id=UNIT, to="due", amount=10),
    event(10, "order.overpaid", f"order/{ORDER}", **OF_ORDER, amount=3),
    event(11, "order.parcel_shipped", f"order/{ORDER}", **OF_ORDER, parcel=1, unit_ids=[UNIT]),
    event(12, "order.cancelled", f"order/{ORDER}", **OF_ORDER),
    event(13, "product_unit.back_in_stock", f"product_unit/{UNIT}", unit_id=UNIT, product_id=1),
    event(
        14,
        "product_unit.price_changed",
        f"product_unit/{UNIT}",
        unit_id=UNIT,
        product_id=1,
        price=11,
        currency="RUB",
        previous_price=10,
        previous_currency="RUB",
    ),
]


def entry(kind: str, source: str | None, target: str, unit: int | None = UNIT, amount: int | None = None) -> Any:
    """An entry of the history of the order."""
    return {"event": kind, "source": source, "target": target, "product_unit": unit, "amount": amount}


def story() -> tuple[History, Final]:
    """What the events tell, and their arrivals. The moody receiver has refused the first move once."""
    past, final = History(1), Final(is_whole=True)
    past.staff.add(STAFF)
    past.goods[UNIT] = Goods(("sku-0", "42"), 1, [(10, 0, 1), (11, 1, 2)])
    final.orders_of[BUYER] = []
    final.orders = [{"id": ORDER, "total_amount": 12}]
    final.tracking[ORDER] = {"product_unit": [{"id": UNIT, "state": "cancelled", "parcel": 1}]}
    final.histories[ORDER] = [
        entry("payment_moved", "due", "captured", None, 12),
        entry("line_moved", "placed", "confirmed"),
        entry("return_requested", None, "confirmed"),
        entry("line_moved", "confirmed", "cancelled"),
        entry("refund_moved", None, "due", UNIT, 10),
        entry("overpaid", None, "captured", None, 3),
    ]
    final.units[UNIT] = {"final_price": 11, "availability": True}
    final.arrivals = [Arrival("good", body, True, True) for body in copy.deepcopy(EVENTS)]
    wanted = [body for body in EVENTS if body["type"] in ("user.registered", "order.placed", "order.line_moved")]
    wanted.append(EVENTS[11])
    final.arrivals += [
        Arrival("moody", body, True, accepted)
        for body in copy.deepcopy(wanted)
        for accepted in ([False, True] if body["id"] == 6 else [True])
    ]
    return past, final


def arrivals(final: Final) -> list[Arrival]:
    assert final.arrivals is not None
    return final.arrivals


def at(final: Final, number: int, receiver: str = "good") -> int:
    """The place of the last arrival of an event."""
    return max(
        place
        for place, arrival in enumerate(arrivals(final))
        if (arrival.body["id"], arrival.receiver) == (number, receiver)
    )


def lose(final: Final, number: int, receiver: str = "good") -> None:
    del arrivals(final)[at(final, number, receiver)]


def without(number: int) -> Callable[[Final], None]:
    return lambda final: lose(final, number)


def data(final: Final, number: int) -> dict[str, Any]:
    found: dict[str, Any] = arrivals(final)[at(final, number)].body["data"]
    return found


LOST = (1, 3, 5, 6, 7, 8, 9, 10, 11, 12)
"""Events that no other law misses."""

MISTAKES: dict[str, tuple[str, Callable[[Final], Any]]] = {
    **{f"event {number} does not arrive": ("every_change_has_its_event", without(number)) for number in LOST},
    "a refused event is not sent again": ("every_change_has_its_event", lambda final: lose(final, 6, "moody")),
    "an event of a move that did not happen": (
        "every_change_has_its_event",
        lambda final: arrivals(final).append(Arrival("good", moved(20, "cancelled", "returned"), True, True)),
    ),
    "a user who did not register": (
        "every_change_has_its_event",
        lambda final: arrivals(final).append(
            Arrival("good", event(20, "user.registered", "user/77", user_id=77), True, True)
        ),
    ),
    "another total": ("every_change_has_its_event", lambda final: data(final, 3).update(total=13)),
    "another amount": ("every_change_has_its_event", lambda final: data(final, 9).update(amount=9)),
    "a later event first": (
        "events_arrive_in_order",
        lambda final: arrivals(final).insert(0, arrivals(final).pop(at(final, 8))),
    ),
    "an address": ("events_have_their_members_alone", lambda final: data(final, 3).update(email="anna@shop.example")),
    "a wrong type": ("events_have_their_members_alone", lambda final: data(final, 9).update(amount="10")),
    "another member": (
        "events_have_their_members_alone",
        lambda final: arrivals(final)[0].body.update(secret="whsec_"),
    ),
    "a wrong signature": (
        "events_are_signed",
        lambda final: arrivals(final).append(Arrival("good", EVENTS[0], False, True)),
    ),
    "another kind": (
        "receivers_get_what_they_want",
        lambda final: arrivals(final).append(Arrival("moody", EVENTS[8], True, True)),
    ),
    "a followed redirect": (
        "receivers_get_what_they_want",
        lambda final: arrivals(final).append(Arrival("elsewhere", EVENTS[2], True, True)),
    ),
    "requests at rest": ("accepted_events_do_not_come_again", lambda final: setattr(final, "later_arrivals", 1)),
    "an event that comes again and again": (
        "accepted_events_do_not_come_again",
        lambda final: arrivals(final).extend([arrivals(final)[0]] * OFTEN),
    ),
    "another price before": ("prices_follow_their_events", lambda final: data(final, 14).update(previous_price=9)),
    "another price now": ("prices_follow_their_events", lambda final: final.units[UNIT].update(final_price=12)),
    "a price change without an event": ("prices_follow_their_events", lambda final: lose(final, 14)),
    "sold out twice": ("prices_follow_their_events", lambda final: lose(final, 13)),
    "back without an event before": ("prices_follow_their_events", lambda final: lose(final, 4)),
}


def broken(past: History, final: Final) -> set[str]:
    return {law.__name__ for law in EVENT_LAWS if any(True for _ in law(past, final))}


def test_a_story_that_adds_up_breaks_no_law() -> None:
    assert broken(*story()) == set()


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_breaks_its_law(mistake: str) -> None:
    law, make = MISTAKES[mistake]
    past, final = story()
    make(final)
    assert law in broken(past, final)


def test_every_law_can_be_broken() -> None:
    assert {law for law, _ in MISTAKES.values()} == {law.__name__ for law in EVENT_LAWS}


def test_repetitions_break_no_law() -> None:
    past, final = story()
    arrivals(final).extend(arrivals(final)[:5])
    assert broken(past, final) == set()


def test_a_run_without_receivers_breaks_no_law() -> None:
    past, final = story()
    final.arrivals = None
    assert broken(past, final) == set()
