"""Laws of stock: pieces left and pieces sold, with concurrent imports and sales."""

from typing import Any

import attrs

from sellout_adapters.testing.harness import pytest
from sellout_adapters.testing.laws.races import RACERS, racing, take
from sellout_adapters.testing.scene import Scene, checkout_request, product_entry, unit_entry
from sellout_core import errors
from sellout_core.catalogue.products import NewProductUnit, NewSize, ProductUnit
from sellout_core.people.accounts import OPERATOR
from sellout_core.ports.store import Transaction
from sellout_core.use_cases.catalogue.importing.entries import ProductEntry
from sellout_core.use_cases.catalogue.importing.exporting import export_products
from sellout_core.use_cases.catalogue.importing.writing import import_products
from sellout_core.use_cases.shopping.checkout import check_out
from sellout_core.values import ProductUnitId

FIRST_STOCK = 5


def found(scene: Scene, unit_id: ProductUnitId) -> ProductUnit:
    """The current unit."""
    return scene.store.read(lambda tx: tx.units.get_many([unit_id]))[unit_id]


def exported(scene: Scene) -> list[ProductEntry]:
    """The exported products."""
    entries: list[ProductEntry] = []
    export_products(scene.shop, OPERATOR, entries.append)
    return entries


class StockLaws:
    """Pieces left and pieces sold, across imports."""

    def test_pieces_sold_are_counted_for_every_kind_of_unit(self, scene: Scene) -> None:
        limited, on_demand = scene.unit("one", 10, stock=2), scene.unit("two", 10)
        gone = scene.unit("three", 10, availability=False)
        for _ in range(2):
            got = scene.store.write(
                lambda tx: tx.units.take(list(tx.units.get_many([limited, on_demand, gone]).values()))
            )
            assert got == {unit_id: found(scene, unit_id) for unit_id in (limited, on_demand)}
        assert [found(scene, unit_id).sold for unit_id in (limited, on_demand, gone)] == [2, 2, 0]
        assert scene.store.write(lambda tx: take(tx, limited)) == {}
        assert found(scene, limited).sold == 2

    def test_concurrent_sales_are_all_counted(self, scene: Scene) -> None:
        unit = scene.unit("one", 10)
        racing(RACERS, lambda _: scene.store.write(lambda tx: take(tx, unit)))
        assert found(scene, unit).sold == RACERS

    def test_the_number_sold_is_stored_and_saved(self, scene: Scene) -> None:
        unit = scene.unit("one", 10, stock=2, sold=10**9)
        assert found(scene, unit).sold == 10**9
        scene.store.write(lambda tx: tx.units.save_many([attrs.evolve(found(scene, unit), sold=7)]))
        assert found(scene, unit).sold == 7

    def test_importing_an_older_export_does_not_return_sold_pieces(self, scene: Scene) -> None:
        unit = scene.unit("one", 10, stock=1)
        before = exported(scene)
        buyers = [scene.user("anna"), scene.user("bert")]
        for buyer in buyers:
            scene.fill_cart(buyer, unit)
        check_out(scene.shop, OPERATOR, buyers[0], checkout_request(scene.address(buyers[0]), unit))
        for price in (11, 12):
            [entry] = before
            repriced = attrs.evolve(entry, units=(unit_entry(price, stock=1),))
            import_products(scene.shop, OPERATOR, [repriced])
            now = found(scene, unit)
            assert (now.price, now.stock, now.sold, now.available) == (price, 0, 1, False)
        with pytest.raises(errors.UnitsUnavailable):
            check_out(scene.shop, OPERATOR, buyers[1], checkout_request(scene.address(buyers[1]), unit))

    @pytest.mark.parametrize("counted", [False, True])
    def test_imports_concurrent_with_checkouts_keep_the_stock_exact(self, scene: Scene, counted: bool) -> None:
        """An import states the received pieces: those left and those sold. With `counted` it states the pieces left."""
        unit = scene.unit("one", 10, stock=FIRST_STOCK)
        buyers = [scene.user(f"buyer{n}") for n in range(RACERS)]
        asks = []
        for buyer in buyers:
            scene.fill_cart(buyer, unit)
            asks.append(checkout_request(scene.address(buyer), unit))
        entries = [product_entry("one", unit_entry(20 + n, stock=FIRST_STOCK + n)) for n in range(2)]

        def call(n: int) -> Any:
            if n < RACERS:
                return check_out(scene.shop, OPERATOR, buyers[n], asks[n])
            return import_products(scene.shop, OPERATOR, [entries[n - RACERS]], counted=counted)

        results = racing(RACERS + 2, call)
        refusals = [result for result in results[:RACERS] if isinstance(result, errors.SellOutError)]
        assert {type(refusal) for refusal in refusals} <= {errors.UnitsUnavailable}
        now = found(scene, unit)
        assert now.stock is not None
        assert now.sold == RACERS - len(refusals)
        assert now.sold == sum(len(order.lines) for order in scene.store.read(lambda tx: tx.orders.after(0, 100)))
        if not counted:
            # The last import decides. If it states fewer pieces than were sold, no piece is left.
            assert now.stock + now.sold in {max(FIRST_STOCK, now.sold), max(FIRST_STOCK + 1, now.sold)}
        else:
            assert now.stock <= FIRST_STOCK + 1

    def test_stock_never_goes_below_zero_and_sold_out_units_are_unavailable(self, scene: Scene) -> None:
        unit = scene.unit("one", 10, stock=3)
        got = racing(RACERS, lambda _: list(scene.store.write(lambda tx: take(tx, unit))))
        assert sorted(got) == [[]] * (RACERS - 3) + [[unit]] * 3
        found = scene.store.read(lambda tx: tx.units.get_many([unit]))[unit]
        assert (found.stock, found.available) == (0, False)

    def test_taking_does_not_change_unlimited_and_unavailable_units(self, scene: Scene) -> None:
        on_demand, gone = scene.unit("one", 10), scene.unit("two", 10, availability=False, stock=5)
        some = scene.unit("three", 10, stock=2)
        assert set(scene.store.write(lambda tx: take(tx, some, gone, on_demand))) == {on_demand, some}
        found = scene.store.read(lambda tx: tx.units.get_many([on_demand, gone, some]))
        assert [(u.stock, u.available) for u in found.values()] == [(None, True), (5, False), (1, True)]

    @pytest.mark.parametrize("sold_of_the_other", [0, 2])
    def test_duplicate_units_of_one_size_do_not_return_sold_pieces(self, scene: Scene, sold_of_the_other: int) -> None:
        """An older version could store a unit twice, with two spellings of its size. The second one was withdrawn."""
        unit_id = scene.unit("one", 10, stock=1)
        unit = found(scene, unit_id)
        grid = attrs.evolve(unit.size.grid, eu=f"{unit.size.grid.eu}.0")

        def add_duplicate(tx: Transaction) -> None:
            (size,) = tx.sizes.add_many([NewSize(unit.product_id, grid)])
            fields = {name: getattr(unit, name) for name in attrs.fields_dict(NewProductUnit) if name != "size_id"}
            duplicate = NewProductUnit(size_id=size.id, **fields | {"available": False, "sold": sold_of_the_other})
            tx.units.add_many([duplicate])

        scene.store.write(add_duplicate)
        before = exported(scene)
        scene.store.write(lambda tx: take(tx, unit_id))
        for entries in (before, before, exported(scene)):
            import_products(scene.shop, OPERATOR, entries)
            assert (found(scene, unit_id).stock, found(scene, unit_id).available) == (0, False)
            units = scene.store.read(lambda tx: tx.units.of_products([unit.product_id]))
            assert not any(each.available for each in units)
