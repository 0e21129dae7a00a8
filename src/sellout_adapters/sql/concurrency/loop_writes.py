"""Writes on the event loop, for a database with one writer.

A thread releases the interpreter for each statement, and gets it back only when the event loop releases it. That takes
several times as long as the statement. So a use case that writes runs on the event loop, in a greenlet. The greenlet
suspends where it opens a transaction that writes. A thread waits for the write lock. Then the event loop runs all
waiting transactions one after the other, and a thread commits them together.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from time import monotonic
from typing import Any, Final, TypeVar

from greenlet import getcurrent
from sqlalchemy import Connection

from sellout_adapters.sql.concurrency.greenlet_task import LOOP_SLICE, GreenletTask
from sellout_adapters.sql.concurrency.group_commit import GroupCommit, SharedTransaction
from sellout_core.errors import Unavailable
from sellout_core.ports.store import Store

T = TypeVar("T")

MAX_WAITING: Final = 1024
"""The maximum number of writers that wait for the lock."""


class _Writer(GreenletTask):
    """A task whose requests are functions that take the connection of the transaction. `note` counts its statements."""

    def __init__(self, run: Callable[[], Any], note: Callable[[int], None]) -> None:
        super().__init__(run)
        self.note = note


def write_in_task(run: Callable[[Connection], T]) -> T:
    """The result of `run` after a durable commit. The caller runs in `LoopWrites`, which suspends it meanwhile."""
    event_loop = getcurrent().parent
    assert event_loop is not None  # noqa: S101 - for the type alone: a task runs in a greenlet of its own
    context = copy_context()  # the event loop runs it, but its statements belong to the span of the task
    outcome: Callable[[], T] = event_loop.switch(lambda connection: context.run(run, connection))
    return outcome()


class LoopWrites:
    """The writes of one event loop.

    Args:
        group_commit: The writers of the file.
        store: The store for the work. It runs transactions that write by `write_in_task`.
        statements: Returns how many statements the calling thread has run.
    """

    def __init__(self, group_commit: GroupCommit, store: Store, statements: Callable[[], int]) -> None:
        self._group_commit = group_commit
        self._store = store
        self._statements = statements
        self._waiting: deque[_Writer] = deque()
        self._worker: asyncio.Task[None] | None = None
        self._closed = False
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="write-lock")

    async def run(self, work: Callable[[Store], T], note: Callable[[int], None]) -> T:
        """The result of the work.

        Args:
            work: Writes to the store that it gets, and waits for nothing else.
            note: Receives the number of statements, in one or more calls.

        Raises:
            Unavailable: too many writers wait, the writes are closed, or the store raises it.
        """
        if self._closed or len(self._waiting) >= MAX_WAITING:
            raise Unavailable
        writer = _Writer(lambda: work(self._store), note)
        self._step(writer, writer.resume)
        result: T = await writer.outcome
        return result

    async def close(self) -> None:
        """Waits for the writes that have begun, and ends the thread."""
        self._closed = True
        if self._worker is not None:
            await self._worker
        self._thread.shutdown()

    def _step(self, writer: _Writer, step: Callable[[], T]) -> T:
        """The result of a step of the task. Counts its statements, and queues the task if it requests a write."""
        before = self._statements()
        try:
            return step()
        finally:
            writer.note(self._statements() - before)
            if writer.request is not None:
                self._waiting.append(writer)
                if self._worker is None:
                    self._worker = asyncio.get_running_loop().create_task(self._work())

    async def _work(self) -> None:
        """Serves the waiting writers until there are none."""
        loop = asyncio.get_running_loop()
        try:
            while self._waiting:
                waiting = len(self._waiting)
                try:
                    transaction = await loop.run_in_executor(self._thread, self._group_commit.join)
                except Exception as error:  # noqa: BLE001 - raised to the writers that waited
                    for writer in [self._waiting.popleft() for _ in range(waiting)]:
                        self._step(writer, partial(writer.throw, error))
                else:
                    await self._write(transaction)
        finally:
            self._worker = None

    async def _write(self, transaction: SharedTransaction) -> None:
        """Runs the waiting writers in a transaction, and resumes them after its commit."""
        written: list[tuple[_Writer, Callable[[], Any]]] = []
        loop, pause = asyncio.get_running_loop(), monotonic() + LOOP_SLICE
        try:
            while self._waiting and not transaction.full:
                writer = self._waiting.popleft()
                work, writer.request = writer.request, None
                written.append((writer, self._step(writer, partial(transaction.run, work))))
                if monotonic() > pause:
                    await asyncio.sleep(0)
                    pause = monotonic() + LOOP_SLICE
        finally:
            [failure] = await asyncio.gather(
                loop.run_in_executor(self._thread, self._group_commit.leave, transaction), return_exceptions=True
            )
        for writer, outcome in written:
            if isinstance(failure, BaseException):
                self._step(writer, partial(writer.throw, failure))
            else:
                self._step(writer, partial(writer.resume, transaction.outcome_after_commit(outcome)))
