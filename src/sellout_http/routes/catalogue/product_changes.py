"""Changes of products, product units and stock by staff."""

from typing import Final

from sellout_core.errors import InvalidFields, LimitReached, NotFound, SkuTaken, StillReferredTo, UnitExists
from sellout_core.use_cases.catalogue import products, stock
from sellout_core.values import ProductId, ProductUnitId
from sellout_http.api.handler_context import ReadContext, WriteContext
from sellout_http.api.operations import Access, Group, Reply
from sellout_http.api.preconditions import unless_changed, whole
from sellout_http.api.queries.query_parameters import IF_MATCH
from sellout_http.schemas import responses, samples, serializers, staff_serializers
from sellout_http.schemas.requests.products import (
    NewProduct,
    NewProductUnit,
    ProductPatch,
    ProductUnitPatch,
    StockRequest,
)

group = Group("Catalogue", "Changes of products, product units and stock by staff.")

_NEW_UNIT: Final = {
    "product": 1,
    "size": {"INT": "M", "US": "9", "UK": "8", "EU": "42", "IT": "42", "RU": "41"},
    "final_price": 107,
    "currency": "RUB",
    "delivery_type": "Самолёт",
    "platform": "Poizon",
    "site": "/poizon",
    "availability": True,
    "stock": 5,
}
_STOCK: Final = {
    "product_unit": 1,
    "stock": 5,
    "sold": 0,
    "availability": True,
    "movements": [
        {"id": 1, "at": "2026-01-31T12:00:00Z", "user_id": 1, "kind": "received", "change": 5, "reason": "A delivery."}
    ],
}
_PRODUCT_EXAMPLE: Final = samples.answer("GET", "/product/{product_id}")
_UNIT_EXAMPLE: Final = samples.answer("GET", "/product_unit/product/{product_id}")[0]


@group.write(
    "POST",
    "/product",
    Access.ADMIN,
    statuses=(201,),
    errors=(SkuTaken,),
    repeatable=True,
    tagged=whole,
    reply_headers={"Location": "The path of the product."},
    request_example={"sku": "af1", "name": "Air Force 1", "gender": "M", "add_date": "2023-04-07", "brands": ["Nike"]},
    reply_example=_PRODUCT_EXAMPLE,
)
def create_product(context: WriteContext, body: NewProduct) -> Reply[responses.Product]:
    """Create a product without units."""
    created = products.create_product(context.shop, context.actor, body.entry())
    location = f"{context.prefix}/product/{created.product.id}"
    return Reply(serializers.product(created), 201, {"location": location})


@group.write(
    "PATCH",
    "/product/{product_id}",
    Access.ADMIN,
    parameters=(IF_MATCH,),
    tagged=whole,
    request_example={"available_flag": False},
    reply_example=_PRODUCT_EXAMPLE,
)
def change_product(context: WriteContext, product_id: ProductId, body: ProductPatch) -> responses.Product:
    """Change a product.

    `available_flag` lists or hides the product. The sku cannot be changed. Orders keep their copies.
    """
    is_current = unless_changed(context, serializers.product)
    return serializers.product(
        products.change_product(context.shop, context.actor, product_id, body.edit(), is_current)
    )


@group.write(
    "DELETE",
    "/product/{product_id}",
    Access.ADMIN,
    errors=(StillReferredTo,),
    parameters=(IF_MATCH,),
    reply_example=_PRODUCT_EXAMPLE,
)
def delete_product(context: WriteContext, product_id: ProductId) -> responses.Product:
    """Delete a product with its units, and return it.

    A product to which carts, wishlists or orders refer cannot be deleted. Hide it instead.
    """
    is_current = unless_changed(context, serializers.product)
    return serializers.product(products.delete_product(context.shop, context.actor, product_id, is_current))


@group.read("/product_unit/{product_unit_id}", Access.ADMIN, tagged=whole, reply_example=_UNIT_EXAMPLE)
def show_unit(context: ReadContext, product_unit_id: ProductUnitId) -> responses.ProductUnit:
    """One product unit."""
    return serializers.unit(products.read_unit(context.shop, context.actor, product_unit_id))


@group.write(
    "POST",
    "/product_unit",
    Access.ADMIN,
    statuses=(201,),
    errors=(NotFound, UnitExists, LimitReached),
    repeatable=True,
    tagged=whole,
    reply_headers={"Location": "The path of the unit."},
    request_example=_NEW_UNIT,
    reply_example=_UNIT_EXAMPLE,
)
def create_unit(context: WriteContext, body: NewProductUnit) -> Reply[responses.ProductUnit]:
    """Create a unit of a product."""
    created = products.create_unit(context.shop, context.actor, body.product_id(), body.entry())
    return Reply(serializers.unit(created), 201, {"location": f"{context.prefix}/product_unit/{created.id}"})


@group.write(
    "PATCH",
    "/product_unit/{product_unit_id}",
    Access.ADMIN,
    errors=(UnitExists, LimitReached),
    parameters=(IF_MATCH,),
    tagged=whole,
    request_example={"final_price": 120},
    reply_example=_UNIT_EXAMPLE,
)
def change_unit(context: WriteContext, product_unit_id: ProductUnitId, body: ProductUnitPatch) -> responses.ProductUnit:
    """Change a product unit.

    Carts show the change at once. Orders keep their copies. `/stock/{product_unit_id}` changes the number of pieces.
    """
    is_current = unless_changed(context, serializers.unit)
    return serializers.unit(products.change_unit(context.shop, context.actor, product_unit_id, body.edit(), is_current))


@group.read("/stock/{product_unit_id}", Access.ADMIN, reply_example=_STOCK)
def show_stock(context: ReadContext, product_unit_id: ProductUnitId) -> responses.UnitStock:
    """The stock of a unit, and the movements of the stock ledger."""
    return staff_serializers.stock(stock.read_stock(context.shop, context.actor, product_unit_id))


@group.write(
    "POST",
    "/stock/{product_unit_id}",
    Access.ADMIN,
    statuses=(201,),
    errors=(InvalidFields, LimitReached),
    repeatable=True,
    request_example={"received": 5, "reason": "A delivery."},
    reply_example=_STOCK,
)
def change_stock(
    context: WriteContext, product_unit_id: ProductUnitId, body: StockRequest
) -> Reply[responses.UnitStock]:
    """Enter pieces that arrived, or pieces that were counted on the shelf.

    A sold-out unit becomes available if it gets pieces.
    """
    return Reply(
        staff_serializers.stock(stock.change_stock(context.shop, context.actor, product_unit_id, body.change())), 201
    )
