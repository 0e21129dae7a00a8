"""Compiled statements: SQLAlchemy compiles each statement once, and the driver runs the SQL directly.

For a short statement SQLAlchemy's execution takes several times as long as the database.
"""

from collections import namedtuple
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

import attrs
import msgspec
from sqlalchemy import JSON, Connection, Dialect, Executable
from sqlalchemy.sql.compiler import SQLCompiler

from sellout_adapters.sql.schema.functions import DRIVER_OPTIONS, FOR_ONE
from sellout_adapters.sql.schema.types import Values

Row = Any
"""A named tuple of a statement's columns."""

_MAX_STATEMENTS: Final = 1024
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
    driver_options: Mapping[str, Any]
    _positions: tuple[str, ...] | None
    _constants: Mapping[str, Any]
    _binds: Mapping[str, _Processor]
    _columns: Sequence[tuple[int, _Processor]]
    _row: Callable[[Any], Row] | None

    def run(self, connection: Connection, parameters: Mapping[str, Any]) -> tuple[Sequence[Row], int]:
        """Runs the statement and returns its rows and the number of written rows.

        Raises:
            DamagedValue: a value of a row does not fit its column.
        """
        cursor = connection.connection.cursor()
        try:
            sent = self.driver_parameters(parameters)
            # SQLAlchemy's event listeners also receive these statements.
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

    def run_many(self, connection: Connection, columns: Mapping[str, Sequence[Any]]) -> tuple[Sequence[Row], int]:
        """Runs the statement once for each row of `columns`, with a driver that has positional parameters. Returns no
        rows, and the number of written rows.
        """
        assert self._positions is not None  # noqa: S101 - for the type alone
        sent = []
        for name in self._positions:
            process = self._binds.get(name)
            sent.append(columns[name] if process is None else map(process, columns[name]))
        rows = list(zip(*sent, strict=True))
        cursor = connection.connection.cursor()
        try:
            for before in connection.engine.dispatch.before_cursor_execute or ():
                before(connection, cursor, self.sql, rows, None, True)
            for instead in connection.dialect.dispatch.do_executemany or ():
                instead(cursor, self.sql, rows, None)
            cursor.executemany(self.sql, rows)
            return (), cursor.rowcount
        finally:
            cursor.close()

    def driver_parameters(self, parameters: Mapping[str, Any]) -> Any:
        """Converts the parameters for the driver."""
        values = {**self._constants, **parameters}
        for name, process in self._binds.items():
            values[name] = process(values[name])
        return values if self._positions is None else tuple(map(values.__getitem__, self._positions))

    def rows(self, found: Sequence[Sequence[Any]]) -> Sequence[Row]:
        """Converts the rows of the driver.

        Raises:
            DamagedValue: a value does not fit its column.
        """
        if self._row is None:
            return ()
        if not self._columns:
            return list(map(self._row, found))
        rows = []
        try:
            for row in found:
                values = list(row)
                for index, process in self._columns:
                    if values[index] is not None:
                        values[index] = process(values[index])
                rows.append(self._row(values))
        except (TypeError, ValueError, msgspec.DecodeError) as error:
            raise DamagedValue from error
        return rows


@lru_cache(_MAX_STATEMENTS)
def compiled(
    statement: Executable, dialect: Dialect, names: tuple[str, ...], *, for_one: bool = False
) -> CompiledStatement:
    """Compiles a statement for a database. The result is cached.

    Args:
        statement: The same object each time, because the cache compares statements by identity.
        dialect: The database's dialect.
        names: The names of the parameters.
        for_one: Whether `among` is a single value.

    Raises:
        CompileError: the dialect does not support the statement.
    """
    written: Any = statement
    sql = written.compile(dialect=dialect, column_keys=list(names), compile_kwargs={FOR_ONE: for_one})
    assert isinstance(sql, SQLCompiler)  # noqa: S101 - for the type alone
    binds: dict[str, _Processor] = {}
    for bind, name in sql.bind_names.items():
        if for_one and isinstance(bind.type, Values):
            binds[name] = bind.type.only
        elif (bound := bind.type.dialect_impl(dialect).bind_processor(dialect)) is not None:
            binds[name] = bound
    returned: Any = getattr(statement, "exported_columns", ())
    columns: list[tuple[int, _Processor]] = []
    for index, column in enumerate(returned):
        kind = column.type.dialect_impl(dialect)
        if (read := kind.result_processor(dialect, None)) is not None:
            # SQLAlchemy's own JSON processor is four nested calls, for each of a product's lists.
            columns.append((index, msgspec.json.decode if isinstance(kind, JSON) else read))
    positions = None if sql.positiontup is None else tuple(sql.positiontup)
    # Other parameters have their values in the statement.
    constants = {name: bind.value for bind, name in sql.bind_names.items() if name not in names}
    names_of_columns = [column.name for column in returned]
    options = statement.get_execution_options().get(DRIVER_OPTIONS, {}).get(dialect.name, {})
    row: Any = namedtuple("Row", names_of_columns, rename=True)  # type: ignore[misc]  # noqa: PYI024 - known only here
    make = row._make if row._fields else None
    return CompiledStatement(sql.string, options, positions, constants, binds, columns, make)
