"""How many threads a process has for each kind of work, and how many calls wait for them."""

import os
from typing import Final

LIST_THREADS: Final = 2
"""How many long lists one process reads at once."""

WAITING_LISTS: Final = 8
"""How many long lists wait for a thread at most; the next one is refused with 503."""

SEARCH_THREADS: Final = 2
"""How many searches one process runs at once."""

WAITING_SEARCHES: Final = 64
"""How many searches wait for a thread at most; the next one is refused with 503."""


def spare_processors() -> int:
    """The number of threads that hash passwords by default: all processors but one, at least 1, at most 64."""
    return min(64, max(1, (os.cpu_count() or 1) - 1))
