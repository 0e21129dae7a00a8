"""How staff change users."""

from collections.abc import Callable, Collection, Sequence
from typing import Final

import attrs

from sellout_core import values
from sellout_core.audit import audited
from sellout_core.errors import FieldCode, Forbidden, InvalidField, InvalidFields, LastSuperuser, Stale
from sellout_core.people.accounts import Actor, User
from sellout_core.ports.store import Transaction
from sellout_core.shop import Shop
from sellout_core.use_cases.people.users import locked_user, user_views
from sellout_core.values import UNCHANGED, Percentage, Unchanged, UserId, changed, ruled, set_fields
from sellout_core.views import UserView

__all__ = ["UserChange", "change_user"]

_RIGHTS: Final = ("is_staff", "is_superuser")
_STANDING: Final = (*_RIGHTS, "is_active")
"""The fields that decide who is an active superuser."""
_NEVER_OWN: Final = (*_STANDING, "personal_discount")
"""The fields that no user changes of themselves."""


@attrs.frozen(kw_only=True)
class UserChange:
    """A change of a user by staff.

    Raises:
        InvalidFields: names over 150 characters, a discount outside 0 to 100, or an unknown size grid.
    """

    first_name: str | Unchanged = ruled(values.perhaps(values.text(values.MAX_NAME)), default=UNCHANGED)
    last_name: str | Unchanged = ruled(values.perhaps(values.text(values.MAX_NAME)), default=UNCHANGED)
    is_active: bool | Unchanged = UNCHANGED
    is_staff: bool | Unchanged = UNCHANGED
    is_superuser: bool | Unchanged = UNCHANGED
    personal_discount: Percentage | Unchanged = ruled(values.perhaps(values.percentage), default=UNCHANGED)
    preferred_size_grid: str | Unchanged | None = ruled(
        values.perhaps(values.optional(values.size_grid)), default=UNCHANGED
    )

    def __attrs_post_init__(self) -> None:
        """Checks the limits."""
        values.enforce(self)


def change_user(
    shop: Shop, actor: Actor, user_id: UserId, change: UserChange, is_current: Callable[[UserView], bool]
) -> UserView:
    """Changes a user. For staff. Staff change customers. Superusers also change other staff, and alone say who is staff
    or a superuser. The change of rights counts from the next request on. Deactivating a user ends their sessions.

    Args:
        shop: The shop.
        actor: The actor.
        user_id: The user.
        change: The change.
        is_current: Says whether the user is as the caller knows them.

    Raises:
        Unauthenticated: the actor is anonymous.
        Forbidden: the actor is not staff, changes their own rights or discount or deactivates themselves, or is not a
            superuser and changes another member of staff or rights.
        NotFound: there is no such user.
        Stale: the user is not as the caller knows them.
        InvalidFields: a superuser would not be staff.
        LastSuperuser: no active superuser would be left.
    """
    actor.require_staff()
    now = shop.clock()
    decides_superusers = not set_fields(change).keys().isdisjoint(_STANDING)

    def work(tx: Transaction) -> UserView:
        superusers = tx.users.superusers_for_update() if decides_superusers else None
        before = locked_user(tx, user_id)
        after = changed(before, change)
        _require_right(actor, before, after)
        view = user_views(tx, [before])[0]
        if not is_current(view):
            raise Stale
        if superusers is not None:
            _require_superusers(actor, before, after, superusers)
        if after != before:
            tx.users.save(after)
            tx.audit.add([audited(actor, now, "user", user_id, before=before, after=after)])
            if not after.is_active:
                tx.sessions.delete_of(user_id)
        return attrs.evolve(view, user=after)

    return shop.store.write(work)


def _require_right(actor: Actor, before: User, after: User) -> None:
    if actor.user_id == before.id:
        if _differ(before, after, _NEVER_OWN):
            raise Forbidden
    elif before.has_rights or _differ(before, after, _RIGHTS):
        actor.require_superuser()


def _require_superusers(actor: Actor, before: User, after: User, superusers: Collection[UserId]) -> None:
    """Checks a change against the superusers of now: the actor's rights were read in an earlier transaction."""
    if not _differ(before, after, _STANDING):
        return
    if after.is_superuser and not after.is_staff:
        reason = "must be false for a user who is not staff"
        raise InvalidFields((InvalidField("is_superuser", reason, FieldCode.NOT_ONE_OF),))
    if not after.acts_as_superuser and set(superusers) == {before.id}:
        raise LastSuperuser
    if (before.has_rights or after.has_rights) and actor.user_id is not None and actor.user_id not in superusers:
        raise Forbidden


def _differ(before: User, after: User, fields: Sequence[str]) -> bool:
    return any(getattr(before, field) != getattr(after, field) for field in fields)
