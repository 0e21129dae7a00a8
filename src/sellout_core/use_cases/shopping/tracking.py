"""Reads where orders are, and their histories."""

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial

import attrs

from sellout_core.catalogue.products import Named
from sellout_core.errors import NotFound
from sellout_core.fulfilment.lifecycle import Event, Role
from sellout_core.fulfilment.money import OnlinePayment
from sellout_core.fulfilment.moves import possible_moves
from sellout_core.fulfilment.parcels import planned_parcels
from sellout_core.fulfilment.progress import Fulfilment, HistoryEntry
from sellout_core.people.accounts import Actor
from sellout_core.ports.lists import WHOLE, Part, in_batches
from sellout_core.ports.store import Transaction
from sellout_core.shop import ReadingShop
from sellout_core.shopping.ordering import Order
from sellout_core.use_cases.shopping.orders import found_order
from sellout_core.values import OrderId, ProductUnitId, UserId

__all__ = [
    "ShownTracking",
    "TrackingView",
    "buyer_of",
    "found_fulfilment",
    "histories",
    "read_history",
    "read_tracking",
    "roles_of",
    "shown_tracking",
    "tracking_view",
]


@attrs.frozen
class TrackingView:
    """The fulfilment of an order, its status, and the states that the reader can move each line to now."""

    fulfilment: Fulfilment
    status: Named
    possible: Mapping[ProductUnitId, tuple[str, ...]]


@attrs.frozen
class ShownTracking(TrackingView):
    """The same, with the order, which has the recipient and the delivery, with the units of each planned parcel, and
    for staff with the online payments.
    """

    order: Order
    planned: Sequence[Sequence[ProductUnitId]]
    online: Sequence[OnlinePayment]


def read_tracking(shop: ReadingShop, actor: Actor, order_id: OrderId) -> ShownTracking:
    """The fulfilment of an order, and its delivery.

    Raises:
        Unauthenticated: the actor is anonymous.
        NotFound: there is no such order, or it belongs to another user and the actor is not staff.
    """
    actor.require_known()

    def work(tx: Transaction) -> ShownTracking:
        return shown_tracking(tx, found_order(tx, actor, order_id), found_fulfilment(tx, actor, order_id), actor)

    return shop.store.read(work)


def read_history(
    shop: ReadingShop,
    actor: Actor,
    order_id: OrderId,
    sink: Callable[[Sequence[HistoryEntry]], None],
    part: Part = WHOLE,
) -> int | None:
    """Passes the history of an order to `sink` in batches, oldest first, from one state of the shop. Buyers see neither
    who of the staff did something nor what a unit cost.

    Returns:
        The last id of the part if more entries follow, otherwise None.

    Raises:
        Unauthenticated, NotFound: as `read_tracking`.
    """
    actor.require_known()

    def work(tx: Transaction) -> int | None:
        found_fulfilment(tx, actor, order_id)
        after = partial(tx.order_history.after, order_id)
        return in_batches(part, after, lambda entries: sink([_as_seen(entry, actor) for entry in entries]))

    return shop.store.read(work)


def found_fulfilment(tx: Transaction, actor: Actor, order_id: OrderId) -> Fulfilment:
    """The fulfilment of an order.

    Raises:
        NotFound: there is no such order, or it belongs to another user and the actor is not staff.
    """
    found = tx.fulfilments.get(order_id)
    if found is None or not actor.may_see(found.buyer_id):
        raise NotFound
    return found


def buyer_of(tx: Transaction, order_id: OrderId) -> UserId | None:
    """The buyer of an order. None: there is no such order."""
    found = tx.fulfilments.get(order_id)
    return None if found is None else found.buyer_id


def roles_of(actor: Actor, buyer_id: UserId) -> frozenset[Role]:
    """The roles of an actor for an order of that buyer."""
    held = {Role.STAFF: actor.is_staff, Role.BUYER: actor.user_id == buyer_id}
    return frozenset(role for role, holds in held.items() if holds)


def tracking_view(tx: Transaction, fulfilment: Fulfilment, reader: Actor) -> TrackingView:
    """A fulfilment as that reader may see it."""
    roles = roles_of(reader, fulfilment.buyer_id)
    return TrackingView(
        fulfilment,
        tx.references.snapshot().statuses[fulfilment.status_id],
        {line.unit_id: possible_moves(fulfilment, line, roles) for line in fulfilment.lines},
    )


def shown_tracking(tx: Transaction, order: Order, fulfilment: Fulfilment, reader: Actor) -> ShownTracking:
    """A fulfilment with its order and its planned parcels, as that reader may see it."""
    view = tracking_view(tx, fulfilment, reader)
    online = fulfilment.online if reader.is_staff else ()
    return ShownTracking(fulfilment, view.status, view.possible, order, planned_parcels(order, fulfilment), online)


def histories(
    tx: Transaction, order_ids: Collection[OrderId], reader: Actor
) -> Mapping[OrderId, Sequence[HistoryEntry]]:
    """The histories of those orders, oldest first, as that reader may see them."""
    found: dict[OrderId, list[HistoryEntry]] = {order_id: [] for order_id in order_ids}
    for entry in tx.order_history.of_orders(order_ids):
        found[entry.order_id].append(_as_seen(entry, reader))
    return found


def _as_seen(entry: HistoryEntry, reader: Actor) -> HistoryEntry:
    if reader.is_staff:
        return entry
    own = entry.actor_id if entry.actor_id == reader.user_id else None
    return attrs.evolve(entry, actor_id=own, amount=None if entry.event is Event.LINE_MOVED else entry.amount)
