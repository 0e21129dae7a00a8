"""Orders to read."""

from collections.abc import Callable, Sequence

from sellout_core.accounts import Actor, viewed_ids
from sellout_core.errors import (
    NotFound,
)
from sellout_core.ordering import (
    Order,
    PromoCode,
)
from sellout_core.ports.lists import WHOLE, Part, in_batches
from sellout_core.ports.store import Transaction
from sellout_core.shop import ReadingShop
from sellout_core.use_cases.users import require_user_there
from sellout_core.values import OrderId, UserId
from sellout_core.views import OrderView, order_view

__all__ = ["owners_of", "read_order", "read_orders", "read_user_orders"]


def read_orders(
    shop: ReadingShop, actor: Actor, sink: Callable[[Sequence[OrderView]], None], part: Part = WHOLE
) -> int | None:
    """Passes orders to `sink` in batches, by id, as one state of the shop; for staff.

    Returns:
        The id after which there are more; None where the part holds the last.

    Raises:
        Unauthenticated, Forbidden: the actor is not staff.
    """
    actor.require_staff()
    return shop.store.read(lambda tx: in_batches(part, tx.orders.after, lambda orders: sink(_views(tx, orders, actor))))


def read_user_orders(shop: ReadingShop, actor: Actor, user_id: UserId) -> tuple[OrderView, ...]:
    """The user's orders, by id.

    Raises:
        Unauthenticated, Forbidden: the actor is neither that user nor staff.
        NotFound: there is no such user.
    """
    actor.require_user(user_id)

    def work(tx: Transaction) -> tuple[OrderView, ...]:
        require_user_there(tx, actor, user_id)
        return _views(tx, tx.orders.of(user_id), actor)

    return shop.store.read(work)


def read_order(shop: ReadingShop, actor: Actor, order_id: OrderId) -> OrderView:
    """One order.

    Raises:
        Unauthenticated: the actor is anonymous.
        NotFound: the actor has no such order (there is none, for staff).
    """
    actor.require_known()

    def work(tx: Transaction) -> OrderView:
        order = tx.orders.get(order_id)
        if order is None or not actor.may_see(order.buyer_id):
            raise NotFound
        return _views(tx, [order], actor)[0]

    return shop.store.read(work)


def owners_of(promo_code: PromoCode | None, reader: Actor) -> set[UserId]:
    """The promo code's owner, if there is one and the reader may see them."""
    return set() if promo_code is None or not reader.may_see(promo_code.owner_id) else {promo_code.owner_id}


def _views(tx: Transaction, orders: Sequence[Order], reader: Actor) -> tuple[OrderView, ...]:
    buyers = {order.buyer_id for order in orders}
    people = tx.users.get_many(buyers.union(*(owners_of(order.promo_code, reader) for order in orders)))
    products = tx.products.get_many(viewed_ids(list(people.values())))
    references = tx.references.snapshot()
    return tuple(order_view(order, people, products, references, reader) for order in orders)
