"""Pools of threads, the numbers of threads of a process, and the lengths of their queues."""

import asyncio
import os
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import Final, TypeVar

import attrs

from sellout_core.errors import Unavailable

T = TypeVar("T")

LIST_THREADS: Final = 2
"""The number of threads that stream long lists."""

WAITING_LISTS: Final = 8
"""The maximum number of long lists that wait for a thread."""

LONG_READ_THREADS: Final = 2
"""The number of threads for long reads."""

WAITING_LONG_READS: Final = 64
"""The maximum number of long reads that wait for a thread."""

SEARCH_THREADS: Final = 2
"""The number of threads for searches."""

WAITING_SEARCHES: Final = 64
"""The maximum number of searches that wait for a thread."""

UPLOAD_THREADS: Final = 1
"""The number of threads that decode pictures. Each needs up to 500 MiB of memory for a picture of 40 megapixels."""

WAITING_UPLOADS: Final = 15
"""The maximum number of uploads that wait for a thread."""

PROVIDER_THREADS: Final = 2
"""The number of threads that call a payment provider."""

WAITING_PROVIDERS: Final = 32
"""The maximum number of calls of a payment provider that wait for a thread."""

EVENT_THREADS: Final = 2
"""The number of threads with the transactions of the delivery of events."""

WAITING_CALLS: Final = 1024
"""The maximum number of calls that wait for a general thread."""

MORE_CONNECTIONS: Final = (
    LIST_THREADS + LONG_READ_THREADS + SEARCH_THREADS + UPLOAD_THREADS + PROVIDER_THREADS + EVENT_THREADS + 6
)
"""The number of database connections of a process besides those of its general and hashing threads: one for each thread
for lists, long reads, searches, uploads, payment providers and events, and one each for the facet index, the mail,
upkeep, the event loop, the health check and the metrics.
"""


def spare_processors() -> int:
    """The default number of threads that hash passwords: all processors but one, from 1 to 64."""
    return min(64, max(1, (os.cpu_count() or 1) - 1))


class ClientBusy(Exception):
    """The client has reached its share of the places for such work."""


@attrs.frozen
class PoolDepth:
    """How full a pool is.

    Attributes:
        calls: The number of calls that run or wait.
        threads: The number of threads.
        max_waiting: The maximum number of calls that wait.
    """

    calls: int
    threads: int
    max_waiting: int


class ThreadPool:
    """Threads for work that would block the event loop.

    Args:
        name: The name of the pool, and the prefix of the threads' names.
        threads: The maximum number of threads.
        waiting: The maximum number of calls that wait for a thread. The next one is refused with 503. None: no limit.
        share: The maximum share of one client in all places for running and waiting calls, in percent. At least one
            place.
    """

    def __init__(self, name: str, threads: int, waiting: int | None = None, share: int = 100) -> None:
        self.name = name
        self._threads = threads
        self._max_waiting = waiting or 0
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._places = None if waiting is None else _Places(threads + waiting, share)

    @property
    def depth(self) -> PoolDepth:
        """How full the pool is. A pool without a limit counts no calls."""
        taken = 0 if self._places is None else self._places.taken
        return PoolDepth(taken, self._threads, self._max_waiting)

    async def run(self, work: Callable[[], T], client: str = "") -> T:
        """Runs the work in a thread. Returns its result or raises its exception.

        Args:
            work: The function to run.
            client: The client that sent the request. Empty: it is unknown, and its share is not limited.

        Raises:
            ClientBusy: the client has reached its share. The work has not begun.
            Unavailable: too many calls wait, or the pool is closed. The work has not begun.
        """
        places = self._places
        if places is not None:
            places.take(client)
        try:
            future = self._pool.submit(work)
        except RuntimeError:
            raise Unavailable from None
        if places is not None:
            # If the caller is cancelled, the work goes on, and its place stays taken.
            future.add_done_callback(lambda _: places.give_back(client))
        return await asyncio.wrap_future(future)

    def close(self) -> None:
        """Waits for running calls, cancels waiting ones and ends the threads."""
        self._pool.shutdown(cancel_futures=True)


class _Places:
    """The places of a pool for running and waiting calls."""

    def __init__(self, number: int, share: int) -> None:
        self._number = number
        # A share of 100 % has no limit: a full pool raises `Unavailable`, not `ClientBusy`.
        self._max_taken = max(1, number * share // 100) if share < 100 else number + 1
        self._taken: Counter[str] = Counter()
        self._lock = Lock()
        self.taken = 0

    def take(self, client: str) -> None:
        with self._lock:
            if client and self._taken[client] >= self._max_taken:
                raise ClientBusy
            if self.taken >= self._number:
                raise Unavailable
            self._taken[client] += 1
            self.taken += 1

    def give_back(self, client: str) -> None:
        with self._lock:
            self.taken -= 1
            self._taken[client] -= 1
            if not self._taken[client]:
                del self._taken[client]
