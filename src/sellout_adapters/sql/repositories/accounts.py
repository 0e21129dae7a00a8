"""Users, their address books, their sessions, and their stored answers for retries."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import attrs
from sqlalchemy import Select, and_, bindparam, delete, exists, insert, select, update

from sellout_adapters.sql.schema.functions import AMONG_IDS, AMONG_TEXTS, among, collected
from sellout_adapters.sql.schema.inserts import insert_missing, insert_or
from sellout_adapters.sql.schema.shop_tables import addresses, answers, sessions, users
from sellout_adapters.sql.schema.types import askable_after, lookup_key
from sellout_adapters.sql.session.compiled import Row
from sellout_adapters.sql.session.product_cache import VERSION
from sellout_adapters.sql.session.session import DatabaseSession
from sellout_core.accounts import Actor, Address, Credentials, NewAddress, NewUser, Session, User
from sellout_core.errors import UsernameTaken
from sellout_core.ports.shopping import KeptAnswer
from sellout_core.values import AddressId, SessionId, UserId, fold

_USER: Final = select(
    *(users.c[name] for name in ("id", *attrs.fields_dict(NewUser))),
    select(collected(addresses.c.id, addresses.c.address, addresses.c.post_index))
    .where(addresses.c.user_id == users.c.id)
    .scalar_subquery()
    .label("addresses"),
)
_USERS_BY_ID: Final = _USER.where(among(users.c.id, AMONG_IDS))
_USERS_AFTER: Final = _USER.where(users.c.id > bindparam("after")).order_by(users.c.id).limit(bindparam("limit"))
_LOCK_USER: Final = select(users.c.id).where(users.c.id == bindparam("user_id"))
_USER_BY_ID: Final = _USER.where(users.c.id == bindparam("user_id"))
_ADD_USER: Final = insert_missing(users).returning(users.c.id)
_namesake = users.alias("namesake")
_SAVE_USER: Final = update(users).where(
    users.c.id == bindparam("user_id"),
    ~exists().where(_namesake.c.username_key == bindparam("taken_key"), _namesake.c.id != bindparam("user_id")),
)


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
        addresses=tuple(Address(*address) for address in sorted(row.addresses)),
    )


def _user_values(user: NewUser) -> dict[str, Any]:
    values = {name: getattr(user, name) for name in attrs.fields_dict(NewUser)}
    return values | {"username_key": fold(user.username), "last_viewed": list(user.last_viewed)}


class SqlUsers:
    """`ports.Users`."""

    def __init__(self, session: DatabaseSession) -> None:
        self._session = session

    def add(self, user: NewUser, password_hash: str) -> User:
        """If the username is taken, nothing is written and no statement fails."""
        row = self._session.row(_ADD_USER, _user_values(user) | {"password_hash": password_hash})
        if row is None:
            raise UsernameTaken
        self._refer([user])
        return User.of(row.id, user)

    def get_many(self, user_ids: Collection[UserId]) -> Mapping[UserId, User]:
        """One statement."""
        return {user.id: user for user in self._users(self._session.rows_among(_USERS_BY_ID, user_ids))}

    def after(self, user_id: int, limit: int) -> Sequence[User]:
        """One statement."""
        return self._users(self._session.rows(_USERS_AFTER, {"after": askable_after(user_id), "limit": limit}))

    def for_update(self, user_id: UserId) -> User | None:
        """Locks the user's row, then reads it. SQLite has one writer, so it needs no lock."""
        self._session.lock(_LOCK_USER, {"user_id": user_id})
        row = self._session.row(_USER_BY_ID, {"user_id": user_id})
        return None if row is None else self._users([row])[0]

    def save(self, user: User) -> None:
        """Every column but the password's hash. If the username is taken, nothing is written and no statement fails."""
        values = _user_values(user)
        if not self._session.run(_SAVE_USER, values | {"user_id": user.id, "taken_key": values["username_key"]}):
            raise UsernameTaken
        self._refer([user])

    def _users(self, rows: Sequence[Row]) -> list[User]:
        found = [_user(row) for row in rows]
        self._refer(found)
        return found

    def _refer(self, found: Sequence[NewUser]) -> None:
        self._session.note_references("genders", (user.gender_id for user in found if user.gender_id is not None))


_CREDENTIALS: Final = select(users.c.id, users.c.password_hash, users.c.is_active)
_CREDENTIALS_BY_NAME: Final = _CREDENTIALS.where(users.c.username_key == bindparam("key"))
_CREDENTIALS_BY_ID: Final = _CREDENTIALS.where(users.c.id == bindparam("user_id"))
_SAVE_CREDENTIALS: Final = (
    update(users).where(users.c.id == bindparam("user_id")).values(password_hash=bindparam("fresh_hash"))
)


class SqlCredentials:
    """`ports.CredentialsOfUsers`: columns of the users."""

    def __init__(self, session: DatabaseSession) -> None:
        self._session = session

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


class SqlAddresses:
    """`ports.Addresses`."""

    def __init__(self, session: DatabaseSession) -> None:
        self._session = session

    def add(self, user_id: UserId, address: NewAddress) -> Address:
        """Ids go up, so they order the address book."""
        [row] = self._session.rows(_ADD_ADDRESS, {"user_id": user_id} | attrs.asdict(address))
        return Address(row.id, address.address, address.post_index)

    def save(self, address: Address) -> None:
        """One statement."""
        parameters = {"address": address.address, "post_index": address.post_index}
        self._session.run(_SAVE_ADDRESS, {"address_id": address.id} | parameters)

    def delete(self, address_id: AddressId) -> None:
        """Nothing refers to the row."""
        self._session.run(_DELETE_ADDRESS, {"address_id": address_id})


_ADD_SESSION: Final = insert(sessions)
_ACTORS: Final = (
    # Most requests read products next, and need the version of the catalogue for that.
    select(sessions.c.id, users.c.id.label("user_id"), users.c.is_staff, VERSION.scalar_subquery().label("version"))
    .join_from(sessions, users, sessions.c.user_id == users.c.id)
    .where(among(sessions.c.id, AMONG_TEXTS), users.c.is_active)
)
_SESSION: Final = select(sessions).where(sessions.c.id == bindparam("session_id"))
_SAVE_SESSION: Final = update(sessions).where(sessions.c.id == bindparam("session_id"))
_DELETE_SESSION: Final = delete(sessions).where(sessions.c.id == bindparam("session_id"))
_DELETE_SESSIONS: Final = delete(sessions).where(sessions.c.user_id == bindparam("user_id"))
_DELETE_EXPIRED: Final = _DELETE_SESSIONS.where(sessions.c.expires_at <= bindparam("expired_by"))


class SqlSessions:
    """`ports.Sessions`."""

    def __init__(self, session: DatabaseSession) -> None:
        self._session = session

    def add(self, session: Session) -> None:
        """One statement."""
        self._session.run(_ADD_SESSION, attrs.asdict(session))

    def actor(self, session_id: SessionId, user_id: UserId) -> Actor | None:
        """One statement: the session, the user and their rights together."""
        rows = self._session.rows_among(_ACTORS, [session_id])
        for row in rows:
            self._session.set_catalogue_version(row.version)
        return next((Actor(user_id, row.is_staff) for row in rows if row.user_id == user_id), None)

    def for_update(self, session_id: SessionId) -> Session | None:
        """Locks the row, then reads it."""
        self._session.lock(_SESSION, {"session_id": session_id})
        row = self._session.row(_SESSION, {"session_id": session_id})
        return None if row is None else Session(row.id, row.user_id, row.refresh_fingerprint, row.expires_at)

    def save(self, session: Session) -> None:
        """One statement."""
        self._session.run(_SAVE_SESSION, attrs.asdict(session) | {"session_id": session.id})

    def delete(self, session_id: SessionId) -> None:
        """One statement."""
        self._session.run(_DELETE_SESSION, {"session_id": session_id})

    def delete_of(self, user_id: UserId, expired_by: datetime | None = None) -> None:
        """A session is over the moment it expires."""
        if expired_by is None:
            self._session.run(_DELETE_SESSIONS, {"user_id": user_id})
        else:
            self._session.run(_DELETE_EXPIRED, {"user_id": user_id, "expired_by": expired_by})


_HIS_ANSWERS: Final = answers.c.user_id == bindparam("user_id")
_FIND_ANSWER: Final = select(answers.c.fingerprint, answers.c.answer).where(
    and_(_HIS_ANSWERS, answers.c.idempotency_key == bindparam("key"), answers.c.kept_at > bindparam("kept_after"))
)
_KEEP_ANSWER: Final = (keep := insert_or(answers)).on_conflict_do_update(
    index_elements=[answers.c.user_id, answers.c.idempotency_key],
    set_={name: keep.excluded[name] for name in ("fingerprint", "answer", "kept_at")},
)
_DELETE_OLDER: Final = delete(answers).where(_HIS_ANSWERS, answers.c.kept_at <= bindparam("kept_after"))


class SqlAnswers:
    """`ports.Answers`."""

    def __init__(self, session: DatabaseSession) -> None:
        self._session = session

    def find(self, user_id: UserId, key: str, kept_after: datetime) -> KeptAnswer | None:
        """One statement."""
        row = self._session.row(_FIND_ANSWER, {"user_id": user_id, "key": key, "kept_after": kept_after})
        return None if row is None else KeptAnswer(row.fingerprint, row.answer)

    def keep(self, user_id: UserId, key: str, kept: KeptAnswer, now: datetime) -> None:
        """One statement."""
        parameters = {"user_id": user_id, "idempotency_key": key, "kept_at": now}
        self._session.run(_KEEP_ANSWER, parameters | attrs.asdict(kept))

    def delete_older(self, user_id: UserId, kept_after: datetime) -> None:
        """One statement."""
        self._session.run(_DELETE_OLDER, {"user_id": user_id, "kept_after": kept_after})
