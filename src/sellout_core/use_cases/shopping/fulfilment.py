"""How orders move: staff and buyers move lines, payments and refunds, and unpaid orders expire."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Final

import attrs

from sellout_core import values
from sellout_core.catalogue.products import ProductUnit, products_of
from sellout_core.catalogue.stock import restocked
from sellout_core.errors import Conflict, Invalid, InvalidField, InvalidFields, NotFound, SellOutError
from sellout_core.events.making import of_fulfilment, of_units
from sellout_core.fulfilment.lifecycle import LineState, PaymentState, RefundState, Role
from sellout_core.fulfilment.moves import moved, return_requested
from sellout_core.fulfilment.payments import captured, refunds_moved
from sellout_core.fulfilment.progress import (
    Fulfilment,
    FulfilmentChange,
    LineRequest,
    Mover,
    MoveRequest,
)
from sellout_core.fulfilment.reports import scheduled
from sellout_core.people.accounts import OPERATOR, Actor, User
from sellout_core.ports.store import Transaction
from sellout_core.shop import Shop
from sellout_core.use_cases.shopping.tracking import TrackingView, found_fulfilment, roles_of, tracking_view
from sellout_core.values import Money, OrderId, ProductUnitId

__all__ = [
    "MAX_MOVED_ORDERS",
    "cancel_order",
    "capture_payment",
    "expire_unpaid_orders",
    "locked_fulfilment",
    "move_order",
    "move_orders",
    "move_refunds",
    "request_return",
    "write_change",
]

MAX_MOVED_ORDERS: Final = 100
"""The maximum number of orders of `move_orders`."""

_BATCH: Final = 100


def move_order(shop: Shop, actor: Actor, order_id: OrderId, request: MoveRequest) -> TrackingView:
    """Moves lines of an order to another state. For staff.

    Raises:
        Unauthenticated, Forbidden: the actor is not staff.
        NotFound: there is no such order.
        InvalidFields: a unit is not in the order, or the move needs a member that the request lacks.
        MoveImpossible: one of the lines cannot be moved there, or none can.
    """
    actor.require_staff()
    mover = Mover(actor.user_id, frozenset({Role.STAFF}), shop.clock())
    return _change(shop, actor, order_id, lambda before: moved(before, request, mover))


def move_orders(
    shop: Shop, actor: Actor, requests: Mapping[OrderId, MoveRequest]
) -> Mapping[OrderId, TrackingView | SellOutError]:
    """Moves lines of up to 100 orders, each as `move_order` does. For staff.

    Returns:
        By order its fulfilment, or the error for which it was not moved.

    Raises:
        Unauthenticated, Forbidden: the actor is not staff.
        InvalidFields: there are more than 100 orders, or none.
    """
    actor.require_staff()
    rule = values.each(values.identifier, MAX_MOVED_ORDERS, minimum=1)
    if fault := rule(list(requests)):
        raise InvalidFields((InvalidField("moves", fault.reason, fault.code),))
    # In order of id, so that two calls seldom wait for each other.
    results = {order_id: _moved_or_refused(shop, actor, order_id, requests[order_id]) for order_id in sorted(requests)}
    return {order_id: results[order_id] for order_id in requests}


def cancel_order(shop: Shop, actor: Actor, order_id: OrderId, request: LineRequest) -> TrackingView:
    """Cancels lines of an order, or all that are live. A buyer can cancel lines until they are confirmed.

    Raises:
        Unauthenticated, NotFound: as `read_tracking`.
        InvalidFields: a unit is not in the order, or staff give no reason for cancelling a confirmed line.
        MoveImpossible: one of the lines cannot be cancelled by the actor.
    """
    actor.require_known()
    now = shop.clock()

    def decide(before: Fulfilment) -> FulfilmentChange:
        live = tuple(line.unit_id for line in before.live) or None
        wanted = MoveRequest(unit_ids=request.unit_ids or live, target=LineState.CANCELLED, reason=request.reason)
        return moved(before, wanted, Mover(actor.user_id, roles_of(actor, before.buyer_id), now))

    return _change(shop, actor, order_id, decide)


def request_return(shop: Shop, actor: Actor, order_id: OrderId, request: LineRequest) -> TrackingView:
    """Asks to return delivered lines of an order. Staff decide, by moving the lines to `returned`.

    Raises:
        Unauthenticated, NotFound: as `read_tracking`.
        InvalidFields: a unit is not in the order.
        MoveImpossible: one of the lines is not delivered, or none is.
        ReturnWindowOver: the policy's `return_window` is over for one of the lines.
    """
    actor.require_known()
    now = shop.clock()

    def decide(before: Fulfilment) -> FulfilmentChange:
        mover = Mover(actor.user_id, roles_of(actor, before.buyer_id), now)
        return return_requested(before, request, shop.policy.return_window, mover)

    return _change(shop, actor, order_id, decide)


def capture_payment(shop: Shop, actor: Actor, order_id: OrderId, amount: Money) -> TrackingView:
    """Enters a payment that staff have received: the whole amount due, or a part of it. For staff.

    Args:
        shop: The shop.
        actor: The actor.
        order_id: The order.
        amount: The amount, in whole currency units, from 1 to 10^15.

    Raises:
        Unauthenticated, Forbidden: the actor is not staff.
        NotFound: there is no such order.
        InvalidFields: the amount is outside its limits.
        AboveAmountDue: the amount is above the amount due.
    """
    actor.require_staff()
    if fault := values.between(1, values.MAX_TOTAL)(amount):
        raise InvalidFields((InvalidField("captured", fault.reason, fault.code),))
    mover = Mover(actor.user_id, frozenset({Role.STAFF}), shop.clock())
    return _change(shop, actor, order_id, lambda before: captured(before, amount, mover))


def move_refunds(
    shop: Shop,
    actor: Actor,
    order_id: OrderId,
    request: LineRequest,
    target: RefundState,
    *,
    of_delivery: bool = False,
) -> TrackingView:
    """Enters that refunds were sent, are done or have failed, as `refunds_moved` does. For staff.

    Raises:
        Unauthenticated, Forbidden: the actor is not staff.
        NotFound: there is no such order.
        InvalidFields: a unit is not in the order.
        MoveImpossible: one of the units, or the delivery fee, has no refund that can be moved there, or none has.
    """
    actor.require_staff()
    mover = Mover(actor.user_id, frozenset({Role.STAFF}), shop.clock())
    move = partial(refunds_moved, request=request, target=target, mover=mover, of_delivery=of_delivery)
    return _change(shop, actor, order_id, move)


def expire_unpaid_orders(shop: Shop, actor: Actor) -> int:
    """Cancels all orders that were not paid within the policy's `unpaid_order_lifetime`, each in a transaction of its
    own. Returns their number. For the operator. Several processes may run it at once.

    Raises:
        Forbidden: the actor is not the operator.
    """
    actor.require_operator()
    lifetime = shop.policy.unpaid_order_lifetime
    if lifetime is None:
        return 0
    now = shop.clock()
    total = 0
    while order_ids := shop.store.read(lambda tx: tx.fulfilments.unpaid(now - lifetime, _BATCH)):
        total += sum(shop.store.write(partial(_expire, order_id=order_id, now=now)) for order_id in order_ids)
    return total


def _expire(tx: Transaction, order_id: OrderId, now: datetime) -> bool:
    before, buyer = locked_fulfilment(tx, OPERATOR, order_id)
    if before.payment not in {PaymentState.DUE, PaymentState.FAILED} or not before.live:
        return False
    mover = Mover(None, frozenset({Role.SHOP}), now)
    write_change(tx, moved(before, MoveRequest(target=LineState.CANCELLED), mover), buyer, now)
    return True


def _moved_or_refused(shop: Shop, actor: Actor, order_id: OrderId, request: MoveRequest) -> TrackingView | SellOutError:
    # A refused move has written nothing, so the next one may share its transaction.
    try:
        return move_order(shop, actor, order_id, request)
    except (Invalid, NotFound, Conflict) as refusal:
        return refusal


def _change(
    shop: Shop, actor: Actor, order_id: OrderId, decide: Callable[[Fulfilment], FulfilmentChange]
) -> TrackingView:
    def work(tx: Transaction) -> TrackingView:
        before, buyer = locked_fulfilment(tx, actor, order_id)
        change = decide(before)
        change = write_change(tx, change, buyer, shop.clock())
        return tracking_view(tx, change.after, actor)

    return shop.store.write(work)


def locked_fulfilment(tx: Transaction, actor: Actor, order_id: OrderId) -> tuple[Fulfilment, User | None]:
    """The fulfilment and its buyer. Whatever changes a fulfilment locks the buyer first, as a checkout does. None: the
    buyer was deleted. The order moves on, and the lock holds all the same.
    """
    buyer = tx.users.for_update(found_fulfilment(tx, actor, order_id).buyer_id)
    return found_fulfilment(tx, actor, order_id), buyer


def write_change(tx: Transaction, change: FulfilmentChange, buyer: User | None, now: datetime) -> FulfilmentChange:
    """Writes a change of a locked fulfilment, and when payment providers are asked for what follows from it. Locks in
    the order of a checkout: the buyer, the units, the promo code, and last the order.
    """
    change = attrs.evolve(change, after=scheduled(change.before, change.after, now))
    if change.paid and buyer is not None:
        tx.users.save(attrs.evolve(buyer, purchased_total=Money(max(0, buyer.purchased_total + change.paid))))
    restocked_units = _restock(tx, change.restocked)
    promo_code_id = change.released_promo_code_id
    promo_code = None if promo_code_id is None else tx.promo_codes.for_update(promo_code_id)
    if promo_code is not None:
        tx.promo_codes.save(attrs.evolve(promo_code, activation_count=promo_code.activation_count - 1))
    # The order is last: a deletion of the promo code's owner locks the code before the orders.
    tx.fulfilments.save(change.before, change.after)
    tx.order_history.add(change.entries)
    tx.events.add([*of_fulfilment(change, now), *of_units(restocked_units, tx.references.snapshot(), now)])
    return change


def _restock(tx: Transaction, unit_ids: Collection[ProductUnitId]) -> Sequence[tuple[ProductUnit, ProductUnit]]:
    """Puts a piece of each unit back into stock. Returns the units before and after."""
    product_ids = products_of(tx.units.get_many(unit_ids).values())
    changes = [(unit, restocked(unit)) for unit in tx.units.of_products(product_ids) if unit.id in unit_ids]
    tx.units.save_many([after for _, after in changes])
    return changes
