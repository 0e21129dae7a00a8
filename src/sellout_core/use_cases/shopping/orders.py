"""Reads orders."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

import attrs

from sellout_core.errors import NotFound
from sellout_core.people.accounts import Actor, viewed_ids
from sellout_core.ports.lists import WHOLE, Part, in_batches
from sellout_core.ports.store import Transaction
from sellout_core.shop import ReadingShop
from sellout_core.shopping.order_search import EVERY_ORDER, OrderQuery
from sellout_core.shopping.ordering import Order, PromoCode
from sellout_core.use_cases.people.users import require_existing_user
from sellout_core.values import OrderId, UserId
from sellout_core.views import OrderView, order_view

__all__ = ["found_order", "owners_of", "read_order", "read_orders", "read_user_orders"]

_NO_IDS: Final = (OrderId(1), OrderId(0))


def read_orders(
    shop: ReadingShop,
    actor: Actor,
    sink: Callable[[Sequence[OrderView]], None],
    part: Part = WHOLE,
    query: OrderQuery = EVERY_ORDER,
) -> int | None:
    """Passes the orders that match a query to `sink` in batches, by id, from one state of the shop. For staff.

    Returns:
        The last id of the part if more entries follow, otherwise None.

    Raises:
        Unauthenticated, Forbidden: the actor is not staff.
        InvalidFields: there is no such status.
    """
    actor.require_staff()

    def work(tx: Transaction) -> int | None:
        begun, wanted = part, query.resolved(tx.references.snapshot())
        if query.has_times:
            # By ids, each batch continues where the one before ended. A range of times would be sorted for each batch.
            first, last = tx.orders.span(query.since, query.until) or _NO_IDS
            begun, wanted = attrs.evolve(part, after=max(part.after, first - 1)), wanted.up_to(last)
        return in_batches(begun, partial(tx.orders.after, query=wanted), lambda found: sink(_views(tx, found, actor)))

    return shop.store.read(work)


def read_user_orders(
    shop: ReadingShop, actor: Actor, user_id: UserId, sink: Callable[[Sequence[OrderView]], None], part: Part = WHOLE
) -> int | None:
    """Passes a user's orders to `sink` in batches, by id, from one state of the shop.

    Returns:
        The last id of the part if more entries follow, otherwise None.

    Raises:
        Unauthenticated, Forbidden: the actor is neither that user nor staff.
        NotFound: there is no such user.
    """
    actor.require_user(user_id)

    def work(tx: Transaction) -> int | None:
        require_existing_user(tx, actor, user_id)
        after = partial(tx.orders.of_buyer_after, user_id)
        return in_batches(part, after, lambda orders: sink(_views(tx, orders, actor)))

    return shop.store.read(work)


def read_order(shop: ReadingShop, actor: Actor, order_id: OrderId) -> OrderView:
    """One order.

    Raises:
        Unauthenticated: the actor is anonymous.
        NotFound: there is no such order, or it belongs to another user and the actor is not staff.
    """
    actor.require_known()

    return shop.store.read(lambda tx: _views(tx, [found_order(tx, actor, order_id)], actor)[0])


def found_order(tx: Transaction, actor: Actor, order_id: OrderId) -> Order:
    """One order.

    Raises:
        NotFound: there is no such order, or it belongs to another user and the actor is not staff.
    """
    order = tx.orders.get(order_id)
    if order is None or not actor.may_see(order.buyer_id):
        raise NotFound
    return order


def owners_of(promo_code: PromoCode | None, reader: Actor) -> set[UserId]:
    """The id of the promo code's owner, if there is a promo code and the reader may see the owner's data."""
    return set() if promo_code is None or not reader.may_see(promo_code.owner_id) else {promo_code.owner_id}


def _views(tx: Transaction, orders: Sequence[Order], reader: Actor) -> tuple[OrderView, ...]:
    buyers = {order.buyer_id for order in orders}
    people = tx.users.get_many(buyers.union(*(owners_of(order.promo_code, reader) for order in orders)))
    products = tx.products.get_many(viewed_ids(list(people.values())))
    references = tx.references.snapshot()
    return tuple(order_view(order, people, products, references, reader) for order in orders)
