"""The reports of sales."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any, Final

import attrs
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Integer,
    Select,
    bindparam,
    cast,
    column,
    exists,
    func,
    null,
    or_,
    select,
    union_all,
)

from sellout_adapters.sql.schema.functions import CUSTOM_PLAN, numbered_periods
from sellout_adapters.sql.schema.tables.catalogue import agreed_units, product_brands, units
from sellout_adapters.sql.schema.tables.fulfilment import line_progress
from sellout_adapters.sql.schema.tables.shop import order_lines, orders
from sellout_adapters.sql.schema.types import Id, Periods, UtcTime
from sellout_adapters.sql.session.compiled import Row
from sellout_adapters.sql.session.session import DatabaseSession
from sellout_core.fulfilment.lifecycle import DEAD
from sellout_core.shopping.sales import SalesFigures, SalesGroup, SalesKey, SalesSums

_DAYS: Final = numbered_periods(bindparam("days", type_=Periods())).table_valued(
    column("day", Integer), column("begins", UtcTime), column("ends", UtcTime)
)
_FIGURES: Final = (
    agreed_units.c.currency,
    func.count(orders.c.id.distinct()).label("orders"),
    func.count().label("units"),
    cast(func.sum(order_lines.c.amount), BigInteger).label("revenue"),
    cast(func.sum(agreed_units.c.price - order_lines.c.amount), BigInteger).label("discounts"),
)
_WITHIN: Final = (
    orders.c.placed_at >= bindparam("since", type_=UtcTime()),
    orders.c.placed_at < bindparam("until", type_=UtcTime()),
)


_IS_LIVE: Final = ~exists().where(
    line_progress.c.order_id == order_lines.c.order_id,
    line_progress.c.unit_id == order_lines.c.unit_id,
    or_(*(line_progress.c.state == state.value for state in sorted(DEAD, key=lambda state: state.value))),
)


def _sold(*columns: ColumnElement[Any]) -> Select[Any]:
    """The live lines of the orders in the range."""
    return (
        select(*columns)
        .join_from(orders, order_lines, order_lines.c.order_id == orders.c.id)
        .join(agreed_units, agreed_units.c.digest == order_lines.c.unit_digest)
        .where(*_WITHIN, _IS_LIVE)
    )


def _of_units(*columns: ColumnElement[Any]) -> Select[Any]:
    return _sold(*columns).join(units, units.c.id == order_lines.c.unit_id)


_BY_KEY: Final[Mapping[SalesKey, tuple[ColumnElement[Any], Select[Any]]]] = {
    SalesKey.DAY: (
        _DAYS.c.day,
        _sold(_DAYS.c.day.label("key"), *_FIGURES).join(
            _DAYS, (orders.c.placed_at >= _DAYS.c.begins) & (orders.c.placed_at < _DAYS.c.ends)
        ),
    ),
    SalesKey.BRAND: (
        product_brands.c.brand_id,
        _of_units(product_brands.c.brand_id.label("key"), *_FIGURES).join(
            product_brands, product_brands.c.product_id == units.c.product_id, isouter=True
        ),
    ),
    SalesKey.PRODUCT: (units.c.product_id, _of_units(units.c.product_id.label("key"), *_FIGURES)),
    SalesKey.PLATFORM: (units.c.platform_id, _of_units(units.c.platform_id.label("key"), *_FIGURES)),
}


def _sums(key: ColumnElement[Any], sold: Select[Any]) -> Any:
    """The sums of all lines, and of each group. `part` tells them apart."""
    groups = sold.group_by(key, agreed_units.c.currency).limit(bindparam("limit")).subquery()
    totals = _sold(cast(0, Integer).label("part"), cast(null(), Id).label("key"), *_FIGURES)
    both = union_all(totals.group_by(agreed_units.c.currency), select(cast(1, Integer), *groups.c))
    return both.execution_options(**CUSTOM_PLAN)


_SUMS: Final = {by: _sums(key, sold) for by, (key, sold) in _BY_KEY.items()}
_REFERENCES: Final = {SalesKey.BRAND: "brands", SalesKey.PLATFORM: "platforms"}
_NAMES: Final = tuple(attrs.fields_dict(SalesFigures))


@attrs.frozen
class SqlSales:
    """`ports.Sales`."""

    _session: DatabaseSession

    def between(self, by: SalesKey, bounds: Sequence[datetime], limit: int) -> SalesSums:
        """One statement."""
        given: dict[str, Any] = {"since": bounds[0], "until": bounds[-1], "limit": limit}
        if by is SalesKey.DAY:
            given["days"] = list(pairwise(bounds))
        rows = self._session.rows(_SUMS[by], given)
        groups = [SalesGroup(row.key, _figures(row)) for row in rows if row.part]
        if by in _REFERENCES:
            ids = [group.key for group in groups if group.key is not None]
            self._session.note_references(_REFERENCES[by], ids)
        return SalesSums([_figures(row) for row in rows if not row.part], groups)


def _figures(row: Row) -> SalesFigures:
    return SalesFigures(**{name: getattr(row, name) for name in _NAMES})
