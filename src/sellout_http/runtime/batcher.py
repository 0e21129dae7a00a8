"""Small things that many requests want written: done together, so that they share a transaction and its commit."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Generic, TypeVar

T = TypeVar("T")

MOST: Final = 64
"""How many things are done together at most."""


class Together(Generic[T]):
    """Does one thing at once, or all that have come while the last were being done.

    Args:
        do: Does things of one event loop and gives those that it had to leave; or, by raising, does none.
    """

    def __init__(self, do: Callable[[Sequence[T]], Awaitable[Sequence[T]]]) -> None:
        self._do = do
        self._waiting: list[tuple[T, asyncio.Future[bool]]] = []
        self._doing: asyncio.Task[None] | None = None

    async def done(self, thing: T) -> bool:
        """Returns once the thing is done; False: it had to be left.

        Raises:
            Exception: it could not be, and neither could those that were to be done with it.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[bool] = loop.create_future()
        self._waiting.append((thing, future))
        if self._doing is None or self._doing.done():
            self._doing = loop.create_task(self._go_on())
        return await future

    async def _go_on(self) -> None:
        while self._waiting:
            those, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
            error: Exception | None = None
            left: Sequence[T] = ()
            try:
                left = await self._do([thing for thing, _ in those])
            except Exception as raised:  # noqa: BLE001 - raised to everybody who waits
                error = raised
            for thing, future in those:
                # Whoever waited may have gone away.
                if future.done():
                    continue
                if error is None:
                    future.set_result(thing not in left)
                else:
                    future.set_exception(error)
