"""Rows that are added in one call get their ids in order, and event listeners see them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, event, insert, select

from sellout_adapters.sql import SqlStore
from sellout_adapters.sql.schema.tables import catalogue as catalogue_tables
from sellout_adapters.testing.scene import Scene, product_entry, shoe_size, unit_entry
from sellout_core.people.accounts import OPERATOR
from sellout_core.ports.store import Transaction
from sellout_core.use_cases.catalogue.importing.entries import ProductEntry
from sellout_core.use_cases.catalogue.importing.writing import import_products, write_entries
from tests.contract.conftest import PERSISTENT


@pytest.fixture(params=PERSISTENT)
def scene(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Scene]:
    """An empty store on each database."""
    with PERSISTENT[request.param](tmp_path) as store:
        yield Scene(store)


def store_of(scene: Scene) -> SqlStore:
    assert isinstance(scene.store, SqlStore)
    return scene.store


def entries(first: int, count: int) -> list[ProductEntry]:
    sizes = ("41", "42")
    return [
        product_entry(f"p{number}", *(unit_entry(number, shoe_size(size)) for size in sizes))
        for number in range(first, first + count)
    ]


def ids(scene: Scene) -> dict[str, list[int]]:
    """The ids in each table that an import writes."""
    with store_of(scene).engine.connect() as connection:
        return {
            table.name: list(connection.scalars(select(table.c.id).order_by(table.c.id)))
            for table in (catalogue_tables.products, catalogue_tables.sizes, catalogue_tables.units)
        }


def test_an_id_is_not_given_again_when_its_row_is_gone(scene: Scene) -> None:
    """This applies to the last row, and to both ways of adding rows."""
    import_products(scene.shop, OPERATOR, entries(0, 20))
    before = ids(scene)
    with store_of(scene).engine.begin() as connection:
        connection.execute(delete(catalogue_tables.units))
        connection.execute(delete(catalogue_tables.sizes))
    scene.sell(*entries(100, 1))
    after = ids(scene)
    for table in (catalogue_tables.sizes.name, catalogue_tables.units.name):
        assert min(after[table]) > max(before[table])
    with store_of(scene).engine.begin() as connection:
        grid = dict.fromkeys(("international", "us", "uk", "eu", "it", "ru"), "50")
        added = (
            insert(catalogue_tables.sizes)
            .values(product_id=before["products"][0], **grid)
            .returning(catalogue_tables.sizes.c.id)
        )
        assert connection.execute(added).scalar_one() > max(after["sizes"])


def test_ids_go_on_after_an_import_that_is_taken_back(scene: Scene) -> None:
    def fails(tx: Transaction) -> None:
        write_entries(tx, entries(5, 3), scene.clock(), OPERATOR)
        raise ZeroDivisionError

    import_products(scene.shop, OPERATOR, entries(0, 5))
    before = ids(scene)
    with pytest.raises(ZeroDivisionError):
        scene.store.write(fails)
    assert ids(scene) == before
    import_products(scene.shop, OPERATOR, entries(5, 5))
    for table, found in ids(scene).items():
        assert found[: len(before[table])] == before[table]
        assert len(found) == 2 * len(before[table])


def test_listeners_get_every_row_and_can_refuse_it(scene: Scene) -> None:
    heard: list[int] = []

    def note(_: Any, __: Any, sql: str, parameters: Any, ___: Any, many: bool) -> None:
        if sql.startswith("INSERT INTO product_units"):
            heard.append(len(parameters) if many else len(parameters["id"]))

    def refuse(_: Any, sql: str, *__: Any) -> None:
        if sql.startswith("INSERT INTO product_units"):
            raise KeyboardInterrupt

    engine = store_of(scene).engine
    event.listen(engine, "before_cursor_execute", note)
    import_products(scene.shop, OPERATOR, entries(0, 30))
    assert heard == [60]
    before = ids(scene)
    for kind in ("do_execute", "do_executemany"):
        event.listen(engine, kind, refuse)
    with pytest.raises(KeyboardInterrupt):
        import_products(scene.shop, OPERATOR, entries(30, 30))
    assert ids(scene) == before
