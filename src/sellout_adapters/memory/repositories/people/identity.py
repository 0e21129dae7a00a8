"""E-mail addresses of accounts, single-use tokens and the outbox in memory."""

from datetime import datetime

import attrs

from sellout_adapters.memory.repositories.base import Repository, drop_oldest
from sellout_adapters.memory.tables import StoredMail
from sellout_core.errors import EmailTaken
from sellout_core.mail import Mail, NewMail
from sellout_core.people.identity import AccountEmail, SingleUseToken, TokenPurpose, address_key
from sellout_core.values import MailId, UserId


class AccountEmails(Repository):
    """`ports.AccountEmails`."""

    def of(self, user_id: UserId) -> AccountEmail:
        """The user's addresses."""
        return self._tables.emails.get(user_id, AccountEmail(user_id))

    def by_address(self, address: str) -> AccountEmail | None:
        """The owner of a verified address."""
        key = address_key(address)
        return next(
            (known for known in self._tables.emails.values() if known.address and address_key(known.address) == key),
            None,
        )

    def save(self, email: AccountEmail) -> None:
        """Writes a user's addresses."""
        owner = None if email.address is None else self.by_address(email.address)
        if owner is not None and owner.user_id != email.user_id:
            raise EmailTaken
        self._tables.emails.put(email.user_id, email)


class SingleUseTokens(Repository):
    """`ports.SingleUseTokens`."""

    def add(self, token: SingleUseToken) -> None:
        """Stores a new token."""
        self._tables.single_use_tokens.put(token.fingerprint, token)

    def of(self, fingerprint: str) -> SingleUseToken | None:
        """The token."""
        return self._tables.single_use_tokens.get(fingerprint)

    def take(self, fingerprint: str) -> bool:
        """Deletes a token."""
        return self._tables.single_use_tokens.drop(fingerprint)

    def delete_of(self, user_id: UserId, purpose: TokenPurpose) -> None:
        """Deletes a user's tokens for a purpose."""
        for token in list(self._tables.single_use_tokens.values()):
            if (token.user_id, token.purpose) == (user_id, purpose):
                self._tables.single_use_tokens.drop(token.fingerprint)

    def delete_expired(self, expired_by: datetime, limit: int) -> int:
        """Deletes expired tokens."""
        return drop_oldest(self._tables.single_use_tokens, lambda token: token.expires_at, expired_by, limit)


class Outbox(Repository):
    """`ports.Outbox`."""

    def add(self, mail: NewMail) -> None:
        """Appends a mail."""
        mail_id = MailId(self._tables.outbox.next_id())
        stored = Mail(id=mail_id, attempts=0, **attrs.asdict(mail, recurse=False))
        self._tables.outbox.put(mail_id, StoredMail(stored, mail.created_at))

    def has_due(self, now: datetime) -> bool:
        """Whether a mail is due."""
        return self._due(now) is not None

    def take_due(self, now: datetime, due_again: datetime) -> Mail | None:
        """Takes a mail that is due."""
        mail = self._due(now)
        if mail is None:
            return None
        taken = attrs.evolve(mail, attempts=mail.attempts + 1)
        self._tables.outbox.put(mail.id, StoredMail(taken, due_again))
        return taken

    def postpone(self, mail: Mail, due_at: datetime) -> None:
        """Sets when a taken mail is due."""
        stored = self._tables.outbox.get(mail.id)
        if stored is not None and stored.mail.attempts == mail.attempts:
            self._tables.outbox.put(mail.id, StoredMail(stored.mail, due_at))

    def delete(self, mail_id: MailId) -> None:
        """Deletes a mail."""
        self._tables.outbox.drop(mail_id)

    def _due(self, now: datetime) -> Mail | None:
        """The mail that has been due for longest, among the first ones to each address."""
        first: dict[str, StoredMail] = {}
        for mail_id in sorted(self._tables.outbox):
            stored = self._tables.outbox[mail_id]
            first.setdefault(address_key(stored.mail.recipient), stored)
        due = [stored for stored in first.values() if stored.due_at <= now]
        return min(due, key=lambda stored: (stored.due_at, stored.mail.id)).mail if due else None
