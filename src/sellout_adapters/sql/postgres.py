"""The PostgreSQL server behind a store: how it is spoken to, and what its refusals mean.

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
from sqlalchemy import URL, Connection, Engine, ExceptionContext, QueuePool, create_engine, event
from sqlalchemy.exc import DBAPIError, IntegrityError

from sellout_adapters.sql import schema
from sellout_adapters.sql.database import TRIES, CannotOpen, RunAgain, Timeouts, connected, told
from sellout_adapters.sql.gathering import Conversation, Gathering
from sellout_adapters.sql.prepared import Prepared, Row, driver_of, prepared
from sellout_core.errors import Unavailable

T = TypeVar("T")

_BEGIN: Final = "sellout_begin"
_READING: Final = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
_WRITING: Final = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE"

_LOST: Final = frozenset(
    {
        "40001",  # serialization_failure
        "40P01",  # deadlock_detected
        "23505",  # unique_violation: another transaction was first; run again, the work finds what that one wrote
    }
)
# Classes and conditions (PostgreSQL, appendix A) that pass, or that the operator has to see to; the rest are ours.
_AWAY: Final = ("08", "53", "55", "57", "58", "XX", "25006", "25P03")

_LONGEST_PAUSE: Final = 0.5
_MIGRATING: Final = 0x53_45_4C_4F
"""The advisory lock of whoever migrates."""


class _ConnectionLost(RunAgain):
    """The connection broke. During a commit nobody knows whether that took place."""


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
        reader, writer = (engine.execution_options(**{_BEGIN: words}) for words in (_READING, _WRITING))
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
        return _meaning(error, lost=lost) or error

    def close(self) -> None:
        """Closes all connections."""
        self.engine.dispose()

    def read(self, run: Callable[[Connection], T]) -> T:
        """Never kept waiting by writers. Only a connection that broke while it was idle is replaced silently."""
        try:
            with _begun(self._reader) as connection:
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
        with _begun(self._writer) as connection:
            result = run(connection)
            try:
                connection.commit()
            except BaseException as error:
                # Whether it is still in a transaction, nobody knows.
                connection.invalidate()
                if isinstance(error, _ConnectionLost):
                    raise Unavailable from error
                raise
        return result


@contextmanager
def _begun(engine: Engine) -> Iterator[Connection]:
    """A connection in a transaction. One that the server closed while nobody used it is replaced: nothing was asked of
    it yet, and the pool forgets all that are as old.
    """
    with connected(engine) as connection:
        try:
            connection.begin()
        except _ConnectionLost:
            connection.rollback()
            connection.begin()
        yield connection


@attrs.define(eq=False)
class PostgresConversation:
    """`gathering.Conversation` with a server."""

    _arguments: Mapping[str, Any] = attrs.field(repr=False)
    _connection: psycopg.AsyncConnection[Any]
    _begun: bool = False
    _first: str | None = None

    def begin(self) -> None:
        """What begins it is sent with the first statement: one way there and back."""
        self._first = "COMMIT AND CHAIN" if self._begun else _READING
        self._begun = True

    async def ask(self, ready: Prepared, parameters: Mapping[str, Any]) -> Sequence[Row]:
        """One statement, which the server prepares once."""
        first, self._first = self._first, None
        sent = ready.sent(parameters)
        cursor = await (self._execute(ready, sent) if first is None else self._opening(first, ready, sent))
        return ready.rows(await cursor.fetchall())

    async def end(self) -> None:
        """One statement. See `PostgresDatabase.read` for why it commits."""
        if self._begun:
            await self._connection.execute("COMMIT")
            self._begun = False

    async def close(self) -> None:
        """Without a farewell where it broke."""
        await self._connection.close()

    async def _opening(self, first: str, ready: Prepared, sent: Any) -> psycopg.AsyncCursor[Any]:
        try:
            return await self._pipelined(first, ready, sent)
        except psycopg.Error:
            if not self._connection.closed:
                raise
        self._connection = await psycopg.AsyncConnection.connect(**self._arguments)
        return await self._pipelined(_READING, ready, sent)

    async def _pipelined(self, first: str, ready: Prepared, sent: Any) -> psycopg.AsyncCursor[Any]:
        async with self._connection.pipeline():
            await self._connection.execute(first)
            return await self._execute(ready, sent)

    async def _execute(self, ready: Prepared, sent: Any) -> psycopg.AsyncCursor[Any]:
        return await self._connection.execute(ready.sql, sent, **{"prepare": True, **ready.options})


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
    event.listen(engine, "handle_error", _translate)
    return engine


def _milliseconds(seconds: float) -> int:
    return max(1, round(seconds * 1000))


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql(connection.get_execution_options().get(_BEGIN, "BEGIN"))


def _translate(context: ExceptionContext) -> None:
    error = context.original_exception
    if not isinstance(error, psycopg.Error):
        return
    if context.connection is None:
        raise Unavailable from error
    if (meaning := _meaning(error, lost=context.is_disconnect)) is not None:
        raise meaning from error


def _meaning(error: psycopg.Error, *, lost: bool) -> Exception | None:
    """What an error means for whoever asked; None: a mistake of ours."""
    if lost:
        return _ConnectionLost()
    code = error.sqlstate or ""
    if code in _LOST:
        return RunAgain()
    if code.startswith(_AWAY) or (not code and isinstance(error, psycopg.OperationalError)):
        return Unavailable()
    return None


def _require_unicode(connection: Connection) -> None:
    encoding = connection.exec_driver_sql("SHOW server_encoding").scalar_one()
    if encoding not in {"UTF8", "UTF-8", "utf8"}:
        raise CannotOpen(f"The database keeps text as {encoding}: make one with ENCODING 'UTF8'.")


def _require_current(connection: Connection) -> None:
    step = schema.step_of(connection)
    _require_known(step)
    if step != schema.CURRENT:
        found = "has no tables of the shop yet" if step is None else f"is at step {step}, not {schema.CURRENT}"
        raise CannotOpen(f"The database {found}: run 'sellout migrate'.")


def _upgrade(connection: Connection) -> Sequence[str]:
    connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_MIGRATING})")
    connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
    step = schema.step_of(connection)
    _require_known(step)
    if step is None and (taken := schema.tables_in(connection)):
        raise CannotOpen(f"The database holds a table {min(taken)!r} of another program: give the shop one of its own.")
    return schema.upgrade(connection)


def _require_known(step: str | None) -> None:
    if step is not None and not schema.knows(step):
        raise CannotOpen("The database was made by a newer version of this program.")
