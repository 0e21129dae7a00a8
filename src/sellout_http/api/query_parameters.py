"""The limits of a query, its parameters, and the refusal of unknown ones (docs/http-contract.md#query-parameters)."""

from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Final
from urllib.parse import parse_qs

from sellout_core.errors import FieldCode, InvalidField, InvalidFields
from sellout_http.api.operations import Operation
from sellout_http.problems.details import Refused

MAX_QUERY_BYTES: Final = 4096
MAX_QUERY_PARAMETERS: Final = 64
_COMPARED: Final = 64
"""The characters of an unknown name that are compared with the known ones: comparing takes time."""


def parse_query(query: bytes) -> Mapping[str, Sequence[str]]:
    """The values of each parameter in a query of at most 4 KiB and 64 parameters, which `&` separates.

    Raises:
        Refused: the query is longer.
    """
    if len(query) > MAX_QUERY_BYTES or query.count(b"&") >= MAX_QUERY_PARAMETERS:
        raise Refused("query_too_long")
    return parse_qs(str(query, "utf-8", "replace"), keep_blank_values=True)


def require_known(operation: Operation, sent: Iterable[str]) -> None:
    """Checks that an operation knows all parameters of a query.

    Raises:
        InvalidFields: naming each unknown parameter once, and the nearest known one.
    """
    known = [parameter.name for parameter in operation.parameters if parameter.location == "query"]
    unknown = [name for name in sent if name not in known]
    if unknown:
        raise InvalidFields(
            tuple(InvalidField(name, _reason(name, known), FieldCode.UNKNOWN_PARAMETER) for name in unknown)
        )


def _reason(name: str, known: Iterable[str]) -> str:
    nearest = get_close_matches(name[:_COMPARED].lower(), known, n=1, cutoff=0.0)
    if not nearest:
        return "is not known here; this operation has no query parameters"
    return f"is not known here; the nearest known parameter is {nearest[0]}"
