"""Reads and ends the sessions of a user (docs/http-contract.md#sessions)."""

from collections.abc import Sequence
from datetime import datetime

from sellout_core import values
from sellout_core.audit import FieldChange, NewAuditEntry
from sellout_core.errors import NotFound
from sellout_core.people.accounts import Actor, Session
from sellout_core.ports.store import Transaction
from sellout_core.shop import ReadingShop, Shop
from sellout_core.use_cases.people.users import found_user, locked_user
from sellout_core.values import SessionId, UserId

__all__ = ["end_other_sessions", "end_session", "end_sessions", "read_sessions"]


def read_sessions(shop: ReadingShop, actor: Actor, user_id: UserId) -> Sequence[Session]:
    """A user's sessions that have not expired, the latest first, 100 at most.

    Raises:
        Unauthenticated, Forbidden: the actor is neither that user nor staff.
        NotFound: there is no such user.
    """
    actor.require_user(user_id)
    now = shop.clock()

    def work(tx: Transaction) -> Sequence[Session]:
        found_user(tx, user_id)
        running = [session for session in tx.sessions.of(user_id) if session.expires_at > now]
        running.sort(key=lambda session: (session.expires_at, session.id), reverse=True)
        return running[: values.SHOWN_SESSIONS]

    return shop.store.read(work)


def end_session(shop: Shop, actor: Actor, user_id: UserId, session_id: SessionId) -> None:
    """Ends one session of a user. If staff do so for another user, it is audited.

    Raises:
        Unauthenticated, Forbidden: the actor is neither that user nor staff.
        NotFound: there is no such user, or the user has no such session.
    """
    actor.require_user(user_id)
    now = shop.clock()

    def work(tx: Transaction) -> None:
        locked_user(tx, user_id)
        session = tx.sessions.for_update(session_id)
        if session is None or session.user_id != user_id:
            raise NotFound
        tx.sessions.delete(session_id)
        _audit(tx, actor, user_id, 1, now)

    shop.store.write(work)


def end_sessions(shop: Shop, actor: Actor, user_id: UserId) -> None:
    """Ends all sessions of a user. If staff do so for another user, it is audited.

    Raises:
        Unauthenticated, Forbidden: the actor is neither that user nor staff.
        NotFound: there is no such user.
    """
    actor.require_user(user_id)
    now = shop.clock()

    def work(tx: Transaction) -> None:
        # A log-in locks the user, too: its session has ended now, or begins later.
        locked_user(tx, user_id)
        _audit(tx, actor, user_id, tx.sessions.delete_of(user_id), now)

    shop.store.write(work)


def end_other_sessions(shop: Shop, actor: Actor, user_id: UserId, current: SessionId) -> None:
    """Ends all sessions of the actor but one.

    Raises:
        Unauthenticated, Forbidden: the actor is not that user.
        NotFound: there is no such user.
    """
    actor.require_self(user_id)

    def work(tx: Transaction) -> None:
        locked_user(tx, user_id)
        tx.sessions.delete_of(user_id, current)

    shop.store.write(work)


def _audit(tx: Transaction, actor: Actor, user_id: UserId, ended: int, now: datetime) -> None:
    if ended and actor.user_id != user_id:
        entry = NewAuditEntry(
            at=now,
            actor_id=actor.user_id,
            action="end_sessions",
            kind="user",
            object_id=user_id,
            changes={"sessions": FieldChange(ended, 0)},
        )
        tx.audit.add([entry])
