"""Users to read: for staff, and for themselves."""

from collections.abc import Callable, Sequence

from sellout_core.accounts import Actor, User, viewed_ids
from sellout_core.errors import NotFound
from sellout_core.ports.lists import WHOLE, Part, in_batches
from sellout_core.ports.store import Transaction
from sellout_core.shop import ReadingShop
from sellout_core.values import UserId
from sellout_core.views import CardView, UserView, card_view, user_view

__all__ = [
    "found_user",
    "held_user",
    "read_last_viewed",
    "read_profile",
    "read_user",
    "read_users",
    "require_user_there",
]


def read_users(
    shop: ReadingShop, actor: Actor, sink: Callable[[Sequence[UserView]], None], part: Part = WHOLE
) -> int | None:
    """Passes users to `sink` in batches, by id, as one state of the shop; for staff.

    Returns:
        The id after which there are more; None where the part holds the last.

    Raises:
        Unauthenticated, Forbidden: the actor is not staff.
    """
    actor.require_staff()
    return shop.store.read(lambda tx: in_batches(part, tx.users.after, lambda users: sink(_views(tx, users))))


def read_user(shop: ReadingShop, actor: Actor, user_id: UserId) -> UserView:
    """Any user; for staff.

    Raises:
        Unauthenticated, Forbidden: the actor is not staff.
        NotFound: there is no such user.
    """
    actor.require_staff()
    return shop.store.read(lambda tx: _views(tx, [found_user(tx, user_id)])[0])


def read_profile(shop: ReadingShop, actor: Actor, user_id: UserId) -> UserView:
    """A user's own document.

    Raises:
        Unauthenticated, Forbidden: the actor is neither that user nor staff.
        NotFound: there is no such user.
    """
    actor.require_user(user_id)
    return shop.store.read(lambda tx: _views(tx, [found_user(tx, user_id)])[0])


def read_last_viewed(shop: ReadingShop, actor: Actor, user_id: UserId) -> tuple[CardView, ...]:
    """The last seven distinct products the user viewed, latest first.

    Raises:
        Unauthenticated, Forbidden: the actor is neither that user nor staff.
        NotFound: there is no such user.
    """
    actor.require_user(user_id)

    def work(tx: Transaction) -> tuple[CardView, ...]:
        viewed = found_user(tx, user_id).last_viewed
        cards = tx.cards.get_many(viewed, user_id)
        references = tx.references.snapshot()
        return tuple(card_view(cards[product_id], references) for product_id in viewed)

    return shop.store.read(work)


def found_user(tx: Transaction, user_id: UserId) -> User:
    """The user, to read.

    Raises:
        NotFound: there is no such user.
    """
    user = tx.users.get_many([user_id]).get(user_id)
    if user is None:
        raise NotFound
    return user


def require_user_there(tx: Transaction, actor: Actor, user_id: UserId) -> None:
    """Lets through for a user who exists. Actors are taken to exist, as those do who were authenticated.

    Raises:
        NotFound: there is no such user.
    """
    if actor.user_id != user_id:
        found_user(tx, user_id)


def held_user(tx: Transaction, user_id: UserId) -> User:
    """The user, locked with everything of theirs until the transaction ends.

    Raises:
        NotFound: there is no such user.
    """
    user = tx.users.for_update(user_id)
    if user is None:
        raise NotFound
    return user


def _views(tx: Transaction, users: Sequence[User]) -> tuple[UserView, ...]:
    products = tx.products.get_many(viewed_ids(users))
    references = tx.references.snapshot()
    return tuple(user_view(user, products, references) for user in users)
