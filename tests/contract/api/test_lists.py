"""Long lists over HTTP: whole and streamed, in parts, and what becomes of those that are not read to the end."""

import asyncio
import json
import socket
import sqlite3
import threading
from collections.abc import Callable, Coroutine, MutableMapping
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import httpx2
import psycopg
import pytest
from sqlalchemy import event

from sellout_adapters import demo
from sellout_adapters.sql import SqlStore
from sellout_core.ports.store import Store
from sellout_core.shop import Shop
from sellout_core.use_cases import sessions
from sellout_http.app import create_app
from sellout_http.runtime.threads import WAITING_LISTS
from tests.contract.conftest import PERSISTENT, sqlite_store
from tests.contract.sql.test_statement_budget import Lines
from tests.contract.support.buyer import change_product, newcomer, staff
from tests.contract.support.held import Held, running
from tests.contract.support.shop import Served, demo_shop, log_in, problem_of, serving_shop

LISTS: Final = {"/product": "/product/{}", "/user": "/user/{}", "/order/orders": "/order/info/{}"}
BATCH: Final = "sellout_core.ports.lists.BATCH"


def token_of(shop: Shop) -> str:
    """A token of the demo's staff."""
    return sessions.log_in(shop, demo.STAFF, demo.PASSWORD).access


def in_loop(scenario: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Runs a scenario, which hangs if something waits that should not."""
    asyncio.run(asyncio.wait_for(scenario(), 60))


@pytest.fixture
def busy(client: httpx2.Client) -> httpx2.Client:
    """A client of a shop with some people and orders more."""
    for number in range(4):
        buyer = newcomer(client, f"buyer{number}")
        buyer.fill_cart(1, 2)
        buyer.order(1)
        buyer.order(2)
    return client


@pytest.mark.parametrize("batch", [1, 3, 100])
def test_a_list_is_whole_however_it_is_read(busy: httpx2.Client, monkeypatch: pytest.MonkeyPatch, batch: int) -> None:
    """Each of its documents is the one that stands alone, in the order of their ids; there is no link."""
    monkeypatch.setattr(BATCH, batch)
    boss = staff(busy)
    for path, one in LISTS.items():
        response = boss.ask("GET", path)
        assert response.status_code == 200
        assert "link" not in response.headers
        assert response.headers["cache-control"] == "no-store"
        assert response.headers["x-content-type-options"] == "nosniff"
        found = response.json()
        ids = [document["id"] for document in found]
        assert ids == sorted(set(ids))
        assert len(ids) > 5
        for document in found[:3] + found[-3:]:
            alone = boss.get(one.format(document["id"]))
            document.pop("product_units", None)
            assert [document] == (alone if path == "/order/orders" else [alone])
        assert boss.ask("GET", one.format(ids[-1] + 1)).status_code == 404


@pytest.mark.parametrize("prefix", ["", "/api/v1"])
@pytest.mark.parametrize("limit", [1, 2, 7, 1000])
def test_parts_lead_through_the_whole_list(busy: httpx2.Client, prefix: str, limit: int) -> None:
    """Everything once, under the prefix and with the limit that were asked for; the last part leads nowhere."""
    boss = staff(busy)
    for path in LISTS:
        whole = boss.get(path)
        seen: list[Any] = []
        following: str | None = f"{prefix}{path}?limit={limit}"
        while following is not None:
            response = boss.ask("GET", following)
            part = response.json()
            assert 0 < len(part) <= limit
            seen += part
            links = {rel: link["url"] for rel, link in response.links.items()}
            assert links in ({}, {"next": f"{prefix}{path}?limit={limit}&after={part[-1]['id']}"})
            following = links.get("next")
        assert seen == whole


def test_a_list_may_begin_after_an_id(busy: httpx2.Client) -> None:
    """With a limit and without; after the last id there is nothing, which is no error."""
    boss = staff(busy)
    for path in LISTS:
        whole = boss.get(path)
        assert boss.get(f"{path}?after=0") == whole
        assert boss.get(f"{path}?after={whole[2]['id']}") == whole[3:]
        assert boss.get(f"{path}?limit=2&after={whole[2]['id']}") == whole[3:5]
        for after in (whole[-1]["id"], 2**53 - 1):
            assert boss.get(f"{path}?after={after}") == []
            nothing = boss.ask("GET", f"{path}?after={after}&limit=1")
            assert (nothing.json(), nothing.links) == ([], {})
        exactly = boss.ask("GET", f"{path}?limit={len(whole)}")
        assert (exactly.json(), exactly.links) == (whole, {})


def test_an_empty_list_is_an_empty_array(store: Store) -> None:
    shop = demo_shop(store)
    with serving_shop(shop) as served:
        assert served.client.get("/order/orders?after=1000", headers=log_in(served.client, demo.STAFF)).text == "[]"


def test_whoever_may_not_read_a_list_is_told_so_first(shared: Served) -> None:
    """Whatever is wrong with the parameters; and nothing of the list has been sent by then."""
    customer = log_in(shared.client, demo.CUSTOMER)
    for path in LISTS:
        for query in ("", "?limit=0", "?after=x", "?limit=1&limit=1"):
            problem_of(shared.client.get(path + query), 401, "unauthenticated")
            problem_of(shared.client.get(path + query, headers=customer), 403, "forbidden")


def test_a_list_shows_one_state_however_long_it_takes(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """What changes while it is read is in the next one, not in a part of this one."""
    monkeypatch.setattr(BATCH, 1)
    shop = demo_shop(store)

    async def scenario() -> None:
        app, token = create_app(shop), token_of(shop)
        async with running(app):
            before = await _whole(app, token)
            reading = Held(app, "/product", token)
            assert await reading.status() == 200
            first = (await reading.take())["body"]
            last = json.loads(before)[-1]["id"]
            await asyncio.to_thread(change_product, shop, last, name="Another name")
            assert first + await reading.rest() == before
            after = json.loads(await _whole(app, token))
            assert [document["name"] for document in after if document["id"] == last] == ["Another name"]

    in_loop(scenario)


async def _whole(app: Any, token: str, path: str = "/product") -> bytes:
    reading = Held(app, path, token)
    assert await reading.status() == 200
    return await reading.rest()


def test_a_batch_is_read_when_the_one_before_was_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So a client who reads slowly makes the shop hold no more than that."""
    monkeypatch.setattr(BATCH, 5)
    with sqlite_store(tmp_path) as store:
        shop, asked = demo_shop(store), _asked(store)

        async def scenario() -> None:
            app, token = create_app(shop), token_of(shop)
            async with running(app):
                reading = Held(app, "/product", token)
                assert await reading.status() == 200
                asked.clear()
                await reading.take()
                # The first was read before it began; the next is offered, and none beyond it is read.
                await reading.offered()
                assert len(asked) == 1
                await reading.rest()
                assert len(asked) > 5

        in_loop(scenario)


def _asked(store: SqlStore) -> list[str]:
    """The statements that a store asks from now on."""
    asked: list[str] = []
    event.listen(
        store.engine, "before_cursor_execute", lambda _, __, statement, *___: asked.append(statement), named=False
    )
    return asked


def test_pieces_arrive_before_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Over a socket: the server waits with its second batch until the client has read from the first."""
    monkeypatch.setattr(BATCH, 10)
    arrived = threading.Event()
    with sqlite_store(tmp_path) as store, serving_shop(demo_shop(store)) as served:
        headers = log_in(served.client, demo.STAFF)
        batches: list[str] = []

        def hold(_: Any, __: Any, statement: str, *___: Any) -> None:
            if "FROM products" in statement:
                batches.append(statement)
                assert len(batches) == 1 or arrived.wait(30)

        event.listen(store.engine, "before_cursor_execute", hold)
        with _plain(served, "/product", headers) as connection:
            assert b'[{"id":1,' in _until_seen(connection, b'"id":10,')
            arrived.set()
            assert _until_seen(connection, b"0\r\n\r\n").endswith(b"]\r\n0\r\n\r\n")


def _plain(served: Served, path: str, headers: dict[str, str]) -> socket.socket:
    url = served.client.base_url
    connection = socket.create_connection((url.host, url.port or 0), timeout=30)
    lines = [f"GET {path} HTTP/1.1", "Host: shop", *(f"{name}: {value}" for name, value in headers.items())]
    connection.sendall("\r\n".join([*lines, "", ""]).encode())
    return connection


def _until_seen(connection: socket.socket, wanted: bytes) -> bytes:
    seen = b""
    while wanted not in seen:
        part = connection.recv(65_536)
        assert part, "the connection ended"
        seen += part
    return seen


def test_a_list_that_breaks_off_is_not_taken_for_a_whole_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, logged: list[MutableMapping[str, Any]]
) -> None:
    """A row is damaged: in the first batch that is a 503, in a later one the connection breaks. Both are logged."""
    with sqlite_store(tmp_path) as store, serving_shop(demo_shop(store)) as served:
        headers = log_in(served.client, demo.STAFF)
        with closing(sqlite3.connect(tmp_path / "sellout.db")) as file, file:
            file.execute("UPDATE products SET added_on = 'xx23-04-07' WHERE id = 30")
        refused = served.client.get("/product", headers=headers)
        problem_of(refused, 503, "unavailable_now")
        assert refused.headers["retry-after"]
        assert served.client.get("/product?limit=20", headers=headers).status_code == 200
        monkeypatch.setattr(BATCH, 10)
        with pytest.raises(httpx2.RemoteProtocolError):
            served.client.get("/product", headers=headers)
        assert [event["event"] for event in logged] == ["unavailable"] * 2
        assert {event["route"] for event in logged} == {"/product"}
        assert served.client.get("/product?after=30", headers=headers).status_code == 200


def test_a_database_that_goes_away_breaks_a_list_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(BATCH, 1)
    with PERSISTENT["postgresql"](tmp_path) as store:
        shop, url = demo_shop(store), store.engine.url.set(drivername="postgresql")

        async def scenario() -> None:
            app, token = create_app(shop), token_of(shop)
            async with running(app):
                reading = Held(app, "/product", token)
                assert await reading.status() == 200
                with psycopg.connect(url.render_as_string(hide_password=False), autocommit=True) as other:
                    other.execute(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                    )
                with pytest.raises(AssertionError, match="no more to take"):
                    await reading.rest()
                await reading.answering
                assert json.loads(await _whole(app, token))

        in_loop(scenario)


@pytest.mark.parametrize("taken", [0, 1, 3])
def test_a_client_that_goes_away_makes_room_at_once(
    store: Store, monkeypatch: pytest.MonkeyPatch, logged: list[MutableMapping[str, Any]], taken: int
) -> None:
    """Wherever it had got to. It is nobody's fault, so nothing is said of it."""
    monkeypatch.setattr(BATCH, 1)
    shop = demo_shop(store)

    async def scenario() -> None:
        app, token = create_app(shop, list_threads=1, list_seconds=3600), token_of(shop)
        async with running(app):
            reading = Held(app, "/product", token)
            for _ in range(taken):
                await reading.take()
            reading.leave()
            await reading.answering
            assert json.loads(await _whole(app, token))

    in_loop(scenario)
    assert logged == []


def test_a_client_that_stops_reading_is_cut_off(
    store: Store, monkeypatch: pytest.MonkeyPatch, logged: list[MutableMapping[str, Any]]
) -> None:
    """And makes room for others; that it was so is logged."""
    monkeypatch.setattr(BATCH, 1)
    shop = demo_shop(store)

    async def scenario() -> None:
        app, token = create_app(shop, list_threads=1, list_seconds=1), token_of(shop)
        async with running(app):
            reading = Held(app, "/product", token)
            assert await reading.status() == 200
            await reading.take()
            await reading.answering
            # A short one: on a busy machine each of its pieces could be taken late.
            assert json.loads(await _whole(app, token, "/user"))

    in_loop(scenario)
    assert [event["event"] for event in logged] == ["too slow"]


def test_a_client_that_takes_forever_is_cut_off(
    store: Store, monkeypatch: pytest.MonkeyPatch, logged: list[MutableMapping[str, Any]]
) -> None:
    """However steadily it reads: the snapshot it holds costs the database."""
    monkeypatch.setattr(BATCH, 1)
    shop = demo_shop(store)

    async def scenario() -> None:
        app, token = create_app(shop), token_of(shop)
        async with running(app):
            reading = Held(app, "/product", token)
            assert await reading.status() == 200
            monkeypatch.setattr("sellout_http.runtime.streaming.MAX_SECONDS", 0.0)
            with pytest.raises(AssertionError, match="no more to take"):
                await reading.rest()

    in_loop(scenario)
    assert [event["event"] for event in logged] == ["too slow"]


def test_lists_beyond_those_read_at_once_wait_and_too_many_are_told_to_come_back(store: Store) -> None:
    shop = demo_shop(store)

    async def scenario() -> None:
        app, token = create_app(shop, list_threads=1, list_seconds=3600), token_of(shop)
        async with running(app):
            first = Held(app, "/product", token)
            assert await first.status() == 200
            waiting = [Held(app, "/user", token) for _ in range(WAITING_LISTS)]
            await asyncio.sleep(0)
            refused = Held(app, "/user", token)
            start = await refused.take()
            assert start["status"] == 503
            assert dict(start["headers"])[b"retry-after"]
            await refused.rest()
            # A part is no long list, and one that waits and goes away makes room for another.
            assert json.loads(await _whole(app, token, "/user?limit=1"))
            gone = waiting.pop()
            gone.leave()
            await gone.answering
            waiting.append(Held(app, "/user", token))
            assert json.loads(await first.rest())
            for one in waiting:
                assert await one.status() == 200
                assert json.loads(await one.rest())

    in_loop(scenario)


def test_a_shop_that_ends_breaks_lists_off(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for a client that does not read."""
    monkeypatch.setattr(BATCH, 1)
    shop = demo_shop(store)

    async def scenario() -> None:
        app, token = create_app(shop, list_seconds=3600), token_of(shop)
        async with running(app):
            reading = Held(app, "/product", token)
            assert await reading.status() == 200
            await reading.take()
        await reading.answering

    in_loop(scenario)


@pytest.mark.parametrize("kind", PERSISTENT)
def test_a_lists_line_counts_all_of_its_statements(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One to know the caller and one a batch; HEAD reads a batch, to know that there is an answer."""
    monkeypatch.setattr(BATCH, 10)
    lines = Lines()
    with PERSISTENT[kind](tmp_path) as store:
        shop = demo_shop(store)
        with serving_shop(shop, log=lines) as served:
            headers = log_in(served.client, demo.STAFF)
            whole = served.client.get("/product", headers=headers)
            assert lines.statements(whole) == 1 + -(-len(whole.json()) // 10)
            assert lines.statements(served.client.head("/product", headers=headers)) == 2
