"""Search words, queries and their limits; which products match, in which order, and facets."""

import itertools
from datetime import date
from typing import Any

import attrs
import pytest

from sellout_adapters.testing.scene import shoe_size, unit_entry
from sellout_core.catalogue.products import NO_SIZE, Named, References, SizeGrid
from sellout_core.catalogue.search import (
    BANDS,
    EVERYTHING,
    LONGEST_WORD,
    CatalogueQuery,
    FacetCounts,
    SizeValue,
    Sort,
    band,
    band_end,
    names_unknown,
    size_values,
    wanted,
    words,
)
from sellout_core.errors import FieldCode, InvalidField, InvalidFields
from sellout_core.people.accounts import ANONYMOUS
from sellout_core.use_cases.catalogue.browsing import read_facets, read_page
from sellout_core.values import MAX_NAME, MAX_PRICE, BrandId, Money
from sellout_core.views import MAX_COUNTED, CountedBand, CountedSize, facets_view
from tests.unit.shop_scene import Scene

NO_REFERENCES = References({}, {}, {}, {}, {}, {}, {}, {}, {})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("  !? ", []),
        ("Air Force 1", ["1", "air", "force"]),
        ("air AIR Air", ["air"]),
        ("Ёлка ёж Йод", ["елка", "еж", "иод"]),
        ("Crème brûlée", ["brulee", "creme"]),
        ("e\u0301 \u00e9", ["e"]),
        ("Straße STRASSE", ["strasse"]),
        ("of-white_x/1.5", ["1", "5", "of", "white", "x"]),
        ("ﬁt ① ½", ["1", "2", "fit"]),
        ("İX", ["ix"]),
        ("ŽŠ", ["zs"]),
        ("42\u202e🏽👟\0\ud800", ["42"]),
        ("नमस्ते", ["नमसत"]),
    ],
)
def test_words_are_folded_in_every_script(text: str, expected: list[str]) -> None:
    assert sorted(words(text)) == sorted(expected)


def test_a_word_is_cut_where_it_is_too_long() -> None:
    assert words("x" * (LONGEST_WORD + 1)) == words("x" * LONGEST_WORD) == {"x" * LONGEST_WORD}
    assert words("x" * (LONGEST_WORD - 1)) == {"x" * (LONGEST_WORD - 1)}


SIZE = SizeValue("eu", "42")
TOO_MANY = "must hold at most 20 values", FieldCode.TOO_MANY
NAME = f"must be 1 to {MAX_NAME} characters long"


@pytest.mark.parametrize(
    ("members", "field", "fault"),
    [
        ({"text": "x" * 201}, "text", ("must be 0 to 200 characters long", FieldCode.TOO_LONG)),
        ({"text": "a b c d e f g h i j k"}, "text", ("must be at most 10 words", FieldCode.TOO_MANY)),
        ({"text": "a\0"}, "text", ("must not contain NUL", FieldCode.CHARACTER_NOT_ALLOWED)),
        ({"brands": tuple(range(1, 22))}, "brands", TOO_MANY),
        ({"brands": ("",)}, "brands", (NAME, FieldCode.TOO_SHORT)),
        ({"brands": (1, "\ud800")}, "brands", ("must not contain lone surrogates", FieldCode.CHARACTER_NOT_ALLOWED)),
        ({"categories": ("x" * (MAX_NAME + 1),)}, "categories", (NAME, FieldCode.TOO_LONG)),
        ({"tags": (" ",)}, "tags", ("must not be blank", FieldCode.BLANK)),
        ({"genders": ("M",) * 21}, "genders", TOO_MANY),
        ({"sizes": (SIZE,) * 21}, "sizes", TOO_MANY),
        (
            {"sizes": (SIZE, SizeValue("cm", "27"))},
            "sizes",
            ("must name one of the six columns of a size", FieldCode.NOT_ONE_OF),
        ),
        ({"sizes": (SizeValue("eu", ""),)}, "sizes", (NAME, FieldCode.TOO_SHORT)),
        ({"price_min": -1}, "price_min", (f"must be from 0 to {MAX_PRICE}", FieldCode.OUT_OF_RANGE)),
        ({"price_max": MAX_PRICE + 1}, "price_max", (f"must be from 0 to {MAX_PRICE}", FieldCode.OUT_OF_RANGE)),
        (
            {"price_min": 2, "price_max": 1},
            "price_max",
            ("must not be below the lowest price", FieldCode.OUT_OF_RANGE),
        ),
    ],
)
def test_a_query_out_of_its_limits_is_refused(
    members: dict[str, Any], field: str, fault: tuple[str, FieldCode]
) -> None:
    with pytest.raises(InvalidFields) as caught:
        CatalogueQuery(**members)
    assert caught.value.fields == (InvalidField(field, *fault),)


def test_a_query_may_reach_its_limits() -> None:
    query = CatalogueQuery(
        text="a b c d e f g h i jjjjjjjjjj" + "!" * 172,
        brands=tuple(range(20)),
        tags=("x" * MAX_NAME,),
        sizes=(SIZE,) * 20,
        price_min=MAX_PRICE,
        price_max=MAX_PRICE,
    )
    assert len(query.text) == 200
    assert len(words(query.text)) == 10


@pytest.mark.parametrize(
    ("members", "priced"),
    [
        ({}, False),
        ({"available": False}, False),
        ({"available": True}, True),
        ({"price_min": Money(0)}, True),
        ({"price_max": Money(5)}, True),
    ],
)
def test_a_query_tells_whether_a_price_is_needed(members: dict[str, Any], priced: bool) -> None:
    assert CatalogueQuery(**members).priced is priced


def test_names_become_ids_whatever_their_case() -> None:
    brands = {BrandId(number): Named(number, name) for number, name in ((1, "Nike"), (2, "NIKE"), (3, "7"), (7, "Ёж"))}
    references = attrs.evolve(NO_REFERENCES, brands=brands)
    for choices, ids in (
        (("nike",), {1, 2}),
        ((3, "ёЖ"), {3, 7}),
        ((7,), {7}),
        (("7",), {3}),
        (("none", 99), set[int]()),
    ):
        assert wanted(CatalogueQuery(brands=choices), references).brand_ids == frozenset(ids)
    everything = wanted(EVERYTHING, references)
    assert (everything.words, everything.brand_ids, everything.sizes) == (frozenset(), None, None)
    for known in (("NIKE", 99), ("nike", "7", "ёж")):
        assert not names_unknown(CatalogueQuery(brands=known), references)
    assert names_unknown(CatalogueQuery(brands=("nike", "none")), references)
    assert names_unknown(CatalogueQuery(tags=("nike",)), references)


def test_a_size_has_six_values() -> None:
    grid = SizeGrid("M", "9", "8", "42", "41", "40")
    assert sorted(size_values([grid, grid])) == [
        SizeValue("eu", "42"),
        SizeValue("international", "M"),
        SizeValue("it", "41"),
        SizeValue("ru", "40"),
        SizeValue("uk", "8"),
        SizeValue("us", "9"),
    ]


def test_bands_go_up_by_1_2_5_without_gaps() -> None:
    assert BANDS[:8] == (0, 1, 2, 5, 10, 20, 50, 100)
    assert BANDS[-1] == MAX_PRICE
    assert [band_end(start) for start in BANDS[:5]] == [0, 1, 4, 9, 19]
    assert band_end(BANDS[-1]) == MAX_PRICE
    assert all(band_end(before) + 1 == start for before, start in itertools.pairwise(BANDS))
    assert [band(Money(price)) for price in (0, 1, 4, 5, 1999, 2000, MAX_PRICE)] == [0, 1, 2, 5, 1000, 2000, MAX_PRICE]


@pytest.fixture
def stocked(scene: Scene) -> Scene:
    """A shop with six products, one of which is not listed."""
    day = [date(2026, 1, number) for number in (1, 2, 3)]
    scene.goods("a1", unit_entry(9, shoe_size("41")), name="Air Force", brands=("Nike",), add_date=day[1])
    scene.goods("a2", unit_entry(5, shoe_size("42")), name="Airy Force", tags=("New",), add_date=day[2])
    scene.goods("a3", name="Ёлка", categories=("Winter",), gender="F", add_date=day[1])
    sold_out = unit_entry(1, shoe_size("43"), stock=0)
    scene.goods("a4", unit_entry(9, shoe_size("42")), sold_out, name="Forces", brands=("Ёж", "Nike"), add_date=day[0])
    scene.goods("a5", unit_entry(5), name="Air Force", available_flag=False)
    scene.goods("a6", unit_entry(5, shoe_size("41"), availability=False), name="Force Air", brands=(), add_date=day[2])
    return scene


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({}, "12346"),
        ({"text": "--"}, "12346"),
        ({"text": "air forc"}, "126"),
        ({"text": "еж"}, "4"),
        ({"text": "a nike"}, "1234"),
        ({"text": "none"}, ""),
        ({"brands": ("nike",)}, "1234"),
        ({"brands": ("ёж", "none")}, "4"),
        ({"brands": ("none",)}, ""),
        ({"categories": ("WINTER",)}, "3"),
        ({"tags": ("new",), "brands": ("Nike",)}, "2"),
        ({"genders": (2,)}, "3"),
        ({"genders": (1, 2), "text": "елка"}, "3"),
        ({"sizes": (SIZE,)}, "24"),
        ({"sizes": (SIZE, SizeValue("us", "41"))}, "124"),
        ({"sizes": (SizeValue("ru", "43"),)}, ""),
        ({"price_min": Money(6)}, "14"),
        ({"price_max": Money(5)}, "2"),
        ({"price_min": Money(5), "price_max": Money(9)}, "124"),
        ({"price_min": Money(6), "price_max": Money(8)}, ""),
        ({"available": True}, "124"),
        ({"available": False}, "36"),
        ({"available": False, "price_max": Money(9)}, ""),
        ({"sort": Sort.NEWEST}, "26134"),
        ({"sort": Sort.CHEAPEST}, "21436"),
        ({"sort": Sort.DEAREST}, "14236"),
        ({"sort": Sort.RELEVANCE}, "12346"),
        ({"sort": Sort.RELEVANCE, "text": "air force"}, "162"),
        ({"sort": Sort.RELEVANCE, "text": "forc"}, "1246"),
    ],
)
def test_pages_hold_what_matches_in_its_order(stocked: Scene, members: dict[str, Any], expected: str) -> None:
    page = read_page(stocked.shop, ANONYMOUS, 1, query=CatalogueQuery(**members))
    assert "".join(card.product.product.sku[1] for card in page.items) == expected
    assert read_facets(stocked.shop, ANONYMOUS, CatalogueQuery(**members)).products == len(expected)
    halves = [read_page(stocked.shop, ANONYMOUS, number, 2, CatalogueQuery(**members)) for number in (1, 2, 3, 4)]
    assert [card for half in halves for card in half.items] == list(page.items)
    assert [half.has_next for half in halves] == [len(expected) > 2 * number for number in (1, 2, 3, 4)]


def test_prices_of_zero_are_prices(scene: Scene) -> None:
    for number, price in enumerate((1, 0, 1)):
        scene.goods(str(number), unit_entry(price))
    for sort, expected in ((Sort.CHEAPEST, "102"), (Sort.DEAREST, "021")):
        page = read_page(scene.shop, ANONYMOUS, 1, query=CatalogueQuery(sort=sort))
        assert "".join(card.product.product.sku for card in page.items) == expected


def test_a_product_with_no_other_words_is_relevant(scene: Scene) -> None:
    """The text's words are all words of the product."""
    for sku in ("airy", "air"):
        scene.goods(sku, name=sku, brands=())
    page = read_page(scene.shop, ANONYMOUS, 1, query=CatalogueQuery(text="air", sort=Sort.RELEVANCE))
    assert [card.product.product.sku for card in page.items] == ["air", "airy"]


def test_facets_are_named_and_the_most_frequent_come_first(stocked: Scene) -> None:
    facets = read_facets(stocked.shop, ANONYMOUS)
    assert facets.products == 5
    assert [(each.row.name, each.count) for each in facets.brands] == [("Nike", 4), ("Ёж", 1)]
    assert [(each.row.name, each.count) for each in facets.categories] == [("Sport", 4), ("Winter", 1)]
    assert [(each.row.name, each.count) for each in facets.genders] == [("M", 4), ("F", 1)]
    assert [(each.row.name, each.count) for each in facets.tags] == [("Style", 4), ("New", 1)]
    assert facets.sizes[:3] == (
        CountedSize(SizeValue("international", "42"), 2),
        CountedSize(SizeValue("international", "41"), 1),
        CountedSize(SizeValue("us", "42"), 2),
    )
    assert facets.bands == (CountedBand(Money(5), Money(9), 3),)


def test_a_facet_has_a_hundred_entries_at_most() -> None:
    brands = {BrandId(number): Named(number, f"Brand {number}") for number in range(1, 202)}
    sizes = {SizeValue(column, f"{number:03}"): 1 for column in ("us", "eu") for number in range(150)}
    counts = FacetCounts(201, {brand_id: brand_id % 2 for brand_id in reversed(brands)}, {}, {}, sizes, {}, {})
    facets = facets_view(counts, attrs.evolve(NO_REFERENCES, brands=brands))
    assert MAX_COUNTED == 100
    assert [each.row.id for each in facets.brands] == list(range(1, 200, 2))
    assert [each.size for each in facets.sizes] == [SizeValue(c, f"{n:03}") for c in ("us", "eu") for n in range(100)]


def test_no_size_is_a_size_too(scene: Scene) -> None:
    scene.goods("one", unit_entry(1, NO_SIZE))
    page = read_page(scene.shop, ANONYMOUS, 1, query=CatalogueQuery(sizes=(SizeValue("eu", "0"),)))
    assert len(page.items) == 1
