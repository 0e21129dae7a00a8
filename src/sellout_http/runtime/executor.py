"""How the work of requests gets done: on the event loop where it waits for nothing, else in threads."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import BoundedSemaphore
from typing import Protocol, TypeVar

import attrs

from sellout_core.errors import Unavailable
from sellout_core.ports.store import Store, Transaction
from sellout_http.runtime.logging import Entry

T = TypeVar("T")


class Workers:
    """Threads for work that would hold up the event loop. At most `waiting` calls wait for a thread; None: any number.

    `close` waits for the work in hand.
    """

    def __init__(self, name: str, threads: int, waiting: int | None = None) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._places = None if waiting is None else BoundedSemaphore(threads + waiting)

    async def run(self, work: Callable[[], T]) -> T:
        """What `work` returns or raises, from a thread.

        Raises:
            Unavailable: too many calls wait already, or the threads have ended; the work was not begun.
        """
        places = self._places
        if places is not None and not places.acquire(blocking=False):
            raise Unavailable
        try:
            future = self._pool.submit(work)
        except RuntimeError:
            raise Unavailable from None
        if places is not None:
            # The place is free when the thread is, which may be after the caller gave up.
            future.add_done_callback(lambda _: places.release())
        return await asyncio.wrap_future(future)

    def close(self) -> None:
        """Ends the threads."""
        self._pool.shutdown(cancel_futures=True)


class Reads(Protocol):
    """Short reads on the event loop, without a thread."""

    async def read(self, work: Callable[[Transaction], T], note: Callable[[int], None]) -> T:
        """As `Store.read`; `note` is told how many statements it took."""

    async def close(self) -> None:
        """Ends them."""


class Writes(Protocol):
    """Writes on the event loop, without a thread."""

    async def run(self, work: Callable[[], T], note: Callable[[int], None]) -> T:
        """What the work returns, which takes a few milliseconds at most, writes to the store and waits for nothing
        else; `note` is told how many statements it took, perhaps in parts.
        """

    async def close(self) -> None:
        """Ends them."""


@attrs.frozen
class Hands:
    """How a request's work gets done: on the event loop where that holds up nobody, or in a thread.

    Attributes:
        store: What it is done with.
        workers: Threads.
        hashers: A few more for work that hashes passwords.
        readers: A few for long lists, one each.
        searchers: A few for searches, which may take long.
        statements: How many the store was asked by the thread that it is called in.
        reads: What reads on the event loop, if the store itself cannot.
        writes: What writes on the event loop, if the store can.
    """

    store: Store
    workers: Workers
    hashers: Workers
    readers: Workers
    searchers: Workers
    statements: Callable[[], int]
    reads: Reads | None
    writes: Writes | None

    async def read(self, work: Callable[[Transaction], T], entry: Entry, *, short: bool) -> T:
        """What the work returns, which only reads; a short one needs no thread."""
        if short and self.reads is not None:
            return await self.reads.read(work, entry.count)
        return await self.run(lambda: self.store.read(work), entry, waits=not short or not self.store.reads_never_wait)

    async def write(self, work: Callable[[], T], entry: Entry, *, waits: bool = False) -> T:
        """What the work returns, which writes to the store; `waits`: for something else, too, or may take longer."""
        if self.writes is not None and not waits:
            return await self.writes.run(work, entry.count)
        return await self.run(work, entry)

    async def run(
        self,
        work: Callable[[], T],
        entry: Entry | None = None,
        *,
        waits: bool = True,
        hashes: bool = False,
        searches: bool = False,
    ) -> T:
        """What the work returns; in a thread if it may wait for anything."""
        counted = self.counted(work, entry)
        if hashes:
            return await self.hashers.run(counted)
        if searches:
            return await self.searchers.run(counted)
        # Handing a short read to a thread takes longer than the read.
        return await self.workers.run(counted) if waits else counted()

    def counted(self, work: Callable[[], T], entry: Entry | None) -> Callable[[], T]:
        """The work, whose statements are noted."""

        def counted() -> T:
            before = self.statements()
            try:
                return work()
            finally:
                if entry is not None:
                    entry.count(self.statements() - before)

        return counted

    async def close(self) -> None:
        """Ends the threads, once they have done the work in hand."""
        # First what needs the event loop, which threads keep while they end: they may wait for a turn to write.
        for loop in (self.writes, self.reads):
            if loop is not None:
                await loop.close()
        for threads in (self.readers, self.searchers, self.workers, self.hashers):
            threads.close()
