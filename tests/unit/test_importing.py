"""Imports and exports of products."""

from datetime import date
from typing import Any

import attrs
import pytest

from sellout_adapters.testing.scene import product_entry, shoe_size, unit_entry
from sellout_core.catalogue.products import NO_SIZE, Product, SizeGrid
from sellout_core.errors import InvalidFields
from sellout_core.people.accounts import OPERATOR
from sellout_core.ports.lists import BATCH
from sellout_core.use_cases.catalogue.browsing import read_product
from sellout_core.use_cases.catalogue.importing.changes import ImportCounts
from sellout_core.use_cases.catalogue.importing.entries import ProductEntry, UnitEntry
from sellout_core.use_cases.catalogue.importing.exporting import export_products
from sellout_core.use_cases.catalogue.importing.writing import import_products
from sellout_core.values import ProductId
from tests.unit.shop_scene import Scene

S41, S42 = shoe_size("41"), shoe_size("42")
DUNK = product_entry("dunk", unit_entry(9, S41), unit_entry(7, S42, stock=3), unit_entry(8))


def load(scene: Scene, *entries: ProductEntry) -> ImportCounts:
    return import_products(scene.shop, OPERATOR, entries).counts


def exported(scene: Scene) -> list[ProductEntry]:
    entries: list[ProductEntry] = []
    export_products(scene.shop, OPERATOR, entries.append)
    return entries


def product(scene: Scene, product_id: int = 1) -> Product:
    return read_product(scene.shop, OPERATOR, ProductId(product_id)).product


def units_of(scene: Scene, product_id: int = 1) -> list[tuple[int, SizeGrid, int, bool, int | None]]:
    units = scene.store.read(lambda tx: tx.units.of_products([ProductId(product_id)]))
    return [(unit.id, unit.size.grid, unit.price, unit.available, unit.stock) for unit in units]


def test_a_new_product_is_stored_as_its_entry_says(scene: Scene) -> None:
    entry = product_entry(
        "dunk",
        name="Данк 👟",
        description="desc",
        brands=("Nike", "Adidas"),
        categories=(),
        tags=("b", "a"),
        gender="U",
        fit=-1,
        rel_num=7,
        available_flag=False,
    )
    assert load(scene, entry) == ImportCounts(created=1)
    view = read_product(scene.shop, OPERATOR, ProductId(1))
    stored = view.product
    assert (stored.sku, stored.name, stored.description, stored.bucket_link) == ("dunk", "Данк 👟", "desc", "/buck")
    assert (stored.fit, stored.rel_num, stored.available, stored.added_on) == (-1, 7, False, date(2026, 1, 31))
    assert stored.updated_at == scene.clock.now
    assert ([brand.name for brand in view.brands], view.categories) == (["Adidas", "Nike"], ())
    assert ([tag.name for tag in view.tags], view.gender.name, view.gender.id) == (["a", "b"], "U", 3)


def test_units_are_stored_in_order_with_their_sizes(scene: Scene) -> None:
    load(scene, DUNK)
    assert units_of(scene) == [(1, S41, 9, True, None), (2, S42, 7, True, 3), (3, NO_SIZE, 8, True, None)]
    sizes = scene.store.read(lambda tx: tx.sizes.of_products([ProductId(1)]))
    assert [size.grid for size in sizes] == [S41, S42, NO_SIZE]


@pytest.mark.parametrize("units", [None, (), (unit_entry(7, S41),)])
def test_every_product_has_no_size_exactly_once(scene: Scene, units: tuple[UnitEntry, ...] | None) -> None:
    for _ in range(2):
        load(scene, product_entry("dunk", units=units))
        sizes = scene.store.read(lambda tx: tx.sizes.of_products([ProductId(1)]))
        assert [size.grid for size in sizes].count(NO_SIZE) == 1


@pytest.mark.parametrize("zero", ["0.0", "00", "0,0"])
def test_no_size_spelt_otherwise_is_no_size(scene: Scene, zero: str) -> None:
    _, [unit, _] = scene.sell(product_entry("one", unit_entry(7, SizeGrid(*[zero] * 6)), unit_entry(9, S41)))
    assert unit.size.grid == NO_SIZE
    assert scene.store.read(lambda tx: tx.units.cheapest([unit.size_id]))[unit.size_id].id == unit.id


def test_units_that_share_a_size_share_its_row(scene: Scene) -> None:
    load(scene, product_entry("dunk", unit_entry(7, S41), unit_entry(8, S41, platform="GOAT"), unit_entry(1)))
    units = scene.store.read(lambda tx: tx.units.of_products([ProductId(1)]))
    assert units[0].size == units[1].size != units[2].size


@pytest.mark.parametrize(
    ("availability", "stock", "available"), [(True, None, True), (True, 1, True), (True, 0, False), (False, 5, False)]
)
def test_what_is_sold_out_is_unavailable(scene: Scene, availability: bool, stock: int | None, available: bool) -> None:
    load(scene, product_entry("dunk", unit_entry(7, availability=availability, stock=stock)))
    assert units_of(scene) == [(1, NO_SIZE, 7, available, stock)]


def test_the_same_batch_again_writes_nothing(scene: Scene) -> None:
    batch = (DUNK, product_entry("air", unit_entry(5, stock=0)), product_entry("bare", brands=("Z", "A")))
    load(scene, *batch)
    before = exported(scene), units_of(scene), product(scene)
    scene.clock.advance(days=1)
    assert load(scene, *batch) == ImportCounts(unchanged=3)
    assert (exported(scene), units_of(scene), product(scene)) == before


def test_brands_in_another_order_are_the_same(scene: Scene) -> None:
    load(scene, product_entry("dunk", brands=("A", "B")))
    assert load(scene, product_entry("dunk", brands=("B", "A"))) == ImportCounts(unchanged=1)


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "Other"},
        {"description": "other"},
        {"bucket_link": "/other"},
        {"brands": ("Nike", "Adidas")},
        {"brands": ()},
        {"categories": ("Street",)},
        {"tags": ("Other",)},
        {"gender": "F"},
        {"fit": 1},
        {"rel_num": 1},
        {"available_flag": False},
        {"add_date": date(2026, 2, 1)},
    ],
    ids=str,
)
def test_a_known_product_becomes_what_its_entry_says(scene: Scene, changes: dict[str, Any]) -> None:
    load(scene, DUNK)
    scene.clock.advance(days=1)
    entry = attrs.evolve(DUNK, **changes)
    assert load(scene, entry) == ImportCounts(updated=1)
    (after,) = exported(scene)
    assert attrs.evolve(after, brands=()) == attrs.evolve(entry, brands=())
    assert set(after.brands) == set(entry.brands)
    assert (product(scene).id, product(scene).updated_at) == (1, scene.clock.now)


@pytest.mark.parametrize(
    "changes", [{"final_price": 10}, {"currency": "USD"}, {"availability": False}, {"stock": 4}], ids=str
)
def test_a_known_unit_becomes_what_its_entry_says_and_its_product_is_updated(
    scene: Scene, changes: dict[str, Any]
) -> None:
    load(scene, product_entry("dunk", unit_entry(7, S41), unit_entry(8)))
    scene.clock.advance(days=1)
    entry = product_entry("dunk", unit_entry(7, S41, **changes), unit_entry(8))
    assert load(scene, entry) == ImportCounts(updated=1)
    assert exported(scene) == [entry]
    assert [row[0] for row in units_of(scene)] == [1, 2]
    assert product(scene).updated_at == scene.clock.now


@pytest.mark.parametrize(
    "changes", [{"size": S42}, {"platform": "GOAT"}, {"site": "/goat"}, {"delivery_type": "Поезд"}], ids=str
)
def test_another_size_platform_site_or_delivery_type_is_another_unit(scene: Scene, changes: dict[str, Any]) -> None:
    load(scene, product_entry("dunk", unit_entry(7, S41)))
    other = attrs.evolve(unit_entry(7, S41), **changes)
    assert load(scene, product_entry("dunk", unit_entry(7, S41), other)) == ImportCounts(updated=1)
    assert [row[0] for row in units_of(scene)] == [1, 2]
    assert exported(scene) == [product_entry("dunk", unit_entry(7, S41), other)]


def test_units_left_out_become_unavailable_and_keep_the_rest(scene: Scene) -> None:
    load(scene, DUNK)
    scene.clock.advance(days=1)
    left = product_entry("dunk", unit_entry(9, S41))
    assert load(scene, left) == ImportCounts(updated=1)
    assert units_of(scene) == [(1, S41, 9, True, None), (2, S42, 7, False, 3), (3, NO_SIZE, 8, False, None)]
    assert product(scene).updated_at == scene.clock.now
    assert load(scene, left) == ImportCounts(unchanged=1)
    assert load(scene, DUNK) == ImportCounts(updated=1)
    assert exported(scene) == [DUNK]


def test_no_units_make_all_unavailable_but_none_said_leaves_them_alone(scene: Scene) -> None:
    load(scene, DUNK)
    assert load(scene, attrs.evolve(DUNK, units=None)) == ImportCounts(unchanged=1)
    assert [row[3] for row in units_of(scene)] == [True, True, True]
    assert load(scene, attrs.evolve(DUNK, units=())) == ImportCounts(updated=1)
    assert [row[3] for row in units_of(scene)] == [False, False, False]


def test_one_products_units_are_not_anothers(scene: Scene) -> None:
    load(scene, DUNK, attrs.evolve(DUNK, sku="air"))
    before = units_of(scene, 2)
    assert load(scene, product_entry("dunk"), attrs.evolve(DUNK, sku="air")) == ImportCounts(updated=1, unchanged=1)
    assert [row[3] for row in units_of(scene, 1)] == [False, False, False]
    assert units_of(scene, 2) == before


def test_a_batch_creates_updates_and_leaves_alone(scene: Scene) -> None:
    load(scene, product_entry("one"), product_entry("two"), product_entry("three"))
    counts = load(
        scene,
        product_entry("four"),
        product_entry("two", fit=9),
        product_entry("five"),
        product_entry("six"),
        product_entry("one"),
        product_entry("three", fit=9),
    )
    assert counts == ImportCounts(created=3, updated=2, unchanged=1)
    assert [entry.sku for entry in exported(scene)] == ["one", "two", "three", "four", "five", "six"]


def test_a_batch_holds_a_sku_once_and_then_writes_nothing(scene: Scene) -> None:
    with pytest.raises(InvalidFields) as refusal:
        load(scene, DUNK, product_entry("air"), attrs.evolve(DUNK, name="Other"))
    assert [field.name for field in refusal.value.fields] == ["sku"]
    assert exported(scene) == []


def test_an_empty_batch_does_nothing(scene: Scene) -> None:
    assert load(scene) == ImportCounts()


def test_counts_add_up() -> None:
    assert ImportCounts(1, 2, 3) + ImportCounts(10, 20, 30) == ImportCounts(11, 22, 33)


def test_reference_tables_get_new_names_in_alphabetical_order_and_known_ones_stay(scene: Scene) -> None:
    load(scene, product_entry("one", brands=("b", "c")))
    load(scene, product_entry("two", brands=("d", "a", "b")))
    brands = scene.store.read(lambda tx: tx.references.snapshot()).brands
    assert [(brand_id, row.id, row.name) for brand_id, row in brands.items()] == [
        (1, 1, "b"),
        (2, 2, "c"),
        (3, 3, "a"),
        (4, 4, "d"),
    ]


@pytest.mark.parametrize("number", [0, 1, BATCH, BATCH + 1, 2 * BATCH])
def test_an_export_passes_every_product_once_by_id(scene: Scene, number: int) -> None:
    entries = [product_entry(f"sku-{index}", unit_entry(index, S41), unit_entry(1)) for index in range(number)]
    load(scene, *entries)
    assert exported(scene) == entries


def test_what_is_exported_and_imported_into_an_empty_shop_exports_the_same(scene: Scene) -> None:
    load(scene, DUNK, product_entry("zeta", brands=("Z", "A"), tags=("я", "a"), gender="U"), product_entry("bare"))
    load(scene, product_entry("dunk", unit_entry(1, shoe_size("39")), unit_entry(2, S42, stock=0)))
    first, other = exported(scene), Scene()
    assert load(other, *first) == ImportCounts(created=3)
    assert exported(other) == first


def test_a_product_whose_units_changed_places_often_is_still_exported(scene: Scene) -> None:
    """An omitted unit stays, unavailable. So a product may have more units than one entry names."""
    for first in (0, 600):
        sizes = [shoe_size(str(number)) for number in range(first + 1, first + 601)]
        load(scene, product_entry("dunk", *(unit_entry(7, size) for size in sizes)))
    (entry,) = exported(scene)
    assert entry.units is not None
    assert sum(unit.availability for unit in entry.units) == 600
