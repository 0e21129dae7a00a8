"""How users change their own profiles (docs/http-contract.md#own-profile)."""

from collections.abc import Callable

import attrs

from sellout_core import values
from sellout_core.errors import Stale, UnknownAddress
from sellout_core.people.accounts import Actor, User
from sellout_core.ports.store import Transaction
from sellout_core.shop import Shop
from sellout_core.use_cases.people.users import locked_user, user_views
from sellout_core.values import UNCHANGED, AddressId, GenderId, Unchanged, UserId, changed, ruled
from sellout_core.views import UserView, user_view

__all__ = ["ProfileChange", "change_profile"]


@attrs.frozen(kw_only=True)
class ProfileChange:
    """A change of a user's own profile. `main_address_id` is an address of the user's address book. An empty telephone
    number deletes the number.

    Raises:
        InvalidFields: names over 150 characters, a malformed telephone number, or an unknown size grid.
    """

    first_name: str | Unchanged = ruled(values.perhaps(values.text(values.MAX_NAME)), default=UNCHANGED)
    last_name: str | Unchanged = ruled(values.perhaps(values.text(values.MAX_NAME)), default=UNCHANGED)
    gender_id: GenderId | Unchanged | None = UNCHANGED
    telephone: str | Unchanged = ruled(
        values.perhaps(lambda value: values.telephone(value) if value else None), default=UNCHANGED
    )
    preferred_size_grid: str | Unchanged | None = ruled(
        values.perhaps(values.optional(values.size_grid)), default=UNCHANGED
    )
    main_address_id: AddressId | Unchanged | None = UNCHANGED

    def __attrs_post_init__(self) -> None:
        """Checks the limits."""
        values.enforce(self)


def change_profile(
    shop: Shop, actor: Actor, user_id: UserId, change: ProfileChange, is_current: Callable[[UserView], bool]
) -> UserView:
    """Changes the actor's own profile.

    Args:
        shop: The shop.
        actor: The actor.
        user_id: The actor's own id.
        change: The change.
        is_current: Returns whether the user is as the caller knows them.

    Raises:
        Unauthenticated, Forbidden: the actor is not that user.
        NotFound: there is no such user.
        Stale: the user is not as the caller knows them.
        UnknownAddress: the main address is not in the user's address book.
    """
    actor.require_self(user_id)

    def work(tx: Transaction) -> UserView:
        before = locked_user(tx, user_id)
        view = user_views(tx, [before])[0]
        if not is_current(view):
            raise Stale
        after = changed(before, change)
        _require_own_address(after)
        if after != before:
            tx.users.save(after)
        return user_view(after, {product.id: product for product in view.last_viewed}, tx.references.snapshot())

    return shop.store.write(work)


def _require_own_address(user: User) -> None:
    if user.main_address_id is not None and user.address(user.main_address_id) is None:
        raise UnknownAddress
