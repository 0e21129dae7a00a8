"""`sellout backup`, also while buyers buy, and what is restored from a backup."""

import shlex
import sqlite3
import stat
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event, Semaphore

import psycopg

from sellout_adapters.sql import SqlStore
from sellout_adapters.testing.scene import Scene, checkout_request
from sellout_core.accounts import OPERATOR
from sellout_core.use_cases.checkout import check_out_once
from tests.contract.conftest import databases
from tests.contract.databases.test_copying import fill, read_through, summed_up
from tests.contract.support.command import Run, assert_fails, serving
from tests.servers.postgres import client_program

BUYERS = 4
STOCK = 1_000_000


def test_a_backup_made_while_buyers_buy_holds_every_order_whole(sellout: Run, tmp_path: Path) -> None:
    """Each order with its two lines, its promo code's count, its stored answer and the stock that it took."""
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
        kept = {int(answer) for (answer,) in connection.execute("SELECT CAST(answer AS TEXT) FROM answers")}
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    connection.close()
    assert kept == {order.id for order in orders}


def test_a_backup_is_served_like_the_shop_that_it_was_made_of(called: Run, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'sellout.db'}"
    me, _ = fill(url)
    before, seen = summed_up(url), read_through(url, me)
    before = summed_up(url)
    assert called("backup", "restored.db").returncode == 0
    assert summed_up(f"sqlite:///{tmp_path / 'restored.db'}") == before
    assert read_through(f"sqlite:///{tmp_path / 'restored.db'}", me) == seen
    with serving(tmp_path, "--database-url", "sqlite:///restored.db") as (server, _):
        assert server.log_in("noadmin", "sellout-demo")


def test_the_key_beside_the_database_is_named(called: Run, tmp_path: Path) -> None:
    SqlStore.open(f"sqlite:///{tmp_path / 'sellout.db'}").close()
    assert "SELLOUT_SECRET_KEY" in called("backup", "first").stdout
    (tmp_path / "sellout.db.key").touch()
    assert "(sellout.db.key)" in called("backup", "second").stdout


def test_a_file_that_exists_is_not_overwritten(called: Run, tmp_path: Path) -> None:
    SqlStore.open(f"sqlite:///{tmp_path / 'sellout.db'}").close()
    (tmp_path / "old").write_text("precious")
    (tmp_path / "link").symlink_to("nothing")
    for name in ("old", "link", "sellout.db", "."):
        assert_fails(called("backup", name), "exists: name a new file", 1)
    assert (tmp_path / "old").read_text() == "precious"
    assert_fails(called("backup", "none/file"), "cannot write 'none/file': No such file or directory", 1)


def test_a_database_that_does_not_exist_is_not_made(called: Run, tmp_path: Path) -> None:
    assert_fails(called("backup", "file"), "There is no database 'sellout.db'")
    (tmp_path / "sellout.db").touch()
    assert_fails(called("backup", "file"), "is empty")
    (tmp_path / "sellout.db").write_bytes(b"SQLite format 3\0" + b"\xff" * 8176)
    assert_fails(called("backup", "file"), "sellout.db")
    assert [path.name for path in tmp_path.iterdir()] == ["sellout.db"]


def test_a_damaged_database_gives_no_backup(called: Run, tmp_path: Path) -> None:
    """An index that lacks a row of its table, which only a whole check finds."""
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
    assert_fails(called("backup", "file"), "damaged", 1)
    assert [found.name for found in tmp_path.iterdir() if "file" in found.name] == []


def test_on_postgresql_the_command_to_run_is_printed_and_works(called: Run, tmp_path: Path) -> None:
    """pg_dump as printed, pg_restore as documented: the same rows."""
    url = databases()[0].create()
    fill(url)
    before = summed_up(url)
    user, _, host = url.removeprefix("postgresql://").partition("@")
    given = f"postgresql://{user.partition(':')[0]}:hush-hush@{host}?password=hush-too"
    done = called("backup", "shop.dump", SELLOUT_DATABASE_URL=given)
    assert_fails(done, "pg_dump --format=custom --file=shop.dump")
    assert "hush" not in done.stderr
    assert "***" not in done.stderr  # pg_dump would take it for the password
    command = shlex.split(done.stderr.partition("run: ")[2])
    _run(client_program(command[0]), *command[1:], folder=tmp_path)
    restored = databases()[0].create()
    _run(client_program("pg_restore"), "--no-owner", f"--dbname={restored}", "shop.dump", folder=tmp_path)
    assert summed_up(restored) == before
    with psycopg.connect(restored) as connection:
        assert connection.execute("SELECT count(*) FROM orders").fetchone() != (0,)


def _run(program: Path, *arguments: str, folder: Path) -> None:
    done = subprocess.run([program, *arguments], cwd=folder, capture_output=True, text=True, check=False)  # noqa: S603 - our own arguments
    assert done.returncode == 0, done.stderr
