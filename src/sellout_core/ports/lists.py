"""Lists too long to hold: parts of them by id, read a batch at a time."""

from collections.abc import Callable, Sequence
from typing import Final, Protocol, TypeVar

import attrs

from sellout_core import values
from sellout_core.values import ruled

BATCH: Final = 100
"""How many rows are read at once where the caller states no limit."""


class Listed(Protocol):
    """Something in a list that goes by id."""

    @property
    def id(self) -> int:
        """What it goes by."""


L = TypeVar("L", bound=Listed)


@attrs.frozen
class Part:
    """A part of a list that goes by id: what comes after an id (0 to 2^53-1), at most `limit` (1 to 1,000) of it; None:
    all of it.

    Raises:
        InvalidFields: naming what is out of its limits.
    """

    after: int = ruled(values.between(0, values.MAX_ID), default=0)
    limit: int | None = ruled(values.optional(values.between(1, values.MAX_LIST)), default=None)

    def __attrs_post_init__(self) -> None:
        """Checks."""
        values.enforce(self)


WHOLE: Final = Part()


def in_batches(part: Part, after: Callable[[int, int], Sequence[L]], take: Callable[[Sequence[L]], None]) -> int | None:
    """Gives a part of a list to `take`, batch by batch, at least one, which may be empty. A part with a limit is one
    batch. `after` gives what comes after an id, so much at most.

    Returns:
        The id after which the list goes on; None where it ends.
    """
    last, size = part.after, part.limit or BATCH
    while True:
        # One more than is taken tells whether there is more.
        found = after(last, size + 1)
        take(found[:size])
        if len(found) <= size:
            return None
        last = found[size - 1].id
        if part.limit is not None:
            return last
