"""Promo codes, for staff."""

from functools import partial
from typing import Any, Final

from sellout_core.errors import PromoCodeTaken
from sellout_core.use_cases.shopping import promo_codes
from sellout_core.values import PromoCodeId, UserId
from sellout_http.api.handler_context import ReadContext, WriteContext
from sellout_http.api.operations import Access, Group, Reply
from sellout_http.api.preconditions import settable_by, unless_changed
from sellout_http.api.queries.query_parameters import IF_MATCH
from sellout_http.schemas import responses, samples, serializers
from sellout_http.schemas.requests.shopping import NewPromoCodeRequest, PromoCodePatch
from sellout_http.schemas.responses.long_lists import LongList

group = Group("Promo codes", "The promo codes of the shop, for staff.")

_settable: Final = settable_by(PromoCodePatch)
_OWNER: Final = {
    **samples.answer("GET", "/user/{user_id}"),
    "last_viewed_products": [],
}
_EXAMPLE: Final[dict[str, Any]] = {
    "id": 1,
    "string_representation": "SALE",
    "discount_percentage": 15,
    "discount_absolute": 0,
    "activation_count": 5,
    "max_activation_count": 10,
    "active_status": True,
    "active_until_date": "2099-12-31",
    "owner": _OWNER,
}
_NEW: Final = {
    "string_representation": "SALE",
    "owner_id": 1,
    "max_activation_count": 10,
    "active_until_date": "2099-12-31",
    "discount_percentage": 15,
}


@group.read("/promo", Access.ADMIN, reply_example=[_EXAMPLE])
def list_promo_codes(context: ReadContext) -> LongList[responses.PromoCode]:
    """Every promo code, by id."""
    return LongList(partial(promo_codes.read_promo_codes, context.shop, context.actor), serializers.promo_code)


@group.read("/promo/{promo_code_id}", Access.ADMIN, tagged=_settable, reply_example=_EXAMPLE)
def show_promo_code(context: ReadContext, promo_code_id: PromoCodeId) -> responses.PromoCode:
    """One promo code."""
    return serializers.promo_code(promo_codes.read_promo_code(context.shop, context.actor, promo_code_id))


@group.read(
    "/promo/{promo_code_id}/orders",
    Access.ADMIN,
    reply_example=[{"order_id": 1, "user_id": 2, "used_at": "2026-01-31T12:00:00Z"}],
)
def list_promo_code_uses(context: ReadContext, promo_code_id: PromoCodeId) -> LongList[responses.PromoCodeUse]:
    """The orders that used a promo code, by id: who used it when."""
    read = partial(promo_codes.read_promo_code_uses, context.shop, context.actor, promo_code_id)
    return LongList(read, serializers.promo_code_use)


@group.write(
    "POST",
    "/promo",
    Access.ADMIN,
    statuses=(201,),
    errors=(PromoCodeTaken,),
    repeatable=True,
    about=lambda _, sent: UserId(sent["body"].owner_id),
    tagged=_settable,
    reply_headers={"Location": "The path of the promo code."},
    request_example=_NEW,
    reply_example={**_EXAMPLE, "activation_count": 0},
)
def create_promo_code(context: WriteContext, body: NewPromoCodeRequest) -> Reply[responses.PromoCode]:
    """Create a promo code.

    Codes are unique without regard to case.
    """
    added = serializers.promo_code(promo_codes.create_promo_code(context.shop, context.actor, body.promo_code()))
    return Reply(added, 201, {"location": f"{context.prefix}/promo/{added.id}"})


@group.write(
    "PATCH",
    "/promo/{promo_code_id}",
    Access.ADMIN,
    parameters=(IF_MATCH,),
    tagged=_settable,
    request_example={"active_status": False},
    reply_example={**_EXAMPLE, "active_status": False},
)
def change_promo_code(context: WriteContext, promo_code_id: PromoCodeId, body: PromoCodePatch) -> responses.PromoCode:
    """Change or stop a promo code.

    Every checkout that begins later has the change. Orders keep their copies.
    """
    is_current = unless_changed(context, serializers.promo_code, _settable)
    changed = promo_codes.change_promo_code(context.shop, context.actor, promo_code_id, body.change(), is_current)
    return serializers.promo_code(changed)
