"""SQLite as the database of a store: opening the file and running transactions."""

import math
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
from sellout_adapters.sql.engines import migration
from sellout_adapters.sql.engines.copy_writer import SqliteCopyWriter
from sellout_adapters.sql.engines.database import Timeouts
from sellout_adapters.sql.engines.sqlite.file import (
    APPLICATION_ID,
    FIRST_FORMAT,
    FORMAT,
    check_place,
    format_of,
    make_private,
    require_tables,
    write_ahead,
)
from sellout_adapters.sql.schema.inserts import next_ids
from sellout_adapters.sql.search.sqlite import SqliteSearch
from sellout_adapters.sql.session.connections import Places, driver_connection, opened
from sellout_adapters.sql.session.deadline import Deadline
from sellout_adapters.sql.session.errors import CannotOpen, SearchStopped, description_of
from sellout_core.errors import Unavailable

T = TypeVar("T")

# Conditions that are temporary or that the operator must repair. Others are bugs.
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
        sqlite3.SQLITE_INTERRUPT,
    }
)
_FIRST_STEP: Final = "0001"
_PROVEN_SECONDS: Final = 1
_BEGIN: Final = "sellout_begin"

_STEPS: Final = 20_000
"""How many steps of SQLite's virtual machine there are between two looks at the time, about a millisecond."""


@attrs.define
class _Proof:
    """When it was last proven that the file can be written, by the monotonic clock."""

    at: float = -math.inf


@attrs.frozen
class SqliteDatabase:
    """`Database` in a file. A writer takes the write lock when it begins, so its reads stay valid until the commit and
    its statements never wait.
    """

    locks_rows: ClassVar = False
    takes_arrays: ClassVar = False
    finds_one_faster: ClassVar = True
    reads_never_wait: ClassVar = True
    search: ClassVar = SqliteSearch()
    copy_writer: ClassVar = SqliteCopyWriter()

    engine: Engine
    migrated: Sequence[str]
    group_commit: GroupCommit
    _reader: Engine
    timeouts: Timeouts
    places: Places
    _idle: list[Connection] = attrs.field(factory=list, init=False)
    _written: _Proof = attrs.field(factory=_Proof, init=False)

    @classmethod
    def open(cls, name: str, connections: int, timeouts: Timeouts) -> "SqliteDatabase":
        """Opens a store's file and migrates it. A file that does not exist or is empty becomes a store.

        Args:
            name: The file's path.
            connections: The maximum number of concurrent readers. The writer has another connection.
            timeouts: The maximum waiting times.

        Raises:
            CannotOpen: the file cannot be a store.
        """
        path = Path(name).absolute()
        check_place(path)
        engine = _engine(path, connections, timeouts.lock)
        writer = engine.execution_options(**{_BEGIN: "BEGIN IMMEDIATE"})
        try:
            make_private(path)
            with closing(sqlite3.connect(path, timeout=timeouts.lock, isolation_level=None)) as file:
                format_of(file.cursor(), path)
                write_ahead(file.cursor(), path, timeouts.lock)
            done = _migrate(engine, writer, path)
        except (sqlite3.Error, DBAPIError, Unavailable, OSError, ValueError) as error:
            engine.dispose()
            raise CannotOpen(f"The database {name!r} cannot be opened: {description_of(error)}.") from error
        except BaseException:
            engine.dispose()
            raise
        reader = engine.execution_options(**{_BEGIN: ""})
        places = Places(connections)
        return cls(engine, done, GroupCommit(writer, timeouts.lock), reader, timeouts, places)

    def next_ids(self, table: Table) -> Executable:
        """Ids after the last one in `sqlite_sequence`, which inserts update. There is one writer at a time."""
        return _next_ids(table)

    def store_error(self, connection: Connection, error: Exception) -> Exception:  # noqa: ARG002 - no connection breaks
        """`Unavailable` for an error that is no bug."""
        return Unavailable() if _is_unavailable(error) else error

    def read_batcher(self, run: object) -> None:
        """None: reads never wait, so the event loop runs them directly."""

    def read(self, run: Callable[[Connection], T]) -> T:
        """As `Database.read`."""
        return self._read(run, self.timeouts.lock)

    def _read(self, run: Callable[[Connection], T], seconds: float) -> T:
        """Reads over a connection that is free within some seconds. Idle connections bypass the pool: it and
        SQLAlchemy's begin and rollback take longer than most reads.
        """
        self.places.take(seconds)
        try:
            return self._read_now(run)
        finally:
            self.places.release()

    def _read_now(self, run: Callable[[Connection], T]) -> T:
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = opened(self._reader)
        driver: Any = connection.connection.dbapi_connection
        try:
            driver.execute("BEGIN")
            return run(connection)
        except sqlite3.Error as error:
            if _is_unavailable(error):
                raise Unavailable from error
            raise
        finally:
            self._end(connection, driver)

    def limit_statements(self, connection: Connection, seconds: float) -> None:
        """Does nothing: SQLite looks at the deadline while a statement runs."""

    def read_search(self, deadline: Deadline, run: Callable[[Connection], T]) -> T:
        """As `Database.read_search`."""

        def run_until_stopped(connection: Connection) -> T:
            driver = driver_connection(connection)
            driver.set_progress_handler(deadline.passed, _STEPS)
            try:
                return run(connection)
            finally:
                driver.set_progress_handler(None, 0)

        try:
            return self._read(run_until_stopped, deadline.remaining())
        except Unavailable as error:
            if getattr(error.__cause__, "sqlite_errorcode", None) == sqlite3.SQLITE_INTERRUPT:
                raise Unavailable from SearchStopped()
            deadline.remaining()
            raise

    def _end(self, connection: Connection, driver: sqlite3.Connection) -> None:
        try:
            driver.rollback()
            connection.rollback()
        except (sqlite3.Error, DBAPIError, Unavailable):
            connection.invalidate()
        if connection.invalidated:
            connection.close()
        else:
            self._idle.append(connection)

    def close(self) -> None:
        """Closes all connections."""
        while self._idle:
            self._idle.pop().close()
        self.engine.dispose()

    def require_writable(self) -> None:
        """Writes one page, once a second at most: a full disk can be read, and only a commit finds out. Another writer
        is a proof, too.
        """
        if time.monotonic() - self._written.at < _PROVEN_SECONDS:
            return
        try:
            with closing(sqlite3.connect(str(self.engine.url.database), timeout=0, isolation_level=None)) as file:
                file.execute("PRAGMA synchronous = FULL")
                file.execute(f"PRAGMA user_version = {FORMAT}")
        except sqlite3.Error as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                raise Unavailable from error
        self._written.at = time.monotonic()

    def write(self, run: Callable[[Connection], T]) -> T:
        """As `Database.write`, one transaction at a time."""
        return self.group_commit.run(run)


def _migrate(engine: Engine, writer: Engine, path: Path) -> Sequence[str]:
    """Runs the missing migrations in one transaction."""
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
    # Versions of Python differ in when the driver begins a transaction.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.execute("PRAGMA synchronous = FULL")
    # A deleted person's data must not stay in free pages.
    cursor.execute("PRAGMA secure_delete = ON")
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
