"""Second factors of users."""

from typing import Final

from sellout_core.errors import WrongPassword
from sellout_core.people.refusals import SecondFactorOff, SecondFactorOn, WrongCode
from sellout_core.use_cases.people import second_factors
from sellout_core.values import UserId
from sellout_http.api.handler_context import ReadContext, WriteContext
from sellout_http.api.languages import ACCEPT_LANGUAGE, language_of
from sellout_http.api.operations import Access, Group
from sellout_http.api.rate_limits import PASSWORD_CHANGES, REFUSED_CODES
from sellout_http.runtime.executor import Workload
from sellout_http.schemas import responses
from sellout_http.schemas.requests.identity import (
    BeginSecondFactorRequest,
    ChangeSecondFactorRequest,
    ConfirmSecondFactorRequest,
)

group = Group("Second factor", "Codes of an authenticator app, and recovery codes.")
_CODE: Final = {"code": "123456"}
_CHANGE: Final = {"password": "the password", **_CODE}
_SECRET: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"  # noqa: S105 - an example
_CODES: Final = {"recovery_codes": ["ABCDEF-GHIJKL-MNOPQR-STUVWX"]}


@group.read("/user/second_factor/{user_id}", Access.USER, reply_example={"enabled": True, "recovery_codes_left": 10})
def show_second_factor(context: ReadContext, user_id: UserId) -> responses.SecondFactorStatus:
    """Whether a user has a second factor, and how many recovery codes are left."""
    factor = second_factors.read_second_factor(context.shop, context.actor, user_id)
    return responses.SecondFactorStatus(factor is not None, 0 if factor is None else factor.recovery_codes)


@group.write(
    "POST",
    "/user/second_factor/{user_id}",
    Access.USER,
    errors=(WrongPassword, SecondFactorOn),
    workload=Workload.HASH,
    limits=(PASSWORD_CHANGES,),
    request_example={"password": "the password"},
    reply_example={"secret": _SECRET, "uri": f"otpauth://totp/SellOut:anna?secret={_SECRET}&issuer=SellOut"},
)
def begin_second_factor(
    context: WriteContext, user_id: UserId, body: BeginSecondFactorRequest
) -> responses.SecondFactorSecret:
    """Make a secret for an authenticator app.

    The second factor is off until /user/second_factor/confirm/{user_id} gets a code of the secret. A later request
    replaces the secret.
    """
    begun = second_factors.begin_second_factor(context.shop, context.actor, user_id, body.password)
    return responses.SecondFactorSecret(begun.secret, begun.uri)


@group.write(
    "POST",
    "/user/second_factor/confirm/{user_id}",
    Access.USER,
    errors=(WrongCode, SecondFactorOff, SecondFactorOn),
    parameters=(ACCEPT_LANGUAGE,),
    limits=(REFUSED_CODES,),
    request_example=_CODE,
    reply_example=_CODES,
)
def confirm_second_factor(
    context: WriteContext, user_id: UserId, body: ConfirmSecondFactorRequest
) -> responses.NewRecoveryCodes:
    """Turn the second factor on.

    Returns ten recovery codes. No other response has them.
    """
    code, language = body.second_factor_code(), language_of(context)
    codes = second_factors.confirm_second_factor(context.shop, context.actor, user_id, code, language)
    return responses.NewRecoveryCodes(tuple(codes))


@group.write(
    "POST",
    "/user/second_factor/recovery_codes/{user_id}",
    Access.USER,
    errors=(WrongPassword, WrongCode, SecondFactorOff),
    parameters=(ACCEPT_LANGUAGE,),
    workload=Workload.HASH,
    limits=(PASSWORD_CHANGES, REFUSED_CODES),
    request_example=_CHANGE,
    reply_example=_CODES,
)
def renew_recovery_codes(
    context: WriteContext, user_id: UserId, body: ChangeSecondFactorRequest
) -> responses.NewRecoveryCodes:
    """Replace the recovery codes.

    The old ones are void.
    """
    code, language = body.second_factor_code(), language_of(context)
    codes = second_factors.renew_recovery_codes(context.shop, context.actor, user_id, body.password, code, language)
    return responses.NewRecoveryCodes(tuple(codes))


@group.write(
    "POST",
    "/user/second_factor/off/{user_id}",
    Access.USER,
    errors=(WrongPassword, WrongCode, SecondFactorOff),
    parameters=(ACCEPT_LANGUAGE,),
    workload=Workload.HASH,
    limits=(PASSWORD_CHANGES, REFUSED_CODES),
    request_example=_CHANGE,
    reply_example={},
)
def turn_off_second_factor(
    context: WriteContext, user_id: UserId, body: ChangeSecondFactorRequest
) -> responses.EmptyDocument:
    """Turn the second factor off.

    The secret and the recovery codes are deleted.
    """
    code, language = body.second_factor_code(), language_of(context)
    second_factors.turn_off_second_factor(context.shop, context.actor, user_id, body.password, code, language)
    return responses.EmptyDocument()


@group.write(
    "DELETE",
    "/user/second_factor/{user_id}",
    Access.ADMIN,
    errors=(SecondFactorOff,),
    parameters=(ACCEPT_LANGUAGE,),
    reply_example={},
)
def reset_second_factor(context: WriteContext, user_id: UserId) -> responses.EmptyDocument:
    """Turn off the second factor of a user who has lost it.

    For superusers, and not for their own. Ends all sessions of the user.
    """
    second_factors.reset_second_factor(context.shop, context.actor, user_id, language_of(context))
    return responses.EmptyDocument()
