"""mypy refuses a handler of a GET operation that writes.

Each `type: ignore` below marks an error that mypy must find, because mypy reports an unused one.
"""

from sellout_core.use_cases.shopping import carts
from sellout_core.values import ProductUnitId, UserId
from sellout_http.api.handler_context import ReadContext, WriteContext
from sellout_http.api.operations import Access, Group
from sellout_http.schemas import responses, serializers


def test_a_handler_that_writes_is_no_handler_of_a_get() -> None:
    group = Group("Carts", "For mypy.")

    @group.read("/order/cart/{user_id}", Access.USER)
    def reads(context: ReadContext, user_id: UserId) -> responses.Cart:
        return serializers.cart(carts.read_cart(context.shop, context.actor, user_id))

    @group.read("/cart/{user_id}/{unit_id}", Access.USER)
    def writes(context: ReadContext, user_id: UserId, unit_id: ProductUnitId) -> responses.ProductUnit:
        return serializers.unit(carts.remove_from_cart(context.shop, context.actor, user_id, unit_id))  # type: ignore[arg-type]

    @group.read("/another/{user_id}", Access.USER)  # type: ignore[type-var]
    def wants_to_write(context: WriteContext, user_id: UserId) -> responses.Cart:
        return serializers.cart(carts.read_cart(context.shop, context.actor, user_id))

    @group.write("POST", "/order/cart/{user_id}", Access.USER)
    def may_write(context: WriteContext, user_id: UserId) -> responses.Cart:
        return serializers.cart(carts.read_cart(context.shop, context.actor, user_id))

    assert [operation.handler for operation in group.operations] == [reads, writes, wants_to_write, may_write]
    assert [operation.method for operation in group.operations] == ["GET", "GET", "GET", "POST"]
