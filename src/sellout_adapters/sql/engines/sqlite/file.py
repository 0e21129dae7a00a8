"""The file of an SQLite store: checks of its origin, schema and integrity."""

import os
import sqlite3
import stat
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from sqlalchemy import Connection, inspect

from sellout_adapters.sql.engines import migration
from sellout_adapters.sql.schema.columns import metadata
from sellout_adapters.sql.schema.tables.catalogue import SEARCH_TABLES
from sellout_adapters.sql.session.errors import CannotOpen, description_of

APPLICATION_ID: Final = 0x53_45_4C_4F  # "SELO": marks a file as a store
FIRST_FORMAT: Final = 1
"""The `user_version` of files without a table of the schema version."""
FORMAT: Final = 2


def check_place(path: Path) -> None:
    """Checks that a store's file exists at a path or can be created there.

    Raises:
        CannotOpen: the path is not an ordinary file, or permission is missing.
    """
    try:
        if not path.parent.is_dir():
            raise CannotOpen(f"There is no directory {str(path.parent)!r} to hold the database.")
        mode = path.stat().st_mode if path.exists() else None
    except (OSError, ValueError) as error:
        raise CannotOpen(f"The database {str(path)!r} cannot be opened: {description_of(error)}.") from error
    if mode is not None and stat.S_ISDIR(mode):
        raise CannotOpen(f"The database {str(path)!r} is a directory; it must be a file.")
    if mode is not None and not stat.S_ISREG(mode):
        raise CannotOpen(f"The database {str(path)!r} is not an ordinary file.")
    # SQLite writes the write-ahead log to the same directory, so the directory must be writable.
    if not os.access(path.parent, os.W_OK | os.X_OK) or (mode is not None and not os.access(path, os.R_OK | os.W_OK)):
        raise CannotOpen(f"There is no permission to read and write the database {str(path)!r} and its directory.")


def make_private(path: Path) -> None:
    """Makes an empty file that its owner alone can read, unless the file exists: SQLite would let everybody read it. It
    gives the write-ahead log the mode of this file.

    Raises:
        OSError: the file cannot be made.
    """
    # An existing file must not be opened and closed here: that would end the locks of this process's stores on it.
    with suppress(FileExistsError):
        os.close(os.open(os.path.realpath(path), os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))


def format_of(cursor: Any, path: Path) -> int:
    """The format of a store's file; 0 if it is empty.

    Raises:
        CannotOpen: the file is not a store's.
    """
    [application_id] = cursor.execute("PRAGMA application_id").fetchone()
    [version] = cursor.execute("PRAGMA user_version").fetchone()
    names = {name for (name,) in cursor.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()}
    if application_id == 0 and version == 0 and not names:
        return 0
    if application_id != APPLICATION_ID:
        raise CannotOpen(f"The database {str(path)!r} belongs to another program.")
    if version > FORMAT:
        raise CannotOpen(f"The database {str(path)!r} was made by a newer version of this program.")
    if version < FIRST_FORMAT:
        raise CannotOpen(f"The database {str(path)!r} is damaged: tables are missing.")
    return int(version)


def require_tables(connection: Connection, path: Path) -> None:
    """Checks that the file has every table of the current schema.

    Raises:
        CannotOpen: tables are missing.
    """
    if not set(inspect(connection).get_table_names()) >= metadata.tables.keys() | SEARCH_TABLES:
        raise CannotOpen(f"The database {str(path)!r} is damaged: tables are missing.")


@contextmanager
def existing(path: Path, wait: float) -> Iterator[sqlite3.Connection]:
    """A connection to an existing store's file, without migrations.

    Args:
        path: The file.
        wait: The maximum waiting time for a lock, in seconds.

    Raises:
        CannotOpen: there is no such file, it is empty, or it belongs to another program.
    """
    check_place(path)
    if not path.exists():
        raise CannotOpen(f"There is no database {str(path)!r}.")
    try:
        with closing(_connected(path, wait)) as connection:
            if not format_of(connection.cursor(), path):
                raise CannotOpen(f"The database {str(path)!r} is empty.")
            yield connection
    except sqlite3.Error as error:
        raise CannotOpen(f"The database {str(path)!r} cannot be read: {description_of(error)}.") from error


def require_current(path: Path, wait: float) -> None:
    """Checks that a store's file has the current schema.

    Raises:
        CannotOpen: it has another schema, or `existing` raises.
    """
    with existing(path, wait) as connection:
        versions = connection.execute("SELECT 1 FROM sqlite_master WHERE name = ?", [migration.VERSIONS]).fetchone()
        row = connection.execute(f"SELECT version_num FROM {migration.VERSIONS}").fetchone() if versions else None  # noqa: S608 - ours
    step = row[0] if row else "0001"
    if not migration.knows(step):
        raise CannotOpen(f"The database {str(path)!r} was made by a newer version of this program.")
    if step != migration.CURRENT:
        raise CannotOpen(
            f"The database {str(path)!r} is at step {step}, not {migration.CURRENT}: run 'sellout migrate'."
        )


def require_undamaged(path: Path, wait: float) -> None:
    """Checks all rows, indexes and foreign keys of a store's file. Others may use it meanwhile.

    Raises:
        CannotOpen: it is damaged, or `existing` raises.
    """
    with existing(path, wait) as connection:
        [verdict] = connection.execute("PRAGMA integrity_check(1)").fetchone()
        if verdict != "ok" or connection.execute("PRAGMA foreign_key_check").fetchone():
            raise CannotOpen(f"The database {str(path)!r} is damaged: restore it from a backup.")


def _connected(path: Path, wait: float) -> sqlite3.Connection:
    address = f"file:{quote(str(path.absolute()))}?mode=rw"
    return sqlite3.connect(address, uri=True, timeout=wait, isolation_level=None)


def write_ahead(cursor: Any, path: Path, wait: float) -> None:
    """Enables write-ahead logging permanently: readers and the writer do not block each other.

    SQLite does not wait for another process that enables it concurrently, so this function retries.

    Args:
        cursor: A cursor of the file.
        path: The file's path, for messages.
        wait: How long to retry, in seconds.

    Raises:
        CannotOpen: the file system cannot hold the log.
        OperationalError: another process held the file all the time.
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
