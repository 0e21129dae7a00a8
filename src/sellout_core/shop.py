"""The shop as use cases see it: the ports they go through and the policy they follow."""

from collections.abc import Callable
from datetime import UTC, timedelta, tzinfo
from typing import Protocol, TypeVar

import attrs

from sellout_core.ports.store import Reader, Store, Transaction
from sellout_core.ports.system import Passwords, Randomness, Tokens
from sellout_core.values import Clock

__all__ = ["Policy", "ReadingShop", "Shop"]

T = TypeVar("T")


@attrs.frozen
class Policy:
    """What a shop decides for itself.

    `min_password_length` counts characters and `refuse_common_passwords` turns down what is guessed first; a promo
    code's last day ends at midnight in `time_zone`.
    """

    min_password_length: int = 8
    refuse_common_passwords: bool = True
    access_lifetime: timedelta = timedelta(days=1)
    refresh_lifetime: timedelta = timedelta(days=7)
    time_zone: tzinfo = UTC
    answers_kept: timedelta = timedelta(hours=24)


class ReadingShop(Protocol):
    """The first argument of every use case that only reads. Every `Shop` is one."""

    @property
    def store(self) -> Reader:
        """Where the use case reads."""

    @property
    def tokens(self) -> Tokens:
        """What reads tokens."""

    @property
    def clock(self) -> Clock:
        """The present time, in UTC."""

    @property
    def policy(self) -> Policy:
        """What the shop decides for itself."""


@attrs.frozen
class Shop:
    """The first argument of every use case that writes."""

    store: Store
    passwords: Passwords
    tokens: Tokens
    clock: Clock
    random_id: Randomness
    policy: Policy = Policy()

    def within(self, transaction: Transaction) -> ReadingShop:
        """The shop inside a running transaction: every use case that reads there reads the same state of the store."""
        return _ShopInTransaction(_OneTransaction(transaction), self.tokens, self.clock, self.policy)


@attrs.frozen
class _OneTransaction:
    """Runs work that reads in a transaction that is running already."""

    _transaction: Transaction

    def read(self, work: Callable[[Transaction], T]) -> T:
        return work(self._transaction)


@attrs.frozen
class _ShopInTransaction:
    store: Reader
    tokens: Tokens
    clock: Clock
    policy: Policy
