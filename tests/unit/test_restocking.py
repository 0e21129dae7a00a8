"""The stock of sold units after an import, and what the import reports."""

import attrs
import pytest

from sellout_adapters.testing.scene import product_entry, shoe_size, unit_entry
from sellout_core.catalogue.products import NewSize, ProductUnit
from sellout_core.people.accounts import OPERATOR
from sellout_core.ports.store import Transaction
from sellout_core.use_cases.catalogue.importing.changes import ImportCounts, ImportResult, Stock
from sellout_core.use_cases.catalogue.importing.entries import ProductEntry
from sellout_core.use_cases.catalogue.importing.exporting import export_products
from sellout_core.use_cases.catalogue.importing.writing import import_products
from sellout_core.values import MAX_STOCK, UNCHANGED, Money, ProductId, ProductUnitId
from tests.unit.shop_scene import Scene

S41, S42 = shoe_size("41"), shoe_size("42")


def load(scene: Scene, *entries: ProductEntry, counted: bool = False, dry_run: bool = False) -> ImportResult:
    return import_products(scene.shop, OPERATOR, entries, counted=counted, dry_run=dry_run)


def units(scene: Scene) -> list[ProductUnit]:
    return list(scene.store.read(lambda tx: tx.units.of_products([ProductId(1)])))


def sell(scene: Scene, pieces: int) -> None:
    """Sells this number of pieces of the first unit."""
    for _ in range(pieces):
        assert scene.store.write(lambda tx: tx.units.take(list(tx.units.get_many([ProductUnitId(1)]).values())))


@pytest.mark.parametrize(
    ("first", "pieces", "stock", "sold", "counted", "left", "out_of_range"),
    [
        (5, 2, 5, 0, False, 3, None),
        (5, 2, 3, 2, False, 3, None),
        (5, 2, 8, 0, False, 6, None),
        (5, 2, 4, 1, False, 3, None),
        (5, 5, 5, 0, False, 0, None),
        (5, 2, 1, 0, False, 0, -1),
        (5, 5, 2, 1, False, 0, -2),
        (5, 2, 1, 0, True, 1, None),
        (5, 2, 1, 9, True, 1, None),
        (5, 2, 0, 0, True, 0, None),
        (5, 2, UNCHANGED, 0, False, 3, None),
        (5, 2, UNCHANGED, 9, True, 3, None),
        (5, 2, None, 0, False, None, None),
        (5, 2, None, 9, True, None, None),
        (None, 2, 5, 0, False, 3, None),
        (None, 2, UNCHANGED, 0, False, None, None),
        (None, 2, None, 7, False, None, None),
        (5, 2, MAX_STOCK, 3, False, MAX_STOCK, MAX_STOCK + 1),
        (5, 2, MAX_STOCK, 2, False, MAX_STOCK, None),
    ],
)
def test_what_was_sold_stays_sold(
    scene: Scene,
    first: int | None,
    pieces: int,
    stock: Stock,
    sold: int,
    counted: bool,
    left: int | None,
    out_of_range: int | None,
) -> None:
    load(scene, product_entry("dunk", unit_entry(7, stock=first)))
    sell(scene, pieces)
    entry = product_entry("dunk", unit_entry(7, stock=stock, sold=sold))
    result = load(scene, entry, counted=counted)
    [unit] = units(scene)
    assert (unit.stock, unit.sold, unit.available) == (left, pieces, left != 0)
    assert [change.out_of_range for each in result.changes for change in each.units if change.out_of_range] == (
        [] if out_of_range is None else [out_of_range]
    )
    again = load(scene, entry, counted=counted)
    assert (again.counts, units(scene)) == (ImportCounts(unchanged=1), [unit])
    assert len(again.changes) == (out_of_range is not None)


@pytest.mark.parametrize("stock", [UNCHANGED, None, 0, 3])
@pytest.mark.parametrize("counted", [False, True])
def test_a_new_unit_is_as_the_line_says(scene: Scene, stock: Stock, counted: bool) -> None:
    load(scene, product_entry("dunk", unit_entry(7, stock=stock, sold=4)), counted=counted)
    [unit] = units(scene)
    assert (unit.stock, unit.sold, unit.available) == (None if stock is UNCHANGED else stock, 4, stock != 0)


def test_what_is_sold_out_stays_unavailable_when_its_stock_is_left_alone(scene: Scene) -> None:
    load(scene, product_entry("dunk", unit_entry(7, stock=1)))
    sell(scene, 1)
    load(scene, product_entry("dunk", unit_entry(8, stock=UNCHANGED)))
    [unit] = units(scene)
    assert (unit.price, unit.stock, unit.available) == (8, 0, False)


def test_an_export_holds_what_is_left_and_what_was_sold(scene: Scene) -> None:
    load(scene, product_entry("dunk", unit_entry(7, stock=5), unit_entry(7, S41, sold=3)))
    sell(scene, 2)
    entries: list[ProductEntry] = []
    export_products(scene.shop, OPERATOR, entries.append)
    assert [(unit.stock, unit.sold) for unit in entries[0].units or ()] == [(3, 2), (None, 3)]
    other, copied = Scene(), list[ProductEntry]()
    load(other, *entries)
    export_products(other.shop, OPERATOR, copied.append)
    assert copied == entries
    assert load(scene, *entries).counts == ImportCounts(unchanged=1)


def test_an_export_holds_no_more_sold_than_an_import_takes(scene: Scene) -> None:
    load(scene, product_entry("dunk", unit_entry(7, sold=MAX_STOCK)))
    sell(scene, 1)
    entries: list[ProductEntry] = []
    export_products(scene.shop, OPERATOR, entries.append)
    assert [unit.sold for unit in entries[0].units or ()] == [MAX_STOCK]


def test_a_size_spelt_otherwise_is_found_and_keeps_its_spelling(scene: Scene) -> None:
    load(scene, product_entry("dunk", unit_entry(7, S42, stock=3)))
    [before] = units(scene)
    load(scene, product_entry("dunk", unit_entry(8, shoe_size("42.0"), stock=3)))
    assert units(scene) == [attrs.evolve(before, price=Money(8))]
    load(scene, product_entry("dunk", unit_entry(8, shoe_size("042"), stock=3), unit_entry(9, shoe_size("0.0"))))
    sizes = scene.store.read(lambda tx: tx.sizes.of_products([ProductId(1)]))
    assert [unit.size.grid for unit in units(scene)] == [S42, shoe_size("0")]
    assert [size.grid for size in sizes] == [S42, shoe_size("0")]


def test_new_units_of_one_size_in_two_spellings_share_it(scene: Scene) -> None:
    load(scene, product_entry("dunk", unit_entry(7, S42), unit_entry(7, shoe_size("42.0"), platform="GOAT")))
    assert [unit.size.grid for unit in units(scene)] == [S42, S42]


@pytest.mark.parametrize("available", [[True, False], [False, True], [True, True], [False, False]])
def test_of_two_units_of_one_size_the_available_one_counts(scene: Scene, available: list[bool]) -> None:
    """An earlier version created two units if a file spelt a size in another way."""
    load(scene, product_entry("dunk", unit_entry(7, S42), unit_entry(7, S41)))
    [first, second] = units(scene)

    def spell(tx: Transaction) -> None:
        [size] = tx.sizes.add_many([NewSize(second.product_id, shoe_size("42.0"))])
        tx.units.save_many(
            [
                attrs.evolve(first, available=available[0]),
                attrs.evolve(second, size_id=size.id, size=size, available=available[1]),
            ]
        )

    scene.store.write(spell)
    counts = 0 if available == [True, False] else 1
    entries: list[ProductEntry] = []
    export_products(scene.shop, OPERATOR, entries.append)
    assert [unit.size.eu for unit in entries[0].units or ()] == [["42", "42.0"][counts]]
    load(scene, product_entry("dunk", unit_entry(9, S42)))
    assert [(unit.price, unit.available) for unit in units(scene)] == (
        [(9, True), (7, False)] if counts == 0 else [(7, False), (9, True)]
    )


# Reports


def test_a_dry_run_reports_what_an_import_would_do_and_writes_nothing(scene: Scene) -> None:
    load(scene, product_entry("dunk", unit_entry(7, S41, stock=4), unit_entry(9, S42)), product_entry("same"))
    sell(scene, 1)
    entries = (
        product_entry(
            "dunk", unit_entry(8, S41, stock=5), unit_entry(1, currency="CNY"), name="Other", brands=("New",)
        ),
        product_entry("new", unit_entry(3, stock=2)),
        product_entry("same"),
    )
    before = (units(scene), scene.store.read(lambda tx: (tx.products.after(0, 9), tx.references.snapshot().brands)))
    planned = load(scene, *entries, dry_run=True)
    assert before == (
        units(scene),
        scene.store.read(lambda tx: (tx.products.after(0, 9), tx.references.snapshot().brands)),
    )
    assert planned.counts == ImportCounts(created=1, updated=1, unchanged=1)
    assert load(scene, *entries) == planned
    changed, created = planned.changes
    assert (created.before, created.after.sku, len(created.units)) == (None, "new", 1)
    assert changed.before is not None
    assert (changed.before.name, changed.after.name) == ("The dunk", "Other")
    assert [planned.references.brands[brand_id].name for brand_id in changed.after.brand_ids] == ["New"]
    seen = [
        (change.size, change.before and change.before.price, change.after.price, change.after.stock, change.withdrawn)
        for change in changed.units
    ]
    assert seen == [
        (S41, 7, 8, 4, False),
        (shoe_size("0"), None, 1, None, False),
        (S42, 9, 9, None, True),
    ]


def test_an_unchanged_product_is_no_change(scene: Scene) -> None:
    load(scene, product_entry("dunk", unit_entry(7)))
    assert load(scene, product_entry("dunk", unit_entry(7))).changes == ()
