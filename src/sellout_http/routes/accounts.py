"""Becoming known to the shop, tokens, and users to read."""

from functools import partial
from typing import Final

from sellout_core.errors import BadCredentials, UsernameTaken, WrongPassword
from sellout_core.use_cases import sessions, users
from sellout_core.values import UserId
from sellout_http.api.operations import Access, Group, Listed
from sellout_http.api.rate_limits import LOGINS_PER_ACCOUNT, LOGINS_PER_ADDRESS, PASSWORD_CHANGES, REGISTRATIONS
from sellout_http.api.request_context import Call
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


@group.operation("GET", "/user", Access.ADMIN)
def list_users(call: Call) -> Listed[responses.User]:
    """Every user, by id."""
    return Listed(partial(users.read_users, call.shop, call.actor), serializers.user)


@group.operation("GET", "/user/{user_id}", Access.ADMIN, short=True)
def show_user(call: Call, user_id: UserId) -> responses.User:
    """Any user."""
    return serializers.user(users.read_user(call.shop, call.actor, user_id))


@group.operation("GET", "/user_info", Access.USER, short=True, reply_example=samples.answer("GET", "/user/{user_id}"))
def show_own_profile(call: Call) -> responses.User:
    """The caller's own user document."""
    return serializers.user(users.read_profile(call.shop, call.actor, call.user_id))


@group.operation(
    "GET", "/user_info/{user_id}", Access.USER, short=True, reply_example=samples.answer("GET", "/user/{user_id}")
)
def show_profile(call: Call, user_id: UserId) -> responses.User:
    """One's own user document.

    Answers at /user/user_info/{user_id} too.
    """
    return serializers.user(users.read_profile(call.shop, call.actor, user_id))


@group.operation(
    "POST",
    "/user/register",
    Access.ANON,
    statuses=(201,),
    errors=(UsernameTaken,),
    hashes_passwords=True,
    limits=(REGISTRATIONS,),
)
def register(call: Call, body: RegisterRequest) -> responses.TokenPair:
    """Register and log in.

    A username that is an e-mail address becomes the user's e-mail address too. Usernames are unique without regard to
    case.
    """
    return serializers.tokens(sessions.register(call.shop, body.registration()))


@group.operation(
    "POST",
    "/user/login",
    Access.ANON,
    errors=(BadCredentials,),
    hashes_passwords=True,
    limits=(LOGINS_PER_ADDRESS, LOGINS_PER_ACCOUNT),
)
def log_in(call: Call, body: LogInRequest) -> responses.TokenPair:
    """Log in.

    Starts a session of its own; others go on.
    """
    return serializers.tokens(sessions.log_in(call.shop, body.username, body.password))


@group.operation(
    "POST",
    "/user/token/refresh",
    Access.ANON,
    request_example={"refresh": _TOKENS["refresh"]},
    reply_example=_TOKENS,
)
def refresh_tokens(call: Call, body: RefreshRequest) -> responses.TokenPair:
    """Exchange a refresh token for a fresh pair.

    A refresh token is good once. One that comes a second time ends its session.
    """
    return serializers.tokens(sessions.refresh(call.shop, body.refresh))


@group.operation(
    "POST",
    "/user/token/verify",
    Access.ANON,
    request_example={"token": _TOKENS["access"]},
    reply_example={},
)
def verify_token(call: Call, body: VerifyRequest) -> responses.EmptyDocument:
    """Check that the shop accepts an access or refresh token now."""
    sessions.verify(call.shop, body.token)
    return responses.EmptyDocument()


@group.operation("POST", "/user/logout", Access.USER, reply_example={})
def log_out(call: Call) -> responses.EmptyDocument:
    """Log out.

    Ends the session of the access token: neither it nor its refresh token is good any more.
    """
    sessions.log_out(call.shop, call.claims)
    return responses.EmptyDocument()


@group.operation(
    "POST",
    "/user/change_password/{user_id}",
    Access.USER,
    errors=(WrongPassword,),
    hashes_passwords=True,
    limits=(PASSWORD_CHANGES,),
    request_example={"old_password": "the old password", "new_password": "a better password"},
    reply_example={},
)
def change_password(call: Call, user_id: UserId, body: ChangePasswordRequest) -> responses.EmptyDocument:
    """Change a password.

    Ends every session of the user, the caller's own included: log in again with the new password.
    """
    sessions.change_password(call.shop, call.actor, user_id, body.change())
    return responses.EmptyDocument()


@group.operation("GET", "/user/last_seen/{user_id}", Access.USER, short=True)
def list_last_seen(call: Call, user_id: UserId) -> tuple[responses.ProductCard, ...]:
    """The last seven products a user viewed, latest first."""
    return tuple(map(serializers.product_card, users.read_last_viewed(call.shop, call.actor, user_id)))
