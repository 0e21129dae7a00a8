"""Synchronous code on an event loop: it suspends where it would wait, and resumes when the reply is there."""

import asyncio
from collections.abc import Callable
from typing import Any, Final

from greenlet import getcurrent, greenlet

LOOP_SLICE: Final = 0.005
"""For how many seconds such code holds the event loop before other tasks run."""


class GreenletTask:
    """A call of a synchronous function in a greenlet.

    Attributes:
        outcome: What the function returns or raises.
        request: What the function waits for, as it passed it to `suspend`. None: it has ended.
    """

    def __init__(self, run: Callable[[], Any]) -> None:
        self.outcome: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.request: Any = None
        self._greenlet = greenlet(run)

    def resume(self, *reply: Any) -> None:
        """Runs the function until it suspends or ends; `suspend` returns the reply. The first call has none."""
        self._step(lambda: self._greenlet.switch(*reply))

    def throw(self, error: BaseException) -> None:
        """As `resume`, but `suspend` raises the error."""
        self._step(lambda: self._greenlet.throw(error))

    def _step(self, step: Callable[[], Any]) -> None:
        self.request = None
        try:
            result = step()
        except Exception as error:  # noqa: BLE001 - raised to the caller of the task
            # A cancelled caller has cancelled the outcome.
            if not self.outcome.done():
                self.outcome.set_exception(error)
            return
        if not self._greenlet.dead:
            self.request = result
        elif not self.outcome.done():
            self.outcome.set_result(result)


def suspend(request: Any) -> Any:
    """Suspends the task that calls this, and returns the reply to its request."""
    event_loop = getcurrent().parent
    assert event_loop is not None  # noqa: S101 - for the type alone: a task runs in a greenlet of its own
    return event_loop.switch(request)
