"""The version of the catalogue as this process read it last."""

import threading
import time
from collections.abc import Callable
from typing import Final

_RECENT: Final = 1.0
"""For how many seconds a version is recent after it was read."""


class RecentVersion:
    """The version of the catalogue that was read last. Any number of threads may use it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._expirations = 0
        self._known: tuple[int, float] | None = None

    def version(self) -> int | None:
        """The version while it is recent, otherwise None. Runs no statement."""
        known = self._known
        return known[0] if known is not None and time.monotonic() < known[1] else None

    def refresh(self, read: Callable[[], int]) -> int:
        """The version that `read` returns. It is recent from before it was read, unless it expired meanwhile."""
        begun, expirations = time.monotonic(), self._expirations
        version = read()
        with self._lock:
            if expirations == self._expirations:
                self._known = version, begun + _RECENT
        return version

    def expire(self) -> None:
        """Forgets the version, because this process may have changed it."""
        with self._lock:
            self._expirations += 1
            self._known = None
