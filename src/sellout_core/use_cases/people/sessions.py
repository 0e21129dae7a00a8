"""Log-in, log-out and tokens (docs/http-contract.md#tokens)."""

from datetime import datetime

import attrs

from sellout_core.errors import BadCredentials, Unauthenticated
from sellout_core.people.accounts import ANONYMOUS, Actor, Claims, Session, TokenPair, TokenType
from sellout_core.people.second_factors import SecondFactorCode
from sellout_core.people.session_origins import UNKNOWN_ORIGIN, SessionOrigin
from sellout_core.ports.store import Transaction
from sellout_core.shop import ReadingShop, Shop
from sellout_core.use_cases.people.cart_merging import merge_guest_cart
from sellout_core.use_cases.people.second_factors import has_second_factor, require_second_factor
from sellout_core.use_cases.upkeep import EXPIRED_PER_WRITE
from sellout_core.values import SessionId, UserId

__all__ = ["authenticate", "issue", "log_in", "log_out", "read_token", "refresh", "start_session", "verify"]


def log_in(
    shop: Shop,
    username: str,
    password: str,
    guest_token: str | None = None,
    origin: SessionOrigin = UNKNOWN_ORIGIN,
    code: SecondFactorCode | None = None,
) -> TokenPair:
    """Starts a session and sets `last_login`. Replaces a hash with outdated parameters. The units of the guest's cart
    with that token move into the user's cart, as by `merge_guest_cart`. `code` is a one-time code or a recovery code,
    if the user has a second factor; otherwise it has no effect.

    Raises:
        BadCredentials: the user is unknown or deactivated, or the password is wrong. All three take the same time.
        SecondFactorRequired: the user has a second factor, and there is no code.
        BadCode: the code is wrong or was used.
    """
    credentials = shop.store.read(lambda tx: tx.credentials.by_username(username))
    matches = shop.passwords.verify(password, credentials.password_hash if credentials else None)
    if credentials is None or not matches or not credentials.is_active:
        raise BadCredentials
    fresh_hash = None if shop.passwords.is_current(credentials.password_hash) else shop.passwords.hash(password)
    now = shop.clock()

    def work(tx: Transaction) -> TokenPair | None:
        user = tx.users.for_update(credentials.user_id)
        if user is None or tx.credentials.of(user.id) != credentials:
            return None
        require_second_factor(shop, tx, user.id, code, now)
        if fresh_hash is not None:
            tx.credentials.save(user.id, fresh_hash)
        tx.users.save(attrs.evolve(user, last_login=now))
        tx.sessions.delete_expired(now, EXPIRED_PER_WRITE)
        merge_guest_cart(tx, user.id, guest_token, now)
        return start_session(shop, tx, user.id, now, origin)

    # The credentials have changed since the password was checked.
    return shop.store.write(work) or log_in(shop, username, password, guest_token, origin, code)


def refresh(shop: Shop, token: str, origin: SessionOrigin = UNKNOWN_ORIGIN) -> TokenPair:
    """Exchanges a refresh token for a new pair of tokens. A token that was exchanged before revokes its session: two
    parties have it, and the shop cannot tell the user from the thief.

    Raises:
        Unauthenticated: the token is not a refresh token of an active session, or it was exchanged before.
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
        fresh, pair = issue(shop, session.id, session.user_id, now, origin)
        tx.sessions.save(fresh)
        return pair

    pair = shop.store.write(work)
    if pair is None:
        raise Unauthenticated
    return pair


def verify(shop: ReadingShop, token: str) -> None:
    """Checks that an access or refresh token is valid now.

    Raises:
        Unauthenticated: it is not.
    """
    claims = shop.tokens.read(token)

    def work(tx: Transaction) -> bool:
        if tx.sessions.actor(claims.session_id, claims.user_id) is None:
            return False
        if claims.token_type == "access":  # noqa: S105 - a type of token, no secret
            return True
        session = tx.sessions.for_update(claims.session_id)
        return session is not None and session.refresh_fingerprint == claims.fingerprint

    if not shop.store.read(work):
        raise Unauthenticated


def log_out(shop: Shop, claims: Claims | None) -> None:
    """Revokes the session of an access token.

    Raises:
        Unauthenticated: there is no such session.
    """

    def work(tx: Transaction) -> None:
        if claims is None or tx.sessions.actor(claims.session_id, claims.user_id) is None:
            raise Unauthenticated
        tx.sessions.delete(claims.session_id)

    shop.store.write(work)


def authenticate(shop: ReadingShop, claims: Claims | None) -> Actor:
    """The actor with an access token's claims and the user's current rights. No claims: the actor is anonymous. Staff
    without a second factor have no rights of staff if the policy requires one.

    Raises:
        Unauthenticated: the session was revoked, or the user is deactivated or does not exist.
    """
    if claims is None:
        return ANONYMOUS

    def work(tx: Transaction) -> Actor | None:
        actor = tx.sessions.actor(claims.session_id, claims.user_id)
        if actor is None or not actor.is_staff or not shop.policy.staff_need_second_factor:
            return actor
        return actor if has_second_factor(tx, claims.user_id) else Actor(claims.user_id, lacks_second_factor=True)

    actor = shop.store.read(work)
    if actor is None:
        raise Unauthenticated
    return actor


def read_token(shop: ReadingShop, token: str, token_type: TokenType) -> Claims:
    """The claims of a token of that type.

    Raises:
        Unauthenticated: the token is invalid, or of the other type.
    """
    claims = shop.tokens.read(token)
    if claims.token_type != token_type:
        raise Unauthenticated
    return claims


def start_session(
    shop: Shop, tx: Transaction, user_id: UserId, now: datetime, origin: SessionOrigin = UNKNOWN_ORIGIN
) -> TokenPair:
    """Stores a new session and returns its first pair of tokens."""
    session, pair = issue(shop, SessionId(shop.random_id()), user_id, now, origin)
    tx.sessions.add(session)
    return pair


def issue(
    shop: Shop, session_id: SessionId, user_id: UserId, now: datetime, origin: SessionOrigin
) -> tuple[Session, TokenPair]:
    """A new pair of tokens for a session, and the session with the fingerprint of the refresh token, last used now."""
    refresh_expires = now + shop.policy.refresh_lifetime
    refresh_claims = Claims("refresh", now, refresh_expires, session_id + shop.random_id(), user_id)
    access_claims = Claims("access", now, now + shop.policy.access_lifetime, session_id + shop.random_id(), user_id)
    pair = TokenPair(shop.tokens.sign(refresh_claims), shop.tokens.sign(access_claims))
    session = Session(
        id=session_id,
        user_id=user_id,
        refresh_fingerprint=refresh_claims.fingerprint,
        expires_at=refresh_expires,
        last_used_at=now,
        device=origin.device,
        network=origin.network,
    )
    return session, pair
