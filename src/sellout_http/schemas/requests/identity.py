"""The bodies of requests for e-mail addresses, forgotten passwords and second factors."""

from typing import Annotated

from msgspec import Meta

from sellout_core import values
from sellout_core.people.identity import EmailChange, ForgottenPassword, PasswordReset
from sellout_core.people.second_factors import SecondFactorCode
from sellout_http.schemas.requests.common import Body
from sellout_http.schemas.requests.people import Code, CurrentPassword, Password, Token

MailAddress = Annotated[
    str,
    Meta(
        max_length=values.MAX_EMAIL,
        description="An e-mail address in ASCII. An international domain is written as `xn--...`.",
        extra_json_schema={"format": "email"},
    ),
]
MailToken = Annotated[Token, Meta(description="The token of the link in the mail: the text after `#token=`.")]


class ChangeEmailRequest(Body, frozen=True):
    """A new e-mail address, and the user's password."""

    email: MailAddress
    password: CurrentPassword

    def change(self) -> EmailChange:
        """Converts the body to the core's value.

        Raises:
            InvalidFields: the address is not one that the shop sends mail to.
        """
        return EmailChange(email=self.email, password=self.password)


class VerifyEmailRequest(Body, frozen=True):
    """The token of a mail."""

    token: MailToken


class ForgotPasswordRequest(Body, frozen=True):
    """The address of the user who forgot the password."""

    email: MailAddress

    def forgotten(self) -> ForgottenPassword:
        """Converts the body to the core's value.

        Raises:
            InvalidFields: the address is not one that the shop sends mail to.
        """
        return ForgottenPassword(self.email)


class ResetPasswordRequest(Body, frozen=True):
    """The token of a mail, and a new password."""

    token: MailToken
    new_password: Password

    def reset(self) -> PasswordReset:
        """Converts the body to the core's value.

        Raises:
            InvalidFields: the password breaks a rule of the core.
        """
        return PasswordReset(token=self.token, new_password=self.new_password)


class BeginSecondFactorRequest(Body, frozen=True):
    """The user's password."""

    password: CurrentPassword


class _WithCode(Body, frozen=True):
    code: Code

    def second_factor_code(self) -> SecondFactorCode:
        """Converts the code to the core's value.

        Raises:
            InvalidFields: it is malformed.
        """
        return SecondFactorCode(self.code)


class ConfirmSecondFactorRequest(_WithCode, frozen=True):
    """A code of the new secret."""


class ChangeSecondFactorRequest(_WithCode, frozen=True):
    """The user's password, and a code."""

    password: CurrentPassword
