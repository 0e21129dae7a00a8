"""The laws of orders after checkout: their moves, payments, refunds and histories."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any, Final

from sellout_core.fulfilment.lifecycle import (
    DEAD,
    LineState,
    PaymentState,
    RefundState,
    Role,
    line_move,
    payment_move,
    refund_move,
)
from sellout_core.fulfilment.statuses import status_of
from tests.consistency.history import Answer, Deed, History
from tests.consistency.history import Final as End

_GONE: Final = {state.value for state in DEAD}
_ANY: Final = frozenset(Role)
_MOVES: Final = {"move", "moves", "cancel"}


def shares_add_up(_: History, final: End) -> Iterator[str]:
    """The shares of the lines and the delivery fee add up to the total of the order. A share is at least 0 and at most
    the price of its unit.
    """
    for order in final.orders:
        tracking = final.tracking[order["id"]]
        units, fee = tracking["product_unit"], tracking["payment"]["delivery_fee"]
        prices = {unit["id"]: unit["final_price"] for unit in order["product_unit"]}
        if sum(unit["amount"] for unit in units) + fee != order["total_amount"]:
            yield f"order {order['id']}: shares {[unit['amount'] for unit in units]}, {fee} of {order['total_amount']}"
        for unit in units:
            if not 0 <= unit["amount"] <= prices.get(unit["id"], 0):
                yield f"order {order['id']}: share {unit['amount']} of a unit for {prices.get(unit['id'])}"


def payments_cover_what_is_left(_: History, final: End) -> Iterator[str]:
    """Refunds are at most what was captured, and that is at most the total. A line has a refund only if it is gone, of
    at most its share, and the delivery only if all lines are cancelled. What was captured, less the refunds, is at most
    what the live lines and the delivery cost, which is owed unless all lines are cancelled. It is exactly that if a
    live line is beyond `placed`, if the order is paid, and if no line is live. The amount due is the rest.
    """
    for order in final.orders:
        tracking = final.tracking[order["id"]]
        payment, units = tracking["payment"], tracking["product_unit"]
        captured, refunded = payment["captured"], payment["refunded"]
        live = [unit for unit in units if unit["state"] not in _GONE]
        is_delivered = any(unit["state"] != LineState.CANCELLED.value for unit in units)
        fee, of_delivery = payment["delivery_fee"], payment["delivery_refund"]
        owed = sum(unit["amount"] for unit in live) + (fee if is_delivered else 0)
        name = f"order {order['id']}: {payment}, {owed} owed"
        if not 0 <= refunded <= captured <= order["total_amount"]:
            yield f"{name} of {order['total_amount']}"
        for unit in units:
            if unit["refund"] and not 0 < unit["refund"]["amount"] <= (unit["amount"] if unit not in live else 0):
                yield f"{name}: the refund of {unit}"
        if of_delivery and not 0 < of_delivery["amount"] <= (0 if is_delivered else fee):
            yield f"{name}: the refund of the delivery"
        if refunded != sum(refund["amount"] for refund in _refunds(tracking).values()):
            yield f"{name}: the refunds are others"
        is_settled = order["fact_of_payment"] or not live or any(unit["state"] != "placed" for unit in live)
        if captured - refunded > owed or (is_settled and captured - refunded != owed):
            yield name
        is_open = payment["state"] in {PaymentState.DUE.value, PaymentState.CAPTURED.value}
        if payment["amount_due"] != (owed - captured + refunded if is_open else 0):
            yield f"{name}: the amount due"


def buyers_paid_what_was_captured(_: History, final: End) -> Iterator[str]:
    """What a buyer has paid is what was captured for the buyer's orders, less the refunds that are done."""
    paid: Counter[int] = Counter()
    shown = {}
    for order in final.orders:
        tracking = final.tracking[order["id"]]
        buyer_id = order["user"]["id"]
        shown[buyer_id] = order["user"]["all_purchase_amount"]
        paid[buyer_id] += tracking["payment"]["captured"]
        for refund in _refunds(tracking).values():
            if refund["state"] == RefundState.DONE.value:
                paid[buyer_id] -= refund["amount"]
    for buyer_id, amount in shown.items():
        if amount != paid[buyer_id]:
            yield f"buyer {buyer_id}: {amount}, but the orders say {paid[buyer_id]}"


def _refunds(tracking: dict[str, Any]) -> dict[int | None, dict[str, Any]]:
    """The refunds of an order by unit, and that of the delivery fee (None)."""
    refunds = {unit["id"]: unit["refund"] for unit in tracking["product_unit"] if unit["refund"]}
    of_delivery = tracking["payment"]["delivery_refund"]
    return {**refunds, None: of_delivery} if of_delivery else refunds


def histories_give_the_present(_: History, final: End) -> Iterator[str]:
    """Playing the history of an order back gives its present state. Each entry begins where the one before it ended,
    and is a move of the tables.
    """
    for order in final.orders:
        tracking, history = final.tracking[order["id"]], final.histories[order["id"]]
        present, fault = _replayed(tracking, history)
        if fault:
            yield f"order {order['id']}: {fault}"
            continue
        shown = _shown(tracking)
        if present != shown:
            yield f"order {order['id']}: its history gives {present}, and it is {shown}"
        states = [LineState(unit["state"]) for unit in tracking["product_unit"]]
        status = {"id": status_of(states, covered=order["fact_of_payment"])}["id"]
        if order["status"] != tracking["status"] or order["status"]["id"] != status:
            yield f"order {order['id']}: status {order['status']} and {tracking['status']} instead of {status}"


def commands_are_recorded_once(past: History, final: End) -> Iterator[str]:
    """An acknowledged command about an order is in its history once. A refused one is not there. A command whose
    response was lost is there once or not at all. Without a command, unpaid orders expire, and nothing else changes.
    """
    deeds = [deed for deed in past.deeds if deed.object_id in final.histories and deed.kind in (*_MOVES, *_EVENTS)]
    by_order: dict[int, list[Deed]] = defaultdict(list)
    for deed in deeds:
        by_order[deed.object_id].append(deed)
    for order_id, history in final.histories.items():
        own = by_order[order_id]
        marks = {deed.mark: deed for deed in own}
        found: dict[str, list[Any]] = defaultdict(list)
        for entry in history:
            mark = _mark_of(entry)
            if mark in marks:
                found[mark].append(entry)
            elif not _follows(entry):
                yield f"order {order_id}: without a command, {entry}"
        for deed in own:
            if deed.kind != "payment":
                yield from _recorded(deed, found[deed.mark])
        yield from _payments_recorded(order_id, own, history)


def repeated_commands_change_nothing(past: History, final: End) -> Iterator[str]:
    """An acknowledged command that is sent again gets the first response, byte for byte. Of the moves of many orders,
    those that were refused are tried again.
    """
    for deed in past.deeds:
        again = final.repeats.get(deed.mark)
        if again is not None and again != deed.answer and not _repeats(deed.answer, again):
            yield f"{deed.mark}: acknowledged {deed.answer}, answered again {again}"


def _repeats(first: Answer | None, again: Answer) -> bool:
    """Whether a response to moves of many orders repeats those that were carried out."""
    if first is None or (first.status, again.status) != (200, 200) or not first.text.startswith("["):
        return False
    repeated = {each["order_id"]: each for each in json.loads(again.text)}
    return all(repeated.get(each["order_id"]) == each for each in json.loads(first.text) if each["problem"] is None)


def unpaid_orders_expire(past: History, final: End) -> Iterator[str]:
    """An order of which nothing was captured in its lifetime is cancelled by the next round."""
    for purchase in past.purchases:
        if purchase.acknowledged and any(purchase.ended + seconds < begun for begun, seconds in past.expiries):
            # That an acknowledged order is there is another law.
            payment = final.tracking.get(json.loads(purchase.acknowledged[0])["id"])
            live = payment and [unit for unit in payment["product_unit"] if unit["state"] not in _GONE]
            # A payment may have come later than the round only if the order was there to be paid.
            if payment and live and payment["payment"]["state"] == PaymentState.DUE.value:
                yield f"{purchase.mark}: unpaid, and there after {past.expiries}"


_EVENTS: Final = {"refund": "refund_moved", "return": "return_requested", "payment": "payment_moved"}


def _mark_of(entry: dict[str, Any]) -> str:
    note: str = entry["note"]
    return note.removeprefix("Carrier ") if entry["target"] == LineState.HANDED_OVER.value else note


def _follows(entry: dict[str, Any]) -> bool:
    """Whether an entry may be there without a command of its own: it follows another change, or the shop made it."""
    if entry["note"]:
        return False
    if entry["event"] == "payment_moved":
        # Payments are compared by their amounts.
        return True
    is_due = entry["event"] == "refund_moved" and entry["source"] is None
    expired = entry["event"] == "line_moved" and entry["target"] == "cancelled" and entry["user_id"] is None
    return is_due or expired


def _recorded(deed: Deed, entries: list[dict[str, Any]]) -> Iterator[str]:
    """The faults of the entries of one command."""
    wrong = [
        entry
        for entry in entries
        if entry["event"] != _EVENTS.get(deed.kind, "line_moved")
        or entry["user_id"] != deed.actor_id
        or ("to" in deed.body and entry["target"] != deed.body["to"])
    ]
    if wrong:
        yield f"{deed.mark}: {deed.body} is recorded as {wrong}"
    units = [entry["product_unit"] for entry in entries]
    if len(set(units)) < len(units):
        yield f"{deed.mark}: recorded more than once: {entries}"
    if entries and not deed.acknowledged and not deed.possible:
        yield f"{deed.mark}: refused with {deed.answer}, and recorded: {entries}"
    # A second request to return a unit changes nothing.
    wanted = deed.body.get("product_unit")
    if deed.body.get("delivery"):
        wanted = [*(wanted or ()), None]
    is_whole = bool(entries) if wanted is None else set(units) == set(wanted)
    if not is_whole and deed.kind != "return" and (deed.acknowledged or entries):
        yield f"{deed.mark}: acknowledged: {deed.acknowledged}, {wanted} wanted, {units} recorded"


def _payments_recorded(order_id: int, deeds: list[Deed], history: list[dict[str, Any]]) -> Iterator[str]:
    """The faults of the payments of an order. Payments of one actor of one amount are counted."""
    found = Counter(
        (entry["user_id"], entry["amount"])
        for entry in history
        if entry["event"] == "payment_moved" and entry["amount"] is not None
    )
    sure = Counter(_payment(deed) for deed in deeds if deed.kind == "payment" and deed.acknowledged)
    possible = Counter(_payment(deed) for deed in deeds if deed.kind == "payment" and deed.possible)
    for payment in {*found, *sure}:
        if not sure[payment] <= found[payment] <= sure[payment] + possible[payment]:
            yield f"order {order_id}: {sure[payment]} payments of {payment} acknowledged, {found[payment]} recorded"


def _payment(deed: Deed) -> tuple[int, int]:
    return deed.actor_id, deed.body["captured"]


def _shown(tracking: dict[str, Any]) -> dict[str, Any]:
    payment, units = tracking["payment"], tracking["product_unit"]
    parcels = {parcel["number"]: f"{parcel['carrier']} {parcel['tracking_number']}" for parcel in tracking["parcels"]}
    return {
        "payment": payment["state"],
        "captured": payment["captured"],
        "refunds": {unit_id: (each["amount"], each["state"]) for unit_id, each in _refunds(tracking).items()},
        "states": {unit["id"]: unit["state"] for unit in units},
        "parcels": {unit["id"]: parcels.get(unit["parcel"]) for unit in units if unit["parcel"] is not None},
        "returns": {unit["id"] for unit in units if unit["return_requested"]},
    }


def _replayed(tracking: dict[str, Any], history: list[dict[str, Any]]) -> tuple[dict[str, Any], str]:
    """The state after all entries of a history, and the first fault of an entry."""
    states = {unit["id"]: LineState.PLACED.value for unit in tracking["product_unit"]}
    payment, captured = PaymentState.DUE.value, 0
    refunds: dict[int | None, tuple[int, str]] = {}
    parcels: dict[int, str] = {}
    returns: set[int] = set()
    for entry in history:
        unit_id, source, target = entry["product_unit"], entry["source"], entry["target"]
        match entry["event"]:
            case "line_moved":
                move = line_move(LineState(source), LineState(target), _ANY)
                is_right = move is not None and states[unit_id] == source
                states[unit_id] = target
                if target == LineState.HANDED_OVER.value:
                    parcels[unit_id] = entry["note"]
            case "payment_moved":
                roles = [payment_move(PaymentState(source), PaymentState(target), role) for role in Role]
                is_right = any(roles) and payment == source
                payment, captured = target, captured + (entry["amount"] or 0)
            case "refund_moved":
                known = refunds.get(unit_id)
                if source is None:
                    is_right = known is None and target == RefundState.DUE.value
                else:
                    allowed = refund_move(RefundState(source), RefundState(target), Role.STAFF)
                    is_right = known == (entry["amount"], source) and allowed is not None
                refunds[unit_id] = (entry["amount"], target)
            case _:
                is_right = states[unit_id] == LineState.DELIVERED.value and unit_id not in returns
                returns.add(unit_id)
        if not is_right:
            return {}, f"{entry} after {states}, {payment}, {refunds}"
    present = {
        "payment": payment,
        "captured": captured,
        "refunds": refunds,
        "states": states,
        "parcels": parcels,
        "returns": returns,
    }
    return present, ""


ORDER_LAWS: Final = (
    shares_add_up,
    payments_cover_what_is_left,
    buyers_paid_what_was_captured,
    histories_give_the_present,
    commands_are_recorded_once,
    repeated_commands_change_nothing,
    unpaid_orders_expire,
)
