"""Carts, promo codes, checkout and orders."""

from functools import partial
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from sellout_core import values
from sellout_core.errors import (
    FieldCode,
    IdempotencyKeyReused,
    InvalidField,
    InvalidFields,
    LimitReached,
    MixedCurrencies,
    NotInCart,
    PriceChanged,
    PromoCodeExpired,
    PromoCodeInactive,
    PromoCodeUnknown,
    PromoCodeUsedUp,
    UnitsUnavailable,
    UnknownAddress,
)
from sellout_core.use_cases import carts, checkout, orders, promo_codes
from sellout_core.values import OrderId, ProductUnitId, UserId
from sellout_core.views import OrderView
from sellout_http.api.handler_context import ReadContext, WriteContext
from sellout_http.api.operations import Access, Group, LongList, Reply
from sellout_http.api.query_parameters import Parameter
from sellout_http.api.rate_limits import REFUSED_PROMO_CODES
from sellout_http.runtime.executor import Workload
from sellout_http.schemas import responses, samples, serializers
from sellout_http.schemas.requests import CheckoutRequest, PromoCodeCheckRequest

group = Group("Orders", "Carts, promo codes, checkout and orders.")

OneOrder = Annotated[tuple[responses.Order, ...], Meta(min_length=1, max_length=1)]

_REFUSALS: Final = (
    NotInCart,
    UnitsUnavailable,
    MixedCurrencies,
    PromoCodeUnknown,
    PromoCodeInactive,
    PromoCodeExpired,
    PromoCodeUsedUp,
)
_IDEMPOTENCY_KEY: Final = Parameter(
    "header",
    "Idempotency-Key",
    "Makes it safe to send a checkout again: within 24 hours the same key and body get the first answer.",
    {"type": "string", "minLength": 1, "maxLength": values.MAX_IDEMPOTENCY_KEY},
)
_USER_ORDERS: Final = samples.answer("GET", "/order/user_orders/{user_id}")
# The documented sample shows carts; the answer is orders with a cart's member (docs/http-contract.md#order-orders).
_ALL_ORDERS: Final = [{**order, "product_units": order["product_unit"]} for order in _USER_ORDERS]
_CHECK: Final[dict[str, Any]] = {
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

    Units that became unavailable since stay in it and say so.
    """
    return serializers.cart(carts.read_cart(context.shop, context.actor, user_id))


@group.write(
    "POST",
    "/order/cart_add/{user_id}/{product_unit_id}",
    Access.USER,
    statuses=(201, 200),
    errors=(UnitsUnavailable, LimitReached),
)
def add_to_cart(context: WriteContext, user_id: UserId, product_unit_id: ProductUnitId) -> Reply[responses.ProductUnit]:
    """Put a product unit into the cart.

    Answers 200 when it is there already.
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
    """Take a product unit out of the cart and answer it.

    Answers at /cart/cart_delete/{user_id}/{product_unit_id} too.
    """
    return serializers.unit(carts.remove_from_cart(context.shop, context.actor, user_id, product_unit_id))


@group.write(
    "POST",
    "/promo/check/{user_id}",
    Access.USER,
    errors=_REFUSALS,
    limits=(REFUSED_PROMO_CODES,),
    request_example={"promo_code": "SALE", "product_unit": [1, 2]},
    reply_example=_CHECK,
)
def check_promo_code(context: WriteContext, user_id: UserId, body: PromoCodeCheckRequest) -> responses.PromoCodeCheck:
    """What a promo code would save on units of the cart.

    Uses none of the promo code's activations.
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
    errors=(*_REFUSALS, UnknownAddress, PriceChanged, IdempotencyKeyReused),
    parameters=(_IDEMPOTENCY_KEY,),
    limits=(REFUSED_PROMO_CODES,),
)
def check_out(context: WriteContext, user_id: UserId, body: CheckoutRequest) -> Reply[responses.Order]:
    """Order units of the cart, all or none.

    The price is the shop's. `total_amount` is the most the buyer agrees to pay; a lower total goes through, a higher
    one is refused. Answers at /cart/checkout/{user_id} too.
    """
    keys = context.header(_IDEMPOTENCY_KEY.name.lower())
    if not keys:
        view = checkout.check_out(context.shop, context.actor, user_id, body.checkout())
        return Reply(serializers.order(view), 201)
    if len(keys) > 1:
        raise InvalidFields((InvalidField("idempotency_key", "must not be repeated", FieldCode.REPEATED),))
    answer = checkout.check_out_once(context.shop, context.actor, user_id, body.checkout(), keys[0], _encoded)
    return Reply(msgspec.Raw(answer), 201)


@group.read("/order/orders", Access.ADMIN, reply_example=_ALL_ORDERS)
def list_orders(context: ReadContext) -> LongList[responses.ListedOrder]:
    """Every order, by id."""
    return LongList(partial(orders.read_orders, context.shop, context.actor), serializers.listed_order)


@group.read("/order/user_orders", Access.USER, workload=Workload.LONG_READ, reply_example=_USER_ORDERS)
def list_own_orders(context: ReadContext) -> tuple[responses.Order, ...]:
    """The caller's orders, by id."""
    return _orders(orders.read_user_orders(context.shop, context.actor, context.user_id))


@group.read("/order/user_orders/{user_id}", Access.USER, workload=Workload.LONG_READ)
def list_user_orders(context: ReadContext, user_id: UserId) -> tuple[responses.Order, ...]:
    """A user's orders, by id."""
    return _orders(orders.read_user_orders(context.shop, context.actor, user_id))


@group.read("/order/info/{order_id}", Access.USER, aliases=("/order/{order_id:int}",))
def show_order(context: ReadContext, order_id: OrderId) -> OneOrder:
    """One order, in a list.

    Answers at /order/{order_id} too.
    """
    return (serializers.order(orders.read_order(context.shop, context.actor, order_id)),)


def _orders(views: tuple[OrderView, ...]) -> tuple[responses.Order, ...]:
    return tuple(map(serializers.order, views))


def _encoded(view: OrderView) -> bytes:
    return msgspec.json.encode(serializers.order(view))
