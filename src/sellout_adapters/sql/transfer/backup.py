"""Online backups of an SQLite store's file."""

import os
import secrets
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Final

from sellout_adapters.sql.engines.sqlite import file as sqlite_file
from sellout_adapters.sql.session.errors import CannotOpen, description_of

_PAGES: Final = 2000
"""The number of pages copied between two calls of `progress`."""


class CannotBackUp(Exception):
    """No backup was written. The message states the reason in one sentence."""


def back_up(database: Path, file: Path, wait: float, progress: Callable[[int, int], None]) -> None:
    """Copies a snapshot of a store's file to a new file that only its owner can read.

    Servers may read and write meanwhile. The backup is one file. It is checked before it is renamed to its final name,
    so a file with that name is complete.

    Args:
        database: The store's file, of any schema.
        file: The backup, which must not exist.
        wait: The maximum waiting time for a lock, in seconds.
        progress: Receives the number of copied pages and the total number.

    Raises:
        CannotBackUp: the backup exists, cannot be written, or is damaged.
        CannotOpen: there is no such store.
    """
    if os.path.lexists(file):
        raise CannotBackUp(f"{str(file)!r} exists: name a new file")
    with sqlite_file.existing(database, wait) as source:
        draft = file.with_name(f".{file.name}.{secrets.token_hex(8)}")
        try:
            os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
            try:
                _copy(source, draft, progress)
                _publish(draft, file)
            finally:
                for ending in ("", "-journal", "-wal", "-shm"):
                    draft.with_name(draft.name + ending).unlink(missing_ok=True)
        except (sqlite3.Error, OSError) as error:
            raise CannotBackUp(f"cannot write {str(file)!r}: {description_of(error)}") from error


def _copy(source: sqlite3.Connection, draft: Path, progress: Callable[[int, int], None]) -> None:
    # Without this transaction each write to the source would restart the backup.
    source.execute("BEGIN")
    source.execute("SELECT count(*) FROM sqlite_master").fetchone()
    with closing(sqlite3.connect(draft, isolation_level=None)) as copy:
        source.backup(copy, pages=_PAGES, progress=lambda _, left, pages: progress(pages - left, pages))
        # The backup is one file. Opening it as a store enables write-ahead logging again.
        copy.execute("PRAGMA journal_mode = DELETE")
        [verdict] = copy.execute("PRAGMA integrity_check(1)").fetchone()
        if verdict != "ok":
            raise CannotBackUp("the database is damaged: its backup does not pass SQLite's integrity check")
        try:
            sqlite_file.format_of(copy.cursor(), draft)
        except CannotOpen:
            raise CannotBackUp("the backup is no store of this program") from None
    source.rollback()


def _publish(draft: Path, file: Path) -> None:
    """Renames the durable backup to its final name, unless that name exists."""
    _sync(draft)
    try:
        os.link(draft, file)
    except FileExistsError:
        raise CannotBackUp(f"{str(file)!r} exists: name a new file") from None
    except OSError:
        # File systems without hard links.
        if os.path.lexists(file):
            raise CannotBackUp(f"{str(file)!r} exists: name a new file") from None
        draft.rename(file)
    _sync(file.parent)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
