"""Users, credentials, address books, sessions and stored responses."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from itertools import starmap
from operator import attrgetter
from typing import Any, Final

import attrs
from sqlalchemy import Select, Text, bindparam, delete, exists, insert, select, update

from sellout_adapters.sql.schema.functions import AMONG_IDS, AMONG_TEXTS, among, collected, contains
from sellout_adapters.sql.schema.inserts import delete_oldest, insert_missing
from sellout_adapters.sql.schema.tables.shop import addresses, sessions, users
from sellout_adapters.sql.schema.types import askable_after, lookup_key
from sellout_adapters.sql.session.compiled import Row
from sellout_adapters.sql.session.product_cache import VERSIONS
from sellout_adapters.sql.session.session import DatabaseSession
from sellout_core.errors import UsernameTaken
from sellout_core.people.accounts import Actor, Address, Credentials, NewAddress, NewUser, Session, User
from sellout_core.people.user_search import UserQuery, search_key_of
from sellout_core.values import AddressId, SessionId, UserId, fold

_USER: Final = select(
    *(users.c[name] for name in ("id", *attrs.fields_dict(NewUser))),
    select(collected(addresses.c.id, addresses.c.address, addresses.c.post_index))
    .where(addresses.c.user_id == users.c.id)
    .scalar_subquery()
    .label("addresses"),
)
_USERS_BY_ID: Final = _USER.where(among(users.c.id, AMONG_IDS))
_EXISTS: Final = users.c.deleted_at.is_(None)
_USERS_AFTER: Final = (
    _USER.where(users.c.id > bindparam("after"), _EXISTS).order_by(users.c.id).limit(bindparam("limit"))
)
_SEARCH: Final = _USERS_AFTER.where(contains(users.c.search_key, bindparam("search_key", type_=Text())))
_SUPERUSERS: Final = (
    select(users.c.id).where(users.c.is_active, users.c.is_staff, users.c.is_superuser).order_by(users.c.id)
)
_LOCK_USER: Final = select(users.c.id).where(users.c.id == bindparam("user_id"))
_USER_BY_ID: Final = _USER.where(users.c.id == bindparam("user_id"), _EXISTS)
_ADD_USER: Final = insert_missing(users).returning(users.c.id)
_namesake = users.alias("namesake")
_SAVE_USER: Final = update(users).where(
    users.c.id == bindparam("user_id"),
    ~exists().where(_namesake.c.username_key == bindparam("taken_key"), _namesake.c.id != bindparam("user_id")),
)

_id: Final = attrgetter("id")


def _user(row: Row) -> User:
    return User(
        id=row.id,
        username=row.username,
        first_name=row.first_name,
        last_name=row.last_name,
        email=row.email,
        gender_id=row.gender_id,
        is_staff=row.is_staff,
        is_superuser=row.is_superuser,
        is_active=row.is_active,
        joined_at=row.joined_at,
        last_login=row.last_login,
        purchased_total=row.purchased_total,
        personal_discount=row.personal_discount,
        referral_link=row.referral_link,
        preferred_size_grid=row.preferred_size_grid,
        referrer_id=row.referrer_id,
        last_viewed=tuple(row.last_viewed),
        telephone=row.telephone,
        main_address_id=row.main_address_id,
        deleted_at=row.deleted_at,
        addresses=tuple(starmap(Address, sorted(row.addresses))),
    )


def _user_values(user: NewUser) -> dict[str, Any]:
    values = {name: getattr(user, name) for name in attrs.fields_dict(NewUser)}
    return values | {
        "username_key": fold(user.username),
        "last_viewed": list(user.last_viewed),
        "search_key": search_key_of(user),
    }


@attrs.frozen
class SqlUsers:
    """`ports.Users`."""

    _session: DatabaseSession

    def add(self, user: NewUser, password_hash: str) -> User:
        """If the username is taken, nothing is written and no statement fails."""
        row = self._session.row(_ADD_USER, _user_values(user) | {"password_hash": password_hash})
        if row is None:
            raise UsernameTaken
        self._refer([user])
        return User.of(row.id, user)

    def get_many(self, user_ids: Collection[UserId]) -> Mapping[UserId, User]:
        """One statement."""
        found = self._users(self._session.rows_among(_USERS_BY_ID, user_ids))
        return dict(zip(map(_id, found), found, strict=True))

    def after(self, user_id: int, limit: int) -> Sequence[User]:
        """One statement."""
        return self._users(self._session.rows(_USERS_AFTER, {"after": askable_after(user_id), "limit": limit}))

    def search(self, query: UserQuery, user_id: int, limit: int) -> Sequence[User]:
        """One statement, which reads the users by id until `limit` of them match."""
        window = {"after": askable_after(user_id), "limit": limit}
        return self._users(self._session.rows(_SEARCH, window | {"search_key": query.search_key}))

    def superusers_for_update(self) -> Collection[UserId]:
        """Locks the rows, then reads them again: a transaction that ended meanwhile may have made other superusers."""
        locked = self._session.lock(_SUPERUSERS, {})
        found = self._session.rows(_SUPERUSERS)
        if self._session.locking and {row.id for row in locked} != {row.id for row in found}:
            self._session.run_again()
        return {row.id for row in found}

    def for_update(self, user_id: UserId) -> User | None:
        """Locks the row, then reads it. SQLite needs no lock: it has one writer."""
        self._session.lock(_LOCK_USER, {"user_id": user_id})
        row = self._session.row(_USER_BY_ID, {"user_id": user_id})
        return None if row is None else self._users([row])[0]

    def save(self, user: User) -> None:
        """Writes all columns except the password hash. If the username is taken, nothing is written."""
        values = _user_values(user)
        if not self._session.run(_SAVE_USER, values | {"user_id": user.id, "taken_key": values["username_key"]}):
            raise UsernameTaken
        self._refer([user])

    def _users(self, rows: Sequence[Row]) -> list[User]:
        found = list(map(_user, rows))
        self._refer(found)
        return found

    def _refer(self, found: Sequence[NewUser]) -> None:
        for user in found:
            if user.gender_id is not None:
                self._session.note_references("genders", [user.gender_id])


_CREDENTIALS: Final = select(users.c.id, users.c.password_hash, users.c.is_active).where(_EXISTS)
_CREDENTIALS_BY_NAME: Final = _CREDENTIALS.where(users.c.username_key == bindparam("key"))
_CREDENTIALS_BY_ID: Final = _CREDENTIALS.where(users.c.id == bindparam("user_id"))
_SAVE_CREDENTIALS: Final = (
    update(users).where(users.c.id == bindparam("user_id")).values(password_hash=bindparam("fresh_hash"))
)


@attrs.frozen
class SqlCredentials:
    """`ports.CredentialsOfUsers`, columns of the table of users."""

    _session: DatabaseSession

    def by_username(self, username: str) -> Credentials | None:
        """By the folded username."""
        return self._one(_CREDENTIALS_BY_NAME, {"key": lookup_key(username)})

    def of(self, user_id: UserId) -> Credentials | None:
        """One statement."""
        return self._one(_CREDENTIALS_BY_ID, {"user_id": user_id})

    def save(self, user_id: UserId, password_hash: str) -> None:
        """One statement."""
        self._session.run(_SAVE_CREDENTIALS, {"user_id": user_id, "fresh_hash": password_hash})

    def _one(self, statement: Select[Any], parameters: Mapping[str, Any]) -> Credentials | None:
        row = self._session.row(statement, parameters)
        return None if row is None else Credentials(row.id, row.password_hash, row.is_active)


_ADD_ADDRESS: Final = insert(addresses).returning(addresses.c.id)
_SAVE_ADDRESS: Final = update(addresses).where(addresses.c.id == bindparam("address_id"))
_DELETE_ADDRESS: Final = delete(addresses).where(addresses.c.id == bindparam("address_id"))


@attrs.frozen
class SqlAddresses:
    """`ports.Addresses`."""

    _session: DatabaseSession

    def add(self, user_id: UserId, address: NewAddress) -> Address:
        """One statement. Ids ascend, so the address book is sorted by id."""
        [row] = self._session.rows(_ADD_ADDRESS, {"user_id": user_id} | attrs.asdict(address))
        return Address(row.id, address.address, address.post_index)

    def save(self, address: Address) -> None:
        """One statement."""
        parameters = {"address": address.address, "post_index": address.post_index}
        self._session.run(_SAVE_ADDRESS, {"address_id": address.id} | parameters)

    def delete(self, address_id: AddressId) -> None:
        """One statement. No foreign key refers to the row."""
        self._session.run(_DELETE_ADDRESS, {"address_id": address_id})


_ADD_SESSION: Final = insert(sessions)
_ACTORS: Final = (
    # Most requests read products next, which needs the version of the catalogue.
    select(
        sessions.c.id,
        users.c.id.label("user_id"),
        users.c.is_staff,
        users.c.is_superuser,
        *(select(column).scalar_subquery().label(column.name) for column in VERSIONS.selected_columns),
    )
    .join_from(sessions, users, sessions.c.user_id == users.c.id)
    .where(among(sessions.c.id, AMONG_TEXTS), users.c.is_active)
)
_SESSIONS_OF: Final = select(sessions).where(among(sessions.c.user_id, AMONG_IDS))
_SESSION: Final = select(sessions).where(sessions.c.id == bindparam("session_id"))
_SAVE_SESSION: Final = update(sessions).where(sessions.c.id == bindparam("session_id"))
_DELETE_SESSION: Final = delete(sessions).where(sessions.c.id == bindparam("session_id"))
_DELETE_SESSIONS: Final = delete(sessions).where(
    sessions.c.user_id == bindparam("user_id"), sessions.c.id != bindparam("kept")
)
_DELETE_EXPIRED: Final = delete_oldest(sessions, sessions.c.expires_at)


def _stored_session(row: Row) -> Session:
    return Session(
        row.id, row.user_id, row.refresh_fingerprint, row.expires_at, row.last_used_at, row.device, row.network
    )


@attrs.frozen
class SqlSessions:
    """`ports.Sessions`."""

    _session: DatabaseSession

    def add(self, session: Session) -> None:
        """One statement."""
        self._session.run(_ADD_SESSION, attrs.asdict(session))

    def actor(self, session_id: SessionId, user_id: UserId) -> Actor | None:
        """One statement: a join of the session and the user."""
        rows = self._session.rows_among(_ACTORS, [session_id])
        for row in rows:
            self._session.set_catalogue_versions(row)
            if row.user_id == user_id:
                return Actor(user_id, row.is_staff, row.is_staff and row.is_superuser)
        return None

    def of(self, user_id: UserId) -> Sequence[Session]:
        """One statement."""
        return list(map(_stored_session, self._session.rows_among(_SESSIONS_OF, [user_id], key="user_id")))

    def for_update(self, session_id: SessionId) -> Session | None:
        """Locks the row, then reads it."""
        self._session.lock(_SESSION, {"session_id": session_id})
        row = self._session.row(_SESSION, {"session_id": session_id})
        return None if row is None else _stored_session(row)

    def save(self, session: Session) -> None:
        """One statement."""
        self._session.run(_SAVE_SESSION, attrs.asdict(session) | {"session_id": session.id})

    def delete(self, session_id: SessionId) -> None:
        """One statement."""
        self._session.run(_DELETE_SESSION, {"session_id": session_id})

    def delete_of(self, user_id: UserId, kept: SessionId | None = None) -> int:
        """One statement. No session has an empty id."""
        return self._session.run(_DELETE_SESSIONS, {"user_id": user_id, "kept": kept or ""})

    def delete_expired(self, expired_by: datetime, limit: int) -> int:
        """One statement."""
        return len(self._session.rows(_DELETE_EXPIRED, {"by": expired_by, "limit": limit}))
