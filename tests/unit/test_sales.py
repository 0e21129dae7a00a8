"""Reports of sales: their figures, their days, their names and their limits."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sellout_adapters.memory import MemoryStore
from sellout_adapters.testing.laws.shopping.sales import SalesLaws, report, sold
from sellout_adapters.testing.scene import Scene
from sellout_core.errors import FieldCode, InvalidFields, LimitReached
from sellout_core.shopping.sales import SalesKey, SalesQuery

ZONES = ("UTC", "Europe/Moscow", "America/Sao_Paulo", "America/Havana", "Pacific/Apia", "Asia/Kathmandu")


@pytest.fixture
def scene() -> Scene:
    return Scene(MemoryStore())


class TestSales(SalesLaws):
    """The laws in memory."""


def test_figures_are_those_of_the_orders(scene: Scene) -> None:
    """In two days, three orders of 7 + 10 + 100 less 15 %, three of 5 + 100, and three in another currency. Two pieces
    are cancelled: one for 7 and one for 5. A piece of a product with two brands counts for both.
    """
    sold(scene)
    rows = {
        by: [
            (row.name or row.day, row.sku or row.site, attrs.astuple(row.figures))
            for row in report(scene, by, days=1).rows
        ]
        for by in SalesKey
    }
    assert rows == {
        SalesKey.DAY: [
            (date(2026, 2, 28), None, ("CNY", 2, 2, 18, 0)),
            (date(2026, 2, 28), None, ("RUB", 4, 10, 408, 36)),
            (date(2026, 3, 1), None, ("CNY", 1, 1, 9, 0)),
            (date(2026, 3, 1), None, ("RUB", 2, 3, 194, 16)),
        ],
        SalesKey.BRAND: [
            (None, None, ("RUB", 2, 2, 10, 0)),
            ("Adidas", None, ("RUB", 3, 5, 37, 7)),
            ("Nike", None, ("CNY", 3, 3, 27, 0)),
            ("Nike", None, ("RUB", 6, 11, 592, 52)),
        ],
        SalesKey.PRODUCT: [
            ("The pair", "pair", ("RUB", 3, 5, 37, 7)),
            ("The single", "single", ("RUB", 6, 6, 555, 45)),
            ("The plain", "plain", ("RUB", 2, 2, 10, 0)),
            ("The yuan", "yuan", ("CNY", 3, 3, 27, 0)),
        ],
        SalesKey.PLATFORM: [
            ("Poizon", "/poizon", ("CNY", 3, 3, 27, 0)),
            ("Poizon", "/poizon", ("RUB", 6, 10, 575, 49)),
            ("StockX", "/poizon", ("RUB", 3, 3, 27, 3)),
        ],
    }
    for by in SalesKey:
        totals = [attrs.astuple(each) for each in report(scene, by, days=1).totals]
        assert totals == [("CNY", 3, 3, 27, 0), ("RUB", 6, 13, 602, 52)]


@pytest.mark.parametrize(
    ("first", "end", "name", "code"),
    [
        (date(2026, 1, 1), date(2026, 1, 1), "end_day", FieldCode.OUT_OF_RANGE),
        (date(2026, 1, 2), date(2026, 1, 1), "end_day", FieldCode.OUT_OF_RANGE),
        (date(2026, 1, 1), date(2027, 1, 3), "end_day", FieldCode.OUT_OF_RANGE),
        (date(999, 12, 31), date(1000, 1, 1), "first_day", FieldCode.OUT_OF_RANGE),
    ],
)
def test_a_range_has_1_to_366_days(first: date, end: date, name: str, code: FieldCode) -> None:
    with pytest.raises(InvalidFields) as refused:
        SalesQuery(first_day=first, end_day=end, by=SalesKey.DAY)
    assert [(field.name, field.code) for field in refused.value.fields] == [(name, code)]


def test_a_range_may_have_366_days() -> None:
    query = SalesQuery(first_day=date(2026, 1, 1), end_day=date(2027, 1, 2), by=SalesKey.DAY)
    assert (len(query.days), query.days[-1]) == (366, date(2027, 1, 1))
    assert len(query.bounds(UTC)) == 367


@given(
    st.sampled_from(ZONES),
    st.dates(date(1990, 1, 1), date(2040, 1, 1)),
    st.integers(0, 30 * 24 * 3600 - 1),
)
def test_a_moment_is_within_its_day_in_every_zone(name: str, first: date, second: int) -> None:
    """Also where the clock changes at midnight, and where a day does not exist."""
    zone = ZoneInfo(name)
    query = SalesQuery(first_day=first, end_day=first + timedelta(30), by=SalesKey.DAY)
    bounds = query.bounds(zone)
    assert bounds == sorted(bounds)
    moment = datetime.combine(first, datetime.min.time(), UTC) + timedelta(seconds=second)
    if bounds[0] <= moment < bounds[-1]:
        number = sum(bound <= moment for bound in bounds) - 1
        assert query.days[number] == moment.astimezone(zone).date()


def test_a_report_with_too_many_rows_is_refused(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    sold(scene)
    monkeypatch.setattr("sellout_core.use_cases.shopping.sales.MAX_ROWS", 4)
    assert len(report(scene, SalesKey.PRODUCT).rows) == 4
    monkeypatch.setattr("sellout_core.use_cases.shopping.sales.MAX_ROWS", 3)
    with pytest.raises(LimitReached) as refused:
        report(scene, SalesKey.PRODUCT)
    assert refused.value.maximum == 3
