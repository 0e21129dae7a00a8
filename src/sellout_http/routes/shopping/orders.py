"""Carts, promo codes, checkout and orders."""

from functools import partial
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from sellout_core import errors
from sellout_core.use_cases.shopping import carts, checkout, orders, promo_codes
from sellout_core.values import OrderId, ProductUnitId, UserId
from sellout_core.views import OrderView
from sellout_http.api.handler_context import ReadContext, WriteContext
from sellout_http.api.operations import Access, Group, Reply
from sellout_http.api.queries import order_query
from sellout_http.api.queries.query_parameters import IDEMPOTENCY_KEY
from sellout_http.api.rate_limits import REFUSED_PROMO_CODES
from sellout_http.schemas import responses, samples, serializers
from sellout_http.schemas.requests.shopping import CheckoutRequest, PromoCodeCheckRequest
from sellout_http.schemas.responses.long_lists import LongList

group = Group("Orders", "Carts, promo codes, checkout and orders.")
OneOrder = Annotated[tuple[responses.Order, ...], Meta(min_length=1, max_length=1)]

REFUSALS: Final = (
    errors.NotInCart,
    errors.UnitsUnavailable,
    errors.MixedCurrencies,
    errors.PromoCodeUnknown,
    errors.PromoCodeInactive,
    errors.PromoCodeExpired,
    errors.PromoCodeUsedUp,
)
_USER_ORDERS: Final = samples.answer("GET", "/order/user_orders/{user_id}")
# The documented sample shows carts. The document has orders with a member of carts (docs/http-contract.md#order-orders)
_ALL_ORDERS: Final = [{**order, "product_units": order["product_unit"]} for order in _USER_ORDERS]
CHECK_EXAMPLE: Final[dict[str, Any]] = {
    "promo_code": "SALE",
    "discount_percentage": 15,
    "discount_absolute": 0,
    "amount": 107,
    "saving": 16,
    "total_amount": 91,
    "product_unit": [{"id": 1, "final_price": 7, "amount": 5}, {"id": 2, "final_price": 100, "amount": 86}],
}


@group.read("/order/cart/{user_id}", Access.USER)
def show_cart(context: ReadContext, user_id: UserId) -> responses.Cart:
    """A user's cart at today's prices.

    Units that have become unavailable stay in the cart, with `availability` false.
    """
    return serializers.cart(carts.read_cart(context.shop, context.actor, user_id))


@group.write(
    "POST",
    "/order/cart_add/{user_id}/{product_unit_id}",
    Access.USER,
    statuses=(201, 200),
    errors=(errors.UnitsUnavailable, errors.LimitReached),
)
def add_to_cart(context: WriteContext, user_id: UserId, product_unit_id: ProductUnitId) -> Reply[responses.ProductUnit]:
    """Add a product unit to the cart.

    The status is 200 if the cart has the unit already.
    """
    view, added = carts.add_to_cart(context.shop, context.actor, user_id, product_unit_id)
    return Reply(serializers.unit(view), 201 if added else 200)


@group.write(
    "DELETE",
    "/order/cart_delete/{user_id}/{product_unit_id}",
    Access.USER,
    aliases=("/cart/cart_delete/{user_id:str}/{product_unit_id:str}",),
)
def remove_from_cart(context: WriteContext, user_id: UserId, product_unit_id: ProductUnitId) -> responses.ProductUnit:
    """Remove a product unit from the cart and return it.

    /cart/cart_delete/{user_id}/{product_unit_id} is an alias.
    """
    return serializers.unit(carts.remove_from_cart(context.shop, context.actor, user_id, product_unit_id))


@group.write(
    "POST",
    "/promo/check/{user_id}",
    Access.USER,
    errors=REFUSALS,
    limits=(REFUSED_PROMO_CODES,),
    request_example={"promo_code": "SALE", "product_unit": [1, 2]},
    reply_example=CHECK_EXAMPLE,
)
def check_promo_code(context: WriteContext, user_id: UserId, body: PromoCodeCheckRequest) -> responses.PromoCodeCheck:
    """Compute what a promo code would save on units of the cart.

    Does not count as an activation of the promo code.
    """
    unit_ids = body.unit_ids()
    return serializers.promo_check(
        promo_codes.check_promo_code(context.shop, context.actor, user_id, body.promo_code, unit_ids)
    )


@group.write(
    "POST",
    "/order/checkout/{user_id}",
    Access.USER,
    aliases=("/cart/checkout/{user_id:str}",),
    statuses=(201,),
    errors=(*REFUSALS, errors.UnknownAddress, errors.PriceChanged, errors.IdempotencyKeyReused),
    parameters=(IDEMPOTENCY_KEY,),
    limits=(REFUSED_PROMO_CODES,),
)
def check_out(context: WriteContext, user_id: UserId, body: CheckoutRequest) -> Reply[responses.Order]:
    """Order units of the cart, all or none.

    The shop computes the total. `total_amount` is the maximum that the buyer agrees to pay: a lower total is accepted,
    a higher one is refused. /cart/checkout/{user_id} is an alias.
    """
    key = context.idempotency_key
    if key is None:
        view = checkout.check_out(context.shop, context.actor, user_id, body.checkout())
        return Reply(serializers.order(view), 201)
    answer = checkout.check_out_once(context.shop, context.actor, user_id, body.checkout(), key, _encoded)
    return Reply(msgspec.Raw(answer), 201)


@group.read("/order/orders", Access.ADMIN, parameters=order_query.PARAMETERS, reply_example=_ALL_ORDERS)
def list_orders(context: ReadContext) -> LongList[responses.ListedOrder]:
    """All orders that match, by id."""
    query = order_query.read_query(context)
    return LongList(partial(orders.read_orders, context.shop, context.actor, query=query), serializers.listed_order)


@group.read("/order/user_orders", Access.USER, reply_example=_USER_ORDERS)
def list_own_orders(context: ReadContext) -> LongList[responses.Order]:
    """The caller's orders, by id."""
    return list_user_orders(context, context.user_id)


@group.read("/order/user_orders/{user_id}", Access.USER)
def list_user_orders(context: ReadContext, user_id: UserId) -> LongList[responses.Order]:
    """A user's orders, by id."""
    return LongList(partial(orders.read_user_orders, context.shop, context.actor, user_id), serializers.order)


@group.read("/order/info/{order_id}", Access.USER, aliases=("/order/{order_id:int}",))
def show_order(context: ReadContext, order_id: OrderId) -> OneOrder:
    """One order, in a list.

    /order/{order_id} is an alias.
    """
    return (serializers.order(orders.read_order(context.shop, context.actor, order_id)),)


def _encoded(view: OrderView) -> bytes:
    return msgspec.json.encode(serializers.order(view))
