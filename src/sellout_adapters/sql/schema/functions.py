"""SQL functions whose syntax differs between SQLite and PostgreSQL."""

from collections.abc import Mapping
from typing import Any, ClassVar, Final

from sqlalchemy import JSON, Boolean, Text, bindparam
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql import functions
from sqlalchemy.sql.compiler import SQLCompiler

from sellout_adapters.sql.schema.types import Id, Ids, Texts

DRIVER_OPTIONS: Final = "sellout_driver_options"
"""The execution option that holds keyword arguments of a driver's `execute`, by the name of the dialect."""

CUSTOM_PLAN: Final[Mapping[str, Any]] = {DRIVER_OPTIONS: {"postgresql": {"prepare": False}}}
"""Execution options for a statement whose best plan depends on its parameters: PostgreSQL plans each execution."""

FOR_ONE: Final = "for_one"
"""The compiler option for an `among` with a single value: SQLite is much faster with `=`."""

AMONG_IDS: Final = bindparam("among", type_=Ids())
AMONG_TEXTS: Final = bindparam("among", type_=Texts())


class _Function(functions.FunctionElement[Any]):
    """A function.

    Attributes:
        sqlite: The SQL for SQLite. `{0}` is the first argument, `{1}` the second, `{all}` the list of all.
        postgresql: The SQL for PostgreSQL.
    """

    sqlite: ClassVar[str]
    postgresql: ClassVar[str]


def _written(sql: str, function: _Function, compiler: SQLCompiler, options: Any) -> str:
    arguments = [compiler.process(clause, **options) for clause in function.clauses]
    return sql.format(*arguments, all=", ".join(arguments))


@compiles(_Function, "sqlite")
def _on_sqlite(function: _Function, compiler: SQLCompiler, **options: Any) -> str:
    for_one = options.get(FOR_ONE) and isinstance(function, among)
    return _written("{0} = {1}" if for_one else function.sqlite, function, compiler, options)


@compiles(_Function, "postgresql")
def _on_postgresql(function: _Function, compiler: SQLCompiler, **options: Any) -> str:
    return _written(function.postgresql, function, compiler, options)


class among(_Function):  # noqa: N801 - reads as the operator it is
    """Whether a column equals one of the values of the parameter `AMONG_IDS` or `AMONG_TEXTS`."""

    type = Boolean()
    name = "among"
    inherit_cache = True
    sqlite = "{0} IN (SELECT value FROM json_each({1}))"
    postgresql = "{0} = ANY ({1})"

    def self_group(self, against: Any = None) -> "among":  # noqa: ARG002 - SQLAlchemy's
        """The condition itself. SQLAlchemy appends `= 1` to other booleans on SQLite, which then uses no index."""
        return self


class collected(_Function):  # noqa: N801 - reads as the aggregate it is
    """Aggregates a column into a list, or several columns into a list of lists, in no particular order."""

    type = JSON()
    name = "collected"
    inherit_cache = True
    sqlite = "json_group_array({0})"
    postgresql = "coalesce(json_agg({0}), '[]'::json)"

    def __init__(self, *columns: Any) -> None:
        super().__init__(*columns if len(columns) == 1 else [_listed(*columns)])


class _listed(_Function):  # noqa: N801 - reads as the value it is
    type = JSON()
    name = "listed"
    inherit_cache = True
    sqlite = "json_array({all})"
    postgresql = "json_build_array({all})"


class next_reference_id(_Function):  # noqa: N801 - reads as the value it is
    """The next id of a reference table. SQLite would use the id of a deleted last row again.

    Args:
        table: The name of the table, as a literal column and as a literal text.
    """

    type = Id()
    name = "next_reference_id"
    inherit_cache = True
    sqlite = (
        "(SELECT 1 + max(coalesce((SELECT max(id) FROM {0}), 0),"
        " coalesce((SELECT max(row_id) FROM merged_references WHERE table_name = {1}), 0)))"
    )
    postgresql = "nextval(pg_get_serial_sequence({1}, 'id'))"


class begins_with(_Function):  # noqa: N801 - reads as the condition it is
    """Whether the JSON list in a column starts with a number."""

    type = Boolean()
    name = "begins_with"
    inherit_cache = True
    sqlite = "({0} ->> 0 IS {1})"
    postgresql = "(coalesce(({0} ->> 0)::bigint, 0) = {1})"


class lists(_Function):  # noqa: N801 - reads as the condition it is
    """Whether the JSON list in a column has a number."""

    type = Boolean()
    name = "lists"
    inherit_cache = True
    sqlite = "({1} IN (SELECT value FROM json_each({0})))"
    postgresql = "EXISTS (SELECT 1 FROM json_array_elements_text({0}) AS listed (value) WHERE value::bigint = {1})"


class contains(_Function):  # noqa: N801 - reads as the condition it is
    """Whether the text in a column contains another text."""

    type = Boolean()
    name = "contains"
    inherit_cache = True
    sqlite = "(instr({0}, {1}) > 0)"
    postgresql = "(strpos({0}, {1}) > 0)"


class put_first(_Function):  # noqa: N801 - reads as the change it is
    """Moves or adds a number to the front of the JSON list in a column, and truncates the rest to a length."""

    type = JSON()
    name = "put_first"
    inherit_cache = True
    sqlite = """(SELECT json_group_array(number) FROM (SELECT {1} AS number UNION ALL SELECT * FROM (
        SELECT value FROM json_each({0}) WHERE value <> {1} ORDER BY key LIMIT {2})))"""
    postgresql = """(SELECT json_agg(number ORDER BY place) FROM (SELECT {1} AS number, 0 AS place UNION ALL (
        SELECT value::bigint, place FROM json_array_elements_text({0}) WITH ORDINALITY AS viewed (value, place)
        WHERE value::bigint <> {1} ORDER BY place LIMIT {2})) AS seen)"""


class numbered_periods(_Function):  # noqa: N801 - reads as the rows that it is
    """A table of `Periods`: the number of each from 0, its begin and its end."""

    name = "numbered_periods"
    inherit_cache = True
    sqlite = "(SELECT key AS day, value ->> 0 AS begins, value ->> 1 AS ends FROM json_each({0}))"
    postgresql = """(
        SELECT number - 1 AS day, (period ->> 0)::timestamptz AS begins, (period ->> 1)::timestamptz AS ends
        FROM json_array_elements({0}::json) WITH ORDINALITY AS numbered (period, number))"""


class numbered_ids(_Function):  # noqa: N801 - reads as the rows that it is
    """A table of `IdPairs`: the id and the number of each."""

    name = "numbered_ids"
    inherit_cache = True
    sqlite = "(SELECT value ->> 0 AS id, value ->> 1 AS number FROM json_each({0}))"
    postgresql = """(SELECT (pair ->> 0)::bigint AS id, (pair ->> 1)::bigint AS number
        FROM json_array_elements({0}::json) AS pair)"""


class without_values(_Function):  # noqa: N801 - reads as the change it is
    """The JSON object in a column with a pair of nulls under each key."""

    type = JSON()
    name = "without_values"
    inherit_cache = True
    sqlite = "(SELECT json_group_object(key, json('[null, null]')) FROM json_each({0}))"
    postgresql = """(SELECT coalesce(json_object_agg(field, '[null, null]'::json), json_build_object())
        FROM json_object_keys({0}) AS field)"""


class bytewise(_Function):  # noqa: N801 - reads as the order it is
    """A text column with binary collation, in any locale."""

    type = Text()
    name = "bytewise"
    inherit_cache = True
    sqlite = "{0}"
    postgresql = '{0} COLLATE "C"'


class spaced_terms(_Function):  # noqa: N801 - reads as the text it is
    """A column of `Terms` as text, separated by spaces."""

    type = Text()
    name = "spaced_terms"
    inherit_cache = True
    sqlite = "{0}"
    postgresql = "array_to_string(tsvector_to_array({0}), ' ')"
