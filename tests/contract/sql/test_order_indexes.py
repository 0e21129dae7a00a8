"""An index answers each filter of the search for orders, on both databases.

SQLite plans without statistics, so its plans do not depend on the number of orders. PostgreSQL's plans for 40,000
orders are those for 2,000,000: a scan of the table costs more with each order, a search of an index does not.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest
from sqlalchemy import Connection, event, text

from sellout_adapters.sql import SqlStore
from sellout_adapters.testing.scene import Scene, checkout_request
from sellout_core.fulfilment.statuses import STATUSES
from sellout_core.people.accounts import OPERATOR
from sellout_core.ports.lists import Part
from sellout_core.shopping.order_search import OrderQuery
from sellout_core.use_cases.backlog import read_backlog
from sellout_core.use_cases.shopping.checkout import check_out
from sellout_core.use_cases.shopping.orders import read_orders
from sellout_core.values import UserId
from tests.contract.conftest import PERSISTENT

ORDERS: Final = 40_000
SKUS: Final = 200
BEGIN: Final = datetime(2026, 1, 1, tzinfo=UTC)
NUMBERS: Final = "WITH RECURSIVE numbers (n) AS (SELECT 2 UNION ALL SELECT n + 1 FROM numbers WHERE n < {})"
LATE: Final = BEGIN + timedelta(minutes=ORDERS - 50)


def copied(connection: Connection) -> None:
    """Copies the first order, its line and its unit: each buyer and product has a share, and the newest orders alone
    have the status `placed`.
    """

    def copy(table: str, last: int, first: str = "id = 1", **values: str) -> None:
        columns = [row[0] for row in connection.exec_driver_sql(f"SELECT * FROM {table}").cursor.description]  # noqa: S608
        chosen = [values.get(name, name) for name in columns]
        rows = f"SELECT {', '.join(chosen)} FROM {table} CROSS JOIN numbers WHERE {first}"  # noqa: S608
        connection.execute(text(f"INSERT INTO {table} ({', '.join(columns)}) {NUMBERS.format(last)} {rows}"))

    minutes = (
        f"datetime('{BEGIN:%Y-%m-%d}', n || ' minutes') || '.000000'"
        if connection.dialect.name == "sqlite"
        else f"timestamptz '{BEGIN:%Y-%m-%d}+00' + n * interval '1 minute'"
    )
    copy("users", 100, id="n", username="username || n", username_key="username_key || n")
    copy("products", SKUS, id="n", sku="sku || n")
    copy("sizes", SKUS, id="n", product_id="n")
    copy("product_units", SKUS, id="n", product_id="n", size_id="n")
    copy("agreed_units", SKUS, "unit_id = 1", digest="substr(digest, 1, 60) || (1000 + n)", unit_id="n")
    status = f"CASE WHEN n > {ORDERS - 100} THEN 2 ELSE 1 END"
    copy("orders", ORDERS, id="n", buyer_id="1 + n % 100", placed_at=minutes, status_id=status)
    unit = f"(2 + n % {SKUS - 1})"
    digest = f"substr(unit_digest, 1, 60) || (1000 + {unit})"
    copy("order_lines", ORDERS, "order_id = 1", order_id="n", unit_id=unit, unit_digest=digest)


@pytest.fixture(scope="module", params=PERSISTENT)
def store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqlStore]:
    """A shop with many orders."""
    folder = tmp_path_factory.mktemp("orders")
    with PERSISTENT[request.param](folder) as opened:
        scene = Scene(opened)
        buyer, unit = scene.user("anna"), scene.unit("sku", 7)
        scene.fill_cart(buyer, unit)
        check_out(scene.shop, OPERATOR, buyer, checkout_request(scene.address(buyer), unit))
        with opened.engine.begin() as connection:
            copied(connection)
        if request.param == "postgresql":
            with opened.engine.begin() as connection:
                connection.exec_driver_sql("ANALYZE")
    with PERSISTENT[request.param](folder) as opened:
        yield opened


def plans(store: SqlStore, work: Callable[[], object]) -> list[str]:
    """The plans of the statements that read the orders."""
    sent: list[tuple[str, Any]] = []

    def note(_: Any, __: Any, statement: str, parameters: Any, *___: Any) -> None:
        if "FROM orders" in statement and not statement.startswith("EXPLAIN"):
            sent.append((statement, parameters))

    event.listen(store.engine, "before_cursor_execute", note)
    try:
        work()
    finally:
        event.remove(store.engine, "before_cursor_execute", note)
    explain = "EXPLAIN QUERY PLAN " if store.engine.dialect.name == "sqlite" else "EXPLAIN "
    described = []
    with store.engine.connect() as connection:
        for statement, parameters in sent:
            rows = connection.exec_driver_sql(explain + statement, parameters)
            described.append("\n".join(str(row[-1]) for row in rows))
    return described


@pytest.mark.parametrize(
    ("query", "indexes"),
    [
        (OrderQuery, ["pk_orders"]),
        (lambda: OrderQuery(status_name="placed"), ["ix_orders_status_id_id"]),
        (lambda: OrderQuery(buyer_id=UserId(7)), ["ix_orders_buyer_id_id"]),
        (lambda: OrderQuery(since=LATE), ["ix_orders_placed_at_id", "pk_orders|ix_orders_placed_at_id"]),
        (
            lambda: OrderQuery(until=BEGIN + timedelta(minutes=50)),
            ["ix_orders_placed_at_id", "pk_orders|ix_orders_placed_at_id"],
        ),
        (lambda: OrderQuery(buyer_id=UserId(7), status_name="pending"), ["ix_orders_buyer_id_id"]),
        (lambda: OrderQuery(product_sku="sku7"), ["ix_order_lines_unit_id_order_id"]),
        (
            lambda: OrderQuery(status_name="placed", since=LATE),
            ["ix_orders_placed_at_id", "pk_orders|ix_orders_status_id_id|ix_orders_placed_at_id"],
        ),
    ],
)
def test_an_index_answers_each_filter(store: SqlStore, query: Callable[[], OrderQuery], indexes: list[str]) -> None:
    found: list[Any] = []
    described = plans(store, lambda: read_orders(Scene(store).shop, OPERATOR, found.extend, Part(limit=20), query()))
    assert len(found) == 20
    assert len(described) == len(indexes)
    for plan, index in zip(described, indexes, strict=True):
        names = index.replace("pk_orders", "PRIMARY KEY" if store.engine.dialect.name == "sqlite" else "pk_orders")
        assert any(name in plan for name in names.split("|")), plan
        for scan in ("SCAN orders\n", "SCAN order_lines", "Seq Scan on orders", "Seq Scan on order_lines"):
            assert scan not in plan + "\n", plan


def test_an_index_counts_the_orders_of_each_status(store: SqlStore) -> None:
    """PostgreSQL may scan the table for one status, which most orders have: the scan ends at the limit."""
    [plan] = plans(store, lambda: read_backlog(Scene(store).shop, OPERATOR))
    assert plan.count("ix_orders_status_id_id") >= len(STATUSES) - 1, plan
    assert plan.count("Seq Scan on orders") <= 1, plan
    assert "SCAN orders\n" not in plan + "\n", plan
