"""Ports of users, what they log in with, and their sessions."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from sellout_core.accounts import (
    Actor,
    Address,
    Credentials,
    NewAddress,
    NewUser,
    Session,
    User,
)
from sellout_core.values import (
    AddressId,
    ProductId,
    SessionId,
    UserId,
)

__all__ = ["Addresses", "CredentialsOfUsers", "Sessions", "Users", "Views"]


class Users(Protocol):
    """Users."""

    def add(self, user: NewUser, password_hash: str) -> User:
        """Stores a new user. Usernames are unique under `values.fold`.

        Raises:
            UsernameTaken: the username is taken, perhaps since a moment ago.
        """

    def get_many(self, user_ids: Collection[UserId]) -> Mapping[UserId, User]:
        """The users of those ids, address books included."""

    def after(self, user_id: int, limit: int) -> Sequence[User]:
        """The first `limit` users with ids above `user_id`, by id."""

    def for_update(self, user_id: UserId) -> User | None:
        """The user, whom no other transaction changes, nor anything of theirs, before this one ends."""

    def save(self, user: User) -> None:
        """Writes a user obtained from `for_update`; the address book is not written.

        Raises:
            UsernameTaken: the new username is another user's.
        """


class Views(Protocol):
    """What users looked at, which stands in `User.last_viewed`."""

    def note(self, views: Iterable[tuple[UserId, ProductId]]) -> None:
        """Makes each user one who `User.having_viewed` the product, in the order given. Of transactions that note at
        once none is lost; for a user who does not exist nothing is noted. Several users are to be `free` first, so
        that no two transactions wait for each other.
        """

    def free(self, user_ids: Collection[UserId]) -> Collection[UserId]:
        """Locks those of the users that no other transaction has locked, and returns them. It never waits."""


class CredentialsOfUsers(Protocol):
    """What users log in with. `Users.add` stores the first."""

    def by_username(self, username: str) -> Credentials | None:
        """The credentials of the user of that name; the case of its letters does not matter."""

    def of(self, user_id: UserId) -> Credentials | None:
        """The user's credentials."""

    def save(self, user_id: UserId, password_hash: str) -> None:
        """Writes another hash for a user obtained from `Users.for_update`."""


class Addresses(Protocol):
    """Users' address books."""

    def add(self, user_id: UserId, address: NewAddress) -> Address:
        """Appends an address to a user's address book."""

    def save(self, address: Address) -> None:
        """Writes an existing address."""

    def delete(self, address_id: AddressId) -> None:
        """Deletes an address; orders keep the copy they were made with."""


class Sessions(Protocol):
    """Sessions that live. A revoked one is gone."""

    def add(self, session: Session) -> None:
        """Stores a new session."""

    def actor(self, session_id: SessionId, user_id: UserId) -> Actor | None:
        """Who acts in that session with today's rights; None unless it is that user's and the user is active."""

    def for_update(self, session_id: SessionId) -> Session | None:
        """The session, which no other transaction changes before this one ends."""

    def save(self, session: Session) -> None:
        """Writes an existing session."""

    def delete(self, session_id: SessionId) -> None:
        """Revokes a session, if it is there."""

    def delete_of(self, user_id: UserId, expired_by: datetime | None = None) -> None:
        """Revokes all of the user's sessions, or those that expired by a time."""
