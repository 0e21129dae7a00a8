"""Ports of the e-mail addresses of accounts and of single-use tokens."""

from datetime import datetime
from typing import Protocol

from sellout_core.people.identity import AccountEmail, SingleUseToken, TokenPurpose
from sellout_core.values import UserId


class AccountEmails(Protocol):
    """The e-mail addresses of users. Verified addresses are unique under `identity.address_key`."""

    def of(self, user_id: UserId) -> AccountEmail:
        """The user's addresses, which may be none."""

    def by_address(self, address: str) -> AccountEmail | None:
        """The addresses of the user whose verified address this is."""

    def save(self, email: AccountEmail) -> None:
        """Writes the addresses of a user obtained from `Users.for_update`.

        Raises:
            EmailTaken: the verified address is that of another user, perhaps by a concurrent transaction.
        """


class SingleUseTokens(Protocol):
    """Single-use tokens by fingerprint."""

    def add(self, token: SingleUseToken) -> None:
        """Stores a new token."""

    def of(self, fingerprint: str) -> SingleUseToken | None:
        """The token with that fingerprint, which may have expired."""

    def take(self, fingerprint: str) -> bool:
        """Deletes a token. Of concurrent transactions, one does so. False: it did not exist."""

    def delete_of(self, user_id: UserId, purpose: TokenPurpose) -> None:
        """Deletes all tokens of the user for a purpose."""

    def delete_expired(self, expired_by: datetime, limit: int) -> int:
        """Deletes up to `limit` tokens that expired at that time or before, oldest first. Returns their number. Skips
        tokens that another transaction has locked.
        """
