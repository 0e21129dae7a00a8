"""Registration, log-in, tokens and user documents."""

from functools import partial
from typing import Final

from sellout_core import values
from sellout_core.errors import BadCredentials, LastSuperuser, UsernameTaken, WrongPassword
from sellout_core.people.refusals import BadCode, SecondFactorRequired
from sellout_core.people.user_search import UserQuery
from sellout_core.use_cases.people import passwords, registration, sessions, user_management, users
from sellout_core.values import UserId
from sellout_http.api.handler_context import ReadContext, WriteContext
from sellout_http.api.operations import Access, Group
from sellout_http.api.preconditions import settable_by, unless_changed
from sellout_http.api.queries.query_parameters import IF_MATCH, MERGED_CART_TOKEN, Parameter
from sellout_http.api.queries.query_readers import one, read_members
from sellout_http.api.rate_limits import (
    LOGINS_PER_ACCOUNT,
    LOGINS_PER_ADDRESS,
    PASSWORD_CHANGES,
    REFUSED_LOGIN_CODES,
    REGISTRATIONS,
)
from sellout_http.routes.people.sessions import origin_of
from sellout_http.runtime.executor import Workload
from sellout_http.schemas import responses, samples, serializers
from sellout_http.schemas.requests.people import (
    ChangePasswordRequest,
    LogInRequest,
    RefreshRequest,
    RegisterRequest,
    UserPatch,
    VerifyRequest,
)
from sellout_http.schemas.responses.long_lists import LongList

group = Group("Users", "Registration, log-in, tokens and user documents.")
_TOKENS: Final = samples.answer("POST", "/user/login")


_settable: Final = settable_by(UserPatch)
_Q: Final = Parameter(
    "query",
    "q",
    "Only users whose username, first name, last name, e-mail address or telephone number begins with this text.",
    {"type": "string", "minLength": 1, "maxLength": values.MAX_NAME},
)


@group.read("/user", Access.ADMIN, parameters=(_Q,))
def list_users(context: ReadContext) -> LongList[responses.User]:
    """All users, by id.

    `q` searches without regard to case.
    """
    query = read_members(context.query, {"text": one(str)}, UserQuery)
    return LongList(partial(users.read_users, context.shop, context.actor, query=query), serializers.user)


@group.write(
    "PATCH",
    "/user/{user_id}",
    Access.ADMIN,
    errors=(LastSuperuser,),
    parameters=(IF_MATCH,),
    tagged=_settable,
    request_example={"personal_discount_percentage": 5},
    reply_example={**samples.answer("GET", "/user/{user_id}"), "personal_discount_percentage": 5},
)
def change_user(context: WriteContext, user_id: UserId, body: UserPatch) -> responses.User:
    """Change a user.

    Staff change customers. Superusers change other staff, and make users staff or superusers. No user changes their own
    rights or discount. Deactivating a user ends all of their sessions.
    """
    is_current = unless_changed(context, serializers.user, _settable)
    changed = user_management.change_user(context.shop, context.actor, user_id, body.change(), is_current)
    return serializers.user(changed)


@group.read("/user/{user_id}", Access.ADMIN, tagged=_settable)
def show_user(context: ReadContext, user_id: UserId) -> responses.User:
    """One user, for staff."""
    return serializers.user(users.read_user(context.shop, context.actor, user_id))


@group.read(
    "/user_info/{user_id}",
    Access.USER,
    aliases=("/user/user_info/{user_id:str}",),
    tagged=_settable,
    reply_example=samples.answer("GET", "/user/{user_id}"),
)
def show_profile(context: ReadContext, user_id: UserId) -> responses.User:
    """The user document of the caller.

    Staff may read that of any user. /user/user_info/{user_id} is an alias.
    """
    return serializers.user(users.read_profile(context.shop, context.actor, user_id))


@group.write(
    "POST",
    "/user/register",
    Access.ANON,
    statuses=(201,),
    errors=(UsernameTaken,),
    parameters=(MERGED_CART_TOKEN,),
    workload=Workload.HASH,
    limits=(REGISTRATIONS,),
)
def register(context: WriteContext, body: RegisterRequest) -> responses.TokenPair:
    """Register and log in.

    A username that is an e-mail address becomes the user's e-mail address too. Usernames are unique without regard to
    case. The units of the guest's cart move into the user's cart.
    """
    pair = registration.register(context.shop, body.registration(), _guest_token(context), origin_of(context))
    return serializers.tokens(pair)


@group.write(
    "POST",
    "/user/login",
    Access.ANON,
    errors=(BadCredentials, SecondFactorRequired, BadCode),
    parameters=(MERGED_CART_TOKEN,),
    workload=Workload.HASH,
    limits=(LOGINS_PER_ADDRESS, LOGINS_PER_ACCOUNT, REFUSED_LOGIN_CODES),
)
def log_in(context: WriteContext, body: LogInRequest) -> responses.TokenPair:
    """Log in.

    Each log-in starts a new session. Other sessions stay valid. The units of the guest's cart move into the user's
    cart. If the user has a second factor, the log-in needs a code.
    """
    guest_token, origin, code = _guest_token(context), origin_of(context), body.second_factor_code()
    return serializers.tokens(sessions.log_in(context.shop, body.username, body.password, guest_token, origin, code))


@group.write(
    "POST",
    "/user/token/refresh",
    Access.ANON,
    request_example={"refresh": _TOKENS["refresh"]},
    reply_example=_TOKENS,
)
def refresh_tokens(context: WriteContext, body: RefreshRequest) -> responses.TokenPair:
    """Exchange a refresh token for a new pair of tokens.

    A refresh token is valid once. If it is used a second time, its session ends.
    """
    return serializers.tokens(sessions.refresh(context.shop, body.refresh, origin_of(context)))


@group.write(
    "POST",
    "/user/token/verify",
    Access.ANON,
    request_example={"token": _TOKENS["access"]},
    reply_example={},
)
def verify_token(context: WriteContext, body: VerifyRequest) -> responses.EmptyDocument:
    """Check that an access or refresh token is valid now."""
    sessions.verify(context.shop, body.token)
    return responses.EmptyDocument()


@group.write("POST", "/user/logout", Access.USER, reply_example={})
def log_out(context: WriteContext) -> responses.EmptyDocument:
    """Log out.

    Ends the session of the access token. All tokens of the session become invalid.
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

    Ends all sessions of the user, including the caller's. Log in again with the new password.
    """
    passwords.change_password(context.shop, context.actor, user_id, body.change())
    return responses.EmptyDocument()


@group.read("/user/last_seen/{user_id}", Access.USER)
def list_last_seen(context: ReadContext, user_id: UserId) -> tuple[responses.ProductCard, ...]:
    """The last seven products that a user viewed, the latest first."""
    return tuple(map(serializers.product_card, users.read_last_viewed(context.shop, context.actor, user_id)))


def _guest_token(context: WriteContext) -> str | None:
    """The token of a guest's cart. None: the request has none, or more than one, which does not refuse the log-in."""
    sent = context.header(MERGED_CART_TOKEN.name.lower())
    return sent[0] if len(sent) == 1 else None
