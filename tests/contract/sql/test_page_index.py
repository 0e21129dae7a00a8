"""The counts of listed products are right in each node, on both databases, for any ids."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest
from sqlalchemy import Connection, select

from sellout_adapters.sql import SqlStore
from sellout_adapters.sql.engines import migration
from sellout_adapters.sql.schema.tables.catalogue import LEAF, TOP, listed_counts, products
from sellout_adapters.testing.laws.catalogue.lists import listed_in, page_in, write_products
from sellout_core.ports.store import Transaction
from sellout_core.values import MAX_ID
from tests.contract.conftest import PERSISTENT
from tests.contract.databases.test_migrations import forget_agreed, forget_search

FAR = [60, 127, 4_000, 2**20 - 3, 2**40 + 12_345, MAX_ID - 30]


@pytest.fixture(params=PERSISTENT)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SqlStore]:
    """An empty store on each database."""
    with PERSISTENT[request.param](tmp_path) as made:
        yield made


def goes_on_from(store: SqlStore, product_id: int) -> None:
    """Sets the last assigned id of products."""
    with store.engine.begin() as connection:
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql(f"UPDATE sqlite_sequence SET seq = {product_id} WHERE name = 'products'")  # noqa: S608
        else:
            connection.exec_driver_sql(f"SELECT setval('products_id_seq', {product_id})")


def require_right_counts(connection: Connection) -> None:
    """Asserts that each node has the right count, and that no node is missing."""
    ids = connection.scalars(select(products.c.id).where(products.c.available)).all()
    nodes = Counter((level, i >> level) for i in ids for level in range(LEAF, TOP + 1) if level == LEAF or i >> level)
    found = {(row.level, row.node): row.listed for row in connection.execute(select(listed_counts)) if row.listed}
    assert found == nodes


def fill(store: SqlStore) -> None:
    """Lists products with small and large ids, and takes some of them off the list."""
    for number, far in enumerate([0, *FAR]):
        if far:
            goes_on_from(store, far)
        store.write(lambda tx, n=number: write_products(tx, {n * 100 + k: k % 5 > 0 for k in range(25)}))  # type: ignore[misc]
    store.write(
        lambda tx: write_products(tx, {number: number % 7 == 0 for number in range(0, 700, 3) if number % 100 < 25})
    )


def test_every_node_counts_what_is_listed_below_it(store: SqlStore) -> None:
    fill(store)
    with store.engine.connect() as connection:
        require_right_counts(connection)
        assert connection.scalar(select(products.c.id).order_by(products.c.id.desc())) == MAX_ID - 5


def test_pages_reach_over_the_widest_gaps_between_ids(store: SqlStore) -> None:
    fill(store)

    def compare(tx: Transaction) -> None:
        expected = listed_in(tx)
        assert len(expected) > 64
        for offset in range(len(expected) + 2):
            assert page_in(tx, offset, 21) == expected[offset : offset + 21]

    store.read(compare)


def test_what_is_written_without_being_listed_or_unlisted_leaves_the_counts_alone(store: SqlStore) -> None:
    store.write(lambda tx: write_products(tx, {number: number % 2 > 0 for number in range(200)}))
    with store.engine.connect() as connection:
        before = connection.execute(select(listed_counts)).all()
    store.write(lambda tx: tx.products.save_many([attrs.evolve(p, name="Other") for p in tx.products.after(0, 200)]))
    with store.engine.connect() as connection:
        assert connection.execute(select(listed_counts)).all() == before
        require_right_counts(connection)


@pytest.mark.parametrize("store", ["postgresql"], indirect=True)
def test_a_change_of_the_catalogue_leaves_the_row_that_it_locks(store: SqlStore) -> None:
    """A snapshot that is open for long keeps all versions of a written row, and each read passes them."""
    versions = []
    # The first product adds names, which changes the version of the reference tables in that row.
    store.write(lambda tx: write_products(tx, {9: True}))
    with store.engine.connect() as connection:
        before = connection.exec_driver_sql("SELECT ctid::text FROM catalogue").scalar_one()
        for number in range(3):
            store.write(lambda tx, n=number: write_products(tx, {n: True}))  # type: ignore[misc]
            versions.append(store.catalogue_version())
        assert connection.exec_driver_sql("SELECT ctid::text FROM catalogue").scalar_one() == before
    assert versions == [versions[0], versions[0] + 1, versions[0] + 2]


def test_the_migration_counts_what_is_there(store: SqlStore) -> None:
    fill(store)
    url = store.engine.url.render_as_string(hide_password=False)
    with store.engine.begin() as connection:
        forget_agreed(connection)
        forget_search(connection)
        connection.exec_driver_sql("DROP TABLE listed_counts")
        connection.exec_driver_sql(f"UPDATE {migration.VERSIONS} SET version_num = '0003'")  # noqa: S608
    store.engine.dispose()
    again = SqlStore.open(url, migrate=True)
    with again.engine.connect() as connection:
        require_right_counts(connection)
    again.close()
