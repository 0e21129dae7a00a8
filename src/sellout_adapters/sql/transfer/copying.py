"""Copies a whole shop from one database to another of any kind."""

import hashlib
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import attrs
import msgspec
from sqlalchemy import JSON, ColumnElement, Connection, Select, Table, Text, cast, func, select
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from sellout_adapters.sql.engines import migration
from sellout_adapters.sql.engines.copy_writer import CopyWriter, Row
from sellout_adapters.sql.engines.database import Database, Timeouts
from sellout_adapters.sql.engines.opening import SQLITE, file_of, open_database
from sellout_adapters.sql.engines.sqlite import file as sqlite_file
from sellout_adapters.sql.schema.columns import metadata
from sellout_adapters.sql.schema.functions import bytewise, spaced_terms
from sellout_adapters.sql.schema.tables.catalogue import catalogue, genders, statuses
from sellout_adapters.sql.schema.types import Terms
from sellout_adapters.sql.session.errors import RunAgain
from sellout_core.errors import Unavailable
from sellout_core.fulfilment.statuses import STATUSES

BATCH: Final = 1000
"""The maximum number of rows in memory."""

Progress = Callable[[int, int], None]
"""Receives the amount of completed work and the total amount."""

# The rows that migrations insert. A copy replaces them by the rows of the source.
_SEED: Final[Mapping[Table, Sequence[Row]]] = {
    genders: [(1, "M"), (2, "F")],
    statuses: list(STATUSES.items()),
    catalogue: [(1, 0, 0)],
}


class CannotCopy(Exception):
    """A shop was not copied. The message states the reason, and whether the target may be non-empty."""


@attrs.define
class Digest:
    """The number of rows of a table, and their hash in the order of the primary key."""

    rows: int = 0
    _hash: Any = attrs.field(factory=lambda: hashlib.blake2b(digest_size=32), eq=lambda found: found.digest())

    def add(self, batch: Sequence[Row]) -> None:
        """Adds the next rows."""
        self.rows += len(batch)
        for row in batch:
            self._hash.update(msgspec.msgpack.encode(row))


def open_source(url: str, timeouts: Timeouts) -> Database:
    """Opens the source, which must exist and have the current schema.

    Raises:
        CannotOpen: it does not exist, or has another schema.
    """
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        parsed = None
    if parsed is not None and parsed.drivername in SQLITE:
        sqlite_file.require_current(Path(file_of(parsed)), timeouts.lock)
    return open_database(url, 1, timeouts, migrate=False)


def open_target(url: str, timeouts: Timeouts) -> Database:
    """Opens the target and migrates it.

    Raises:
        CannotOpen: it cannot be used.
    """
    return open_database(url, 1, timeouts, migrate=True)


def copy_shop(source: Database, target: Database, progress: Progress) -> Mapping[str, int]:
    """Copies all tables in one transaction, compares the rows of both databases, and commits if they are equal.

    The source is read in one snapshot: later writes to it are not copied. At most `BATCH` rows are in memory at once.

    Args:
        source: From `open_source`.
        target: From `open_target`.
        progress: Receives the number of copied or compared rows and the total number.

    Returns:
        The number of rows of each table, by its name.

    Raises:
        CannotCopy: the target is not empty, rejects a row, or differs after the copy.
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
                # Not retried by `Database.write`: the operator decides that.
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
    """The violated constraint or type, without the values of the row. None: another error."""
    original = error.orig if isinstance(error, DBAPIError) else error
    if not any(kind.__name__ in {"IntegrityError", "DataError"} for kind in type(original).__mro__):
        return None
    primary = getattr(getattr(original, "diag", None), "message_primary", None)
    return str(primary or original).rstrip(".")


def batches(connection: Connection, source: Table) -> Generator[list[Row], None, None]:
    """All rows of a table in the order of its primary key, in batches of `BATCH`.

    Raises:
        ValueError: a value does not fit the type of its column.
    """
    terms = [index for index, found in enumerate(source.columns) if isinstance(found.type, Terms)]
    result = connection.execute(_all_rows(source), execution_options={"yield_per": BATCH})
    with result:
        for partition in result.partitions():
            yield [_with_sorted_terms(tuple(row), terms) for row in partition]


def _all_rows(source: Table) -> Select[Any]:
    order = [bytewise(found) if isinstance(found.type, Text) else found for found in source.primary_key.columns]
    return select(*(_portable(found).label(found.name) for found in source.columns)).order_by(*order)


def _portable(found: ColumnElement[Any]) -> ColumnElement[Any]:
    if isinstance(found.type, JSON):
        return cast(found, Text)
    return spaced_terms(found) if isinstance(found.type, Terms) else found


def _with_sorted_terms(row: Row, terms: Sequence[int]) -> Row:
    """Sorts terms: each kind of database has another order."""
    if not terms:
        return row
    return tuple(" ".join(sorted(value.split(" "))) if at in terms else value for at, value in enumerate(row))
