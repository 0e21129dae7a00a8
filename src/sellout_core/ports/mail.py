"""Ports of mail: the outbox, which is part of the store, and the mailer that sends what is in it."""

from datetime import datetime
from typing import Protocol

from sellout_core.mail import Letter, Mail, NewMail
from sellout_core.values import MailId


class Outbox(Protocol):
    """Mails that have not been sent. A mail is written in the transaction of the change that it tells about."""

    def add(self, mail: NewMail) -> None:
        """Appends a mail, which is due at once. Ids of mails to one address ascend in the order of commits, if their
        transactions lock one user.
        """

    def has_due(self, now: datetime) -> bool:
        """Whether `take_due` would return a mail."""

    def take_due(self, now: datetime, due_again: datetime) -> Mail | None:
        """Takes a mail that is due at `now` and the first to its address (`identity.address_key`), and adds one to its
        attempts. It is due again at `due_again`. Concurrent transactions take different mails.
        """

    def postpone(self, mail: Mail, due_at: datetime) -> None:
        """Sets when a taken mail is due. Does nothing if it was taken again."""

    def delete(self, mail_id: MailId) -> None:
        """Deletes a mail if it exists."""


class Mailer(Protocol):
    """Sends mail."""

    def send(self, letter: Letter) -> None:
        """Sends a letter. It may be sent twice if the process ends before the shop has noted it.

        Raises:
            MailNotSent: it was not sent.
        """
