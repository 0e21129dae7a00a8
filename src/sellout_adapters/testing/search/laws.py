"""Laws of searches, a part of `contract.StoreContract`.

`sellout_core.catalogue.search` defines searches. `require_definition` compares a store with this definition.
"""

from collections.abc import Collection, Sequence
from datetime import date
from typing import Any

import attrs

from sellout_adapters.testing.harness import pytest
from sellout_adapters.testing.laws.races import RACERS, racing, take
from sellout_adapters.testing.scene import Scene, product_entry, shoe_size, unit_entry
from sellout_core.catalogue.products import Product, SizeGrid
from sellout_core.catalogue.search import (
    CatalogueQuery,
    FacetCounts,
    Listing,
    SizeValue,
    Sort,
    count_facets,
    listing,
    matches,
    sort_key,
    wanted,
)
from sellout_core.people.accounts import OPERATOR
from sellout_core.ports.store import Store, Transaction
from sellout_core.use_cases.catalogue.importing.writing import import_products
from sellout_core.values import Money, ProductId

WORDS = [
    "air",
    "airy",
    "force",
    "1",
    "Ёлка",
    "елки",
    "ЁЖ",
    "café",
    "CAFE\u0301",
    "ß",
    "ss",
    "ﬁt",
    "①",
    "ø",
    "'s",
    "a'b",
]
NAMES = ["Nike", "NIKE", "Ёж", "adidas", "7", "Of New-York"]
SIZE_GRIDS = [
    shoe_size("41"),
    shoe_size("42"),
    SizeGrid("M", "9", "8", "42", "42", "41 ½"),
    SizeGrid("m", "9", "0", "0", "0", "0"),
]
UNUSUAL_TEXTS = [
    "\ufdfa" * 16,
    "é" * 290,
    "🏽👟",
    "\u0301" * 9,
    "%_*\"'()&|!:\\-",
    "AND OR NOT",
    "नमस्ते",
    "\u202e x",
    "ǅ",
    "İstanbul",
]


def listings(tx: Transaction) -> Sequence[Listing]:
    """The listings of all listed products of a store."""
    products = tx.products.after(0, 10_000)
    units: dict[ProductId, list[Any]] = {product.id: [] for product in products}
    for unit in tx.units.of_products(list(units)):
        units[unit.product_id].append(unit)
    references = tx.references.snapshot()
    return [listing(product, units[product.id], references) for product in products if product.available]


def require_definition(tx: Transaction, query: CatalogueQuery, windows: Collection[tuple[int, int]]) -> int:
    """Asserts that the results of a store equal the definition. Returns the number of matches."""
    filters = wanted(query, tx.references.snapshot())
    expected = sorted(
        (each for each in listings(tx) if matches(each, query, filters)), key=sort_key(query.sort, filters)
    )
    assert tx.cards.facets(query) == count_facets(expected)
    for offset, limit in windows:
        page = tx.cards.search(query, offset, limit, None)
        found = [(card.product, card.min_price) for card in page.cards]
        assert found == [(each.product, each.min_price) for each in expected[offset : offset + limit]]
        on_last_page = offset <= len(expected) < offset + limit
        assert page.total in ((len(expected),) if on_last_page and found else (len(expected), None))
    return len(expected)


class SearchLaws:
    """Laws of searches."""

    @pytest.fixture
    def scene(self, store: Store) -> Scene:
        """A shop over the store."""
        return Scene(store)

    @pytest.mark.parametrize(
        ("text", "found"),
        [
            ("", "abc"),
            ("!?", "abc"),
            ("air", "ab"),
            ("AIR fo", "a"),
            ("fo air", "a"),
            ("ir", ""),
            ("елка", "b"),
            ("ЁЛКА", "b"),
            ("\u0435\u0308лк", "b"),
            ("ел зим", "b"),
            ("creme", "c"),
            ("CRÈME brû", "c"),
            ("nik", "ab"),
            ("of-white", "c"),
            ("of_white", "c"),
            ("white", "c"),
            ("ofwhite", ""),
            ("sku", "c"),
            ("x 01", "c"),
            ("x0", ""),
            ("air none", ""),
            ("air' OR '", ""),
            ('air"* NOT', ""),
            ("air:* | force", "a"),
            ("a" * 200, ""),
        ],
    )
    def test_every_word_begins_a_word_of_name_brand_or_sku(self, scene: Scene, text: str, found: str) -> None:
        scene.sell(product_entry("a", name="Air Force 1"))
        scene.sell(product_entry("b", name="Airy Ёлка (зимняя)"))
        scene.sell(product_entry("c-x-01/sku", name="Crème Brûlée", brands=("Off", "Of White")))
        scene.sell(product_entry("d", name="Air Force of Crème ёлка", available_flag=False))
        assert _skus(scene, text=text) == found

    def test_filters_take_ids_and_names_and_combine(self, scene: Scene) -> None:
        one, _ = scene.sell(product_entry("1", brands=("Nike", "Ёж"), categories=("Run",), tags=("New",), gender="M"))
        two, _ = scene.sell(product_entry("2", brands=("nike",), categories=("Run", "Kids"), tags=(), gender="F"))
        scene.sell(product_entry("3", brands=("Puma",), categories=("Kids",), tags=("New", "Old"), gender="U"))
        assert _skus(scene, brands=("NIKE",)) == "12"
        assert _skus(scene, brands=("ЁЖ", "puma")) == "13"
        assert _skus(scene, brands=(two.brand_ids[0],)) == "2"
        assert _skus(scene, brands=(one.brand_ids[0], one.brand_ids[1], "puma")) == "13"
        assert _skus(scene, categories=("kids",), tags=("new",)) == "3"
        assert _skus(scene, categories=("kids", "run"), genders=("f", "U", 1)) == "123"
        assert _skus(scene, genders=(2, "M"), text="the") == "12"
        for nothing in ("none", "", 0, -1, 2**53, 10**30, "Nik"):
            if nothing:
                assert _skus(scene, brands=(nothing,)) == ""
            assert _counts(scene, brands=(99,), categories=("run",)) == FacetCounts(0, {}, {}, {}, {}, {}, {})

    def test_a_size_filter_matches_available_units_only(self, scene: Scene) -> None:
        grid = SizeGrid("M", "9", "8", "42 ½", "42", "41")
        scene.sell(product_entry("1", unit_entry(1, grid), unit_entry(1, shoe_size("44"), availability=False)))
        scene.sell(product_entry("2", unit_entry(1, shoe_size("42"), stock=0), unit_entry(1, shoe_size("9"))))
        _, [last] = scene.sell(product_entry("3", unit_entry(1, shoe_size("44"), stock=1)))
        assert _skus(scene, sizes=(SizeValue("eu", "42 ½"),)) == "1"
        assert _skus(scene, sizes=(SizeValue("eu", "42"),)) == ""
        assert _skus(scene, sizes=(SizeValue("international", "m"),)) == ""
        assert _skus(scene, sizes=(SizeValue("us", "9"),)) == "12"
        assert _skus(scene, sizes=(SizeValue("international", "M"), SizeValue("ru", "44"))) == "13"
        scene.store.write(lambda tx: take(tx, last.id))
        assert _skus(scene, sizes=(SizeValue("international", "M"), SizeValue("ru", "44"))) == "1"

    def test_price_filters_use_the_lowest_available_price(self, scene: Scene) -> None:
        scene.sell(
            product_entry("1", unit_entry(10), unit_entry(5, shoe_size("41")), unit_entry(1, shoe_size("42"), stock=0))
        )
        scene.sell(product_entry("2", unit_entry(7), unit_entry(10**9, shoe_size("41"))))
        scene.sell(product_entry("3", unit_entry(6, availability=False)))
        scene.sell(product_entry("4"))
        scene.sell(product_entry("5", unit_entry(0)))
        assert _skus(scene, price_min=5, price_max=7) == "12"
        assert _skus(scene, price_min=6) == "2"
        assert _skus(scene, price_max=0) == "5"
        assert _skus(scene, price_min=0) == _skus(scene, available=True) == "125"
        assert _skus(scene, available=False) == "34"
        assert _skus(scene, available=False, price_min=0) == ""

    def test_equal_products_are_sorted_by_id(self, scene: Scene) -> None:
        days = {"1": 3, "2": 1, "3": 3, "4": 2, "5": 1, "6": 3}
        prices = {"1": [], "2": [7], "3": [5], "4": [7, 9], "5": [], "6": [5]}
        for sku, day in days.items():
            units = [unit_entry(price, SIZE_GRIDS[n]) for n, price in enumerate(prices[sku])]
            scene.sell(product_entry(sku, *units, add_date=date(2026, 1, day)))
        assert _skus(scene, sort=Sort.ID) == _skus(scene, sort=Sort.RELEVANCE) == "123456"
        assert _skus(scene, sort=Sort.NEWEST) == "136425"
        assert _skus(scene, sort=Sort.CHEAPEST) == "362415"
        assert _skus(scene, sort=Sort.DEAREST) == "243615"
        assert _skus(scene, sort=Sort.DEAREST, available=True) == "2436"
        assert _skus(scene, sort=Sort.CHEAPEST, brands=("nike",), price_min=6) == "24"
        pages = [_skus(scene, window=(offset, 2), sort=Sort.CHEAPEST) for offset in (0, 2, 4, 6, 2**70)]
        assert pages == ["36", "24", "15", "", ""]

    def test_relevance_puts_matches_of_all_whole_words_first(self, scene: Scene) -> None:
        names = ["Airy Forces", "Air Forces", "Airy Force", "Air Force", "Force Air Low", "Airy Forces Air Forces"]
        for sku, name in enumerate(names, 1):
            scene.sell(product_entry(str(sku), name=name))
        assert _skus(scene, text="air force", sort=Sort.RELEVANCE) == "451236"
        assert _skus(scene, text="force", sort=Sort.RELEVANCE) == "345126"
        assert _skus(scene, text="forc air", sort=Sort.RELEVANCE, brands=("nike",)) == "123456"
        pages = [_skus(scene, window=(offset, 2), text="air force", sort=Sort.RELEVANCE) for offset in (0, 1, 2, 4, 6)]
        assert pages == ["45", "51", "12", "36", ""]

    def test_a_search_sees_the_writes_of_its_own_transaction(self, scene: Scene) -> None:
        product, [unit] = scene.sell(product_entry("1", unit_entry(5, shoe_size("41")), name="Old"))

        def work(tx: Transaction) -> list[Any]:
            tx.products.save_many([attrs.evolve(product, name="New")])
            tx.units.save_many([attrs.evolve(unit, price=Money(9))])
            return [
                [card.min_price for card in tx.cards.search(CatalogueQuery(text="new"), 0, 9, None).cards],
                list(tx.cards.search(CatalogueQuery(text="old"), 0, 9, None).cards),
                [card.min_price for card in tx.cards.page(0, 9, None).cards],
                [card.min_price for card in tx.cards.get_many([product.id], None).values()],
                dict(tx.cards.facets(CatalogueQuery(price_min=Money(9))).sizes)[SizeValue("eu", "41")],
            ]

        assert scene.store.write(work) == [[9], [], [9], [9], 1]
        assert (_skus(scene, text="new", price_min=9), _skus(scene, text="old")) == ("1", "")

    def test_facets_count_each_product_once(self, scene: Scene) -> None:
        scene.sell(
            product_entry(
                "1",
                unit_entry(19, SizeGrid("M", "8", "7", "41", "0", "0")),
                unit_entry(20, SizeGrid("M", "9", "8", "42", "0", "0")),
                unit_entry(1, SizeGrid("L", "9", "8", "43", "0", "0"), availability=False),
                brands=("Nike", "Puma"),
            )
        )
        two, _ = scene.sell(product_entry("2", unit_entry(20, SizeGrid("M", "9", "8", "42", "0", "0")), gender="F"))
        three, _ = scene.sell(product_entry("3", categories=()))
        scene.sell(product_entry("4", unit_entry(20), available_flag=False))
        nike, sport = two.brand_ids[0], two.category_ids[0]
        counts = _counts(scene)
        assert (counts.products, counts.brands[nike], sum(counts.brands.values())) == (3, 3, 4)
        assert (counts.categories, counts.genders) == ({sport: 2}, {1: 2, 2: 1})
        assert counts.bands == {10: 1, 20: 1}
        assert counts.tags == {two.tag_ids[0]: 3}
        assert {size.value: count for size, count in counts.sizes.items() if size.column == "international"} == {"M": 2}
        assert {size.value: count for size, count in counts.sizes.items() if size.column == "eu"} == {"41": 1, "42": 2}
        assert _counts(scene, text="the 3").brands == {three.brand_ids[0]: 1}
        assert _counts(scene, sizes=(SizeValue("eu", "41"),)).sizes.keys() >= {SizeValue("eu", "42")}
        assert _counts(scene, brands=("puma",), sort=Sort.RELEVANCE, text="the").products == 1

    def test_long_and_unusual_words_are_found(self, scene: Scene) -> None:
        for number, text in enumerate(UNUSUAL_TEXTS):
            brands = tuple(f"{text[:90]}{n}" for n in range(50))
            scene.sell(product_entry(f"{number}", name=f"{text} x", brands=brands))
            query = CatalogueQuery(text=text[:200])
            assert scene.store.read(lambda tx, q=query: require_definition(tx, q, [(0, 99)])) >= 1  # type: ignore[misc]

    # Concurrent transactions

    def test_the_lowest_price_is_right_after_concurrent_sales(self, scene: Scene) -> None:
        units = [unit_entry(10 + n, shoe_size(str(n)), stock=1) for n in range(RACERS)]
        product, stored = scene.sell(product_entry("1", *units))
        racing(RACERS, lambda n: scene.store.write(lambda tx: take(tx, stored[n].id)))
        card = scene.store.read(lambda tx: tx.cards.get_many([product.id], None))[product.id]
        assert (card.min_price, _skus(scene, available=False)) == (None, "1")

    def test_the_lowest_price_is_right_after_concurrent_imports_and_sales(self, scene: Scene) -> None:
        units = [unit_entry(10 + n, shoe_size(str(n)), stock=2) for n in range(4)]
        _, stored = scene.sell(product_entry("1", *units))
        entries = [product_entry("1", *units[n % 4 :], name=f"Name {n}") for n in range(RACERS)]

        def call(n: int) -> Any:
            if n % 2:
                return import_products(scene.shop, OPERATOR, [entries[n]])
            return scene.store.write(lambda tx: take(tx, stored[n // 2].id))

        racing(RACERS, call)
        for query in (CatalogueQuery(), CatalogueQuery(text="name"), CatalogueQuery(sizes=(SizeValue("eu", "3"),))):
            scene.store.read(lambda tx, q=query: require_definition(tx, q, [(0, 9)]))  # type: ignore[misc]


def _skus(scene: Scene, window: tuple[int, int] = (0, 99), **members: Any) -> str:
    """The first characters of the skus of the matches."""

    def work(tx: Transaction) -> list[Product]:
        return [card.product for card in tx.cards.search(CatalogueQuery(**members), *window, None).cards]

    return "".join(product.sku[0] for product in scene.store.read(work))


def _counts(scene: Scene, **members: Any) -> FacetCounts:
    return scene.store.read(lambda tx: tx.cards.facets(CatalogueQuery(**members)))
