"""The migrations make what `tables` describes, on both databases, and can be stopped anywhere."""

import re
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, NullPool, create_engine, event

from sellout_adapters.sql import CannotOpen, SqlStore
from sellout_adapters.sql.engines import migration
from sellout_adapters.sql.schema.columns import metadata
from sellout_adapters.testing.laws.races import racing
from sellout_adapters.testing.scene import Scene, checkout_request, product_entry, shoe_size, unit_entry
from sellout_core.accounts import OPERATOR
from sellout_core.errors import Unavailable
from sellout_core.search import CatalogueQuery, SizeValue
from sellout_core.use_cases.checkout import check_out
from tests.contract.conftest import databases

STEPS = sorted(path.stem.removeprefix("step_") for path in (migration._MIGRATIONS / "versions").glob("step_*.py"))
FIRST_LINE = "0001 The first tables, and the rows that every shop begins with."
OPENERS = """
import os, signal, sys
from sqlalchemy import Engine, event
from sellout_adapters.sql import SqlStore

def migrate(left):
    def count(*_):
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    event.listen(Engine, "before_cursor_execute", count)
    event.listen(Engine, "commit", count)
    SqlStore.open(sys.argv[1], migrate=True).close()

for line in sys.stdin:
    pid = os.fork()
    if pid == 0:
        try:
            migrate(int(line))
        except BaseException as error:
            print(repr(error), file=sys.stderr)
            os._exit(1)
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
"""
"""Opens the store of its argument in a process for each line, which is killed before the statement of that number."""


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where there is no store yet."""
    return f"sqlite:///{tmp_path / 'shop.db'}" if request.param == "sqlite" else databases()[0].create()


def opened(url: str, **options: Any) -> SqlStore:
    """A store, migrated."""
    return SqlStore.open(url, migrate=True, **options)


@contextmanager
def connected(url: str, **options: Any) -> Iterator[Connection]:
    """The bare database, in a transaction."""
    engine = create_engine(url, poolclass=NullPool, **options)
    with engine.begin() as connection:
        yield connection


def at_step(url: str, step: str) -> None:
    """Makes a store as it was at a step."""
    with pytest.MonkeyPatch.context() as patched, connected(url) as connection:
        patched.setattr(migration, "CURRENT", step)
        migration.upgrade(connection)
        if url.startswith("sqlite"):
            connection.exec_driver_sql(f"PRAGMA application_id = {0x53454C4F}")
            connection.exec_driver_sql("PRAGMA user_version = 2")


def described(connection: Connection) -> dict[str, Any]:
    """All that the database's own catalogue says of the shop's tables."""
    if connection.dialect.name == "sqlite":
        rows = connection.exec_driver_sql("SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL")
        return {
            f"{kind} {name}": sorted(
                filter(None, re.split(r",? (?=CONSTRAINT )|, |\( ?|(?: |,)*\)", " ".join(sql.split())))
            )
            for kind, name, sql in rows
            if name not in (migration.VERSIONS, "sqlite_sequence")
        }
    found: dict[str, Any] = {}
    for what in (
        "SELECT table_name, column_name, data_type, is_nullable, column_default FROM information_schema.columns",
        "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'",
        "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint",
        "SELECT sequencename, data_type, start_value, increment_by FROM pg_sequences WHERE schemaname = 'public'",
        "SELECT event_object_table, trigger_name FROM information_schema.triggers",
    ):
        for table, *rest in connection.exec_driver_sql(what):
            if table in metadata.tables or table.removesuffix("_id_seq") in metadata.tables:
                found.setdefault(table, []).append(tuple(map(str, rest)))
    return {table: sorted(rows) for table, rows in found.items()}


def test_the_migrations_make_what_the_tables_describe(url: str, tmp_path: Path) -> None:
    """Constraint by constraint and index by index, in the databases' own words."""
    opened(url).close()
    other = f"sqlite:///{tmp_path / 'other.db'}" if url.startswith("sqlite") else databases()[0].create()
    with connected(other) as connection:
        metadata.create_all(connection)
        expected = described(connection)
    with connected(url) as connection:
        assert described(connection) == expected
    assert sum(isinstance(rows, list) for rows in expected.values()) >= len(metadata.tables)


def test_every_step_is_named_and_the_last_is_the_current_one() -> None:
    assert [f"{number:04}" for number in range(1, len(STEPS) + 1)] == STEPS
    assert STEPS[-1] == migration.CURRENT


def test_migrating_says_what_it_did_and_is_done_once(url: str) -> None:
    store = opened(url)
    assert store.migrated[0] == FIRST_LINE
    assert len(store.migrated) == len(STEPS)
    store.check()
    store.close()
    again = opened(url)
    assert again.migrated == []
    again.close()


@pytest.mark.parametrize(
    ("before", "step_by", "least"), [(None, 9, 5), (STEPS[0], 1, 3), *((step, 4, 2) for step in STEPS[1:-1])]
)
def test_a_step_that_is_killed_anywhere_is_taken_again(
    url: str, before: str | None, step_by: int, least: int, deep: bool
) -> None:
    """Each time some statements later, until nothing is left to kill; then there is a whole shop. All due steps are one
    transaction, so every statement of each but the first is met on the way from there.
    """
    if before is not None:
        at_step(url, before)
    killed = 0
    with subprocess.Popen(  # noqa: S603 - our own arguments
        [sys.executable, "-c", OPENERS, url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as openers:
        assert openers.stdin is not None
        assert openers.stdout is not None
        for number in range(1, 400, step_by if deep else 4 * step_by):
            print(number, file=openers.stdin, flush=True)
            code = int(openers.stdout.readline())
            if code == 0:
                break
            assert code == -signal.SIGKILL
            killed += 1
        openers.stdin.close()
    assert killed >= (least if deep else 1)
    store = opened(url)
    store.check()
    assert len(store.read(lambda tx: tx.references.snapshot()).genders) == 2
    store.close()


def test_a_statement_that_fails_leaves_nothing_of_the_step(url: str) -> None:
    """In the same process; the next opening takes the whole step."""

    def fail(_: Any, statement: str, *__: Any) -> None:
        if "CREATE TABLE carts" in statement:
            raise KeyboardInterrupt

    event.listen(Engine, "do_execute", fail)
    try:
        with pytest.raises(KeyboardInterrupt):
            opened(url)
    finally:
        event.remove(Engine, "do_execute", fail)
    with connected(url) as connection:
        assert described(connection) == {}
    store = opened(url)
    assert store.migrated[0] == FIRST_LINE
    store.close()


def forget_search(connection: Connection) -> None:
    """Takes back what steps 0005 and 0006 made."""
    connection.exec_driver_sql("ALTER TABLE product_units DROP COLUMN sold")
    on_sqlite = connection.dialect.name == "sqlite"
    if on_sqlite:
        connection.exec_driver_sql("DROP TABLE product_search_terms")
        connection.exec_driver_sql("DROP TABLE product_search")
    for index in ("newest", "cheapest", "dearest", *(() if on_sqlite else ("terms",))):
        connection.exec_driver_sql(f"DROP INDEX ix_products_{index}")
    for column in ("min_price", "terms"):
        connection.exec_driver_sql(f"ALTER TABLE products DROP COLUMN {column}")


def forget_agreed(connection: Connection) -> None:
    """Takes back what step 0007 made."""
    columns = "order_id BIGINT, position INTEGER, unit_id BIGINT, price BIGINT, amount BIGINT, currency_id BIGINT"
    connection.exec_driver_sql(f"CREATE TABLE older_lines ({columns})")
    connection.exec_driver_sql(
        "INSERT INTO older_lines SELECT order_id, position, order_lines.unit_id, price, amount, currency_id"
        " FROM order_lines JOIN agreed_units ON agreed_units.digest = unit_digest"
    )
    for name in ("order_lines", "agreed_units", "agreed_products"):
        connection.exec_driver_sql(f"DROP TABLE {name}")
    connection.exec_driver_sql("ALTER TABLE older_lines RENAME TO order_lines")


def test_orders_from_before_show_what_was_there_when_they_were_migrated(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As they were read before the step, at their own prices; equal units are stored once, also across batches. The
    rows are those that a checkout would write, so the next one of an unchanged unit adds none.
    """
    monkeypatch.setattr("sellout_adapters.sql.migrations.versions.step_0007.BATCH", 2, raising=True)
    store = opened(url)
    scene = Scene(store)
    sizes = [unit_entry(9, shoe_size("42"), stock=9), unit_entry(8, stock=1), unit_entry(7, shoe_size("41"))]
    _, units = scene.sell(product_entry("one", *sizes, name="Ёжик", brands=("É", "B"), categories=(), tags=("x", "y")))
    _, others = scene.sell(product_entry("two", unit_entry(5, currency="RUB"), gender="U", description="a\nb"))
    wanted = [unit.id for unit in (*units, *others)]
    buyers = [scene.user(name) for name in ("anna", "boris", "clara")]
    for buyer, some in zip(buyers, (wanted, [wanted[0], wanted[3]], [wanted[2], wanted[0]]), strict=True):
        scene.fill_cart(buyer, *some)
        check_out(scene.shop, OPERATOR, buyer, checkout_request(scene.address(buyer), *some))
    before = store.read(lambda tx: tx.orders.after(0, 9))
    digests = "SELECT digest, 0 FROM agreed_products UNION ALL SELECT digest, unit_id FROM agreed_units ORDER BY 1"
    store.close()
    with connected(url) as connection:
        rows = connection.exec_driver_sql(digests).all()
        forget_agreed(connection)
        connection.exec_driver_sql("UPDATE sellout_version SET version_num = '0006'")
    store = opened(url)
    assert store.migrated[0].startswith("0007 ")
    assert store.read(lambda tx: tx.orders.after(0, 9)) == before
    with connected(url) as connection:
        assert connection.exec_driver_sql(digests).all() == rows
    assert len(rows) == 2 + 4
    store.close()


def test_goods_from_before_there_was_a_search_are_found(url: str) -> None:
    """What the step fills in is what is written today, for every kind of product."""
    store = opened(url)
    scene = Scene(store)
    scene.sell(product_entry("one", unit_entry(9, shoe_size("42")), unit_entry(8), name="Ёжик", brands=("ÉCo", "B")))
    scene.sell(product_entry("two", unit_entry(7, availability=False), brands=(), categories=(), tags=(), gender="U"))
    scene.sell(product_entry("three", available_flag=False))
    store.close()
    filled = "SELECT id, min_price, CAST(terms AS text) FROM products ORDER BY id"
    with connected(url) as connection:
        before = connection.exec_driver_sql(filled).all()
        forget_agreed(connection)
        forget_search(connection)
        connection.exec_driver_sql("UPDATE sellout_version SET version_num = '0004'")
    store = opened(url)
    with connected(url) as connection:
        assert connection.exec_driver_sql(filled).all() == before
    found = store.read(
        lambda tx: tx.cards.search(CatalogueQuery(text="ежик eco", sizes=(SizeValue("eu", "42"),)), 0, 9, None)
    )
    assert [(card.product.sku, card.min_price) for card in found] == [("one", 8)]
    Scene(store).sell(product_entry("one", name="Ёжик 2"))
    assert len(store.read(lambda tx: tx.cards.search(CatalogueQuery(text="2"), 0, 9, None))) == 1
    store.close()


def test_pieces_sold_before_they_were_counted_are_counted(url: str) -> None:
    """One line of an order is one piece."""
    store = opened(url)
    scene = Scene(store)
    anna, units = scene.user("anna"), [scene.unit("one", 9, stock=5), scene.unit("two", 8), scene.unit("three", 7)]
    address = scene.address(anna)
    for bought in (units[:2], units[:1]):
        scene.fill_cart(anna, *bought)
        check_out(scene.shop, OPERATOR, anna, checkout_request(address, *bought))
    before = store.read(lambda tx: tx.units.get_many(units))
    store.close()
    with connected(url) as connection:
        forget_agreed(connection)
        connection.exec_driver_sql("ALTER TABLE product_units DROP COLUMN sold")
        connection.exec_driver_sql("UPDATE sellout_version SET version_num = '0005'")
    store = opened(url)
    after = store.read(lambda tx: tx.units.get_many(units))
    store.close()
    assert [after[unit].sold for unit in units] == [2, 1, 0]
    assert after == before


def test_many_that_migrate_at_once_do_it_once(url: str) -> None:
    stores = racing(4, lambda _: opened(url))
    assert sorted(len(store.migrated) for store in stores) == [0, 0, 0, len(STEPS)]
    for store in stores:
        store.check()
        store.close()


def test_a_file_from_before_the_migrations_is_adopted_as_it_is(tmp_path: Path) -> None:
    """Its tables were made by a program that wrote the step elsewhere; its rows stay."""
    later_steps_change = ("table products", "table product_units", "table order_lines")
    file = tmp_path / "old.db"
    at_step(f"sqlite:///{file}", "0001")
    with connected(f"sqlite:///{file}") as connection:
        connection.exec_driver_sql(f"DROP TABLE {migration.VERSIONS}")
        connection.exec_driver_sql("INSERT INTO genders (name) VALUES ('U')")
        connection.exec_driver_sql(f"PRAGMA application_id = {0x53454C4F}")
        connection.exec_driver_sql("PRAGMA user_version = 1")
        before = described(connection)
    store = SqlStore.open(f"sqlite:///{file}")
    assert [line.partition(" ")[0] for line in store.migrated] == STEPS[1:]
    store.check()
    assert sorted(row.name for row in store.read(lambda tx: tx.references.snapshot()).genders.values()) == [
        "F",
        "M",
        "U",
    ]
    store.close()
    with connected(f"sqlite:///{file}") as connection:
        after = described(connection)
        for name, row in before.items():
            assert name in after
            assert after[name] == row or name in later_steps_change
    with closing(sqlite3.connect(file)) as connection_:
        assert connection_.execute("PRAGMA user_version").fetchone() == (2,)


def test_a_database_of_a_newer_program_is_refused(url: str) -> None:
    opened(url).close()
    with connected(url) as connection:
        connection.exec_driver_sql("UPDATE sellout_version SET version_num = '9999'")
    for migrate in (True, False):
        with pytest.raises(CannotOpen, match="newer version"):
            SqlStore.open(url, migrate=migrate)


def test_postgresql_is_not_opened_before_it_is_migrated() -> None:
    url = databases()[0].create()
    with pytest.raises(CannotOpen, match="no tables of the shop yet: run 'sellout migrate'"):
        SqlStore.open(url)
    opened(url).close()
    SqlStore.open(url).close()
    with connected(url) as connection:
        connection.exec_driver_sql("DELETE FROM sellout_version")
    with pytest.raises(CannotOpen, match="run 'sellout migrate'"):
        SqlStore.open(url)
    with pytest.raises(CannotOpen, match="holds a table 'addresses' of another program"):
        opened(url)


def test_tables_of_other_programs_are_left_alone(url: str) -> None:
    """PostgreSQL databases are shared at times; a file of another program's is not taken over."""
    with connected(url) as connection:
        connection.exec_driver_sql("CREATE TABLE alembic_version (version_num TEXT)")
        connection.exec_driver_sql("INSERT INTO alembic_version VALUES ('theirs')")
    if url.startswith("sqlite"):
        with pytest.raises(CannotOpen, match="belongs to another program"):
            opened(url)
        return
    opened(url).close()
    with connected(url) as connection:
        assert connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar() == "theirs"


def test_a_database_that_cannot_hold_every_text_is_refused() -> None:
    server, _ = databases()
    url = server.create()
    ascii_only = url + "_ascii"
    name = ascii_only.rpartition("/")[2]
    with connected(url, isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'SQL_ASCII' LOCALE 'C'")
    try:
        with pytest.raises(CannotOpen, match="keeps text as SQL_ASCII"):
            opened(ascii_only)
    finally:
        with connected(url, isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")


def test_the_schema_is_watched_while_the_shop_runs(url: str) -> None:
    """`check` notices that somebody changed it, or took it away."""
    store = opened(url)
    store.check()
    with connected(url) as connection:
        connection.exec_driver_sql("UPDATE sellout_version SET version_num = '0000'")
    with pytest.raises(Unavailable):
        store.check()
    with connected(url) as connection:
        connection.exec_driver_sql("DROP TABLE sellout_version")
    with pytest.raises(Unavailable):
        store.check()
    store.close()
