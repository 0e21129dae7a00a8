"""When something that failed is tried again."""

from datetime import timedelta
from typing import Final

__all__ = ["delay_after"]

_FIRST: Final = timedelta(minutes=1)
_LONGEST: Final = timedelta(hours=6)


def delay_after(attempts: int) -> timedelta:
    """The delay after that many failures: 1, 2, 4 minutes and so on, up to 6 hours."""
    return min(_FIRST * (1 << min(max(0, attempts - 1), 10)), _LONGEST)
