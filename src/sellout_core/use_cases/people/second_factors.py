"""The second factor of an account (docs/http-contract.md#second-factor)."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TypeVar

import attrs

from sellout_core.audit import FieldChange, NewAuditEntry
from sellout_core.errors import Forbidden
from sellout_core.mail import Language, MailTemplate
from sellout_core.people.accounts import Actor, User
from sellout_core.people.refusals import BadCode, SecondFactorOff, SecondFactorOn, SecondFactorRequired, WrongCode
from sellout_core.people.second_factors import (
    Enrolment,
    SecondFactor,
    SecondFactorCode,
    new_recovery_codes,
)
from sellout_core.ports.store import Transaction
from sellout_core.shop import ReadingShop, Shop
from sellout_core.use_cases.people.identity import post_mail
from sellout_core.use_cases.people.passwords import with_password
from sellout_core.use_cases.people.users import found_user, locked_user
from sellout_core.values import UserId

__all__ = [
    "begin_second_factor",
    "confirm_second_factor",
    "has_second_factor",
    "read_second_factor",
    "renew_recovery_codes",
    "require_second_factor",
    "reset_second_factor",
    "turn_off_second_factor",
]

T = TypeVar("T")


def read_second_factor(shop: ReadingShop, actor: Actor, user_id: UserId) -> SecondFactor | None:
    """The second factor of a user. None: it is off.

    Raises:
        Unauthenticated, Forbidden: the actor is neither that user nor staff.
        NotFound: there is no such user.
    """
    actor.require_user(user_id)

    def work(tx: Transaction) -> SecondFactor | None:
        found_user(tx, user_id)
        return _factor_that_is_on(tx, user_id)

    return shop.store.read(work)


def begin_second_factor(shop: Shop, actor: Actor, user_id: UserId, password: str) -> Enrolment:
    """Makes a new secret, which replaces an unconfirmed one. The second factor stays off until it is confirmed.

    Raises:
        Unauthenticated, Forbidden: the actor is neither that user nor staff.
        NotFound: there is no such user.
        WrongPassword: the password is not the user's.
        SecondFactorOn: the user has a second factor.
    """
    actor.require_user(user_id)
    secret = shop.one_time_codes.new_secret()

    def work(tx: Transaction, user: User) -> Enrolment:
        if _factor_that_is_on(tx, user_id) is not None:
            raise SecondFactorOn
        tx.second_factors.save(SecondFactor(user_id, secret))
        return Enrolment(secret, shop.one_time_codes.uri(secret, user.username))

    return _write_with_password(shop, user_id, password, work)


def confirm_second_factor(
    shop: Shop, actor: Actor, user_id: UserId, code: SecondFactorCode, language: Language
) -> Sequence[str]:
    """Turns the second factor on and tells the user by mail. Returns the recovery codes, which the shop does not know
    afterwards.

    Raises:
        Unauthenticated, Forbidden: the actor is neither that user nor staff.
        NotFound: there is no such user.
        SecondFactorOff: there is no secret to confirm.
        SecondFactorOn: the user has a second factor.
        WrongCode: the code is not one of the secret.
    """
    actor.require_user(user_id)
    now, codes = shop.clock(), new_recovery_codes(shop.random_id)

    def work(tx: Transaction) -> Sequence[str]:
        user = locked_user(tx, user_id)
        factor = tx.second_factors.of(user_id)
        if factor is None:
            raise SecondFactorOff
        if factor.is_on:
            raise SecondFactorOn
        step = _step_of(shop, factor, code, now)
        if step is None:
            raise WrongCode
        tx.second_factors.save(attrs.evolve(factor, is_on=True, last_step=step))
        _save_recovery_codes(tx, user_id, codes)
        _note(tx, actor, user_id, "turn_on_second_factor", now)
        _tell(shop, tx, user, "on", language)
        return codes

    return shop.store.write(work)


def renew_recovery_codes(
    shop: Shop, actor: Actor, user_id: UserId, password: str, code: SecondFactorCode, language: Language
) -> Sequence[str]:
    """Replaces the recovery codes, returns the new ones, and tells the user by mail.

    Raises:
        Unauthenticated, Forbidden: the actor is neither that user nor staff.
        NotFound: there is no such user.
        WrongPassword: the password is not the user's.
        SecondFactorOff: the user has no second factor.
        WrongCode: the code is wrong or was used.
    """
    actor.require_user(user_id)
    now, codes = shop.clock(), new_recovery_codes(shop.random_id)

    def work(tx: Transaction, user: User) -> Sequence[str]:
        _require_code(shop, tx, user_id, code, now)
        _save_recovery_codes(tx, user_id, codes)
        _note(tx, actor, user_id, "renew_recovery_codes", now)
        _tell(shop, tx, user, "recovery_codes", language)
        return codes

    return _write_with_password(shop, user_id, password, work)


def turn_off_second_factor(
    shop: Shop, actor: Actor, user_id: UserId, password: str, code: SecondFactorCode, language: Language
) -> None:
    """Deletes the second factor and the recovery codes, and tells the user by mail.

    Raises:
        Unauthenticated, Forbidden: the actor is neither that user nor staff.
        NotFound: there is no such user.
        WrongPassword: the password is not the user's.
        SecondFactorOff: the user has no second factor.
        WrongCode: the code is wrong or was used.
    """
    actor.require_user(user_id)
    now = shop.clock()

    def work(tx: Transaction, user: User) -> None:
        _require_code(shop, tx, user_id, code, now)
        tx.second_factors.delete(user_id)
        _note(tx, actor, user_id, "turn_off_second_factor", now)
        _tell(shop, tx, user, "off", language)

    _write_with_password(shop, user_id, password, work)


def reset_second_factor(shop: Shop, actor: Actor, user_id: UserId, language: Language) -> User:
    """Deletes the second factor of a user who has lost it, ends the user's sessions, and tells the user by mail. It is
    audited. For superusers and the operator. Returns the user.

    Raises:
        Unauthenticated: the actor is anonymous.
        Forbidden: the actor is not a superuser, or is that user.
        NotFound: there is no such user.
        SecondFactorOff: the user has no second factor.
    """
    actor.require_superuser()
    if actor.user_id == user_id:
        raise Forbidden
    now = shop.clock()

    def work(tx: Transaction) -> User:
        user = locked_user(tx, user_id)
        if not has_second_factor(tx, user_id):
            raise SecondFactorOff
        tx.second_factors.delete(user_id)
        tx.sessions.delete_of(user_id)
        _note(tx, actor, user_id, "reset_second_factor", now)
        _tell(shop, tx, user, "off", language)
        return user

    return shop.store.write(work)


def require_second_factor(
    shop: Shop, tx: Transaction, user_id: UserId, code: SecondFactorCode | None, now: datetime
) -> None:
    """Checks the code of a log-in to a locked user, and marks it as used. Does nothing if the second factor is off.

    Raises:
        SecondFactorRequired: there is no code.
        BadCode: the code is wrong or was used.
    """
    factor = _factor_that_is_on(tx, user_id)
    if factor is None:
        return
    if code is None:
        raise SecondFactorRequired
    if not _use_code(shop, tx, factor, code, now):
        raise BadCode


def has_second_factor(tx: Transaction, user_id: UserId) -> bool:
    """Whether a user has a second factor that is on."""
    return _factor_that_is_on(tx, user_id) is not None


def _factor_that_is_on(tx: Transaction, user_id: UserId) -> SecondFactor | None:
    factor = tx.second_factors.of(user_id)
    return factor if factor is not None and factor.is_on else None


def _require_code(shop: Shop, tx: Transaction, user_id: UserId, code: SecondFactorCode, now: datetime) -> None:
    factor = _factor_that_is_on(tx, user_id)
    if factor is None:
        raise SecondFactorOff
    if not _use_code(shop, tx, factor, code, now):
        raise WrongCode


def _use_code(shop: Shop, tx: Transaction, factor: SecondFactor, code: SecondFactorCode, now: datetime) -> bool:
    """Marks a one-time code or a recovery code as used. False: it is wrong or was used."""
    if not code.is_one_time:
        return tx.second_factors.take_recovery_code(factor.user_id, code.fingerprint)
    step = _step_of(shop, factor, code, now)
    return step is not None and tx.second_factors.use_step(factor.user_id, step)


def _step_of(shop: Shop, factor: SecondFactor, code: SecondFactorCode, now: datetime) -> int | None:
    return shop.one_time_codes.step_of(code.entered, factor.secret, now) if code.is_one_time else None


def _save_recovery_codes(tx: Transaction, user_id: UserId, codes: Sequence[str]) -> None:
    tx.second_factors.replace_recovery_codes(user_id, [SecondFactorCode(code).fingerprint for code in codes])


def _tell(shop: Shop, tx: Transaction, user: User, change: str, language: Language) -> None:
    """Writes a mail to the user's verified address, if there is one."""
    address = tx.emails.of(user.id).address
    if shop.policy.sends_mail and address is not None:
        words = {"username": user.username, "change": change}
        post_mail(shop, tx, MailTemplate.SECOND_FACTOR_CHANGED, address, language, user_id=user.id, **words)


def _note(tx: Transaction, actor: Actor, user_id: UserId, action: str, now: datetime) -> None:
    """Audits a change of the second factor of another user."""
    if actor.user_id == user_id:
        return
    was_on = action != "turn_on_second_factor"
    is_on = action in {"turn_on_second_factor", "renew_recovery_codes"}
    entry = NewAuditEntry(
        at=now,
        actor_id=actor.user_id,
        action=action,
        kind="user",
        object_id=user_id,
        changes={"second_factor": FieldChange(before=was_on, after=is_on)},
    )
    tx.audit.add([entry])


def _write_with_password(shop: Shop, user_id: UserId, password: str, work: Callable[[Transaction, User], T]) -> T:
    """Runs work on the locked user after a check of the password, as `with_password`."""
    return with_password(shop, user_id, password, lambda lock: shop.store.write(lambda tx: work(tx, lock(tx))))
