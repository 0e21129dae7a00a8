"""The port of a store: transactions, and everything that a use case may touch in one."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Protocol, TypeVar

import attrs

from sellout_core.ports.accounts import Addresses, CredentialsOfUsers, Sessions, Users, Views
from sellout_core.ports.catalogue import Cards, Products, ReferenceTables, Sizes, Units
from sellout_core.ports.shopping import Answers, Carts, Orders, PromoCodes, Wishlists

__all__ = ["Count", "Counters", "Reader", "Store", "Transaction"]

T = TypeVar("T")


@attrs.frozen
class Count:
    """How often something happened since the count began, and when the next one begins."""

    number: int
    ends_at: datetime


class Counters(Protocol):
    """Counts of what happens too often, each for a while."""

    def add(self, key: str, now: datetime, window: timedelta) -> Count:
        """Counts one more under a key and returns the count after it. The first one begins a count that ends `window`
        later; one that ends more than two windows from now is no count of this time. Of transactions that add at once
        each gets a number of its own.
        """

    def take_back(self, key: str, count: Count) -> None:
        """Counts one less, unless that count is over."""

    def delete_ended(self, now: datetime) -> None:
        """Drops the counts that ended by `now`."""


class Transaction(Protocol):
    """Everything a use case may touch, as one state of the store that no other transaction changes."""

    @property
    def users(self) -> Users: ...
    @property
    def views(self) -> Views: ...
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
    def cards(self) -> Cards: ...
    @property
    def sizes(self) -> Sizes: ...
    @property
    def units(self) -> Units: ...
    @property
    def carts(self) -> Carts: ...
    @property
    def wishlists(self) -> Wishlists: ...
    @property
    def promo_codes(self) -> PromoCodes: ...
    @property
    def orders(self) -> Orders: ...
    @property
    def answers(self) -> Answers: ...
    @property
    def counters(self) -> Counters: ...


class Reader(Protocol):
    """Runs work that only reads."""

    def read(self, work: Callable[[Transaction], T]) -> T:
        """Runs the work once, on one consistent state of everything committed. `for_update` reads there as it does in
        `Store.write`, and locks nothing.
        """


class Store(Reader, Protocol):
    """Runs work inside transactions. A transaction is dead once its work has ended."""

    def write(self, work: Callable[[Transaction], T]) -> T:
        """Runs work and commits what it wrote when it returns: durably, all of it, seen by every later transaction.
        Any exception from the work rolls everything back and passes through. Work that loses to another transaction
        may be run again from the start, so it does nothing but use its transaction.
        """
