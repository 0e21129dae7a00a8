"""The numbers and durations of requests, by method, route and status.

The histogram of Prometheus' client library takes ten times as long for a request when several processes share it. That
is more than a thirtieth of the time of a cached document.
"""

from bisect import bisect_left
from collections.abc import Sequence
from typing import Final, Self

import attrs

BOUNDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""The upper bounds of the buckets, in seconds. The last bucket has none."""

METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"})
"""The methods of the API and of HTTP pages. A client may send any other one."""


@attrs.define
class Timing:
    """The requests of one method, route and status.

    Attributes:
        method: One of `METHODS`. Empty: another one.
        route: The path of the operation or the page, with the names of its ids. Empty: there is none.
        status: The status of the response. 0: the client left before it.
        buckets: How many requests took at most so many seconds as each of `BOUNDS`, and more than the bound before.
            The last number has no bound.
        seconds: The sum of the durations.
    """

    method: str
    route: str
    status: int
    buckets: list[int] = attrs.field(factory=lambda: [0] * (len(BOUNDS) + 1))
    seconds: float = 0

    def plus(self, other: Self) -> Self:
        """The sums of both, with the method, route and status of this one."""
        buckets = [one + more for one, more in zip(self.buckets, other.buckets, strict=True)]
        return attrs.evolve(self, buckets=buckets, seconds=self.seconds + other.seconds)


class RequestTimings:
    """Counts the requests of a process. All calls of `note` must come from one thread."""

    def __init__(self) -> None:
        self._timings: dict[tuple[str, str | None, int | None], Timing] = {}

    def note(self, method: str, route: str | None, status: int | None, seconds: float) -> None:
        """Counts a request. None: the path has no route, or there was no response."""
        key = method, route, status
        timing = self._timings.get(key)
        if timing is None:
            known = method if method in METHODS else ""
            # A client may send any method, so the key must not keep it.
            key = known, route, status
            timing = self._timings.setdefault(key, Timing(known, route or "", status or 0))
        timing.buckets[bisect_left(BOUNDS, seconds)] += 1
        timing.seconds += seconds

    def all(self) -> Sequence[Timing]:
        """A copy of the counts, from any thread. A request that is counted meanwhile may be missing in one of them."""
        return [attrs.evolve(timing, buckets=list(timing.buckets)) for timing in list(self._timings.values())]
