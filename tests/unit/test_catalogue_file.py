"""Lines of catalogue files: valid and invalid ones, reasons, and the round trip of writing and reading."""

import io
import json
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sellout_adapters.catalogue_file.codec import decode, encode
from sellout_adapters.catalogue_file.lines import MAX_LINE, BadLine, GoodLine, read_lines
from sellout_core import values
from sellout_core.catalogue.products import NO_SIZE, SizeGrid
from sellout_core.use_cases.catalogue.importing import entries
from sellout_core.use_cases.catalogue.importing.changes import Stock
from sellout_core.use_cases.catalogue.importing.entries import ProductEntry, UnitEntry
from sellout_core.values import UNCHANGED, Money

SIZE = {"INT": "M", "US": "9", "UK": "8", "EU": "42", "IT": "42", "RU": "41"}
UNIT = {"size": SIZE, "final_price": 100, "currency": "RUB", "delivery_type": "Самолёт", "platform": "Poizon"}
LEAST = {"sku": "a", "name": "A", "gender": "M", "add_date": "2023-04-07"}


def line(**members: Any) -> bytes:
    return json.dumps({**LEAST, **members}, ensure_ascii=False).encode() + b"\n"


def read(content: bytes) -> list[GoodLine | BadLine]:
    return list(read_lines(io.BytesIO(content)))


def only_bad(content: bytes) -> BadLine:
    [bad] = read(content)
    assert isinstance(bad, BadLine)
    return bad


def test_what_a_line_leaves_out_has_a_default() -> None:
    assert decode(line()) == ProductEntry(
        sku="a",
        name="A",
        description="",
        bucket_link="",
        brands=(),
        categories=(),
        tags=(),
        gender="M",
        fit=0,
        rel_num=0,
        available_flag=True,
        add_date=date(2023, 4, 7),
        units=None,
    )


def test_what_a_unit_leaves_out_has_a_default() -> None:
    assert decode(line(units=[UNIT])).units == (
        UnitEntry(
            size=SizeGrid("M", "9", "8", "42", "42", "41"),
            final_price=Money(100),
            currency="RUB",
            delivery_type="Самолёт",
            platform="Poizon",
            site="",
            availability=True,
            stock=UNCHANGED,
            sold=0,
        ),
    )


@pytest.mark.parametrize(
    ("member", "stock"), [({}, UNCHANGED), ({"stock": None}, None), ({"stock": 0}, 0), ({"stock": 3}, 3)]
)
def test_stock_left_out_null_and_a_number_are_three_things(member: dict[str, Any], stock: Stock) -> None:
    entry = decode(line(units=[{**UNIT, **member}]))
    assert entry.units is not None
    assert entry.units[0].stock == stock
    assert decode(encode(entry)) == entry
    assert (b'"stock"' in encode(entry)) == ("stock" in member)


def test_a_line_is_written_whole_in_one_order_and_unescaped() -> None:
    assert encode(decode(line(name="Кеды 👟", units=[{**UNIT, "stock": 4, "sold": 2}]))).decode() == (
        '{"sku":"a","name":"Кеды 👟","description":"","bucket_link":"","brands":[],"categories":[],"tags":[],'
        '"gender":"M","fit":0,"rel_num":0,"available_flag":true,"add_date":"2023-04-07","units":[{"size":'
        '{"INT":"M","US":"9","UK":"8","EU":"42","IT":"42","RU":"41"},"final_price":100,"currency":"RUB",'
        '"delivery_type":"Самолёт","platform":"Poizon","site":"","availability":true,"stock":4,"sold":2}]}\n'
    )


def test_no_units_and_units_left_out_are_two_things() -> None:
    assert decode(line(units=[])).units == ()
    assert decode(encode(decode(line(units=[])))).units == ()
    assert decode(encode(decode(line()))).units is None


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (line(colour="red"), "unknown field colour"),
        (line(units=[{**UNIT, "colour": "red"}]), "unknown field colour, at units[0]"),
        (line(units=[{**UNIT, "size": {**SIZE, "JP": "27"}}]), "unknown field JP, at units[0].size"),
        (b'{"sku": "a"}\n', "missing required field name"),
        (line(units=[{**UNIT, "size": {"EU": "42"}}]), "missing required field INT"),
        (line(name=7), "Expected str, got int, at name"),
        (line(name=None), "Expected str, got null, at name"),
        (line(fit="1"), "Expected int, got str, at fit"),
        (line(fit=1.0), "Expected int, got float, at fit"),
        (line(fit=True), "Expected int, got bool, at fit"),
        (line(available_flag=1), "Expected bool, got int, at available_flag"),
        (line(brands="Nike"), "Expected array, got str, at brands"),
        (line(units=None), "Expected array, got null, at units"),
        (line(add_date="2023-02-30"), "at add_date"),
        (line(add_date="2023-04-07T00:00:00"), "at add_date"),
        (line(add_date="0999-01-01"), "add_date must be a date from 1000-01-01 on"),
        (line(sku=""), "sku must be 1 to 100 characters long"),
        (line(sku="  "), "sku must not be blank"),
        (line(sku="a" * 101), "sku must be 1 to 100 characters long"),
        (line(sku="", name=""), "sku must be 1 to 100 characters long; name must be 1 to 300 characters long"),
        (line(brands=["Nike", "Nike"]), "brands must not repeat a value"),
        (line(fit=2**31), "fit must be from"),
        (line(fit=2**64), "fit must be from"),
        (line(units=[UNIT, UNIT]), "units must not repeat"),
        (line(units=[UNIT, {**UNIT, "final_price": -1}]), "units[1].final_price must be from 0"),
        (line(units=[{**UNIT, "stock": 2**63}]), "units[0].stock must be from 0"),
        (line(units=[{**UNIT, "sold": 2**63}]), "units[0].sold must be from 0"),
        (line(units=[{**UNIT, "sold": None}]), "Expected int, got null, at units[0].sold"),
        (line(units=[UNIT, {**UNIT, "size": {**SIZE, "EU": "42.0"}}]), "units must not repeat"),
        (line(name="\0"), "name must not contain NUL"),
        (b"\0" * 10 + b"\n", "not JSON"),
        (line(name="\x1b[2J").replace(b"\\u001b", b"\x1b"), "not JSON"),
        (line(name="?").replace(b"?", b"\\ud800"), "a string holds a lone surrogate"),
        (line(name="?").replace(b"?", b"\\udc00\\ud800"), "a string holds a lone surrogate"),
        (line(name="?").replace(b"?", b"\xff"), "not valid UTF-8"),
        (line(name="?").replace(b"?", b"\xed\xa0\x80"), "not valid UTF-8"),
        (line(fit="?").replace(b'"?"', b"NaN"), "not JSON"),
        (line(fit="?").replace(b'"?"', b"9" * 5000), "out of range"),
        (b"[" * 100_000 + b"\n", "Expected object, got array"),
        (line(name="?").replace(b'"?"', b"[" * 100_000), "Expected str, got array"),
        (b'{"sku": ' + b'{"a": ' * 100_000 + b"\n", "Expected str, got object"),
        (b"null\n", "Expected object, got null"),
        (b"a,b,c\n", "not JSON"),
        (line().rstrip() + line(), "not JSON"),
    ],
)
def test_a_bad_line_says_why(content: bytes, reason: str) -> None:
    assert reason in only_bad(content).reason


@pytest.mark.parametrize("end", range(1, len(line()) - 2))
def test_a_last_line_cut_off_is_reported_wherever_it_was_cut(end: int) -> None:
    assert only_bad(line()[:end]).reason == "the file ends in the middle of this line"


def test_a_last_line_without_an_end_counts() -> None:
    [good] = read(line().rstrip())
    assert isinstance(good, GoodLine)


def test_blank_lines_and_a_byte_order_mark_are_passed_over_but_counted() -> None:
    lines = read(b"\xef\xbb\xbf" + line(sku="a") + b"\n   \r\n" + line(sku="b").replace(b"\n", b"\r\n"))
    assert [(good.number, good.entry.sku) for good in lines if isinstance(good, GoodLine)] == [(1, "a"), (4, "b")]
    assert len(lines) == 2


def test_bad_lines_do_not_touch_their_neighbours() -> None:
    lines = read(line(sku="a") + b"nonsense\n" + line(sku="b"))
    assert [type(one) for one in lines] == [GoodLine, BadLine, GoodLine]
    assert [one.number for one in lines] == [1, 2, 3]
    assert sum(one.length for one in lines) == len(line(sku="a") + b"nonsense\n" + line(sku="b"))


def test_a_reason_cannot_act_on_a_terminal() -> None:
    reason = only_bad(line(**{"\x1b[2J\u202e": 1})).reason
    assert reason.isprintable()


def test_a_reason_stays_short() -> None:
    assert len(only_bad(line(**{"x" * 10_000: 1})).reason) < 600


def padded(length: int) -> bytes:
    """A product's line with this number of bytes before its line end."""
    content = line().rstrip()
    return content + b" " * (length - len(content)) + b"\n"


def test_a_line_of_the_greatest_length_is_read() -> None:
    lines = read(padded(MAX_LINE) + line(sku="b"))
    assert [type(one) for one in lines] == [GoodLine, GoodLine]


@pytest.mark.parametrize("length", [MAX_LINE + 1, MAX_LINE + 2, 3 * MAX_LINE])
def test_a_longer_one_is_reported_and_skipped(length: int) -> None:
    lines = read(padded(length) + line(sku="b"))
    assert [type(one) for one in lines] == [BadLine, GoodLine]
    assert lines[0].length == length + 1


class Endless:
    """A file of 64 times the maximum length without a line end. `most` is the largest size that was requested."""

    def __init__(self) -> None:
        self.left = 64 * MAX_LINE
        self.most = 0

    def readline(self, size: int, /) -> bytes:
        self.most = max(self.most, size)
        part = b"x" * min(size, self.left)
        self.left -= len(part)
        return part


def test_a_line_without_an_end_is_never_held_whole() -> None:
    stream = Endless()
    [bad] = read_lines(stream)
    assert isinstance(bad, BadLine)
    assert bad.length == 64 * MAX_LINE
    assert stream.most <= MAX_LINE + 1


@given(st.binary(max_size=300))
def test_no_bytes_raise_anything(content: bytes) -> None:
    for one in read(content):
        assert isinstance(one, GoodLine) or one.reason.isprintable()


def texts(maximum: int, minimum: int = 0) -> st.SearchStrategy[str]:
    characters = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
    return st.text(characters, min_size=minimum, max_size=maximum).filter(lambda text: not minimum or text.strip())


names = texts(values.MAX_NAME, 1)
name_tuples = st.lists(names, unique=True, max_size=3).map(tuple)
numbers = st.integers(-entries.MAX_NUMBER, entries.MAX_NUMBER)
sizes = st.just(NO_SIZE) | st.builds(SizeGrid, *[texts(entries.MAX_SIZE_TEXT, 1)] * 6)
units = st.builds(
    UnitEntry,
    size=sizes,
    final_price=st.integers(0, values.MAX_PRICE),
    currency=names,
    delivery_type=names,
    platform=names,
    site=texts(100),
    availability=st.booleans(),
    stock=st.just(UNCHANGED) | st.none() | st.integers(0, values.MAX_STOCK),
    sold=st.integers(0, values.MAX_STOCK),
)
product_entries = st.builds(
    ProductEntry,
    sku=texts(values.MAX_SKU, 1),
    name=texts(entries.MAX_PRODUCT_NAME, 1),
    description=texts(500),
    bucket_link=texts(100),
    brands=name_tuples,
    categories=name_tuples,
    tags=name_tuples,
    gender=names,
    fit=numbers,
    rel_num=numbers,
    available_flag=st.booleans(),
    add_date=st.dates(min_value=date(1000, 1, 1)),
    units=st.none() | st.lists(units, max_size=3, unique_by=lambda unit: unit.key).map(tuple),
)


@given(st.lists(product_entries, max_size=3))
def test_what_is_written_is_read_back(products: list[ProductEntry]) -> None:
    lines = read(b"".join(map(encode, products)))
    assert [good.entry for good in lines if isinstance(good, GoodLine)] == products
    assert len(lines) == len(products)
