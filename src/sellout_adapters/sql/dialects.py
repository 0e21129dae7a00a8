"""What differs from database to database: types, and the few constructs that each writes in its own way.

Everything else in this package is SQL that SQLite and PostgreSQL read alike.
"""

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from sqlalchemy import (
    ARRAY,
    JSON,
    BigInteger,
    Boolean,
    DateTime,
    Dialect,
    Executable,
    Integer,
    Table,
    TableValuedAlias,
    Text,
    bindparam,
    func,
    insert,
    select,
    text,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql import functions
from sqlalchemy.sql.compiler import SQLCompiler
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


FOR_ONE: Final = "for_one"
"""What tells the compiler that `among` is asked about a single value, which SQLite finds much faster by itself."""

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
    if options.get(FOR_ONE):
        return f"{column} = {values}"
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


class begins_with(functions.FunctionElement[bool]):  # noqa: N801 - reads as the condition it is
    """Whether a number comes first in a column's JSON list."""

    type = Boolean()
    name = "begins_with"
    inherit_cache = True


@compiles(begins_with, "sqlite")
def _begins_with_on_sqlite(element: begins_with, compiler: SQLCompiler, **options: Any) -> str:
    numbers, number = (compiler.process(clause, **options) for clause in element.clauses)
    return f"({numbers} ->> 0 IS {number})"


@compiles(begins_with, "postgresql")
def _begins_with_on_postgresql(element: begins_with, compiler: SQLCompiler, **options: Any) -> str:
    numbers, number = (compiler.process(clause, **options) for clause in element.clauses)
    return f"(coalesce(({numbers} ->> 0)::bigint, 0) = {number})"


class put_first(functions.FunctionElement[Any]):  # noqa: N801 - reads as the change it is
    """A column's JSON list of numbers with one put first, which is nowhere else in it, and so many others kept."""

    type = JSON()
    name = "put_first"
    inherit_cache = True


@compiles(put_first, "sqlite")
def _put_first_on_sqlite(element: put_first, compiler: SQLCompiler, **options: Any) -> str:
    numbers, first, others = (compiler.process(clause, **options) for clause in element.clauses)
    return (
        f"(SELECT json_group_array(number) FROM (SELECT {first} AS number UNION ALL SELECT * FROM ("  # noqa: S608 - as above
        f"SELECT value FROM json_each({numbers}) WHERE value <> {first} ORDER BY key LIMIT {others})))"
    )


@compiles(put_first, "postgresql")
def _put_first_on_postgresql(element: put_first, compiler: SQLCompiler, **options: Any) -> str:
    numbers, first, others = (compiler.process(clause, **options) for clause in element.clauses)
    return (
        f"(SELECT json_agg(number ORDER BY place) FROM (SELECT {first} AS number, 0 AS place UNION ALL ("  # noqa: S608 - as above
        f"SELECT value::bigint, place FROM json_array_elements_text({numbers}) WITH ORDINALITY AS viewed (value, place)"
        f" WHERE value::bigint <> {first} ORDER BY place LIMIT {others})) AS seen)"
    )


def askable_after(row_id: int) -> int:
    """An id for rows to come after, within the range where an `Id` stays what it is: every row comes after -1, none
    after 2^60.
    """
    return max(0, min(row_id, MAX_ID))


def insert_or(table: Table) -> postgresql.Insert:
    """An INSERT that may say what to do about rows which the table has already. Both databases write it alike, and
    SQLAlchemy's construct for PostgreSQL is the one of its two that compiles for both.
    """
    return postgresql.insert(table)


def insert_missing(table: Table) -> postgresql.Insert:
    """An INSERT that passes over rows which the table has already, by any of its unique constraints."""
    return insert_or(table).on_conflict_do_nothing()


def given_rows(columns: Mapping[str, TypeEngine[Any]]) -> TableValuedAlias:
    """Any number of rows as a table, for PostgreSQL: each of its parameters is a column of them, of that type."""
    given = [bindparam(name, type_=ARRAY(kind, dimensions=1)) for name, kind in columns.items()]
    return func.unnest(*given).table_valued(*columns).render_derived()


def insert_columns(table: Table, names: Sequence[str], *, missing: bool = False) -> Executable:
    """An INSERT of any number of rows as one statement, for PostgreSQL; of `missing` ones, as by `insert_missing`."""
    rows = given_rows({name: table.c[name].type for name in names})
    return (insert_missing(table) if missing else insert(table)).from_select(list(names), select(*rows.c))


def next_ids(table: Table, dialect: Dialect) -> Executable:
    """The next `number` ids of a table, which nothing else will be given unless the transaction is rolled back."""
    if dialect.name == "sqlite":
        # Whoever writes is alone, and a row with an id raises what SQLite goes on from.
        last = f"coalesce((SELECT seq FROM sqlite_sequence WHERE name = '{table.name}'), 0)"  # noqa: S608 - ours
        ids = f"SELECT {last} + 1 AS id UNION ALL SELECT id + 1 FROM ids LIMIT :number"  # noqa: S608 - ours
        words = f"WITH RECURSIVE ids AS ({ids}) SELECT id FROM ids"  # noqa: S608 - ours
    else:
        words = f"SELECT nextval('{table.name}_id_seq') AS id FROM generate_series(1, :number)"  # noqa: S608 - ours
    return text(words).columns(id=BigInteger).bindparams(bindparam("number", type_=Integer()))


def storable(value: str) -> bool:
    """Whether a text can be kept, and so asked for: drivers refuse lone surrogates, PostgreSQL refuses NUL."""
    return _UNSTORABLE.search(value) is None


def lookup_key(name: str) -> str:
    """A name folded as it is kept; or, where it holds what no store can, the empty text, which nothing is called."""
    return fold(name) if storable(name) else ""
