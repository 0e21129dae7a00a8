"""Parts of long lists, read in batches by id."""

from collections.abc import Callable, Sequence
from typing import Final, Protocol, TypeVar

import attrs

from sellout_core import values
from sellout_core.values import ruled

BATCH: Final = 100
"""The number of rows of a batch of an unlimited part."""


class Listed(Protocol):
    """An entry of a list that is sorted by id."""

    @property
    def id(self) -> int:
        """The sort key."""


L = TypeVar("L", bound=Listed)


@attrs.frozen
class Part:
    """A part of a list that is sorted by id: at most `limit` (1 to 1,000; None: all) entries after an id (0 to 2^53-1).

    Raises:
        InvalidFields: a field is outside its limits.
    """

    after: int = ruled(values.between(0, values.MAX_ID), default=0)
    limit: int | None = ruled(values.optional(values.between(1, values.MAX_LIST)), default=None)

    def __attrs_post_init__(self) -> None:
        """Checks the limits."""
        values.enforce(self)


WHOLE: Final = Part()


def in_batches(part: Part, after: Callable[[int, int], Sequence[L]], take: Callable[[Sequence[L]], None]) -> int | None:
    """Passes a part of a list to `take` in batches. A limited part is one batch. An empty part is one empty batch.

    Args:
        part: The part.
        after: Returns the entries after an id, up to a number.
        take: Receives each batch.

    Returns:
        The last id of a part that is not the end of the list, otherwise None.
    """
    last, size = part.after, part.limit or BATCH
    while True:
        # One more entry shows whether this is the end of the list.
        found = after(last, size + 1)
        take(found[:size])
        if len(found) <= size:
            return None
        last = found[size - 1].id
        if part.limit is not None:
            return last
