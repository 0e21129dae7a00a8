"""Reports of sales: the orders, pieces, revenue and discounts in a range of days."""

import enum
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Final

import attrs

from sellout_core import values
from sellout_core.catalogue.products import Product, ProductUnit
from sellout_core.errors import FieldCode, InvalidField, InvalidFields
from sellout_core.shopping.ordering import Order, OrderLine
from sellout_core.values import ruled

__all__ = [
    "MAX_DAYS",
    "MAX_ROWS",
    "SalesFigures",
    "SalesGroup",
    "SalesKey",
    "SalesQuery",
    "SalesReport",
    "SalesRow",
    "SalesSums",
    "SoldLine",
    "sum_up",
]

MAX_DAYS: Final = 366
MAX_ROWS: Final = 10_000
"""The maximum number of rows of a report."""


class SalesKey(enum.Enum):
    """What each row stands for."""

    DAY = "day"
    BRAND = "brand"
    PRODUCT = "product"
    PLATFORM = "platform"


@attrs.frozen(kw_only=True)
class SalesQuery:
    """A query for a report of sales.

    Attributes:
        first_day: The first day, in the shop's time zone.
        end_day: The day after the last one.
        by: What each row stands for.

    Raises:
        InvalidFields: a value is outside its limits, or the range does not have 1 to 366 days.
    """

    first_day: date = ruled(values.any_date)
    end_day: date = ruled(values.any_date)
    by: SalesKey

    def __attrs_post_init__(self) -> None:
        """Checks the limits."""
        values.enforce(self)
        if not 1 <= (self.end_day - self.first_day).days <= MAX_DAYS:
            reason = f"must be 1 to {MAX_DAYS} days after the first day"
            raise InvalidFields((InvalidField("end_day", reason, FieldCode.OUT_OF_RANGE),))

    @property
    def days(self) -> Sequence[date]:
        """The days of the report, in order."""
        return [self.first_day + timedelta(number) for number in range((self.end_day - self.first_day).days)]

    def bounds(self, zone: tzinfo) -> Sequence[datetime]:
        """The first moments of each day and of the day after the last one, in UTC."""
        midnights = [datetime.combine(day, time.min, zone) for day in (*self.days, self.end_day)]
        return [midnight.astimezone(UTC) for midnight in midnights]


@attrs.frozen(kw_only=True)
class SalesFigures:
    """Sales in one currency.

    Attributes:
        currency: The name of the currency at checkout.
        orders: The number of orders.
        units: The number of pieces: an order has one piece of each of its units.
        revenue: The shares of the pieces in the totals of their orders.
        discounts: The prices of the pieces less the revenue.
    """

    currency: str
    orders: int
    units: int
    revenue: int
    discounts: int


@attrs.frozen
class SalesGroup:
    """The sales of one day, brand, product or platform in one currency.

    `key` is the number of the day in the range, from 0, or the id of the brand, product or platform. None: products
    without a brand.
    """

    key: int | None
    figures: SalesFigures


@attrs.frozen
class SalesSums:
    """The sales of each group, and of all orders, in each currency."""

    totals: Sequence[SalesFigures]
    groups: Sequence[SalesGroup]


@attrs.frozen
class SalesRow:
    """A row of a report. `day` is None, or `row_id` and the texts are those of the brand, the product or the platform.
    A product without a brand has neither.
    """

    figures: SalesFigures
    day: date | None = None
    row_id: int | None = None
    name: str | None = None
    sku: str | None = None
    site: str | None = None


@attrs.frozen
class SalesReport:
    """A report of sales. `totals` counts each order and each piece once."""

    query: SalesQuery
    zone: tzinfo
    totals: Sequence[SalesFigures]
    rows: Sequence[SalesRow]


@attrs.frozen
class SoldLine:
    """A line of an order, with the number of its day in the range, and its product and its unit as they are now."""

    order: Order
    line: OrderLine
    day: int
    product: Product
    unit: ProductUnit

    def keys(self, by: SalesKey) -> Sequence[int | None]:
        """The keys of the groups that the line belongs to: one for each brand of its product, otherwise one."""
        match by:
            case SalesKey.DAY:
                return (self.day,)
            case SalesKey.BRAND:
                return self.product.brand_ids or (None,)
            case SalesKey.PRODUCT:
                return (self.product.id,)
            case _:
                return (self.unit.platform_id,)


def sum_up(by: SalesKey, sold: Iterable[SoldLine]) -> SalesSums:
    """The sums of the lines that were sold. A store may compute them in another way."""
    everything: defaultdict[str, list[SoldLine]] = defaultdict(list)
    groups: defaultdict[tuple[int | None, str], list[SoldLine]] = defaultdict(list)
    for each in sold:
        currency = each.line.unit.currency.name
        everything[currency].append(each)
        for key in each.keys(by):
            groups[key, currency].append(each)
    return SalesSums(
        [_figures(currency, lines) for currency, lines in everything.items()],
        [SalesGroup(key, _figures(currency, lines)) for (key, currency), lines in groups.items()],
    )


def _figures(currency: str, sold: Sequence[SoldLine]) -> SalesFigures:
    revenue = sum(each.line.amount for each in sold)
    return SalesFigures(
        currency=currency,
        orders=len({each.order.id for each in sold}),
        units=len(sold),
        revenue=revenue,
        discounts=sum(each.line.unit.price for each in sold) - revenue,
    )
