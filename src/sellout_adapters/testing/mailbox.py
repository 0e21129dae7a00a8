"""A mailer for tests that stores letters in memory, and the sending of all mails that are due."""

from collections.abc import Sequence

from sellout_core.mail import Letter
from sellout_core.people.accounts import OPERATOR
from sellout_core.shop import Shop
from sellout_core.use_cases.mail import MailOutcome, send_next_mail

__all__ = ["Mailbox", "deliver"]


class Mailbox:
    """`ports.Mailer`. Tests may set `failure` to the error of the next attempts."""

    def __init__(self) -> None:
        self.letters: list[Letter] = []
        self.failure: Exception | None = None

    def send(self, letter: Letter) -> None:
        """Stores the letter, or raises the failure."""
        if self.failure is not None:
            raise self.failure
        self.letters.append(letter)


def deliver(shop: Shop, mailbox: Mailbox | None = None) -> Sequence[Letter]:
    """Sends all mails that are due. Returns the letters that were sent now."""
    box = mailbox or Mailbox()
    before = len(box.letters)
    outcomes: list[MailOutcome] = []
    while (outcome := send_next_mail(shop, OPERATOR, box)) is not None:
        outcomes.append(outcome)
    sent = box.letters[before:]
    assert [outcome.result for outcome in outcomes].count("sent") == len(sent)
    return sent
