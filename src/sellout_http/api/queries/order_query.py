"""The query parameters of a search for orders, and their conversion to the core's query."""

from typing import Any, Final

from sellout_core import values
from sellout_core.shopping.order_search import OrderQuery
from sellout_http.api.handler_context import ReadContext
from sellout_http.api.queries.query_parameters import Parameter
from sellout_http.api.queries.query_readers import Reader, one, read_members, time, whole_number

_TIME: Final = {"type": "string", "format": "date-time"}


def _text(maximum: int, example: str) -> dict[str, Any]:
    return {"type": "string", "minLength": 1, "maxLength": maximum, "examples": [example]}


PARAMETERS: Final = (
    Parameter("query", "status", "The name of the orders' status.", _text(values.MAX_REFERENCE_NAME, "pending")),
    Parameter("query", "buyer", "The id of the buyer.", {"type": "integer", "minimum": 1, "maximum": values.MAX_ID}),
    Parameter("query", "from", "The earliest time of the checkout, included.", _TIME),
    Parameter("query", "to", "The latest time of the checkout, excluded.", _TIME),
    Parameter("query", "sku", "The sku of a product in the orders.", _text(values.MAX_SKU, "12345678")),
)
_READERS: Final[dict[str, Reader]] = {
    "status_name": one(str),
    "buyer_id": one(whole_number(1, values.MAX_ID)),
    "since": one(time),
    "until": one(time),
    "product_sku": one(str),
}


def read_query(context: ReadContext) -> OrderQuery:
    """Converts the parameters of a request to a query. It ignores other parameters.

    Raises:
        InvalidFields: names every invalid parameter.
    """
    return read_members(context.query, _READERS, OrderQuery)
