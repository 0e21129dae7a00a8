"""The SQLite file behind a store: whether it is one of ours, how it is made, and how it is spoken to."""

import sqlite3
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Final, TypeVar

import attrs
from sqlalchemy import URL, Connection, Engine, ExceptionContext, QueuePool, create_engine, event
from sqlalchemy.exc import DBAPIError

from sellout_adapters.sql.concurrency.greenlet_task import ask, can_stop
from sellout_adapters.sql.concurrency.group_commit import Batches
from sellout_adapters.sql.concurrency.loop_writes import LoopWrites
from sellout_adapters.sql.engines import migration
from sellout_adapters.sql.engines.database import Timeouts
from sellout_adapters.sql.engines.sqlite_file import (
    APPLICATION_ID,
    FIRST_FORMAT,
    FORMAT,
    check_place,
    format_of,
    require_sound,
    require_tables,
)
from sellout_adapters.sql.session.compiled import driver_of
from sellout_adapters.sql.session.connections import opened
from sellout_adapters.sql.session.errors import CannotOpen, told
from sellout_core.errors import Unavailable

T = TypeVar("T")

# What passes, or what the machine's operator has to see to; the rest are faults of ours or of the file.
_AWAY: Final = frozenset(
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
    """`database.Database` in a file. Its transactions that write hold the file's write lock from their first moment:
    what they read stays true until they commit, and none of them is refused half-way.
    """

    engine: Engine
    migrated: Sequence[str]
    _batches: Batches
    _reader: Engine
    _most_idle: int
    _idle: list[Connection] = attrs.field(factory=list, init=False)

    @classmethod
    def open(cls, name: str, connections: int, timeouts: Timeouts) -> "SqliteDatabase":
        """A store's file, which is made if it is not there or empty, and brought to the current schema.

        Args:
            name: The file's path.
            connections: How many may read at once; one more writes.
            timeouts: How long anything waits.

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
            raise CannotOpen(f"The database {name!r} cannot be opened: {told(error)}.") from error
        except BaseException:
            engine.dispose()
            raise
        return cls(engine, done, Batches(writer, timeouts.lock), engine.execution_options(**{_BEGIN: ""}), connections)

    @property
    def reads_never_wait(self) -> bool:
        """The file is in this machine, and readers find it as the last commit left it."""
        return True

    @property
    def locks_rows(self) -> bool:
        """Writers go one at a time."""
        return False

    def gathering(self) -> None:
        """There is none: its reads wait for nobody, so they need no thread anyway."""

    def writing(self, statements: Callable[[], int]) -> LoopWrites:
        """One after the other, many in a transaction."""
        return LoopWrites(self._batches, statements)

    def translated(self, connection: Connection, error: Exception) -> Exception:  # noqa: ARG002 - there is none to lose
        """What the machine's operator has to see to is no fault of whoever asked."""
        return Unavailable() if _away(error) else error

    def read(self, run: Callable[[Connection], T]) -> T:
        """Never kept waiting by a writer. Connections that read stay with this: to take one from the pool, and to begin
        and end a transaction as SQLAlchemy does, takes longer than most reads.
        """
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = opened(self._reader)
        driver = driver_of(connection)
        try:
            driver.execute("BEGIN")
            return run(connection)
        except sqlite3.Error as error:
            if _away(error):
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
        if connection.invalidated or len(self._idle) >= self._most_idle:
            connection.close()
        else:
            self._idle.append(connection)

    def close(self) -> None:
        """Closes all connections; nobody uses one."""
        while self._idle:
            self._idle.pop().close()
        self.engine.dispose()

    def write(self, run: Callable[[Connection], T]) -> T:
        """One at a time, in the order in which they came."""
        if not can_stop():
            return self._batches.run(run)
        outcome: Callable[[], T] = ask(run)
        return outcome()


def _migrate(engine: Engine, writer: Engine, path: Path) -> Sequence[str]:
    """Takes the steps that are due, in one transaction, unless another process just did."""
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


def _cursor(connection: Connection) -> Any:
    """The driver's own."""
    return driver_of(connection).cursor()


def _engine(path: Path, connections: int, wait: float) -> Engine:
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        connect_args={"timeout": wait, "check_same_thread": False},
        poolclass=QueuePool,
        pool_size=connections + 1,  # one of them for the writer
        max_overflow=0,
        pool_timeout=wait,
        pool_reset_on_return=None,  # every transaction here is ended by whoever began it
        hide_parameters=True,  # an error that is logged must not show what people sent
    )
    event.listen(engine, "connect", _set_up)
    event.listen(engine, "begin", _begin)
    event.listen(engine, "handle_error", _translate)
    return engine


def _set_up(connection: Any, _record: Any) -> None:
    # The driver's own idea of when a transaction begins is neither ours nor the same in every Python.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.close()


def _begin(connection: Connection) -> None:
    words = connection.get_execution_options().get(_BEGIN, "BEGIN")
    if not words:
        return
    try:
        driver_of(connection).execute(words)
    except sqlite3.Error as error:
        if _away(error):
            raise Unavailable from error
        raise


def _translate(context: ExceptionContext) -> None:
    if _away(context.original_exception):
        raise Unavailable from context.original_exception


def _away(error: BaseException) -> bool:
    return isinstance(error, sqlite3.Error) and getattr(error, "sqlite_errorcode", 0) & 0xFF in _AWAY


def _write_ahead(cursor: Any, path: Path, wait: float) -> None:
    """Turns write-ahead logging on, which lasts: readers and the writer do not wait for each other.

    SQLite does not wait for another process that is doing the same, so this does.
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
