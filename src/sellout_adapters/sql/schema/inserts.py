"""INSERT statements for any number of rows."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
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
    """An INSERT that can have an ON CONFLICT clause. SQLAlchemy's construct for PostgreSQL compiles for SQLite, too."""
    return postgresql.insert(table)


def insert_missing(table: Table) -> postgresql.Insert:
    """An INSERT that skips rows which a unique constraint refuses."""
    return insert_or(table).on_conflict_do_nothing()


def given_rows(columns: Mapping[str, TypeEngine[Any]]) -> TableValuedAlias:
    """Any number of rows as a table, for PostgreSQL. Each parameter is an array with the values of a column."""
    given = [bindparam(name, type_=ARRAY(kind, dimensions=1)) for name, kind in columns.items()]
    return func.unnest(*given).table_valued(*columns).render_derived()


def insert_columns(table: Table, names: Sequence[str], *, missing: bool = False) -> Executable:
    """An INSERT of any number of rows as one statement, for PostgreSQL; with `missing` as `insert_missing`."""
    rows = given_rows({name: table.c[name].type for name in names})
    return (insert_missing(table) if missing else insert(table)).from_select(list(names), select(*rows.c))


def next_ids(sql: str) -> Executable:
    """The statement that takes the next `number` ids of a table."""
    return text(sql).columns(id=BigInteger).bindparams(bindparam("number", type_=Integer()))
