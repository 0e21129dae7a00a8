"""Changes of passwords, and the shop's policy for passwords (docs/http-contract.md#users)."""

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TypeVar

import attrs

from sellout_core import values
from sellout_core.errors import FieldCode, InvalidField, InvalidFields, NotFound, WrongPassword
from sellout_core.people.accounts import Actor, Credentials, PasswordChange, User
from sellout_core.ports.store import Transaction
from sellout_core.shop import Shop
from sellout_core.use_cases.people.users import locked_user
from sellout_core.values import UserId, composed

__all__ = ["LockUser", "change_password", "replace_password", "require_password", "set_password", "with_password"]

T = TypeVar("T")

LockUser = Callable[[Transaction], User]
"""Locks a user in a transaction, and returns the user."""


class _CredentialsChanged(Exception):
    """The credentials have changed since the password was checked. Rolls the transaction back."""


def change_password(shop: Shop, actor: Actor, user_id: UserId, change: PasswordChange) -> None:
    """Changes the password of a user and revokes all sessions of the user.

    Raises:
        Unauthenticated, Forbidden: the actor is neither that user nor staff.
        NotFound: there is no such user.
        InvalidFields: the shop's policy does not allow the new password.
        WrongPassword: the old password is wrong.
    """
    actor.require_user(user_id)
    require_password(shop, change.new_password, "new_password")

    def replace(locked: LockUser) -> None:
        fresh_hash = shop.passwords.hash(change.new_password)
        shop.store.write(lambda tx: replace_password(tx, locked(tx).id, fresh_hash))

    with_password(shop, user_id, change.old_password, replace)


def set_password(shop: Shop, actor: Actor, username: str, password: str) -> User:
    """Replaces a user's password without the old one, and revokes all sessions of the user. For the operator.

    Returns:
        The user.

    Raises:
        Forbidden: the actor is not the operator.
        NotFound: no user has that username.
        InvalidFields: the password is out of its limits, or the shop's policy does not allow it.
    """
    actor.require_operator()
    if fault := values.password(password):
        raise InvalidFields((InvalidField("password", fault.reason, fault.code),))
    require_password(shop, password)
    password_hash = shop.passwords.hash(password)

    def work(tx: Transaction) -> User:
        credentials = tx.credentials.by_username(username)
        user = tx.users.for_update(credentials.user_id) if credentials else None
        if user is None:
            raise NotFound
        replace_password(tx, user.id, password_hash)
        return user

    return shop.store.write(work)


def with_password(shop: Shop, user_id: UserId, password: str, change: Callable[[LockUser], T]) -> T:
    """Checks a user's password and carries out a change. Returns its result. If the password or the username changes
    before the change has locked the user, the password is checked again.

    Args:
        shop: The shop.
        user_id: The user.
        password: The password.
        change: Writes in one transaction, which first locks the user by the given function. It may run again.

    Raises:
        NotFound: there is no such user.
        WrongPassword: the password is not the user's.
    """
    while True:
        credentials = shop.store.read(lambda tx: tx.credentials.of(user_id))
        if credentials is None:
            raise NotFound
        if not shop.passwords.verify(password, credentials.password_hash):
            raise WrongPassword
        with suppress(_CredentialsChanged):
            return change(partial(_locked_with, credentials))


def _locked_with(credentials: Credentials, tx: Transaction) -> User:
    user = locked_user(tx, credentials.user_id)
    if tx.credentials.of(user.id) != credentials:
        raise _CredentialsChanged
    return user


def replace_password(tx: Transaction, user_id: UserId, password_hash: str) -> None:
    """Replaces the password of a locked user, revokes all sessions, and withdraws all links and an address that is not
    verified yet. The old password may have been known to others, who could have requested them.
    """
    tx.credentials.save(user_id, password_hash)
    tx.single_use_tokens.delete_of(user_id, "reset_password")
    tx.single_use_tokens.delete_of(user_id, "verify_email")
    email = tx.emails.of(user_id)
    if email.pending is not None:
        tx.emails.save(attrs.evolve(email, pending=None))
    tx.sessions.delete_of(user_id)


def require_password(shop: Shop, password: str, field: str = "password") -> None:
    """Checks a password against the shop's policy.

    Raises:
        InvalidFields: the password is too short or too common. `field` is the name of the field.
    """
    minimum = shop.policy.min_password_length
    if len(composed(password)) < minimum:
        reason = f"must be at least {minimum} characters long"
        raise InvalidFields((InvalidField(field, reason, FieldCode.TOO_SHORT),))
    if shop.policy.refuse_common_passwords and shop.passwords.is_common(password):
        reason = "is one of those that are guessed first"
        raise InvalidFields((InvalidField(field, reason, FieldCode.COMMON_PASSWORD),))
