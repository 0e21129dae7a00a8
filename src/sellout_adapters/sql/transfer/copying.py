"""Copying a whole shop from one database into another of any kind."""

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, Table, func, select
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from sellout_adapters.sql.engines import migration
from sellout_adapters.sql.engines.copy_writer import CopyWriter, Row
from sellout_adapters.sql.engines.database import Database, Timeouts
from sellout_adapters.sql.engines.opening import SQLITE, file_of, open_database
from sellout_adapters.sql.engines.sqlite import file as sqlite_file
from sellout_adapters.sql.schema.catalogue_tables import catalogue, genders, statuses
from sellout_adapters.sql.schema.columns import metadata
from sellout_adapters.sql.session.errors import RunAgain
from sellout_adapters.sql.transfer.rows import Digest, batches
from sellout_core.errors import Unavailable

Progress = Callable[[int, int], None]
"""Gets the amount of work that is done, and the total amount."""

# What the migrations put into a new database. A copy replaces it with the source's rows.
_SEED: Final[Mapping[Table, Sequence[Row]]] = {
    genders: [(1, "M"), (2, "F")],
    statuses: [(1, "pending")],
    catalogue: [(1, 0)],
}


class CannotCopy(Exception):
    """A shop was not copied; the message says why in one sentence. The target is empty, unless the message says that
    this is unknown.
    """


def open_source(url: str, timeouts: Timeouts) -> Database:
    """Opens the database to copy from, which must exist and be at the current schema.

    Raises:
        CannotOpen: it does not exist, or it is at another schema.
    """
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        parsed = None
    if parsed is not None and parsed.drivername in SQLITE:
        sqlite_file.require_current(Path(file_of(parsed)), timeouts.lock)
    return open_database(url, 1, timeouts, migrate=False)


def open_target(url: str, timeouts: Timeouts) -> Database:
    """Opens the database to copy into, and migrates it.

    Raises:
        CannotOpen: it cannot be used.
    """
    return open_database(url, 1, timeouts, migrate=True)


def copy_shop(source: Database, target: Database, progress: Progress) -> Mapping[str, int]:
    """Copies every table in one transaction, then compares the rows of both databases, and commits if they are equal.

    The source is read in one snapshot: later writes to it are not copied. At most `BATCH` rows are in memory at once.

    Args:
        source: From `open_source`.
        target: From `open_target`.
        progress: Gets the number of rows that are copied or compared, and the total number.

    Returns:
        The number of rows of each table, by its name.

    Raises:
        CannotCopy: the target is not empty, it refuses a row, or a table differs after the copy.
        Unavailable: one of the databases became unreachable.
    """
    stopped: KeyboardInterrupt | None = None
    committing = False

    def read(out: Connection) -> Mapping[str, int]:
        source.copy_writer.prepare_source(out)
        migration.require_current(out)

        def write(into: Connection) -> Mapping[str, int]:
            nonlocal stopped, committing
            committing = False  # a transaction that lost at its commit runs again
            try:
                counts = _copy(out, into, source.copy_writer, target.copy_writer, progress)
            except KeyboardInterrupt as stop:
                stopped = stop
                raise
            except RunAgain as lost:
                # `Database.write` would copy again from the start; the operator decides that.
                raise Unavailable from lost
            except ValueError as error:
                raise CannotCopy(f"The source is damaged: {error}.") from error
            except Exception as error:
                if isinstance(target.store_error(into, error), Unavailable | RunAgain):
                    raise Unavailable from error
                raise
            committing = True
            return counts

        return target.write(write)

    try:
        return source.read(read)
    except (KeyboardInterrupt, Unavailable) as error:
        if committing:
            raise CannotCopy(
                "The copy was complete, but its commit was interrupted: the target is either empty or whole. Run the"
                " command again: it refuses a target that is whole."
            ) from error
        # SQLAlchemy invalidates an interrupted connection, and then the database seems to be unreachable.
        if stopped is not None:
            raise stopped from None
        raise


def _copy(
    out: Connection, into: Connection, reader: CopyWriter, writer: CopyWriter, progress: Progress
) -> Mapping[str, int]:
    writer.prepare_target(into)
    _require_empty(into)
    for seeded in _SEED:
        into.execute(seeded.delete())
    tables = metadata.sorted_tables
    total = 2 * sum(out.scalar(select(func.count()).select_from(table)) or 0 for table in tables)
    done = 0

    def read(connection: Connection, table: Table, found: Digest) -> Generator[list[Row], None, None]:
        nonlocal done
        with closing(batches(connection, table)) as rows:
            for batch in rows:
                found.add(batch)
                yield batch
                done += len(batch)
                progress(done, total)

    digests = {table: Digest() for table in tables}
    for table in tables:
        try:
            # Closes the source's cursor before its connection, also when the copy is stopped.
            with closing(read(out, table, digests[table])) as rows:
                writer.add(into, table, rows)
        except Exception as error:
            if (refusal := _refusal(error)) is None:
                raise
            raise CannotCopy(f"The target refuses a row of {table.name}: {refusal}.") from error
    writer.finish(into)
    for table in tables:
        copied = Digest()
        with closing(read(into, table, copied)) as rows:
            for _ in rows:
                pass
        _require_equal(table, digests[table], copied)
    writer.set_last_ids(into, reader.last_ids(out))
    return {table.name: digests[table].rows for table in tables}


def _require_empty(connection: Connection) -> None:
    for table in metadata.sorted_tables:
        seed = [tuple(row) for row in _SEED.get(table, [])]
        if connection.execute(select(table).limit(len(seed) + 1).order_by(*table.primary_key)).all() != seed:
            raise CannotCopy(f"The target is not empty: {table.name} holds rows. Copy into a database of its own.")


def _require_equal(table: Table, source: Digest, target: Digest) -> None:
    if source.rows != target.rows:
        raise CannotCopy(f"The copy differs: {table.name} has {source.rows} rows, the copy {target.rows}.")
    if source != target:
        raise CannotCopy(f"The copy differs: {table.name} has as many rows, but not the same ones.")


def _refusal(error: Exception) -> str | None:
    """The constraint or the type that a row violates, without the row's values; None for any other error."""
    original = error.orig if isinstance(error, DBAPIError) else error
    if not any(kind.__name__ in {"IntegrityError", "DataError"} for kind in type(original).__mro__):
        return None
    primary = getattr(getattr(original, "diag", None), "message_primary", None)
    return str(primary or original).rstrip(".")
