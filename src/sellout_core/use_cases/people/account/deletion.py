"""Deletes the account of a user (docs/http-contract.md#deletion)."""

from datetime import datetime

from sellout_core.audit import NewAuditEntry
from sellout_core.errors import LastSuperuser
from sellout_core.events.making import of_deletion
from sellout_core.people.accounts import Actor, NewUser, User
from sellout_core.ports.store import Transaction
from sellout_core.shop import Shop
from sellout_core.use_cases.people.passwords import LockUser, with_password
from sellout_core.values import UserId

__all__ = ["delete_account", "emptied"]


def delete_account(shop: Shop, actor: Actor, user_id: UserId, password: str) -> None:
    """Deletes a user with all personal data. Orders keep their amounts and lines, and the user's id. The username is
    free afterwards. If staff do so for another user, it is audited.

    Args:
        shop: The shop.
        actor: The actor.
        user_id: The user.
        password: The user's password.

    Raises:
        Unauthenticated, Forbidden: the actor is neither that user nor staff.
        NotFound: there is no such user.
        WrongPassword: the password is wrong.
        LastSuperuser: no active superuser would be left.
    """
    actor.require_user(user_id)
    now, name = shop.clock(), f"deleted {shop.random_id()}"

    def work(tx: Transaction, locked: LockUser) -> None:
        superusers = tx.users.superusers_for_update()
        user = locked(tx)
        if set(superusers) == {user_id}:
            raise LastSuperuser
        _erase(tx, user, now, name)
        _audit(tx, actor, user_id, now)
        tx.events.add([of_deletion(user_id, now)])

    with_password(shop, user_id, password, lambda locked: shop.store.write(lambda tx: work(tx, locked)))


def _erase(tx: Transaction, user: User, now: datetime, name: str) -> None:
    personal = tx.personal_data
    personal.delete_addresses(user.id)
    personal.delete_wishlist(user.id)
    personal.delete_responses(user.id)
    emails = tx.emails.of(user.id)
    personal.delete_mails(user.id, {address for address in (emails.address, emails.pending, user.email) if address})
    personal.delete_emails(user.id)
    personal.delete_tokens(user.id)
    cart = tx.carts.of(user.id)
    tx.carts.remove(user.id, () if cart is None else cart.unit_ids)
    personal.empty_orders(user.id)
    personal.empty_notes(user.id)
    personal.empty_parcels(user.id)
    personal.empty_audit(user.id)
    # Checkouts lock a promo code before they write their copy of it.
    personal.stop_promo_codes(user.id, name)
    personal.rename_promo_codes_in_orders(user.id, name)
    tx.second_factors.delete(user.id)
    tx.sessions.delete_of(user.id)
    tx.credentials.save(user.id, "")
    tx.users.save(emptied(user.id, now, name))


def _audit(tx: Transaction, actor: Actor, user_id: UserId, now: datetime) -> None:
    if actor.user_id != user_id:
        entry = NewAuditEntry(
            at=now, actor_id=actor.user_id, action="delete", kind="user", object_id=user_id, changes={}
        )
        tx.audit.add([entry])


def emptied(user_id: UserId, deleted_at: datetime, name: str) -> User:
    """A deleted user: the id alone, for the orders and promo codes that refer to it. `name` is a unique username, which
    no person has.
    """
    nothing = NewUser(
        username=name,
        first_name="",
        last_name="",
        email="",
        is_active=False,
        joined_at=deleted_at,
        deleted_at=deleted_at,
    )
    return User.of(user_id, nothing)
