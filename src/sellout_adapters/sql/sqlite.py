"""The SQLite file behind a store: whether it is one of ours, how it is made, and how it is spoken to."""

import os
import sqlite3
import stat
import time
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from sqlalchemy import URL, Connection, Engine, ExceptionContext, QueuePool, create_engine, event
from sqlalchemy.exc import DBAPIError

from sellout_adapters.sql import tables
from sellout_adapters.sql.columns import metadata
from sellout_core.errors import Unavailable

WAIT: Final = 10.0
"""How long, in seconds, anything waits for a connection, its turn to write, or a file that another process locks."""

_APPLICATION_ID: Final = 0x53_45_4C_4F  # "SELO": marks a file as a store of ours

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
_BEGIN: Final = "sellout_begin"


class CannotOpen(Exception):
    """A store cannot be opened; the message says why in one sentence for whoever runs the shop."""


def open_file(name: str, connections: int) -> Engine:
    """An engine for a store's file, which is made if it is not there or empty.

    Args:
        name: the file's path.
        connections: how many connections there may be at once.

    Raises:
        CannotOpen: the file cannot be a store.
    """
    path = Path(name).absolute()
    _check_place(path)
    engine = _engine(path, connections)
    try:
        with closing(sqlite3.connect(path, timeout=WAIT, isolation_level=None)) as file:
            new = _is_new(file.cursor(), path)
            if not new:
                _require_sound(file.cursor(), path)
            _write_ahead(file.cursor(), path)
        if new:
            with for_writing(engine).begin() as connection:
                _make(connection, path)
    except (sqlite3.Error, DBAPIError, Unavailable, OSError, ValueError) as error:
        engine.dispose()
        raise CannotOpen(f"The database {name!r} cannot be opened: {_told(error)}.") from error
    except BaseException:
        engine.dispose()
        raise
    return engine


def for_writing(engine: Engine) -> Engine:
    """The engine, its transactions holding the file's write lock from their first moment: what they read stays true
    until they commit, and none of them is refused half-way.
    """
    return engine.execution_options(**{_BEGIN: "BEGIN IMMEDIATE"})


def _check_place(path: Path) -> None:
    try:
        if not path.parent.is_dir():
            raise CannotOpen(f"There is no directory {str(path.parent)!r} to hold the database.")
        mode = path.stat().st_mode if path.exists() else None
    except (OSError, ValueError) as error:
        raise CannotOpen(f"The database {str(path)!r} cannot be opened: {_told(error)}.") from error
    if mode is not None and stat.S_ISDIR(mode):
        raise CannotOpen(f"The database {str(path)!r} is a directory; it must be a file.")
    if mode is not None and not stat.S_ISREG(mode):
        raise CannotOpen(f"The database {str(path)!r} is not an ordinary file.")
    # Beside the file SQLite keeps its write-ahead log, so the directory must be writable too.
    if not os.access(path.parent, os.W_OK | os.X_OK) or (mode is not None and not os.access(path, os.R_OK | os.W_OK)):
        raise CannotOpen(f"There is no permission to read and write the database {str(path)!r} and its directory.")


def _engine(path: Path, connections: int) -> Engine:
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        connect_args={"timeout": WAIT, "check_same_thread": False},
        poolclass=QueuePool,
        pool_size=connections,
        max_overflow=0,
        pool_timeout=WAIT,
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
    connection.exec_driver_sql(connection.get_execution_options().get(_BEGIN, "BEGIN"))


def _translate(context: ExceptionContext) -> None:
    error = context.original_exception
    if isinstance(error, sqlite3.Error) and getattr(error, "sqlite_errorcode", 0) & 0xFF in _AWAY:
        raise Unavailable from error


def _is_new(cursor: Any, path: Path) -> bool:
    """Whether there is nothing in the file; False: a store of ours. Only looks.

    Raises:
        CannotOpen: it is something else.
    """
    [application_id] = cursor.execute("PRAGMA application_id").fetchone()
    [version] = cursor.execute("PRAGMA user_version").fetchone()
    names = {name for (name,) in cursor.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()}
    if application_id == 0 and version == 0 and not names:
        return True
    if application_id != _APPLICATION_ID:
        raise CannotOpen(f"The database {str(path)!r} belongs to another program.")
    if version > tables.SCHEMA_VERSION:
        raise CannotOpen(f"The database {str(path)!r} was made by a newer version of this program.")
    if version != tables.SCHEMA_VERSION or not names >= metadata.tables.keys():
        raise CannotOpen(f"The database {str(path)!r} is damaged: tables are missing.")
    return False


def _require_sound(cursor: Any, path: Path) -> None:
    """Lets through a file that SQLite can read to its end, which takes some 3 ms a megabyte: better to learn it now
    than in the middle of somebody's order.

    Raises:
        CannotOpen: parts of it are damaged.
    """
    [verdict] = cursor.execute("PRAGMA quick_check(1)").fetchone()
    if verdict != "ok":
        raise CannotOpen(f"The database {str(path)!r} is damaged: restore it from a backup.")


def _write_ahead(cursor: Any, path: Path) -> None:
    """Turns write-ahead logging on, which lasts: readers and the writer do not wait for each other.

    SQLite does not wait for another process that is doing the same, so this does.
    """
    deadline = time.monotonic() + WAIT
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


def _make(connection: Connection, path: Path) -> None:
    """Makes a store of a new file, unless another process just did."""
    dbapi_connection = connection.connection.dbapi_connection
    if dbapi_connection is None or not _is_new(dbapi_connection.cursor(), path):
        return
    tables.create(connection)
    connection.exec_driver_sql(f"PRAGMA application_id = {_APPLICATION_ID}")
    connection.exec_driver_sql(f"PRAGMA user_version = {tables.SCHEMA_VERSION}")


def _told(error: BaseException) -> str:
    """What went wrong, in the words of whoever noticed first."""
    while isinstance(error, DBAPIError | Unavailable) and error.__cause__ is not None:
        error = error.__cause__
    if isinstance(error, OSError):
        return error.strerror or "the system refuses"
    return str(error)
