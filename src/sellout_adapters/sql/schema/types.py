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
from sqlalchemy.types import TypeDecorator, TypeEngine

from sellout_core.values import MAX_ID, fold

_NOBODY: Final = 0

_UNSTORABLE: Final = re.compile("[\0\ud800-\udfff]")


def _askable(value: int | None) -> int | None:
    return value if value is None or 0 < value <= MAX_ID else _NOBODY


class Id(TypeDecorator[int]):
    """An id: 64 bits wide. One outside 1 to 2^53-1 is nothing's, so it is asked for as 0, which no row has: drivers
    refuse what is wider than their integers.
    """

    impl = BigInteger
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[int]:
        """SQLite numbers the rows of a table only in a column of the very type INTEGER."""
        return dialect.type_descriptor(Integer() if dialect.name == "sqlite" else BigInteger())

    def bind_processor(self, dialect: Dialect) -> Callable[[int | None], int | None]:  # noqa: ARG002 - SQLAlchemy's
        """Makes an id what the database may be asked for. Drivers take numbers as they are, so there is nothing else
        to do, and imports have a great many.
        """
        return _askable


class UtcTime(TypeDecorator[datetime]):
    """A moment, to the microsecond: aware datetimes only, given back in UTC.

    SQLite keeps text without a zone, which sorts as the moments do.
    """

    impl = DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[datetime]:
        """PostgreSQL knows moments by themselves."""
        return dialect.type_descriptor(DateTime(timezone=dialect.name != "sqlite"))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """The moment in UTC.

        Raises:
            ValueError: the datetime is naive, so nobody knows which moment it means.
        """
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time must be aware")
        moment = value.astimezone(UTC)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], datetime | None] | None:
        """The moment in UTC; from SQLite's text at once, since a page has as many moments as products."""
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
        """What each database's index is made of."""
        return dialect.type_descriptor(Text() if dialect.name == "sqlite" else postgresql.TSVECTOR())


class Values(TypeDecorator[Collection[Any]]):
    """Any number of values as one bound parameter, for `among`: JSON text on SQLite, an array on PostgreSQL."""

    impl = Text
    item: type[TypeEngine[Any]] = Text

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """One parameter, however many values."""
        return dialect.type_descriptor(Text() if dialect.name == "sqlite" else ARRAY(self.item()))

    def process_bind_param(self, value: Iterable[Any] | None, dialect: Dialect) -> Any:
        """The values as the database takes them."""
        values = self.askable(value or ())
        return msgspec.json.encode(values).decode() if dialect.name == "sqlite" else values

    def only(self, values: Iterable[Any]) -> Any:
        """The one value of a statement that was made ready for one; None, which nothing equals, if it is nothing's."""
        return next(iter(self.askable(values)), None)

    def askable(self, values: Iterable[Any]) -> list[Any]:
        """Those of the values that the database may be asked for."""
        return list(values)


class Texts(Values):
    """Any number of texts, for `among`."""

    cache_ok = True

    def askable(self, values: Iterable[Any]) -> list[Any]:
        """Those of the texts that something may hold."""
        return [value for value in values if storable(value)]


class Ids(Values):
    """Any number of ids, for `among`."""

    cache_ok = True
    item = BigInteger

    def askable(self, values: Iterable[Any]) -> list[Any]:
        """Those of the ids that something may have."""
        return [value for value in values if 0 < value <= MAX_ID]


def askable_after(row_id: int) -> int:
    """An id for rows to come after, within the range where an `Id` stays what it is: every row comes after -1, none
    after 2^60.
    """
    return max(0, min(row_id, MAX_ID))


def storable(value: str) -> bool:
    """Whether a text can be kept, and so asked for: drivers refuse lone surrogates, PostgreSQL refuses NUL."""
    return _UNSTORABLE.search(value) is None


def lookup_key(name: str) -> str:
    """A name folded as it is kept; or, where it holds what no store can, the empty text, which nothing is called."""
    return fold(name) if storable(name) else ""
