"""What a store needs of a kind of database."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol, TypeVar

import attrs
from sqlalchemy import Connection, Engine

if TYPE_CHECKING:
    from sellout_adapters.sql.concurrency.loop_writes import LoopWrites
    from sellout_adapters.sql.concurrency.read_batching import Gathering  # these import this


T = TypeVar("T")


@attrs.frozen(kw_only=True)
class Timeouts:
    """How long a store waits, in seconds.

    `lock` is for a connection of the pool, a turn to write, or a row or file that somebody else holds; `statement` for
    the database to carry out one statement, and for a transaction to say its next; `connect` for the database to answer
    at all. SQLite is in this process and knows `lock` alone.
    """

    lock: float = 10
    statement: float = 30
    connect: float = 5


class Database(Protocol):
    """A database with the tables of a store in it."""

    @property
    def engine(self) -> Engine:
        """Its connections."""

    @property
    def migrated(self) -> Sequence[str]:
        """A line for each step of the migrations that was taken when it was opened."""

    @property
    def reads_never_wait(self) -> bool:
        """Whether reads wait neither for writers nor for a network."""

    @property
    def locks_rows(self) -> bool:
        """Whether transactions write side by side, so that rows are to be locked."""

    def gathering(self) -> "Gathering | None":
        """Reads for an event loop, over connections of their own, if there is a driver for that."""

    def writing(self, statements: Callable[[], int]) -> "LoopWrites | None":
        """Writes on an event loop, if they wait for nothing but a common turn; `statements` says how many the calling
        thread has asked so far.
        """

    def translated(self, connection: Connection, error: Exception) -> Exception:
        """What an error of the driver means for whoever asked the statement; perhaps the same error. A connection that
        broke is given up.
        """

    def close(self) -> None:
        """Closes the connections. Nothing else is to be running."""

    def read(self, run: Callable[[Connection], T]) -> T:
        """What `run` returns, run once in a transaction that sees one snapshot and ends without a trace.

        Raises:
            Unavailable: the database cannot answer now.
        """

    def write(self, run: Callable[[Connection], T]) -> T:
        """What `run` returns, once all that it wrote is durable. It may be run again if it loses to others.

        Raises:
            Unavailable: the database cannot answer now. If it went away during the commit, nobody knows whether that
                took place.
        """
