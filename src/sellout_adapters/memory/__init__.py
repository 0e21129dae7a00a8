"""A store in memory with real transactions, for tests and experiments.

Writers run one at a time. Each writes to a fork of the committed state, and a commit replaces that state by the fork.
Readers run on a snapshot, so they block no transaction and see no partial commit.
"""

import threading
from collections.abc import Callable
from typing import TypeVar

from sellout_adapters.memory.repositories.audit import Audit
from sellout_adapters.memory.repositories.backlog import Backlog
from sellout_adapters.memory.repositories.base import Live
from sellout_adapters.memory.repositories.catalogue import Cards, Pictures, Products, Sizes, Slugs, Units
from sellout_adapters.memory.repositories.events import Deliveries, Events, Subscriptions
from sellout_adapters.memory.repositories.people.accounts import (
    Addresses,
    Counters,
    CredentialsOfUsers,
    Sessions,
    Users,
    ViewHistory,
)
from sellout_adapters.memory.repositories.people.identity import AccountEmails, Outbox, SingleUseTokens
from sellout_adapters.memory.repositories.people.personal_data import PersonalData
from sellout_adapters.memory.repositories.people.second_factors import SecondFactors
from sellout_adapters.memory.repositories.references import ReferenceTables
from sellout_adapters.memory.repositories.shopping.fulfilment import (
    DeliveryTariffTable,
    Fulfilments,
    OrderHistory,
)
from sellout_adapters.memory.repositories.shopping.guest_carts import GuestCarts
from sellout_adapters.memory.repositories.shopping.orders import (
    Carts,
    IdempotencyStore,
    Orders,
    PromoCodes,
    Sales,
    Wishlists,
)
from sellout_adapters.memory.repositories.stock import StockLedger
from sellout_adapters.memory.tables import Tables
from sellout_core.ports.store import Transaction

__all__ = ["MemoryStore", "MemoryTransaction"]

T = TypeVar("T")


class MemoryTransaction:
    """`ports.Transaction` over one state."""

    def __init__(self, live: Live) -> None:
        self.users = Users(live)
        self.view_history = ViewHistory(live)
        self.credentials = CredentialsOfUsers(live)
        self.addresses = Addresses(live)
        self.sessions = Sessions(live)
        self.references = ReferenceTables(live)
        self.products = Products(live)
        self.slugs = Slugs(live)
        self.cards = Cards(live)
        self.sizes = Sizes(live)
        self.units = Units(live)
        self.pictures = Pictures(live)
        self.carts = Carts(live)
        self.guest_carts = GuestCarts(live)
        self.wishlists = Wishlists(live)
        self.promo_codes = PromoCodes(live)
        self.orders = Orders(live)
        self.fulfilments = Fulfilments(live)
        self.order_history = OrderHistory(live)
        self.idempotency = IdempotencyStore(live)
        self.counters = Counters(live)
        self.audit = Audit(live)
        self.personal_data = PersonalData(live)
        self.stock = StockLedger(live)
        self.emails = AccountEmails(live)
        self.single_use_tokens = SingleUseTokens(live)
        self.second_factors = SecondFactors(live)
        self.outbox = Outbox(live)
        self.sales = Sales(live)
        self.delivery_tariffs = DeliveryTariffTable(live)
        self.backlog = Backlog(live)
        self.events = Events(live)
        self.subscriptions = Subscriptions(live)
        self.deliveries = Deliveries(live)


class MemoryStore:
    """`ports.Store` in memory. Each instance is a separate shop. Any number of threads may use it."""

    def __init__(self, tables: Tables | None = None, on_commit: Callable[[Tables], None] | None = None) -> None:
        """Creates a shop.

        Args:
            tables: The initial state. None: empty.
            on_commit: Called with each new state before the commit, by one writer at a time. If it raises, nothing is
                committed, and the exception is raised to the writer.
        """
        self._committed = Tables() if tables is None else tables
        self._on_commit = on_commit
        self._writer = threading.Lock()

    @property
    def reads_never_wait(self) -> bool:
        """True: readers take no lock."""
        return True

    def catalogue_version(self) -> int:
        """The number of writes of products or units."""
        return self._committed.catalogue_versions.last_id

    def recent_catalogue_version(self) -> int | None:
        """The current version: no other process changes this store."""
        return self.catalogue_version()

    def statements(self) -> int:
        """0: there is no database."""
        return 0

    def connections(self) -> None:
        """None: there are no connections."""

    def check(self) -> None:
        """Always passes."""

    def reads(self, _: object) -> None:
        """None: `read` never waits."""

    def writes(self) -> None:
        """None: writers take a lock, so they run in threads."""

    def maintain_facet_index(self, _: object) -> None:
        """Does nothing: facets have no cache."""

    def short_read(self, work: Callable[[Transaction], T], _: object) -> T:
        """As `read`, of any length."""
        return self.read(work)

    def search(self, work: Callable[[Transaction], T], _: object) -> T:
        """As `read`: a search has no time limit."""
        return self.read(work)

    def close(self) -> None:
        """Does nothing: there are no connections."""

    def read(self, work: Callable[[Transaction], T]) -> T:
        """Runs work on a snapshot. Its writes are discarded."""
        return self._run(work, self._committed.fork())

    def write(self, work: Callable[[Transaction], T]) -> T:
        """Runs work and commits its writes. An exception rolls them back."""
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
