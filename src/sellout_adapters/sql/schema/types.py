"""Types of columns and parameters that differ between SQLite and PostgreSQL."""

import re
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import CompileError
from sqlalchemy.types import TypeDecorator, TypeEngine

from sellout_core.values import MAX_ID, fold

_NO_ID: Final = 0
_UNSTORABLE: Final = re.compile("[\0\ud800-\udfff]")


def _by_dialect(dialect: sa.Dialect, *, sqlite: TypeEngine[Any], postgresql: TypeEngine[Any]) -> TypeEngine[Any]:
    """The type for a dialect.

    Raises:
        CompileError: the dialect is not supported.
    """
    if dialect.name not in {"sqlite", "postgresql"}:
        raise CompileError(f"the dialect {dialect.name!r} is not supported")
    return dialect.type_descriptor(sqlite if dialect.name == "sqlite" else postgresql)


def _storable_id(value: int | None) -> int | None:
    return value if value is None or 0 < value <= MAX_ID else _NO_ID


class Id(TypeDecorator[int]):
    """A 64-bit id. A parameter outside 1 to 2^53-1 is sent as 0, which no row has: drivers reject large numbers."""

    impl = sa.BigInteger
    cache_ok = True

    def load_dialect_impl(self, dialect: sa.Dialect) -> TypeEngine[int]:
        """SQLite assigns ids only to columns of type INTEGER."""
        return _by_dialect(dialect, sqlite=sa.Integer(), postgresql=sa.BigInteger())

    def bind_processor(self, dialect: sa.Dialect) -> Callable[[int | None], int | None]:  # noqa: ARG002 - SQLAlchemy's
        """Replaces ids that no row can have. This is faster than `process_bind_param`."""
        return _storable_id


class UtcTime(TypeDecorator[datetime]):
    """An aware datetime in UTC, to the microsecond. SQLite stores text without a time zone."""

    impl = sa.DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: sa.Dialect) -> TypeEngine[datetime]:
        """PostgreSQL has a type with a time zone."""
        return _by_dialect(dialect, sqlite=sa.DateTime(), postgresql=sa.DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        """The time in UTC.

        Raises:
            ValueError: the datetime is naive.
        """
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time must be aware")
        moment = value.astimezone(UTC)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def result_processor(self, dialect: sa.Dialect, coltype: object) -> Callable[[Any], datetime | None] | None:
        """The time in UTC. This is faster than SQLAlchemy's conversion of SQLite's text."""
        return _moment if dialect.name == "sqlite" else super().result_processor(dialect, coltype)

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:  # noqa: ARG002 - SQLAlchemy's
        """The time in UTC."""
        return None if value is None else value.astimezone(UTC)


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text + "+00:00")


class Terms(TypeDecorator[str]):
    """The search terms of a product: text separated by spaces on SQLite, a tsvector on PostgreSQL."""

    impl = sa.Text
    cache_ok = True

    def load_dialect_impl(self, dialect: sa.Dialect) -> TypeEngine[Any]:
        """The type for the full-text index."""
        return _by_dialect(dialect, sqlite=sa.Text(), postgresql=postgresql.TSVECTOR())


class Values(TypeDecorator[Collection[Any]]):
    """Any number of values as one bound parameter, for `among`: JSON text on SQLite, an array on PostgreSQL."""

    impl = sa.Text
    item: type[TypeEngine[Any]] = sa.Text

    def load_dialect_impl(self, dialect: sa.Dialect) -> TypeEngine[Any]:
        """JSON text or an array."""
        return _by_dialect(dialect, sqlite=sa.Text(), postgresql=sa.ARRAY(self.item()))

    def process_bind_param(self, value: Iterable[Any] | None, dialect: sa.Dialect) -> Any:
        """Encodes the values that a row can have."""
        values = [each for each in value or () if self.only(each) is not None]
        return msgspec.json.encode(values).decode() if dialect.name == "sqlite" else values

    def only(self, value: Any) -> Any:
        """The value, for a statement with a single value. None, which equals nothing, if no row can have it."""
        return value


class Texts(Values):
    """Any number of texts, for `among`."""

    cache_ok = True

    def only(self, value: str) -> str | None:
        """The text, or None if no row can have it."""
        return value if storable(value) else None


class Ids(Values):
    """Any number of ids, for `among`."""

    cache_ok = True
    item = sa.BigInteger

    def only(self, value: int) -> int | None:
        """The id, or None if no row can have it."""
        return value if 0 < value <= MAX_ID else None


class Periods(TypeDecorator[Sequence[tuple[datetime, datetime]]]):
    """Any number of periods as one bound parameter, for `numbered_periods`: JSON text."""

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: Sequence[tuple[datetime, datetime]] | None, dialect: sa.Dialect) -> str:
        """Encodes the times as the database writes those of `UtcTime`."""
        zone = None if dialect.name == "sqlite" else UTC
        moments = [[moment.astimezone(UTC).replace(tzinfo=zone) for moment in period] for period in value or ()]
        return msgspec.json.encode(
            [[moment.isoformat(" ", "microseconds") for moment in period] for period in moments]
        ).decode()


class IdPairs(TypeDecorator[Collection[tuple[int, int]]]):
    """Any number of pairs of an id and another number as one bound parameter, for `numbered_ids`: JSON text."""

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: Collection[tuple[int, int]] | None, dialect: sa.Dialect) -> str:  # noqa: ARG002 - SQLAlchemy's
        """Encodes the pairs. The second number is clamped as by `askable_after`."""
        return msgspec.json.encode([[first, askable_after(second)] for first, second in value or ()]).decode()


def askable_after(row_id: int) -> int:
    """Clamps the lower bound of a page to the range of an `Id`."""
    return max(0, min(row_id, MAX_ID))


def storable(value: str) -> bool:
    """Whether a text can be stored: drivers reject lone surrogates, PostgreSQL rejects NUL."""
    return _UNSTORABLE.search(value) is None


def lookup_key(name: str) -> str:
    """The folded name, or empty text, which no row has, if the name cannot be stored."""
    return fold(name) if storable(name) else ""
