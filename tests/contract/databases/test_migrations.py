"""The migrations create the described tables on both databases, and may be interrupted at any point."""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, NullPool, create_engine, event, text

from sellout_adapters.sql import CannotOpen, SqlStore
from sellout_adapters.sql.engines import migration
from sellout_adapters.sql.schema.columns import metadata
from sellout_adapters.testing.laws.races import racing
from sellout_adapters.testing.scene import Scene, checkout_request, product_entry, shoe_size, unit_entry
from sellout_core.catalogue.search import CatalogueQuery, SizeValue
from sellout_core.errors import Unavailable
from sellout_core.people.accounts import OPERATOR
from sellout_core.ports import StoredResponse
from sellout_core.use_cases.shopping.checkout import check_out
from sellout_core.values import UserId
from tests.contract.conftest import databases
from tests.contract.support.killed import killed_work

NOW = datetime(2026, 3, 1, 12, 0, 0, 123_456, UTC)

STEPS = sorted(path.stem.removeprefix("step_") for path in (migration._MIGRATIONS / "versions").glob("step_*.py"))
FIRST_LINE = "0001 The first tables, and the rows that every shop begins with."
MIGRATE = """
from sellout_adapters.sql import SqlStore

def prepare(url):
    return lambda: SqlStore.open(url, migrate=True).close()
"""


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database without a store."""
    return f"sqlite:///{tmp_path / 'shop.db'}" if request.param == "sqlite" else databases()[0].create()


def opened(url: str, **options: Any) -> SqlStore:
    """A migrated store."""
    return SqlStore.open(url, migrate=True, **options)


@contextmanager
def connected(url: str, **options: Any) -> Iterator[Connection]:
    """A connection in a transaction, without a store."""
    engine = create_engine(url, poolclass=NullPool, **options)
    with engine.begin() as connection:
        yield connection


def at_step(url: str, step: str) -> None:
    """Creates a store at this step of the migrations."""
    with pytest.MonkeyPatch.context() as patched, connected(url) as connection:
        patched.setattr(migration, "CURRENT", step)
        migration.upgrade(connection)
        if url.startswith("sqlite"):
            connection.exec_driver_sql(f"PRAGMA application_id = {0x53454C4F}")
            connection.exec_driver_sql("PRAGMA user_version = 2")


def described(connection: Connection) -> dict[str, Any]:
    """The shop's tables in the database's own catalogue, to compare."""
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
    """Constraints and indexes are equal in the databases' own catalogues."""
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
    "before", [None, *(pytest.param(step, marks=pytest.mark.deep) for step in STEPS[:-2]), STEPS[-2]]
)
def test_a_step_that_is_killed_anywhere_is_taken_again(url: str, before: str | None, deep: bool) -> None:
    """Each migration is killed some statements later than the one before, until one succeeds. The store is then
    complete. All pending steps are one transaction, so a run from the first step is interrupted in every later step.
    """
    if before is not None:
        at_step(url, before)
    killed = 0
    with killed_work(MIGRATE, url) as killed_before:
        for number in range(1, 400, 10 if deep or before else 40):
            if not killed_before(number):
                break
            killed += 1
    assert killed >= (5 if deep and before is None else 1)
    store = opened(url)
    store.check()
    assert len(store.read(lambda tx: tx.references.snapshot()).genders) == 2
    store.close()


def test_a_statement_that_fails_leaves_nothing_of_the_step(url: str) -> None:
    """The statement fails in this process. The next opening runs the whole step."""

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
    """Undoes steps 0005 and 0006."""
    connection.exec_driver_sql("ALTER TABLE product_units DROP COLUMN sold")
    on_sqlite = connection.dialect.name == "sqlite"
    if on_sqlite:
        connection.exec_driver_sql("DROP TABLE product_search_terms")
        connection.exec_driver_sql("DROP TABLE product_search")
    for index in ("newest", "cheapest", "dearest", *(() if on_sqlite else ("terms",))):
        connection.exec_driver_sql(f"DROP INDEX ix_products_{index}")
    for column in ("min_price", "terms"):
        connection.exec_driver_sql(f"ALTER TABLE products DROP COLUMN {column}")


def forget_slugs(connection: Connection) -> None:
    """Undoes step 0016."""
    connection.exec_driver_sql("DROP TABLE slugs")


def forget_fulfilment(connection: Connection) -> None:
    """Undoes step 0017."""
    for name in ("line_progress", "refunds", "payments", "parcels", "order_history"):
        connection.exec_driver_sql(f"DROP TABLE {name}")
    connection.exec_driver_sql("DELETE FROM order_statuses WHERE id > 1")


def forget_deliveries(connection: Connection) -> None:
    """Undoes steps 0022 and later."""
    for name in (
        "event_deliveries",
        "event_subscriptions",
        "events",
        "online_payments",
        "delivery_refunds",
        "delivery_tariffs",
    ):
        connection.exec_driver_sql(f"DROP TABLE {name}")
    connection.exec_driver_sql("ALTER TABLE refunds DROP COLUMN payment_number")
    for column in ("recipient", "delivery", "delivery_fee"):
        connection.exec_driver_sql(f"ALTER TABLE orders DROP COLUMN {column}")


def forget_views(connection: Connection) -> None:
    """Undoes steps 0020 and later."""
    forget_deliveries(connection)
    for name in ("recovery_codes", "second_factors"):
        connection.exec_driver_sql(f"DROP TABLE {name}")
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("DROP TRIGGER count_view")
    connection.exec_driver_sql("DROP TABLE product_views")
    for table, column in (("brands", "brand_id"), ("categories", "category_id"), ("tags", "tag_id")):
        connection.exec_driver_sql(f"DROP INDEX ix_product_{table}_{column}_product_id")
        connection.exec_driver_sql(f"CREATE INDEX ix_product_{table}_{column} ON product_{table} ({column})")


def forget_after_slugs(connection: Connection) -> None:
    """Undoes steps 0017 and later."""
    connection.exec_driver_sql("ALTER TABLE account_emails DROP COLUMN language")
    forget_views(connection)
    for column in ("last_used_at", "device", "network"):
        connection.exec_driver_sql(f"ALTER TABLE sessions DROP COLUMN {column}")
    connection.exec_driver_sql("DROP INDEX ix_idempotency_keys_about_id")
    connection.exec_driver_sql("ALTER TABLE idempotency_keys DROP COLUMN about_id")
    for column in ("main_address_id", "deleted_at"):
        connection.exec_driver_sql(f"ALTER TABLE users DROP COLUMN {column}")
    connection.exec_driver_sql("DROP TABLE product_pictures")
    forget_fulfilment(connection)


def forget_staff(connection: Connection) -> None:
    """Undoes steps 0010 and later."""
    forget_after_slugs(connection)
    for name in ("outbox", "single_use_tokens", "account_emails"):
        connection.exec_driver_sql(f"DROP TABLE {name}")
    for index in ("orders_status_id_id", "orders_placed_at_id", "order_lines_unit_id_order_id"):
        connection.exec_driver_sql(f"DROP INDEX ix_{index}")
    forget_slugs(connection)
    connection.exec_driver_sql("DROP INDEX ix_orders_promo_code_id_id")
    for column in ("telephone", "search_key"):
        connection.exec_driver_sql(f"ALTER TABLE users DROP COLUMN {column}")
    for name in ("guest_carts", "stock_movements", "audit", "merged_references", "category_parents"):
        connection.exec_driver_sql(f"DROP TABLE {name}")
    connection.exec_driver_sql("ALTER TABLE catalogue DROP COLUMN references_version")


def forget_expiry(connection: Connection) -> None:
    """Undoes steps 0008 and later, apart from the primary key of order lines."""
    forget_staff(connection)
    connection.exec_driver_sql("DROP TABLE catalogue_changes")
    binary, time = ("BLOB", "TEXT") if connection.dialect.name == "sqlite" else ("BYTEA", "TIMESTAMP WITH TIME ZONE")
    connection.exec_driver_sql("DROP TABLE idempotency_keys")
    connection.exec_driver_sql(
        "CREATE TABLE answers"
        f" (user_id BIGINT, idempotency_key TEXT, fingerprint TEXT, answer {binary}, kept_at {time})"
    )
    for index in ("sessions_expires_at", "orders_buyer_id_id"):
        connection.exec_driver_sql(f"DROP INDEX ix_{index}")
    for column in ("buyer_id", "promo_code_id"):
        connection.exec_driver_sql(f"CREATE INDEX ix_orders_{column} ON orders ({column})")


def forget_agreed(connection: Connection) -> None:
    """Undoes steps 0007 and later."""
    forget_expiry(connection)
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
    """Orders are the same before and after the step. Equal units are stored once, even across batches. The rows are the
    same as those of a checkout, so a later order of an unchanged unit adds none.
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
    """For every kind of product, the step writes the same values as an import."""
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
    assert [(card.product.sku, card.min_price) for card in found.cards] == [("one", 8)]
    Scene(store).sell(product_entry("one", name="Ёжик 2"))
    assert store.read(lambda tx: tx.cards.search(CatalogueQuery(text="2"), 0, 9, None)).total == 1
    store.close()


def test_products_from_before_there_were_slugs_get_the_same_as_new_ones(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also if they share one, within a batch and across batches."""
    monkeypatch.setattr("sellout_adapters.sql.migrations.versions.step_0016.BATCH", 2, raising=True)
    store = opened(url)
    for number, name in enumerate(("Ёж", "ЁЖ", "Dunk", "Еж", "Dunk", "运", "动")):
        brands = () if number > 4 else ("Тропа", "B")
        Scene(store).sell(product_entry(f"p{number}", name=name, brands=brands, available_flag=number != 2))
    rows = "SELECT slug, product_id, is_present FROM slugs ORDER BY product_id"
    store.close()
    with connected(url) as connection:
        before = connection.exec_driver_sql(rows).all()
        forget_after_slugs(connection)
        forget_slugs(connection)
        connection.exec_driver_sql("UPDATE sellout_version SET version_num = '0015'")
    opened(url).close()
    with connected(url) as connection:
        assert connection.exec_driver_sql(rows).all() == before
    assert [row.slug for row in before if "--" in row.slug] == [
        "b-tropa-ezh--2",
        "b-tropa-ezh--4",
        "b-tropa-dunk--5",
        "product--7",
    ]


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


def back_to_0007(url: str, user_id: UserId) -> None:
    """Takes a store back to before step 0008. The stored responses of the user become `response`."""
    with connected(url) as connection:
        rows = connection.exec_driver_sql("SELECT idempotency_key, stored_at FROM idempotency_keys").all()
        forget_expiry(connection)
        for key, at in rows:
            values = text("INSERT INTO answers VALUES (:user, :key, 'print', :answer, :at)")
            connection.execute(values, {"user": user_id, "key": key, "answer": b"response", "at": at})
        connection.exec_driver_sql(
            "CREATE INDEX ix_order_lines_unit_id ON order_lines (unit_id)"
            if url.startswith("sqlite")
            else "ALTER TABLE order_lines ADD CONSTRAINT uq_order_lines_order_id_unit_id UNIQUE (order_id, position);"
            "CREATE INDEX ix_order_lines_unit_id ON order_lines (unit_id)"
        )
        connection.exec_driver_sql("UPDATE sellout_version SET version_num = '0007'")


def test_responses_from_before_they_were_compressed_are_found(url: str) -> None:
    """The step keeps the responses of the week before the newest one."""
    store = opened(url)
    anna = Scene(store).user("anna")
    stored = StoredResponse("print", b"response")
    for key, at in (("new", NOW), ("old", NOW - timedelta(days=6)), ("older", NOW - timedelta(days=8))):
        store.write(lambda tx, key=key, at=at: tx.idempotency.save(anna, key, stored, at))  # type: ignore[misc]
    store.close()
    back_to_0007(url, anna)
    store = opened(url)
    found = {
        key: store.read(lambda tx, key=key: tx.idempotency.find(anna, key, NOW - timedelta(days=99)))  # type: ignore[misc]
        for key in ("new", "old", "older")
    }
    store.close()
    assert found == {"new": stored, "old": stored, "older": None}


def test_a_response_from_the_future_drops_no_other(url: str) -> None:
    """If the clock was once ahead, a retry must still not place a second order."""
    store = opened(url)
    anna = Scene(store).user("anna")
    stored = StoredResponse("print", b"response")
    now = datetime.now(UTC)
    for key, at in (("today", now - timedelta(hours=1)), ("future", now + timedelta(days=999))):
        store.write(lambda tx, key=key, at=at: tx.idempotency.save(anna, key, stored, at))  # type: ignore[misc]
    store.close()
    back_to_0007(url, anna)
    store = opened(url)
    found = store.read(
        lambda tx: [tx.idempotency.find(anna, key, now - timedelta(days=1)) for key in ("today", "future")]
    )
    store.close()
    assert found == [stored, stored]


def test_many_that_migrate_at_once_do_it_once(url: str) -> None:
    stores = racing(4, lambda _: opened(url))
    assert sorted(len(store.migrated) for store in stores) == [0, 0, 0, len(STEPS)]
    for store in stores:
        store.check()
        store.close()


def test_a_file_from_before_the_migrations_is_adopted_as_it_is(tmp_path: Path) -> None:
    """The tables were created without a version. The rows stay."""
    changed = ("users", "products", "product_units", "orders", "order_lines", "sessions")
    later_steps_change = [f"table {name}" for name in changed]
    later_steps_drop = {
        "table answers",
        *(f"index ix_{name}" for name in ("answers_user_id_kept_at", "orders_buyer_id", "orders_promo_code_id")),
        "index ix_order_lines_unit_id",
        *(f"index ix_product_{name}_id" for name in ("brands_brand", "categories_category", "tags_tag")),
    }
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
        assert before.keys() - after.keys() == later_steps_drop
        for name in before.keys() & after.keys():
            row = before[name]
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
    with pytest.raises(CannotOpen, match="holds a table 'account_emails' of another program"):
        opened(url)


def test_tables_of_other_programs_are_left_alone(url: str) -> None:
    """A PostgreSQL database may be shared. A SQLite file of another program is refused."""
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
    """`check` notices a changed or missing schema version."""
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
