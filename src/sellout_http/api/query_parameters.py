"""The parameters of a query, its limits, and the refusal of unknown ones (docs/http-contract.md#query-parameters)."""

import re
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, Final, Literal
from urllib.parse import parse_qs

import attrs

from sellout_core import values
from sellout_core.errors import Fault, FieldCode, InvalidField, InvalidFields
from sellout_http.problems.details import Refused

_WHOLE_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]*)")
_MAX_DIGITS: Final = len(str(values.MAX_ID))
MAX_QUERY_BYTES: Final = 4096
MAX_QUERY_PARAMETERS: Final = 64
_COMPARED: Final = 64
"""The characters of an unknown name that are compared with the known ones: comparing takes time."""


def whole_number_fault(sent: str, least: int, most: int) -> Fault | None:
    """A rule for a whole number in a query, from `least` (0 or more) to `most`, both included."""
    if _WHOLE_NUMBER.fullmatch(sent) is None:
        code = FieldCode.WRONG_TYPE
    elif sent.startswith("-") or len(sent) > _MAX_DIGITS or not least <= int(sent) <= most:
        code = FieldCode.OUT_OF_RANGE
    else:
        return None
    return Fault(f"must be a whole number from {least} to {most}", code)


@attrs.frozen
class Parameter:
    """An optional query parameter or header of an operation; `schema` is its JSON Schema.

    A schema with a title is a named schema of the OpenAPI document, which operations share.
    """

    location: Literal["query", "header"]
    name: str
    description: str
    schema: Mapping[str, Any]

    def number(self, sent: Sequence[str]) -> int | None:
        """The whole number that was sent as the parameter's only value; None: it was not sent.

        Raises:
            InvalidFields: the parameter is repeated, or its value is no whole number within the schema's limits.
        """
        if not sent:
            return None
        least, most = self.schema["minimum"], self.schema["maximum"]
        if len(sent) > 1:
            raise InvalidFields((InvalidField(self.name, "must not be repeated", FieldCode.REPEATED),))
        if (fault := whole_number_fault(sent[0], least, most)) is not None:
            raise InvalidFields((InvalidField(self.name, fault.reason, fault.code),))
        return int(sent[0])


LIMIT: Final = Parameter(
    "query",
    "limit",
    "At most how much of the list is answered; without it, all.",
    {"type": "integer", "minimum": 1, "maximum": values.MAX_LIST},
)
AFTER: Final = Parameter(
    "query",
    "after",
    "The id that the answer comes after.",
    {"type": "integer", "minimum": 0, "maximum": values.MAX_ID, "default": 0},
)


def parse_query(query: bytes) -> Mapping[str, Sequence[str]]:
    """The values of each parameter in a query of at most 4 KiB and 64 parameters, which `&` separates.

    Raises:
        Refused: the query is longer.
    """
    if len(query) > MAX_QUERY_BYTES or query.count(b"&") >= MAX_QUERY_PARAMETERS:
        raise Refused("query_too_long")
    return parse_qs(str(query, "utf-8", "replace"), keep_blank_values=True)


def require_known(parameters: Iterable[Parameter], sent: Iterable[str]) -> None:
    """Checks that all parameters of a query are among an operation's parameters.

    Raises:
        InvalidFields: naming each unknown parameter once, and the nearest known one.
    """
    known = [parameter.name for parameter in parameters if parameter.location == "query"]
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
