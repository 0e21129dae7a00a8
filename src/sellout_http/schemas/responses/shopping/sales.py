"""The documents of the reports of sales."""

from datetime import date
from typing import Annotated

from msgspec import Meta, Struct

from sellout_core.shopping.sales import SalesKey

Currency = Annotated[str, Meta(description="The name of the currency at checkout.")]
Orders = Annotated[int, Meta(description="The number of orders.")]
Units = Annotated[int, Meta(description="The number of pieces.")]
Revenue = Annotated[int, Meta(description="The shares of the pieces in the totals of their orders.")]
Discounts = Annotated[int, Meta(description="The prices of the pieces less `revenue`.")]


class SalesTotal(Struct, frozen=True, gc=False):
    """All sales of the days in one currency. Each order and each piece counts once."""

    currency: Currency
    orders: Orders
    units: Units
    revenue: Revenue
    discounts: Discounts


class SalesRow(Struct, frozen=True, gc=False):
    """The sales of one day, brand, product or platform in one currency."""

    day: Annotated[date | None, Meta(description="The day, in a report by day. Otherwise null.")]
    id: Annotated[
        int | None,
        Meta(description="The id of the brand, product or platform. Null in other rows."),
    ]
    name: Annotated[str | None, Meta(description="The name of the brand, product or platform.")]
    sku: Annotated[str | None, Meta(description="The sku of the product.")]
    site: Annotated[str | None, Meta(description="The site of the platform.")]
    currency: Currency
    orders: Orders
    units: Units
    revenue: Revenue
    discounts: Discounts


class SalesReport(Struct, frozen=True, rename={"begin": "from", "end": "to"}):
    """A report of sales."""

    begin: Annotated[date, Meta(description="The first day.")]
    end: Annotated[date, Meta(description="The day after the last one.")]
    time_zone: Annotated[str, Meta(description="The shop's time zone, in which the days begin and end.")]
    by: Annotated[SalesKey, Meta(description="What each row stands for.")]
    totals: Annotated[tuple[SalesTotal, ...], Meta(description="The sales of all orders, for each currency.")]
    rows: Annotated[
        tuple[SalesRow, ...],
        Meta(description="By day or id, then by currency. Days, brands and others without an order are left out."),
    ]
