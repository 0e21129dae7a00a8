"""Where the work of requests runs: on the event loop if it never waits there, otherwise in a thread."""

import asyncio
import enum
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import BoundedSemaphore
from typing import TypeVar

from sellout_core.errors import Unavailable
from sellout_core.ports.store import Store, Transaction
from sellout_http.runtime.logging import RequestLogEntry
from sellout_http.runtime.served_store import ServedStore

T = TypeVar("T")


class Workload(enum.Enum):
    """What kind of work an operation is. `Executor` alone decides by it where the work runs."""

    SHORT_READ = enum.auto()
    """Reads little, perhaps in one transaction with other requests' short reads."""
    DOCUMENT_READ = enum.auto()
    """Reads a catalogue document to be cached, in a transaction of its own."""
    LONG_READ = enum.auto()
    SEARCH = enum.auto()
    LIST = enum.auto()
    """Reads a list of any length and waits for the client that receives it."""
    WRITE = enum.auto()
    """Writes to the store, within a few milliseconds, and waits for nothing else."""
    SLOW_WRITE = enum.auto()
    HASH = enum.auto()
    """Hashes a password, which takes a processor."""


class ThreadPool:
    """Threads for work that would block the event loop.

    Args:
        name: The prefix of the threads' names.
        threads: How many threads the pool has at most.
        waiting: How many calls wait for a thread at most. None: any number.
    """

    def __init__(self, name: str, threads: int, waiting: int | None = None) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._places = None if waiting is None else BoundedSemaphore(threads + waiting)

    async def run(self, work: Callable[[], T]) -> T:
        """What `work` returns or raises, from a thread.

        Raises:
            Unavailable: too many calls wait already, or the pool is closed. The work has not begun.
        """
        places = self._places
        if places is not None and not places.acquire(blocking=False):
            raise Unavailable
        try:
            future = self._pool.submit(work)
        except RuntimeError:
            raise Unavailable from None
        if places is not None:
            # A cancelled caller leaves its work running: the place is free when the thread is.
            future.add_done_callback(lambda _: places.release())
        return await asyncio.wrap_future(future)

    def close(self) -> None:
        """Waits for the work that has begun, cancels the rest and ends the threads."""
        self._pool.shutdown(cancel_futures=True)


class Executor:
    """Runs the work of requests.

    Args:
        store: The store that the work uses. It says which work the event loop can run.
        general: The threads for everything that has no pool of its own.
        hashes, lists, searches: The threads for those workloads.
    """

    def __init__(
        self, store: ServedStore, *, general: ThreadPool, hashes: ThreadPool, lists: ThreadPool, searches: ThreadPool
    ) -> None:
        self._store = store
        self._loop_reads = store.reads()
        self._loop_writes = store.writes()
        self._threads = lists, searches, general, hashes
        # A short read takes less time than its way to a thread and back.
        reads = None if store.reads_never_wait else general
        self._pools: Mapping[Workload, ThreadPool | None] = {
            Workload.SHORT_READ: reads,
            Workload.DOCUMENT_READ: reads,
            Workload.LONG_READ: general,
            Workload.SEARCH: searches,
            Workload.LIST: lists,
            Workload.WRITE: general,
            Workload.SLOW_WRITE: general,
            Workload.HASH: hashes,
        }

    async def read(self, work: Callable[[Transaction], T], workload: Workload, entry: RequestLogEntry) -> T:
        """What the work returns, from a transaction that only reads.

        Args:
            work: Reads from the store.
            workload: Which kind of read the work is.
            entry: Counts the statements.
        """
        if workload is Workload.SHORT_READ and self._loop_reads is not None:
            return await self._loop_reads.read(work, entry.count)
        return await self.run(partial(self._store.read, work), workload, entry)

    async def write(self, work: Callable[[Store], T], workload: Workload, entry: RequestLogEntry) -> T:
        """What the work returns.

        Args:
            work: Opens its transactions in the store that it gets.
            workload: Which kind of write the work is.
            entry: Counts the statements.
        """
        if workload is Workload.WRITE and self._loop_writes is not None:
            return await self._loop_writes.run(work, entry.count)
        return await self.run(partial(work, self._store), workload, entry)

    async def run(self, work: Callable[[], T], workload: Workload, entry: RequestLogEntry) -> T:
        """What the work returns.

        Args:
            work: Opens its transactions itself.
            workload: Which kind of work it is.
            entry: Counts the statements.
        """
        pool = self._pools[workload]
        return self._counted(work, entry) if pool is None else await pool.run(partial(self._counted, work, entry))

    def _counted(self, work: Callable[[], T], entry: RequestLogEntry) -> T:
        before = self._store.statements()
        try:
            return work()
        finally:
            entry.count(self._store.statements() - before)

    async def close(self) -> None:
        """Waits for the work that has begun and ends the threads."""
        # The event loop's work ends first: threads may wait for its turn to write, and their end blocks the loop.
        for loop in (self._loop_writes, self._loop_reads):
            if loop is not None:
                await loop.close()
        for pool in self._threads:
            pool.close()
