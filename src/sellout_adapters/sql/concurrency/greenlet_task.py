"""Synchronous work on an event loop: it stops where it would have to wait, and goes on once that has been done."""

import asyncio
from collections.abc import Callable
from typing import Any, Final

from greenlet import getcurrent, greenlet

LONGEST_TURN: Final = 0.005
"""After how many seconds of work on the event loop others have it."""


class Work:
    """A piece of work on its way: what it asks next, or what has become of it."""

    def __init__(self, run: Callable[[], Any]) -> None:
        self.outcome: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.asked: Any = None
        self._greenlet = _Inside(run)

    def go_on(self, *given: Any) -> None:
        """Runs until it asks something or ends. What it asked before is answered with what is given."""
        self._step(lambda: self._greenlet.switch(*given))

    def fail(self, error: BaseException) -> None:
        """Has what it asked fail."""
        self._step(lambda: self._greenlet.throw(error))

    def _step(self, step: Callable[[], Any]) -> None:
        self.asked = None
        try:
            result = step()
        except Exception as error:  # noqa: BLE001 - raised to whoever waits for it
            # They may have gone away.
            if not self.outcome.done():
                self.outcome.set_exception(error)
            return
        if not self._greenlet.dead:
            self.asked = result
        elif not self.outcome.done():
            self.outcome.set_result(result)


class _Inside(greenlet):
    pass


def can_stop() -> bool:
    """Whether the caller is a `Work`'s."""
    return isinstance(getcurrent(), _Inside)


def ask(asked: Any) -> Any:
    """Stops the work that calls this until whoever looks after it has an answer."""
    outside = getcurrent().parent
    assert outside is not None  # noqa: S101 - for the type alone: whoever asks is inside
    return outside.switch(asked)
