"""The SQL store: runs use cases in transactions of a database."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from functools import partial
from typing import Protocol, Self, TypeVar

import attrs
from sqlalchemy import Connection, Engine

from sellout_adapters.sql.concurrency.loop_writes import LoopWrites, write_in_task
from sellout_adapters.sql.concurrency.read_batching import BatchedSession, ReadBatcher
from sellout_adapters.sql.engines import migration
from sellout_adapters.sql.engines.database import Database, Timeouts
from sellout_adapters.sql.engines.opening import open_database
from sellout_adapters.sql.search import page_index, terms
from sellout_adapters.sql.search.facet_index import FacetIndex
from sellout_adapters.sql.session.deadline import Deadline
from sellout_adapters.sql.session.product_cache import (
    UNREAD,
    VERSIONS,
    CachedReferences,
    ProductCache,
    RecentVersion,
)
from sellout_adapters.sql.session.session import DatabaseSession
from sellout_adapters.sql.transaction import SqlTransaction
from sellout_core.ports.store import Transaction

T = TypeVar("T")


class _Thread(threading.local):
    """The number of statements that a thread has run."""

    statements = 0


class Runner(Protocol):
    """Runs a function in a transaction, and commits it if it writes."""

    def __call__(self, run: Callable[[Connection], T], /) -> T:
        """Runs the function and returns its result."""


class SqlStore:
    """`ports.Store` over a SQL database. Any number of threads may use it."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._references = UNREAD
        self._product_cache = ProductCache()
        self._facet_index = FacetIndex()
        self._thread = _Thread()
        self._version = RecentVersion()

    @classmethod
    def open(cls, url: str, *, connections: int = 8, timeouts: Timeouts | None = None, migrate: bool = False) -> Self:
        """Opens the database of a URL. An SQLite file is created if it does not exist, and always migrated.

        Args:
            url: `sqlite:///` and the file's path, which is relative unless it begins with another `/`; or
                `postgresql://user:password@host:port/database`, where libpq's settings may follow as a query.
            connections: The maximum number of concurrent transactions; others wait.
            timeouts: The maximum waiting times.
            migrate: Whether to migrate PostgreSQL to the current schema.

        Raises:
            CannotOpen: the database does not exist, belongs to another program, or is not at the current schema.
        """
        return cls(open_database(url, connections, timeouts or Timeouts(), migrate=migrate))

    @property
    def engine(self) -> Engine:
        """SQLAlchemy's engine, for event listeners."""
        return self._database.engine

    @property
    def migrated(self) -> Sequence[str]:
        """A line for each migration that ran when the database was opened."""
        return self._database.migrated

    def statements(self) -> int:
        """The number of statements that the calling thread has run."""
        return self._thread.statements

    def close(self) -> None:
        """Closes the connections. No transaction may be running."""
        self._database.close()

    def connections(self) -> tuple[int, int]:
        """The number of connections that transactions use, and their maximum number."""
        return self._database.places.taken, self._database.places.number

    def check(self) -> None:
        """Checks that the database is reachable, writable and has the current schema.

        Raises:
            Unavailable: it is unreachable, read-only or has another schema.
        """
        self._database.read(migration.require_current)
        self._database.require_writable()

    @property
    def reads_never_wait(self) -> bool:
        """True on SQLite."""
        return self._database.reads_never_wait

    def catalogue_version(self) -> int:
        """The version of the catalogue, read by one statement.

        Raises:
            Unavailable: the database is unreachable.
        """
        return self._version.refresh(lambda: self._read(self._database.read, _read_version))

    def recent_catalogue_version(self) -> int | None:
        """The version if it was read in the last second and this store has not changed the catalogue since."""
        return self._version.version()

    def read(self, work: Callable[[Transaction], T]) -> T:
        """Runs the work in a transaction that sees one snapshot. It waits for no writer.

        Raises:
            Unavailable: no connection became free in time, or the database is unreachable.
        """
        return self._read(self._database.read, work)

    def short_read(self, work: Callable[[Transaction], T], too_long: type[Exception]) -> T:
        """As `read`. Raises `too_long` when a statement returns more than a short read may."""
        return self._read(self._database.read, work, too_long)

    def search(self, work: Callable[[Transaction], T], left: Future[None]) -> T:
        """As `read`, for a search. It ends with `Unavailable` at its time limit (`Timeouts.search`), which includes the
        wait for a connection, and when `left` is done because its caller has left.
        """
        deadline = Deadline(self._database.timeouts.search, left)
        return self._read(partial(self._database.read_search, deadline), work, deadline=deadline)

    def _read(
        self,
        runner: Runner,
        work: Callable[[SqlTransaction], T],
        too_long: type[Exception] | None = None,
        deadline: Deadline | None = None,
    ) -> T:
        def run(connection: Connection) -> T:
            cache = self._product_cache
            session = DatabaseSession(connection, self._references, self._database, cache, too_long, deadline)
            result = self._run(session, work)
            # The additions of a reader are rolled back.
            if not session.added_references:
                self._cache_references(session.references)
            return result

        return runner(run)

    def write(self, work: Callable[[Transaction], T]) -> T:
        """Runs the work in a transaction that is isolated from others: those that change the same rows wait, or this
        one runs again.

        Raises:
            Unavailable: a lock or a connection was not free in time, the transaction lost too often, or the database
                is unreachable or full.
        """
        return self.write_by(self._database.write, work)

    def write_by(self, runner: Runner, work: Callable[[Transaction], T]) -> T:
        """As `write`, in a transaction that the runner begins and commits."""
        changed = False

        def complete(transaction: SqlTransaction) -> T:
            nonlocal changed
            result = work(transaction)
            session = transaction.session
            terms.index_changed_products(session, self._database.search)
            if session.catalogue_changed:
                changed = True
                page_index.write_next_version(session)
            return result

        def run(connection: Connection) -> tuple[T, CachedReferences]:
            session = DatabaseSession(connection, self._references, self._database)
            return self._run(session, complete), session.references

        try:
            result, references = runner(run)
        finally:
            if changed:
                self._version.expire()
        self._cache_references(references)
        return result

    def reads(self, too_long: type[Exception]) -> ReadBatcher | None:
        """A read batcher for an event loop, which closes it. None: the database has none.

        Args:
            too_long: As for `short_read`.
        """
        return self._database.read_batcher(partial(self._read_batched, too_long))

    def writes(self) -> LoopWrites | None:
        """Writes on an event loop, which closes them. None: the database has none."""
        group_commit = self._database.group_commit
        return None if group_commit is None else LoopWrites(group_commit, _LoopStore(self), self.statements)

    def maintain_facet_index(self, stopped: threading.Event) -> None:
        """Builds and updates the facet index in the calling thread, until `stopped` is set. It uses one connection.
        Without the index the database counts facets.
        """
        self._facet_index.maintain(lambda work: self._read(self._database.read, lambda tx: work(tx.session)), stopped)

    def _read_batched(
        self, too_long: type[Exception], work: Callable[[Transaction], T], note: Callable[[int], None]
    ) -> T:
        """As `short_read`, in a task of the read batcher. `note` receives the number of statements."""
        session = BatchedSession(None, self._references, self._database, self._product_cache, too_long)
        try:
            result = work(SqlTransaction(session, self._database.search, self._facet_index))
        finally:
            session.end()
            note(session.statements)
        if not session.added_references:
            self._cache_references(session.references)
        return result

    def _run(self, session: DatabaseSession, work: Callable[[SqlTransaction], T]) -> T:
        """Runs the work over a session and ends the session.

        Raises:
            Exception: the work failed, or it caught the error of a statement. Then the database may have rolled back,
                and later statements must not be committed.
        """
        try:
            result = work(SqlTransaction(session, self._database.search, self._facet_index))
            session.require_alive()
        finally:
            session.end()
            self._thread.statements += session.statements
        return result

    def _cache_references(self, seen: CachedReferences) -> None:
        """Caches the reference tables that a transaction read.

        Of two concurrent calls one may be lost. The next transaction that needs the rows reads them again.
        """
        if seen is not self._references and seen.is_newer(self._references):
            self._references = seen


@attrs.frozen
class _LoopStore:
    """The store for the work of `LoopWrites`."""

    _store: SqlStore

    def read(self, work: Callable[[Transaction], T]) -> T:
        return self._store.read(work)

    def write(self, work: Callable[[Transaction], T]) -> T:
        return self._store.write_by(write_in_task, work)


def _read_version(tx: SqlTransaction) -> int:
    [row] = tx.session.rows(VERSIONS)
    tx.session.set_catalogue_versions(row)
    return int(row.version)
