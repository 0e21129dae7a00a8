"""`sellout copy` copies a whole shop to another database, or nothing."""

import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import JSON, BigInteger, Boolean, Column, Connection, Date, Integer, LargeBinary, Text, inspect, text

from sellout_adapters import demo
from sellout_adapters.sql import SqlStore
from sellout_adapters.sql.engines import migration
from sellout_adapters.sql.schema.columns import metadata
from sellout_adapters.sql.schema.tables.catalogue import SEARCH, SEARCH_TABLES
from sellout_adapters.sql.schema.types import Id, Terms, UtcTime
from sellout_adapters.sql.transfer.copying import Digest, batches
from sellout_core.catalogue.pictures import StoredPicture
from sellout_core.catalogue.references import NewReference, ReferenceKind
from sellout_core.people.accounts import OPERATOR
from sellout_core.use_cases.catalogue.pictures import add_picture
from sellout_core.use_cases.catalogue.references import add_reference, merge_reference
from sellout_core.use_cases.events.dispatching import dispatch_events
from sellout_core.use_cases.events.services import subscribe_service
from sellout_core.values import CategoryId, ProductId, UserId
from tests.contract.conftest import databases
from tests.contract.support.command import Run, assert_fails, environment
from tests.contract.support.mailed import verifying_token
from tests.contract.support.requests import COURIER, MOVE, RECIPIENT, TO_THE_BUYER
from tests.contract.support.second_factors import turning_on
from tests.contract.support.shop import demo_shop, log_in, serving_shop, shop_over

KINDS = ("sqlite", "postgresql")
CHECKOUT = {
    "product_unit": [1, 2],
    "email": "mail@mail.ru",
    "tel": 77777777777,
    "first_name": "Имя",
    "last_name": "O'Фамилия \\ \t",
    "address_id": 2,
    "promo_code": "SALE",
}
READ = (
    "/order/user_orders/2",
    "/order/tracking/3",
    "/order/cart/2",
    "/wishlist/2",
    "/user_info/2",
    "/product/all/1?page_size=50",
    "/product/all/1?q=air&sort=price",
    "/product/facets?available=true",
    "/product_unit/product_main/2/2",
)
# Copies, and sends itself a signal before the statement with this number. Prints the number of statements.
INTERRUPTED_COPY = """
import os, signal, sys
from sqlalchemy import Engine, event
from sellout_http.command import main

left = int(sys.argv[1])

def count(*_):
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), int(sys.argv[2]))

event.listen(Engine, "before_cursor_execute", count)
event.listen(Engine, "commit", count)
try:
    main.main(["copy", *sys.argv[3:]])
finally:
    print(int(sys.argv[1]) - left, file=sys.stdout)
"""


@pytest.fixture
def new_url(tmp_path: Path) -> Callable[[str], str]:
    """Creates a database without tables of a kind, and returns its URL."""
    numbers = iter(range(100))

    def make(kind: str) -> str:
        return f"sqlite:///{tmp_path}/shop-{next(numbers)}.db" if kind == "sqlite" else databases()[0].create()

    return make


@contextmanager
def store_at(url: str) -> Iterator[SqlStore]:
    """A migrated store."""
    store = SqlStore.open(url, connections=8, migrate=True)
    try:
        yield store
    finally:
        store.close()


def fill_shop(url: str) -> tuple[dict[str, str], bytes]:
    """Creates a shop with rows in every table. Returns the header of its customer and the response to a checkout."""
    with store_at(url) as store, serving_shop(demo_shop(store)) as served:
        client, me = served.client, log_in(served.client, "noadmin")
        served.shop.store.write(lambda tx: tx.counters.add("tries", served.shop.clock(), timedelta(hours=1)))
        below = NewReference(name="Below", parent_id=CategoryId(1))
        add_reference(served.shop, OPERATOR, ReferenceKind.CATEGORY, below)
        merge_reference(served.shop, OPERATOR, ReferenceKind.TAG, 2, 1)
        verifying_token(served.shop, UserId(2), demo.PASSWORD)
        turning_on(served.shop, UserId(2))
        subscribe_service(served.shop, OPERATOR, "warehouse")
        assert client.post("/user/password/forgot", json={"email": "mail@mail.ru"}).is_success
        add_picture(served.shop, OPERATOR, ProductId(1), StoredPicture("0" * 48, 1, 1))
        assert client.post("/order/cart_add/2/2", headers=me).is_success
        bought = client.post("/order/checkout/2", json=CHECKOUT, headers={**me, "Idempotency-Key": "once"})
        assert bought.status_code == 201, bought.text
        order_id, staff = bought.json()["id"], log_in(client, "artem")
        for what, body in (
            ("payment", {"captured": bought.json()["total_amount"]}),
            *(("move", {**MOVE, "product_unit": None, "to": state}) for state in ("confirmed", "purchased")),
            *(("move", {**MOVE, "product_unit": None, "to": state}) for state in TO_THE_BUYER[:-1]),
            ("move", {"to": "returned", "product_unit": [2]}),
        ):
            assert client.post(f"/order/{what}/{order_id}", json=body, headers=staff).is_success
        assert client.post("/order/cart_add/2/2", headers=me).is_success
        delivered = {**CHECKOUT, "product_unit": [2], "recipient": RECIPIENT, "delivery": COURIER}
        bought_again = client.post("/order/checkout/2", json=delivered, headers=me)
        assert bought_again.status_code == 201, bought_again.text
        payment = {"captured": bought_again.json()["total_amount"]}
        for what, body in (("pay", {}), ("payment", payment), ("cancel", {})):
            cancelled = client.post(f"/order/{what}/{bought_again.json()['id']}", json=body, headers=staff)
            assert cancelled.is_success, cancelled.text
        assert client.post("/wishlist/add_no_size/2/2", headers=me).is_success
        assert client.post("/order/cart_add/2/3", headers=me).is_success
        for product_id in (5, 2):
            assert client.get(f"/product_unit/product_main/{product_id}/2", headers=me).is_success
        assert dispatch_events(served.shop, OPERATOR)
        return me, bought.content


def digests_of(url: str) -> Mapping[str, Digest]:
    """The digest of every table."""
    with store_at(url) as store, store.engine.begin() as connection:
        return {table.name: digest_of(connection, table) for table in metadata.sorted_tables}


def digest_of(connection: Connection, table: Any) -> Digest:
    found = Digest()
    for batch in batches(connection, table):
        found.add(batch)
    return found


def customer_reads(url: str, me: dict[str, str]) -> list[Any]:
    """The responses to reads of the customer, with a token from before the copy."""
    with store_at(url) as store, serving_shop(shop_over(store)) as served:
        answers = [served.client.get(path, headers=me) for path in READ]
    assert all(answer.status_code == 200 for answer in answers), [answer.text for answer in answers]
    return [answer.content for answer in answers]


def require_empty(url: str) -> None:
    """Asserts that a target is still empty."""
    with store_at(url) as store, store.engine.begin() as connection:
        for name in ("users", "products", "orders", "sessions"):
            assert connection.scalar(text(f"SELECT count(*) FROM {name}")) == 0  # noqa: S608 - our own names


def test_a_shop_goes_from_database_to_database_and_stays_what_it_was(
    invoke: Run, new_url: Callable[[str], str]
) -> None:
    """Rows, responses, tokens and stored responses are the same after copies from each kind into each kind."""
    source = new_url("sqlite")
    me, bought = fill_shop(source)
    seen = customer_reads(source, me)
    before = digests_of(source)
    assert [name for name, found in before.items() if not found.rows] == []
    for kind in ("sqlite", "postgresql", "postgresql", "sqlite"):
        target = new_url(kind)
        done = invoke("copy", source, target)
        assert (done.returncode, done.stderr) == (0, "")
        for name, found in before.items():
            assert f"{name:<20} {found.rows:>12,}\n" in done.stdout
        assert f"All {len(before)} tables are equal in both databases" in done.stdout
        assert digests_of(target) == before
        source = target
    assert customer_reads(source, me) == seen
    with store_at(source) as store, serving_shop(shop_over(store)) as served:
        again = served.client.post("/order/checkout/2", json=CHECKOUT, headers={**me, "Idempotency-Key": "once"})
        assert (again.status_code, again.content) == (201, bought)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("other", KINDS)
def test_ids_of_deleted_rows_are_not_given_again_after_a_copy(
    new_url: Callable[[str], str], invoke: Run, kind: str, other: str
) -> None:
    source, target = new_url(kind), new_url(other)
    me, _ = fill_shop(source)
    body = {"address": "Проспект Мира 111", "post_index": "308033"}
    with store_at(source) as store, serving_shop(shop_over(store)) as served:
        last = served.client.post("/user/address/2", json=body, headers=me).json()["id"]
        assert served.client.delete(f"/user/address/2/{last}", headers=me).is_success
    assert invoke("copy", source, target).returncode == 0
    with store_at(target) as store, serving_shop(shop_over(store)) as served:
        assert served.client.post("/user/address/2", json=body, headers=me).json()["id"] == last + 1


@pytest.mark.parametrize("kind", KINDS)
def test_a_target_with_anything_in_it_is_refused_and_left_alone(
    invoke: Run, new_url: Callable[[str], str], kind: str
) -> None:
    source, target = new_url("sqlite"), new_url(kind)
    fill_shop(source)
    fill_shop(target)
    before = digests_of(target)
    assert_fails(invoke("copy", source, target), "The target is not empty", 1)
    assert digests_of(target) == before


@pytest.mark.parametrize("kind", KINDS)
def test_a_source_is_neither_made_nor_migrated(
    invoke: Run, new_url: Callable[[str], str], tmp_path: Path, kind: str
) -> None:
    target = new_url(kind)
    assert_fails(invoke("copy", f"sqlite:///{tmp_path}/none.db", target), "FROM_URL: There is no database")
    assert not (tmp_path / "none.db").exists()
    assert_fails(invoke("copy", new_url("postgresql"), target), "FROM_URL: The database has no tables of the shop yet")
    old = tmp_path / "old.db"
    SqlStore.open(f"sqlite:///{old}").close()
    with sqlite3.connect(old) as connection:
        connection.execute(f"UPDATE {migration.VERSIONS} SET version_num = '0004'")  # noqa: S608 - our own names
    connection.close()
    before = old.read_bytes()
    assert_fails(invoke("copy", f"sqlite:///{old}", target), "is at step 0004")
    assert old.read_bytes() == before
    if kind == "sqlite":
        assert not Path(target.removeprefix("sqlite:///")).exists()


@pytest.mark.parametrize("side", [0, 1])
@pytest.mark.parametrize(
    "url", ["postgresql://user:hush-hush@127.0.0.1:1/shop", "postgresql://user:hush-hush@[::1/shop"]
)
def test_no_password_is_printed(invoke: Run, new_url: Callable[[str], str], side: int, url: str) -> None:
    source = new_url("sqlite")
    SqlStore.open(source).close()
    urls = [source, new_url("sqlite")]
    urls[side] = url
    done = invoke("copy", *urls)
    assert_fails(done, ("FROM_URL: ", "TO_URL: ")[side])
    assert "hush-hush" not in done.stderr


@pytest.mark.deep
@pytest.mark.parametrize("kind", KINDS)
def test_a_copy_that_is_stopped_anywhere_leaves_the_target_empty(
    invoke: Run, new_url: Callable[[str], str], kind: str
) -> None:
    source, target = new_url("sqlite"), new_url(kind)
    fill_shop(source)
    other = new_url(kind)
    for url in (target, other):
        SqlStore.open(url, migrate=True).close()
    whole = _interrupted_copy(0, signal.SIGKILL, source, other)
    assert whole.returncode == 0
    statements = int(whole.stdout.split()[-1])
    assert statements > 2 * len(metadata.tables)
    for how, code, number in (
        (signal.SIGKILL, -9, statements // 2),
        (signal.SIGKILL, -9, statements - 5),
        (signal.SIGINT, 130, statements // 2),
        (signal.SIGTERM, 130, statements - 30),
    ):
        done = _interrupted_copy(number, how, source, target)
        assert done.returncode == code, done.stderr
        if how is not signal.SIGKILL:
            assert done.stderr == "sellout: stopped; nothing was copied\n"
        require_empty(target)
    # The last statement is the commit. The client cannot know whether it took place.
    done = _interrupted_copy(statements, signal.SIGINT, source, target)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "its commit was interrupted: the target is either empty or whole" in done.stderr
    require_empty(target)
    assert invoke("copy", source, target).returncode == 0


def _interrupted_copy(number: int, how: signal.Signals, source: str, target: str) -> subprocess.CompletedProcess[str]:
    arguments = [sys.executable, "-c", INTERRUPTED_COPY, str(number), str(int(how)), source, target]
    return subprocess.run(arguments, capture_output=True, text=True, env=environment(), timeout=60, check=False)  # noqa: S603 - our own arguments


PLANTED = {
    "sqlite": {
        "users": "CREATE TRIGGER planted AFTER INSERT ON users"
        " BEGIN UPDATE users SET first_name = first_name || ' ' WHERE id = new.id; END",
        "products": "CREATE TRIGGER planted AFTER INSERT ON products"
        " BEGIN UPDATE products SET terms = terms || ' more' WHERE id = new.id; END",
        "wishlist_units": "CREATE TRIGGER planted AFTER INSERT ON wishlist_units"
        " BEGIN DELETE FROM wishlist_units WHERE id = new.id; END",
    },
    "postgresql": {
        "users": "BEGIN new.first_name = new.first_name || ' '; RETURN new; END",
        "products": "BEGIN new.terms = new.terms || array_to_tsvector(ARRAY['more']); RETURN new; END",
        "wishlist_units": "BEGIN RETURN NULL; END",
    },
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("users", "users has as many rows"),
        ("products", "products has as many"),
        ("wishlist_units", "wishlist_units has"),
    ],
)
def test_a_difference_is_found_before_anything_is_kept(
    invoke: Run, new_url: Callable[[str], str], kind: str, table: str, message: str
) -> None:
    """A trigger in the target changes or drops what is written."""
    source, target = new_url("sqlite"), new_url(kind)
    fill_shop(source)
    words = PLANTED[kind][table]
    with store_at(target) as store, store.engine.begin() as connection:
        if kind == "postgresql":
            connection.exec_driver_sql(f"CREATE FUNCTION planted () RETURNS trigger LANGUAGE plpgsql AS $${words}$$")
            words = f"CREATE TRIGGER planted BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION planted()"
        connection.exec_driver_sql(words)
    assert_fails(invoke("copy", source, target), f"The copy differs: {message}", 1)
    require_empty(target)
    with store_at(target) as store, store.engine.begin() as connection:
        connection.exec_driver_sql("DROP TRIGGER planted" + (f" ON {table}" if kind == "postgresql" else ""))
    assert invoke("copy", source, target).returncode == 0


def test_a_new_table_is_copied_or_the_tests_say_so(new_url: Callable[[str], str]) -> None:
    """A copy covers every table of the migrations, and every column type has a form that both databases share."""
    for kind in KINDS:
        with store_at(new_url(kind)) as store:
            made = set(inspect(store.engine).get_table_names())
        assert made - SEARCH_TABLES - {migration.VERSIONS} == set(metadata.tables)
    known = (Id, Integer, BigInteger, Text, Boolean, UtcTime, Date, LargeBinary, JSON, Terms)
    columns: list[Column[Any]] = [column for table in metadata.sorted_tables for column in table.columns]
    assert [str(column) for column in columns if type(column.type) not in known] == []


def test_the_search_index_of_a_copy_is_whole(invoke: Run, new_url: Callable[[str], str]) -> None:
    source, between, target = new_url("sqlite"), new_url("postgresql"), new_url("sqlite")
    fill_shop(source)
    assert invoke("copy", source, between).returncode == 0
    assert invoke("copy", between, target).returncode == 0
    with store_at(target) as store, store.engine.begin() as connection:
        connection.exec_driver_sql(f"INSERT INTO {SEARCH} ({SEARCH}, rank) VALUES ('integrity-check', 1)")  # noqa: S608 - our own names
