"""Address books."""

from sellout_core import values
from sellout_core.accounts import Actor, Address, NewAddress, User
from sellout_core.errors import LimitReached, NotFound
from sellout_core.ports.store import Transaction
from sellout_core.shop import ReadingShop, Shop
from sellout_core.use_cases.users import found_user, held_user
from sellout_core.values import AddressId, UserId

__all__ = ["add_address", "delete_address", "edit_address", "found_address", "read_addresses"]


def read_addresses(shop: ReadingShop, actor: Actor, user_id: UserId) -> tuple[Address, ...]:
    """The user's address book, in order of entry.

    Raises:
        Unauthenticated, Forbidden: the actor is neither that user nor staff.
        NotFound: there is no such user.
    """
    actor.require_user(user_id)
    return shop.store.read(lambda tx: found_user(tx, user_id).addresses)


def add_address(shop: Shop, actor: Actor, user_id: UserId, address: NewAddress) -> Address:
    """Appends to the user's address book.

    Raises:
        Unauthenticated, Forbidden: the actor is neither that user nor staff.
        NotFound: there is no such user.
        LimitReached: the address book is full.
    """
    actor.require_user(user_id)

    def work(tx: Transaction) -> Address:
        if len(held_user(tx, user_id).addresses) >= values.MAX_ADDRESSES:
            raise LimitReached(values.MAX_ADDRESSES)
        return tx.addresses.add(user_id, address)

    return shop.store.write(work)


def edit_address(shop: Shop, actor: Actor, user_id: UserId, address_id: AddressId, address: NewAddress) -> Address:
    """Replaces one address of the user's; orders already made keep the old one.

    Raises:
        Unauthenticated, Forbidden: the actor is neither that user nor staff.
        NotFound: the user has no such address.
    """
    actor.require_user(user_id)

    def work(tx: Transaction) -> Address:
        found_address(held_user(tx, user_id), address_id)
        edited = Address(address_id, address.address, address.post_index)
        tx.addresses.save(edited)
        return edited

    return shop.store.write(work)


def delete_address(shop: Shop, actor: Actor, user_id: UserId, address_id: AddressId) -> Address:
    """Deletes one address of the user's and returns it as it was.

    Raises:
        Unauthenticated, Forbidden: the actor is neither that user nor staff.
        NotFound: the user has no such address.
    """
    actor.require_user(user_id)

    def work(tx: Transaction) -> Address:
        address = found_address(held_user(tx, user_id), address_id)
        tx.addresses.delete(address_id)
        return address

    return shop.store.write(work)


def found_address(user: User, address_id: AddressId) -> Address:
    """One address of the user's.

    Raises:
        NotFound: the user has no such address.
    """
    address = user.address(address_id)
    if address is None:
        raise NotFound
    return address
