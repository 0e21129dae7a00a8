"""Recognises files of other formats by their first bytes."""

from typing import Final

HEAD: Final = 2**16
"""Number of bytes that are examined."""

_UTF_8_MARK: Final = b"\xef\xbb\xbf"
_UTF_16_MARKS: Final = (b"\xff\xfe", b"\xfe\xff")
_DELIMITERS: Final = (b",", b";", b"\t")


def other_kind(head: bytes) -> str | None:
    """The format of a file with that beginning; None: JSON Lines, or blank lines alone.

    A file whose first lines are bad is JSON Lines all the same if another line begins as an object does.
    """
    text = head.removeprefix(_UTF_8_MARK)
    if head.startswith(_UTF_16_MARKS) or _is_utf_16(head):
        return "text in UTF-16"
    lines = [line.strip() for line in text.split(b"\n") if line.strip()]
    first = lines[0] if lines else b""
    if first.startswith(b"["):
        return "one JSON array"
    if first == b"{":
        return "one JSON object on several lines"
    if not lines or any(line.startswith(b"{") for line in lines):
        return None
    if b"\0" in text or not _is_utf_8(text):
        return "a binary file, or text that is not in UTF-8"
    return "CSV" if any(delimiter in first for delimiter in _DELIMITERS) else "text without JSON"


def _is_utf_16(head: bytes) -> bool:
    """Whether it begins with an ASCII character in UTF-16 without a mark."""
    return len(head) >= 4 and any(head[at] == 0 == head[at + 2] and head[1 - at] and head[3 - at] for at in (0, 1))


def _is_utf_8(text: bytes) -> bool:
    # The last character may be cut.
    for cut in range(4):
        try:
            text[: len(text) - cut].decode()
        except UnicodeDecodeError:
            continue
        return True
    return False
