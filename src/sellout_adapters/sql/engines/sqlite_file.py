"""A store's SQLite file as such: whether it is one of ours, whether it is whole, and opening it as it is."""

import os
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from sqlalchemy import Connection, inspect

from sellout_adapters.sql.engines import migration
from sellout_adapters.sql.schema.catalogue_tables import SEARCH_TABLES
from sellout_adapters.sql.schema.columns import metadata
from sellout_adapters.sql.session.errors import CannotOpen, told

APPLICATION_ID: Final = 0x53_45_4C_4F  # "SELO": marks a file as a store of ours
FIRST_FORMAT: Final = 1
"""The file's `user_version` before the migrations' own table kept the step."""
FORMAT: Final = 2


def check_place(path: Path) -> None:
    """Lets through a path where a store's file is or can be made.

    Raises:
        CannotOpen: it is no ordinary file, or there is no permission.
    """
    try:
        if not path.parent.is_dir():
            raise CannotOpen(f"There is no directory {str(path.parent)!r} to hold the database.")
        mode = path.stat().st_mode if path.exists() else None
    except (OSError, ValueError) as error:
        raise CannotOpen(f"The database {str(path)!r} cannot be opened: {told(error)}.") from error
    if mode is not None and stat.S_ISDIR(mode):
        raise CannotOpen(f"The database {str(path)!r} is a directory; it must be a file.")
    if mode is not None and not stat.S_ISREG(mode):
        raise CannotOpen(f"The database {str(path)!r} is not an ordinary file.")
    # Beside the file SQLite keeps its write-ahead log, so the directory must be writable too.
    if not os.access(path.parent, os.W_OK | os.X_OK) or (mode is not None and not os.access(path, os.R_OK | os.W_OK)):
        raise CannotOpen(f"There is no permission to read and write the database {str(path)!r} and its directory.")


def format_of(cursor: Any, path: Path) -> int:
    """The format of a store's file; 0: there is nothing in it. Only looks.

    Raises:
        CannotOpen: it is something else.
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


def require_sound(cursor: Any, path: Path) -> None:
    """Lets through a file that SQLite can read to its end, which takes some 3 ms a megabyte: better to learn it now
    than in the middle of a transaction.

    Raises:
        CannotOpen: parts of it are damaged.
    """
    [verdict] = cursor.execute("PRAGMA quick_check(1)").fetchone()
    if verdict != "ok":
        raise CannotOpen(f"The database {str(path)!r} is damaged: restore it from a backup.")


def require_tables(connection: Connection, path: Path) -> None:
    """Lets through a file that has every table of the current schema.

    Raises:
        CannotOpen: tables are missing.
    """
    if not set(inspect(connection).get_table_names()) >= metadata.tables.keys() | SEARCH_TABLES:
        raise CannotOpen(f"The database {str(path)!r} is damaged: tables are missing.")


@contextmanager
def existing(path: Path, wait: float) -> Iterator[sqlite3.Connection]:
    """A connection to a store's file as it is. The file is neither created nor migrated.

    Args:
        path: The file.
        wait: How long to wait for a lock of another process, in seconds.

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
        raise CannotOpen(f"The database {str(path)!r} cannot be read: {told(error)}.") from error


def require_current(path: Path, wait: float) -> None:
    """Lets through a store's file that is at the current schema.

    Raises:
        CannotOpen: it is at another step, or `existing` refuses it.
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


def _connected(path: Path, wait: float) -> sqlite3.Connection:
    address = f"file:{quote(str(path.absolute()))}?mode=rw"
    return sqlite3.connect(address, uri=True, timeout=wait, isolation_level=None)
