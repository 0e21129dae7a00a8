"""Ports of users, their credentials and their sessions."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from sellout_core.people.accounts import Actor, Address, Credentials, NewAddress, NewUser, Session, User
from sellout_core.people.user_search import UserQuery
from sellout_core.values import AddressId, ProductId, SessionId, UserId

__all__ = ["Addresses", "CredentialsOfUsers", "Sessions", "Users", "ViewHistory"]


class Users(Protocol):
    """Users."""

    def add(self, user: NewUser, password_hash: str) -> User:
        """Stores a new user. Usernames are unique under `values.fold`.

        Raises:
            UsernameTaken: another user has the username, perhaps by a concurrent transaction.
        """

    def get_many(self, user_ids: Collection[UserId]) -> Mapping[UserId, User]:
        """The users with those ids, including their address books, and including deleted users (`User.deleted_at`). No
        other method of this port and of `CredentialsOfUsers` finds deleted users.
        """

    def after(self, user_id: int, limit: int) -> Sequence[User]:
        """The first `limit` users with ids above `user_id`, by id."""

    def search(self, query: UserQuery, user_id: int, limit: int) -> Sequence[User]:
        """The first `limit` users that match a query with a text, with ids above `user_id`, by id."""

    def superusers_for_update(self) -> Collection[UserId]:
        """The active superusers (`User.acts_as_superuser`), locked as by `for_update`, in order of id. A transaction
        that also locks another user locks the superusers first.
        """

    def for_update(self, user_id: UserId) -> User | None:
        """The user, locked until this transaction ends: no other transaction changes the user or their data. A deleted
        user is locked, too, and the result is None.
        """

    def save(self, user: User) -> None:
        """Writes a user obtained from `for_update`, but not the address book.

        Raises:
            UsernameTaken: another user has the new username.
        """


class ViewHistory(Protocol):
    """The products that users viewed: the values of `User.last_viewed`, and the latest counted views of all users."""

    def note(self, views: Collection[tuple[UserId, ProductId]]) -> Collection[UserId]:
        """Applies `User.having_viewed` for each view, in the order given. Counts a view if `User.last_viewed` did not
        have the product (`Cards.related`). Returns the skipped users: those that do not exist or were deleted, and
        those that another transaction has locked. It never waits for a lock, and does not skip a user obtained from
        `Users.for_update`.
        """


class CredentialsOfUsers(Protocol):
    """Credentials of users. `Users.add` stores the first ones."""

    def by_username(self, username: str) -> Credentials | None:
        """The credentials of the user with that name, compared under `values.fold`."""

    def of(self, user_id: UserId) -> Credentials | None:
        """The user's credentials."""

    def save(self, user_id: UserId, password_hash: str) -> None:
        """Replaces the password hash of a user obtained from `Users.for_update`."""


class Addresses(Protocol):
    """Users' address books."""

    def add(self, user_id: UserId, address: NewAddress) -> Address:
        """Appends an address to a user's address book."""

    def save(self, address: Address) -> None:
        """Writes an existing address."""

    def delete(self, address_id: AddressId) -> None:
        """Deletes an address. Orders contain their own copy."""


class Sessions(Protocol):
    """Active sessions. Revoking a session deletes it."""

    def add(self, session: Session) -> None:
        """Stores a new session."""

    def actor(self, session_id: SessionId, user_id: UserId) -> Actor | None:
        """The actor of the session, with the user's current rights. None: it is not that user's session, or the user is
        inactive.
        """

    def of(self, user_id: UserId) -> Sequence[Session]:
        """The user's sessions, in no particular order."""

    def for_update(self, session_id: SessionId) -> Session | None:
        """The session, locked until this transaction ends."""

    def save(self, session: Session) -> None:
        """Writes an existing session."""

    def delete(self, session_id: SessionId) -> None:
        """Revokes a session if it exists."""

    def delete_of(self, user_id: UserId, kept: SessionId | None = None) -> int:
        """Revokes all of the user's sessions but `kept`. Returns their number."""

    def delete_expired(self, expired_by: datetime, limit: int) -> int:
        """Deletes up to `limit` sessions that expired at that time or before, oldest first. Returns their number. Skips
        sessions that another transaction has locked.
        """
