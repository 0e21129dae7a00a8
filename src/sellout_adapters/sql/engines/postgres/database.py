"""PostgreSQL as the database of a store: opening it, transactions, and what differs from other databases.

Databases with PostgreSQL's protocol work in the same way, also those that report contention by SQLSTATE 40001.
"""

import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any, ClassVar, Final, TypeVar

import attrs
import msgspec
import psycopg
from psycopg.pq import TransactionStatus
from sqlalchemy import URL, Connection, Engine, Executable, QueuePool, Table, create_engine, event
from sqlalchemy.exc import DBAPIError, IntegrityError

from sellout_adapters.sql.concurrency.read_batching import ReadBatcher, ReadConnection
from sellout_adapters.sql.engines import migration
from sellout_adapters.sql.engines.database import Timeouts
from sellout_adapters.sql.engines.postgres.batched_reads import READING, PostgresReadConnection
from sellout_adapters.sql.engines.postgres.copy_writer import PostgresCopyWriter
from sellout_adapters.sql.engines.postgres.errors import ConnectionLost, raise_store_error, store_error
from sellout_adapters.sql.schema.inserts import next_ids
from sellout_adapters.sql.search.postgres import PostgresSearch
from sellout_adapters.sql.session.compiled import compiled
from sellout_adapters.sql.session.connections import driver_connection, opened
from sellout_adapters.sql.session.errors import TRIES, CannotOpen, RunAgain, description_of
from sellout_core.errors import Unavailable
from sellout_core.ports.store import Store

T = TypeVar("T")

_BEGIN: Final = "sellout_begin"

_WRITING: Final = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE"

_LONGEST_PAUSE: Final = 0.5

_MIGRATING: Final = 0x53_45_4C_4F
"""The advisory lock of a migration."""


@attrs.frozen
class PostgresDatabase:
    """`Database` on a server. Transactions that write run side by side. They lock rows, and one that loses to another
    runs again.
    """

    locks_rows: ClassVar = True
    takes_arrays: ClassVar = True
    finds_one_faster: ClassVar = False
    reads_never_wait: ClassVar = False
    search: ClassVar = PostgresSearch()
    copy_writer: ClassVar = PostgresCopyWriter()

    engine: Engine
    migrated: Sequence[str]
    _reader: Engine
    _writer: Engine
    _connect_arguments: Mapping[str, Any] = attrs.field(repr=False)
    _timeouts: Timeouts

    @classmethod
    def open(cls, url: URL, connections: int, timeouts: Timeouts, *, migrate: bool) -> "PostgresDatabase":
        """Opens an existing database.

        Args:
            url: Its URL.
            connections: The maximum number of connections.
            timeouts: How long a transaction waits.
            migrate: Whether to bring the database to the current schema.

        Raises:
            CannotOpen: the database is unreachable, or it is not at the current schema.
        """
        settings = _settings(url, timeouts)
        engine = _engine(url, settings, connections, timeouts)
        reader, writer = (engine.execution_options(**{_BEGIN: begin}) for begin in (READING, _WRITING))
        opened = cls(
            engine, [], reader, writer, {**engine.dialect.create_connect_args(engine.url)[1], **settings}, timeouts
        )
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

    def read_batcher(self) -> ReadBatcher:
        """Over psycopg's asynchronous connections."""

        async def connect() -> ReadConnection:
            return PostgresReadConnection(arguments, await psycopg.AsyncConnection.connect(**arguments))

        arguments = {**self._connect_arguments, "autocommit": True}
        dialect = self.engine.dialect
        seconds = self._timeouts.lock + self._timeouts.statement
        return ReadBatcher(connect, lambda statement, names: compiled(statement, dialect, names), seconds)

    def loop_writes(self, store: Store, statements: Callable[[], int]) -> None:
        """None: writers wait for each other's row locks."""

    def close(self) -> None:
        """Closes all connections."""
        self.engine.dispose()

    def read(self, run: Callable[[Connection], T]) -> T:
        """As `Database.read`. A connection that broke while it was idle is replaced."""
        try:
            with begun(self._reader) as connection:
                try:
                    return run(connection)
                finally:
                    # After a rollback psycopg drops all prepared statements, here and on the server.
                    if _in_order(connection):
                        connection.commit()
        except RunAgain as lost:
            raise Unavailable from lost

    def write(self, run: Callable[[Connection], T]) -> T:
        """As `Database.write`. It runs again after a random pause, `TRIES` times in all."""
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
        with begun(self._writer) as connection:
            result = run(connection)
            try:
                connection.commit()
            except BaseException as error:
                # It may still be in the transaction.
                connection.invalidate()
                if isinstance(error, ConnectionLost):
                    raise Unavailable from error
                raise
        return result


@cache
def _next_ids(table: Table) -> Executable:
    return next_ids(f"SELECT nextval('{table.name}_id_seq') AS id FROM generate_series(1, :number)")  # noqa: S608 - ours


@contextmanager
def begun(engine: Engine) -> Iterator[Connection]:
    """A connection in a transaction. One that the server closed while it was idle is replaced, and the pool drops all
    connections that are as old.
    """
    with opened(engine) as connection:
        try:
            connection.begin()
        except ConnectionLost:
            connection.rollback()
            connection.begin()
        yield connection


def _in_order(connection: Connection) -> bool:
    """Whether it is in a transaction in which no statement failed. An invalidated one has no driver's connection."""
    return (
        not connection.invalidated
        and driver_connection(connection).info.transaction_status == TransactionStatus.INTRANS
    )


def _settings(url: URL, timeouts: Timeouts) -> dict[str, Any]:
    """The parameters of a connection beside those that name the database."""
    options = {
        "lock_timeout": _milliseconds(timeouts.lock),
        "statement_timeout": _milliseconds(timeouts.statement),
        "idle_in_transaction_session_timeout": _milliseconds(timeouts.statement),
        "timezone": "UTC",
    }
    given = url.query.get("options", "")
    return {
        "application_name": "sellout",
        "client_encoding": "utf8",
        "connect_timeout": str(max(2, round(timeouts.connect))),  # libpq takes whole seconds, two at least
        "keepalives_idle": "10",
        "keepalives_interval": "5",
        "keepalives_count": "3",
        "tcp_user_timeout": str(_milliseconds(timeouts.statement)),
        **{name: value for name, value in url.query.items() if name != "options"},
        "options": " ".join([*(f"-c {name}={value}" for name, value in options.items()), str(given)]),
    }


def _engine(url: URL, settings: Mapping[str, str], connections: int, timeouts: Timeouts) -> Engine:
    engine = create_engine(
        url.set(drivername="postgresql+psycopg", query={}),
        connect_args=dict(settings),
        json_deserializer=msgspec.json.decode,
        isolation_level="AUTOCOMMIT",  # `_begin` begins the transactions
        poolclass=QueuePool,
        pool_size=connections,
        max_overflow=0,
        pool_timeout=timeouts.lock,
        pool_reset_on_return=None,  # the code that begins a transaction ends it
        hide_parameters=True,  # a logged error must not show personal data
    )
    event.listen(engine, "begin", _begin)
    event.listen(engine, "handle_error", raise_store_error)
    return engine


def _milliseconds(seconds: float) -> int:
    return max(1, round(seconds * 1000))


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql(connection.get_execution_options().get(_BEGIN, "BEGIN"))


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
