"""How often something may be tried: rules that operations name, and the one place that counts and refuses."""

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
from sellout_core.ports.store import Count, Transaction
from sellout_core.shop import Shop
from sellout_core.values import Clock, UserId, fold
from sellout_http.problems.details import TooManyRequests

_MINUTE: Final = timedelta(minutes=1)


class Caller(Protocol):
    """Who tries."""

    @property
    def network(self) -> str:
        """Where the request came from, as far as one party can choose it."""

    @property
    def user_id(self) -> UserId:
        """The calling user."""


@attrs.frozen(kw_only=True)
class Rule:
    """At most so many tries in a while. `name` is what clients and `Limits` know it by.

    `key` says whose tries are counted together; None: this one is not counted. `counted` are the errors that a try
    must end with to stay counted; none: every try does.
    """

    name: str
    window: timedelta = _MINUTE
    key: Callable[[Caller, Mapping[str, Any]], str | None]
    counted: tuple[type[SellOutError], ...] = ()


LOGINS_PER_ADDRESS: Final = Rule(name="logins_per_address", key=lambda caller, _: caller.network)
LOGINS_PER_ACCOUNT: Final = Rule(name="logins_per_account", key=lambda _, sent: f"name {fold(sent['body'].username)}")
# Whoever has somebody's access token must not guess the password with it.
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
    """How many tries each rule allows; 0 switches it off."""

    logins_per_account: int = 0
    logins_per_address: int = 0
    registrations_per_address: int = 0
    refused_promo_codes: int = 0


class Counter(Protocol):
    """Counts for every process of the shop together, as `ports.Counters` does."""

    @property
    def waits(self) -> bool:
        """Whether it may wait for something other than the shop's store."""

    def add(self, key: str, window: timedelta) -> Count:
        """Counts one more."""

    def take_back(self, key: str, count: Count) -> None:
        """Counts one less, unless that count is over."""


class StoreCounter:
    """Counts in the shop's own store, and drops what is over about once a window.

    Attributes:
        waits: For nothing else.
    """

    waits: Final = False

    def __init__(self, shop: Shop) -> None:
        self._store = shop.store
        self._clock = shop.clock
        self._swept = shop.clock()

    def add(self, key: str, window: timedelta) -> Count:
        """One transaction."""
        now = self._clock()
        if abs(now - self._swept) > window:
            self._swept = now
            self._store.write(lambda tx: tx.counters.delete_ended(now))
        return self._store.write(lambda tx: tx.counters.add(key, now, window))

    def take_back(self, key: str, count: Count) -> None:
        """One transaction."""

        def work(tx: Transaction) -> None:
            tx.counters.take_back(key, count)

        self._store.write(work)


@attrs.frozen
class Limiter:
    """Holds tries to their rules."""

    counter: Counter
    clock: Clock
    limits: Limits

    @contextmanager
    def held_to(self, rules: Sequence[Rule], caller: Caller, sent: Mapping[str, Any]) -> Iterator[None]:
        """Lets the try inside through. It is counted before it begins, so that of tries at once none slips through;
        what does not stay counted is taken back.

        Raises:
            TooManyRequests: there were too many before it.
            Unavailable: they cannot be counted.
        """
        counted = [(rule, key, self._count(rule, key)) for rule, key in self._due(rules, caller, sent)]
        kept: type[Exception] | None = None
        try:
            yield
        except SellOutError as error:
            kept = type(error)
            raise
        finally:
            for rule, key, count in counted:
                if rule.counted and kept not in rule.counted:
                    self.counter.take_back(key, count)

    def waits(self, rules: Sequence[Rule]) -> bool:
        """Whether to count by those rules may wait for something other than the shop's store."""
        return self.counter.waits and any(getattr(self.limits, rule.name) for rule in rules)

    def _due(self, rules: Sequence[Rule], caller: Caller, sent: Mapping[str, Any]) -> Iterator[tuple[Rule, str]]:
        for rule in rules:
            key = rule.key(caller, sent) if getattr(self.limits, rule.name) else None
            if key is not None:
                # What is kept for counting says nothing of whom it counts.
                yield rule, f"{rule.name} {hashlib.sha256(key.encode('utf-8', 'surrogatepass')).hexdigest()}"

    def _count(self, rule: Rule, key: str) -> Count:
        count = self.counter.add(key, rule.window)
        maximum: int = getattr(self.limits, rule.name)
        if count.number > maximum:
            left = (count.ends_at - self.clock()).total_seconds()
            raise TooManyRequests(rule.name, rule.window, maximum, max(1, math.ceil(left)))
        return count
