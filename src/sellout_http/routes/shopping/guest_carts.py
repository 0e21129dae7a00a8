"""Carts of guests. `X-Cart-Token` identifies a cart."""

from typing import Final

import msgspec

from sellout_core import errors
from sellout_core.use_cases.shopping import guest_carts
from sellout_core.values import ProductUnitId
from sellout_http.api.handler_context import ReadContext, WriteContext
from sellout_http.api.operations import Access, Group, Reply
from sellout_http.api.queries.query_parameters import CART_TOKEN, OPTIONAL_CART_TOKEN
from sellout_http.api.rate_limits import GUEST_CARTS, REFUSED_GUEST_PROMO_CODES
from sellout_http.routes.shopping.orders import CHECK_EXAMPLE, REFUSALS
from sellout_http.schemas import responses, samples, serializers
from sellout_http.schemas.requests.shopping import PromoCodeCheckRequest

group = Group("Guest carts", "Carts of buyers who are not logged in.")
_CART: Final = samples.answer("GET", "/order/cart/{user_id}")
_UNIT: Final = samples.answer("POST", "/order/cart_add/{user_id}/{product_unit_id}")
_UNKNOWN: Final = (errors.GuestCartUnknown, errors.InvalidFields)


@group.read(
    "/order/guest_cart",
    Access.ANON,
    errors=_UNKNOWN,
    parameters=(CART_TOKEN,),
    reply_example={**_CART, "user": msgspec.to_builtins(serializers.ANONYMOUS_USER)},
)
def show_guest_cart(context: ReadContext) -> responses.Cart:
    """A guest's cart at today's prices.

    The `id` of its user is 0, and the other members of the user are empty. Units that have become unavailable stay in
    the cart, with `availability` false.
    """
    return serializers.guest_cart(guest_carts.read_guest_cart(context.shop, context.cart_token))


@group.write(
    "POST",
    "/order/guest_cart_add/{product_unit_id}",
    Access.ANON,
    statuses=(201, 200),
    errors=(*_UNKNOWN, errors.UnitsUnavailable, errors.LimitReached),
    parameters=(OPTIONAL_CART_TOKEN,),
    reply_headers={"X-Cart-Token": "The token of the new cart, if the request had none."},
    limits=(GUEST_CARTS,),
    reply_example=_UNIT,
)
def add_to_guest_cart(context: WriteContext, product_unit_id: ProductUnitId) -> Reply[responses.ProductUnit]:
    """Add a product unit to a guest's cart.

    Without `X-Cart-Token` a cart is created, and the response has its token. The status is 200 if the cart has the unit
    already.
    """
    added = guest_carts.add_to_guest_cart(context.shop, context.actor, context.offered_cart_token, product_unit_id)
    headers = {} if added.token is None else {"x-cart-token": added.token}
    return Reply(serializers.unit(added.unit), 201 if added.is_new else 200, headers)


@group.write(
    "DELETE",
    "/order/guest_cart_delete/{product_unit_id}",
    Access.ANON,
    errors=_UNKNOWN,
    parameters=(CART_TOKEN,),
    reply_example=_UNIT,
)
def remove_from_guest_cart(context: WriteContext, product_unit_id: ProductUnitId) -> responses.ProductUnit:
    """Remove a product unit from a guest's cart and return it."""
    return serializers.unit(guest_carts.remove_from_guest_cart(context.shop, context.cart_token, product_unit_id))


@group.write(
    "POST",
    "/promo/check_guest",
    Access.ANON,
    errors=(*_UNKNOWN, *REFUSALS),
    parameters=(CART_TOKEN,),
    limits=(REFUSED_GUEST_PROMO_CODES,),
    request_example={"promo_code": "SALE", "product_unit": [1, 2]},
    reply_example=CHECK_EXAMPLE,
)
def check_guest_promo_code(context: WriteContext, body: PromoCodeCheckRequest) -> responses.PromoCodeCheck:
    """Compute what a promo code would save on units of a guest's cart.

    Does not count as an activation of the promo code.
    """
    return serializers.promo_check(
        guest_carts.check_guest_promo_code(context.shop, context.cart_token, body.promo_code, body.unit_ids())
    )
