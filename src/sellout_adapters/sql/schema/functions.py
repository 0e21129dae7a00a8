"""SQL functions that SQLite and PostgreSQL write in different ways."""

from typing import Any, Final

from sqlalchemy import (
    JSON,
    Boolean,
    bindparam,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql import functions
from sqlalchemy.sql.compiler import SQLCompiler

from sellout_adapters.sql.schema.types import Ids, Texts

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
