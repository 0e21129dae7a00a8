"""Laws of orders: they show products and units as they were at checkout."""

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from typing import Any

import attrs

from sellout_adapters.testing.harness import pytest
from sellout_adapters.testing.laws.races import RACERS, racing
from sellout_adapters.testing.scene import Scene, checkout_request, product_entry, shoe_size, unit_entry, whole_list
from sellout_core.catalogue.products import ReferenceNames
from sellout_core.people.accounts import OPERATOR, Actor
from sellout_core.ports.store import Transaction
from sellout_core.use_cases.shopping.checkout import check_out
from sellout_core.use_cases.shopping.orders import read_order, read_orders, read_user_orders
from sellout_core.values import Money, OrderId, UserId
from sellout_core.views import OrderView

SKU = "agreed"
ORDERED_UNIT = unit_entry(7, shoe_size("42"))
ORDERED_PRODUCT = product_entry(SKU, ORDERED_UNIT, unit_entry(9, shoe_size("41"), stock=5))


def imported(**product: Any) -> Callable[[Scene], None]:
    """An import that changes some members of the product."""
    return lambda scene: scene.sell(attrs.evolve(ORDERED_PRODUCT, **product)) and None


def imported_unit(**unit: Any) -> Callable[[Scene], None]:
    """An import that changes members of the ordered unit. If they identify units, it replaces the unit."""
    return imported(units=(attrs.evolve(ORDERED_UNIT, **unit), *(ORDERED_PRODUCT.units or ())[1:]))


def saved(scene: Scene) -> None:
    """Changes the product and its units with the ports' methods for saving."""

    def work(tx: Transaction) -> None:
        product = tx.products.by_sku([SKU])[SKU]
        names = frozenset({"Other"})
        references = tx.references.ensure(
            ReferenceNames(names, names, names, names, frozenset({("Other", "/other")}), names, names)
        )
        units = tx.units.of_products([product.id])
        tx.products.save_many(
            [
                attrs.evolve(
                    product,
                    name="Renamed",
                    description="Rewritten",
                    bucket_link="/moved",
                    available=False,
                    updated_at=product.updated_at + timedelta(1),
                    gender_id=max(references.genders),
                    brand_ids=(max(references.brands),),
                    category_ids=(max(references.categories),),
                    tag_ids=(max(references.tags),),
                )
            ]
        )
        tx.units.save_many(
            [
                attrs.evolve(
                    unit,
                    price=Money(1),
                    currency_id=max(references.currencies),
                    delivery_type_id=max(references.delivery_types),
                    platform_id=max(references.platforms),
                    available=False,
                    size_id=size.id,
                    size=size,
                )
                for unit, size in zip(units, [unit.size for unit in reversed(units)], strict=True)
            ]
        )

    scene.store.write(work)


CHANGES: Mapping[str, Callable[[Scene], None]] = {
    "name": imported(name="Another name"),
    "description": imported(description="Another description"),
    "link": imported(bucket_link="/elsewhere"),
    "brand": imported(brands=("Puma", "Adidas")),
    "categories": imported(categories=()),
    "tags": imported(tags=("Winter", "Style")),
    "gender": imported(gender="U"),
    "numbers": imported(fit=3, rel_num=4),
    "date": imported(add_date=date(2020, 2, 29)),
    "listed": imported(available_flag=False),
    "price": imported_unit(final_price=Money(8)),
    "currency": imported_unit(currency="CNY"),
    "availability": imported_unit(availability=False),
    "stock": imported_unit(stock=3),
    "size": imported_unit(size=shoe_size("47")),
    "platform": imported_unit(platform="StockX"),
    "site": imported_unit(site="/another"),
    "delivery type": imported_unit(delivery_type="Поезд"),
    "no units": imported(units=()),
    "everything saved": saved,
}


def order_views(scene: Scene, buyer: UserId, order_id: OrderId) -> list[OrderView]:
    """The order in the results of all use cases that read orders."""
    return [
        read_order(scene.shop, OPERATOR, order_id),
        next(view for view in whole_list(read_user_orders, scene.shop, OPERATOR, buyer) if view.order.id == order_id),
        next(view for view in whole_list(read_orders, scene.shop, OPERATOR) if view.order.id == order_id),
    ]


class AgreedOrderLaws:
    """An order shows its products and units as they were agreed (docs/http-contract.md#checkout-7)."""

    @pytest.mark.parametrize("change", CHANGES)
    def test_an_order_shows_what_was_agreed(self, scene: Scene, change: str) -> None:
        """After later changes, all use cases return the order as the checkout returned it."""
        product, units = scene.sell(ORDERED_PRODUCT)
        buyer, actor = scene.actor("anna")
        wanted = [unit.id for unit in units]
        scene.fill_cart(buyer, *wanted)
        answer = check_out(scene.shop, actor, buyer, checkout_request(scene.address(buyer), *wanted))
        scene.clock.advance(days=1)
        CHANGES[change](scene)
        assert scene.store.read(lambda tx: tx.products.get_many([product.id]))[product.id] != product
        assert order_views(scene, buyer, answer.order.id) == [answer] * 3
        assert [unit.product.product for unit in answer.units] == [product, product]

    def test_an_order_of_the_last_piece_stays_as_it_was_at_checkout(self, scene: Scene) -> None:
        """The unit in the order stays sold out after a restock."""
        _, (unit,) = scene.sell(product_entry("last", unit_entry(7, stock=1)))
        buyer, actor = scene.actor("anna")
        scene.fill_cart(buyer, unit.id)
        answer = check_out(scene.shop, actor, buyer, checkout_request(scene.address(buyer), unit.id))
        scene.sell(product_entry("last", unit_entry(7, stock=9)))
        assert [view.available for view in answer.units] == [False]
        assert order_views(scene, buyer, answer.order.id) == [answer] * 3

    def test_concurrent_first_orders_of_the_same_units_succeed(self, scene: Scene) -> None:
        """Concurrent checkouts store the same copies of units, in different sequences."""
        _, units = scene.sell(ORDERED_PRODUCT)
        some = [unit.id for unit in units]
        buyers = [scene.user(f"buyer{number}") for number in range(RACERS)]
        asks = {}
        for number, buyer in enumerate(buyers):
            scene.fill_cart(buyer, *some)
            wanted = [some, some[::-1], some[:1], some[1:]][number % 4]
            asks[buyer] = checkout_request(scene.address(buyer), *wanted)
        several = [buyer for number, buyer in enumerate(buyers) if number % 4 != 3][:5]
        answers = racing(len(several), lambda n: check_out(scene.shop, Actor(several[n]), several[n], asks[several[n]]))
        for buyer, answer in zip(several, answers, strict=True):
            assert order_views(scene, buyer, answer.order.id) == [answer] * 3
