"""Reports of sales over HTTP: their days, their forms and what they refuse."""

import csv
import io
from datetime import timedelta, timezone
from typing import Any, Final

import attrs
import pytest

from sellout_adapters import demo
from sellout_adapters.testing.scene import HeldClock
from sellout_core.ports.store import Store
from sellout_http.runtime.threads import LONG_READ_THREADS
from sellout_http.schemas import csv_table
from tests.contract.support.buyer import change_product, staff
from tests.contract.support.shop import Served, demo_shop, log_in, problem_of, serving_shop

pytestmark = pytest.mark.http

FIGURES: Final = ("currency", "orders", "units", "revenue", "discounts")
QUERY: Final = "from=2026-03-01&to=2026-03-02&by={}"
WANTED: Final = "/report/sales?" + QUERY


@pytest.mark.parametrize("by", ["day", "brand", "product", "platform"])
def test_a_report_sums_up_the_orders_of_the_days(timed: Served, by: str) -> None:
    """The demo's order and the one of the test are of the same day."""
    boss = staff(timed.client)
    boss.fill_cart(*({1, 2} - set(boss.cart())))
    order = boss.order(1, 2, promo_code=demo.PROMO_CODE)
    placed = [*boss.get("/order/orders")]
    assert order in [{name: each[name] for name in order} for each in placed]
    report = boss.get(WANTED.format(by))
    assert (report["from"], report["to"], report["by"], report["time_zone"]) == ("2026-03-01", "2026-03-02", by, "UTC")
    [total] = report["totals"]
    assert total["orders"] == len(placed)
    assert total["units"] == sum(len(each["product_unit"]) for each in placed)
    assert total["revenue"] == sum(each["total_amount"] for each in placed)
    prices = sum(unit["final_price"] for each in placed for unit in each["product_unit"])
    assert total["discounts"] == prices - total["revenue"]
    if by == "day":
        assert report["rows"] == [{"day": "2026-03-01", **dict.fromkeys(("id", "name", "sku", "site")), **total}]
    else:
        assert all(row["day"] is None and row["id"] and row["name"] for row in report["rows"])
    assert boss.get("/report/sales?from=2026-03-02&to=2026-03-03&by=day")["rows"] == []


def test_a_day_begins_in_the_time_zone_of_the_shop(store: Store, clock: HeldClock) -> None:
    shop = demo_shop(store, clock)
    policy = attrs.evolve(shop.policy, time_zone=timezone(timedelta(hours=13)))
    with serving_shop(attrs.evolve(shop, policy=policy)) as served:
        boss = staff(served.client)
        assert boss.get(WANTED.format("day"))["rows"] == []
        [row] = boss.get("/report/sales?from=2026-03-02&to=2026-03-03&by=day")["rows"]
        assert row["day"] == "2026-03-02"


@pytest.mark.parametrize("by", ["day", "product"])
def test_a_table_has_the_rows_of_the_document(timed: Served, by: str) -> None:
    boss = staff(timed.client)
    response = boss.request("GET", WANTED.format(by), headers={"Accept": "text/csv"})
    assert response.headers["content-type"] == "text/csv; charset=utf-8; header=present"
    assert response.headers["vary"] == "accept"
    assert response.headers["cache-control"] == "no-store"
    rows = [
        {name: "" if value is None else str(value) for name, value in row.items()}
        for row in boss.get(WANTED.format(by))["rows"]
    ]
    assert list(csv.DictReader(io.StringIO(response.text, newline=""))) == rows
    assert rows


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(1)", "\t=1", "\r=1", '="a"'])
def test_a_cell_of_a_table_is_no_formula(timed: Served, name: str) -> None:
    boss = staff(timed.client)
    for row in boss.get(WANTED.format("product"))["rows"]:
        change_product(timed.shop, row["id"], name=name)
    table = boss.request("GET", WANTED.format("product"), headers={"Accept": "text/csv"}).text
    names = {row["name"] for row in csv.DictReader(io.StringIO(table, newline=""))}
    assert names == {f"'{name}"}


def test_a_table_quotes_what_it_must() -> None:
    cells = ["a,b", 'a "b"', "a\r\nb", "'a", None, 7, -7, "Ё", "a=b"]
    table = csv_table.encode(["name"] * len(cells), [cells])
    assert table.endswith('"a,b","a ""b""","a\r\nb",\'a,,7,-7,Ё,a=b\r\n'.encode())


@pytest.mark.parametrize(
    ("accepted", "media_type"),
    [
        (None, "application/json"),
        ("*/*", "application/json"),
        ("application/json", "application/json"),
        ("application/*, text/csv;q=0.9", "application/json"),
        ("text/csv, application/json", "application/json"),
        ("text/csv", "text/csv"),
        ("TEXT/CSV; charset=utf-8 ; q=1.000", "text/csv"),
        ("text/*", "text/csv"),
        ("text/csv;q=0.5, application/json;q=0.4", "text/csv"),
        ("application/json;q=0, */*", "text/csv"),
        ("text/html, text/csv;q=0.001", "text/csv"),
        ("nonsense, text/csv", "text/csv"),
        ("text/html", None),
        ("application/problem+json", None),
        ("text/csv;q=0", None),
        ("text/csv;q=2", "application/json"),
        ("text/csv;q=x", "application/json"),
        ("text/csv;q=0, text/*;q=0, application/json;q=0.000", None),
        ("csv", "application/json"),
        ("", "application/json"),
    ],
)
def test_the_client_chooses_the_form(shared: Served, accepted: str | None, media_type: str | None) -> None:
    headers = log_in(shared.client, demo.STAFF)
    shared.client.headers.pop("accept", None)
    if accepted is not None:
        headers["Accept"] = accepted
    response = shared.client.get(WANTED.format("brand"), headers=headers)
    if media_type is None:
        problem_of(response, 406, "not_acceptable")
    else:
        assert response.status_code == 200
        assert response.headers["content-type"].partition(";")[0] == media_type


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        ("", {"from": "required", "to": "required", "by": "required"}),
        ("from=2026-03-01&to=2026-03-02", {"by": "required"}),
        (QUERY.format("size"), {"by": "not_one_of"}),
        (QUERY.format("day&by=day"), {"by": "repeated"}),
        ("from=2026-03-01&to=2026-03-01&by=day", {"to": "out_of_range"}),
        ("from=2026-03-02&to=2026-03-01&by=day", {"to": "out_of_range"}),
        ("from=2026-01-01&to=2027-01-03&by=day", {"to": "out_of_range"}),
        ("from=2026-02-30&to=x&by=day", {"from": "malformed", "to": "malformed"}),
        ("from=2026-01-01T00:00:00Z&to=2026-01-02&by=day", {"from": "malformed"}),
        ("from=0999-12-31&to=1000-01-01&by=day", {"from": "out_of_range"}),
        ("from=20260101&to=2026-01-02&by=day", {"from": "malformed"}),
        (QUERY.format("day&limit=1"), {"limit": "unknown_parameter"}),
    ],
)
def test_a_bad_query_is_refused(shared: Served, query: str, fields: dict[str, str]) -> None:
    response = shared.client.get(f"/report/sales?{query}", headers=log_in(shared.client, demo.STAFF))
    found = problem_of(response, 422, "invalid_fields")["fields"]
    assert {field["parameter"]: field["code"] for field in found} == fields


@pytest.mark.parametrize(("first", "end"), [("1000-01-01", "1001-01-01"), ("9998-12-31", "9999-12-31")])
def test_the_first_and_the_last_days_of_the_calendar_have_no_orders(shared: Served, first: str, end: str) -> None:
    headers = log_in(shared.client, demo.STAFF)
    for by in ("day", "brand"):
        response = shared.client.get(f"/report/sales?from={first}&to={end}&by={by}", headers=headers)
        assert response.json()["rows"] == []


def test_a_report_with_too_many_rows_is_refused(timed: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sellout_core.use_cases.shopping.sales.MAX_ROWS", 0)
    response = staff(timed.client).request("GET", WANTED.format("brand"))
    assert problem_of(response, 409, "limit_reached")["maximum"] == 0


def test_a_report_is_a_long_read_of_staff_alone(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes a place of long reads from the start, and a caller without rights takes none."""
    monkeypatch.setattr("sellout_http.app.WAITING_LONG_READS", -LONG_READ_THREADS)
    with serving_shop(demo_shop(store)) as served:
        path = WANTED.format("day")
        problem_of(served.client.get(path, headers=log_in(served.client, demo.STAFF)), 503, "unavailable_now")
        problem_of(served.client.get(path, headers=log_in(served.client, demo.CUSTOMER)), 403, "forbidden")
        problem_of(served.client.get(path), 401, "unauthenticated")


def figures(row: Any) -> tuple[Any, ...]:
    """The figures of a row."""
    return tuple(row[name] for name in FIGURES)


def test_rows_by_product_add_up_to_the_totals(timed: Served) -> None:
    """But for the orders: an order counts for each of its products."""
    report = staff(timed.client).get(WANTED.format("product"))
    [total] = report["totals"]
    sums = [sum(each) for each in zip(*(figures(row)[2:] for row in report["rows"]), strict=True)]
    assert sums == list(figures(total)[2:])
