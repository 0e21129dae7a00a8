"""The limits of a query, and the refusal of unknown query parameters (docs/http-contract.md#query-parameters)."""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Final
from urllib.parse import parse_qsl

from sellout_core.errors import FieldCode, InvalidField, InvalidFields
from sellout_http.api.operations import Operation
from sellout_http.problems.details import Refused

MAX_QUERY_BYTES: Final = 4096
MAX_QUERY_PARAMETERS: Final = 64
_COMPARED: Final = 64
"""The characters of an unknown name that are compared with the known ones: comparing takes time."""


def require_short(query: bytes) -> None:
    """Lets through a query of at most 4 KiB and 64 parameters, which `&` separates.

    Raises:
        Refused: the query is longer.
    """
    if len(query) > MAX_QUERY_BYTES or query.count(b"&") >= MAX_QUERY_PARAMETERS:
        raise Refused("query_too_long")


def require_known(operation: Operation, query: str) -> None:
    """Lets through a query whose parameters the operation knows.

    Raises:
        InvalidFields: naming each unknown parameter once, and the nearest known one.
    """
    known = [parameter.name for parameter in operation.parameters if parameter.location == "query"]
    unknown = dict.fromkeys(name for name, _ in parse_qsl(query, keep_blank_values=True) if name not in known)
    if unknown:
        raise InvalidFields(
            tuple(InvalidField(name, _reason(name, known), FieldCode.UNKNOWN_PARAMETER) for name in unknown)
        )


def _reason(name: str, known: Iterable[str]) -> str:
    nearest = get_close_matches(name[:_COMPARED].lower(), known, n=1, cutoff=0.0)
    if not nearest:
        return "is not known here; this operation has no query parameters"
    return f"is not known here; the nearest known parameter is {nearest[0]}"
