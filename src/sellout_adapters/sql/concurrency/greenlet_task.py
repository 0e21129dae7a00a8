"""A synchronous use case in a greenlet on an event loop."""

import asyncio
from collections.abc import Callable
from typing import Any, Final

from greenlet import greenlet

LOOP_SLICE: Final = 0.005
"""How long tasks block the event loop before other tasks run, in seconds."""


class GreenletTask:
    """A call of a synchronous function in a greenlet on the event loop.

    Attributes:
        outcome: The result or the error of the function.
        request: The pending request of the function, such as a statement. None: the function has ended.
    """

    def __init__(self, run: Callable[[], Any]) -> None:
        self.outcome: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.request: Any = None
        self._greenlet = greenlet(run)

    def resume(self, *reply: Any) -> None:
        """Runs the function until it suspends or ends. The first call passes no reply."""
        self._step(self._greenlet.switch, *reply)

    def throw(self, error: BaseException) -> None:
        """Resumes the function by raising an error at its pending request."""
        self._step(self._greenlet.throw, error)

    def _step(self, step: Callable[..., Any], *arguments: Any) -> None:
        self.request = None
        try:
            result = step(*arguments)
        except Exception as error:  # noqa: BLE001 - raised to the caller of the task
            # A cancelled caller has cancelled the outcome.
            if not self.outcome.done():
                self.outcome.set_exception(error)
            return
        if not self._greenlet.dead:
            self.request = result
        elif not self.outcome.done():
            self.outcome.set_result(result)
