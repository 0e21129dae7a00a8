"""What differs from database to database: types, and the few constructs that each writes in its own way.

Everything else in this package is SQL that SQLite and PostgreSQL read alike.
"""

import json
from collections.abc import Collection, Iterable
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import (
    ARRAY,
    JSON,
    BigInteger,
    Boolean,
    DateTime,
    Dialect,
    Integer,
    Table,
    Text,
    bindparam,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql import functions
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.types import TypeDecorator, TypeEngine

from sellout_core.values import MAX_ID, fold

_NOBODY: Final = 0


class Id(TypeDecorator[int]):
    """An id: 64 bits wide. One outside 1 to 2^53-1 is nothing's, so it is asked for as 0, which no row has: drivers
    refuse what is wider than their integers.
    """

    impl = BigInteger
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[int]:
        """SQLite numbers the rows of a table only in a column of the very type INTEGER."""
        return dialect.type_descriptor(Integer() if dialect.name == "sqlite" else BigInteger())

    def process_bind_param(self, value: int | None, dialect: Dialect) -> int | None:  # noqa: ARG002 - SQLAlchemy's
        """The id as the database may be asked for it."""
        return value if value is None or 0 < value <= MAX_ID else _NOBODY


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

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """The moment in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if dialect.name == "sqlite" else value.astimezone(UTC)


class Terms(TypeDecorator[str]):
    """The terms that a product is found by: text with a space between two on SQLite, a tsvector on PostgreSQL."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """What each database's index is made of."""
        return dialect.type_descriptor(Text() if dialect.name == "sqlite" else postgresql.TSVECTOR())


class _Values(TypeDecorator[Collection[Any]]):
    """Any number of values as one bound parameter, for `among`: JSON text on SQLite, an array on PostgreSQL."""

    impl = Text
    item: type[TypeEngine[Any]] = Text

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """One parameter, however many values."""
        return dialect.type_descriptor(Text() if dialect.name == "sqlite" else ARRAY(self.item()))

    def process_bind_param(self, value: Iterable[Any] | None, dialect: Dialect) -> Any:
        """The values as the database takes them."""
        values = self.askable(value or ())
        return json.dumps(values) if dialect.name == "sqlite" else values

    def askable(self, values: Iterable[Any]) -> list[Any]:
        """Those of the values that the database may be asked for."""
        return list(values)


class Texts(_Values):
    """Any number of texts, for `among`."""

    cache_ok = True

    def askable(self, values: Iterable[Any]) -> list[Any]:
        """Those of the texts that something may hold."""
        return [value for value in values if storable(value)]


class Ids(_Values):
    """Any number of ids, for `among`."""

    cache_ok = True
    item = BigInteger

    def askable(self, values: Iterable[Any]) -> list[Any]:
        """Those of the ids that something may have."""
        return [value for value in values if 0 < value <= MAX_ID]


AMONG_IDS: Final = bindparam("among", type_=Ids())
AMONG_TEXTS: Final = bindparam("among", type_=Texts())


class among(functions.FunctionElement[bool]):  # noqa: N801 - reads as the operator it is
    """Whether a column's value is one of those in the parameter `AMONG_IDS` or `AMONG_TEXTS`."""

    type = Boolean()
    name = "among"
    inherit_cache = True

    def self_group(self, against: Any = None) -> "among":  # noqa: ARG002 - SQLAlchemy's
        """Stands as it is: `= 1` around it, as SQLite gets for other booleans, would keep indexes from being used."""
        return self


@compiles(among, "sqlite")
def _among_on_sqlite(element: among, compiler: SQLCompiler, **options: Any) -> str:
    column, values = (compiler.process(clause, **options) for clause in element.clauses)
    return f"{column} IN (SELECT value FROM json_each({values}))"  # noqa: S608 - two compiled clauses, no input


@compiles(among, "postgresql")
def _among_on_postgresql(element: among, compiler: SQLCompiler, **options: Any) -> str:
    column, values = (compiler.process(clause, **options) for clause in element.clauses)
    return f"{column} = ANY ({values})"


class collected(functions.FunctionElement[Any]):  # noqa: N801 - reads as the aggregate it is
    """Aggregates a column into a list of its values, several into a list of lists, in no particular order."""

    type = JSON()
    name = "collected"
    inherit_cache = True


@compiles(collected, "sqlite")
def _collected_on_sqlite(element: collected, compiler: SQLCompiler, **options: Any) -> str:
    columns = compiler.process(element.clauses, **options)
    return f"json_group_array({columns if len(element.clauses) == 1 else f'json_array({columns})'})"


@compiles(collected, "postgresql")
def _collected_on_postgresql(element: collected, compiler: SQLCompiler, **options: Any) -> str:
    columns = compiler.process(element.clauses, **options)
    items = columns if len(element.clauses) == 1 else f"json_build_array({columns})"
    return f"coalesce(json_agg({items}), '[]'::json)"


def insert_or(table: Table) -> postgresql.Insert:
    """An INSERT that may say what to do about rows which the table has already. Both databases write it alike, and
    SQLAlchemy's construct for PostgreSQL is the one of its two that compiles for both.
    """
    return postgresql.insert(table)


def insert_missing(table: Table) -> postgresql.Insert:
    """An INSERT that passes over rows which the table has already, by any of its unique constraints."""
    return insert_or(table).on_conflict_do_nothing()


def storable(text: str) -> bool:
    """Whether a text can be kept, and so asked for: drivers refuse lone surrogates, PostgreSQL refuses NUL."""
    return "\0" not in text and not any("\ud800" <= character <= "\udfff" for character in text)


def lookup_key(name: str) -> str:
    """A name folded as it is kept; or, where it holds what no store can, the empty text, which nothing is called."""
    return fold(name) if storable(name) else ""
