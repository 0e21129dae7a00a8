"""A queue that processes its items in batches, so that they share a transaction and its commit."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Generic, TypeVar

T = TypeVar("T")

MAX_BATCH: Final = 64
"""The maximum number of items in a batch."""


class Batcher(Generic[T]):
    """Processes an item at once, or together with the others that arrived during the previous batch. All calls must
    come from one event loop.

    Args:
        process: Processes a batch and returns the items that it skipped. If it raises, it has processed no item.
    """

    def __init__(self, process: Callable[[Sequence[T]], Awaitable[Sequence[T]]]) -> None:
        self._process = process
        self._waiting: list[tuple[T, asyncio.Future[bool]]] = []
        self._running: asyncio.Task[None] | None = None

    async def submit(self, item: T) -> bool:
        """Waits for the batch of an item and returns whether the item was processed. If the caller is cancelled, the
        item is still processed.

        Raises:
            Exception: the batch failed. Every caller of the batch gets the same exception.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[bool] = loop.create_future()
        self._waiting.append((item, future))
        if self._running is None or self._running.done():
            self._running = loop.create_task(self._process_batches())
        return await future

    async def _process_batches(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[:MAX_BATCH], self._waiting[MAX_BATCH:]
            error: Exception | None = None
            skipped: Sequence[T] = ()
            try:
                skipped = await self._process([item for item, _ in batch])
            except Exception as raised:  # noqa: BLE001 - raised to every caller of the batch
                error = raised
            for item, future in batch:
                # The future of a cancelled caller is done.
                if future.done():
                    continue
                if error is None:
                    future.set_result(item not in skipped)
                else:
                    future.set_exception(error)
