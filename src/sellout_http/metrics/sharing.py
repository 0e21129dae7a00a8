"""How the workers of a server share their figures: each writes them to a file of its own in a folder.

A worker that replaces a dead one takes over its file and continues its totals, so they do not fall.
"""

import fcntl
import os
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

import attrs
import msgspec

from sellout_http.metrics.figures import Figures, Load, Totals
from sellout_http.runtime.logging import log

_SECONDS: Final = 1.0
"""The time between two writes of the figures. A worker that is killed loses what it counted since the last one."""

_MAX_PLACES: Final = 256
"""The maximum number of files. After a reload, old and new workers run at once."""

_SERVING: Final = "serving.lock"


@attrs.frozen
class _Shared:
    """The content of a file: the worker's process id and its figures."""

    pid: int
    figures: Figures


_decode: Final = msgspec.json.Decoder(_Shared).decode


class Place:
    """The place of a worker in the folder, for as long as the process lives."""

    def __init__(self, folder: Path, number: int, lock: int) -> None:
        self._file = folder / f"{number}.json"
        self._lock = lock
        before = _read(self._file)
        self._before = Totals() if before is None else before.figures.totals.plus(Totals(restarts=1))

    @classmethod
    def take(cls, folder: Path) -> "Place":
        """Takes the first place that no living process has.

        Raises:
            OSError: the folder cannot be used, or all places are taken.
        """
        for number in range(_MAX_PLACES):
            # The kernel releases the lock when the process ends, however it ends.
            lock = os.open(folder / f"{number}.lock", os.O_CREAT | os.O_RDWR, 0o600)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(lock)
            else:
                return cls(folder, number, lock)
        raise OSError("no place is free")

    def write(self, figures: Figures) -> None:
        """Writes the figures of this process. Readers see the old ones or the new ones as a whole.

        Raises:
            OSError: the folder cannot be written.
        """
        shared = _Shared(os.getpid(), attrs.evolve(figures, totals=self._before.plus(figures.totals)))
        written = self._file.with_suffix(".new")
        written.write_bytes(msgspec.json.encode(shared))
        written.replace(self._file)
        # Systems delete files of temporary folders that nothing has changed for days.
        os.utime(self._lock)
        self._file.with_name(_SERVING).touch()

    def leave(self) -> None:
        """Gives the place up, as the end of the process does."""
        os.close(self._lock)


def read_figures(folder: Path) -> tuple[Totals, Sequence[Load]]:
    """The sums of the totals of all workers, and the load of each living one."""
    found = [shared for number in range(_MAX_PLACES) if (shared := _read(folder / f"{number}.json")) is not None]
    totals = Totals()
    for shared in found:
        totals = totals.plus(shared.figures.totals)
    return totals, [shared.figures.load for shared in found if _is_alive(shared.pid)]


def share_figures(place: Place, read: Callable[[], Figures]) -> None:
    """Writes the figures of this process again and again, for as long as it lives. An error is logged once, until
    writing succeeds again.
    """
    failed, pause = False, threading.Event()
    while True:
        try:
            place.write(read())
            failed = False
        except OSError as error:
            if not failed:
                log.error("failed", exc_info=error)
            failed = True
        pause.wait(_SECONDS)


def wait_for_turn(folder: Path) -> int:
    """Waits until no other living worker serves the metrics. Returns the descriptor of the lock, which ends with the
    process.
    """
    lock = os.open(folder / _SERVING, os.O_CREAT | os.O_RDWR, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    return lock


def _read(file: Path) -> _Shared | None:
    with suppress(FileNotFoundError):
        return _decode(file.read_bytes())
    return None


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, PermissionError):
        # Workers have one user, so another user's process has the id of a dead one.
        return False
    return True
