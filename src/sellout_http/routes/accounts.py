"""Becoming known to the shop, tokens, and users to read."""

from functools import partial
from typing import Final

from sellout_core.errors import BadCredentials, UsernameTaken, WrongPassword
from sellout_core.use_cases import accounts, sessions
from sellout_core.values import UserId
from sellout_http import documents, present, samples
from sellout_http.bodies import ChangePasswordRequest, LogInRequest, RefreshRequest, RegisterRequest, VerifyRequest
from sellout_http.call import Call
from sellout_http.limits import LOGINS_PER_ACCOUNT, LOGINS_PER_ADDRESS, PASSWORD_CHANGES, REGISTRATIONS
from sellout_http.operations import Access, Group, Listed

group = Group("Users", "Registering, logging in, tokens, and users' documents.")

_TOKENS: Final = samples.answer("POST", "/user/login")


@group.operation("GET", "/user", Access.ADMIN)
def list_users(call: Call) -> Listed[documents.User]:
    """Every user, by id."""
    return Listed(partial(accounts.read_users, call.shop, call.actor), present.user)


@group.operation("GET", "/user/{user_id}", Access.ADMIN, short=True)
def show_user(call: Call, user_id: UserId) -> documents.User:
    """Any user."""
    return present.user(accounts.read_user(call.shop, call.actor, user_id))


@group.operation("GET", "/user_info", Access.USER, short=True, reply_example=samples.answer("GET", "/user/{user_id}"))
def show_own_profile(call: Call) -> documents.User:
    """The caller's own user document."""
    return present.user(accounts.read_profile(call.shop, call.actor, call.user_id))


@group.operation(
    "GET", "/user_info/{user_id}", Access.USER, short=True, reply_example=samples.answer("GET", "/user/{user_id}")
)
def show_profile(call: Call, user_id: UserId) -> documents.User:
    """One's own user document.

    Answers at /user/user_info/{user_id} too.
    """
    return present.user(accounts.read_profile(call.shop, call.actor, user_id))


@group.operation(
    "POST",
    "/user/register",
    Access.ANON,
    statuses=(201,),
    errors=(UsernameTaken,),
    hashes_passwords=True,
    limits=(REGISTRATIONS,),
)
def register(call: Call, body: RegisterRequest) -> documents.TokenPair:
    """Register and log in.

    A username that is an e-mail address becomes the user's e-mail address too. Usernames are unique without regard to
    case.
    """
    return present.tokens(sessions.register(call.shop, body.registration()))


@group.operation(
    "POST",
    "/user/login",
    Access.ANON,
    errors=(BadCredentials,),
    hashes_passwords=True,
    limits=(LOGINS_PER_ADDRESS, LOGINS_PER_ACCOUNT),
)
def log_in(call: Call, body: LogInRequest) -> documents.TokenPair:
    """Log in.

    Starts a session of its own; others go on.
    """
    return present.tokens(sessions.log_in(call.shop, body.username, body.password))


@group.operation(
    "POST",
    "/user/token/refresh",
    Access.ANON,
    request_example={"refresh": _TOKENS["refresh"]},
    reply_example=_TOKENS,
)
def refresh_tokens(call: Call, body: RefreshRequest) -> documents.TokenPair:
    """Exchange a refresh token for a fresh pair.

    A refresh token is good once. One that comes a second time ends its session.
    """
    return present.tokens(sessions.refresh(call.shop, body.refresh))


@group.operation(
    "POST",
    "/user/token/verify",
    Access.ANON,
    request_example={"token": _TOKENS["access"]},
    reply_example={},
)
def verify_token(call: Call, body: VerifyRequest) -> documents.EmptyDocument:
    """Check that the shop accepts an access or refresh token now."""
    sessions.verify(call.shop, body.token)
    return documents.EmptyDocument()


@group.operation("POST", "/user/logout", Access.USER, reply_example={})
def log_out(call: Call) -> documents.EmptyDocument:
    """Log out.

    Ends the session of the access token: neither it nor its refresh token is good any more.
    """
    sessions.log_out(call.shop, call.claims)
    return documents.EmptyDocument()


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
def change_password(call: Call, user_id: UserId, body: ChangePasswordRequest) -> documents.EmptyDocument:
    """Change a password.

    Ends every session of the user, the caller's own included: log in again with the new password.
    """
    sessions.change_password(call.shop, call.actor, user_id, body.change())
    return documents.EmptyDocument()


@group.operation("GET", "/user/last_seen/{user_id}", Access.USER, short=True)
def list_last_seen(call: Call, user_id: UserId) -> tuple[documents.ProductCard, ...]:
    """The last seven products a user viewed, latest first."""
    return tuple(map(present.product_card, accounts.read_last_viewed(call.shop, call.actor, user_id)))
