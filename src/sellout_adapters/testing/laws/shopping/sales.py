"""Laws of the reports of sales."""

from bisect import bisect_right
from collections.abc import Sequence
from datetime import UTC, date, timedelta, timezone
from typing import Any

import attrs

from sellout_adapters.testing.harness import pytest
from sellout_adapters.testing.laws.fulfilment.fulfilment import cancel, stored
from sellout_adapters.testing.laws.shopping.order_search import NOW, copies_of
from sellout_adapters.testing.scene import Scene, checkout_request, product_entry, shoe_size, unit_entry
from sellout_core.catalogue.references import ReferenceKind
from sellout_core.people.accounts import OPERATOR
from sellout_core.shopping.ordering import Order
from sellout_core.shopping.sales import SalesKey, SalesQuery, SalesReport, SalesSums, SoldLine, sum_up
from sellout_core.use_cases.catalogue.references import merge_reference
from sellout_core.use_cases.shopping.checkout import check_out
from sellout_core.use_cases.shopping.sales import read_sales

TODAY = NOW.date()
BOUNDS = [NOW + timedelta(days=day) for day in range(-2, 3)]


def sold(scene: Scene) -> Sequence[Order]:
    """Orders of units with one, two and no brands, of two platforms and two currencies, with and without a promo code,
    within and outside of `BOUNDS`. A unit of two of them is cancelled.
    """
    _, pairs = scene.sell(
        product_entry(
            "pair",
            unit_entry(7, shoe_size("42")),
            unit_entry(10, shoe_size("43"), platform="StockX"),
            brands=("Nike", "Adidas"),
        )
    )
    single = scene.unit("single", 100)
    _, (plain,) = scene.sell(product_entry("plain", unit_entry(5), brands=()))
    yuan = scene.unit("yuan", 9, currency="CNY")
    buyer, owner = scene.user("anna"), scene.user("owner")
    scene.promo_code("Sale", owner)
    placed = []
    for wanted, code in (([*(unit.id for unit in pairs), single], "Sale"), ([plain.id, single], ""), ([yuan], "")):
        scene.fill_cart(buyer, *wanted)
        request = checkout_request(scene.address(buyer), *wanted, promo_code=code)
        placed.append(check_out(scene.shop, OPERATOR, buyer, request).order)
    microsecond = timedelta(microseconds=1)
    times = [bound - early for bound in (BOUNDS[0], BOUNDS[1], BOUNDS[-1]) for early in (microsecond, timedelta(0))]
    moved = [attrs.evolve(order, placed_at=time) for order in placed for time in times]
    scene.store.write(lambda tx: copies_of(tx, moved))
    for order in placed[:2]:
        cancel(scene, order, order.lines[0].unit.id)
    return scene.store.read(lambda tx: tx.orders.after(0, 1_000))


def defined(scene: Scene, by: SalesKey, orders: Sequence[Order]) -> SalesSums:
    """What the definition says."""
    live = {(order.id, line.unit_id) for order in orders for line in stored(scene, order.id).live}
    within = [order for order in orders if BOUNDS[0] <= order.placed_at < BOUNDS[-1]]
    lines = [(order, line) for order in within for line in order.lines if (order.id, line.unit.id) in live]

    def read(tx: Any) -> SalesSums:
        products = tx.products.get_many({line.unit.product.product.id for _, line in lines})
        units = tx.units.get_many({line.unit.id for _, line in lines})
        return sum_up(
            by,
            [
                SoldLine(
                    order,
                    line,
                    bisect_right(BOUNDS, order.placed_at) - 1,
                    products[line.unit.product.product.id],
                    units[line.unit.id],
                )
                for order, line in lines
            ],
        )

    return scene.store.read(read)


def report(scene: Scene, by: SalesKey, days: int = 10) -> SalesReport:
    """A report of the days before and after the checkouts of the scene."""
    query = SalesQuery(first_day=TODAY - timedelta(days), end_day=TODAY + timedelta(days), by=by)
    return read_sales(scene.shop, OPERATOR, query)


class SalesLaws:
    """Every store computes the sales that the core defines."""

    @pytest.mark.parametrize("by", SalesKey)
    def test_a_store_computes_what_the_definition_says(self, scene: Scene, by: SalesKey) -> None:
        orders = sold(scene)
        wanted = defined(scene, by, orders)
        found = scene.store.read(lambda tx: tx.sales.between(by, BOUNDS, 100))
        assert sorted(map(repr, found.groups)) == sorted(map(repr, wanted.groups))
        assert sorted(map(repr, found.totals)) == sorted(map(repr, wanted.totals))
        assert len(wanted.groups) >= 3
        assert {figures.currency for figures in wanted.totals} == {"RUB", "CNY"}
        few = scene.store.read(lambda tx: tx.sales.between(by, BOUNDS, 2))
        assert len(few.groups) == 2
        assert all(group in wanted.groups for group in few.groups)
        assert sorted(map(repr, few.totals)) == sorted(map(repr, wanted.totals))

    @pytest.mark.parametrize("by", SalesKey)
    def test_without_an_order_there_is_nothing(self, scene: Scene, by: SalesKey) -> None:
        sold(scene)
        later = [BOUNDS[-1] + timedelta(days=day) for day in (1, 2)]
        assert scene.store.read(lambda tx: tx.sales.between(by, later, 9)) == SalesSums([], [])

    def test_a_merge_of_brands_holds_for_older_orders(self, scene: Scene) -> None:
        """A row has the brand that is left, and a piece of both brands counts once."""
        sold(scene)
        rows = {row.name: row for row in report(scene, SalesKey.BRAND).rows if row.figures.currency == "RUB"}
        assert set(rows) == {None, "Nike", "Adidas"}
        ids = [rows[name].row_id for name in ("Adidas", "Nike")]
        merge_reference(scene.shop, OPERATOR, ReferenceKind.BRAND, *ids)  # type: ignore[arg-type]
        merged = {row.name: row for row in report(scene, SalesKey.BRAND).rows if row.figures.currency == "RUB"}
        assert merged == {name: rows[name] for name in (None, "Nike")}

    def test_days_begin_at_midnight_in_the_time_zone_of_the_shop(self, scene: Scene) -> None:
        orders = sold(scene)
        for hours in (0, 12, -12):
            zone = timezone(timedelta(hours=hours))
            shop = attrs.evolve(scene.shop, policy=attrs.evolve(scene.shop.policy, time_zone=zone))
            query = SalesQuery(first_day=date(2026, 2, 1), end_day=date(2026, 4, 1), by=SalesKey.DAY)
            rows = [row for row in read_sales(shop, OPERATOR, query).rows if row.figures.currency == "CNY"]
            days = sorted(order.placed_at.astimezone(zone).date() for order in orders if len(order.lines) == 1)
            assert [row.day for row in rows] == sorted(set(days))
            assert [row.figures.orders for row in rows] == [days.count(day) for day in sorted(set(days))]
        assert NOW.tzinfo == UTC
