"""Users, credentials, addresses, sessions and view histories in memory."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import islice

import attrs

from sellout_adapters.memory.repositories.base import Repository, drop_oldest, rows_of
from sellout_core.errors import UsernameTaken
from sellout_core.people.accounts import Actor, Address, Credentials, NewAddress, NewUser, Session, User
from sellout_core.people.user_search import UserQuery, search_key_of
from sellout_core.ports.store import Count
from sellout_core.values import COUNTED_VIEWS, AddressId, ProductId, SessionId, UserId, fold


class Users(Repository):
    """`ports.Users`. The key of credentials is the folded username."""

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
        return list(islice((user for user in self._known() if user.id > user_id), limit))

    def search(self, query: UserQuery, user_id: int, limit: int) -> Sequence[User]:
        """The next matching users by id."""
        key = query.search_key
        found = (user for user in self._known() if user.id > user_id and key in search_key_of(user))
        return list(islice(found, limit))

    def superusers_for_update(self) -> Collection[UserId]:
        """The active superusers. There is one writer at a time."""
        return {user.id for user in self._tables.users.values() if user.acts_as_superuser}

    def for_update(self, user_id: UserId) -> User | None:
        """The user. There is one writer at a time, so it needs no lock."""
        user = self._tables.users.get(user_id)
        return None if user is None or user.deleted_at is not None else user

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

    def _known(self) -> Iterator[User]:
        return (user for user in self._tables.users.values() if user.deleted_at is None)


class ViewHistory(Repository):
    """`ports.ViewHistory`. There is one writer at a time, so no user is locked."""

    def note(self, views: Collection[tuple[UserId, ProductId]]) -> Collection[UserId]:
        """Notes views."""
        users, missing = self._tables.users, set[UserId]()
        for user_id, product_id in views:
            if (user := users.get(user_id)) is None or user.deleted_at is not None:
                missing.add(user_id)
            else:
                users.put(user_id, user.having_viewed(product_id))
                if product_id not in user.last_viewed:
                    self._count(product_id)
        return missing

    def _count(self, product_id: ProductId) -> None:
        views = self._tables.views
        view_id = views.next_id()
        views.put(view_id, product_id)
        views.drop(view_id - COUNTED_VIEWS)


class CredentialsOfUsers(Repository):
    """`ports.CredentialsOfUsers`."""

    def by_username(self, username: str) -> Credentials | None:
        """The credentials of the user of that name."""
        found = self._tables.credentials.get(fold(username))
        return None if found is None or self._tables.users[found.user_id].deleted_at is not None else found

    def of(self, user_id: UserId) -> Credentials | None:
        """The user's credentials."""
        user = self._tables.users.get(user_id)
        return None if user is None else self.by_username(user.username)

    def save(self, user_id: UserId, password_hash: str) -> None:
        """Replaces the hash."""
        key = fold(self._tables.users[user_id].username)
        self._tables.credentials.put(key, attrs.evolve(self._tables.credentials[key], password_hash=password_hash))


class Addresses(Repository):
    """`ports.Addresses`. Each user contains their addresses; the table maps address ids to users."""

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
        """The actor of the session."""
        session = self._tables.sessions.get(session_id)
        user = self._tables.users.get(user_id)
        if session is None or session.user_id != user_id or user is None or not user.is_active:
            return None
        return Actor(user_id, user.is_staff, user.acts_as_superuser)

    def of(self, user_id: UserId) -> Sequence[Session]:
        """The user's sessions."""
        return [session for session in self._tables.sessions.values() if session.user_id == user_id]

    def for_update(self, session_id: SessionId) -> Session | None:
        """The session."""
        return self._tables.sessions.get(session_id)

    def save(self, session: Session) -> None:
        """Writes an existing session."""
        self._tables.sessions.put(session.id, session)

    def delete(self, session_id: SessionId) -> None:
        """Revokes a session."""
        self._tables.sessions.drop(session_id)

    def delete_of(self, user_id: UserId, kept: SessionId | None = None) -> int:
        """Revokes the user's sessions."""
        own = [session for session in self.of(user_id) if session.id != kept]
        for session in own:
            self._tables.sessions.drop(session.id)
        return len(own)

    def delete_expired(self, expired_by: datetime, limit: int) -> int:
        """Deletes expired sessions."""
        return drop_oldest(self._tables.sessions, lambda session: session.expires_at, expired_by, limit)


class Counters(Repository):
    """`ports.Counters`."""

    def add(self, key: str, now: datetime, window: timedelta) -> Count:
        """Adds one."""
        running = self._tables.counters.get(key)
        # A window that ends too late began before the clock was set back.
        if running is None or not now < running.ends_at <= now + 2 * window:
            running = Count(0, now + window)
        return self._tables.counters.put(key, attrs.evolve(running, number=running.number + 1))

    def take_back(self, key: str, count: Count) -> None:
        """Subtracts one."""
        running = self._tables.counters.get(key)
        if running is not None and running.ends_at == count.ends_at:
            self._tables.counters.put(key, attrs.evolve(running, number=running.number - 1))

    def delete_ended(self, now: datetime, limit: int) -> int:
        """Deletes counts whose window has ended."""
        return drop_oldest(self._tables.counters, lambda count: count.ends_at, now, limit)
