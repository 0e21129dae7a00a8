"""PostgreSQL as the database of a store: opening it and running transactions.

Other databases with PostgreSQL's protocol also work, including those that report conflicts by SQLSTATE 40001.
"""

import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any, ClassVar, Final, TypeVar

import attrs
import psycopg
from psycopg.pq import TransactionStatus
from sqlalchemy import URL, Connection, Engine, Executable, Table
from sqlalchemy.exc import DBAPIError, IntegrityError

from sellout_adapters.sql.concurrency.read_batching import ReadBatcher, ReadConnection
from sellout_adapters.sql.engines import migration
from sellout_adapters.sql.engines.copy_writer import PostgresCopyWriter
from sellout_adapters.sql.engines.database import Timeouts
from sellout_adapters.sql.engines.postgres.batched_reads import READING, PostgresReadConnection
from sellout_adapters.sql.engines.postgres.cancelling import cancelled_when_left
from sellout_adapters.sql.engines.postgres.errors import ConnectionLost, store_error
from sellout_adapters.sql.engines.postgres.pool import BEGIN, connection_settings, milliseconds, pooled_engine
from sellout_adapters.sql.schema.inserts import next_ids
from sellout_adapters.sql.search.postgres import PostgresSearch
from sellout_adapters.sql.session.compiled import compiled
from sellout_adapters.sql.session.connections import Places, driver_connection, opened
from sellout_adapters.sql.session.deadline import Deadline
from sellout_adapters.sql.session.errors import TRIES, CannotOpen, RunAgain, SearchStopped, description_of
from sellout_core.errors import Unavailable

T = TypeVar("T")

_WRITING: Final = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE"

_LONGEST_PAUSE: Final = 0.5

_MIGRATING: Final = 0x53_45_4C_4F
"""The advisory lock of a migration."""


@attrs.frozen
class PostgresDatabase:
    """`Database` on a server. Writers are concurrent. They lock rows, and run again after a conflict."""

    locks_rows: ClassVar = True
    takes_arrays: ClassVar = True
    finds_one_faster: ClassVar = False
    reads_never_wait: ClassVar = False
    group_commit: ClassVar = None
    search: ClassVar = PostgresSearch()
    copy_writer: ClassVar = PostgresCopyWriter()

    engine: Engine
    migrated: Sequence[str]
    _reader: Engine
    _searcher: Engine
    _writer: Engine
    _connect_arguments: Mapping[str, Any] = attrs.field(repr=False)
    timeouts: Timeouts
    places: Places

    @classmethod
    def open(cls, url: URL, connections: int, timeouts: Timeouts, *, migrate: bool) -> "PostgresDatabase":
        """Opens an existing database.

        Args:
            url: Its URL.
            connections: The maximum pool size. Read batching adds two connections.
            timeouts: The maximum waiting times.
            migrate: Whether to migrate the database to the current schema.

        Raises:
            CannotOpen: the database is unreachable, or has another schema.
        """
        settings = connection_settings(url, timeouts)
        engine = pooled_engine(url, settings, connections, timeouts)
        searching = f"{READING}; {_limiting(timeouts.search)}"
        reader, searcher, writer = (
            engine.execution_options(**{BEGIN: begin}) for begin in (READING, searching, _WRITING)
        )
        arguments = {**engine.dialect.create_connect_args(engine.url)[1], **settings}
        opened = cls(engine, [], reader, searcher, writer, arguments, timeouts, Places(connections))
        try:
            opened.read(_require_unicode)
            if migrate:
                return attrs.evolve(opened, migrated=opened.write(_upgrade))
            opened.read(_require_current)
        except (DBAPIError, Unavailable, RunAgain) as error:
            engine.dispose()
            raise CannotOpen(f"The database cannot be reached: {description_of(error)}.") from error
        except BaseException:
            engine.dispose()
            raise
        return opened

    def next_ids(self, table: Table) -> Executable:
        """Ids from the table's sequence."""
        return _next_ids(table)

    def store_error(self, connection: Connection, error: Exception) -> Exception:
        """As `EngineFeatures.store_error`, by the error's SQLSTATE."""
        if not isinstance(error, psycopg.Error):
            return error
        driver_error: Any = error
        lost = connection.dialect.is_disconnect(driver_error, driver_connection(connection), None)
        if lost:
            connection.invalidate(error)
        return store_error(error, lost=lost) or error

    def read_batcher(self, run: Callable[..., Any]) -> ReadBatcher:
        """Over psycopg's asynchronous connections."""

        async def connect() -> ReadConnection:
            return PostgresReadConnection(arguments, await psycopg.AsyncConnection.connect(**arguments))

        arguments = {**self._connect_arguments, "autocommit": True}
        dialect = self.engine.dialect
        seconds = self.timeouts.lock + self.timeouts.statement
        return ReadBatcher(run, connect, lambda statement, names: compiled(statement, dialect, names), seconds)

    def close(self) -> None:
        """Closes all connections."""
        self.engine.dispose()

    def read(self, run: Callable[[Connection], T]) -> T:
        """As `Database.read`. A connection that broke while it was idle is replaced."""
        return self._read(self._reader, run)

    def limit_statements(self, connection: Connection, seconds: float) -> None:
        """By a message of its own."""
        driver_connection(connection).execute(_limiting(seconds))

    def read_search(self, deadline: Deadline, run: Callable[[Connection], T]) -> T:
        """As `Database.read_search`."""

        def run_until_stopped(connection: Connection) -> T:
            with cancelled_when_left(deadline, connection):
                return run(connection)

        try:
            return self._read(self._searcher, run_until_stopped, deadline.longest_wait())
        except Unavailable as error:
            if isinstance(error.__cause__, psycopg.errors.QueryCanceled):
                raise Unavailable from SearchStopped()
            deadline.remaining()
            raise

    def _read(self, engine: Engine, run: Callable[[Connection], T], seconds: float | None = None) -> T:
        try:
            with self._begun(engine, seconds) as connection:
                try:
                    return run(connection)
                finally:
                    # After a rollback psycopg drops all prepared statements, here and on the server.
                    if _in_order(connection):
                        connection.commit()
        except RunAgain as lost:
            raise Unavailable from lost

    def require_writable(self) -> None:
        """Does nothing: a server that cannot write its log stops."""

    def write(self, run: Callable[[Connection], T]) -> T:
        """As `Database.write`, with up to `TRIES` attempts and random pauses between them."""
        tries = 1
        while True:
            try:
                return self._once(run)
            except RunAgain as lost:
                if isinstance(lost.__cause__, psycopg.IntegrityError) and tries == TRIES:
                    raise IntegrityError(None, None, lost.__cause__, hide_parameters=True) from lost
                if tries == TRIES:
                    raise Unavailable from lost
            time.sleep(random.uniform(0, min(_LONGEST_PAUSE, 0.005 * 2**tries)))  # noqa: S311 - no secret
            tries += 1

    def _once(self, run: Callable[[Connection], T]) -> T:
        with self._begun(self._writer) as connection:
            result = run(connection)
            try:
                connection.commit()
            except BaseException as error:
                # The connection may still be in the transaction.
                connection.invalidate()
                if isinstance(error, ConnectionLost):
                    raise Unavailable from error
                raise
        return result

    @contextmanager
    def _begun(self, engine: Engine, seconds: float | None = None) -> Iterator[Connection]:
        """A connection in a transaction. If the server has closed an idle connection, the pool replaces it and all
        others of its age.

        Args:
            engine: One of the engines, which share a pool.
            seconds: How long to wait for a connection. None: as `Timeouts.lock` says.
        """
        self.places.take(self.timeouts.lock if seconds is None else seconds)
        try:
            with opened(engine) as connection:
                try:
                    connection.begin()
                except ConnectionLost:
                    connection.rollback()
                    connection.begin()
                yield connection
        finally:
            self.places.release()


@cache
def _next_ids(table: Table) -> Executable:
    return next_ids(f"SELECT nextval('{table.name}_id_seq') AS id FROM generate_series(1, :number)")  # noqa: S608 - ours


def _in_order(connection: Connection) -> bool:
    """Whether the connection is in a transaction without failed statements."""
    return (
        not connection.invalidated
        and driver_connection(connection).info.transaction_status == TransactionStatus.INTRANS
    )


def _limiting(seconds: float) -> str:
    return f"SET LOCAL statement_timeout = {milliseconds(seconds)}"


def _require_unicode(connection: Connection) -> None:
    encoding = connection.exec_driver_sql("SHOW server_encoding").scalar_one()
    if encoding not in {"UTF8", "UTF-8", "utf8"}:
        raise CannotOpen(f"The database keeps text as {encoding}: make one with ENCODING 'UTF8'.")


def _require_current(connection: Connection) -> None:
    step = migration.step_of(connection)
    _require_known(step)
    if step != migration.CURRENT:
        found = "has no tables of the shop yet" if step is None else f"is at step {step}, not {migration.CURRENT}"
        raise CannotOpen(f"The database {found}: run 'sellout migrate'.")


def _upgrade(connection: Connection) -> Sequence[str]:
    connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_MIGRATING})")
    connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
    step = migration.step_of(connection)
    _require_known(step)
    if step is None and (taken := migration.tables_in(connection)):
        raise CannotOpen(f"The database holds a table {min(taken)!r} of another program: give the shop one of its own.")
    return migration.upgrade(connection)


def _require_known(step: str | None) -> None:
    if step is not None and not migration.knows(step):
        raise CannotOpen("The database was made by a newer version of this program.")
