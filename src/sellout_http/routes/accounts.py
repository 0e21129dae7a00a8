"""Registration, log-in, tokens, and users' documents."""

from functools import partial
from typing import Final

from sellout_core.errors import BadCredentials, UsernameTaken, WrongPassword
from sellout_core.use_cases import sessions, users
from sellout_core.values import UserId
from sellout_http.api.handler_context import ReadContext, WriteContext
from sellout_http.api.operations import Access, Group, LongList
from sellout_http.api.rate_limits import LOGINS_PER_ACCOUNT, LOGINS_PER_ADDRESS, PASSWORD_CHANGES, REGISTRATIONS
from sellout_http.runtime.executor import Workload
from sellout_http.schemas import responses, samples, serializers
from sellout_http.schemas.requests import (
    ChangePasswordRequest,
    LogInRequest,
    RefreshRequest,
    RegisterRequest,
    VerifyRequest,
)

group = Group("Users", "Registering, logging in, tokens, and users' documents.")

_TOKENS: Final = samples.answer("POST", "/user/login")


@group.read("/user", Access.ADMIN)
def list_users(context: ReadContext) -> LongList[responses.User]:
    """Every user, by id."""
    return LongList(partial(users.read_users, context.shop, context.actor), serializers.user)


@group.read("/user/{user_id}", Access.ADMIN)
def show_user(context: ReadContext, user_id: UserId) -> responses.User:
    """Any user."""
    return serializers.user(users.read_user(context.shop, context.actor, user_id))


@group.read("/user_info", Access.USER, reply_example=samples.answer("GET", "/user/{user_id}"))
def show_own_profile(context: ReadContext) -> responses.User:
    """The caller's own user document."""
    return serializers.user(users.read_profile(context.shop, context.actor, context.user_id))


@group.read(
    "/user_info/{user_id}",
    Access.USER,
    aliases=("/user/user_info/{user_id:str}",),
    reply_example=samples.answer("GET", "/user/{user_id}"),
)
def show_profile(context: ReadContext, user_id: UserId) -> responses.User:
    """One's own user document.

    Answers at /user/user_info/{user_id} too.
    """
    return serializers.user(users.read_profile(context.shop, context.actor, user_id))


@group.write(
    "POST",
    "/user/register",
    Access.ANON,
    statuses=(201,),
    errors=(UsernameTaken,),
    workload=Workload.HASH,
    limits=(REGISTRATIONS,),
)
def register(context: WriteContext, body: RegisterRequest) -> responses.TokenPair:
    """Register and log in.

    A username that is an e-mail address becomes the user's e-mail address too. Usernames are unique without regard to
    case.
    """
    return serializers.tokens(sessions.register(context.shop, body.registration()))


@group.write(
    "POST",
    "/user/login",
    Access.ANON,
    errors=(BadCredentials,),
    workload=Workload.HASH,
    limits=(LOGINS_PER_ADDRESS, LOGINS_PER_ACCOUNT),
)
def log_in(context: WriteContext, body: LogInRequest) -> responses.TokenPair:
    """Log in.

    Starts a session of its own; others go on.
    """
    return serializers.tokens(sessions.log_in(context.shop, body.username, body.password))


@group.write(
    "POST",
    "/user/token/refresh",
    Access.ANON,
    request_example={"refresh": _TOKENS["refresh"]},
    reply_example=_TOKENS,
)
def refresh_tokens(context: WriteContext, body: RefreshRequest) -> responses.TokenPair:
    """Exchange a refresh token for a fresh pair.

    A refresh token is good once. One that comes a second time ends its session.
    """
    return serializers.tokens(sessions.refresh(context.shop, body.refresh))


@group.write(
    "POST",
    "/user/token/verify",
    Access.ANON,
    request_example={"token": _TOKENS["access"]},
    reply_example={},
)
def verify_token(context: WriteContext, body: VerifyRequest) -> responses.EmptyDocument:
    """Check that the shop accepts an access or refresh token now."""
    sessions.verify(context.shop, body.token)
    return responses.EmptyDocument()


@group.write("POST", "/user/logout", Access.USER, reply_example={})
def log_out(context: WriteContext) -> responses.EmptyDocument:
    """Log out.

    Ends the session of the access token: neither it nor its refresh token is good any more.
    """
    sessions.log_out(context.shop, context.claims)
    return responses.EmptyDocument()


@group.write(
    "POST",
    "/user/change_password/{user_id}",
    Access.USER,
    errors=(WrongPassword,),
    workload=Workload.HASH,
    limits=(PASSWORD_CHANGES,),
    request_example={"old_password": "the old password", "new_password": "a better password"},
    reply_example={},
)
def change_password(context: WriteContext, user_id: UserId, body: ChangePasswordRequest) -> responses.EmptyDocument:
    """Change a password.

    Ends every session of the user, the caller's own included: log in again with the new password.
    """
    sessions.change_password(context.shop, context.actor, user_id, body.change())
    return responses.EmptyDocument()


@group.read("/user/last_seen/{user_id}", Access.USER)
def list_last_seen(context: ReadContext, user_id: UserId) -> tuple[responses.ProductCard, ...]:
    """The last seven products a user viewed, latest first."""
    return tuple(map(serializers.product_card, users.read_last_viewed(context.shop, context.actor, user_id)))
