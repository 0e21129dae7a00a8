"""The e-mail address of an account, and single-use tokens that prove who reads the mail of an address."""

import hashlib
from datetime import datetime, timedelta
from typing import Final, Literal

import attrs

from sellout_core import values
from sellout_core.errors import Fault, FieldCode
from sellout_core.mail import Language
from sellout_core.values import UserId, fold, ruled

TokenPurpose = Literal["verify_email", "reset_password"]

TOKEN_LIFETIME: Final = timedelta(hours=1)


def mail_address(value: str) -> Fault | None:
    """A rule for addresses that the shop sends mail to: those of `values.email` in ASCII. An international domain is
    written as `xn--...`, so that every mail server takes it.
    """
    if not value.isascii():
        return Fault("must be in ASCII; write an international domain as xn--...", FieldCode.NOT_AN_EMAIL)
    return values.email(value)


def address_key(address: str) -> str:
    """An address for comparisons. No provider of mail gives two people addresses that differ in case alone."""
    return fold(address)


@attrs.frozen
class AccountEmail:
    """The e-mail address of a user.

    Attributes:
        user_id: The user.
        address: The verified address. None: there is none.
        pending: The address that replaces it when it is verified. None: there is none.
        language: The language of mails about orders: that of the request that verified the address.
    """

    user_id: UserId
    address: str | None = attrs.field(default=None, repr=False)
    pending: str | None = attrs.field(default=None, repr=False)
    language: Language = "en"


@attrs.frozen(kw_only=True)
class EmailChange:
    """A new e-mail address, and the user's password.

    Raises:
        InvalidFields: the address breaks `mail_address`.
    """

    email: str = ruled(mail_address, repr=False)
    password: str = attrs.field(repr=False)

    def __attrs_post_init__(self) -> None:
        values.enforce(self)


@attrs.frozen
class ForgottenPassword:
    """The address of a user who forgot the password.

    Raises:
        InvalidFields: the address breaks `mail_address`.
    """

    email: str = ruled(mail_address, repr=False)

    def __attrs_post_init__(self) -> None:
        values.enforce(self)


@attrs.frozen(kw_only=True)
class PasswordReset:
    """A token from a mail, and a new password. The shop's policy has more rules for the password.

    Raises:
        InvalidFields: the new password is out of its limits.
    """

    token: str = attrs.field(repr=False)
    new_password: str = ruled(values.password, repr=False)

    def __attrs_post_init__(self) -> None:
        values.enforce(self)


@attrs.frozen
class SingleUseToken:
    """A token that a mail has, without the token itself.

    Attributes:
        fingerprint: The hash of the token (`fingerprint_of`).
        user_id: The user whose address it proves.
        purpose: The only use of the token.
        address: The address that the mail goes to.
        expires_at: The token is valid before this time.
    """

    fingerprint: str = attrs.field(repr=False)
    user_id: UserId
    purpose: TokenPurpose
    address: str = attrs.field(repr=False)
    expires_at: datetime


def fingerprint_of(token: str) -> str:
    """A hash that identifies a token. A token has 128 random bits, so the hash needs no salt."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
