"""Becoming known to the shop and staying so: register, log in, refresh, verify, change the password, log
out (docs/http-contract.md#tokens).
"""

from datetime import datetime

import attrs

from sellout_core import values
from sellout_core.accounts import (
    ANONYMOUS,
    OPERATOR,
    Actor,
    Claims,
    PasswordChange,
    Registration,
    Session,
    TokenPair,
    TokenType,
    User,
)
from sellout_core.errors import (
    BadCredentials,
    FieldCode,
    Forbidden,
    InvalidField,
    InvalidFields,
    NotFound,
    Unauthenticated,
    WrongPassword,
)
from sellout_core.ports.store import Transaction
from sellout_core.shop import ReadingShop, Shop
from sellout_core.values import SessionId, UserId, composed

__all__ = [
    "authenticate",
    "change_password",
    "create_admin",
    "issue",
    "log_in",
    "log_out",
    "read_token",
    "refresh",
    "register",
    "require_password",
    "set_password",
    "start_session",
    "verify",
]


def register(shop: Shop, registration: Registration) -> TokenPair:
    """Creates a user with an empty cart and an empty wishlist, and logs them in.

    Raises:
        InvalidFields: the shop's policy does not allow the password.
        UsernameTaken: the username is taken.
    """
    require_password(shop, registration.password)
    password_hash = shop.passwords.hash(registration.password)
    now = shop.clock()

    def work(tx: Transaction) -> TokenPair:
        user = tx.users.add(registration.new_user(now), password_hash)
        tx.carts.create(user.id)
        return start_session(shop, tx, user.id, now)

    return shop.store.write(work)


def create_admin(shop: Shop, actor: Actor, registration: Registration) -> User:
    """Creates a user who is staff and superuser; for the operator at the machine alone.

    Raises:
        Forbidden: the actor is a user of the shop.
        InvalidFields, UsernameTaken: as `register`.
    """
    if actor != OPERATOR:
        raise Forbidden
    require_password(shop, registration.password)
    password_hash = shop.passwords.hash(registration.password)
    now = shop.clock()

    def work(tx: Transaction) -> User:
        user = tx.users.add(registration.new_user(now, is_admin=True), password_hash)
        tx.carts.create(user.id)
        return user

    return shop.store.write(work)


def log_in(shop: Shop, username: str, password: str) -> TokenPair:
    """Starts a session and notes the time; a hash of other parameters than today's is made anew.

    Raises:
        BadCredentials: unknown user, wrong password or deactivated user, after the same work.
    """
    credentials = shop.store.read(lambda tx: tx.credentials.by_username(username))
    matches = shop.passwords.verify(password, credentials.password_hash if credentials else None)
    if credentials is None or not matches or not credentials.is_active:
        raise BadCredentials
    is_current = shop.passwords.is_current(credentials.password_hash)
    fresh_hash = None if is_current else shop.passwords.hash(password)
    now = shop.clock()

    def work(tx: Transaction) -> TokenPair | None:
        user = tx.users.for_update(credentials.user_id)
        if user is None or tx.credentials.of(user.id) != credentials:
            return None
        if fresh_hash is not None:
            tx.credentials.save(user.id, fresh_hash)
        tx.users.save(attrs.evolve(user, last_login=now))
        tx.sessions.delete_of(user.id, expired_by=now)
        tx.answers.delete_older(user.id, now - shop.policy.answers_kept)
        return start_session(shop, tx, user.id, now)

    # What the password was checked against was changed meanwhile, perhaps because the password was.
    return shop.store.write(work) or log_in(shop, username, password)


def change_password(shop: Shop, actor: Actor, user_id: UserId, change: PasswordChange) -> None:
    """Gives a user another password and revokes every session of theirs, access tokens included.

    Raises:
        Unauthenticated, Forbidden: the actor is neither that user nor staff.
        NotFound: there is no such user.
        InvalidFields: the shop's policy does not allow the new password.
        WrongPassword: the old one is not theirs.
    """
    actor.require_user(user_id)
    credentials = shop.store.read(lambda tx: tx.credentials.of(user_id))
    if credentials is None:
        raise NotFound
    require_password(shop, change.new_password, "new_password")
    if not shop.passwords.verify(change.old_password, credentials.password_hash):
        raise WrongPassword
    fresh_hash = shop.passwords.hash(change.new_password)

    def work(tx: Transaction) -> bool:
        tx.users.for_update(user_id)
        if tx.credentials.of(user_id) != credentials:
            return False
        tx.credentials.save(user_id, fresh_hash)
        tx.sessions.delete_of(user_id)
        return True

    if not shop.store.write(work):
        change_password(shop, actor, user_id, change)


def set_password(shop: Shop, actor: Actor, username: str, password: str) -> User:
    """Replaces a user's password without the old one and revokes all of the user's sessions; for the operator at the
    machine alone.

    Returns:
        The user.

    Raises:
        Forbidden: the actor is a user of the shop.
        NotFound: no user has that username, in any case of its letters.
        InvalidFields: the password is out of its limits, or the shop's policy does not allow it.
    """
    if actor != OPERATOR:
        raise Forbidden
    if fault := values.password(password):
        raise InvalidFields((InvalidField("password", fault.reason, fault.code),))
    require_password(shop, password)
    password_hash = shop.passwords.hash(password)

    def work(tx: Transaction) -> User:
        credentials = tx.credentials.by_username(username)
        user = tx.users.for_update(credentials.user_id) if credentials else None
        if user is None:
            raise NotFound
        tx.credentials.save(user.id, password_hash)
        tx.sessions.delete_of(user.id)
        return user

    return shop.store.write(work)


def refresh(shop: Shop, token: str) -> TokenPair:
    """Exchanges a refresh token for a fresh pair. A token that was exchanged before revokes its session: two
    parties hold it, and the shop cannot tell the user from the thief.

    Raises:
        Unauthenticated: it is no refresh token of a session that lives, or it was used before.
    """
    claims = read_token(shop, token, "refresh")
    now = shop.clock()

    def work(tx: Transaction) -> TokenPair | None:
        session = tx.sessions.for_update(claims.session_id)
        if session is None or tx.sessions.actor(session.id, claims.user_id) is None:
            return None
        if session.refresh_fingerprint != claims.fingerprint:
            tx.sessions.delete(session.id)
            return None
        fresh, pair = issue(shop, session.id, session.user_id, now)
        tx.sessions.save(fresh)
        tx.answers.delete_older(session.user_id, now - shop.policy.answers_kept)
        return pair

    pair = shop.store.write(work)
    if pair is None:
        raise Unauthenticated
    return pair


def verify(shop: ReadingShop, token: str) -> None:
    """Lets through an access or refresh token that the shop would accept now.

    Raises:
        Unauthenticated: it would not.
    """
    claims = shop.tokens.read(token)

    def work(tx: Transaction) -> bool:
        if tx.sessions.actor(claims.session_id, claims.user_id) is None:
            return False
        if claims.token_type == "access":  # noqa: S105 - a kind of token, no secret
            return True
        session = tx.sessions.for_update(claims.session_id)
        return session is not None and session.refresh_fingerprint == claims.fingerprint

    if not shop.store.read(work):
        raise Unauthenticated


def log_out(shop: Shop, claims: Claims | None) -> None:
    """Revokes the session that an access token belongs to, the token itself included.

    Raises:
        Unauthenticated: there is no such session.
    """

    def work(tx: Transaction) -> None:
        if claims is None or tx.sessions.actor(claims.session_id, claims.user_id) is None:
            raise Unauthenticated
        tx.sessions.delete(claims.session_id)

    shop.store.write(work)


def authenticate(shop: ReadingShop, claims: Claims | None) -> Actor:
    """Who acts under an access token's claims, with the rights the store gives them now; no claims: anonymous.

    Raises:
        Unauthenticated: the session was revoked, or the user is gone or deactivated.
    """
    if claims is None:
        return ANONYMOUS
    actor = shop.store.read(lambda tx: tx.sessions.actor(claims.session_id, claims.user_id))
    if actor is None:
        raise Unauthenticated
    return actor


def read_token(shop: ReadingShop, token: str, token_type: TokenType) -> Claims:
    """The claims of a token of that type.

    Raises:
        Unauthenticated: the token is bad, or of the other type.
    """
    claims = shop.tokens.read(token)
    if claims.token_type != token_type:
        raise Unauthenticated
    return claims


def start_session(shop: Shop, tx: Transaction, user_id: UserId, now: datetime) -> TokenPair:
    """Stores a new session and returns its first pair of tokens."""
    session, pair = issue(shop, SessionId(shop.random_id()), user_id, now)
    tx.sessions.add(session)
    return pair


def issue(shop: Shop, session_id: SessionId, user_id: UserId, now: datetime) -> tuple[Session, TokenPair]:
    """A pair of tokens for a session, and the session as it stands once they are handed out."""
    refresh_expires = now + shop.policy.refresh_lifetime
    refresh_claims = Claims("refresh", now, refresh_expires, session_id + shop.random_id(), user_id)
    access_claims = Claims("access", now, now + shop.policy.access_lifetime, session_id + shop.random_id(), user_id)
    pair = TokenPair(shop.tokens.sign(refresh_claims), shop.tokens.sign(access_claims))
    return Session(session_id, user_id, refresh_claims.fingerprint, refresh_expires), pair


def require_password(shop: Shop, password: str, field: str = "password") -> None:
    """Lets through a password that the shop's policy allows.

    Raises:
        InvalidFields: it is too short or too common; `field` is what it is called.
    """
    minimum = shop.policy.min_password_length
    if len(composed(password)) < minimum:
        reason = f"must be at least {minimum} characters long"
        raise InvalidFields((InvalidField(field, reason, FieldCode.TOO_SHORT),))
    if shop.policy.refuse_common_passwords and shop.passwords.is_common(password):
        reason = "is one of those that are guessed first"
        raise InvalidFields((InvalidField(field, reason, FieldCode.COMMON_PASSWORD),))
