"""The ports of a store, its transactions and its rate limit counters."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Protocol, TypeVar

import attrs

from sellout_core.ports.audit import Audit
from sellout_core.ports.backlog import Backlog
from sellout_core.ports.catalogue.pictures import Pictures
from sellout_core.ports.catalogue.products import Cards, Products, ReferenceTables, Sizes, Units
from sellout_core.ports.catalogue.slugs import Slugs
from sellout_core.ports.catalogue.stock import StockLedger
from sellout_core.ports.events import Deliveries, Events, Subscriptions
from sellout_core.ports.mail import Outbox
from sellout_core.ports.people.accounts import Addresses, CredentialsOfUsers, Sessions, Users, ViewHistory
from sellout_core.ports.people.identity import AccountEmails, SingleUseTokens
from sellout_core.ports.people.personal_data import PersonalData
from sellout_core.ports.people.second_factors import SecondFactors
from sellout_core.ports.shopping.delivery import DeliveryTariffTable
from sellout_core.ports.shopping.fulfilment import Fulfilments, OrderHistory
from sellout_core.ports.shopping.guest_carts import GuestCarts
from sellout_core.ports.shopping.orders import Carts, IdempotencyStore, Orders, PromoCodes, Sales, Wishlists

__all__ = ["Count", "Counters", "Reader", "Store", "Transaction"]

T = TypeVar("T")


@attrs.frozen
class Count:
    """The number of attempts in a window of time, and the end of the window."""

    number: int
    ends_at: datetime


class Counters(Protocol):
    """Rate limit counters with fixed windows of time."""

    def add(self, key: str, now: datetime, window: timedelta) -> Count:
        """Adds one to the count of a key and returns it. The first attempt begins a window of length `window`. A count
        that ends more than two windows from now is replaced: the clock was set back. Concurrent transactions get
        different numbers.
        """

    def take_back(self, key: str, count: Count) -> None:
        """Subtracts one, unless the window of that count has ended."""

    def delete_ended(self, now: datetime, limit: int) -> int:
        """Deletes up to `limit` counts that ended at `now` or before, oldest first. Returns their number. Skips counts
        that another transaction has locked.
        """


class Transaction(Protocol):
    """The repositories of one transaction, which is isolated from others."""

    @property
    def users(self) -> Users: ...
    @property
    def view_history(self) -> ViewHistory: ...
    @property
    def credentials(self) -> CredentialsOfUsers: ...
    @property
    def addresses(self) -> Addresses: ...
    @property
    def sessions(self) -> Sessions: ...
    @property
    def references(self) -> ReferenceTables: ...
    @property
    def products(self) -> Products: ...
    @property
    def slugs(self) -> Slugs: ...
    @property
    def cards(self) -> Cards: ...
    @property
    def sizes(self) -> Sizes: ...
    @property
    def units(self) -> Units: ...
    @property
    def pictures(self) -> Pictures: ...
    @property
    def carts(self) -> Carts: ...
    @property
    def guest_carts(self) -> GuestCarts: ...
    @property
    def wishlists(self) -> Wishlists: ...
    @property
    def promo_codes(self) -> PromoCodes: ...
    @property
    def orders(self) -> Orders: ...
    @property
    def fulfilments(self) -> Fulfilments: ...
    @property
    def order_history(self) -> OrderHistory: ...
    @property
    def idempotency(self) -> IdempotencyStore: ...
    @property
    def counters(self) -> Counters: ...
    @property
    def audit(self) -> Audit: ...
    @property
    def personal_data(self) -> PersonalData: ...
    @property
    def stock(self) -> StockLedger: ...
    @property
    def emails(self) -> AccountEmails: ...
    @property
    def single_use_tokens(self) -> SingleUseTokens: ...
    @property
    def second_factors(self) -> SecondFactors: ...
    @property
    def outbox(self) -> Outbox: ...
    @property
    def delivery_tariffs(self) -> DeliveryTariffTable: ...
    @property
    def sales(self) -> Sales: ...
    @property
    def backlog(self) -> Backlog: ...
    @property
    def events(self) -> Events: ...
    @property
    def subscriptions(self) -> Subscriptions: ...
    @property
    def deliveries(self) -> Deliveries: ...


class Reader(Protocol):
    """Runs read-only work."""

    def read(self, work: Callable[[Transaction], T]) -> T:
        """Runs the work once, on a snapshot of the committed data. `for_update` locks nothing there."""


class Store(Reader, Protocol):
    """Runs work inside transactions. A transaction cannot be used after its work has ended."""

    def write(self, work: Callable[[Transaction], T]) -> T:
        """Runs work and commits its writes: atomically, durably and visible to every later transaction. An exception
        of the work rolls them back and is raised to the caller. Work may be run again after a conflict with another
        transaction, so it must have no other effects.
        """
