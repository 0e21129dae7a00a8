"""The store: a database's transactions as the core's."""

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Self, TypeVar

import attrs
from sqlalchemy import Connection, Engine, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from sellout_adapters.sql import accounts, ordering, products, references, sqlite, units, wishlists
from sellout_adapters.sql.link import Link
from sellout_adapters.sql.sqlite import CannotOpen
from sellout_core.catalogue import References
from sellout_core.errors import Unavailable
from sellout_core.ports import Transaction

T = TypeVar("T")


class _Turns:
    """A lock whose waiters get it in the order in which they came: no writer starves, and none polls the file."""

    def __init__(self) -> None:
        self._guard = Lock()
        self._taken = False
        self._waiting: deque[Lock] = deque()

    @contextmanager
    def one(self) -> Iterator[None]:
        """Waits for a turn and takes it.

        Raises:
            Unavailable: it did not come in time.
        """
        self._take()
        try:
            yield
        finally:
            self._pass_on()

    def _take(self) -> None:
        with self._guard:
            if not self._taken:
                self._taken = True
                return
            gate = Lock()
            gate.acquire()
            self._waiting.append(gate)
        called = False
        try:
            called = gate.acquire(timeout=sqlite.WAIT)
        finally:
            if not called:
                self._leave(gate)
        if not called:
            raise Unavailable

    def _leave(self, gate: Lock) -> None:
        """Gives up waiting; a turn that came at that very moment goes to the next."""
        with self._guard:
            called = gate not in self._waiting
            if not called:
                self._waiting.remove(gate)
        if called:
            self._pass_on()

    def _pass_on(self) -> None:
        with self._guard:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._taken = False


class SqlTransaction:
    """`ports.Transaction` over one link."""

    def __init__(self, link: Link) -> None:
        self.users = accounts.SqlUsers(link)
        self.addresses = accounts.SqlAddresses(link)
        self.sessions = accounts.SqlSessions(link)
        self.answers = accounts.SqlAnswers(link)
        self.references = references.SqlReferenceTables(link)
        self.products = products.SqlProducts(link)
        self.cards = products.SqlCards(link)
        self.sizes = units.SqlSizes(link)
        self.units = units.SqlUnits(link)
        self.wishlists = wishlists.SqlWishlists(link)
        self.carts = ordering.SqlCarts(link)
        self.promo_codes = ordering.SqlPromoCodes(link)
        self.orders = ordering.SqlOrders(link)


class SqlStore:
    """`ports.Store` over a SQL database. Any number of threads may use it; each transaction is its thread's.

    Attributes:
        engine: the database, for whoever watches what is asked of it.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._writer = sqlite.for_writing(engine)
        self._turns = _Turns()
        self._references = references.UNREAD

    @classmethod
    def open(cls, url: str, *, connections: int = 8) -> Self:
        """Opens the database a URL names, and makes a store of it if there is none yet.

        Args:
            url: `sqlite:///` and the file's path, which is relative unless it begins with another `/`.
            connections: how many transactions may run at once; more wait, 10 seconds at most.

        Raises:
            CannotOpen: there is no such database, or it is no store of ours.
        """
        return cls(sqlite.open_file(_file_of(url), connections))

    def close(self) -> None:
        """Closes the connections. Nothing else is to be running."""
        self.engine.dispose()

    def read(self, work: Callable[[Transaction], T]) -> T:
        """Runs the work in a transaction that sees one snapshot and is never kept waiting by a writer.

        Raises:
            Unavailable: no connection came free, or the database is away.
        """
        return self._run(self.engine, work, Connection.rollback)

    def write(self, work: Callable[[Transaction], T]) -> T:
        """Runs the work in a transaction that is the only one to write.

        Raises:
            Unavailable: the turn to write or a connection did not come, or the database is away, locked or full.
        """
        with self._turns.one():
            return self._run(self._writer, work, Connection.commit)

    def _run(self, engine: Engine, work: Callable[[Transaction], T], finish: Callable[[Connection], None]) -> T:
        with _connected(engine) as connection:
            connection.begin()
            link = Link(connection, self._references)
            try:
                result = work(SqlTransaction(link))
                link.require_alive()
            finally:
                link.end()
            finish(connection)
        if finish is Connection.commit or not link.added_references:
            self._learn(link.known)
        return result

    def _learn(self, seen: References) -> None:
        """Keeps what a transaction, by now over, saw of the small tables. Rows are only ever added: more is newer.

        Of two threads that learn at once one may be forgotten; whoever needs what it saw reads it again.
        """
        if seen is not self._references and _size(seen) > _size(self._references):
            self._references = seen


def _size(references: References) -> int:
    return sum(len(rows) for rows in attrs.astuple(references, recurse=False))


@contextmanager
def _connected(engine: Engine) -> Iterator[Connection]:
    try:
        connection = engine.connect()
    except PoolTimeoutError as error:
        raise Unavailable from error
    with connection:
        yield connection


def _file_of(url: str) -> str:
    """The path of the file that a database URL names.

    Raises:
        CannotOpen: it names none. The message repeats nothing of the URL, which may hold a password.
    """
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError) as error:
        raise CannotOpen("The database URL cannot be read: it must look like sqlite:///shop.db.") from error
    if parsed.drivername not in {"sqlite", "sqlite+pysqlite"}:
        raise CannotOpen("The database URL names a kind of database that is not supported: use sqlite:///shop.db.")
    if parsed.host or parsed.username or parsed.password or parsed.port or parsed.query:
        raise CannotOpen("The database URL holds more than a file's path: it must look like sqlite:///shop.db.")
    if not parsed.database or parsed.database == ":memory:":
        raise CannotOpen("The database URL names no file: it must look like sqlite:///shop.db.")
    return parsed.database
