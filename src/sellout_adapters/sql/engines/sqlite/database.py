"""SQLite as the database of a store: opening the file, transactions, and what differs from other databases."""

import sqlite3
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, Final, TypeVar

import attrs
from sqlalchemy import URL, Connection, Engine, ExceptionContext, Executable, QueuePool, Table, create_engine, event
from sqlalchemy.exc import DBAPIError

from sellout_adapters.sql.concurrency.group_commit import GroupCommit
from sellout_adapters.sql.concurrency.loop_writes import LoopWrites
from sellout_adapters.sql.engines import migration
from sellout_adapters.sql.engines.database import Timeouts
from sellout_adapters.sql.engines.sqlite.copy_writer import SqliteCopyWriter
from sellout_adapters.sql.engines.sqlite.file import (
    APPLICATION_ID,
    FIRST_FORMAT,
    FORMAT,
    check_place,
    format_of,
    require_sound,
    require_tables,
)
from sellout_adapters.sql.schema.inserts import next_ids
from sellout_adapters.sql.search.sqlite import SqliteSearch
from sellout_adapters.sql.session.connections import driver_connection, opened
from sellout_adapters.sql.session.errors import CannotOpen, description_of
from sellout_core.errors import Unavailable
from sellout_core.ports.store import Store

T = TypeVar("T")

# Conditions that pass, or that the operator must mend; the other ones are errors in this program.
_UNAVAILABLE: Final = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_NOTADB,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_PROTOCOL,
    }
)
_FIRST_STEP: Final = "0001"
_BEGIN: Final = "sellout_begin"


@attrs.frozen
class SqliteDatabase:
    """`Database` in a file. A transaction that writes takes the file's write lock when it begins: what it reads stays
    true until it commits, and no later statement of it has to wait.
    """

    locks_rows: ClassVar = False
    takes_arrays: ClassVar = False
    finds_one_faster: ClassVar = True
    reads_never_wait: ClassVar = True
    search: ClassVar = SqliteSearch()
    copy_writer: ClassVar = SqliteCopyWriter()

    engine: Engine
    migrated: Sequence[str]
    _group_commit: GroupCommit
    _reader: Engine
    _max_idle: int
    _idle: list[Connection] = attrs.field(factory=list, init=False)

    @classmethod
    def open(cls, name: str, connections: int, timeouts: Timeouts) -> "SqliteDatabase":
        """Opens a store's file and migrates it. A file that does not exist or is empty becomes a store.

        Args:
            name: The file's path.
            connections: How many transactions read at once. One more writes.
            timeouts: How long a transaction waits.

        Raises:
            CannotOpen: the file cannot be a store.
        """
        path = Path(name).absolute()
        check_place(path)
        engine = _engine(path, connections, timeouts.lock)
        writer = engine.execution_options(**{_BEGIN: "BEGIN IMMEDIATE"})
        try:
            with closing(sqlite3.connect(path, timeout=timeouts.lock, isolation_level=None)) as file:
                if format_of(file.cursor(), path):
                    require_sound(file.cursor(), path)
                _write_ahead(file.cursor(), path, timeouts.lock)
            done = _migrate(engine, writer, path)
        except (sqlite3.Error, DBAPIError, Unavailable, OSError, ValueError) as error:
            engine.dispose()
            raise CannotOpen(f"The database {name!r} cannot be opened: {description_of(error)}.") from error
        except BaseException:
            engine.dispose()
            raise
        return cls(
            engine, done, GroupCommit(writer, timeouts.lock), engine.execution_options(**{_BEGIN: ""}), connections
        )

    def next_ids(self, table: Table) -> Executable:
        """Ids after the last one in SQLite's own table, which rows with an id update. No other transaction writes."""
        return _next_ids(table)

    def store_error(self, connection: Connection, error: Exception) -> Exception:  # noqa: ARG002 - no connection breaks
        """`Unavailable` for an error that is not this program's."""
        return Unavailable() if _is_unavailable(error) else error

    def read_batcher(self) -> None:
        """None: reads wait for nothing, so the event loop runs them as they are."""

    def loop_writes(self, store: Store, statements: Callable[[], int]) -> LoopWrites:
        """Writes that share commits with those of threads."""
        return LoopWrites(self._group_commit, store, statements)

    def read(self, run: Callable[[Connection], T]) -> T:
        """As `Database.read`. Idle connections stay here: the pool and SQLAlchemy's begin and rollback take longer than
        most reads.
        """
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = opened(self._reader)
        driver = driver_connection(connection)
        try:
            driver.execute("BEGIN")
            return run(connection)
        except sqlite3.Error as error:
            if _is_unavailable(error):
                raise Unavailable from error
            raise
        finally:
            self._end(connection, driver)

    def _end(self, connection: Connection, driver: sqlite3.Connection) -> None:
        try:
            driver.rollback()
            connection.rollback()
        except (sqlite3.Error, DBAPIError, Unavailable):
            connection.invalidate()
        if connection.invalidated or len(self._idle) >= self._max_idle:
            connection.close()
        else:
            self._idle.append(connection)

    def close(self) -> None:
        """Closes all connections."""
        while self._idle:
            self._idle.pop().close()
        self.engine.dispose()

    def write(self, run: Callable[[Connection], T]) -> T:
        """As `Database.write`, one transaction after the other."""
        return self._group_commit.run(run)


def _migrate(engine: Engine, writer: Engine, path: Path) -> Sequence[str]:
    """Takes the missing migration steps in one transaction."""
    with engine.begin() as connection:
        if format_of(_cursor(connection), path) == FORMAT and migration.step_of(connection) == migration.CURRENT:
            require_tables(connection, path)
            return []
    with writer.begin() as connection:
        first = format_of(_cursor(connection), path) == FIRST_FORMAT
        step = migration.step_of(connection)
        if step is not None and not migration.knows(step):
            raise CannotOpen(f"The database {str(path)!r} was made by a newer version of this program.")
        done = migration.upgrade(connection, adopted=_FIRST_STEP if first else None)
        connection.exec_driver_sql(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.exec_driver_sql(f"PRAGMA user_version = {FORMAT}")
        require_tables(connection, path)
        return done


@cache
def _next_ids(table: Table) -> Executable:
    last = f"coalesce((SELECT seq FROM sqlite_sequence WHERE name = '{table.name}'), 0)"  # noqa: S608 - ours
    ids = f"SELECT {last} + 1 AS id UNION ALL SELECT id + 1 FROM ids LIMIT :number"  # noqa: S608 - ours
    return next_ids(f"WITH RECURSIVE ids AS ({ids}) SELECT id FROM ids")  # noqa: S608 - ours


def _cursor(connection: Connection) -> Any:
    return driver_connection(connection).cursor()


def _engine(path: Path, connections: int, wait: float) -> Engine:
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        connect_args={"timeout": wait, "check_same_thread": False},
        poolclass=QueuePool,
        pool_size=connections + 1,  # one of them for the writer
        max_overflow=0,
        pool_timeout=wait,
        pool_reset_on_return=None,  # the code that begins a transaction ends it
        hide_parameters=True,  # a logged error must not show personal data
    )
    event.listen(engine, "connect", _set_up)
    event.listen(engine, "begin", _begin)
    event.listen(engine, "handle_error", _raise_store_error)
    return engine


def _set_up(connection: Any, _record: Any) -> None:
    # The driver's own rule when a transaction begins differs between versions of Python.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.close()


def _begin(connection: Connection) -> None:
    begin = connection.get_execution_options().get(_BEGIN, "BEGIN")
    if not begin:
        return
    try:
        driver_connection(connection).execute(begin)
    except sqlite3.Error as error:
        if _is_unavailable(error):
            raise Unavailable from error
        raise


def _raise_store_error(context: ExceptionContext) -> None:
    if _is_unavailable(context.original_exception):
        raise Unavailable from context.original_exception


def _is_unavailable(error: BaseException) -> bool:
    return isinstance(error, sqlite3.Error) and getattr(error, "sqlite_errorcode", 0) & 0xFF in _UNAVAILABLE


def _write_ahead(cursor: Any, path: Path, wait: float) -> None:
    """Turns write-ahead logging on for good: readers and the writer do not wait for each other.

    SQLite does not wait for another process that does the same at this moment, so this function does.
    """
    deadline = time.monotonic() + wait
    while True:
        try:
            [mode] = cursor.execute("PRAGMA journal_mode = WAL").fetchone()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            break
    if mode != "wal":
        raise CannotOpen(f"The database {str(path)!r} is on a file system that cannot hold a write-ahead log.")
