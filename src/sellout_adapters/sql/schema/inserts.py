"""INSERT and DELETE statements for any number of rows."""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.types import TypeEngine

from sellout_adapters.sql.schema.functions import CUSTOM_PLAN
from sellout_adapters.sql.schema.types import UtcTime


def insert_or(table: sa.Table) -> postgresql.Insert:
    """An INSERT with an optional ON CONFLICT clause. SQLAlchemy's PostgreSQL construct also compiles for SQLite."""
    return postgresql.insert(table)


def insert_missing(table: sa.Table) -> postgresql.Insert:
    """An INSERT that skips rows that violate a unique constraint."""
    return insert_or(table).on_conflict_do_nothing()


def given_rows(columns: Mapping[str, TypeEngine[Any]]) -> sa.TableValuedAlias:
    """A table of array parameters, one for each column, for PostgreSQL."""
    given = [sa.bindparam(name, type_=sa.ARRAY(kind, dimensions=1)) for name, kind in columns.items()]
    return sa.func.unnest(*given).table_valued(*columns).render_derived()


def insert_columns(table: sa.Table, names: Sequence[str], *, missing: bool = False) -> sa.Executable:
    """An INSERT of any number of rows from array parameters, for PostgreSQL. `missing`: as `insert_missing`."""
    rows = given_rows({name: table.c[name].type for name in names})
    return (insert_missing(table) if missing else sa.insert(table)).from_select(list(names), sa.select(*rows.c))


def delete_oldest(table: sa.Table, time: sa.ColumnElement[Any]) -> sa.Executable:
    """A DELETE of up to `limit` rows whose time is at most `by`, oldest first. Returns a row for each. Skips rows that
    another transaction has locked.
    """
    key = tuple(table.primary_key)
    oldest = (
        sa.select(*key)
        .where(time <= sa.bindparam("by", type_=UtcTime()))
        .order_by(time)
        .limit(sa.bindparam("limit", type_=sa.Integer()))
        .with_for_update(skip_locked=True)
        .cte("oldest")
    )
    # SQLite's driver does not count the rows of a statement that begins with WITH.
    deleted = sa.delete(table).where(sa.tuple_(*key).in_(sa.select(oldest))).returning(key[0])
    # A plan from when the table was small reads all of it.
    return deleted.execution_options(**CUSTOM_PLAN)


def next_ids(sql: str) -> sa.Executable:
    """A statement that assigns the next `number` ids of a table."""
    return sa.text(sql).columns(id=sa.BigInteger).bindparams(sa.bindparam("number", type_=sa.Integer()))
