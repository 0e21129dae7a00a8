"""Laws of the search for orders."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import product

import attrs

from sellout_adapters.testing.harness import pytest
from sellout_adapters.testing.scene import Scene, checkout_request, product_entry, shoe_size, unit_entry
from sellout_core.errors import FieldCode, InvalidFields
from sellout_core.fulfilment.statuses import STATUSES
from sellout_core.people.accounts import OPERATOR
from sellout_core.ports.lists import WHOLE, Part
from sellout_core.ports.store import Transaction
from sellout_core.shopping.order_search import OrderQuery
from sellout_core.shopping.ordering import NewOrder, Order
from sellout_core.use_cases.shopping.checkout import check_out
from sellout_core.use_cases.shopping.orders import read_orders
from sellout_core.values import OrderId, UserId

NOW = datetime.fromisoformat("2026-03-01T12:00:00Z")


def orders_of_both(scene: Scene) -> Sequence[Order]:
    """Seven orders of two buyers, each of one or two of three units, whose times do not ascend with their ids."""
    _, units = scene.sell(product_entry("one", unit_entry(7, shoe_size("42")), unit_entry(8, shoe_size("43"))))
    bought = [*(unit.id for unit in units), scene.unit("two", 100)]
    buyers = [scene.user("anna"), scene.user("boris")]
    copied = []
    for buyer, wanted in ((buyers[0], bought[:2]), (buyers[0], bought[2:]), (buyers[1], bought[1:])):
        scene.fill_cart(buyer, *wanted)
        request = checkout_request(scene.address(buyer), *wanted)
        copied.append(check_out(scene.shop, OPERATOR, buyer, request).order)
    later = [
        attrs.evolve(order, placed_at=NOW + timedelta(hours=hours))
        for order, hours in zip((*copied, copied[0]), (5, 1, 3, -9), strict=True)
    ]
    return [*copied, *scene.store.write(lambda tx: copies_of(tx, later))]


def copies_of(tx: Transaction, orders: Sequence[Order]) -> list[Order]:
    """New orders with the values of others."""
    names = [field.name for field in attrs.fields(NewOrder)]
    return [tx.orders.add(NewOrder(**{name: getattr(order, name) for name in names})) for order in orders]


def found(scene: Scene, query: OrderQuery, part: Part = WHOLE) -> list[OrderId]:
    """The ids of the orders that staff find."""
    ids: list[OrderId] = []
    read_orders(scene.shop, OPERATOR, lambda views: ids.extend(view.order.id for view in views), part, query)
    return ids


class OrderSearchLaws:
    """The search for orders finds those that match, by id."""

    def test_each_mixture_of_filters_finds_the_orders_that_match_it(self, scene: Scene) -> None:
        orders = orders_of_both(scene)
        times = (None, NOW - timedelta(hours=9), NOW + timedelta(hours=3))
        matched = set()
        for buyer, sku, since, until in product(
            (None, *{order.buyer_id for order in orders}, UserId(99)), (None, "one", "two", "three"), times, times
        ):
            query = OrderQuery(status_name="pending", buyer_id=buyer, product_sku=sku, since=since, until=until)
            wanted = [
                order.id
                for order in orders
                if OrderQuery(buyer_id=buyer, product_sku=sku, since=since, until=until).matches(order)
            ]
            assert found(scene, query) == wanted
            assert found(scene, query, Part(limit=1)) == wanted[:1]
            assert found(scene, query, Part(after=orders[2].id)) == [each for each in wanted if each > orders[2].id]
            matched.add(tuple(wanted))
        assert len(matched) > 10
        assert found(scene, OrderQuery()) == [order.id for order in orders]

    def test_an_order_with_two_units_of_a_product_is_found_once(self, scene: Scene) -> None:
        orders = orders_of_both(scene)
        assert found(scene, OrderQuery(product_sku="one"), Part(limit=2)) == [orders[0].id, orders[2].id]

    def test_the_span_of_a_time_has_the_lowest_and_the_highest_id(self, scene: Scene) -> None:
        orders = orders_of_both(scene)

        def span(since: datetime | None, until: datetime | None) -> tuple[OrderId, OrderId] | None:
            return scene.store.read(lambda tx: tx.orders.span(since, until))

        hour = timedelta(hours=1)
        assert span(None, None) == (orders[0].id, orders[-1].id)
        assert span(NOW + hour, NOW + 5 * hour) == (orders[4].id, orders[5].id)
        assert span(None, NOW) == (orders[6].id, orders[6].id)
        assert span(NOW + 6 * hour, None) is None
        assert span(NOW + hour, NOW + hour) is None

    def test_an_unknown_status_is_refused(self, scene: Scene) -> None:
        with pytest.raises(InvalidFields) as refused:
            found(scene, OrderQuery(status_name="Pending"))
        [field] = refused.value.fields
        assert (field.name, field.code) == ("status_name", FieldCode.NOT_ONE_OF)
        assert field.reason == "must be one of " + ", ".join(STATUSES.values())
