"""Related products of a large catalogue, and the rows of the views that rank them."""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any, Final

import pytest
from sqlalchemy import event, text

from sellout_adapters.sql import SqlStore
from sellout_adapters.testing.scene import Scene, product_entry
from sellout_core.people.accounts import ANONYMOUS
from sellout_core.use_cases.catalogue.finding import read_related
from sellout_core.values import COUNTED_VIEWS, ProductId
from tests.contract.conftest import PERSISTENT

PRODUCTS: Final = 200_000
BRAND: Final = 20_000
VIEWS: Final = COUNTED_VIEWS + 500
NUMBERS: Final = f"WITH RECURSIVE numbers (n) AS (SELECT 3 UNION ALL SELECT n + 1 FROM numbers WHERE n < {PRODUCTS})"  # noqa: S608 - a number
COLUMNS: Final = "name, description, bucket_link, available, updated_at, added_on, fit, rel_num, gender_id"
COPIED: Final = f"SELECT n, CAST(n AS text), {COLUMNS} FROM products, numbers WHERE id = 1"  # noqa: S608 - our own
FILLING: Final = {
    f"products (id, sku, {COLUMNS})": COPIED,
    "product_categories": "SELECT n, 1 FROM numbers",
    "product_brands": f"SELECT n, CASE WHEN n <= {BRAND} THEN 1 ELSE 2 END FROM numbers",  # noqa: S608 - a number
    "product_views (product_id)": f"SELECT 2 + n * 7 % {2 * BRAND} FROM numbers WHERE n < {VIEWS + 3}",  # noqa: S608 - numbers
}


@pytest.fixture(scope="module", params=PERSISTENT)
def store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqlStore]:
    """A shop with many products, of which the first tenth has the brand of the first. The oldest views are too many."""
    with PERSISTENT[request.param](tmp_path_factory.mktemp("related")) as opened:
        scene = Scene(opened)
        scene.sell(product_entry("one"))
        scene.sell(product_entry("two", brands=("Puma",)))
        with opened.engine.begin() as connection:
            for table, rows in FILLING.items():
                connection.execute(text(f"INSERT INTO {table} {NUMBERS} {rows}"))
            connection.execute(text("ANALYZE"))
        yield opened


def test_an_index_finds_each_of_a_bounded_number_of_products(store: SqlStore) -> None:
    """One statement reads the latest views and the newest products of the brand, and scans no table."""
    sent: list[tuple[str, Any]] = []

    def note(_: Any, __: Any, statement: str, parameters: Any, *___: Any) -> None:
        if "product_views" in statement and not statement.startswith("EXPLAIN"):
            sent.append((statement, parameters))

    event.listen(store.engine, "before_cursor_execute", note)
    try:
        related = read_related(Scene(store).shop, ANONYMOUS, ProductId(1))
    finally:
        event.remove(store.engine, "before_cursor_execute", note)
    assert len(related) == 20
    [(statement, parameters)] = sent
    explain = "EXPLAIN QUERY PLAN " if store.engine.dialect.name == "sqlite" else "EXPLAIN "
    with store.engine.connect() as connection:
        rows = connection.exec_driver_sql(explain + statement, parameters)
        plan = "\n".join(str(row[-1]) for row in rows)
    assert "ix_product_brands_brand_id_product_id" in plan
    for table in ("products", "product_brands", "product_categories", "product_views", "links", "places"):
        for scan in (f"SCAN {table}", f"Seq Scan on {table}", f"Join on {table}"):
            assert scan not in plan, plan


def test_a_view_waits_for_no_row_and_deletes_the_views_that_no_longer_count(store: SqlStore) -> None:
    """Locked ones are deleted by a later view."""
    scene = Scene(store)
    user_id = scene.user("anna")

    def rows() -> int:
        with store.engine.connect() as connection:
            return int(connection.scalar(text("SELECT count(*) FROM product_views")) or 0)

    before = rows()
    with ExitStack() as locked:
        if store.engine.dialect.name == "postgresql":
            other = locked.enter_context(store.engine.connect())
            for lock in ("products WHERE id < 9", "product_views WHERE id < 9"):
                other.execute(text(f"SELECT id FROM {lock} FOR UPDATE"))  # noqa: S608 - our own names
        store.write(lambda tx: tx.view_history.note([(user_id, ProductId(2))]))
    assert before == VIEWS
    assert rows() <= COUNTED_VIEWS + 9
    store.write(lambda tx: tx.view_history.note([(user_id, ProductId(3)), (user_id, ProductId(2))]))
    assert rows() <= COUNTED_VIEWS + 1
