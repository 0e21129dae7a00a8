"""Logs outages of the store: one traceback a minute for each type of cause, instead of one for each request."""

import time
from collections.abc import Callable
from typing import Final

from sellout_core.errors import Unavailable
from sellout_http.runtime.logging import fields, log

_SECONDS_BETWEEN_TRACEBACKS: Final = 60


class Outages:
    """Logs outages of the store.

    Args:
        clock: A monotonic clock, in seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._logged_at: dict[type, float] = {}

    def note(self, error: Unavailable, scope: object, *, is_in_request_line: bool) -> None:
        """Logs an error with its traceback if no cause of the same type was logged in the last 60 seconds. An error
        without a cause is a full queue. It has no traceback.

        Args:
            error: The error of the request.
            scope: The request's ASGI scope.
            is_in_request_line: Whether the request's own line has the status 503. If not, an error is logged also
                without its traceback.
        """
        kind, now = type(error.__cause__), self._clock()
        last = self._logged_at.get(kind)
        if error.__cause__ is not None and (last is None or now - last >= _SECONDS_BETWEEN_TRACEBACKS):
            self._logged_at[kind] = now
            log.warning("unavailable", exc_info=error, **fields(scope))
        elif not is_in_request_line:
            log.warning("unavailable", **fields(scope))


OUTAGES: Final = Outages()
"""The instance of this process."""
