"""The Protocol that each kind of database implements."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar

import attrs
from sqlalchemy import Connection

from sellout_adapters.sql.concurrency.group_commit import GroupCommit
from sellout_adapters.sql.concurrency.read_batching import ReadBatcher
from sellout_adapters.sql.engines.copy_writer import CopyWriter
from sellout_adapters.sql.search.query import SearchSql
from sellout_adapters.sql.session.connections import Places
from sellout_adapters.sql.session.deadline import Deadline
from sellout_adapters.sql.session.session import EngineFeatures

T = TypeVar("T")


@attrs.frozen(kw_only=True)
class Timeouts:
    """The maximum waiting times of a store, in seconds.

    Attributes:
        lock: For a connection of the pool, and for a lock of a row or a file. SQLite knows this one and `search` alone.
        statement: For a statement, and between two statements of a transaction.
        connect: For a new connection.
        search: For the end of a search.
    """

    lock: float = 10
    statement: float = 30
    connect: float = 5
    search: float = 0.3


class Database(EngineFeatures, Protocol):
    """A database with the tables of a store, and its features."""

    @property
    def migrated(self) -> Sequence[str]:
        """A line for each migration that ran when the database was opened."""

    @property
    def places(self) -> Places:
        """The places of transactions. SQLite's writer and the connections of a read batcher have none."""

    @property
    def reads_never_wait(self) -> bool:
        """Whether reads wait neither for writers nor for a network."""

    @property
    def group_commit(self) -> GroupCommit | None:
        """The writers of a database that has one writer at a time, for writes on an event loop. None: it has many."""

    @property
    def search(self) -> SearchSql:
        """The SQL of searches."""

    @property
    def timeouts(self) -> Timeouts:
        """The maximum waiting times."""

    @property
    def copy_writer(self) -> CopyWriter:
        """The reader and writer for copies of a whole shop."""

    def read_batcher(self, run: Callable[..., Any]) -> ReadBatcher | None:
        """A read batcher for an event loop, with its own connections. None: reads need no batches.

        Args:
            run: As for `ReadBatcher`.
        """

    def close(self) -> None:
        """Closes the connections. No transaction may be running."""

    def read(self, run: Callable[[Connection], T]) -> T:
        """Runs a function once, in a transaction on one snapshot that is not committed. Returns its result.

        Raises:
            Unavailable: the database is unreachable or overloaded.
        """

    def require_writable(self) -> None:
        """Checks that a transaction can write, if the database may answer although none can.

        Raises:
            Unavailable: none can.
        """

    def read_search(self, deadline: Deadline, run: Callable[[Connection], T]) -> T:
        """As `read`, only until the deadline.

        Args:
            deadline: When the search ends.
            run: Runs the statements, each after `Deadline.before_statement`.

        Raises:
            Unavailable: also because of `SearchStopped`.
        """

    def write(self, run: Callable[[Connection], T]) -> T:
        """Runs a function, commits durably, and returns its result. It may run again after a conflict.

        Raises:
            Unavailable: the database is unreachable or overloaded. If the connection broke during the commit, the
                outcome of the commit is unknown.
        """
