"""Changes of single products and product units, and the stock ledger."""

from typing import Any

import attrs

from sellout_adapters.testing.harness import pytest
from sellout_adapters.testing.laws.races import RACERS, racing
from sellout_adapters.testing.scene import Scene, checkout_request, product_entry, shoe_size, unit_entry, whole_list
from sellout_core import errors
from sellout_core.audit import AuditQuery
from sellout_core.catalogue.products import Product, ProductView, UnitView
from sellout_core.catalogue.references import ReferenceKind
from sellout_core.catalogue.search import CatalogueQuery
from sellout_core.catalogue.stock import MovementKind, StockChange
from sellout_core.people.accounts import OPERATOR
from sellout_core.use_cases.audit import read_audit
from sellout_core.use_cases.catalogue.browsing import read_facets, read_page
from sellout_core.use_cases.catalogue.importing.entries import ProductEdit, UnitEdit
from sellout_core.use_cases.catalogue.products import (
    change_product,
    change_unit,
    create_product,
    create_unit,
    delete_product,
    read_unit,
)
from sellout_core.use_cases.catalogue.references import merge_reference, read_references
from sellout_core.use_cases.catalogue.stock import change_stock, read_stock
from sellout_core.use_cases.shopping.checkout import check_out
from sellout_core.use_cases.shopping.orders import read_order
from sellout_core.use_cases.shopping.wishlists import add_to_wishlist
from sellout_core.values import Money, ProductId, ProductUnitId, UserId

S41, S42 = shoe_size("41"), shoe_size("42")


def edit(scene: Scene, product_id: ProductId, **changes: Any) -> ProductView:
    """Changes a product in any version of it."""
    return change_product(scene.shop, OPERATOR, product_id, ProductEdit(**changes), lambda _: True)


def edit_unit(scene: Scene, unit_id: ProductUnitId, **changes: Any) -> UnitView:
    """Changes a unit in any version of it."""
    return change_unit(scene.shop, OPERATOR, unit_id, UnitEdit(**changes), lambda _: True)


def buy(scene: Scene, buyer_id: UserId, unit_id: ProductUnitId) -> Any:
    """Orders one piece of a unit."""
    scene.fill_cart(buyer_id, unit_id)
    return check_out(scene.shop, OPERATOR, buyer_id, checkout_request(scene.address(buyer_id), unit_id))


def require_balance(scene: Scene, unit_id: ProductUnitId, stock: int | None, sold: int) -> None:
    """Asserts that the movements of a unit add up to its stock and the pieces sold."""
    view = read_stock(scene.shop, OPERATOR, unit_id)
    assert (view.unit.stock, view.unit.sold) == (stock, sold)
    if stock is not None:
        assert sum(movement.change for movement in view.movements) - sold == stock


class ProductChangeLaws:
    """Changes of single products."""

    def test_a_created_product_is_found_and_changed(self, scene: Scene) -> None:
        entry = product_entry("one", name="Dunk", brands=("Nike",), categories=("Sport",), tags=("new",), gender="U")
        created = create_product(scene.shop, OPERATOR, entry)
        assert (created.product.sku, created.gender.name, created.brands[0].name) == ("one", "U", "Nike")
        assert found(scene, text="dunk") == ["one"]
        scene.clock.advance(hours=1)
        changed = edit(scene, created.product.id, name="Blazer", brands=("Nike", "Other"), tags=())
        assert changed.product == attrs.evolve(
            created.product,
            name="Blazer",
            brand_ids=changed.product.brand_ids,
            tag_ids=(),
            updated_at=scene.clock.now,
        )
        assert {brand.name for brand in changed.brands} == {"Nike", "Other"}
        assert (found(scene, text="dunk"), found(scene, text="blazer")) == ([], ["one"])
        assert found(scene, brands=("other",)) == ["one"]

    def test_two_products_never_have_the_same_sku(self, scene: Scene) -> None:
        results = racing(RACERS, lambda _: create_product(scene.shop, OPERATOR, product_entry("one")))
        assert sum(isinstance(result, errors.SkuTaken) for result in results) == RACERS - 1

    def test_a_hidden_product_is_not_listed_until_it_is_shown(self, scene: Scene) -> None:
        product, _ = scene.sell(product_entry("one", unit_entry(5)))
        edit(scene, product.id, available_flag=False)
        assert (listed(scene), read_facets(scene.shop, OPERATOR).products) == ([], 0)
        edit(scene, product.id, available_flag=True)
        assert (listed(scene), read_facets(scene.shop, OPERATOR).products) == (["one"], 1)

    def test_one_of_concurrent_changes_of_a_version_succeeds(self, scene: Scene) -> None:
        known, _ = scene.sell(product_entry("one"))

        def rename(number: int) -> ProductView:
            changes = ProductEdit(name=f"name {number}")
            return change_product(scene.shop, OPERATOR, known.id, changes, lambda view: view.product == known)

        results = racing(RACERS, rename)
        assert sum(isinstance(result, errors.Stale) for result in results) == RACERS - 1
        entries = whole_list(read_audit, scene.shop, OPERATOR, AuditQuery(kind="product"))
        assert [entry.action for entry in entries] == ["update"]

    def test_a_change_without_effect_writes_nothing(self, scene: Scene) -> None:
        product, _ = scene.sell(product_entry("one", name="Dunk"))
        scene.clock.advance(hours=1)
        assert edit(scene, product.id, name="Dunk").product == product
        assert edit(scene, product.id).product == product
        assert whole_list(read_audit, scene.shop, OPERATOR, AuditQuery(kind="product")) == []

    def test_a_product_is_deleted_with_its_sizes_and_units(self, scene: Scene) -> None:
        """Lists, pages and searches omit the product, and its sku can be used again."""
        scene.sell(product_entry("first", unit_entry(1)))
        product, [unit] = scene.sell(product_entry("one", unit_entry(5, S42, stock=2), name="Dunk"))
        scene.sell(product_entry("last", unit_entry(1)))
        deleted = delete_product(scene.shop, OPERATOR, product.id, lambda _: True)
        assert deleted.product == product
        assert (listed(scene), found(scene, text="dunk")) == (["first", "last"], [])
        assert read_facets(scene.shop, OPERATOR).products == 2
        with pytest.raises(errors.NotFound):
            read_unit(scene.shop, OPERATOR, unit.id)
        again, _ = scene.sell(product_entry("one"))
        assert again.id > product.id

    @pytest.mark.parametrize("referrer", ["carts", "wishlists", "orders"])
    def test_a_product_with_references_to_it_is_not_deleted(self, scene: Scene, referrer: str) -> None:
        anna = scene.user("anna")
        product, [unit] = scene.sell(product_entry("one", unit_entry(5)))
        if referrer == "carts":
            scene.fill_cart(anna, unit.id)
        elif referrer == "wishlists":
            add_to_wishlist(scene.shop, OPERATOR, anna, product.id, None)
        else:
            buy(scene, anna, unit.id)
        with pytest.raises(errors.StillReferredTo) as refusal:
            delete_product(scene.shop, OPERATOR, product.id, lambda _: True)
        assert refusal.value.referrers == (referrer,)
        assert listed(scene) == ["one"]

    def test_a_product_is_either_deleted_or_bought(self, scene: Scene) -> None:
        anna = scene.user("anna")
        scene.address(anna)
        made = [scene.sell(product_entry(f"p{number}", unit_entry(5))) for number in range(RACERS // 2)]

        def run(number: int) -> Any:
            product, [unit] = made[number // 2]
            if number % 2:
                return delete_product(scene.shop, OPERATOR, product.id, lambda _: True)
            return scene.fill_cart(anna, unit.id)

        results = racing(RACERS, run)
        left = {product.id for product in products(scene)}
        for number, (product, _) in enumerate(made):
            filled, deleted = results[2 * number], results[2 * number + 1]
            assert isinstance(filled, errors.NotFound | errors.UnitsUnavailable) == (product.id not in left)
            assert isinstance(deleted, errors.StillReferredTo) == (product.id in left)


class UnitChangeLaws:
    """Changes of single product units."""

    def test_a_created_unit_is_sold_at_its_price(self, scene: Scene) -> None:
        product, _ = scene.sell(product_entry("one"))
        created = create_unit(scene.shop, OPERATOR, product.id, unit_entry(7, S42))
        assert (created.price, created.size.grid, created.available) == (7, S42, True)
        limited = create_unit(scene.shop, OPERATOR, product.id, unit_entry(50, shoe_size("43"), stock=3))
        [movement] = read_stock(scene.shop, OPERATOR, limited.id).movements
        assert (movement.kind, movement.change) == (MovementKind.RECEIVED, 3)
        assert [card.min_price for card in read_page(scene.shop, OPERATOR, 1).items] == [7]
        anna = scene.user("anna")
        order = buy(scene, anna, created.id).order
        changed = edit_unit(scene, created.id, final_price=Money(9), platform="Other", site="/o", size=S41)
        assert (changed.price, changed.platform.name, changed.size.grid) == (9, "Other", S41)
        assert [card.min_price for card in read_page(scene.shop, OPERATOR, 1).items] == [9]
        assert read_order(scene.shop, OPERATOR, order.id).order == order
        assert order.total == 7

    def test_two_units_of_a_product_never_have_the_same_key(self, scene: Scene) -> None:
        product, [unit] = scene.sell(product_entry("one", unit_entry(5, S42)))
        for size in (S42, shoe_size("42.0")):
            with pytest.raises(errors.UnitExists):
                create_unit(scene.shop, OPERATOR, product.id, unit_entry(6, size))
        other = create_unit(scene.shop, OPERATOR, product.id, unit_entry(6, S41))
        with pytest.raises(errors.UnitExists):
            edit_unit(scene, other.id, size=S42)
        assert edit_unit(scene, unit.id, size=shoe_size("42.0")).size.grid == S42

    def test_two_units_of_merged_platforms_can_be_changed(self, scene: Scene) -> None:
        """They have one key. Neither change may give a third unit that key."""
        entries = [attrs.evolve(unit_entry(5, S42), platform=name, site="") for name in ("a", "b")]
        product, units = scene.sell(product_entry("one", *entries))
        rows = {row.name: row.id for row in read_references(scene.shop, OPERATOR, ReferenceKind.PLATFORM)}
        merge_reference(scene.shop, OPERATOR, ReferenceKind.PLATFORM, rows["a"], rows["b"])
        for unit in units:
            assert edit_unit(scene, unit.id, final_price=Money(6), availability=False).price == 6
        with pytest.raises(errors.UnitExists):
            create_unit(scene.shop, OPERATOR, product.id, entries[1])

    def test_a_sold_out_unit_is_not_made_available(self, scene: Scene) -> None:
        _, [unit] = scene.sell(product_entry("one", unit_entry(5, stock=1)))
        buy(scene, scene.user("anna"), unit.id)
        with pytest.raises(errors.InvalidFields):
            edit_unit(scene, unit.id, availability=True)
        assert edit_unit(scene, unit.id, final_price=Money(6), availability=False).available is False

    def test_a_concurrent_order_has_the_old_or_the_new_price(self, scene: Scene) -> None:
        _, [unit] = scene.sell(product_entry("one", unit_entry(100)))
        buyers = [scene.user(f"buyer{number}") for number in range(RACERS)]
        for buyer in buyers:
            scene.fill_cart(buyer, unit.id)
        addresses = [scene.address(buyer) for buyer in buyers]

        def run(number: int) -> Any:
            if number % 2:
                return edit_unit(scene, unit.id, final_price=Money(100 + number))
            return check_out(scene.shop, OPERATOR, buyers[number], checkout_request(addresses[number], unit.id))

        orders = [result.order for result in racing(RACERS, run) if hasattr(result, "order")]
        assert len(orders) == RACERS // 2
        assert {order.total for order in orders} <= {100, *(100 + number for number in range(1, RACERS, 2))}


class StockLedgerLaws:
    """The stock ledger: the movements less the sales are the stock."""

    def test_pieces_arrive_are_counted_and_sold(self, scene: Scene) -> None:
        _, [unit] = scene.sell(product_entry("one", unit_entry(5, stock=2)))
        anna, (staff_id, staff) = scene.user("anna"), scene.actor("staff", is_staff=True)
        require_balance(scene, unit.id, 2, 0)
        buy(scene, anna, unit.id)
        buy(scene, anna, unit.id)
        require_balance(scene, unit.id, 0, 2)
        scene.clock.advance(hours=1)
        view = change_stock(scene.shop, staff, unit.id, StockChange(received=5, reason="A delivery."))
        assert (view.unit.stock, view.unit.available) == (5, True)
        [latest, first] = view.movements
        assert (latest.kind, latest.change, latest.reason) == (MovementKind.RECEIVED, 5, "A delivery.")
        assert (latest.actor_id, latest.at, first.kind) == (staff_id, scene.clock.now, MovementKind.IMPORTED)
        buy(scene, anna, unit.id)
        change_stock(scene.shop, staff, unit.id, StockChange(counted=3))
        require_balance(scene, unit.id, 3, 3)
        view = change_stock(scene.shop, staff, unit.id, StockChange(counted=0))
        assert (view.unit.stock, view.unit.available) == (0, False)
        require_balance(scene, unit.id, 0, 3)

    def test_counting_limits_a_unit_that_was_bought_to_order(self, scene: Scene) -> None:
        _, [unit] = scene.sell(product_entry("one", unit_entry(5)))
        buy(scene, scene.user("anna"), unit.id)
        with pytest.raises(errors.InvalidFields):
            change_stock(scene.shop, OPERATOR, unit.id, StockChange(received=1))
        change_stock(scene.shop, OPERATOR, unit.id, StockChange(counted=4))
        require_balance(scene, unit.id, 4, 1)

    def test_imports_write_movements(self, scene: Scene) -> None:
        entry = product_entry("one", unit_entry(5, stock=2))
        _, [unit] = scene.sell(entry)
        buy(scene, scene.user("anna"), unit.id)
        for stock, left in ((7, 6), (None, None), (4, 3), (4, 3)):
            scene.sell(attrs.evolve(entry, units=(unit_entry(5, stock=stock),)))
            require_balance(scene, unit.id, left, 1)

    def test_an_available_unit_that_was_hidden_stays_hidden(self, scene: Scene) -> None:
        _, [unit] = scene.sell(product_entry("one", unit_entry(5, stock=2)))
        edit_unit(scene, unit.id, availability=False)
        assert change_stock(scene.shop, OPERATOR, unit.id, StockChange(received=1)).unit.available is False

    def test_concurrent_deliveries_counts_and_sales_balance(self, scene: Scene) -> None:
        _, [unit] = scene.sell(product_entry("one", unit_entry(5, stock=50)))
        buyers = [scene.user(f"buyer{number}") for number in range(RACERS)]
        for buyer in buyers:
            scene.fill_cart(buyer, unit.id)
        addresses = [scene.address(buyer) for buyer in buyers]

        def run(number: int) -> Any:
            if number % 2:
                return change_stock(scene.shop, OPERATOR, unit.id, StockChange(received=number))
            return check_out(scene.shop, OPERATOR, buyers[number], checkout_request(addresses[number], unit.id))

        racing(RACERS, run)
        sold = RACERS // 2
        require_balance(scene, unit.id, 50 + sum(range(1, RACERS, 2)) - sold, sold)


def found(scene: Scene, **query: Any) -> list[str]:
    """The skus of the matching products."""
    return [card.product.product.sku for card in read_page(scene.shop, OPERATOR, 1, 20, CatalogueQuery(**query)).items]


def listed(scene: Scene) -> list[str]:
    """The skus of the first page."""
    return [card.product.product.sku for card in read_page(scene.shop, OPERATOR, 1).items]


def products(scene: Scene) -> list[Product]:
    """The products."""
    return list(scene.store.read(lambda tx: tx.products.after(0, 100)))
