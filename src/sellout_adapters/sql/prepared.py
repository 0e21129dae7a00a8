"""Statements made ready once: SQLAlchemy writes the SQL and converts the values, the driver is asked directly.

Going through a SQLAlchemy result for each of a request's few short statements takes several times as long as the
database itself does.
"""

from collections import namedtuple
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

import attrs
from sqlalchemy import Connection, Dialect, Executable
from sqlalchemy.sql.compiler import SQLCompiler

Row = Any
"""A named tuple of a statement's columns."""

_MOST: Final = 1024
PLANNED_ANEW: Final = "sellout_planned_anew"
"""The option of a statement for which the best plan depends on its parameters: PostgreSQL, which keeps a plan for
statements that return, is to make one each time.
"""
Processor = Callable[[Any], Any]


class Damaged(Exception):
    """A value is no such value as its column holds."""


@attrs.frozen
class Prepared:
    """A statement for one database."""

    sql: str
    _positions: tuple[str, ...] | None
    _given: Mapping[str, Any]
    _binds: Mapping[str, Processor]
    _columns: Sequence[tuple[int, Processor]]
    _row: Callable[[Any], Row] | None
    _options: Mapping[str, Any]

    def run(self, connection: Connection, parameters: Mapping[str, Any]) -> tuple[Sequence[Row], int]:
        """The rows that the statement gives, and how many it wrote.

        Raises:
            Damaged: what the database gives cannot be what was written there.
        """
        values = {**self._given, **parameters}
        for name, process in self._binds.items():
            values[name] = process(values[name])
        cursor = driver_of(connection).cursor()
        try:
            sent: Any = values if self._positions is None else [values[name] for name in self._positions]
            # Whoever listens to SQLAlchemy's own events hears of these statements too.
            for before in connection.engine.dispatch.before_cursor_execute:
                before(connection, cursor, self.sql, sent, None, False)
            for instead in connection.dialect.dispatch.do_execute:
                instead(cursor, self.sql, sent, None)
            cursor.execute(self.sql, sent, **self._options)
            # SQLAlchemy may have an INSERT return an id that nobody asked for.
            found = () if self._row is None else cursor.fetchall()
            written = cursor.rowcount
        finally:
            cursor.close()
        return self._rows(found), written

    def _rows(self, found: Sequence[Sequence[Any]]) -> Sequence[Row]:
        if self._row is None:
            return ()
        try:
            return [self._row(self._converted(row)) for row in found]
        except ValueError as error:
            raise Damaged from error

    def _converted(self, row: Sequence[Any]) -> Sequence[Any]:
        if not self._columns:
            return row
        values = list(row)
        for index, process in self._columns:
            values[index] = process(values[index])
        return values


def driver_of(connection: Connection) -> Any:
    """The driver's own connection."""
    return connection.connection.dbapi_connection


@lru_cache(_MOST)
def prepared(statement: Executable, dialect: Dialect, names: tuple[str, ...]) -> Prepared:
    """The statement for a database, with parameters of those names."""
    compiled: Any = statement.compile(dialect=dialect, column_keys=list(names))  # type: ignore[attr-defined]
    assert isinstance(compiled, SQLCompiler)  # noqa: S101 - for the type alone
    binds = {
        name: process
        for bind, name in compiled.bind_names.items()
        if (process := bind.type.dialect_impl(dialect).bind_processor(dialect)) is not None
    }
    returned: Any = getattr(statement, "exported_columns", ())
    columns = [
        (index, process)
        for index, column in enumerate(returned)
        if (process := column.type.dialect_impl(dialect).result_processor(dialect, None)) is not None
    ]
    # Positional where the driver wants positions; names that are not given have their value in the statement.
    positions = None if compiled.positiontup is None else tuple(compiled.positiontup)
    given = {name: bind.value for bind, name in compiled.bind_names.items() if name not in names}
    names_of_columns = [column.name for column in returned]
    anew = dialect.name != "sqlite" and statement.get_execution_options().get(PLANNED_ANEW, False)
    row: Any = namedtuple("Row", names_of_columns, rename=True)  # type: ignore[misc]  # noqa: PYI024 - known only here
    make = row._make if row._fields else None
    return Prepared(compiled.string, positions, given, binds, columns, make, {"prepare": False} if anew else {})
