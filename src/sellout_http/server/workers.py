"""The workers of a server. A dead worker is replaced, and no worker outlives its parent."""

import os
import signal
import threading
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from time import monotonic
from typing import Any, Final

import attrs
from granian.server import Server

from sellout_http.runtime.logging import log

_BACK_OFF_SECONDS: Final = (0, 1, 2, 5, 10, 30)
"""The delay before a dead worker is replaced, by the number of its recent deaths."""

_STEADY_SECONDS: Final = 300
"""After this time without a death, a worker is replaced at once."""


@attrs.define
class _Deaths:
    """The recent deaths of one worker and its replacements."""

    recent: int = 0
    last: float | None = None

    def count(self) -> int:
        """Counts a death. Returns the delay before the replacement, in seconds."""
        now = monotonic()
        self.recent = 0 if self.last is None or now - self.last >= _STEADY_SECONDS else self.recent + 1
        self.last = now
        return _BACK_OFF_SECONDS[min(self.recent, len(_BACK_OFF_SECONDS) - 1)]


class Workers(Server):  # type: ignore[misc, valid-type]
    """Granian's server, with replacement of dead workers. Granian itself ends the server if a worker dies within 5.5 s
    of its start, and replaces workers without a delay.
    """

    reload_signal: bool

    def _serve_loop(self, spawn_target: Callable[..., None], target_loader: Callable[..., Any]) -> None:
        """Replaces dead workers until the server stops. Each has its own delay, so none waits for another."""
        deaths = defaultdict[int, _Deaths](_Deaths)
        total = 0
        due: dict[int, float] = {}
        while not self.interrupt_signal:
            while self.interrupt_children:
                worker = self.interrupt_children.pop()
                total += 1
                seconds = deaths[worker].count()
                due[worker] = monotonic() + seconds
                log.error("worker died", worker=worker + 1, deaths=total, replaced_after_seconds=seconds)
            if self.reload_signal:
                self.reload_signal = False
                due.clear()
                self._respawn_workers(range(self.workers), spawn_target, target_loader, delay=self.respawn_interval)
            for worker in [worker for worker, at in due.items() if at <= monotonic()]:
                del due[worker]
                self._respawn_workers([worker], spawn_target, target_loader)
                log.info("worker replaced", worker=worker + 1)
            self.main_loop_interrupt.wait(max(0, min(due.values()) - monotonic()) if due else None)
            # The loop reads the reasons for an interrupt after this line, so it misses none.
            self.main_loop_interrupt.clear()


def end_with_parent(seconds: float) -> None:
    """Makes each process that this one forks from now on end when this one ends, even if it is killed. The child has
    `seconds` for the requests in flight.
    """
    reading, writing = os.pipe()

    def watch() -> None:
        # Only the parent has the other end, and never writes to it. Reading returns when the parent has ended.
        os.read(reading, 1)
        os.kill(os.getpid(), signal.SIGINT)
        threading.Event().wait(seconds)
        os._exit(1)

    def begin() -> None:
        with suppress(OSError):  # a process that is forked by a worker has closed it already
            os.close(writing)
        threading.Thread(target=watch, name="parent", daemon=True).start()

    os.register_at_fork(after_in_child=begin)
