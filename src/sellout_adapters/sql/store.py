"""The store: transactions of a database as those of the core."""

import threading
from collections.abc import Callable, Sequence
from typing import Generic, Protocol, Self, TypeVar

import attrs
from sqlalchemy import Connection, Engine

from sellout_adapters.sql.concurrency.loop_writes import LoopWrites, write_in_task
from sellout_adapters.sql.concurrency.read_batching import BatchedSession, ReadBatcher
from sellout_adapters.sql.engines import migration
from sellout_adapters.sql.engines.database import Database, Timeouts
from sellout_adapters.sql.engines.opening import open_database
from sellout_adapters.sql.repositories.accounts import SqlAddresses, SqlAnswers, SqlCredentials, SqlSessions, SqlUsers
from sellout_adapters.sql.repositories.counters import SqlCounters
from sellout_adapters.sql.repositories.orders import SqlCarts, SqlOrders, SqlPromoCodes
from sellout_adapters.sql.repositories.products import SqlCards, SqlProducts
from sellout_adapters.sql.repositories.units import SqlSizes, SqlUnits
from sellout_adapters.sql.repositories.view_history import SqlViewHistory
from sellout_adapters.sql.repositories.wishlists import SqlWishlists
from sellout_adapters.sql.search import page_index, terms
from sellout_adapters.sql.search.query import SearchSql
from sellout_adapters.sql.session.catalogue_version import RecentVersion
from sellout_adapters.sql.session.product_cache import VERSION, ProductCache
from sellout_adapters.sql.session.references import UNREAD, SqlReferenceTables
from sellout_adapters.sql.session.session import DatabaseSession
from sellout_core.catalogue import References
from sellout_core.ports.store import Transaction

T = TypeVar("T")


class WriteRunner(Protocol):
    """Runs a function in a transaction that writes, and commits it."""

    def __call__(self, run: Callable[[Connection], T], /) -> T:
        """What the function returns."""


class _Repository(Generic[T]):
    """A repository of a transaction, made when it is used: most transactions use few."""

    def __init__(self, make: Callable[[DatabaseSession], T]) -> None:
        self._make = make

    def __get__(self, transaction: "SqlTransaction", _: type) -> T:
        return self._make(transaction.session)


class SqlTransaction:
    """`ports.Transaction` over a session."""

    users = _Repository(SqlUsers)
    views = _Repository(SqlViewHistory)
    credentials = _Repository(SqlCredentials)
    addresses = _Repository(SqlAddresses)
    sessions = _Repository(SqlSessions)
    answers = _Repository(SqlAnswers)
    references = _Repository(SqlReferenceTables)
    products = _Repository(SqlProducts)
    sizes = _Repository(SqlSizes)
    units = _Repository(SqlUnits)
    wishlists = _Repository(SqlWishlists)
    carts = _Repository(SqlCarts)
    promo_codes = _Repository(SqlPromoCodes)
    orders = _Repository(SqlOrders)
    counters = _Repository(SqlCounters)

    def __init__(self, session: DatabaseSession, search: SearchSql) -> None:
        self.session = session
        self._search = search

    @property
    def cards(self) -> SqlCards:
        """The cards, which searches find by the database's own SQL."""
        return SqlCards(self.session, self._search)


class SqlStore:
    """`ports.Store` over a SQL database. Any number of threads may use it."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._references = UNREAD
        self._product_cache = ProductCache()
        self._thread = threading.local()
        self._version = RecentVersion()

    @classmethod
    def open(cls, url: str, *, connections: int = 8, timeouts: Timeouts | None = None, migrate: bool = False) -> Self:
        """Opens the database of a URL. An SQLite file is created if it does not exist, and always migrated.

        Args:
            url: `sqlite:///` and the file's path, which is relative unless it begins with another `/`; or
                `postgresql://user:password@host:port/database`, where libpq's settings may follow as a query.
            connections: How many transactions run at once; more wait.
            timeouts: How long a transaction waits.
            migrate: Whether to bring PostgreSQL to the current schema, too.

        Raises:
            CannotOpen: the database does not exist, belongs to another program, or is not at the current schema.
        """
        return cls(open_database(url, connections, timeouts or Timeouts(), migrate=migrate))

    @property
    def engine(self) -> Engine:
        """SQLAlchemy's engine, for listeners of its events."""
        return self._database.engine

    @property
    def migrated(self) -> Sequence[str]:
        """A line for each migration step that was taken when the database was opened."""
        return self._database.migrated

    def statements(self) -> int:
        """How many statements the calling thread has run so far."""
        statements: int = getattr(self._thread, "statements", 0)
        return statements

    def close(self) -> None:
        """Closes the connections. No transaction is running."""
        self._database.close()

    def check(self) -> None:
        """Checks that the database answers and is at the current schema.

        Raises:
            Unavailable: it does not answer, or is at another schema.
        """
        self._database.read(migration.require_current)

    @property
    def reads_never_wait(self) -> bool:
        """True on SQLite."""
        return self._database.reads_never_wait

    def catalogue_version(self) -> int:
        """The version of the catalogue, by one statement.

        Raises:
            Unavailable: the database is unreachable.
        """
        return self._version.refresh(lambda: self._read(lambda session: int(session.rows(VERSION)[0].version)))

    def recent_catalogue_version(self) -> int | None:
        """The version that was read within the last second, unless this store has changed the catalogue since."""
        return self._version.version()

    def read(self, work: Callable[[Transaction], T]) -> T:
        """Runs the work in a transaction that sees one snapshot. It waits for no writer.

        Raises:
            Unavailable: no connection became free in time, or the database is unreachable.
        """
        return self._read(lambda session: work(self._transaction(session)))

    def write(self, work: Callable[[Transaction], T]) -> T:
        """Runs the work in a transaction that is isolated from others: those that change the same rows wait, or this
        one runs again.

        Raises:
            Unavailable: a lock or a connection was not free in time, the transaction lost too often, or the database
                is unreachable or full.
        """
        return self.write_by(self._database.write, work)

    def write_by(self, runner: WriteRunner, work: Callable[[Transaction], T]) -> T:
        """As `write`, in a transaction that the runner begins and commits."""
        changed = False

        def complete(session: DatabaseSession) -> T:
            nonlocal changed
            result = work(self._transaction(session))
            terms.index_changed_products(session, self._database.search)
            if session.catalogue_changed:
                changed = True
                page_index.count_changed_products(session)
            return result

        def run(connection: Connection) -> tuple[T, DatabaseSession]:
            return self._run(DatabaseSession(connection, self._references, self._database), complete)

        try:
            result, session = runner(run)
        finally:
            if changed:
                self._version.expire()
        self._cache_references(session.references)
        return result

    def reads(self) -> "BatchedReads | None":
        """Batched reads for an event loop, which closes them. None: the database has none."""
        batcher = self._database.read_batcher()
        return None if batcher is None else BatchedReads(self, batcher)

    def writes(self) -> LoopWrites | None:
        """Writes for an event loop, which closes them. None: the database has none."""
        return self._database.loop_writes(_LoopStore(self), self.statements)

    def read_batched(self, work: Callable[[Transaction], T], note: Callable[[int], None]) -> T:
        """As `read`, in a task of the read batcher. `note` gets the number of statements."""
        session = BatchedSession(None, self._references, self._database, self._product_cache)
        try:
            result = work(self._transaction(session))
        finally:
            session.end()
            note(session.statements)
        self._cache_references_of_reader(session)
        return result

    def _transaction(self, session: DatabaseSession) -> SqlTransaction:
        return SqlTransaction(session, self._database.search)

    def _read(self, work: Callable[[DatabaseSession], T]) -> T:
        def run(connection: Connection) -> tuple[T, DatabaseSession]:
            return self._run(DatabaseSession(connection, self._references, self._database, self._product_cache), work)

        result, session = self._database.read(run)
        self._cache_references_of_reader(session)
        return result

    def _cache_references_of_reader(self, session: DatabaseSession) -> None:
        # A reader's own additions are rolled back.
        if not session.added_references:
            self._cache_references(session.references)

    def _run(self, session: DatabaseSession, work: Callable[[DatabaseSession], T]) -> tuple[T, DatabaseSession]:
        """What the work returns over a session, which ends with it.

        Raises:
            Exception: also the error of a statement that the work has caught: the database may have rolled back, and
                later statements must not be committed alone.
        """
        try:
            result = work(session)
            session.require_alive()
        finally:
            session.end()
            self._thread.statements = self.statements() + session.statements
        return result, session

    def _cache_references(self, seen: References) -> None:
        """Caches the small tables as an ended transaction saw them. Rows are only added: more rows are newer.

        If two threads do this at once, one result may be lost, and the next transaction that needs it reads it again.
        """
        if seen is not self._references and _size(seen) > _size(self._references):
            self._references = seen


@attrs.frozen
class _LoopStore:
    """The store for the work of `LoopWrites`, with what use cases need of a store."""

    _store: SqlStore

    def read(self, work: Callable[[Transaction], T]) -> T:
        return self._store.read(work)

    def write(self, work: Callable[[Transaction], T]) -> T:
        return self._store.write_by(write_in_task, work)


@attrs.frozen
class BatchedReads:
    """Short reads of a store on an event loop (`concurrency.read_batching`)."""

    _store: SqlStore
    _batcher: ReadBatcher

    async def read(self, work: Callable[[Transaction], T], note: Callable[[int], None]) -> T:
        """As `SqlStore.read`; `note` gets the number of statements.

        Raises:
            Unavailable: the database is unreachable.
        """
        return await self._batcher.read(lambda: self._store.read_batched(work, note))

    async def close(self) -> None:
        """Closes the connections."""
        await self._batcher.close()


def _size(references: References) -> int:
    return sum(len(rows) for rows in attrs.astuple(references, recurse=False))
