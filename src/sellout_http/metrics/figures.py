"""The figures of a worker, and their sums."""

from collections.abc import Mapping, Sequence
from typing import Self

import attrs

from sellout_http.api.rate_limits import Limiter
from sellout_http.catalogue_cache.document_cache import DocumentCache
from sellout_http.middleware.request_timings import RequestTimings, Timing
from sellout_http.runtime.executor import Executor
from sellout_http.runtime.served_store import ServedStore
from sellout_http.runtime.threads import PoolDepth


@attrs.frozen
class Totals:
    """Numbers that never fall.

    Attributes:
        timings: The requests, one entry for each method, route and status.
        cache_hits: How often a catalogue document was found in the cache.
        cache_misses: How many catalogue documents were read from the store.
        refused: The attempts over a rate limit, by the name of the rule.
        restarts: How often a dead worker was replaced.
    """

    timings: Sequence[Timing] = ()
    cache_hits: int = 0
    cache_misses: int = 0
    refused: Mapping[str, int] = attrs.field(factory=dict)
    restarts: int = 0

    def plus(self, other: Self) -> "Totals":
        """The sums of both."""
        timings = {(each.method, each.route, each.status): each for each in self.timings}
        for each in other.timings:
            key = each.method, each.route, each.status
            known = timings.get(key)
            timings[key] = each if known is None else known.plus(each)
        names = {**self.refused, **other.refused}
        return Totals(
            list(timings.values()),
            self.cache_hits + other.cache_hits,
            self.cache_misses + other.cache_misses,
            {name: self.refused.get(name, 0) + other.refused.get(name, 0) for name in names},
            self.restarts + other.restarts,
        )


@attrs.frozen
class Load:
    """How busy a worker is.

    Attributes:
        pools: The pools of threads by their names.
        calls_on_loop: As `Executor.calls_on_loop`.
        connections: As `ServedStore.connections`.
    """

    pools: Mapping[str, PoolDepth]
    calls_on_loop: Mapping[str, int]
    connections: tuple[int, int] | None


@attrs.frozen
class Figures:
    """All figures of a worker."""

    totals: Totals
    load: Load


@attrs.frozen
class Sources:
    """The parts of an application that count.

    Attributes:
        timings: None: requests are not counted.
    """

    timings: RequestTimings | None
    documents: DocumentCache
    limiter: Limiter
    executor: Executor
    store: ServedStore

    def read(self) -> Figures:
        """The figures at this moment. May be called from any thread."""
        timings = () if self.timings is None else self.timings.all()
        totals = Totals(timings, self.documents.hits, self.documents.misses, dict(self.limiter.refused))
        return Figures(totals, Load(self.executor.pools(), self.executor.calls_on_loop(), self.store.connections()))
