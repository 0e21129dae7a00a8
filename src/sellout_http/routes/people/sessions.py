"""The sessions of users."""

from typing import Any, Final

from sellout_core.errors import Unauthenticated
from sellout_core.people.session_origins import SessionOrigin
from sellout_core.use_cases.people.account import sessions
from sellout_core.values import SessionId, UserId
from sellout_http.api.handler_context import HandlerContext, ReadContext, WriteContext
from sellout_http.api.operations import Access, Group
from sellout_http.schemas import own_account_serializers, responses

group = Group("Sessions", "The sessions of users.")
_SESSION: Final = {
    "id": "0123456789abcdef",
    "expires_at": "2026-02-07T12:00:00Z",
    "last_used_at": "2026-01-31T12:00:00Z",
    "device": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "network": "203.0.113.0/24",
    "current": True,
}


def origin_of(context: HandlerContext[Any]) -> SessionOrigin:
    """The device and the network of a request."""
    return SessionOrigin.of("".join(context.header("user-agent")[:1]), context.network)


@group.read("/user/sessions/{user_id}", Access.USER, reply_example=[_SESSION])
def list_sessions(context: ReadContext, user_id: UserId) -> tuple[responses.Session, ...]:
    """The sessions of a user that have not expired, the latest first, 100 at most."""
    found = sessions.read_sessions(context.shop, context.actor, user_id)
    current = None if context.claims is None else context.claims.session_id
    return tuple(own_account_serializers.session(session, current) for session in found)


@group.write("DELETE", "/user/sessions/{user_id}/{session_id}", Access.USER, reply_example={})
def end_session(context: WriteContext, user_id: UserId, session_id: SessionId) -> responses.EmptyDocument:
    """End one session of a user."""
    sessions.end_session(context.shop, context.actor, user_id, session_id)
    return responses.EmptyDocument()


@group.write("DELETE", "/user/sessions/{user_id}", Access.USER, reply_example={})
def end_sessions(context: WriteContext, user_id: UserId) -> responses.EmptyDocument:
    """End all sessions of a user."""
    sessions.end_sessions(context.shop, context.actor, user_id)
    return responses.EmptyDocument()


@group.write("POST", "/user/logout_others", Access.USER, reply_example={})
def end_other_sessions(context: WriteContext) -> responses.EmptyDocument:
    """End all sessions of the caller but the one of the request's token."""
    if context.claims is None:
        raise Unauthenticated
    sessions.end_other_sessions(context.shop, context.actor, context.user_id, context.claims.session_id)
    return responses.EmptyDocument()
