"""INSERT statements for any number of rows."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Dialect,
    Executable,
    Integer,
    Table,
    TableValuedAlias,
    bindparam,
    func,
    insert,
    select,
    text,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.types import TypeEngine


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
