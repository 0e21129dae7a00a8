"""The store: a database's transactions as the core's."""

import threading
from collections.abc import Callable, Sequence
from typing import Generic, Self, TypeVar

import attrs
from sqlalchemy import Connection, Engine

from sellout_adapters.sql.concurrency.loop_writes import LoopWrites
from sellout_adapters.sql.concurrency.read_batching import Gathering
from sellout_adapters.sql.engines import migration
from sellout_adapters.sql.engines.database import Database, Timeouts
from sellout_adapters.sql.engines.opening import open_database
from sellout_adapters.sql.repositories.accounts import SqlAddresses, SqlAnswers, SqlCredentials, SqlSessions, SqlUsers
from sellout_adapters.sql.repositories.counters import SqlCounters
from sellout_adapters.sql.repositories.orders import SqlCarts, SqlOrders, SqlPromoCodes
from sellout_adapters.sql.repositories.products import SqlCards, SqlProducts
from sellout_adapters.sql.repositories.units import SqlSizes, SqlUnits
from sellout_adapters.sql.repositories.view_history import SqlViews
from sellout_adapters.sql.repositories.wishlists import SqlWishlists
from sellout_adapters.sql.search import page_index, terms
from sellout_adapters.sql.session.catalogue_version import Recent
from sellout_adapters.sql.session.product_cache import VERSION, Keeper
from sellout_adapters.sql.session.references import UNREAD, SqlReferenceTables
from sellout_adapters.sql.session.session import Link
from sellout_core.catalogue import References
from sellout_core.ports.store import Transaction

T = TypeVar("T")


class _Repository(Generic[T]):
    """A repository of a transaction, made when the work asks for it: most ask for few of them."""

    def __init__(self, make: Callable[[Link], T]) -> None:
        self._make = make

    def __get__(self, transaction: "SqlTransaction", _: type) -> T:
        return self._make(transaction.link)


class SqlTransaction:
    """`ports.Transaction` over one link."""

    users = _Repository(SqlUsers)
    views = _Repository(SqlViews)
    credentials = _Repository(SqlCredentials)
    addresses = _Repository(SqlAddresses)
    sessions = _Repository(SqlSessions)
    answers = _Repository(SqlAnswers)
    references = _Repository(SqlReferenceTables)
    products = _Repository(SqlProducts)
    cards = _Repository(SqlCards)
    sizes = _Repository(SqlSizes)
    units = _Repository(SqlUnits)
    wishlists = _Repository(SqlWishlists)
    carts = _Repository(SqlCarts)
    promo_codes = _Repository(SqlPromoCodes)
    orders = _Repository(SqlOrders)
    counters = _Repository(SqlCounters)

    def __init__(self, link: Link) -> None:
        self.link = link


class SqlStore:
    """`ports.Store` over a SQL database. Any number of threads may use it; each transaction is its thread's."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._references = UNREAD
        self._keeper = Keeper()
        self._asked = threading.local()
        self._catalogue = Recent()

    @classmethod
    def open(cls, url: str, *, connections: int = 8, timeouts: Timeouts | None = None, migrate: bool = False) -> Self:
        """Opens the database a URL names. An SQLite file is made if there is none, and always brought to the current
        schema.

        Args:
            url: `sqlite:///` and the file's path, which is relative unless it begins with another `/`; or
                `postgresql://user:password@host:port/database`, where libpq's settings may follow as a query.
            connections: How many transactions may run at once; more wait.
            timeouts: How long anything waits.
            migrate: Whether to bring PostgreSQL to the current schema, too.

        Raises:
            CannotOpen: there is no such database, it is no store of ours, or its schema is not the current one.
        """
        return cls(open_database(url, connections, timeouts or Timeouts(), migrate=migrate))

    @property
    def engine(self) -> Engine:
        """The database, for whoever watches what is asked of it."""
        return self._database.engine

    @property
    def migrated(self) -> Sequence[str]:
        """A line for each step of the migrations that opening the database took."""
        return self._database.migrated

    def statements(self) -> int:
        """How many statements the calling thread's work has asked so far."""
        asked: int = getattr(self._asked, "statements", 0)
        return asked

    def close(self) -> None:
        """Closes the connections. Nothing else is to be running."""
        self._database.close()

    def check(self) -> None:
        """Lets through a database that answers and is at the current schema.

        Raises:
            Unavailable: it does not, or is not.
        """
        self._database.read(migration.require_current)

    @property
    def reads_never_wait(self) -> bool:
        """So it is on SQLite."""
        return self._database.reads_never_wait

    def catalogue_version(self) -> int:
        """One statement.

        Raises:
            Unavailable: the database is away.
        """
        return self._catalogue.asked(lambda: self._read(lambda link: int(link.rows(VERSION)[0].version)))

    def recent_catalogue_version(self) -> int | None:
        """What the last answer was, for a second or until this store changes the catalogue."""
        return self._catalogue.version()

    def read(self, work: Callable[[Transaction], T]) -> T:
        """Runs the work in a transaction that sees one snapshot and is never kept waiting by a writer.

        Raises:
            Unavailable: no connection came free, or the database is away.
        """
        return self._read(lambda link: work(SqlTransaction(link)))

    def write(self, work: Callable[[Transaction], T]) -> T:
        """Runs the work in a transaction that no other one gets in the way of: others that change the same wait, or
        this one is run again.

        Raises:
            Unavailable: the turn to write, a lock or a connection did not come, the work lost to others time and again,
                or the database is away or full.
        """
        changed, translated = False, self._database.translated

        def complete(link: Link) -> T:
            nonlocal changed
            result = work(SqlTransaction(link))
            terms.settle(link)
            if link.catalogue_changed:
                changed = True
                page_index.settle(link)
            return result

        def run(connection: Connection) -> tuple[T, Link]:
            locking = self._database.locks_rows
            return self._run(
                Link(
                    connection,
                    self._references,
                    dialect=connection.dialect.name,
                    locking=locking,
                    translated=translated,
                ),
                complete,
            )

        try:
            result, link = self._database.write(run)
        finally:
            if changed:
                self._catalogue.forget()
        self._learn(link.known)
        return result

    def reads(self) -> "GatheredReads | None":
        """Reads for an event loop, if the database can do them without a thread; whoever asked for them closes them."""
        gathering = self._database.gathering()
        return None if gathering is None else GatheredReads(self, gathering)

    def writes(self) -> LoopWrites | None:
        """Writes on an event loop, if the database can do them there; whoever asked for them closes them."""
        return self._database.writing(self.statements)

    def _read(self, work: Callable[[Link], T]) -> T:
        def run(connection: Connection) -> tuple[T, Link]:
            return self._run(
                Link(
                    connection,
                    self._references,
                    dialect=connection.dialect.name,
                    keeper=self._keeper,
                    translated=self._database.translated,
                ),
                work,
            )

        result, link = self._database.read(run)
        self._learn_from(link)
        return result

    def gathered(self, gathering: Gathering, work: Callable[[Transaction], T], note: Callable[[int], None]) -> T:
        """What the work returns, in a greenlet that the gathering looks after."""
        link = gathering.link(self._references, self.engine.dialect.name, self._keeper)
        try:
            result = work(SqlTransaction(link))
        finally:
            link.end()
            note(link.statements)
        self._learn_from(link)
        return result

    def _learn_from(self, reader: Link) -> None:
        if not reader.added_references:
            self._learn(reader.known)

    def _run(self, link: Link, work: Callable[[Link], T]) -> tuple[T, Link]:
        """What work returns over a link that ends with it.

        Raises:
            Exception: also what failed inside the work and was swallowed there: the database may have rolled back, and
                what came after must not be committed alone.
        """
        try:
            result = work(link)
            link.require_alive()
        finally:
            link.end()
            self._asked.statements = self.statements() + link.statements
        return result, link

    def _learn(self, seen: References) -> None:
        """Keeps what a transaction, by now over, saw of the small tables. Rows are only ever added: more is newer.

        Of two threads that learn at once one may be forgotten; whoever needs what it saw reads it again.
        """
        if seen is not self._references and _size(seen) > _size(self._references):
            self._references = seen


@attrs.frozen
class GatheredReads:
    """Short reads of a store on an event loop (`gathering`)."""

    _store: SqlStore
    _gathering: Gathering

    async def read(self, work: Callable[[Transaction], T], note: Callable[[int], None]) -> T:
        """As `SqlStore.read`; `note` is told how many statements it took.

        Raises:
            Unavailable: the database is away.
        """
        return await self._gathering.read(lambda: self._store.gathered(self._gathering, work, note))

    async def close(self) -> None:
        """Closes the connections."""
        await self._gathering.close()


def _size(references: References) -> int:
    return sum(len(rows) for rows in attrs.astuple(references, recurse=False))
