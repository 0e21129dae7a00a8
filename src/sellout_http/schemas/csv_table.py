"""Tables as comma-separated values (RFC 4180)."""

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any, Final

MEDIA_TYPE: Final = "text/csv"
_BEGINS_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
"""The first characters of a formula, as OWASP's page on CSV injection lists them."""


def encode(names: Sequence[str], rows: Iterable[Sequence[Any]]) -> bytes:
    """A table with a line of names, in UTF-8. None is an empty cell. A text that a spreadsheet would take for a formula
    gets an apostrophe before it.
    """
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(names)
    writer.writerows([_cell(value) for value in row] for row in rows)
    return text.getvalue().encode()


def _cell(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(_BEGINS_FORMULA) else value
