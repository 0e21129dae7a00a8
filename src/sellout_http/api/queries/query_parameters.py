"""The parameters of a query, its limits, and the refusal of unknown ones (docs/http-contract.md#query-parameters)."""

import re
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from itertools import zip_longest
from typing import Any, Final, Literal
from urllib.parse import parse_qs

import attrs

from sellout_core import values
from sellout_core.errors import Fault, FieldCode, InvalidField, InvalidFields
from sellout_core.shopping.guest_carts import TOKEN_PATTERN
from sellout_http.problems.details import Refused

_WHOLE_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]*)")
_MAX_DIGITS: Final = len(str(values.MAX_ID))
MAX_QUERY_BYTES: Final = 4096
MAX_QUERY_PARAMETERS: Final = 64
_COMPARED: Final = 64
"""The maximum number of characters of an unknown name that are compared with known names."""
_HINTS: Final = 8
"""The maximum number of unknown names that get a hint."""


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
    """A query parameter or header of an operation. `schema` is its JSON Schema.

    A schema with a title is a named schema of the OpenAPI document, which operations share.
    """

    location: Literal["query", "header"]
    name: str
    description: str
    schema: Mapping[str, Any]
    required: bool = False

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

    def text(self, sent: Sequence[str], field: str) -> str:
        """The text that was sent as the parameter's only value. `field` is its name in `PARAMETER_NAMES`.

        Raises:
            InvalidFields: the parameter is missing or repeated, or its value is too long or cannot be stored.
        """
        if len(sent) != 1:
            fault = (
                Fault("must not be repeated", FieldCode.REPEATED) if sent else Fault("is missing", FieldCode.REQUIRED)
            )
        elif (found := values.text(self.schema["maxLength"])(sent[0])) is None:
            return sent[0]
        else:
            fault = found
        raise InvalidFields((InvalidField(field, fault.reason, fault.code),))


LIMIT: Final = Parameter(
    "query",
    "limit",
    "The maximum number of entries. Without it, the whole list.",
    {"type": "integer", "minimum": 1, "maximum": values.MAX_LIST},
)
AFTER: Final = Parameter(
    "query",
    "after",
    "The list begins after this id.",
    {"type": "integer", "minimum": 0, "maximum": values.MAX_ID, "default": 0},
)


IDEMPOTENCY_KEY: Final = Parameter(
    "header",
    "Idempotency-Key",
    "Makes a retry safe: for 24 hours, the same key with the same body gets the first response.",
    {"type": "string", "minLength": 1, "maxLength": values.MAX_IDEMPOTENCY_KEY},
)
CART_TOKEN: Final = Parameter(
    "header",
    "X-Cart-Token",
    "The token of the guest's cart, as the shop returned it when the cart was created.",
    {"type": "string", "pattern": f"^{TOKEN_PATTERN}$"},
    required=True,
)
OPTIONAL_CART_TOKEN: Final = attrs.evolve(
    CART_TOKEN,
    description="The token of the guest's cart. Without it a new cart is created.",
    required=False,
)
MERGED_CART_TOKEN: Final = attrs.evolve(
    CART_TOKEN,
    description="The token of the guest's cart whose units move into the user's cart. A token of no cart is ignored.",
    schema={"type": "string"},
    required=False,
)
IF_MATCH: Final = Parameter(
    "header",
    "If-Match",
    "The `ETag` of the document that the change is based on. `*` stands for any version.",
    {"type": "string"},
    required=True,
)


def require_short(query: bytes) -> None:
    """Checks the limits of a query: 4 KiB and 64 parameters, separated by `&`.

    Raises:
        Refused: the query exceeds a limit.
    """
    if len(query) > MAX_QUERY_BYTES or query.count(b"&") >= MAX_QUERY_PARAMETERS:
        raise Refused("query_too_long")


def parse_query(query: bytes, parameters: Iterable[Parameter]) -> Mapping[str, Sequence[str]]:
    """All values of each parameter in a query.

    Raises:
        InvalidFields: names each unknown parameter once, and the nearest known name for the first 8.
    """
    sent = parse_qs(str(query, "utf-8", "replace"), keep_blank_values=True)
    known = [parameter.name for parameter in parameters if parameter.location == "query"]
    unknown = [name for name in sent if name not in known]
    if unknown:
        hints = [_hint(name, known) for name in unknown[:_HINTS]]
        code = FieldCode.UNKNOWN_PARAMETER
        raise InvalidFields(
            tuple(
                InvalidField(name, f"is not known here{hint}", code)
                for name, hint in zip_longest(unknown, hints, fillvalue="")
            )
        )
    return sent


def _hint(name: str, known: Iterable[str]) -> str:
    nearest = get_close_matches(name[:_COMPARED].lower(), known, n=1, cutoff=0.0)
    return f"; the nearest known parameter is {nearest[0]}" if nearest else "; this operation has no query parameters"
