"""How many threads a process has for each kind of work."""

import os
from typing import Final

LIST_THREADS: Final = 2
"""How many long lists one process reads at once."""

SEARCH_THREADS: Final = 2
"""How many searches one process does at once."""


def spare_processors() -> int:
    """All but one, which is left to those who do not log in; at least one."""
    return min(64, max(1, (os.cpu_count() or 1) - 1))
