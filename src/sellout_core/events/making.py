"""Makes the events of changes. Those of an order follow from its history entries, so no move can lack its event.

The functions decide: they read and write nothing.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sellout_core.catalogue.products import ProductUnit, References
from sellout_core.events.event import NewEvent
from sellout_core.events.kinds import PING, kind_of
from sellout_core.fulfilment.lifecycle import Event as HistoryKind
from sellout_core.fulfilment.lifecycle import LineState
from sellout_core.fulfilment.progress import Fulfilment, FulfilmentChange, NewHistoryEntry
from sellout_core.shopping.ordering import Order
from sellout_core.values import SubscriptionId, UserId

__all__ = ["of_deletion", "of_fulfilment", "of_order", "of_ping", "of_registration", "of_units"]


def of_registration(user_id: UserId, at: datetime) -> NewEvent:
    """The event of a new user."""
    return _event("user.registered", user_id, at, {"user_id": user_id})


def of_deletion(user_id: UserId, at: datetime) -> NewEvent:
    """The event of a deleted user."""
    return _event("user.deleted", user_id, at, {"user_id": user_id})


def of_ping(subscription_id: SubscriptionId, at: datetime) -> NewEvent:
    """The event that tests a webhook."""
    return _event(PING, subscription_id, at, {"webhook_id": subscription_id})


def of_units(
    changes: Iterable[tuple[ProductUnit, ProductUnit]], references: References, at: datetime
) -> list[NewEvent]:
    """The events of changed units, each before and after."""
    events = []
    for before, after in changes:
        about = {"unit_id": after.id, "product_id": after.product_id}
        if (before.price, before.currency_id) != (after.price, after.currency_id):
            prices = {
                "price": after.price,
                "currency": references.currencies[after.currency_id].name,
                "previous_price": before.price,
                "previous_currency": references.currencies[before.currency_id].name,
            }
            events.append(_event("product_unit.price_changed", after.id, at, about | prices))
        if before.available != after.available:
            name = "product_unit.back_in_stock" if after.available else "product_unit.out_of_stock"
            events.append(_event(name, after.id, at, about))
    return events


def of_order(order: Order) -> NewEvent:
    """The event of a new order."""
    lines = [
        {"unit_id": line.unit.id, "product_id": line.unit.product.product.id, "amount": line.amount}
        for line in order.lines
    ]
    data = {
        "order_id": order.id,
        "buyer_id": order.buyer_id,
        "total": order.total,
        "delivery_fee": order.delivery_fee,
        "currency": order.lines[0].unit.currency.name,
        "lines": lines,
    }
    return _event("order.placed", order.id, order.placed_at, data, order.buyer_id)


def of_fulfilment(change: FulfilmentChange, at: datetime) -> list[NewEvent]:
    """The events of a change of a fulfilment: one for each history entry, one for each new parcel, and the last one if
    the order is cancelled.
    """
    before, after = change.before, change.after
    events = [_of_entry(entry, after) for entry in change.entries]
    for parcel in after.parcels[len(before.parcels) :]:
        unit_ids = [line.unit_id for line in after.lines if line.parcel_number == parcel.number]
        events.append(_of_fulfilment(after, "parcel_shipped", at, {"parcel": parcel.number, "unit_ids": unit_ids}))
    if before.live and all(line.state is LineState.CANCELLED for line in after.lines):
        events.append(_of_fulfilment(after, "cancelled", at, {}))
    return events


def _of_entry(entry: NewHistoryEntry, after: Fulfilment) -> NewEvent:
    """The event of a history entry. It has neither the note nor what a unit cost: these are for staff."""
    match entry.event:
        case HistoryKind.LINE_MOVED:
            name = "line_moved"
            data: dict[str, Any] = {"unit_id": entry.unit_id, "from": entry.source, "to": entry.target}
        case HistoryKind.PAYMENT_MOVED:
            name = f"payment_{entry.target}"
            data = {"from": entry.source, "to": entry.target, "amount": entry.amount}
        case HistoryKind.REFUND_MOVED:
            name = f"refund_{entry.target}"
            data = {"unit_id": entry.unit_id, "to": entry.target, "amount": entry.amount}
        case HistoryKind.RETURN_REQUESTED:
            name, data = "return_requested", {"unit_id": entry.unit_id}
        case _:
            name, data = entry.event.value, {"amount": entry.amount}
    return _of_fulfilment(after, name, entry.at, data)


def _of_fulfilment(fulfilment: Fulfilment, name: str, at: datetime, data: Mapping[str, Any]) -> NewEvent:
    order_id, buyer_id = fulfilment.order_id, fulfilment.buyer_id
    about = {"order_id": order_id, "buyer_id": buyer_id}
    return _event(f"order.{name}", order_id, at, {**about, **data}, buyer_id)


def _event(
    name: str, subject_id: int, at: datetime, data: Mapping[str, Any], buyer_id: UserId | None = None
) -> NewEvent:
    kind = kind_of(name)
    return NewEvent(
        name=name,
        version=kind.version,
        subject=f"{kind.subject}/{subject_id}",
        occurred_at=at,
        data=data,
        buyer_id=buyer_id,
    )
