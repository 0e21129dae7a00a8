"""E-mail addresses of users, and forgotten passwords."""

from sellout_core.errors import EmailTaken, MailDisabled, TokenUnusable, WrongPassword
from sellout_core.use_cases.people import identity
from sellout_core.values import UserId
from sellout_http.api.handler_context import ReadContext, WriteContext
from sellout_http.api.languages import ACCEPT_LANGUAGE, language_of
from sellout_http.api.operations import Access, Group
from sellout_http.api.rate_limits import (
    LOGINS_PER_ADDRESS,
    MAILS_PER_ACCOUNT,
    MAILS_PER_ADDRESS,
    MAILS_PER_USER,
    PASSWORD_CHANGES,
)
from sellout_http.runtime.executor import Workload
from sellout_http.schemas import responses
from sellout_http.schemas.own_account_serializers import user_email
from sellout_http.schemas.requests.identity import (
    ChangeEmailRequest,
    ForgotPasswordRequest,
    ResetPasswordRequest,
    VerifyEmailRequest,
)

group = Group("E-mail", "E-mail addresses of users, and forgotten passwords.")


@group.read(
    "/user/email/{user_id}",
    Access.USER,
    reply_example={"address": "anna@shop.example", "pending": None, "language": "en"},
)
def show_email(context: ReadContext, user_id: UserId) -> responses.UserEmail:
    """The verified e-mail address of a user, and the one that is to be verified."""
    return user_email(identity.read_email(context.shop, context.actor, user_id))


@group.write(
    "POST",
    "/user/email/{user_id}",
    Access.USER,
    statuses=(202,),
    errors=(WrongPassword, MailDisabled),
    parameters=(ACCEPT_LANGUAGE,),
    workload=Workload.HASH,
    limits=(PASSWORD_CHANGES, MAILS_PER_ADDRESS, MAILS_PER_USER),
    request_example={"email": "anna@shop.example", "password": "the password"},
    reply_example={},
)
def change_email(context: WriteContext, user_id: UserId, body: ChangeEmailRequest) -> responses.EmptyDocument:
    """Set or change the e-mail address of a user.

    Sends a link to the new address. The address becomes the user's when its token is sent to /user/email/verify.
    """
    identity.change_email(context.shop, context.actor, user_id, body.change(), language_of(context))
    return responses.EmptyDocument()


@group.write(
    "POST",
    "/user/email/verify",
    Access.ANON,
    errors=(TokenUnusable, EmailTaken),
    parameters=(ACCEPT_LANGUAGE,),
    request_example={"token": "0123456789abcdef0123456789abcdef"},
    reply_example={},
)
def verify_email(context: WriteContext, body: VerifyEmailRequest) -> responses.EmptyDocument:
    """Verify an e-mail address.

    The address becomes that of the user who asked for the link. If it replaces another address, both get a mail.
    """
    identity.verify_email(context.shop, body.token, language_of(context))
    return responses.EmptyDocument()


@group.write(
    "POST",
    "/user/password/forgot",
    Access.ANON,
    statuses=(202,),
    errors=(MailDisabled,),
    parameters=(ACCEPT_LANGUAGE,),
    limits=(MAILS_PER_ADDRESS, MAILS_PER_ACCOUNT),
    request_example={"email": "anna@shop.example"},
    reply_example={},
)
def request_password_reset(context: WriteContext, body: ForgotPasswordRequest) -> responses.EmptyDocument:
    """Ask for a link that sets a new password.

    The link goes to the verified e-mail address of an active user. The response is the same for every address.
    """
    identity.request_password_reset(context.shop, body.forgotten(), language_of(context))
    return responses.EmptyDocument()


@group.write(
    "POST",
    "/user/password/reset",
    Access.ANON,
    errors=(TokenUnusable,),
    parameters=(ACCEPT_LANGUAGE,),
    workload=Workload.HASH,
    limits=(LOGINS_PER_ADDRESS,),
    request_example={"token": "0123456789abcdef0123456789abcdef", "new_password": "a better password"},
    reply_example={},
)
def reset_password(context: WriteContext, body: ResetPasswordRequest) -> responses.EmptyDocument:
    """Set a new password with the token of a mail.

    Ends all sessions of the user.
    """
    identity.reset_password(context.shop, body.reset(), language_of(context))
    return responses.EmptyDocument()
