"""Duplicate skus in a catalogue file: the file is read twice, so that no line with one is imported."""

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from hashlib import blake2b
from typing import IO, BinaryIO, Final

from sellout_adapters.catalogue_file.codec import sku_of
from sellout_adapters.catalogue_file.lines import MAX_LINE, BadLine, GoodLine, read_lines

_COPIED_AT_ONCE: Final = 2**20


@contextmanager
def readable_twice(stream: BinaryIO) -> Iterator[IO[bytes]]:
    """The stream itself if it can go back to where it is; otherwise a temporary file with all of its content.

    Raises:
        OSError: the stream cannot be read, or its content does not fit into the directory for temporary files.
    """
    if stream.seekable():
        yield stream
        return
    with tempfile.TemporaryFile() as copy:
        shutil.copyfileobj(stream, copy, _COPIED_AT_ONCE)
        copy.seek(0)
        yield copy


def distinct_lines(stream: IO[bytes]) -> Iterator[GoodLine | BadLine]:
    """`read_lines` of a stream that can go back to where it is, with every line whose sku stands on another line too
    as a bad line that names the other line.
    """
    start = stream.tell()
    others = _repeated(stream)
    stream.seek(start)
    for line in read_lines(stream):
        if isinstance(line, GoodLine) and (other := others.get(line.number)) is not None:
            reason = f"the sku {line.entry.sku!r} is on line {other} too: nothing of it is imported"
            yield BadLine(line.number, line.length, reason)
        else:
            yield line


def _repeated(stream: IO[bytes]) -> Mapping[int, int]:
    """For each line whose sku stands on another line too, the number of the first other one. Holds 16 bytes of each
    sku and its first line's number, not the skus; lines that are no object with a sku are passed over.
    """
    first: dict[bytes, int] = {}
    others: dict[int, int] = {}
    number, begins = 0, True
    while raw := stream.readline(MAX_LINE + 1):
        number += begins
        whole, begins = begins, raw.endswith(b"\n")
        sku = sku_of(raw.removeprefix(b"\xef\xbb\xbf") if number == 1 else raw) if whole else None
        if sku is None:
            continue
        digest = blake2b(sku.encode(), digest_size=16).digest()
        earlier = first.setdefault(digest, number)
        if earlier != number:
            others[number] = earlier
            others.setdefault(earlier, number)
    return others
