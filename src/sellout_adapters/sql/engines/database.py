"""The Protocol that each kind of database implements: what a store needs of it."""

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

import attrs
from sqlalchemy import Connection, Engine

from sellout_adapters.sql.concurrency.loop_writes import LoopWrites
from sellout_adapters.sql.concurrency.read_batching import ReadBatcher
from sellout_adapters.sql.engines.copy_writer import CopyWriter
from sellout_adapters.sql.search.query import SearchSql
from sellout_adapters.sql.session.engine_features import EngineFeatures
from sellout_core.ports.store import Store

T = TypeVar("T")


@attrs.frozen(kw_only=True)
class Timeouts:
    """How long a store waits at most, in seconds.

    Attributes:
        lock: For a connection of the pool, and for a lock of a row or a file. SQLite knows this one alone.
        statement: For the end of a statement, and for the next statement of a transaction.
        connect: For the database's first answer.
    """

    lock: float = 10
    statement: float = 30
    connect: float = 5


class Database(EngineFeatures, Protocol):
    """A database with the tables of a store, and everything that differs between the kinds of databases."""

    @property
    def engine(self) -> Engine:
        """SQLAlchemy's engine with the pool of connections."""

    @property
    def migrated(self) -> Sequence[str]:
        """A line for each migration step that was taken when the database was opened."""

    @property
    def reads_never_wait(self) -> bool:
        """Whether reads wait neither for writers nor for a network."""

    @property
    def search(self) -> SearchSql:
        """The SQL of searches."""

    @property
    def copy_writer(self) -> CopyWriter:
        """What a copy of a whole shop reads and writes with."""

    def read_batcher(self) -> ReadBatcher | None:
        """Batched reads for an event loop, over connections of their own. None: the database has none."""

    def loop_writes(self, store: Store, statements: Callable[[], int]) -> LoopWrites | None:
        """Writes on an event loop. None: the database has none.

        Args:
            store: The store for the work, whose transactions that write run by `loop_writes.write_in_task`.
            statements: How many statements the calling thread has run so far.
        """

    def close(self) -> None:
        """Closes the connections. No transaction is running."""

    def read(self, run: Callable[[Connection], T]) -> T:
        """What `run` returns. It runs once, in a transaction that sees one snapshot and is not committed.

        Raises:
            Unavailable: the database is unreachable or overloaded.
        """

    def write(self, run: Callable[[Connection], T]) -> T:
        """What `run` returns, after a durable commit. It may run again if the transaction loses to another one.

        Raises:
            Unavailable: the database is unreachable or overloaded. If the connection broke during the commit, the
                outcome of the commit is unknown.
        """
