"""The database is full, locked, busy or unreachable, or the clock steps: the response is clear, no change is partial,
and the shop recovers by itself.
"""

import socket
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import attrs
import httpx2
import psycopg
import pytest
from sqlalchemy import event, make_url

from sellout_adapters.sql import SqlStore, Timeouts
from sellout_adapters.system import random_id
from sellout_adapters.testing.scene import HeldClock
from sellout_core.people.accounts import OPERATOR
from sellout_core.ports.store import Transaction
from sellout_core.shopping.ordering import NewPromoCode
from sellout_core.use_cases.shopping.promo_codes import create_promo_code
from sellout_core.values import Money
from tests.contract.conftest import databases
from tests.contract.support.buyer import ADDRESS, Buyer, newcomer, noadmin
from tests.contract.support.shop import STAFF_ID, Served, everything_in, problem_of, serving_demo

WAIT = 0.5


@attrs.frozen
class Place:
    """A served shop with short timeouts, and the URL of its database."""

    served: Served
    store: SqlStore
    url: str

    @property
    def client(self) -> httpx2.Client:
        """A client of the shop."""
        return self.served.client


def new_url(kind: str, folder: Path) -> str:
    """The URL of a database for a new store."""
    return f"sqlite:///{folder / 'shop.db'}" if kind == "sqlite" else databases()[0].create(databases()[1])


@contextmanager
def serving(url: str, **options: Any) -> Iterator[Place]:
    """The demo shop on a database."""
    store = SqlStore.open(url, timeouts=Timeouts(lock=WAIT, statement=2, connect=10), **options)
    try:
        with serving_demo(store, cache_mib=0) as served:
            yield Place(served, store, url)
    finally:
        store.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """The demo shop on each database."""
    with serving(new_url(request.param, tmp_path)) as place:
        yield place


def require_503(answer: httpx2.Response) -> None:
    """Asserts that a response is a 503 with Retry-After."""
    problem_of(answer, 503, "unavailable_now")
    assert int(answer.headers["retry-after"]) >= 1


@contextmanager
def full_sqlite(place: Place) -> Iterator[None]:
    """Prevents the file from growing."""

    def limit(connection: Any, *_: Any) -> None:
        connection.execute("PRAGMA max_page_count = 1")  # the number of pages that the file has

    def lift(connection: Any, *_: Any) -> None:
        connection.execute("PRAGMA max_page_count = 1073741823")

    event.listen(place.store.engine, "checkout", limit)
    yield
    event.remove(place.store.engine, "checkout", limit)
    event.listen(place.store.engine, "checkout", lift)


@contextmanager
def full_postgresql(place: Place) -> Iterator[None]:
    """The server refuses each INSERT and UPDATE because its disk is full."""

    def refuse(cursor: Any, statement: str, *_: Any) -> None:
        if statement.startswith(("INSERT", "UPDATE")):
            cursor.execute("DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '53100'; END $$")

    event.listen(place.store.engine, "do_execute", refuse)
    yield
    event.remove(place.store.engine, "do_execute", refuse)


FULL: dict[str, Callable[[Place], AbstractContextManager[None]]] = {
    "sqlite": full_sqlite,
    "postgresql": full_postgresql,
}


def test_a_full_disk_refuses_what_needs_room_and_nothing_else(place: Place) -> None:
    buyer, other = noadmin(place.client), newcomer(place.client, "other")
    with FULL[place.store.engine.dialect.name](place):
        # Orders of another buyer fill the free space of existing pages.
        while other.request("POST", "/order/cart_add/{me}/1").status_code == 201:
            if other.check_out(1, key=random_id()).status_code != 201:
                break
        before = everything_in(place.served.shop)
        answers: list[httpx2.Response] = []
        while not answers or answers[-1].status_code == 201:
            answers.append(buyer.request("POST", "/user/address/{me}", json={**ADDRESS, "address": "ж" * 500}))
        require_503(answers[-1])
        require_503(buyer.check_out(1, key="a key"))
        assert buyer.cart() == [1]
        assert len(buyer.get("/user/address/{me}")) == len(answers)  # one address existed before
    for address in buyer.get("/user/address/{me}")[1:]:
        assert buyer.request("DELETE", f"/user/address/{{me}}/{address['id']}").status_code == 200
    assert everything_in(place.served.shop) == before
    assert buyer.check_out(1, key="a key").status_code == 201


@contextmanager
def locked(place: Place) -> Iterator[None]:
    """Another program has the write lock."""
    if place.url.startswith("sqlite"):
        with closing(sqlite3.connect(place.url.removeprefix("sqlite:///"), isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            yield
            other.execute("ROLLBACK")
    else:
        with psycopg.connect(place.url) as connection:
            connection.execute("LOCK TABLE orders, carts, cart_units IN EXCLUSIVE MODE")
            yield
            connection.rollback()


def test_a_database_that_another_program_locks_is_waited_for_and_then_refused(place: Place) -> None:
    """Reads succeed meanwhile. Writes succeed after the lock is released."""
    buyer = noadmin(place.client)
    before = everything_in(place.served.shop)
    with locked(place):
        require_503(buyer.check_out(1, key="a key"))
        assert buyer.cart() == [1]
        assert place.client.get("/product/all/1").status_code == 200
        assert everything_in(place.served.shop) == before
    assert buyer.check_out(1, key="a key").status_code == 201


def test_a_lock_that_goes_in_time_is_not_noticed(tmp_path: Path) -> None:
    with serving(new_url("sqlite", tmp_path)) as place:
        buyer = noadmin(place.client)
        answers: list[httpx2.Response] = []
        with locked(place):
            asking = threading.Thread(target=lambda: answers.append(buyer.check_out(1)))
            asking.start()
            asking.join(WAIT / 5)
            assert answers == []
        asking.join()
        assert [answer.status_code for answer in answers] == [201]


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_pool_that_is_exhausted_refuses_until_a_connection_is_back(kind: str, tmp_path: Path) -> None:
    with serving(new_url(kind, tmp_path), connections=1) as place:
        assert place.client.get("/product/all/1").status_code == 200

        def ask(_: Transaction) -> None:
            for path in ("/product/all/1", "/product_unit/product/1"):
                require_503(place.client.get(path))

        # In a transaction on the only connection.
        place.store.read(ask)
        assert place.client.get("/product/all/1").status_code == 200


def test_a_statement_that_takes_too_long_is_given_up(tmp_path: Path) -> None:
    with serving(new_url("postgresql", tmp_path)) as place:

        def dawdle(cursor: Any, statement: str, *_: Any) -> None:
            if statement.startswith("INSERT INTO orders"):
                cursor.execute("SELECT pg_sleep(60)")

        buyer = noadmin(place.client)
        event.listen(place.store.engine, "do_execute", dawdle)
        require_503(buyer.check_out(1, key="a key"))
        event.remove(place.store.engine, "do_execute", dawdle)
        assert buyer.cart() == [1]
        assert buyer.check_out(1, key="a key").status_code == 201


class Wire:
    """A proxy to a server. `cut` drops all connections and refuses new ones."""

    def __init__(self, address: tuple[str, int]) -> None:
        self._address = address
        self._open = ExitStack()
        self._listener = self._listen(0)
        self.port: int = self._listener.getsockname()[1]

    def cut(self) -> None:
        """Drops all connections and refuses new ones."""
        _hang_up(self._listener)
        self._listener.close()
        self._open.close()

    def mend(self) -> None:
        """Accepts connections on the same port again."""
        self._listener = self._listen(self.port)

    def _listen(self, port: int) -> socket.socket:
        listener = socket.create_server(("127.0.0.1", port))
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()
        return listener

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            server = socket.create_connection(self._address)
            for one, other in ((client, server), (server, client)):
                self._open.callback(one.close)
                self._open.callback(_hang_up, one)
                threading.Thread(target=_pass_on, args=(one, other), daemon=True).start()


def _hang_up(one: socket.socket) -> None:
    try:
        one.shutdown(socket.SHUT_RDWR)
    except OSError:
        return


def _pass_on(one: socket.socket, other: socket.socket) -> None:
    try:
        while part := one.recv(65_536):
            other.sendall(part)
    except OSError:
        pass
    _hang_up(other)


@pytest.fixture
def wired(tmp_path: Path) -> Iterator[tuple[Place, Wire]]:
    """The demo shop on PostgreSQL through a proxy."""
    url = make_url(new_url("postgresql", tmp_path))
    wire = Wire((url.host or "", url.port or 0))
    with serving(url.set(port=wire.port).render_as_string(hide_password=False)) as place:
        yield place, wire
        wire.cut()


def test_a_database_that_goes_away_is_refused_at_once_and_found_again(wired: tuple[Place, Wire]) -> None:
    place, wire = wired
    buyer = noadmin(place.client)
    for _ in range(2):
        wire.cut()
        for answer in (
            place.client.get("/product/all/1"),
            buyer.request("GET", "/order/cart/{me}"),
            buyer.check_out(1, key="a key", address_id=2),
            place.client.get("/readyz"),
        ):
            require_503(answer)
        assert place.client.get("/livez").status_code == 200
        wire.mend()
        assert place.client.get("/readyz").status_code == 200
        assert place.client.get("/product/all/1").status_code == 200
        assert buyer.cart() == [1]
    assert buyer.check_out(1, key="a key").status_code == 201


def test_connections_that_broke_while_idle_are_not_noticed(wired: tuple[Place, Wire]) -> None:
    """The database may have restarted between two requests."""
    place, wire = wired
    buyer = noadmin(place.client)
    calls: list[Callable[[], httpx2.Response]] = [
        lambda: place.client.get("/product/all/1"),
        lambda: buyer.check_out(1),
        lambda: buyer.request("GET", "/user_info/{me}"),
    ]
    for call in calls:
        wire.cut()
        wire.mend()
        assert call().status_code in (200, 201)


def test_connections_say_whose_they_are(tmp_path: Path) -> None:
    with serving(new_url("postgresql", tmp_path)) as place, psycopg.connect(place.url) as connection:
        rows = connection.execute(
            "SELECT DISTINCT application_name FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        ).fetchall()
        assert rows == [("sellout",)]


def day(clock: HeldClock) -> date:
    """The date of the clock, which is in the shop's time zone."""
    return clock.now.date()


def test_a_clock_that_steps_over_a_promo_codes_last_day_decides_each_time_anew(timed: Served, clock: HeldClock) -> None:
    """After the day the code is expired, and before the end of the day it is valid again. Orders keep their discount,
    and each counts once.
    """
    buyer = noadmin(timed.client)
    code = NewPromoCode(code="TODAY", owner_id=STAFF_ID, max_activation_count=9, active_until=day(clock))  # type: ignore[arg-type]
    create_promo_code(timed.shop, OPERATOR, attrs.evolve(code, discount_absolute=Money(1)))
    noon = clock.now
    midnight = datetime.combine(day(clock) + timedelta(days=1), datetime.min.time(), UTC)
    counts = []
    for number, now in enumerate([noon, midnight, midnight - timedelta(microseconds=1), midnight, noon]):
        clock.now = now
        buyer.request("POST", "/order/cart_add/{me}/1")
        answer = buyer.check_out(1, promo_code="TODAY", key=f"key {number}")
        if now == midnight:
            problem_of(answer, 422, "promo_code_expired")
            assert buyer.cart() == [1]
        else:
            assert answer.status_code == 201
            counts.append(answer.json()["promo_code"]["activation_count"])
            assert buyer.check_out(1, promo_code="TODAY", key=f"key {number}").content == answer.content
    assert counts == [1, 2, 3]
    assert len(buyer.get("/order/user_orders")) == 1 + len(counts)


def test_a_clock_that_steps_over_a_tokens_expiry_decides_each_time_anew(timed: Served, clock: HeldClock) -> None:
    """An access token is valid whenever the clock is before its expiry. A used refresh token stays used."""
    begun = clock.now
    pair = timed.client.post("/user/login", json={"username": "noadmin", "password": "sellout-demo"}).json()
    buyer = Buyer(timed.client, 2, {"Authorization": f"Bearer {pair['access']}"})
    end = begun.replace(microsecond=0) + timedelta(days=1)
    for now, status in (
        (begun, 200),
        (end, 401),
        (end - timedelta(seconds=1), 200),
        (end + timedelta(days=9), 401),
        (begun, 200),
    ):
        clock.now = now
        assert buyer.request("GET", "/user_info/{me}").status_code == status
    clock.advance(days=30)
    for _ in range(2):
        assert timed.client.post("/user/token/refresh", json={"refresh": pair["refresh"]}).status_code == 401
    clock.now = begun - timedelta(seconds=1)
    assert timed.client.post("/user/token/refresh", json={"refresh": pair["refresh"]}).status_code == 200
    clock.now = begun
    assert timed.client.post("/user/token/refresh", json={"refresh": pair["refresh"]}).status_code == 401


def test_an_answer_under_a_key_is_kept_whatever_the_clock_does(timed: Served, clock: HeldClock) -> None:
    """The response is found while the clock is within a day of the order, so no second order is placed."""
    placed = noadmin(timed.client).check_out(1, key="a key")
    for hours in (-3, 23, -12, 3):
        clock.advance(hours=hours)
        buyer = noadmin(timed.client)
        assert buyer.check_out(1, key="a key").content == placed.content
    assert len(buyer.get("/order/user_orders")) == 2
