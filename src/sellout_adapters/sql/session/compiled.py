"""Statements made ready once: SQLAlchemy writes the SQL and converts the values, the driver is asked directly.

Going through a SQLAlchemy result for each of a request's few short statements takes several times as long as the
database itself does.
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
    options: Mapping[str, Any]

    def run(self, connection: Connection, parameters: Mapping[str, Any]) -> tuple[Sequence[Row], int]:
        """The rows that the statement gives, and how many it wrote.

        Raises:
            Damaged: what the database gives cannot be what was written there.
        """
        cursor = driver_of(connection).cursor()
        try:
            sent = self.sent(parameters)
            # Whoever listens to SQLAlchemy's own events hears of these statements too.
            for before in connection.engine.dispatch.before_cursor_execute or ():
                before(connection, cursor, self.sql, sent, None, False)
            for instead in connection.dialect.dispatch.do_execute or ():
                instead(cursor, self.sql, sent, None)
            cursor.execute(self.sql, sent, **self.options)
            # SQLAlchemy may have an INSERT return an id that nobody asked for.
            found = cursor.fetchall() if self.gives_rows else ()
            written = cursor.rowcount
        finally:
            cursor.close()
        return self.rows(found), written

    def run_many(self, connection: Connection, columns: Mapping[str, Sequence[Any]]) -> None:
        """Runs the statement for each row of parameters, which are given by column, where the driver wants positions.
        Nothing it gives is fetched.
        """
        assert self._positions is not None  # noqa: S101 - for the type alone
        processed = [map(self._binds.get(name, _as_it_is), columns[name]) for name in self._positions]
        sent = list(zip(*processed, strict=True))
        cursor = driver_of(connection).cursor()
        try:
            for before in connection.engine.dispatch.before_cursor_execute or ():
                before(connection, cursor, self.sql, sent, None, True)
            for instead in connection.dialect.dispatch.do_executemany or ():
                instead(cursor, self.sql, sent, None)
            cursor.executemany(self.sql, sent)
        finally:
            cursor.close()

    @property
    def gives_rows(self) -> bool:
        """Whether it is asked for them."""
        return self._row is not None

    def sent(self, parameters: Mapping[str, Any]) -> Any:
        """The parameters as the driver takes them."""
        values = {**self._given, **parameters} if self._given else dict(parameters)
        for name, process in self._binds.items():
            values[name] = process(values[name])
        return values if self._positions is None else [values[name] for name in self._positions]

    def rows(self, found: Sequence[Sequence[Any]]) -> Sequence[Row]:
        """Rows as they are read, from the driver's.

        Raises:
            Damaged: what the database gives cannot be what was written there.
        """
        if self._row is None:
            return ()
        try:
            return [self._row(self._converted(row)) for row in found]
        except (TypeError, ValueError, msgspec.DecodeError) as error:
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


def _reader(kind: Any, dialect: Dialect) -> Processor | None:
    """What makes a column's values of the driver's."""
    if isinstance(kind, JSON) and dialect.name == "sqlite":
        return _decoded
    processor: Processor | None = kind.result_processor(dialect, None)
    return processor


def _decoded(text: Any) -> Any:
    # SQLAlchemy's own way there passes through four functions, for each of a product's lists.
    return None if text is None else msgspec.json.decode(text)


def _as_it_is(value: Any) -> Any:
    return value


@lru_cache(_MOST)
def prepared(statement: Executable, dialect: Dialect, names: tuple[str, ...], *, for_one: bool = False) -> Prepared:
    """The statement for a database, with parameters of those names; perhaps one to be asked among a single value."""
    ready: Any = statement
    compiled = ready.compile(dialect=dialect, column_keys=list(names), compile_kwargs={FOR_ONE: for_one})
    assert isinstance(compiled, SQLCompiler)  # noqa: S101 - for the type alone
    binds: dict[str, Processor] = {
        name: process
        for bind, name in compiled.bind_names.items()
        if (process := bind.type.dialect_impl(dialect).bind_processor(dialect)) is not None
    }
    if for_one:
        binds |= {name: bind.type.only for bind, name in compiled.bind_names.items() if isinstance(bind.type, Values)}
    returned: Any = getattr(statement, "exported_columns", ())
    columns = [
        (index, reader)
        for index, column in enumerate(returned)
        if (reader := _reader(column.type.dialect_impl(dialect), dialect)) is not None
    ]
    # Positional where the driver wants positions; names that are not given have their value in the statement.
    positions = None if compiled.positiontup is None else tuple(compiled.positiontup)
    given = {name: bind.value for bind, name in compiled.bind_names.items() if name not in names}
    names_of_columns = [column.name for column in returned]
    anew = dialect.name != "sqlite" and statement.get_execution_options().get(PLANNED_ANEW, False)
    row: Any = namedtuple("Row", names_of_columns, rename=True)  # type: ignore[misc]  # noqa: PYI024 - known only here
    make = row._make if row._fields else None
    return Prepared(compiled.string, positions, given, binds, columns, make, {"prepare": False} if anew else {})
