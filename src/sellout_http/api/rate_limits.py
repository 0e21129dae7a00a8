"""Rate limits (docs/http-contract.md#rate-limits): the rules, and the limiter that counts and refuses attempts."""

import hashlib
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from threading import Lock
from typing import Any, Final, Protocol

import attrs
from cachetools import LRUCache

from sellout_core import errors
from sellout_core.people.identity import address_key
from sellout_core.people.refusals import BadCode, WrongCode
from sellout_core.ports.store import Count, Store, Transaction
from sellout_core.shop import Shop
from sellout_core.use_cases.upkeep import EXPIRED_PER_WRITE
from sellout_core.values import Clock, fold
from sellout_http.api.handler_context import HandlerContext
from sellout_http.problems.details import TooManyRequests

AnyContext = HandlerContext[Any]
_MAX_OVER_LIMIT: Final = 4096
_MINUTE: Final = timedelta(minutes=1)


@attrs.frozen(kw_only=True)
class RateLimitRule:
    """A kind of attempts that has a maximum number in each window of time.

    Attributes:
        name: The rule's name for clients and in `Limits`.
        window: The duration of a window.
        key: Returns the key of the count, from the context and the request's ids and body. None: the attempt is not
            counted.
        counted: An attempt stays counted if it ends with one of these errors. Empty: every attempt stays counted.
    """

    name: str
    window: timedelta = _MINUTE
    key: Callable[[AnyContext, Mapping[str, Any]], str | None]
    counted: tuple[type[errors.SellOutError], ...] = ()


LOGINS_PER_ADDRESS: Final = RateLimitRule(name="logins_per_address", key=lambda caller, _: caller.network)
LOGINS_PER_ACCOUNT: Final = RateLimitRule(
    name="logins_per_account", key=lambda _, sent: f"name {fold(sent['body'].username)}"
)
# The holder of a stolen access token must not guess the password with it.
PASSWORD_CHANGES: Final = attrs.evolve(LOGINS_PER_ACCOUNT, key=lambda _, sent: f"id {sent['user_id']}")
REGISTRATIONS: Final = RateLimitRule(name="registrations_per_address", key=lambda caller, _: caller.network)
REFUSED_PROMO_CODES: Final = RateLimitRule(
    name="refused_promo_codes",
    window=timedelta(minutes=10),
    key=lambda caller, sent: f"id {caller.user_id}" if sent["body"].promo_code else None,
    counted=(errors.PromoCodeUnknown, errors.PromoCodeInactive, errors.PromoCodeExpired, errors.PromoCodeUsedUp),
)
# A password that is known must not make codes guessable, so the window is long. A guess hits one of three valid codes.
REFUSED_CODES: Final = RateLimitRule(
    name="refused_codes", window=timedelta(days=1), key=lambda _, sent: f"id {sent['user_id']}", counted=(WrongCode,)
)
REFUSED_LOGIN_CODES: Final = attrs.evolve(
    REFUSED_CODES,
    key=lambda _, sent: None if sent["body"].code is None else f"name {fold(sent['body'].username)}",
    counted=(BadCode,),
)
# The three count requests that send a mail.
MAILS_PER_ADDRESS: Final = RateLimitRule(
    name="mails_per_address", window=timedelta(hours=1), key=lambda caller, _: caller.network
)
MAILS_PER_ACCOUNT: Final = RateLimitRule(
    name="mails_per_account", window=timedelta(hours=1), key=lambda _, sent: f"mail {address_key(sent['body'].email)}"
)
MAILS_PER_USER: Final = attrs.evolve(MAILS_PER_ACCOUNT, key=lambda _, sent: f"id {sent['user_id']}")

# A guest has no id.
REFUSED_GUEST_PROMO_CODES: Final = attrs.evolve(REFUSED_PROMO_CODES, key=lambda caller, _: f"address {caller.network}")
GUEST_CARTS: Final = RateLimitRule(
    name="guest_carts_per_address",
    key=lambda caller, _: None if caller.header("x-cart-token") else caller.network,
)

Counted = tuple[RateLimitRule, str, Count]
"""A rule, the key of the count, and the count."""


@attrs.frozen(kw_only=True)
class Limits:
    """The maximum number of attempts of each rule in one window. 0 disables a rule."""

    logins_per_account: int = 0
    logins_per_address: int = 0
    registrations_per_address: int = 0
    refused_promo_codes: int = 0
    refused_codes: int = 0
    mails_per_address: int = 0
    mails_per_account: int = 0
    guest_carts_per_address: int = 0


class Counter(Protocol):
    """Counts attempts for all processes of the shop, as the core's port `Counters` does."""

    @property
    def waits(self) -> bool:
        """Whether counting may wait for something other than the shop's store."""

    def add(self, key: str, window: timedelta, store: Store | None = None) -> Count:
        """Adds one to the count of a key. A counter in the shop's store uses `store`, if it is given."""

    def take_back(self, key: str, count: Count, store: Store | None = None) -> None:
        """Subtracts one from a count, unless its window has ended. `store` is as in `add`."""


class StoreCounter:
    """Counts attempts in the shop's own store. Each new count deletes a few that have ended.

    Attributes:
        waits: False: counting waits for the store alone.
    """

    waits: Final = False

    def __init__(self, shop: Shop) -> None:
        self._store = shop.store
        self._clock = shop.clock

    def add(self, key: str, window: timedelta, store: Store | None = None) -> Count:
        """Adds one in a transaction."""
        now = self._clock()

        def work(tx: Transaction) -> Count:
            count = tx.counters.add(key, now, window)
            if count.number == 1:
                tx.counters.delete_ended(now, EXPIRED_PER_WRITE)
            return count

        return (store or self._store).write(work)

    def take_back(self, key: str, count: Count, store: Store | None = None) -> None:
        """Subtracts one in a transaction."""

        def work(tx: Transaction) -> None:
            tx.counters.take_back(key, count)

        (store or self._store).write(work)


@attrs.frozen
class Limiter:
    """Enforces the rules.

    Attributes:
        refused: The number of refused attempts by the name of the rule.
    """

    counter: Counter
    clock: Clock
    limits: Limits
    refused: dict[str, int] = attrs.field(factory=dict, init=False)
    _over_limit: LRUCache[str, Count] = attrs.field(factory=lambda: LRUCache(_MAX_OVER_LIMIT), init=False)
    _lock: Lock = attrs.field(factory=Lock, init=False)

    def refuse_known(self, rules: Sequence[RateLimitRule], caller: AnyContext, sent: Mapping[str, Any]) -> None:
        """Refuses an attempt without counting it, if this process knows that its key is far over the limit.

        Raises:
            TooManyRequests: the limit is reached.
        """
        for rule, key in self._due(rules, caller, sent):
            with self._lock:
                known = self._over_limit.get(key)
            if known is not None and timedelta() < known.ends_at - self.clock() <= rule.window:
                raise self._too_many(rule, known)

    def count(self, rules: Sequence[RateLimitRule], caller: AnyContext, sent: Mapping[str, Any]) -> Sequence[Counted]:
        """Counts an attempt before it begins, so that simultaneous attempts cannot exceed the limit.

        Raises:
            TooManyRequests: the limit is reached.
            Unavailable: the attempt cannot be counted.
        """
        return [(rule, key, self._count(rule, key, caller)) for rule, key in self._due(rules, caller, sent)]

    @contextmanager
    def settled(self, counted: Sequence[Counted], caller: AnyContext) -> Iterator[None]:
        """Runs an attempt in its `with` block. Then subtracts the attempt, unless it stays counted."""
        outcome: type[Exception] | None = None
        try:
            yield
        except errors.SellOutError as error:
            outcome = type(error)
            raise
        finally:
            self.take_back([each for each in counted if each[0].counted and outcome not in each[0].counted], caller)

    def take_back(self, counted: Sequence[Counted], caller: AnyContext) -> None:
        """Subtracts an attempt."""
        for _, key, count in counted:
            self.counter.take_back(key, count, caller.shop.store)

    def waits(self, rules: Sequence[RateLimitRule]) -> bool:
        """Whether counting by those rules may wait for something other than the shop's store."""
        return self.counter.waits and any(getattr(self.limits, rule.name) for rule in rules)

    def _due(
        self, rules: Sequence[RateLimitRule], caller: AnyContext, sent: Mapping[str, Any]
    ) -> Iterator[tuple[RateLimitRule, str]]:
        for rule in rules:
            key = rule.key(caller, sent) if getattr(self.limits, rule.name) else None
            if key is not None:
                # The stored key does not reveal the account or the address.
                yield rule, f"{rule.name} {hashlib.sha256(key.encode('utf-8', 'surrogatepass')).hexdigest()}"

    def _count(self, rule: RateLimitRule, key: str, caller: AnyContext) -> Count:
        count = self.counter.add(key, rule.window, caller.shop.store)
        maximum: int = getattr(self.limits, rule.name)
        if count.number <= maximum:
            return count
        if rule.counted:
            # The attempts in flight may be taken back, so a refused one must not stay counted in their place.
            self.counter.take_back(key, count, caller.shop.store)
        elif count.number > 2 * maximum:
            # These attempts are not taken back, so the key stays over the limit.
            with self._lock:
                self._over_limit[key] = count
        raise self._too_many(rule, count)

    def _too_many(self, rule: RateLimitRule, count: Count) -> TooManyRequests:
        with self._lock:
            self.refused[rule.name] = self.refused.get(rule.name, 0) + 1
        left = (count.ends_at - self.clock()).total_seconds()
        return TooManyRequests(rule.name, rule.window, getattr(self.limits, rule.name), max(1, math.ceil(left)))
