"""The order in which writers come to a database that takes one at a time."""

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

from sellout_core.errors import Unavailable


class Turns:
    """A lock whose waiters get it in the order in which they came: no writer starves, and none polls the file.

    Args:
        wait: How long one waits, in seconds.
    """

    def __init__(self, wait: float) -> None:
        self._wait = wait
        self._guard = Lock()
        self._taken = False
        self._waiting: deque[Lock] = deque()

    @contextmanager
    def one(self) -> Iterator[None]:
        """Waits for a turn and takes it.

        Raises:
            Unavailable: it did not come in time.
        """
        self._take()
        try:
            yield
        finally:
            self._pass_on()

    def _take(self) -> None:
        with self._guard:
            if not self._taken:
                self._taken = True
                return
            gate = Lock()
            gate.acquire()
            self._waiting.append(gate)
        called = False
        try:
            called = gate.acquire(timeout=self._wait)
        finally:
            if not called:
                self._leave(gate)
        if not called:
            raise Unavailable

    def _leave(self, gate: Lock) -> None:
        """Gives up waiting; a turn that came at that very moment goes to the next."""
        with self._guard:
            called = gate not in self._waiting
            if not called:
                self._waiting.remove(gate)
        if called:
            self._pass_on()

    def _pass_on(self) -> None:
        with self._guard:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._taken = False
