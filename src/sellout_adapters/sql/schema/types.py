"""Types of columns and of bound parameters that differ between SQLite and PostgreSQL."""

import re
from collections.abc import Callable, Collection, Iterable
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from sqlalchemy import (
    ARRAY,
    BigInteger,
    DateTime,
    Dialect,
    Integer,
    Text,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import CompileError
from sqlalchemy.types import TypeDecorator, TypeEngine

from sellout_core.values import MAX_ID, fold

_NO_ID: Final = 0

_UNSTORABLE: Final = re.compile("[\0\ud800-\udfff]")


def _by_dialect(dialect: Dialect, *, sqlite: TypeEngine[Any], postgresql: TypeEngine[Any]) -> TypeEngine[Any]:
    """The type in a dialect. A third dialect cannot compile, instead of taking one of these."""
    if dialect.name not in {"sqlite", "postgresql"}:
        raise CompileError(f"the dialect {dialect.name!r} is not supported")
    return dialect.type_descriptor(sqlite if dialect.name == "sqlite" else postgresql)


def _storable_id(value: int | None) -> int | None:
    return value if value is None or 0 < value <= MAX_ID else _NO_ID


class Id(TypeDecorator[int]):
    """An id of 64 bits. A parameter outside 1 to 2^53-1 is sent as 0, which no row has: drivers refuse big ones."""

    impl = BigInteger
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[int]:
        """SQLite gives ids only to a column of the type INTEGER."""
        return _by_dialect(dialect, sqlite=Integer(), postgresql=BigInteger())

    def bind_processor(self, dialect: Dialect) -> Callable[[int | None], int | None]:  # noqa: ARG002 - SQLAlchemy's
        """Replaces ids that no row can have. Imports have very many, and drivers need no other conversion."""
        return _storable_id


class UtcTime(TypeDecorator[datetime]):
    """A moment to the microsecond, as an aware datetime; results are in UTC. SQLite stores text without a zone."""

    impl = DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[datetime]:
        """PostgreSQL has a type with a time zone."""
        return _by_dialect(dialect, sqlite=DateTime(), postgresql=DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """The moment in UTC.

        Raises:
            ValueError: the datetime is naive.
        """
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time must be aware")
        moment = value.astimezone(UTC)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], datetime | None] | None:
        """The moment in UTC. SQLAlchemy's own conversion of SQLite's text is slow, and each product has a time."""
        return _moment if dialect.name == "sqlite" else super().result_processor(dialect, coltype)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - SQLAlchemy's
        """The moment in UTC."""
        return None if value is None else value.astimezone(UTC)


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text + "+00:00")


class Terms(TypeDecorator[str]):
    """The terms that a product is found by: text with a space between two on SQLite, a tsvector on PostgreSQL."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """The type that the database's index needs."""
        return _by_dialect(dialect, sqlite=Text(), postgresql=postgresql.TSVECTOR())


class Values(TypeDecorator[Collection[Any]]):
    """Any number of values as one bound parameter, for `among`: JSON text on SQLite, an array on PostgreSQL."""

    impl = Text
    item: type[TypeEngine[Any]] = Text

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """The type of one parameter for any number of values."""
        return _by_dialect(dialect, sqlite=Text(), postgresql=ARRAY(self.item()))

    def process_bind_param(self, value: Iterable[Any] | None, dialect: Dialect) -> Any:
        """The values in the form of the database."""
        values = self.askable(value or ())
        return msgspec.json.encode(values).decode() if dialect.name == "sqlite" else values

    def only(self, values: Iterable[Any]) -> Any:
        """The value of a statement that was compiled for one. None, which equals nothing, if no row can have it."""
        return next(iter(self.askable(values)), None)

    def askable(self, values: Iterable[Any]) -> list[Any]:
        """The values that a row can have."""
        return list(values)


class Texts(Values):
    """Any number of texts, for `among`."""

    cache_ok = True

    def askable(self, values: Iterable[Any]) -> list[Any]:
        """The texts that a row can have."""
        return [value for value in values if storable(value)]


class Ids(Values):
    """Any number of ids, for `among`."""

    cache_ok = True
    item = BigInteger

    def askable(self, values: Iterable[Any]) -> list[Any]:
        """The ids that a row can have."""
        return [value for value in values if 0 < value <= MAX_ID]


def askable_after(row_id: int) -> int:
    """The lower bound of ids for a page, within the range of an `Id`: all rows come after -1, none after 2^60."""
    return max(0, min(row_id, MAX_ID))


def storable(value: str) -> bool:
    """Whether a row can have a text: drivers refuse lone surrogates, PostgreSQL refuses NUL."""
    return _UNSTORABLE.search(value) is None


def lookup_key(name: str) -> str:
    """The folded name. If no row can have it, the empty text, which no row has."""
    return fold(name) if storable(name) else ""
