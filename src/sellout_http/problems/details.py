"""The problem documents of the API, made from the table of problems.

The words of a problem are the same at each occurrence; the document's members tell the occurrences apart.
"""

from datetime import timedelta
from typing import Annotated, Any, Final

import attrs
import msgspec
from msgspec import UNSET, Meta, UnsetType

from sellout_core import errors
from sellout_core.errors import FieldCode
from sellout_http.problems.types import KINDS

PAGES: Final = "/problems"

# Fields that have another name in the documented API, and fields that are not in the body.
_MEMBERS: Final = {"unit_ids": "product_unit", "telephone": "tel", "ceiling": "total_amount"}
_HEADERS: Final = {"idempotency_key": "Idempotency-Key"}
PARAMETER_NAMES: Final = {
    "page_size": "page_size",
    "limit": "limit",
    "after": "after",
    "text": "q",
    "brands": "brand",
    "categories": "category",
    "tags": "tag",
    "genders": "gender",
    "sizes": "size",
    "price_min": "price_min",
    "price_max": "price_max",
    "available": "available",
    "sort": "sort",
}
"""The query parameter of each field of the core."""


@attrs.frozen
class Refused(Exception):
    """A request that is invalid as HTTP or JSON; `code` is one of `KINDS`."""

    code: str
    detail: str | None = None


@attrs.frozen
class TooManyRequests(Exception):
    """The limit of a rate limit rule is used up.

    Attributes:
        rule: The name of the rule.
        window: How long a count of the rule lasts.
        maximum: How many tries the rule allows in one window.
        retry_after: Whole seconds until the current window ends.
    """

    rule: str
    window: timedelta
    maximum: int
    retry_after: int

    @property
    def headers(self) -> dict[str, str]:
        """`Retry-After` (RFC 9110, section 10.2.3) and the RateLimit fields of the IETF's draft."""
        return {
            "retry-after": str(self.retry_after),
            "ratelimit": f'"{self.rule}";r=0;t={self.retry_after}',
            "ratelimit-policy": f'"{self.rule}";q={self.maximum};w={int(self.window.total_seconds())}',
        }


class FieldProblem(msgspec.Struct, frozen=True, omit_defaults=True):
    """One invalid value: the reason in words and as a code, and its place, which is a JSON pointer into the body, a
    query parameter or a header.
    """

    detail: Annotated[str, Meta(description="Why the value is invalid, in words.")]
    code: Annotated[FieldCode, Meta(description="Why the value is invalid, for programs.")]
    pointer: Annotated[
        str | UnsetType, Meta(description="A JSON pointer into the body, as a URI fragment: `#/email`.")
    ] = UNSET
    parameter: Annotated[str | UnsetType, Meta(description="The name of a query parameter.")] = UNSET
    header: Annotated[str | UnsetType, Meta(description="The name of a header.")] = UNSET


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """A problem document (RFC 9457). `type` is a page of this server that explains it; only some problems have members
    after `code`.
    """

    type: Annotated[str, Meta(description="The path of the page on this server that explains the problem.")]
    title: Annotated[str, Meta(description="What is wrong, in a few words.")]
    status: Annotated[int, Meta(description="The HTTP status of the response.")]
    detail: Annotated[str, Meta(description="What is wrong and what the client can do.")]
    code: Annotated[str, Meta(description="What is wrong, for programs: a code never changes its meaning.")]
    fields: Annotated[tuple[FieldProblem, ...] | UnsetType, Meta(description="The invalid values.")] = UNSET
    total_amount: Annotated[int | UnsetType, Meta(description="What the order costs now, in whole currency units.")] = (
        UNSET
    )
    unavailable: Annotated[
        tuple[int, ...] | UnsetType, Meta(description="The ids of the product units that cannot be bought now.")
    ] = UNSET
    not_in_cart: Annotated[
        tuple[int, ...] | UnsetType, Meta(description="The ids of the product units that are not in the cart.")
    ] = UNSET
    maximum: Annotated[int | UnsetType, Meta(description="How many entries fit in.")] = UNSET


def problem(code: str, detail: str | None = None, **members: Any) -> Problem:
    """The document of a problem."""
    kind = KINDS[code]
    return Problem(f"{PAGES}/{code}", kind.title, kind.status, detail or kind.english, code, **members)


def problem_of(error: errors.SellOutError) -> Problem:
    """The document of an error of the core."""
    match error:
        case errors.InvalidFields(fields):
            return problem(error.code, fields=tuple(map(_field_problem, fields)))
        case errors.PriceChanged(total):
            return problem(error.code, total_amount=total)
        case errors.UnitsUnavailable(unit_ids):
            return problem(error.code, unavailable=unit_ids)
        case errors.NotInCart(unit_ids):
            return problem(error.code, not_in_cart=unit_ids)
        case errors.LimitReached(maximum):
            return problem(error.code, maximum=maximum)
        case _:
            return problem(error.code)


def _field_problem(field: errors.InvalidField) -> FieldProblem:
    """A field that was read from a body has a pointer as its name; a field of the core has the core's name."""
    if field.code is FieldCode.UNKNOWN_PARAMETER:
        return FieldProblem(field.reason, field.code, parameter=field.name)
    if field.name.startswith("#"):
        return FieldProblem(field.reason, field.code, pointer=field.name)
    if field.name in _HEADERS:
        return FieldProblem(field.reason, field.code, header=_HEADERS[field.name])
    if field.name in PARAMETER_NAMES:
        return FieldProblem(field.reason, field.code, parameter=PARAMETER_NAMES[field.name])
    return FieldProblem(field.reason, field.code, pointer="#/" + _MEMBERS.get(field.name, field.name))
