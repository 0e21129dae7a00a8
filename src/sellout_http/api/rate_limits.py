"""Rate limits (docs/http-contract.md#rate-limits): the rules that operations name, and the one place that counts
attempts and refuses them.
"""

import hashlib
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, Final, Protocol

import attrs

from sellout_core.errors import (
    PromoCodeExpired,
    PromoCodeInactive,
    PromoCodeUnknown,
    PromoCodeUsedUp,
    SellOutError,
)
from sellout_core.ports.store import Count, Store, Transaction
from sellout_core.shop import Shop
from sellout_core.values import Clock, fold
from sellout_http.api.handler_context import HandlerContext
from sellout_http.problems.details import TooManyRequests

AnyContext = HandlerContext[Any]

_MINUTE: Final = timedelta(minutes=1)


@attrs.frozen(kw_only=True)
class Rule:
    """A rate limit: at most so many attempts in a window of time.

    Attributes:
        name: The rule's name for clients and in `Limits`.
        window: How long a count lasts.
        key: Gives the key under which an attempt is counted, from the caller and the request's ids and body. None: the
            attempt is not counted.
        counted: The errors after which an attempt stays counted. Empty: every attempt does.
    """

    name: str
    window: timedelta = _MINUTE
    key: Callable[[AnyContext, Mapping[str, Any]], str | None]
    counted: tuple[type[SellOutError], ...] = ()


LOGINS_PER_ADDRESS: Final = Rule(name="logins_per_address", key=lambda caller, _: caller.network)
LOGINS_PER_ACCOUNT: Final = Rule(name="logins_per_account", key=lambda _, sent: f"name {fold(sent['body'].username)}")
# The holder of a stolen access token must not guess the password with it.
PASSWORD_CHANGES: Final = attrs.evolve(LOGINS_PER_ACCOUNT, key=lambda _, sent: f"id {sent['user_id']}")
REGISTRATIONS: Final = Rule(name="registrations_per_address", key=lambda caller, _: caller.network)
REFUSED_PROMO_CODES: Final = Rule(
    name="refused_promo_codes",
    window=timedelta(minutes=10),
    key=lambda caller, sent: f"id {caller.user_id}" if sent["body"].promo_code else None,
    counted=(PromoCodeUnknown, PromoCodeInactive, PromoCodeExpired, PromoCodeUsedUp),
)


@attrs.frozen(kw_only=True)
class Limits:
    """How many attempts each rule allows in one window; 0 switches a rule off."""

    logins_per_account: int = 0
    logins_per_address: int = 0
    registrations_per_address: int = 0
    refused_promo_codes: int = 0


class Counter(Protocol):
    """Counts for all processes of the shop together, as the core's port `Counters` does."""

    @property
    def waits(self) -> bool:
        """Whether counting may wait for something other than the shop's store."""

    def add(self, key: str, window: timedelta, store: Store | None = None) -> Count:
        """Adds one to the count. A counter in the shop's store uses the caller's `store`, if there is one."""

    def take_back(self, key: str, count: Count, store: Store | None = None) -> None:
        """Subtracts one from the count, unless it is over. `store` as in `add`."""


class StoreCounter:
    """Counts in the shop's own store, and deletes counts that are over about once a window.

    Attributes:
        waits: False: counting waits for the store alone.
    """

    waits: Final = False

    def __init__(self, shop: Shop) -> None:
        self._store = shop.store
        self._clock = shop.clock
        self._swept = shop.clock()

    def add(self, key: str, window: timedelta, store: Store | None = None) -> Count:
        """Adds one in a transaction."""
        now, store = self._clock(), store or self._store
        if abs(now - self._swept) > window:
            self._swept = now
            store.write(lambda tx: tx.counters.delete_ended(now))
        return store.write(lambda tx: tx.counters.add(key, now, window))

    def take_back(self, key: str, count: Count, store: Store | None = None) -> None:
        """Subtracts one in a transaction."""

        def work(tx: Transaction) -> None:
            tx.counters.take_back(key, count)

        (store or self._store).write(work)


@attrs.frozen
class Limiter:
    """Enforces the rules."""

    counter: Counter
    clock: Clock
    limits: Limits

    @contextmanager
    def counted(self, rules: Sequence[Rule], caller: AnyContext, sent: Mapping[str, Any]) -> Iterator[None]:
        """Counts an attempt, which is the body of the `with` statement. It is counted before it begins, so that
        simultaneous attempts cannot exceed the limit; an attempt that does not stay counted is subtracted afterwards.

        Raises:
            TooManyRequests: the limit is used up.
            Unavailable: the attempt cannot be counted.
        """
        counted = [(rule, key, self._count(rule, key, caller)) for rule, key in self._due(rules, caller, sent)]
        outcome: type[Exception] | None = None
        try:
            yield
        except SellOutError as error:
            outcome = type(error)
            raise
        finally:
            for rule, key, count in counted:
                if rule.counted and outcome not in rule.counted:
                    self.counter.take_back(key, count, caller.shop.store)

    def waits(self, rules: Sequence[Rule]) -> bool:
        """Whether counting by those rules may wait for something other than the shop's store."""
        return self.counter.waits and any(getattr(self.limits, rule.name) for rule in rules)

    def _due(self, rules: Sequence[Rule], caller: AnyContext, sent: Mapping[str, Any]) -> Iterator[tuple[Rule, str]]:
        for rule in rules:
            key = rule.key(caller, sent) if getattr(self.limits, rule.name) else None
            if key is not None:
                # The stored key does not reveal the account or the address.
                yield rule, f"{rule.name} {hashlib.sha256(key.encode('utf-8', 'surrogatepass')).hexdigest()}"

    def _count(self, rule: Rule, key: str, caller: AnyContext) -> Count:
        count = self.counter.add(key, rule.window, caller.shop.store)
        maximum: int = getattr(self.limits, rule.name)
        if count.number > maximum:
            left = (count.ends_at - self.clock()).total_seconds()
            raise TooManyRequests(rule.name, rule.window, maximum, max(1, math.ceil(left)))
        return count
