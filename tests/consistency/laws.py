"""The laws that must hold after a run, as functions of its history and of the final state."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, Final

import attrs

from tests.consistency import history
from tests.consistency.buyers import fee_of
from tests.consistency.catalogue_laws import CATALOGUE_LAWS
from tests.consistency.event_laws import EVENT_LAWS
from tests.consistency.history import Code, History, Purchase
from tests.consistency.order_laws import ORDER_LAWS


@attrs.frozen
class Violation:
    """A violation of a law."""

    law: str
    what: str


Law = Callable[[History, history.Final], Iterator[str]]


def acknowledged_orders_are_there_unchanged(past: History, final: history.Final) -> Iterator[str]:
    """Each order that was acknowledged with a 201 is in the shop unchanged, and its key gets the same response."""
    everywhere = {order["id"]: agreed(order) for order in final.orders}
    for purchase in past.purchases:
        own = {order["id"]: agreed(order) for order in final.orders_of.get(purchase.buyer_id, [])}
        for text in set(purchase.acknowledged):
            order = agreed(json.loads(text))
            for where, found in (("orders", everywhere), ("the buyer's orders", own)):
                if found.get(order["id"]) != order:
                    yield f"{purchase.mark}: acknowledged {order}, in {where} {found.get(order['id'])}"
            again = final.replays.get(purchase.mark)
            if again is not None and (again.status, again.text) != (201, text):
                yield f"{purchase.mark}: acknowledged {text}, answered again {again}"


def a_purchase_is_one_order(past: History, final: history.Final) -> Iterator[str]:
    """A purchase is one order, however often it is sent. With a key, all its responses are the first one, byte for
    byte.
    """
    found = Counter(mark_of(order) for order in final.orders)
    for purchase in past.purchases:
        if found[purchase.mark] > 1:
            yield f"{purchase.mark}: {found[purchase.mark]} orders"
        if purchase.key is None:
            if len(purchase.acknowledged) > 1:
                yield f"{purchase.mark}: acknowledged {len(purchase.acknowledged)} times without a key"
            continue
        if len(set(purchase.acknowledged)) > 1:
            yield f"{purchase.mark}: different answers under one key: {purchase.acknowledged}"
        if purchase.acknowledged and any("not_in_cart" in answer.text for answer in purchase.answers):
            yield f"{purchase.mark}: ordered, and said not to be in the cart under the same key"


def orders_are_what_was_asked(past: History, final: history.Final) -> Iterator[str]:
    """Each order was requested and not refused. It has the requested lines, buyer, address and promo code."""
    purchases = {purchase.mark: purchase for purchase in past.purchases}
    for order in final.orders:
        purchase = purchases.get(mark_of(order))
        if purchase is None:
            yield f"order {order['id']} without a request: {agreed(order)}"
            continue
        code = order["promo_code"] and order["promo_code"]["string_representation"]
        got = (order["user"]["id"], tuple(unit["id"] for unit in order["product_unit"]), order["address"]["id"], code)
        asked = (purchase.buyer_id, purchase.unit_ids, purchase.address_id, purchase.code)
        if got != asked:
            yield f"{purchase.mark}: asked for {asked}, got {got}"
        if not order["product_unit"]:
            yield f"{purchase.mark}: an order without lines"
        if not purchase.acknowledged and not purchase.unknown:
            yield f"{purchase.mark}: refused with {purchase.answers}, and ordered"
    for user_id, orders in final.orders_of.items():
        others = [order["id"] for order in orders if order["user"]["id"] != user_id]
        if others:
            yield f"user {user_id} has the orders {others} of others"


def totals_are_right(past: History, final: history.Final) -> Iterator[str]:
    """The total is the sum of the prices, less the code's percentage rounded half-up, less its absolute discount, and
    at least 0, with the delivery fee. It is not above the buyer's limit.
    """
    purchases = {purchase.mark: purchase for purchase in past.purchases}
    for order in final.orders:
        purchase = purchases.get(mark_of(order))
        code = past.codes[purchase.code] if purchase and purchase.code else None
        total = total_of([unit["final_price"] for unit in order["product_unit"]], code)
        total += final.tracking[order["id"]]["payment"]["delivery_fee"]
        if order["total_amount"] != total:
            yield f"order {order['id']}: {order['total_amount']} instead of {total}"
        if purchase and purchase.ceiling is not None and order["total_amount"] > purchase.ceiling:
            yield f"{purchase.mark}: {order['total_amount']} is above the agreed {purchase.ceiling}"


def prices_were_current(past: History, final: history.Final) -> Iterator[str]:
    """Each line has a price that the unit had between the request and the response."""
    purchases = {purchase.mark: purchase for purchase in past.purchases}
    for order in final.orders:
        purchase = purchases.get(mark_of(order))
        for unit in order["product_unit"] if purchase else ():
            prices = past.goods[unit["id"]].during(purchase.begun, purchase.ended) if purchase else set()
            if unit["final_price"] not in prices:
                yield f"{mark_of(order)}: unit {unit['id']} for {unit['final_price']}, not for one of {prices}"


def deliveries_are_what_was_asked(past: History, final: history.Final) -> Iterator[str]:
    """Each order has the requested recipient and delivery. Its fee is that of a tariff between the request and the
    response, and without a delivery there is none.
    """
    purchases = {purchase.mark: purchase for purchase in past.purchases}
    tariffs = {tariff.kind: tariff for tariff in past.tariffs.values()}
    for order in final.orders:
        purchase = purchases.get(mark_of(order))
        if purchase is None:
            continue
        shown = final.tracking[order["id"]]
        for name, asked in (("recipient", purchase.recipient), ("delivery", purchase.delivery)):
            got = shown[name] and {member: shown[name][member] for member in asked or shown[name]}
            if got != asked:
                yield f"{purchase.mark}: {name} {asked} asked, got {got}"
        fees = {0}
        if purchase.delivery is not None:
            fees = set(map(fee_of, tariffs[purchase.delivery["kind"]].during(purchase.begun, purchase.ended)))
        if shown["payment"]["delivery_fee"] not in fees:
            yield f"{purchase.mark}: a delivery for {shown['payment']['delivery_fee']}, not for one of {fees}"


def stock_adds_up(past: History, final: history.Final) -> Iterator[str]:
    """Sold and remaining pieces add up to the received ones, despite imports. No more pieces are sold than exist. The
    counted sales equal the lines of orders, less those whose pieces came back. A unit without stock is unavailable.
    """
    sold = Counter(unit["id"] for order in final.orders for unit in order["product_unit"])
    back = Counter(
        entry["product_unit"]
        for entries in final.histories.values()
        for entry in entries
        if entry["target"] == "cancelled" and entry["source"] in {"placed", "confirmed"}
    )
    for unit_id, goods in past.goods.items():
        left, available = final.left[goods.name]
        kept = sold[unit_id] - back[unit_id]
        if final.sold[goods.name] != kept:
            yield f"unit {unit_id}: {final.sold[goods.name]} counted as sold, {kept} in orders"
        if goods.stock is None:
            if left is not None or not available:
                yield f"unit {unit_id} is made to order, but {left} are left"
        elif left is None or left < 0 or (not goods.by_staff and kept + left != goods.stock):
            yield f"unit {unit_id}: {goods.stock} received, {kept} sold, {left} left"
        elif available != (left > 0):
            yield f"unit {unit_id}: {left} left, available: {available}"


def promo_codes_are_counted(past: History, final: history.Final) -> Iterator[str]:
    """There are as many activations as live orders with the code, and at most the maximum. An order's activation count
    is above the number of earlier orders that are still live, and at most the number of orders that began before its
    response.
    """
    purchases = {purchase.mark: purchase for purchase in past.purchases}
    for name, code in past.codes.items():
        orders = [order for order in final.orders if _code_of(order) == name]
        live = [order for order in orders if _is_live(final.tracking[order["id"]])]
        for order in orders:
            count, own = order["promo_code"]["activation_count"], purchases.get(mark_of(order))
            others = [(each, purchases.get(mark_of(each))) for each in orders if each is not order]
            sure = [each for each, other in others if own and other and other.ended < own.begun and each in live]
            possible = [each for each, other in others if not own or not other or other.begun < own.ended]
            if not len(sure) < count <= min(len(possible) + 1, code.maximum):
                yield f"{name}: activation {count} of order {order['id']}, {len(sure)} to {len(possible)} before it"
        if len(live) > code.maximum:
            yield f"{name}: {len(live)} orders of {code.maximum}"
        if name in final.probes:
            expected = len(live) + 1 if len(live) < code.maximum else None
            if final.probes[name] != expected:
                yield f"{name}: {len(live)} orders, and the next activation is {final.probes[name]}, not {expected}"
        for shown in final.promo_codes:
            if shown["string_representation"] == name and shown["activation_count"] != len(live):
                yield f"{name}: {len(live)} orders, and {shown['activation_count']} activations"


def _code_of(order: dict[str, Any]) -> str | None:
    code: str | None = order["promo_code"] and order["promo_code"]["string_representation"]
    return code


def _is_live(tracking: dict[str, Any]) -> bool:
    return any(unit["state"] not in {"cancelled", "returned"} for unit in tracking["product_unit"])


def carts_are_intact_or_ordered(past: History, final: history.Final) -> Iterator[str]:
    """A unit in the cart stays there until it is removed or ordered."""
    for user_id, belief in past.carts.items():
        there = set(final.carts.get(user_id, []))
        if not belief.allows(there):
            yield f"cart of {user_id}: {sorted(there)} instead of {belief}"
    for purchase in past.purchases:
        ordered = any(mark_of(order) == purchase.mark for order in final.orders_of.get(purchase.buyer_id, []))
        if purchase.unknown and not purchase.acknowledged:
            settled = set(purchase.unit_ids) - past.carts[purchase.buyer_id].belated
            there = set(final.carts.get(purchase.buyer_id, [])) & settled
            if there != (set() if ordered else settled):
                yield f"{purchase.mark}: ordered: {ordered}, and {sorted(there)} still in the cart"


def other_users_objects_are_refused(past: History, _: history.Final) -> Iterator[str]:
    """A buyer can neither read nor change other users' objects."""
    return (each.what for each in past.unexpected if each.law == "isolation")


def answers_make_sense(past: History, _: history.Final) -> Iterator[str]:
    """Each response is one that the operation may have (docs/http-contract.md#errors)."""
    return (each.what for each in past.unexpected if each.law == "answers")


def failures_have_a_cause(past: History, _: history.Final) -> Iterator[str]:
    """There is no 500. A 503 occurs only during a fault, and has Retry-After."""
    for failure in past.failures:
        if failure.status != 503 or failure.retry_after is None:
            yield f"{failure.status} to {failure.what}"
        elif not past.in_fault(failure.begun, failure.ended):
            yield f"{failure.status} to {failure.what}, and nothing was broken"


LAWS: Final[tuple[Law, ...]] = (
    acknowledged_orders_are_there_unchanged,
    a_purchase_is_one_order,
    orders_are_what_was_asked,
    totals_are_right,
    prices_were_current,
    deliveries_are_what_was_asked,
    stock_adds_up,
    promo_codes_are_counted,
    carts_are_intact_or_ordered,
    other_users_objects_are_refused,
    answers_make_sense,
    failures_have_a_cause,
    *ORDER_LAWS,
    *CATALOGUE_LAWS,
    *EVENT_LAWS,
)


_OF_RESPONSES: Final = (other_users_objects_are_refused, answers_make_sense, failures_have_a_cause)
"""The laws that need no final state."""


def violations(past: History, final: history.Final) -> list[Violation]:
    """All violations of a run."""
    laws = LAWS if final.is_whole else _OF_RESPONSES
    return [Violation(law.__name__, what) for law in laws for what in law(past, final)]


def total_of(prices: list[int], code: Code | None) -> int:
    """The total of a checkout (docs/http-contract.md#checkout-3) for buyers without a personal discount."""
    total = sum(prices)
    if code is not None:
        total = (total * (100 - code.percent) * 2 + 100) // 200
        total -= code.absolute
    return max(0, total)


def mark_of(order: dict[str, Any]) -> str:
    """The mark of the purchase that caused an order."""
    mark: str = order["name"]
    return mark


def agreed(order: dict[str, Any]) -> dict[str, Any]:
    """The parts of an order's document that never change. The others show the current user, products and stock, and
    where the order is.
    """
    code = order["promo_code"]
    plain = ("id", "total_amount", "email", "tel", "name", "surname", "address")
    return {
        **{name: order[name] for name in plain},
        "user": order["user"]["id"],
        "promo_code": code and {name: value for name, value in code.items() if name != "owner"},
        "product_unit": [(unit["id"], unit["final_price"]) for unit in order["product_unit"]],
    }


__all__ = ["LAWS", "Purchase", "Violation", "agreed", "mark_of", "total_of", "violations"]
