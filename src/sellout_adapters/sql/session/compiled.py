"""Compiled statements: SQLAlchemy writes the SQL and converts the values once, then the driver runs them directly.

For a short statement a SQLAlchemy result takes several times as long as the database itself.
"""

from collections import namedtuple
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

import attrs
import msgspec
from sqlalchemy import JSON, Connection, Dialect, Executable
from sqlalchemy.sql.compiler import SQLCompiler

from sellout_adapters.sql.schema.functions import FOR_ONE
from sellout_adapters.sql.schema.types import Values
from sellout_adapters.sql.session.connections import driver_connection

Row = Any
"""A named tuple of a statement's columns."""

_MAX_STATEMENTS: Final = 1024
_DRIVER_OPTIONS: Final = "sellout_driver_options"
CUSTOM_PLAN: Final[Mapping[str, Any]] = {_DRIVER_OPTIONS: {"postgresql": {"prepare": False}}}
"""The execution options of a statement whose best plan depends on its parameters. PostgreSQL plans it each time, and
does not reuse the plan of a prepared statement.
"""
_Processor = Callable[[Any], Any]


class DamagedValue(Exception):
    """The database returned a value that does not fit the type of its column."""


@attrs.frozen
class CompiledStatement:
    """A statement for one database.

    Attributes:
        sql: The SQL with the driver's placeholders.
        driver_options: Keyword arguments of the driver's `execute`.
    """

    sql: str
    _positions: tuple[str, ...] | None
    _constants: Mapping[str, Any]
    _binds: Mapping[str, _Processor]
    _columns: Sequence[tuple[int, _Processor]]
    _row: Callable[[Any], Row] | None
    driver_options: Mapping[str, Any]

    def run(self, connection: Connection, parameters: Mapping[str, Any]) -> tuple[Sequence[Row], int]:
        """The rows that the statement returns, and how many rows it wrote.

        Raises:
            DamagedValue: a value of a row does not fit its column.
        """
        cursor = driver_connection(connection).cursor()
        try:
            sent = self.driver_parameters(parameters)
            # Listeners of SQLAlchemy's events get these statements as well.
            for before in connection.engine.dispatch.before_cursor_execute or ():
                before(connection, cursor, self.sql, sent, None, False)
            for instead in connection.dialect.dispatch.do_execute or ():
                instead(cursor, self.sql, sent, None)
            cursor.execute(self.sql, sent, **self.driver_options)
            # SQLAlchemy may add RETURNING to an INSERT that has no columns to return.
            found = () if self._row is None else cursor.fetchall()
            written = cursor.rowcount
        finally:
            cursor.close()
        return self.rows(found), written

    def run_many(self, connection: Connection, columns: Mapping[str, Sequence[Any]]) -> None:
        """Runs the statement once for each row of `columns`, with a driver whose parameters have positions. Returned
        rows are dropped.
        """
        assert self._positions is not None  # noqa: S101 - for the type alone
        processed = [map(self._binds.get(name, _unchanged), columns[name]) for name in self._positions]
        sent = list(zip(*processed, strict=True))
        cursor = driver_connection(connection).cursor()
        try:
            for before in connection.engine.dispatch.before_cursor_execute or ():
                before(connection, cursor, self.sql, sent, None, True)
            for instead in connection.dialect.dispatch.do_executemany or ():
                instead(cursor, self.sql, sent, None)
            cursor.executemany(self.sql, sent)
        finally:
            cursor.close()

    def driver_parameters(self, parameters: Mapping[str, Any]) -> Any:
        """The parameters in the driver's types and form."""
        values = {**self._constants, **parameters} if self._constants else dict(parameters)
        for name, process in self._binds.items():
            values[name] = process(values[name])
        return values if self._positions is None else [values[name] for name in self._positions]

    def rows(self, found: Sequence[Sequence[Any]]) -> Sequence[Row]:
        """The rows of the driver's rows.

        Raises:
            DamagedValue: a value does not fit its column.
        """
        if self._row is None:
            return ()
        try:
            return [self._row(self._converted(row)) for row in found]
        except (TypeError, ValueError, msgspec.DecodeError) as error:
            raise DamagedValue from error

    def _converted(self, row: Sequence[Any]) -> Sequence[Any]:
        if not self._columns:
            return row
        values = list(row)
        for index, process in self._columns:
            values[index] = process(values[index])
        return values


def _reader(kind: Any, dialect: Dialect) -> _Processor | None:
    """What converts the driver's values of a column, if they need it."""
    processor: _Processor | None = kind.result_processor(dialect, None)
    # SQLAlchemy's own JSON processor is four nested calls, for each of a product's lists.
    return _decoded if processor is not None and isinstance(kind, JSON) else processor


def _decoded(text: Any) -> Any:
    return None if text is None else msgspec.json.decode(text)


def _unchanged(value: Any) -> Any:
    return value


@lru_cache(_MAX_STATEMENTS)
def compiled(
    statement: Executable, dialect: Dialect, names: tuple[str, ...], *, for_one: bool = False
) -> CompiledStatement:
    """Compiles a statement for a database; the result is cached.

    Args:
        statement: The same object each time, otherwise it is compiled anew.
        dialect: The database's dialect.
        names: The names of the parameters.
        for_one: Whether the values of `among` are a single one.

    Raises:
        CompileError: the statement has no form in this dialect.
    """
    written: Any = statement
    sql = written.compile(dialect=dialect, column_keys=list(names), compile_kwargs={FOR_ONE: for_one})
    assert isinstance(sql, SQLCompiler)  # noqa: S101 - for the type alone
    binds: dict[str, _Processor] = {
        name: process
        for bind, name in sql.bind_names.items()
        if (process := bind.type.dialect_impl(dialect).bind_processor(dialect)) is not None
    }
    if for_one:
        binds |= {name: bind.type.only for bind, name in sql.bind_names.items() if isinstance(bind.type, Values)}
    returned: Any = getattr(statement, "exported_columns", ())
    columns = [
        (index, reader)
        for index, column in enumerate(returned)
        if (reader := _reader(column.type.dialect_impl(dialect), dialect)) is not None
    ]
    positions = None if sql.positiontup is None else tuple(sql.positiontup)
    # Parameters that are not named have their value in the statement.
    constants = {name: bind.value for bind, name in sql.bind_names.items() if name not in names}
    names_of_columns = [column.name for column in returned]
    options = statement.get_execution_options().get(_DRIVER_OPTIONS, {}).get(dialect.name, {})
    row: Any = namedtuple("Row", names_of_columns, rename=True)  # type: ignore[misc]  # noqa: PYI024 - known only here
    make = row._make if row._fields else None
    return CompiledStatement(sql.string, positions, constants, binds, columns, make, options)
