"""Documents that may be too long for memory."""

from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

import attrs
import msgspec

from sellout_core.ports.lists import Part

D = TypeVar("D")


@attrs.frozen
class LongList(Generic[D]):
    """A list by id that may be too long for memory.

    Attributes:
        read: Passes the views of a part of the list to a sink, in batches. Returns the last id of the part if more
            entries follow, otherwise None.
        document: Converts one view to a document.
    """

    read: Callable[[Callable[[Sequence[Any]], None], Part], int | None]
    document: Callable[[Any], D]


@attrs.frozen
class LongDocument(Generic[D]):
    """A document whose last member is a list by id that may be too long for memory.

    Attributes:
        head: The document of the other members.
        member: The name of the last member.
        entries: The list.
    """

    head: msgspec.Struct
    member: str
    entries: LongList[Any]
