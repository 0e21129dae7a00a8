"""Sends the mails of the outbox, each at least once, and those to one address in order.

A mail is taken in one transaction, sent outside of any, and deleted in another one. A process that ends in between
leaves a mail that is taken again when its lease ends.
"""

from typing import Final, Literal

import attrs

from sellout_core.mail import ABOUT_ORDERS, LEASE, Letter, Mail, MailNotSent, MailTemplate
from sellout_core.people.accounts import Actor, User
from sellout_core.people.identity import TOKEN_LIFETIME, SingleUseToken, TokenPurpose, address_key, fingerprint_of
from sellout_core.ports.mail import Mailer
from sellout_core.ports.store import Transaction
from sellout_core.shop import Shop
from sellout_core.use_cases.upkeep import EXPIRED_PER_WRITE

__all__ = ["MailOutcome", "send_next_mail"]

_LINKS: Final[dict[MailTemplate, TokenPurpose]] = {
    MailTemplate.VERIFY_EMAIL: "verify_email",
    MailTemplate.RESET_PASSWORD: "reset_password",
}
"""The templates with a link, and the purpose of its token."""


@attrs.frozen
class MailOutcome:
    """What became of a mail.

    Attributes:
        mail: The mail.
        result: `sent`, `postponed` after a failure, `given_up` after too many or a permanent one, or `unneeded`:
            the recipient may not get it, or no longer.
        reason: The reason of a failure.
    """

    mail: Mail
    result: Literal["sent", "postponed", "given_up", "unneeded"]
    reason: str = ""


def send_next_mail(shop: Shop, actor: Actor, mailer: Mailer) -> MailOutcome | None:
    """Sends one mail that is due. None: none is due. For the operator. Any number of processes may do so at once.

    Raises:
        Forbidden: the actor is not the operator.
    """
    actor.require_operator()
    if not shop.store.read(lambda tx: tx.outbox.has_due(shop.clock())):
        return None
    taken = shop.store.write(lambda tx: _take(shop, tx))
    if taken is None:
        return None
    mail, letter = taken
    if letter is None:
        return MailOutcome(mail, "unneeded")
    try:
        mailer.send(letter)
    except MailNotSent as failure:
        return _postpone(shop, mail, failure)
    shop.store.write(lambda tx: tx.outbox.delete(mail.id))
    return MailOutcome(mail, "sent")


def _take(shop: Shop, tx: Transaction) -> tuple[Mail, Letter | None] | None:
    """The next mail and its letter. Without a letter, the mail is deleted."""
    now = shop.clock()
    mail = tx.outbox.take_due(now, now + LEASE)
    if mail is None:
        return None
    purpose = _LINKS.get(mail.template)
    letter: Letter | None
    if purpose is not None:
        letter = _with_link(shop, tx, mail, purpose)
    elif mail.template in ABOUT_ORDERS:
        letter = _to_present_address(tx, mail)
    else:
        letter = Letter(mail, mail.recipient, mail.parameters)
    if letter is None:
        tx.outbox.delete(mail.id)
    return mail, letter


def _to_present_address(tx: Transaction, mail: Mail) -> Letter | None:
    """The letter to the verified address of the buyer, which may have changed since. None: there is none any more."""
    assert mail.user_id is not None  # noqa: S101 - mails about orders have it
    address = tx.emails.of(mail.user_id).address
    return None if address is None else Letter(mail, address, mail.parameters)


def _with_link(shop: Shop, tx: Transaction, mail: Mail, purpose: TokenPurpose) -> Letter | None:
    """The letter with a new token, of which the store gets the fingerprint alone. None: no user is to get it."""
    found = _addressee(tx, mail)
    if found is None:
        return None
    user, address = found
    token = shop.random_id() + shop.random_id()
    now = shop.clock()
    tx.single_use_tokens.delete_expired(now, EXPIRED_PER_WRITE)
    tx.single_use_tokens.add(SingleUseToken(fingerprint_of(token), user.id, purpose, address, now + TOKEN_LIFETIME))
    return Letter(mail, address, {"username": user.username, "token": token})


def _addressee(tx: Transaction, mail: Mail) -> tuple[User, str] | None:
    """The active user whom a mail with a link is for, locked, and the address. None: the address was changed since."""
    owner = None if mail.user_id is not None else tx.emails.by_address(mail.recipient)
    user_id = owner.user_id if owner is not None else mail.user_id
    user = None if user_id is None else tx.users.for_update(user_id)
    if user is None or not user.is_active:
        return None
    emails = tx.emails.of(user.id)
    address = emails.pending if mail.template is MailTemplate.VERIFY_EMAIL else emails.address
    if address is None or address_key(address) != address_key(mail.recipient):
        return None
    return user, address


def _postpone(shop: Shop, mail: Mail, failure: MailNotSent) -> MailOutcome:
    again = None if failure.permanent else mail.next_attempt(shop.clock())
    if again is None:
        shop.store.write(lambda tx: tx.outbox.delete(mail.id))
        return MailOutcome(mail, "given_up", str(failure))
    shop.store.write(lambda tx: tx.outbox.postpone(mail, again))
    return MailOutcome(mail, "postponed", str(failure))
