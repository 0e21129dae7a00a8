"""`sellout backup`, also while buyers check out, and shops restored from a backup."""

import shlex
import sqlite3
import stat
import subprocess
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event, Semaphore
from zlib import decompress

import psycopg

from sellout_adapters.sql import SqlStore
from sellout_adapters.testing.scene import Scene, checkout_request, product_entry, unit_entry
from sellout_core.people.accounts import ANONYMOUS, OPERATOR
from sellout_core.use_cases.catalogue.browsing import read_card, read_page
from sellout_core.use_cases.shopping.checkout import check_out_once
from sellout_core.values import PAGE_SIZE
from tests.contract.conftest import databases
from tests.contract.databases.test_copying import customer_reads, digests_of, fill_shop
from tests.contract.support.command import Run, assert_fails, running_server
from tests.servers.postgres import client_program

BUYERS = 4
STOCK = 1_000_000
MIB = 2**20
MORE_PRODUCTS = """
    WITH RECURSIVE more (number) AS (VALUES (1) UNION ALL SELECT number + 1 FROM more LIMIT 13000)
    INSERT INTO products
        (sku, name, description, bucket_link, available, updated_at, added_on, fit, rel_num, gender_id, min_price)
    SELECT
        'more ' || number, name, printf('%08000d', number),
        '', available, updated_at, added_on, fit, rel_num, gender_id, 1
    FROM products, more
"""


def test_a_backup_made_while_buyers_buy_holds_every_order_whole(sellout: Run, tmp_path: Path) -> None:
    """Each order has its two lines, its count of the promo code, its stored response, and the stock that it took."""
    store = SqlStore.open(f"sqlite:///{tmp_path / 'sellout.db'}", connections=BUYERS)
    scene = Scene(store)
    units = [scene.unit(f"sku-{number}", 10, stock=STOCK) for number in range(2)]
    scene.promo_code("SALE", scene.user("owner"), max_activation_count=STOCK)
    buyers = [scene.user(f"buyer-{number}") for number in range(BUYERS)]
    asks = [checkout_request(scene.address(buyer), *units, promo_code="SALE") for buyer in buyers]
    stop, bought = Event(), Semaphore(0)

    def buy(number: int) -> int:
        orders = 0
        while not stop.is_set():
            scene.fill_cart(buyers[number], *units)
            key = f"{number}-{orders}"
            check_out_once(scene.shop, OPERATOR, buyers[number], asks[number], key, lambda view: b"%d" % view.order.id)
            orders += 1
            bought.release()
        return orders

    with ThreadPoolExecutor(BUYERS) as pool:
        buying = [pool.submit(buy, number) for number in range(BUYERS)]
        try:
            for _ in range(2 * BUYERS):
                assert bought.acquire(timeout=60)
            done = sellout("backup", "shop.backup")
            assert bought.acquire(timeout=60)
        finally:
            stop.set()
        total = sum(future.result() for future in buying)
    store.close()
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Wrote shop.backup.\nThe key that signs tokens is not in it")
    backup = tmp_path / "shop.backup"
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir() if "shop.backup" in path.name] == ["shop.backup"]

    restored = SqlStore.open(f"sqlite:///{backup}")
    orders = restored.read(lambda tx: tx.orders.after(0, STOCK))
    left = [unit.stock for unit in restored.read(lambda tx: tx.units.get_many(units)).values()]
    promo_code = restored.read(lambda tx: tx.promo_codes.by_code("SALE"))
    restored.close()
    assert 2 * BUYERS <= len(orders) <= total
    assert all([line.unit.id for line in order.lines] == units for order in orders)
    assert left == [STOCK - len(orders)] * 2
    assert promo_code is not None
    assert promo_code.activation_count == len(orders)
    with sqlite3.connect(backup) as connection:
        kept = {int(decompress(each)) for (each,) in connection.execute("SELECT response FROM idempotency_keys")}
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    connection.close()
    assert kept == {order.id for order in orders}


def test_a_backup_is_served_like_the_shop_that_it_was_made_of(invoke: Run, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'sellout.db'}"
    me, _ = fill_shop(url)
    seen = customer_reads(url, me)
    before = digests_of(url)
    assert invoke("backup", "restored.db").returncode == 0
    assert digests_of(f"sqlite:///{tmp_path / 'restored.db'}") == before
    assert customer_reads(f"sqlite:///{tmp_path / 'restored.db'}", me) == seen
    with running_server(tmp_path, "--database-url", "sqlite:///restored.db") as (server, _):
        assert server.access_token("artem", "sellout-demo")


def test_the_key_beside_the_database_is_named(invoke: Run, tmp_path: Path) -> None:
    SqlStore.open(f"sqlite:///{tmp_path / 'sellout.db'}").close()
    assert "SELLOUT_SECRET_KEY" in invoke("backup", "first").stdout
    (tmp_path / "sellout.db.key").touch()
    assert "(sellout.db.key)" in invoke("backup", "second").stdout


def test_a_file_that_exists_is_not_overwritten(invoke: Run, tmp_path: Path) -> None:
    SqlStore.open(f"sqlite:///{tmp_path / 'sellout.db'}").close()
    (tmp_path / "old").write_text("precious")
    (tmp_path / "link").symlink_to("nothing")
    for name in ("old", "link", "sellout.db", "."):
        assert_fails(invoke("backup", name), "exists: name a new file", 1)
    assert (tmp_path / "old").read_text() == "precious"
    assert_fails(invoke("backup", "none/file"), "cannot write 'none/file': No such file or directory", 1)


def test_a_database_that_does_not_exist_is_not_made(invoke: Run, tmp_path: Path) -> None:
    assert_fails(invoke("backup", "file"), "There is no database 'sellout.db'")
    (tmp_path / "sellout.db").touch()
    assert_fails(invoke("backup", "file"), "is empty")
    (tmp_path / "sellout.db").write_bytes(b"SQLite format 3\0" + b"\xff" * 8176)
    assert_fails(invoke("backup", "file"), "sellout.db")
    assert [path.name for path in tmp_path.iterdir()] == ["sellout.db"]


def test_a_damaged_database_gives_no_backup(invoke: Run, tmp_path: Path) -> None:
    """An index lacks a row of its table. Only a check of the whole file finds that."""
    path = tmp_path / "sellout.db"
    SqlStore.open(f"sqlite:///{path}").close()
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE INDEX planted ON brands (name) WHERE id < 0")
        connection.execute("INSERT INTO brands (name) VALUES ('Nike')")
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute(
            "UPDATE sqlite_master SET sql = 'CREATE INDEX planted ON brands (name)' WHERE name = 'planted'"
        )
    connection.close()
    assert_fails(invoke("backup", "file"), "damaged", 1)
    assert [found.name for found in tmp_path.iterdir() if "file" in found.name] == []


def test_a_whole_file_is_checked_on_request_alone(invoke: Run, tmp_path: Path) -> None:
    """Opening a file reads few pages, whatever its size. `sellout check` finds a table page of zeros."""
    path = tmp_path / "sellout.db"
    SqlStore.open(f"sqlite:///{path}").close()
    assert invoke("check").stdout == "The database is undamaged and at the current schema.\n"
    with closing(sqlite3.connect(path)) as connection:
        [size] = connection.execute("PRAGMA page_size").fetchone()
        [page] = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'counters'").fetchone()
    with path.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(bytes(size))
    SqlStore.open(f"sqlite:///{path}").close()
    assert_fails(invoke("check"), "is damaged: restore it from a backup", 2)


def bytes_read() -> int:
    """How many bytes this process has read from files, cached ones too."""
    counters = Path("/proc/self/io").read_text(encoding="ascii").splitlines()
    return int(dict(line.split(": ") for line in counters)["rchar"])


def test_opening_a_file_of_any_size_reads_some_pages(tmp_path: Path) -> None:
    """So do the health check, the first page and the first card: the first answers come at once."""
    path = tmp_path / "sellout.db"
    with closing(SqlStore.open(f"sqlite:///{path}")) as store:
        first, _ = Scene(store).sell(product_entry("first", unit_entry(100)))
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(MORE_PRODUCTS)
    assert path.stat().st_size > 100 * MIB
    before = bytes_read()
    with closing(SqlStore.open(f"sqlite:///{path}")) as store:
        shop = Scene(store).shop
        store.check()
        assert len(read_page(shop, ANONYMOUS, 1).items) == PAGE_SIZE
        assert read_card(shop, ANONYMOUS, first.id).product.product.name == "The first"
    assert bytes_read() - before < 2 * MIB


def test_a_row_that_refers_to_nothing_is_damage(invoke: Run, tmp_path: Path) -> None:
    path = tmp_path / "sellout.db"
    SqlStore.open(f"sqlite:///{path}").close()
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("INSERT INTO carts (user_id) VALUES (9)")
    assert_fails(invoke("check"), "is damaged", 2)


def test_expired_rows_are_deleted_on_request(invoke: Run, tmp_path: Path) -> None:
    store = SqlStore.open(f"sqlite:///{tmp_path / 'sellout.db'}")
    for name, at in (("old", datetime(2020, 1, 1, tzinfo=UTC)), ("new", datetime(2999, 1, 1, tzinfo=UTC))):
        store.write(lambda tx, name=name, at=at: tx.counters.add(name, at, timedelta(1)))  # type: ignore[misc]
    store.close()
    assert invoke("tidy").stdout == "Deleted 1 expired rows.\nDeleted 0 unused files of images.\n"
    assert invoke("tidy").stdout == "Deleted 0 expired rows.\nDeleted 0 unused files of images.\n"


def test_on_postgresql_the_command_to_run_is_printed_and_works(invoke: Run, tmp_path: Path) -> None:
    """pg_dump runs as printed and pg_restore as documented. The rows are the same."""
    url = databases()[0].create()
    fill_shop(url)
    before = digests_of(url)
    user, _, host = url.removeprefix("postgresql://").partition("@")
    given = f"postgresql://{user.partition(':')[0]}:hush-hush@{host}?password=hush-too"
    done = invoke("backup", "shop.dump", SELLOUT_DATABASE_URL=given)
    assert_fails(done, "pg_dump --format=custom --file=shop.dump")
    assert "hush" not in done.stderr
    assert "***" not in done.stderr  # pg_dump would read it as the password
    command = shlex.split(done.stderr.partition("run: ")[2])
    _run(client_program(command[0]), *command[1:], folder=tmp_path)
    restored = databases()[0].create()
    _run(client_program("pg_restore"), "--no-owner", f"--dbname={restored}", "shop.dump", folder=tmp_path)
    assert digests_of(restored) == before
    with psycopg.connect(restored) as connection:
        assert connection.execute("SELECT count(*) FROM orders").fetchone() != (0,)


def _run(program: Path, *arguments: str, folder: Path) -> None:
    done = subprocess.run([program, *arguments], cwd=folder, capture_output=True, text=True, check=False)  # noqa: S603 - our own arguments
    assert done.returncode == 0, done.stderr
