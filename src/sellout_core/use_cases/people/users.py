"""Reads users, and reads and changes their address books."""

from collections.abc import Callable, Sequence
from functools import partial

import attrs

from sellout_core import values
from sellout_core.errors import LimitReached, NotFound
from sellout_core.people.accounts import Actor, Address, NewAddress, User, viewed_ids
from sellout_core.people.user_search import EVERY_USER, UserQuery
from sellout_core.ports.lists import WHOLE, Part, in_batches
from sellout_core.ports.store import Transaction
from sellout_core.shop import ReadingShop, Shop
from sellout_core.values import AddressId, UserId
from sellout_core.views import CardView, UserView, card_view, user_view

__all__ = [
    "add_address",
    "delete_address",
    "edit_address",
    "found_address",
    "found_user",
    "locked_user",
    "read_addresses",
    "read_last_viewed",
    "read_profile",
    "read_user",
    "read_users",
    "require_existing_user",
    "user_views",
]


def read_users(
    shop: ReadingShop,
    actor: Actor,
    sink: Callable[[Sequence[UserView]], None],
    part: Part = WHOLE,
    query: UserQuery = EVERY_USER,
) -> int | None:
    """Passes the users that match a query to `sink` in batches, by id, from one state of the shop. For staff.

    Returns:
        The last id of the part if more entries follow, otherwise None.

    Raises:
        Unauthenticated, Forbidden: the actor is not staff.
    """
    actor.require_staff()

    def work(tx: Transaction) -> int | None:
        after = tx.users.after if query.text is None else partial(tx.users.search, query)
        return in_batches(part, after, lambda users: sink(user_views(tx, users)))

    return shop.store.read(work)


def read_user(shop: ReadingShop, actor: Actor, user_id: UserId) -> UserView:
    """One user. For staff.

    Raises:
        Unauthenticated, Forbidden: the actor is not staff.
        NotFound: there is no such user.
    """
    actor.require_staff()
    return shop.store.read(lambda tx: user_views(tx, [found_user(tx, user_id)])[0])


def read_profile(shop: ReadingShop, actor: Actor, user_id: UserId) -> UserView:
    """The profile of a user, for the user and for staff.

    Raises:
        Unauthenticated, Forbidden: the actor is neither that user nor staff.
        NotFound: there is no such user.
    """
    actor.require_user(user_id)
    return shop.store.read(lambda tx: user_views(tx, [found_user(tx, user_id)])[0])


def read_last_viewed(shop: ReadingShop, actor: Actor, user_id: UserId) -> tuple[CardView, ...]:
    """The last seven distinct products that the user viewed, the latest first.

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
    """The user, not locked.

    Raises:
        NotFound: there is no such user.
    """
    user = tx.users.get_many([user_id]).get(user_id)
    if user is None or user.deleted_at is not None:
        raise NotFound
    return user


def require_existing_user(tx: Transaction, actor: Actor, user_id: UserId) -> None:
    """Checks that a user exists. Reads nothing if the user is the actor, who exists if the actor was authenticated.

    Raises:
        NotFound: there is no such user.
    """
    if actor.user_id != user_id:
        found_user(tx, user_id)


def locked_user(tx: Transaction, user_id: UserId) -> User:
    """The user, locked until the transaction ends. No other transaction changes the user's data.

    Raises:
        NotFound: there is no such user.
    """
    user = tx.users.for_update(user_id)
    if user is None:
        raise NotFound
    return user


def user_views(tx: Transaction, users: Sequence[User]) -> tuple[UserView, ...]:
    """Users with the products that they viewed last."""
    products = tx.products.get_many(viewed_ids(users))
    references = tx.references.snapshot()
    return tuple(user_view(user, products, references) for user in users)


def read_addresses(shop: ReadingShop, actor: Actor, user_id: UserId) -> tuple[Address, ...]:
    """The user's address book, in order of entry.

    Raises:
        Unauthenticated, Forbidden: the actor is neither that user nor staff.
        NotFound: there is no such user.
    """
    actor.require_user(user_id)
    return shop.store.read(lambda tx: found_user(tx, user_id).addresses)


def add_address(shop: Shop, actor: Actor, user_id: UserId, address: NewAddress) -> Address:
    """Appends an address to the user's address book.

    Raises:
        Unauthenticated, Forbidden: the actor is neither that user nor staff.
        NotFound: there is no such user.
        LimitReached: the address book is full.
    """
    actor.require_user(user_id)

    def work(tx: Transaction) -> Address:
        if len(locked_user(tx, user_id).addresses) >= values.MAX_ADDRESSES:
            raise LimitReached(values.MAX_ADDRESSES)
        return tx.addresses.add(user_id, address)

    return shop.store.write(work)


def edit_address(shop: Shop, actor: Actor, user_id: UserId, address_id: AddressId, address: NewAddress) -> Address:
    """Replaces an address of the user. Existing orders keep the old one.

    Raises:
        Unauthenticated, Forbidden: the actor is neither that user nor staff.
        NotFound: the user has no such address.
    """
    actor.require_user(user_id)

    def work(tx: Transaction) -> Address:
        found_address(locked_user(tx, user_id), address_id)
        edited = Address(address_id, address.address, address.post_index)
        tx.addresses.save(edited)
        return edited

    return shop.store.write(work)


def delete_address(shop: Shop, actor: Actor, user_id: UserId, address_id: AddressId) -> Address:
    """Deletes an address of the user and returns it. If it is the main address, the user has none afterwards.

    Raises:
        Unauthenticated, Forbidden: the actor is neither that user nor staff.
        NotFound: the user has no such address.
    """
    actor.require_user(user_id)

    def work(tx: Transaction) -> Address:
        user = locked_user(tx, user_id)
        address = found_address(user, address_id)
        if user.main_address_id == address_id:
            tx.users.save(attrs.evolve(user, main_address_id=None))
        tx.addresses.delete(address_id)
        return address

    return shop.store.write(work)


def found_address(user: User, address_id: AddressId) -> Address:
    """An address of the user.

    Raises:
        NotFound: the user has no such address.
    """
    address = user.address(address_id)
    if address is None:
        raise NotFound
    return address
