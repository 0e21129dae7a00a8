"""Logs that the store is unavailable: one traceback a minute for each type of cause, instead of one a request."""

import time
from collections.abc import Callable
from typing import Final

from sellout_core.errors import Unavailable
from sellout_http.runtime.logging import fields, log

_SECONDS_BETWEEN_TRACEBACKS: Final = 60


class Outages:
    """Logs why the store is unavailable.

    Args:
        clock: Seconds of a clock that is never set back.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._logged_at: dict[type, float] = {}

    def note(self, error: Unavailable, scope: object, *, is_in_request_line: bool) -> None:
        """Logs an error with its traceback, if its cause is the first of that type within 60 seconds. An error without
        a cause is a full queue and is not logged.

        Args:
            error: Why the request failed.
            scope: The request's ASGI scope.
            is_in_request_line: Whether the request's own line has the status 503. If not, an error without its
                traceback is logged, too.
        """
        kind, now = type(error.__cause__), self._clock()
        last = self._logged_at.get(kind)
        if error.__cause__ is not None and (last is None or now - last >= _SECONDS_BETWEEN_TRACEBACKS):
            self._logged_at[kind] = now
            log.warning("unavailable", exc_info=error, **fields(scope))
        elif not is_in_request_line:
            log.warning("unavailable", **fields(scope))


OUTAGES: Final = Outages()
"""The one of this process; its log is one, too."""
