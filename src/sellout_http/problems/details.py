"""The problem documents of the API, made from the table of problems.

The text of a problem is always the same. Further members have the values of the occurrence.
"""

from datetime import timedelta
from typing import Annotated, Any, Final

import attrs
import msgspec
from msgspec import UNSET, Meta, UnsetType

from sellout_core import errors
from sellout_core.errors import FieldCode
from sellout_core.fulfilment.refusals import AboveAmountDue, MoveImpossible
from sellout_http.problems.types import PROBLEM_TYPES

PAGES: Final = "/problems"

# Fields with another name in the documented API, and fields that are headers or query parameters.
_MEMBERS: Final = {
    "unit_ids": "product_unit",
    "telephone": "tel",
    "ceiling": "total_amount",
    "code": "string_representation",
    "entered": "code",
    "discount": "discount_percentage",
    "active_until": "active_until_date",
    "personal_discount": "personal_discount_percentage",
    "delivery_kind": "delivery/kind",
    "delivery_address": "delivery/address/address",
    "delivery_post_index": "delivery/address/post_index",
    "pick_up_point_currency": "pick_up_point/currency",
    "courier_currency": "courier/currency",
}
_HEADER_NAMES: Final = {
    "idempotency_key": "Idempotency-Key",
    "cart_token": "X-Cart-Token",
    "last_event_id": "Last-Event-ID",
}
PARAMETER_NAMES: Final = {
    "page_size": "page_size",
    "limit": "limit",
    "after": "after",
    "text": "q",
    "known_sku": "sku",
    "known_slug": "slug",
    "brands": "brand",
    "categories": "category",
    "tags": "tag",
    "genders": "gender",
    "sizes": "size",
    "price_min": "price_min",
    "price_max": "price_max",
    "available": "available",
    "sort": "sort",
    "kind": "kind",
    "object_id": "object_id",
    "actor_id": "user",
    "since": "from",
    "until": "to",
    "status_name": "status",
    "buyer_id": "buyer",
    "product_sku": "sku",
    "first_day": "from",
    "end_day": "to",
    "by": "by",
}
"""The query parameter of each field of the core."""


@attrs.frozen
class Refused(Exception):
    """The request is invalid as HTTP or JSON. `code` is a key of `PROBLEM_TYPES`."""

    code: str
    detail: str | None = None


@attrs.frozen
class TooManyRequests(Exception):
    """The limit of a rate limit rule is reached.

    Attributes:
        rule: The name of the rule.
        window: The duration of a window.
        maximum: The maximum number of attempts in one window.
        retry_after: The time until the current window ends, in whole seconds.
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
    """One invalid value: the reason, as text and as a code, and the place: a JSON pointer into the body, a query
    parameter or a header.
    """

    detail: Annotated[str, Meta(description="The reason, as text.")]
    code: Annotated[FieldCode, Meta(description="The reason, for programs.")]
    pointer: Annotated[
        str | UnsetType, Meta(description="A JSON pointer into the body, as a URI fragment: `#/email`.")
    ] = UNSET
    parameter: Annotated[str | UnsetType, Meta(description="The name of a query parameter.")] = UNSET
    header: Annotated[str | UnsetType, Meta(description="The name of a header.")] = UNSET


class PossibleMoves(msgspec.Struct, frozen=True):
    """The states that a unit, or its refund, can be moved to."""

    product_unit: Annotated[int | None, Meta(description="The id of the unit. Null: the refund of the delivery fee.")]
    to: Annotated[tuple[str, ...], Meta(description="The states.")]


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """A problem document (RFC 9457). `type` is a page of this server that explains it. Only some problems have members
    after `code`.
    """

    type: Annotated[str, Meta(description="The path of the page on this server that explains the problem.")]
    title: Annotated[str, Meta(description="A short name of the problem.")]
    status: Annotated[int, Meta(description="The HTTP status of the response.")]
    detail: Annotated[str, Meta(description="An explanation, and what the client can do.")]
    code: Annotated[str, Meta(description="The problem, for programs. A code never changes its meaning.")]
    fields: Annotated[tuple[FieldProblem, ...] | UnsetType, Meta(description="The invalid values.")] = UNSET
    total_amount: Annotated[
        int | UnsetType, Meta(description="The total of the order now, in whole currency units.")
    ] = UNSET
    unavailable: Annotated[
        tuple[int, ...] | UnsetType, Meta(description="The ids of the product units that cannot be bought now.")
    ] = UNSET
    not_in_cart: Annotated[
        tuple[int, ...] | UnsetType, Meta(description="The ids of the product units that are not in the cart.")
    ] = UNSET
    maximum: Annotated[int | UnsetType, Meta(description="The maximum number of entries.")] = UNSET
    referrers: Annotated[
        tuple[str, ...] | UnsetType, Meta(description="What refers to the object: `carts`, `wishlists`, `orders`.")
    ] = UNSET
    possible: Annotated[
        tuple[PossibleMoves, ...] | UnsetType, Meta(description="The states that each unit can be moved to.")
    ] = UNSET
    amount_due: Annotated[
        int | UnsetType, Meta(description="The amount that is still due, in whole currency units.")
    ] = UNSET
    change: Annotated[int | UnsetType, Meta(description="The place of the refused change in the batch, from 0.")] = (
        UNSET
    )


@attrs.frozen
class RefusedChange(Exception):
    """A change of a batch is refused. `document` is its problem."""

    document: Problem


def problem(code: str, detail: str | None = None, **members: Any) -> Problem:
    """The document of a problem."""
    kind = PROBLEM_TYPES[code]
    return Problem(f"{PAGES}/{code}", kind.title, kind.status, detail or kind.english, code, **members)


def problem_of(error: errors.SellOutError) -> Problem:
    """The document of an error of the core."""
    members: dict[str, Any] = {}
    match error:
        case errors.InvalidFields(fields):
            members = {"fields": tuple(map(_field_problem, fields))}
        case errors.PriceChanged(total):
            members = {"total_amount": total}
        case errors.UnitsUnavailable(unit_ids):
            members = {"unavailable": unit_ids}
        case errors.NotInCart(unit_ids):
            members = {"not_in_cart": unit_ids}
        case errors.LimitReached(maximum):
            members = {"maximum": maximum}
        case errors.StillReferredTo(referrers):
            members = {"referrers": referrers}
        case MoveImpossible(possible):
            members = {"possible": tuple(PossibleMoves(unit_id, targets) for unit_id, targets in possible.items())}
        case AboveAmountDue(due):
            members = {"amount_due": due}
    return problem(error.code, **members)


def _field_problem(field: errors.InvalidField) -> FieldProblem:
    """The name of a field is a JSON pointer if the JSON reader found the fault, otherwise the core's name."""
    if field.code is FieldCode.UNKNOWN_PARAMETER:
        return FieldProblem(field.reason, field.code, parameter=field.name)
    if field.name.startswith("#"):
        return FieldProblem(field.reason, field.code, pointer=field.name)
    if field.name in _HEADER_NAMES:
        return FieldProblem(field.reason, field.code, header=_HEADER_NAMES[field.name])
    if field.name in PARAMETER_NAMES:
        return FieldProblem(field.reason, field.code, parameter=PARAMETER_NAMES[field.name])
    return FieldProblem(field.reason, field.code, pointer="#/" + _MEMBERS.get(field.name, field.name))
