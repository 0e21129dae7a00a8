"""Lines of a catalogue file, read one by one."""

from collections.abc import Iterator
from typing import Final, Protocol

import attrs

from sellout_adapters.extras import naming_extras
from sellout_core.use_cases.catalogue.importing.entries import ProductEntry

with naming_extras():
    pass
from sellout_adapters.catalogue_file.codec import decode, is_json

MAX_LINE: Final = 2**20
"""The longest line that is read, in bytes, its end not counted."""

_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_SKIPPED_AT_ONCE: Final = 2**16


class ByteStream(Protocol):
    """What lines are read from: a file opened in binary mode, standard input's buffer."""

    def readline(self, size: int, /) -> bytes:
        """The next line with its end, or its first `size` bytes; empty at the end of the stream."""


@attrs.frozen
class GoodLine:
    """A line that holds a product. `number` counts from 1, `length` is in bytes, the line's end included."""

    number: int
    length: int
    entry: ProductEntry


@attrs.frozen
class BadLine:
    """A line that does not, and why, in words fit for a terminal. `number` and `length` as in `GoodLine`."""

    number: int
    length: int
    reason: str


def read_lines(stream: ByteStream) -> Iterator[GoodLine | BadLine]:
    """The lines of a catalogue file, in order. Blank lines and a byte order mark at the start are passed over; a line
    of over 1 MiB is skipped without being loaded.
    """
    number = 0
    while raw := stream.readline(MAX_LINE + 1):
        number += 1
        length = len(raw)
        line = raw.removeprefix(_BYTE_ORDER_MARK) if number == 1 else raw
        ended = line.endswith(b"\n")
        if len(line.removesuffix(b"\n")) > MAX_LINE:
            length += 0 if ended else _skip_line(stream)
            yield BadLine(number, length, "the line is longer than 1 MiB")
        elif line.strip():
            try:
                yield GoodLine(number, length, decode(line))
            except ValueError as error:
                cut_off = not ended and not is_json(line)
                yield BadLine(number, length, "the file ends in the middle of this line" if cut_off else str(error))


def _skip_line(stream: ByteStream) -> int:
    """Reads on behind the end of a line and returns how many bytes that took."""
    skipped = 0
    while part := stream.readline(_SKIPPED_AT_ONCE):
        skipped += len(part)
        if part.endswith(b"\n"):
            break
    return skipped
