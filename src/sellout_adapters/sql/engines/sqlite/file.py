"""The file of an SQLite store: whether it belongs to this program, whether it is damaged, and opening it as it is."""

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
from sellout_adapters.sql.session.errors import CannotOpen, description_of

APPLICATION_ID: Final = 0x53_45_4C_4F  # "SELO": marks a file as a store
FIRST_FORMAT: Final = 1
"""The `user_version` of files from before the table of migration steps."""
FORMAT: Final = 2


def check_place(path: Path) -> None:
    """Checks that a store's file exists at a path or can be created there.

    Raises:
        CannotOpen: the path is not that of an ordinary file, or there is no permission.
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
    # Beside the file SQLite keeps its write-ahead log, so the directory must be writable too.
    if not os.access(path.parent, os.W_OK | os.X_OK) or (mode is not None and not os.access(path, os.R_OK | os.W_OK)):
        raise CannotOpen(f"There is no permission to read and write the database {str(path)!r} and its directory.")


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


def require_sound(cursor: Any, path: Path) -> None:
    """Checks that SQLite can read the whole file. That takes some 3 ms for each megabyte.

    Raises:
        CannotOpen: parts of the file are damaged.
    """
    [verdict] = cursor.execute("PRAGMA quick_check(1)").fetchone()
    if verdict != "ok":
        raise CannotOpen(f"The database {str(path)!r} is damaged: restore it from a backup.")


def require_tables(connection: Connection, path: Path) -> None:
    """Checks that the file has every table of the current schema.

    Raises:
        CannotOpen: tables are missing.
    """
    if not set(inspect(connection).get_table_names()) >= metadata.tables.keys() | SEARCH_TABLES:
        raise CannotOpen(f"The database {str(path)!r} is damaged: tables are missing.")


@contextmanager
def existing(path: Path, wait: float) -> Iterator[sqlite3.Connection]:
    """A connection to a store's file, which is neither created nor migrated.

    Args:
        path: The file.
        wait: How long to wait for a lock, in seconds.

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
    """Checks that a store's file is at the current schema.

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
