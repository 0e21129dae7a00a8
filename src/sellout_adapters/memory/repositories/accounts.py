"""Users, credentials, addresses, sessions and view histories in memory."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta

import attrs

from sellout_adapters.memory.repositories.base import Repository, rows_after, rows_of
from sellout_core.accounts import Actor, Address, Credentials, NewAddress, NewUser, Session, User
from sellout_core.errors import UsernameTaken
from sellout_core.ports.store import Count
from sellout_core.values import (
    AddressId,
    ProductId,
    SessionId,
    UserId,
    fold,
)


class Users(Repository):
    """`ports.Users`; credentials are kept by folded username."""

    def add(self, user: NewUser, password_hash: str) -> User:
        """Stores a new user."""
        key = fold(user.username)
        if key in self._tables.credentials:
            raise UsernameTaken
        stored = User.of(UserId(self._tables.users.next_id()), user)
        self._tables.credentials.put(key, Credentials(stored.id, password_hash, stored.is_active))
        return self._tables.users.put(stored.id, stored)

    def get_many(self, user_ids: Collection[UserId]) -> Mapping[UserId, User]:
        """The users of those ids."""
        return rows_of(self._tables.users, user_ids)

    def after(self, user_id: int, limit: int) -> Sequence[User]:
        """The next users by id."""
        return rows_after(self._tables.users, user_id, limit)

    def for_update(self, user_id: UserId) -> User | None:
        """The user; writers run one after another anyway."""
        return self._tables.users.get(user_id)

    def save(self, user: User) -> None:
        """Writes a user, but not the address book."""
        before = self._tables.users[user.id]
        old, key = fold(before.username), fold(user.username)
        if key != old and key in self._tables.credentials:
            raise UsernameTaken
        secret = self._tables.credentials[old].password_hash
        self._tables.credentials.drop(old)
        self._tables.credentials.put(key, Credentials(user.id, secret, user.is_active))
        self._tables.users.put(user.id, attrs.evolve(user, addresses=before.addresses))


class Views(Repository):
    """`ports.Views`."""

    def note(self, views: Iterable[tuple[UserId, ProductId]]) -> None:
        """Notes views."""
        for user_id, product_id in views:
            user = self._tables.users.get(user_id)
            if user is not None:
                self._tables.users.put(user_id, user.having_viewed(product_id))

    def free(self, user_ids: Collection[UserId]) -> Collection[UserId]:
        """Every user that exists: there is one writer at a time, so no user is locked."""
        return rows_of(self._tables.users, user_ids)


class CredentialsOfUsers(Repository):
    """`ports.CredentialsOfUsers`."""

    def by_username(self, username: str) -> Credentials | None:
        """The credentials of the user of that name."""
        return self._tables.credentials.get(fold(username))

    def of(self, user_id: UserId) -> Credentials | None:
        """The user's credentials."""
        user = self._tables.users.get(user_id)
        return None if user is None else self.by_username(user.username)

    def save(self, user_id: UserId, password_hash: str) -> None:
        """Writes another hash."""
        key = fold(self._tables.users[user_id].username)
        self._tables.credentials.put(key, attrs.evolve(self._tables.credentials[key], password_hash=password_hash))


class Addresses(Repository):
    """`ports.Addresses`; the addresses themselves stand in their users."""

    def add(self, user_id: UserId, address: NewAddress) -> Address:
        """Appends an address."""
        stored = Address(AddressId(self._tables.addresses.next_id()), address.address, address.post_index)
        self._tables.addresses.put(stored.id, user_id)
        self._replace(user_id, (*self._tables.users[user_id].addresses, stored))
        return stored

    def save(self, address: Address) -> None:
        """Writes an existing address."""
        owner = self._tables.addresses[address.id]
        book = self._tables.users[owner].addresses
        self._replace(owner, tuple(address if known.id == address.id else known for known in book))

    def delete(self, address_id: AddressId) -> None:
        """Deletes an address."""
        owner = self._tables.addresses[address_id]
        self._tables.addresses.drop(address_id)
        book = self._tables.users[owner].addresses
        self._replace(owner, tuple(known for known in book if known.id != address_id))

    def _replace(self, user_id: UserId, book: tuple[Address, ...]) -> None:
        users = self._tables.users
        users.put(user_id, attrs.evolve(users[user_id], addresses=book))


class Sessions(Repository):
    """`ports.Sessions`."""

    def add(self, session: Session) -> None:
        """Stores a new session."""
        self._tables.sessions.put(session.id, session)

    def actor(self, session_id: SessionId, user_id: UserId) -> Actor | None:
        """Who acts in that session."""
        session = self._tables.sessions.get(session_id)
        user = self._tables.users.get(user_id)
        if session is None or session.user_id != user_id or user is None or not user.is_active:
            return None
        return Actor(user_id, user.is_staff)

    def for_update(self, session_id: SessionId) -> Session | None:
        """The session."""
        return self._tables.sessions.get(session_id)

    def save(self, session: Session) -> None:
        """Writes an existing session."""
        self._tables.sessions.put(session.id, session)

    def delete(self, session_id: SessionId) -> None:
        """Revokes a session."""
        self._tables.sessions.drop(session_id)

    def delete_of(self, user_id: UserId, expired_by: datetime | None = None) -> None:
        """Revokes the user's sessions."""
        for session in list(self._tables.sessions.values()):
            if session.user_id == user_id and (expired_by is None or session.expires_at <= expired_by):
                self._tables.sessions.drop(session.id)


class Counters(Repository):
    """`ports.Counters`."""

    def add(self, key: str, now: datetime, window: timedelta) -> Count:
        """Counts one more."""
        running = self._tables.counters.get(key)
        # One that ends later than any begun lately is from before the clock was set back.
        if running is None or not now < running.ends_at <= now + 2 * window:
            running = Count(0, now + window)
        return self._tables.counters.put(key, attrs.evolve(running, number=running.number + 1))

    def take_back(self, key: str, count: Count) -> None:
        """Counts one less."""
        running = self._tables.counters.get(key)
        if running is not None and running.ends_at == count.ends_at:
            self._tables.counters.put(key, attrs.evolve(running, number=running.number - 1))

    def delete_ended(self, now: datetime) -> None:
        """Drops the counts that are over."""
        for key, count in list(self._tables.counters.items()):
            if count.ends_at <= now:
                self._tables.counters.drop(key)
