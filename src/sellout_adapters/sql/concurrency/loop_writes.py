"""Writes on the event loop, where a file is written by one at a time.

A thread lets go of the interpreter for each statement it asks, and gets it back when the event loop, which has other
requests to answer, gives it away: several times as long as the statement takes. So work that writes runs on the event
loop itself and stops where it wants to write. The turn to write, which others may have, is taken in a thread. Then all
who wait have their part done, one after the other, and a thread commits for them.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from time import monotonic
from typing import Any, Final, TypeVar

from sellout_adapters.sql.concurrency.greenlet_task import LONGEST_TURN, Work
from sellout_adapters.sql.concurrency.group_commit import Batch, Batches
from sellout_core.errors import Unavailable

T = TypeVar("T")

QUEUE: Final = 1024
"""How many wait for a turn at most."""


class _Writer(Work):
    """Work, and what is told how many statements it took."""

    def __init__(self, run: Callable[[], Any], note: Callable[[int], None]) -> None:
        super().__init__(run)
        self.note = note


class LoopWrites:
    """The writes of one event loop.

    Args:
        batches: Where the file is written.
        statements: How many the calling thread has asked so far.
    """

    def __init__(self, batches: Batches, statements: Callable[[], int]) -> None:
        self._batches = batches
        self._statements = statements
        self._waiting: deque[_Writer] = deque()
        self._serving: asyncio.Task[None] | None = None
        self._closed = False
        self._turns = ThreadPoolExecutor(1, thread_name_prefix="turn")

    async def run(self, work: Callable[[], T], note: Callable[[int], None]) -> T:
        """What the work returns or raises, which writes to the store and waits for nothing else; `note` is told how
        many statements it took, perhaps in parts.

        Raises:
            Unavailable: too many wait already, it has been closed, or as the store has it.
        """
        if self._closed or len(self._waiting) >= QUEUE:
            raise Unavailable
        writer = _Writer(work, note)
        self._counted(writer, writer.go_on)
        result: T = await writer.outcome
        return result

    async def close(self) -> None:
        """Ends the thread, once all that was asked is done."""
        self._closed = True
        if self._serving is not None:
            await self._serving
        self._turns.shutdown()

    def _counted(self, writer: _Writer, step: Callable[[], T]) -> T:
        """What a step returns, which may end with a wish to write."""
        before = self._statements()
        try:
            return step()
        finally:
            writer.note(self._statements() - before)
            if writer.asked is not None:
                self._wait(writer)

    def _wait(self, writer: _Writer) -> None:
        self._waiting.append(writer)
        if self._serving is None:
            self._serving = asyncio.get_running_loop().create_task(self._serve())

    async def _serve(self) -> None:
        """Has those who wait write, as long as somebody does."""
        loop = asyncio.get_running_loop()
        try:
            while self._waiting:
                first = len(self._waiting)
                try:
                    batch = await loop.run_in_executor(self._turns, self._batches.join)
                except Exception as error:  # noqa: BLE001 - raised to those who waited for it from its beginning
                    for writer in [self._waiting.popleft() for _ in range(first)]:
                        self._counted(writer, partial(writer.fail, error))
                else:
                    await self._together(batch)
        finally:
            self._serving = None

    async def _together(self, batch: Batch) -> None:
        """Has those who wait do their part in a batch, and tells them once it is durable."""
        done: list[tuple[_Writer, Callable[[], Any]]] = []
        loop, pause = asyncio.get_running_loop(), monotonic() + LONGEST_TURN
        try:
            while self._waiting and not batch.full:
                writer = self._waiting.popleft()
                run, writer.asked = writer.asked, None
                done.append((writer, self._counted(writer, partial(batch.carry_out, run))))
                if monotonic() > pause:
                    await asyncio.sleep(0)
                    pause = monotonic() + LONGEST_TURN
        finally:
            left = await asyncio.gather(
                loop.run_in_executor(self._turns, self._batches.leave, batch), return_exceptions=True
            )
        for writer, outcome in done:
            if isinstance(left[0], BaseException):
                self._counted(writer, partial(writer.fail, left[0]))
            else:
                self._counted(writer, partial(writer.go_on, batch.settled(outcome)))
