"""The limits of the entries in a catalogue file."""

from datetime import date
from typing import Any

import attrs
import pytest

from sellout_adapters.testing.scene import product_entry, shoe_size, unit_entry
from sellout_core.catalogue import products as catalogue
from sellout_core.catalogue.products import NO_SIZE, SizeGrid
from sellout_core.errors import InvalidFields
from sellout_core.values import UNCHANGED, Money


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"sku": ""}, "sku"),
        ({"sku": " "}, "sku"),
        ({"sku": "x" * 101}, "sku"),
        ({"name": ""}, "name"),
        ({"name": "x" * 301}, "name"),
        ({"description": "x" * 20_001}, "description"),
        ({"description": "\0"}, "description"),
        ({"bucket_link": "x" * 2_001}, "bucket_link"),
        ({"brands": ("",)}, "brands"),
        ({"brands": ("x" * 151,)}, "brands"),
        ({"brands": ("Nike", "Nike")}, "brands"),
        ({"categories": tuple(map(str, range(51)))}, "categories"),
        ({"tags": ("\ud800",)}, "tags"),
        ({"gender": ""}, "gender"),
        ({"gender": "x" * 151}, "gender"),
        ({"fit": 2**31}, "fit"),
        ({"fit": -(2**31)}, "fit"),
        ({"rel_num": 2**31}, "rel_num"),
        ({"add_date": date(999, 12, 31)}, "add_date"),
        ({"units": (unit_entry(7), unit_entry(8, stock=1))}, "units"),
        ({"units": tuple(unit_entry(7, shoe_size(str(number))) for number in range(1001))}, "units"),
    ],
)
def test_a_product_out_of_its_limits_names_the_field(changes: dict[str, Any], name: str) -> None:
    with pytest.raises(InvalidFields) as refusal:
        attrs.evolve(product_entry("dunk"), **changes)
    assert [field.name for field in refusal.value.fields] == [name]


@pytest.mark.parametrize(
    "changes",
    [
        {"sku": "x" * 100},
        {"name": "x" * 300},
        {"sku": "x", "name": "x"},
        {"description": "x" * 20_000},
        {"bucket_link": ""},
        {"brands": tuple(map(str, range(50)))},
        {"tags": ()},
        {"fit": 2**31 - 1, "rel_num": -(2**31) + 1},
        {"add_date": date(1000, 1, 1)},
        {"units": None},
        {"units": tuple(unit_entry(7, shoe_size(str(number)), availability=number < 1000) for number in range(5000))},
    ],
)
def test_a_product_at_its_limits_is_let_through(changes: dict[str, Any]) -> None:
    entry = attrs.evolve(product_entry("dunk"), **changes)
    assert {name: getattr(entry, name) for name in changes} == changes


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"size": shoe_size("")}, "size"),
        ({"size": attrs.evolve(shoe_size("42"), ru="x" * 21)}, "size"),
        ({"size": attrs.evolve(shoe_size("42"), international=" ")}, "size"),
        ({"final_price": -1}, "final_price"),
        ({"final_price": 1_000_000_001}, "final_price"),
        ({"currency": ""}, "currency"),
        ({"delivery_type": ""}, "delivery_type"),
        ({"platform": ""}, "platform"),
        ({"site": "x" * 2_001}, "site"),
        ({"stock": -1}, "stock"),
        ({"stock": 1_000_000_001}, "stock"),
        ({"sold": -1}, "sold"),
        ({"sold": 1_000_000_001}, "sold"),
    ],
)
def test_a_unit_out_of_its_limits_names_the_field(changes: dict[str, Any], name: str) -> None:
    with pytest.raises(InvalidFields) as refusal:
        attrs.evolve(unit_entry(7), **changes)
    assert [field.name for field in refusal.value.fields] == [name]


@pytest.mark.parametrize(
    "changes",
    [
        {"size": shoe_size("x" * 20)},
        {"final_price": 0},
        {"final_price": 1_000_000_000},
        {"site": ""},
        {"stock": 0},
        {"stock": 1_000_000_000},
        {"stock": None},
        {"stock": UNCHANGED},
        {"sold": 1_000_000_000},
    ],
)
def test_a_unit_at_its_limits_is_let_through(changes: dict[str, Any]) -> None:
    entry = attrs.evolve(unit_entry(7), **changes)
    assert {name: getattr(entry, name) for name in changes} == changes


def test_units_are_told_apart_by_size_platform_site_and_delivery_type_alone() -> None:
    one = unit_entry(7)
    assert one.key == attrs.evolve(one, final_price=Money(8), currency="USD", stock=4, sold=2, availability=False).key
    others: list[dict[str, Any]] = [
        {"size": shoe_size("42")},
        {"platform": "GOAT"},
        {"site": ""},
        {"delivery_type": "Поезд"},
    ]
    for other in others:
        assert attrs.evolve(one, **other).key != one.key


@pytest.fixture(autouse=True)
def _empty_cache() -> None:
    """Each test compares sizes anew."""
    catalogue._canonical.cache_clear()


@pytest.mark.parametrize("spelling", ["42.0", "042", "42,0", "42.00", "0042,000"])
def test_numerically_equal_sizes_are_one_size(spelling: str) -> None:
    assert shoe_size(spelling).canonical == shoe_size("42").canonical == shoe_size("42")
    assert unit_entry(7, shoe_size(spelling)).key == unit_entry(7, shoe_size("42")).key
    with pytest.raises(InvalidFields):
        product_entry("dunk", unit_entry(7, shoe_size("42")), unit_entry(7, shoe_size(spelling)))


def test_every_grid_is_compared() -> None:
    for grid in attrs.fields_dict(SizeGrid):
        one, other = (attrs.evolve(shoe_size("42"), **{grid: number}) for number in ("8.5", "8,50"))
        assert one.canonical == other.canonical != shoe_size("42").canonical


@pytest.mark.parametrize(
    ("one", "other"),
    [("42", "420"), ("42", "42 "), ("42", "4.2"), ("M", "m"), ("42½", "42.5"), ("42", "٤٢"), ("0", "")],
)
def test_other_sizes_stay_different(one: str, other: str) -> None:
    assert shoe_size(one).canonical != shoe_size(other).canonical


def test_numbers_without_digits_to_drop_stay_as_they_are() -> None:
    for text in ("0", "10", "100", "0.5", "42.5", "40 ½", "M", "1.2.3", ".5", "5."):
        assert shoe_size(text).canonical == shoe_size(text)
    assert shoe_size("000.0").canonical == NO_SIZE
