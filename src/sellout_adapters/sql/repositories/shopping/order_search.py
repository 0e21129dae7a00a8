"""The conditions of a search for orders. Each filter is answered by an index."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Final

import attrs
from sqlalchemy import ColumnElement, Select, bindparam, func, select

from sellout_adapters.sql.schema.tables.catalogue import products, units
from sellout_adapters.sql.schema.tables.shop import order_lines, orders
from sellout_adapters.sql.schema.types import Id, UtcTime
from sellout_core.shopping.order_search import OrderQuery

_STATUS: Final = bindparam("status_id", type_=Id())
_STATUS_WITHOUT_INDEX: Final = orders.c.status_id + 0 == _STATUS
"""SQLite would prefer the index of a status, which many orders have, to the index of a buyer or a product."""

_CONDITIONS: Final[Mapping[str, ColumnElement[bool]]] = {
    "status_id": orders.c.status_id == _STATUS,
    "buyer_id": orders.c.buyer_id == bindparam("buyer_id", type_=Id()),
    "since": orders.c.placed_at >= bindparam("since", type_=UtcTime()),
    "until": orders.c.placed_at < bindparam("until", type_=UtcTime()),
    # A sku does not change, and a product to which orders refer is not deleted.
    "product_sku": orders.c.id.in_(
        select(order_lines.c.order_id)
        .join(units, units.c.id == order_lines.c.unit_id)
        .join(products, products.c.id == units.c.product_id)
        .where(products.c.sku == bindparam("product_sku"), order_lines.c.order_id > bindparam("after"))
    ),
    "last_id": orders.c.id <= bindparam("last_id", type_=Id()),
}


def parameters(query: OrderQuery) -> dict[str, Any]:
    """The given filters of a query by name: the parameters of the conditions."""
    return {name: value for name, value in attrs.asdict(query).items() if value is not None}


def conditions(fields: frozenset[str]) -> Sequence[ColumnElement[bool]]:
    """The conditions of a search with those filters. The parameter `after` is the id before the first one."""
    wanted = {name: condition for name, condition in _CONDITIONS.items() if name in fields}
    if "status_id" in fields and fields & {"buyer_id", "product_sku"}:
        wanted["status_id"] = _STATUS_WITHOUT_INDEX
    return list(wanted.values())


@cache
def span(fields: frozenset[str]) -> Select[Any, Any, Any]:
    """The number of orders in a range of times, and the lowest and the highest of their ids."""
    # PostgreSQL would walk along the ids for a minimum or a maximum alone, past all orders of other times.
    return select(
        func.count().label("number"), func.min(orders.c.id).label("first"), func.max(orders.c.id).label("last")
    ).where(*conditions(fields))
