"""Reads everything that the shop holds about a user (docs/http-contract.md#export)."""

from collections.abc import Callable, Sequence
from functools import partial

import attrs

from sellout_core.audit import AuditEntry, AuditQuery
from sellout_core.fulfilment.progress import HistoryEntry
from sellout_core.people.accounts import Actor, Session
from sellout_core.people.identity import AccountEmail
from sellout_core.ports.lists import WHOLE, Part, in_batches
from sellout_core.ports.store import Transaction
from sellout_core.shop import ReadingShop, inside
from sellout_core.shopping.ordering import PromoCode
from sellout_core.use_cases.people.account.sessions import read_sessions
from sellout_core.use_cases.people.second_factors import has_second_factor
from sellout_core.use_cases.people.users import read_profile, require_existing_user
from sellout_core.use_cases.shopping.carts import read_cart
from sellout_core.use_cases.shopping.orders import read_user_orders
from sellout_core.use_cases.shopping.tracking import ShownTracking, histories, shown_tracking
from sellout_core.use_cases.shopping.wishlists import read_wishlist
from sellout_core.values import UserId
from sellout_core.views import CartView, OrderView, UserView, WishlistUnitView

__all__ = ["Export", "ExportedOrder", "read_export", "read_exported_orders"]


@attrs.frozen
class Export:
    """What the shop holds about a user, apart from the orders.

    Attributes:
        user: The user with the addresses and the last viewed products.
        sessions: The sessions that have not expired.
        email: The verified and the pending e-mail address.
        has_second_factor: Whether the second factor is on.
        cart: The cart.
        wishlist: The wishlist.
        promo_codes: The promo codes of which the user is the owner.
        audit: The audit entries about the user.
    """

    user: UserView
    sessions: Sequence[Session]
    email: AccountEmail
    has_second_factor: bool
    cart: CartView
    wishlist: Sequence[WishlistUnitView]
    promo_codes: Sequence[PromoCode]
    audit: Sequence[AuditEntry]


@attrs.frozen
class ExportedOrder:
    """An order of a user with its fulfilment and its history, as the user may see them."""

    view: OrderView
    tracking: ShownTracking
    history: Sequence[HistoryEntry]


def read_export(shop: ReadingShop, actor: Actor, user_id: UserId) -> Export:
    """What the shop holds about a user, from one state of the shop.

    Raises:
        Unauthenticated, Forbidden: the actor is neither that user nor staff.
        NotFound: there is no such user.
    """
    actor.require_user(user_id)

    def work(tx: Transaction) -> Export:
        within = inside(shop, tx)
        entries: list[AuditEntry] = []
        in_batches(WHOLE, partial(tx.audit.after, AuditQuery(kind="user", object_id=user_id)), entries.extend)
        return Export(
            user=read_profile(within, actor, user_id),
            sessions=read_sessions(within, actor, user_id),
            email=tx.emails.of(user_id),
            has_second_factor=has_second_factor(tx, user_id),
            cart=read_cart(within, actor, user_id),
            wishlist=read_wishlist(within, actor, user_id),
            promo_codes=tx.personal_data.promo_codes_of(user_id),
            audit=[_as_seen(entry, user_id) for entry in entries],
        )

    return shop.store.read(work)


def _as_seen(entry: AuditEntry, user_id: UserId) -> AuditEntry:
    """An audit entry without the member of staff who made the change."""
    return attrs.evolve(entry, actor_id=entry.actor_id if entry.actor_id == user_id else None)


def read_exported_orders(
    shop: ReadingShop,
    actor: Actor,
    user_id: UserId,
    sink: Callable[[Sequence[ExportedOrder]], None],
    part: Part = WHOLE,
) -> int | None:
    """Passes a user's orders with their fulfilment to `sink` in batches, by id, from one state of the shop. Staff get
    what the user may see.

    Returns:
        The last id of the part if more entries follow, otherwise None.

    Raises:
        Unauthenticated, Forbidden: the actor is neither that user nor staff.
        NotFound: there is no such user.
    """
    actor.require_user(user_id)
    buyer = Actor(user_id)

    def work(tx: Transaction) -> int | None:
        require_existing_user(tx, actor, user_id)
        take = partial(_with_fulfilment, tx, buyer)
        return read_user_orders(inside(shop, tx), buyer, user_id, lambda views: sink(take(views)), part)

    return shop.store.read(work)


def _with_fulfilment(tx: Transaction, buyer: Actor, views: Sequence[OrderView]) -> Sequence[ExportedOrder]:
    order_ids = [view.order.id for view in views]
    fulfilments, entries = tx.fulfilments.get_many(order_ids), histories(tx, order_ids, buyer)
    return [
        ExportedOrder(view, shown_tracking(tx, view.order, fulfilments[view.order.id], buyer), entries[view.order.id])
        for view in views
    ]
