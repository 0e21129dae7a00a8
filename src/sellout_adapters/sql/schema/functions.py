"""SQL functions that SQLite and PostgreSQL write in different ways."""

from typing import Any, Final

from sqlalchemy import JSON, Boolean, Text, bindparam
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql import functions
from sqlalchemy.sql.compiler import SQLCompiler

from sellout_adapters.sql.schema.types import Ids, Texts

FOR_ONE: Final = "for_one"
"""The compiler's option for an `among` with a single value, for which SQLite compares much faster."""

AMONG_IDS: Final = bindparam("among", type_=Ids())

AMONG_TEXTS: Final = bindparam("among", type_=Texts())


class among(functions.FunctionElement[bool]):  # noqa: N801 - reads as the operator it is
    """Whether a column holds one of the values in the parameter `AMONG_IDS` or `AMONG_TEXTS`."""

    type = Boolean()
    name = "among"
    inherit_cache = True

    def self_group(self, against: Any = None) -> "among":  # noqa: ARG002 - SQLAlchemy's
        """The condition itself. SQLAlchemy writes `= 1` behind other booleans on SQLite, which then uses no index."""
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
    """Aggregates a column into a list of its values, several columns into a list of lists, in no particular order."""

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
    """Whether a number is the first in a column's JSON list."""

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
    """A column's JSON list of numbers with one moved or added to the front, cut after so many others."""

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


class bytewise(functions.FunctionElement[str]):  # noqa: N801 - reads as the order it is
    """A text column to sort by its bytes, whatever the database's locale."""

    type = Text()
    name = "bytewise"
    inherit_cache = True


@compiles(bytewise, "sqlite")
def _bytewise_on_sqlite(element: bytewise, compiler: SQLCompiler, **options: Any) -> str:
    return compiler.process(element.clauses, **options)


@compiles(bytewise, "postgresql")
def _bytewise_on_postgresql(element: bytewise, compiler: SQLCompiler, **options: Any) -> str:
    return f'{compiler.process(element.clauses, **options)} COLLATE "C"'


class spaced_terms(functions.FunctionElement[str]):  # noqa: N801 - reads as the text it is
    """A column of `Terms` as text with a space between two terms."""

    type = Text()
    name = "spaced_terms"
    inherit_cache = True


@compiles(spaced_terms, "sqlite")
def _spaced_terms_on_sqlite(element: spaced_terms, compiler: SQLCompiler, **options: Any) -> str:
    return compiler.process(element.clauses, **options)


@compiles(spaced_terms, "postgresql")
def _spaced_terms_on_postgresql(element: spaced_terms, compiler: SQLCompiler, **options: Any) -> str:
    return f"array_to_string(tsvector_to_array({compiler.process(element.clauses, **options)}), ' ')"
