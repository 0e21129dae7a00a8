"""A store in memory, with real transactions, for tests and for trying things out.

Writers run one after another, each on a fork of the committed state that takes its place when they are done; readers
run on the committed state as they found it, so readers block no transaction and see no partial commit.
"""

import threading
from collections.abc import Callable
from typing import TypeVar

from sellout_adapters.memory.repositories.accounts import (
    Addresses,
    Counters,
    CredentialsOfUsers,
    Sessions,
    Users,
    Views,
)
from sellout_adapters.memory.repositories.base import Live
from sellout_adapters.memory.repositories.catalogue import Cards, Products, ReferenceTables, Sizes, Units
from sellout_adapters.memory.repositories.shopping import Answers, Carts, Orders, PromoCodes, Wishlists
from sellout_adapters.memory.tables import Tables
from sellout_core.ports.store import Transaction

__all__ = ["MemoryStore", "MemoryTransaction"]

T = TypeVar("T")


class MemoryTransaction:
    """`ports.Transaction` on one state."""

    def __init__(self, live: Live) -> None:
        """Takes the state to work on."""
        self.users = Users(live)
        self.views = Views(live)
        self.credentials = CredentialsOfUsers(live)
        self.addresses = Addresses(live)
        self.sessions = Sessions(live)
        self.references = ReferenceTables(live)
        self.products = Products(live)
        self.cards = Cards(live)
        self.sizes = Sizes(live)
        self.units = Units(live)
        self.carts = Carts(live)
        self.wishlists = Wishlists(live)
        self.promo_codes = PromoCodes(live)
        self.orders = Orders(live)
        self.answers = Answers(live)
        self.counters = Counters(live)


class MemoryStore:
    """`ports.Store` in memory; every instance is a shop of its own, safe to use from many threads."""

    def __init__(self, tables: Tables | None = None, on_commit: Callable[[Tables], None] | None = None) -> None:
        """A shop in that state, or an empty one.

        Args:
            tables: The state to begin with.
            on_commit: Called with each new state before it is committed, by one writer at a time. If it raises, nothing
                is committed and the writer gets the exception.
        """
        self._committed = Tables() if tables is None else tables
        self._on_commit = on_commit
        self._writer = threading.Lock()

    @property
    def reads_never_wait(self) -> bool:
        """Readers take no lock."""
        return True

    def catalogue_version(self) -> int:
        """How often products or units were written."""
        return self._committed.catalogue_versions.last_id

    def recent_catalogue_version(self) -> int | None:
        """The version now: no other process changes this store."""
        return self.catalogue_version()

    def statements(self) -> int:
        """None are sent."""
        return 0

    def check(self) -> None:
        """Always passes."""

    def reads(self) -> None:
        """There are none: `read` itself never waits."""

    def writes(self) -> None:
        """There are none: writers take a lock, so they run in threads."""

    def close(self) -> None:
        """There are no connections to close."""

    def read(self, work: Callable[[Transaction], T]) -> T:
        """Runs work on the committed state; whatever it writes is lost."""
        return self._run(work, self._committed.fork())

    def write(self, work: Callable[[Transaction], T]) -> T:
        """Runs work and commits what it wrote; an exception leaves the store as it was."""
        with self._writer:
            tables = self._committed.fork()
            result = self._run(work, tables)
            if self._on_commit is not None:
                self._on_commit(tables)
            self._committed = tables
            return result

    @staticmethod
    def _run(work: Callable[[Transaction], T], tables: Tables) -> T:
        live = Live(tables)
        try:
            return work(MemoryTransaction(live))
        finally:
            live.end()
