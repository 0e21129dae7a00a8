"""The deadline of a search."""

from collections.abc import Callable
from concurrent.futures import Future
from time import monotonic
from typing import Final

from sellout_adapters.sql.session.errors import SearchStopped
from sellout_core.errors import Unavailable

TOLERANCE: Final = 0.01
"""Seconds by which the limit of a statement may pass the deadline: each new limit is a message to the server."""


class Deadline:
    """The end of a search: its time limit, or the moment when its caller leaves.

    Args:
        seconds: The time limit, from now.
        left: Done when the caller has left.
    """

    def __init__(self, seconds: float, left: Future[None]) -> None:
        self.left = left
        self._at = monotonic() + seconds
        self._statement_limit = seconds

    def passed(self) -> bool:
        """Whether the search must end now."""
        return self.left.done() or monotonic() > self._at

    def remaining(self) -> float:
        """The seconds that are left.

        Raises:
            Unavailable: the search must end now.
        """
        if self.passed():
            raise Unavailable from SearchStopped()
        return self.longest_wait()

    def longest_wait(self) -> float:
        """The seconds until the time limit, or a millisecond after it: 0 is no limit to psycopg and PostgreSQL."""
        return max(0.001, self._at - monotonic())

    def before_statement(self, limit: Callable[[float], None]) -> None:
        """Checks the deadline, and limits the next statement to the remaining time. Without a call of `limit`, the
        limit is that of the statement before; that of the first is the time limit of the search.

        Args:
            limit: Sets the limit of the next statements, in seconds.

        Raises:
            Unavailable: the search must end now.
        """
        seconds = self.remaining()
        if seconds < self._statement_limit - TOLERANCE:
            limit(seconds)
            self._statement_limit = seconds
