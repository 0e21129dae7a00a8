"""The version of the catalogue as this process last read it."""

import threading
import time
from collections.abc import Callable
from typing import Final

_RECENT: Final = 1.0
"""For how many seconds a version of the catalogue is recent."""


class Recent:
    """The version of the catalogue that was asked for last."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._forgotten = 0
        self._known: tuple[int, float] | None = None

    def version(self) -> int | None:
        """It, while it is recent."""
        known = self._known
        return known[0] if known is not None and time.monotonic() < known[1] else None

    def asked(self, ask: Callable[[], int]) -> int:
        """What `ask` gives, which is recent from when it was asked, unless somebody changed the catalogue meanwhile."""
        begun, forgotten = time.monotonic(), self._forgotten
        version = ask()
        with self._lock:
            if forgotten == self._forgotten:
                self._known = version, begun + _RECENT
        return version

    def forget(self) -> None:
        """It may be another by now."""
        with self._lock:
            self._forgotten += 1
            self._known = None
