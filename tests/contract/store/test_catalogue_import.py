"""Imports and exports of catalogue files, on every store."""

import io
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from sellout_adapters import demo
from sellout_adapters.catalogue_file.codec import encode
from sellout_adapters.catalogue_file.importing import ImportReport, import_lines
from sellout_adapters.catalogue_file.lines import read_lines
from sellout_adapters.catalogue_file.skus import distinct_lines
from sellout_adapters.memory import MemoryStore
from sellout_adapters.system import assemble
from sellout_adapters.testing.scene import product_entry, unit_entry
from sellout_core.catalogue.products import Product, ProductUnit, SizeGrid
from sellout_core.catalogue.search import CatalogueQuery, SizeValue
from sellout_core.people.accounts import ANONYMOUS, OPERATOR
from sellout_core.ports.store import Store
from sellout_core.shop import Shop
from sellout_core.use_cases.catalogue import browsing
from sellout_core.use_cases.catalogue.importing.changes import ImportCounts
from sellout_core.use_cases.catalogue.importing.entries import MAX_PRODUCT_NAME
from sellout_core.use_cases.catalogue.importing.exporting import export_products
from sellout_core.use_cases.catalogue.importing.writing import import_products
from sellout_core.values import MAX_AVAILABLE
from sellout_http.runtime.served_store import served

KEY = "k" * 32
SIZE = {"INT": "M", "US": "9", "UK": "8", "EU": "42", "IT": "42", "RU": "41"}
NO_SIZE = dict.fromkeys(SIZE, "0")
UNIT = {"size": SIZE, "final_price": 100, "currency": "RUB", "delivery_type": "Поезд", "platform": "Poizon"}


def ticking() -> Iterator[datetime]:
    """A clock that advances a second whenever it is read."""
    return (datetime(2024, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds) for seconds in count())


@pytest.fixture
def shop(store: Store) -> Shop:
    return assemble(store, KEY, clock=ticking().__next__)


def test_the_example_script_makes_a_catalogue_that_is_browsed_whole(shop: Shop, tmp_path: Path) -> None:
    """Names repeat, contain quotes, and have no date. Each row becomes a product, which is on one page."""
    rows = ["item,brand,release,lowestAsk", '"Plain ""Quoted"" (Women\'s)",Nike,,90']
    rows += [f"Same Name,Brand {number % 7},2023-03-21,{100 + number}" for number in range(249)]
    listings = tmp_path / "listings.csv"
    listings.write_text("\n".join(rows), encoding="utf-8")
    script = Path(__file__).parents[3] / "examples" / "sneakers_to_jsonl.py"
    made = subprocess.run([sys.executable, script, listings], capture_output=True, check=True)  # noqa: S603 - our own script
    report = import_lines(shop, read_lines(io.BytesIO(made.stdout)))
    assert (report.counts, report.bad) == (ImportCounts(created=250), 0)
    pages = [browsing.read_page(shop, ANONYMOUS, number) for number in range(1, 15)]
    assert [len(page.items) for page in pages] == [20] * 12 + [10, 0]
    cards = [card for page in pages for card in page.items]
    assert [card.product.product.id for card in cards] == list(range(1, 251))
    assert [card.min_price for card in cards] == [90, *range(100, 349)]
    assert (cards[0].product.gender.name, cards[1].product.gender.name) == ("F", "M")


def line(sku: str, **members: Any) -> bytes:
    product = {"sku": sku, "name": sku.title(), "gender": "M", "add_date": "2023-04-07", **members}
    return json.dumps(product, ensure_ascii=False).encode() + b"\n"


def imported(shop: Shop, *lines: bytes, counted: bool = False, dry_run: bool = False) -> ImportReport:
    return import_lines(shop, distinct_lines(io.BytesIO(b"".join(lines))), counted=counted, dry_run=dry_run)


def exported(shop: Shop) -> bytes:
    content = io.BytesIO()

    def write(entry: Any) -> None:
        content.write(encode(entry))

    export_products(shop, OPERATOR, write)
    return content.getvalue()


def stored(shop: Shop) -> tuple[list[Product], list[ProductUnit]]:
    """All products, with the time of their last write, and all units."""
    products = list(shop.store.read(lambda tx: tx.products.after(0, 10_000)))
    return products, list(shop.store.read(lambda tx: tx.units.of_products([product.id for product in products])))


def unit_of(shop: Shop, sku: str, **place: str) -> ProductUnit:
    """The product's unit in a size of the EU grid."""
    products, units = stored(shop)
    product_id = next(product.id for product in products if product.sku == sku)
    return next(unit for unit in units if unit.product_id == product_id and unit.size.grid.eu == place["eu"])


def test_new_products_are_created_and_known_ones_updated(shop: Shop) -> None:
    assert imported(shop, line("a"), line("b")).counts == ImportCounts(created=2)
    report = imported(shop, line("a", name="Other"), line("b"), line("c"))
    assert report == ImportReport(ImportCounts(created=1, updated=1, unchanged=1))
    assert [(product.sku, product.name) for product in stored(shop)[0]] == [("a", "Other"), ("b", "B"), ("c", "C")]


def test_the_same_file_again_writes_nothing(shop: Shop) -> None:
    lines = [line("a", brands=["Nike", "Other"], units=[UNIT]), line("b", units=[{**UNIT, "stock": 3}]), line("c")]
    imported(shop, *lines)
    before = stored(shop)
    assert imported(shop, *lines).counts == ImportCounts(unchanged=3)
    assert stored(shop) == before


def test_only_what_changed_is_written(shop: Shop) -> None:
    imported(shop, line("a", units=[UNIT]), line("b", units=[UNIT]))
    [first, second], _ = stored(shop)
    imported(shop, line("a", units=[{**UNIT, "final_price": 90}]), line("b", units=[UNIT]))
    [first_after, second_after], units = stored(shop)
    assert first_after.updated_at > first.updated_at
    assert second_after == second
    assert [unit.price for unit in units] == [90, 100]


def test_units_that_a_file_leaves_out_become_unavailable(shop: Shop) -> None:
    small = {**UNIT, "size": {**SIZE, "EU": "40"}}
    imported(shop, line("a", units=[UNIT, small]))
    kept = unit_of(shop, "a", eu="40")
    assert imported(shop, line("a", units=[small])).counts == ImportCounts(updated=1)
    assert not unit_of(shop, "a", eu="42").available
    assert unit_of(shop, "a", eu="40") == kept
    assert imported(shop, line("a", units=[small])).counts == ImportCounts(unchanged=1)
    imported(shop, line("a", units=[UNIT, small]))
    assert unit_of(shop, "a", eu="42").available


def test_a_line_without_units_leaves_them_alone(shop: Shop) -> None:
    imported(shop, line("a", units=[UNIT]))
    assert imported(shop, line("a")).counts == ImportCounts(unchanged=1)
    assert unit_of(shop, "a", eu="42").available


def test_bad_lines_are_counted_and_good_ones_kept(shop: Shop) -> None:
    report = imported(shop, b"nonsense\n", line("a"), line("b", fit="x"), line("c"), line("d")[:20])
    assert report == ImportReport(ImportCounts(created=2), bad=3)
    assert [product.sku for product in stored(shop)[0]] == ["a", "c"]


def test_a_file_without_a_good_line_changes_nothing(shop: Shop) -> None:
    assert imported(shop, b"\0\xff\n" * 1000) == ImportReport(bad=1000)
    assert imported(shop) == ImportReport()
    assert stored(shop) == ([], [])


@pytest.mark.parametrize("between", [1, 450])
def test_nothing_of_a_repeated_sku_is_imported(shop: Shop, between: int) -> None:
    imported(shop, line("a", name="Before"))
    others = [line(f"sku-{number}") for number in range(between)]
    report = imported(shop, line("a", name="First"), *others, line("a", name="Second"), line("a", name="Third"))
    assert report == ImportReport(ImportCounts(created=between), bad=3)
    assert stored(shop)[0][0].name == "Before"
    assert len(stored(shop)[0]) == between + 1


def test_a_large_file_goes_in_by_batches_and_each_is_reported(shop: Shop) -> None:
    lines = b"".join(line(f"sku-{number}", units=[UNIT]) for number in range(450))
    seen: list[int] = []

    def note(report: ImportReport) -> None:
        seen.append(report.counts.created)
        assert len(stored(shop)[0]) == report.counts.created

    import_lines(shop, read_lines(io.BytesIO(lines)), note)
    assert seen == [200, 400, 450]


def test_an_import_cut_short_keeps_whole_batches_and_can_be_run_again(shop: Shop) -> None:
    lines = [line(f"sku-{number}", units=[UNIT]) for number in range(450)]

    def cut_short() -> Iterator[Any]:
        yield from read_lines(io.BytesIO(b"".join(lines[:300])))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_lines(shop, cut_short())
    products, units = stored(shop)
    assert (len(products), len(units)) == (200, 200)
    assert imported(shop, *lines).counts == ImportCounts(created=250, unchanged=200)


def test_export_import_export_is_byte_identical(shop: Shop) -> None:
    imported(
        shop,
        line("z", name="Кеды 👟 é é", brands=["Z", "A"], tags=["ю", "ж"], units=[{**UNIT, "size": NO_SIZE}, UNIT]),
        line("y", description='"quoted"\n\t\\ \u2028 \x1b', available_flag=False, units=[{**UNIT, "stock": 0}]),
        line("x", add_date="1000-01-01", fit=-5, rel_num=2**31 - 1, gender="U"),
        line("a", units=[{**UNIT, "availability": False, "stock": 5, "site": "https://a.example/?q=1&r=2"}]),
    )
    imported(shop, line("y", units=[{**UNIT, "currency": "USD"}]))
    first = exported(shop)
    other = assemble(MemoryStore(), KEY)
    assert imported(other, first).counts == ImportCounts(created=4)
    assert exported(other) == first
    assert imported(shop, first).counts == ImportCounts(unchanged=4)


@pytest.mark.parametrize("other", ["42.0", "042", "42,0"])
def test_a_size_spelt_otherwise_is_the_same_size(shop: Shop, other: str) -> None:
    imported(shop, line("a", units=[UNIT]))
    before = stored(shop)[1]
    changed = {**UNIT, "size": {**SIZE, "EU": other}}
    assert imported(shop, line("a", units=[changed])).counts == ImportCounts(unchanged=1)
    assert stored(shop)[1] == before
    assert imported(shop, line("a", units=[UNIT, changed])) == ImportReport(bad=1)


def test_a_dry_run_writes_nothing(shop: Shop) -> None:
    imported(shop, line("a", units=[{**UNIT, "stock": 3}]), line("b"))
    before, references = stored(shop), shop.store.read(lambda tx: tx.references.snapshot())
    version = served(shop.store).catalogue_version()
    lines = [line("a", name="Other", brands=["New"], units=[{**UNIT, "platform": "New"}]), line("b"), line("c"), b"x\n"]
    expected = ImportReport(ImportCounts(created=1, updated=1, unchanged=1), bad=1)
    assert imported(shop, *lines, dry_run=True) == expected
    assert stored(shop) == before
    assert shop.store.read(lambda tx: tx.references.snapshot()) == references
    assert served(shop.store).catalogue_version() == version
    assert imported(shop, *lines) == expected


def test_just_counted_stock_is_what_is_left(shop: Shop) -> None:
    content = line("a", units=[{**UNIT, "stock": 3, "sold": 0}])
    imported(shop, content)
    for _ in range(2):
        shop.store.write(lambda tx: tx.units.take(tx.units.of_products([stored(shop)[0][0].id])))
    imported(shop, content)
    assert [(unit.stock, unit.sold) for unit in stored(shop)[1]] == [(1, 2)]
    imported(shop, content, counted=True)
    assert [(unit.stock, unit.sold) for unit in stored(shop)[1]] == [(3, 2)]
    imported(shop, content)
    assert [(unit.stock, unit.sold) for unit in stored(shop)[1]] == [(1, 2)]


def test_an_empty_shop_exports_nothing(shop: Shop) -> None:
    assert exported(shop) == b""


def test_every_imported_product_is_browsable_exactly_once(shop: Shop) -> None:
    imported(shop, *[line(f"sku-{number}", name="The same name") for number in range(450)])
    seen: list[str] = []
    for number in count(1):
        page = browsing.read_page(shop, OPERATOR, number)
        seen += [card.product.product.sku for card in page.items]
        if not page.has_next:
            break
    assert seen == [f"sku-{number}" for number in range(450)]


def names(rows: Mapping[Any, Any]) -> dict[int, str]:
    return {int(row_id): row.name for row_id, row in rows.items()}


def test_the_demo_data_is_the_documented_sample_first(shop: Shop) -> None:
    assert demo.load(shop)
    products, units = stored(shop)
    assert [(product.id, product.sku, product.name) for product in products[:2]] == [
        (1, "air_force_1", "Air Force 1"),
        (2, "sku", "Dunk"),
    ]
    assert [(unit.id, unit.product_id, unit.size_id, unit.price) for unit in units[:2]] == [
        (1, 1, 1, 7),
        (2, 2, 3, 100),
    ]
    references = shop.store.read(lambda tx: tx.references.snapshot())
    assert names(references.brands)[1] == "Nike"
    assert names(references.delivery_types)[1] == "Самолёт"
    assert len(references.brands) == 6
    assert len(products) == 66


def test_the_demo_data_goes_into_an_empty_shop_only(shop: Shop) -> None:
    imported(shop, line("a"))
    before = stored(shop)
    assert not demo.load(shop)
    assert stored(shop) == before


def test_the_demo_data_is_loaded_once(shop: Shop) -> None:
    assert demo.load(shop)
    before = exported(shop)
    assert not demo.load(shop)
    assert exported(shop) == before


def test_the_demo_catalogue_is_as_an_export_writes_it(shop: Shop) -> None:
    demo.load(shop)
    assert exported(shop) == b"".join(map(encode, demo.read_catalogue()))


def test_a_product_with_as_many_units_as_may_be_available_is_imported(shop: Shop) -> None:
    """Each unit has a size of the maximum length. The search index must hold all of their terms."""
    grids = [[chr(0x10400 + column) * 19 + chr(0x10000 + row) for column in range(6)] for row in range(MAX_AVAILABLE)]
    sizes = [SizeGrid(*texts) for texts in grids]
    entry = product_entry("one", *(unit_entry(7, size) for size in sizes), name="\U00010428" * MAX_PRODUCT_NAME)
    import_products(shop, OPERATOR, [entry])
    assert browsing.read_page(shop, ANONYMOUS, 1, query=CatalogueQuery(sizes=(SizeValue("us", sizes[-1].us),))).items
