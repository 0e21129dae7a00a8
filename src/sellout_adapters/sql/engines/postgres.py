"""The PostgreSQL server behind a store: how it is spoken to.

Other engines that speak its protocol are spoken to in the same way, those that answer contention with SQLSTATE 40001
among them.
"""

import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final, TypeVar

import attrs
import msgspec
import psycopg
from psycopg.pq import TransactionStatus
from sqlalchemy import URL, Connection, Engine, QueuePool, create_engine, event
from sqlalchemy.exc import DBAPIError, IntegrityError

from sellout_adapters.sql.concurrency.read_batching import Conversation, Gathering
from sellout_adapters.sql.engines import migration
from sellout_adapters.sql.engines.database import Timeouts
from sellout_adapters.sql.engines.postgres_errors import ConnectionLost, meaning_of, translate
from sellout_adapters.sql.engines.postgres_reads import READING, PostgresConversation
from sellout_adapters.sql.session.compiled import driver_of, prepared
from sellout_adapters.sql.session.connections import connected
from sellout_adapters.sql.session.errors import TRIES, CannotOpen, RunAgain, told
from sellout_core.errors import Unavailable

T = TypeVar("T")

_BEGIN: Final = "sellout_begin"

_WRITING: Final = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE"

_LONGEST_PAUSE: Final = 0.5

_MIGRATING: Final = 0x53_45_4C_4F
"""The advisory lock of whoever migrates."""


@attrs.frozen
class PostgresDatabase:
    """`database.Database` on a server. Transactions that write run side by side: rows are locked, and work that loses
    to other work is run again.
    """

    engine: Engine
    migrated: Sequence[str]
    _reader: Engine
    _writer: Engine
    _connect_arguments: Mapping[str, Any] = attrs.field(repr=False)
    _timeouts: Timeouts

    @classmethod
    def open(cls, url: URL, connections: int, timeouts: Timeouts, *, migrate: bool) -> "PostgresDatabase":
        """A database that is there.

        Args:
            url: Where it is.
            connections: How many connections there may be at once.
            timeouts: How long anything waits.
            migrate: Whether to bring it to the current schema.

        Raises:
            CannotOpen: it cannot be reached, or it is not at the current schema.
        """
        settings = _settings(url, timeouts)
        engine = _engine(url, settings, connections, timeouts)
        reader, writer = (engine.execution_options(**{_BEGIN: words}) for words in (READING, _WRITING))
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
            raise CannotOpen(f"The database cannot be reached: {told(error)}.") from error
        except BaseException:
            engine.dispose()
            raise
        return opened

    @property
    def reads_never_wait(self) -> bool:
        """The server is somewhere else."""
        return False

    @property
    def locks_rows(self) -> bool:
        """Side by side they write."""
        return True

    def gathering(self) -> Gathering:
        """Over psycopg's asynchronous connections."""

        async def connect() -> Conversation:
            return PostgresConversation(arguments, await psycopg.AsyncConnection.connect(**arguments))

        arguments = {**self._connect_arguments, "autocommit": True}
        dialect = self.engine.dialect
        seconds = self._timeouts.lock + self._timeouts.statement
        return Gathering(connect, lambda statement, names: prepared(statement, dialect, names), seconds)

    def writing(self, statements: Callable[[], int]) -> None:
        """There is none: its writers wait for each other, row by row."""

    def translated(self, connection: Connection, error: Exception) -> Exception:
        """A broken connection is replaced; a transaction that lost is run again."""
        if not isinstance(error, psycopg.Error):
            return error
        driver_error: Any = error
        lost = connection.dialect.is_disconnect(driver_error, driver_of(connection), None)
        if lost:
            connection.invalidate(error)
        return meaning_of(error, lost=lost) or error

    def close(self) -> None:
        """Closes all connections."""
        self.engine.dispose()

    def read(self, run: Callable[[Connection], T]) -> T:
        """Never kept waiting by writers. Only a connection that broke while it was idle is replaced silently."""
        try:
            with begun(self._reader) as connection:
                try:
                    return run(connection)
                finally:
                    # Not rolled back: with that psycopg forgets what it prepared, and has the server forget it.
                    if _in_order(connection):
                        connection.commit()
        except RunAgain as lost:
            raise Unavailable from lost

    def write(self, run: Callable[[Connection], T]) -> T:
        """Side by side with others; again, after a pause that differs from theirs, if they were first."""
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
                # Whether it is still in a transaction, nobody knows.
                connection.invalidate()
                if isinstance(error, ConnectionLost):
                    raise Unavailable from error
                raise
        return result


@contextmanager
def begun(engine: Engine) -> Iterator[Connection]:
    """A connection in a transaction. One that the server closed while nobody used it is replaced: nothing was asked of
    it yet, and the pool forgets all that are as old.
    """
    with connected(engine) as connection:
        try:
            connection.begin()
        except ConnectionLost:
            connection.rollback()
            connection.begin()
        yield connection


def _in_order(connection: Connection) -> bool:
    """Whether it is in a transaction in which nothing failed. One that broke has no driver's connection any more."""
    return not connection.invalidated and driver_of(connection).info.transaction_status == TransactionStatus.INTRANS


def _settings(url: URL, timeouts: Timeouts) -> dict[str, Any]:
    """What a connection is opened with, beside where the database is."""
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
        isolation_level="AUTOCOMMIT",  # the transactions are begun below, in the words that each kind needs
        poolclass=QueuePool,
        pool_size=connections,
        max_overflow=0,
        pool_timeout=timeouts.lock,
        pool_reset_on_return=None,  # every transaction here is ended by whoever began it
        hide_parameters=True,  # an error that is logged must not show what people sent
    )
    event.listen(engine, "begin", _begin)
    event.listen(engine, "handle_error", translate)
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
