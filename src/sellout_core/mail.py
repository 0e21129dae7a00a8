"""Mails: what is to be sent to whom, and how long the shop tries. Adapters have the words."""

import enum
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final, Literal, final

import attrs

from sellout_core.retries import delay_after
from sellout_core.values import MailId, UserId

Language = Literal["en", "ru"]

LEASE: Final = timedelta(minutes=5)
"""How long a process may take to send a mail before another one sends it."""

GIVEN_UP_AFTER: Final = timedelta(days=3)
"""How long the shop tries to send a mail."""


@final
class MailTemplate(enum.StrEnum):
    """What a mail is about."""

    VERIFY_EMAIL = "verify_email"
    """Asks to verify an address, with a link."""
    EMAIL_CHANGED = "email_changed"
    """Tells the old and the new address about a change."""
    RESET_PASSWORD = "reset_password"  # noqa: S105 - a name
    """Has a link for setting a new password."""
    PASSWORD_RESET = "password_reset"  # noqa: S105 - a name
    """Tells that the password was set with such a link."""
    SECOND_FACTOR_CHANGED = "second_factor_changed"
    """Tells that the second factor was turned on or off, or that there are new recovery codes."""
    ORDER_ACCEPTED = "order_accepted"
    """Tells that the shop has an order."""
    ORDER_ON_ITS_WAY = "order_on_its_way"
    """Tells which units are on their way to the shop."""
    ORDER_SHIPPED = "order_shipped"
    """Has the carrier and the tracking number of the last parcel of an order."""
    ORDER_PARTLY_SHIPPED = "order_partly_shipped"
    """Has the carrier and the tracking number of a parcel that others will follow."""
    ORDER_CANCELLED = "order_cancelled"
    """Tells that an order was cancelled."""
    ORDER_PARTLY_CANCELLED = "order_partly_cancelled"
    """Tells which units of an order were cancelled."""
    ORDER_REFUNDED = "order_refunded"
    """Tells which amount was paid back."""


ABOUT_ORDERS: Final = frozenset(template for template in MailTemplate if template.startswith("order_"))
"""The templates of mails about orders."""


@attrs.frozen(kw_only=True)
class NewMail:
    """A mail without an id. It contains no secret: a token is made when the mail is sent.

    Attributes:
        recipient: The address.
        template: What it is about.
        language: The language.
        user_id: The user whom it concerns. None: the address decides when the mail is sent.
        parameters: The values of the template.
        created_at: The time of the request.
    """

    recipient: str = attrs.field(repr=False)
    template: MailTemplate
    language: Language
    user_id: UserId | None = None
    parameters: Mapping[str, str] = attrs.field(factory=dict, repr=False)
    created_at: datetime


@attrs.frozen(kw_only=True)
class Mail(NewMail):
    """A mail in the outbox.

    Attributes:
        id: The id. Mails to one address are sent in order of their ids.
        attempts: How often a process has taken the mail to send it.
    """

    id: MailId
    attempts: int

    def next_attempt(self, now: datetime) -> datetime | None:
        """When to try again after a failure at `now`: after 1, 2, 4 minutes and so on, up to 6 hours. None: the mail is
        given up after 3 days.
        """
        if now - self.created_at >= GIVEN_UP_AFTER:
            return None
        return now + delay_after(self.attempts)


@attrs.frozen
class Letter:
    """A mail that a mailer sends.

    Attributes:
        mail: The mail in the outbox.
        recipient: The address.
        parameters: The values of the template. `token` is a secret that belongs into a link.
    """

    mail: Mail
    recipient: str = attrs.field(repr=False)
    parameters: Mapping[str, str] = attrs.field(repr=False)


class MailNotSent(Exception):
    """A mailer could not send a letter. The message has no personal data.

    Attributes:
        permanent: Whether another attempt would fail too.
    """

    def __init__(self, message: str, *, permanent: bool = False) -> None:
        super().__init__(message)
        self.permanent = permanent
