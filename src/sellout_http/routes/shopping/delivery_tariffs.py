"""The delivery tariffs: every caller may read them, and staff change them."""

from typing import Any, Final

from sellout_core.use_cases import delivery_tariffs
from sellout_http.api.handler_context import ReadContext, WriteContext
from sellout_http.api.operations import Access, Group
from sellout_http.api.preconditions import settable_by, unless_changed
from sellout_http.api.queries.query_parameters import IF_MATCH
from sellout_http.schemas import responses
from sellout_http.schemas.fulfilment_serializers import delivery_tariffs as document
from sellout_http.schemas.requests.shopping import TariffsPatch

group = Group("Delivery", "What the delivery of an order costs.")

_settable: Final = settable_by(TariffsPatch)
_EXAMPLE: Final[dict[str, Any]] = {
    "pick_up_point": {"price": 290, "fee": 300, "currency": {"id": 1, "name": "RUB"}},
    "courier": None,
}


@group.read("/delivery_tariffs", Access.ANON, tagged=_settable, reply_example=_EXAMPLE)
def show_delivery_tariffs(context: ReadContext) -> responses.DeliveryTariffs:
    """The delivery tariffs."""
    return document(delivery_tariffs.read_delivery_tariffs(context.shop, context.actor))


@group.write(
    "PATCH",
    "/delivery_tariffs",
    Access.ADMIN,
    parameters=(IF_MATCH,),
    tagged=_settable,
    request_example={"pick_up_point": {"price": 290, "currency": 1}},
    reply_example=_EXAMPLE,
)
def change_delivery_tariffs(context: WriteContext, body: TariffsPatch) -> responses.DeliveryTariffs:
    """Change the delivery tariffs.

    Every checkout that begins later has the change. Orders keep their fee.
    """
    is_current = unless_changed(context, document, _settable)
    changed = delivery_tariffs.change_delivery_tariffs(context.shop, context.actor, body.change(), is_current)
    return document(changed)
