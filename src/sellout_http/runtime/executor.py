"""Runs the work of requests: on the event loop if it never waits there, otherwise in a thread."""

import asyncio
import enum
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from functools import partial
from typing import TypeVar

import attrs

from sellout_core.errors import Unavailable
from sellout_core.ports.store import Store, Transaction
from sellout_http.runtime.asgi import Receive
from sellout_http.runtime.logging import RequestLogEntry
from sellout_http.runtime.served_store import ServedStore
from sellout_http.runtime.threads import PoolDepth, ThreadPool

T = TypeVar("T")


class Workload(enum.Enum):
    """A kind of work. Only `Executor` decides where it runs."""

    SHORT_READ = enum.auto()
    """Reads few rows. May share a transaction with short reads of other requests."""
    DOCUMENT_READ = enum.auto()
    """Reads a catalogue document for the cache, in a transaction of its own."""
    LONG_READ = enum.auto()
    """Reads up to a few hundred rows."""
    SEARCH = enum.auto()
    LIST = enum.auto()
    """Reads a list of any length and waits for the client that receives it."""
    WRITE = enum.auto()
    HASH = enum.auto()
    """Hashes a password, which uses a processor."""
    UPLOAD = enum.auto()
    """Decodes a picture, which uses a processor and memory, and stores its files."""
    PROVIDER = enum.auto()
    """Calls a payment provider, which may be slow."""
    FILE = enum.auto()
    """Reads a file of up to a few hundred KiB."""


class ReadTooLong(Exception):
    """A short read would block the event loop for too long. The caller runs it again as a `LONG_READ`."""


@attrs.frozen
class ShortReadStore:
    """A store that limits the size of reads, for a `DOCUMENT_READ`."""

    _store: ServedStore

    def read(self, work: Callable[[Transaction], T]) -> T:
        """As `ServedStore.short_read`.

        Raises:
            ReadTooLong: the work reads too many values.
        """
        return self._store.short_read(work, ReadTooLong)


@attrs.frozen
class SearchedStore:
    """A store whose reads are cancelled when the client of a search has disconnected."""

    _store: ServedStore
    _left: Future[None]

    def read(self, work: Callable[[Transaction], T]) -> T:
        """As `ServedStore.search`."""
        return self._store.search(work, self._left)


class Executor:
    """Runs the work of requests.

    Args:
        store: The store of the work. It states which work can run on the event loop.
        general: The threads for workloads without a pool of their own.
        hashes, lists, long_reads, providers, searches, uploads: The threads for these workloads.
    """

    def __init__(
        self,
        store: ServedStore,
        *,
        general: ThreadPool,
        hashes: ThreadPool,
        lists: ThreadPool,
        long_reads: ThreadPool,
        providers: ThreadPool,
        searches: ThreadPool,
        uploads: ThreadPool,
    ) -> None:
        self._store = store
        self._loop_reads = store.reads(ReadTooLong)
        self._loop_writes = store.writes()
        self._calls_on_loop = {"read": 0, "write": 0}
        self._threads = lists, searches, long_reads, providers, uploads, general, hashes
        # A short read takes less time than a hand-over to a thread.
        reads = None if store.reads_never_wait else general
        self._pools: Mapping[Workload, ThreadPool | None] = {
            Workload.SHORT_READ: reads,
            Workload.DOCUMENT_READ: reads,
            Workload.LONG_READ: long_reads,
            Workload.SEARCH: searches,
            Workload.LIST: lists,
            Workload.WRITE: general,
            Workload.HASH: hashes,
            Workload.UPLOAD: uploads,
            Workload.PROVIDER: providers,
            Workload.FILE: general,
        }

    async def read(self, work: Callable[[Transaction], T], entry: RequestLogEntry) -> T:
        """Runs a `SHORT_READ` in a transaction. Returns the result of the work.

        Args:
            work: Reads from the transaction.
            entry: Counts the statements.

        Raises:
            ReadTooLong: the work reads too many values.
        """
        if self._loop_reads is not None:
            self._calls_on_loop["read"] += 1
            try:
                return await self._loop_reads.read(work, entry.add_statements)
            finally:
                self._calls_on_loop["read"] -= 1
        return await self.run(partial(self._store.short_read, work, ReadTooLong), Workload.SHORT_READ, entry)

    async def write(self, work: Callable[[Store], T], entry: RequestLogEntry) -> T:
        """Runs a short write: it takes a few milliseconds and waits only for the store. Returns the result of the work.

        Args:
            work: Opens its transactions in the given store.
            entry: Counts the statements.
        """
        if self._loop_writes is not None:
            self._calls_on_loop["write"] += 1
            try:
                return await self._loop_writes.run(work, entry.add_statements)
            finally:
                self._calls_on_loop["write"] -= 1
        return await self.run(partial(work, self._store), Workload.WRITE, entry)

    async def run(self, work: Callable[[], T], workload: Workload, entry: RequestLogEntry) -> T:
        """Runs work and returns its result.

        Args:
            work: Opens its own transactions.
            workload: The kind of work.
            entry: Counts the statements, and has the client.

        Raises:
            ClientBusy: the client has reached its share of such work.
            Unavailable: too many calls of such work wait.
        """
        pool = self._pools[workload]
        if pool is None:
            return self._counted(work, entry)
        return await pool.run(partial(self._counted, work, entry), entry.client)

    async def search(self, work: Callable[[SearchedStore], T], entry: RequestLogEntry, receive: Receive) -> T:
        """Runs a search and returns its result. If the client disconnects, cancels the search.

        Args:
            work: Reads from the given store.
            entry: Counts the statements.
            receive: Receives the client's disconnect.

        Raises:
            Unavailable: too many searches wait, the store raises it, or the client has disconnected.
        """
        left: Future[None] = Future()
        searching = asyncio.ensure_future(
            self.run(lambda: work(SearchedStore(self._store, left)), Workload.SEARCH, entry)
        )
        leaving = asyncio.ensure_future(client_left(receive))
        try:
            await asyncio.wait({searching, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if not searching.done() and leaving.exception() is None:
                # A search that has not begun gives up its place at once.
                searching.cancel()
                left.set_result(None)
                raise Unavailable
            return await searching
        finally:
            searching.cancel()
            leaving.cancel()

    def pools(self) -> Mapping[str, PoolDepth]:
        """The depth of each pool of threads, by its name."""
        return {pool.name: pool.depth for pool in self._threads}

    def calls_on_loop(self) -> Mapping[str, int]:
        """The number of calls that run or wait on the event loop: `read` and `write`. Short reads that never wait are
        not among them.
        """
        return dict(self._calls_on_loop)

    def _counted(self, work: Callable[[], T], entry: RequestLogEntry) -> T:
        before = self._store.statements()
        try:
            return work()
        finally:
            entry.add_statements(self._store.statements() - before)

    async def close(self) -> None:
        """Waits for running work and ends the threads."""
        # The work of the event loop ends first: threads may wait for it, and `ThreadPool.close` blocks the loop.
        for loop in (self._loop_writes, self._loop_reads):
            if loop is not None:
                await loop.close()
        for pool in self._threads:
            pool.close()


async def client_left(receive: Receive) -> None:
    """Returns when the client has closed the connection."""
    while (await receive())["type"] != "http.disconnect":
        pass
