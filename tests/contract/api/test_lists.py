"""Long lists: streamed as a whole, read in pages, and interrupted."""

import asyncio
import json
import socket
import sqlite3
import threading
from collections.abc import Callable, Coroutine, MutableMapping
from contextlib import closing
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx2
import psycopg
import pytest
from sqlalchemy import event

from sellout_adapters import demo
from sellout_adapters.sql import SqlStore
from sellout_core.ports.store import Store
from sellout_core.shop import Shop
from sellout_core.use_cases.people import sessions
from sellout_http.app import create_app
from sellout_http.runtime.threads import WAITING_LISTS
from tests.contract.conftest import PERSISTENT, sqlite_store
from tests.contract.sql.test_statement_budget import Lines
from tests.contract.support.buyer import change_product, newcomer, staff
from tests.contract.support.shop import Served, demo_shop, log_in, problem_of, serving_shop
from tests.contract.support.slow import SlowClient, lifespan_of

LISTS: Final = {
    "/product": "/product/{}",
    "/user": "/user/{}",
    "/order/orders": "/order/info/{}",
    "/order/user_orders": "/order/info/{}",
    "/order/user_orders/1": "/order/info/{}",
}
BATCH: Final = "sellout_core.ports.lists.BATCH"


def token_of(shop: Shop) -> str:
    """An access token of the demo's staff."""
    return sessions.log_in(shop, demo.STAFF, demo.PASSWORD).access


def in_loop(scenario: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Runs the scenario in an event loop, for 60 seconds at most."""
    asyncio.run(asyncio.wait_for(scenario(), 60))


@pytest.fixture
def busy(client: httpx2.Client) -> httpx2.Client:
    """A client of the demo shop with more users and orders."""
    for number in range(4):
        buyer = newcomer(client, f"buyer{number}")
        buyer.fill_cart(1, 2)
        buyer.order(1)
        buyer.order(2)
    boss = staff(client)
    boss.order(*boss.cart())
    for _ in range(3):
        boss.fill_cart(1, 2)
        boss.order(1)
        boss.order(2)
    return client


@pytest.mark.parametrize("batch", [1, 3, 100])
def test_a_list_is_whole_however_it_is_read(busy: httpx2.Client, monkeypatch: pytest.MonkeyPatch, batch: int) -> None:
    """Each item equals the document of the single object. Items are in the order of their ids, and there is no Link
    header.
    """
    monkeypatch.setattr(BATCH, batch)
    boss = staff(busy)
    for path, one in LISTS.items():
        response = boss.request("GET", path)
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
            assert [document] == (alone if path.startswith("/order") else [alone])
        assert boss.request("GET", one.format(ids[-1] + 1)).status_code == 404


@pytest.mark.http
@pytest.mark.parametrize("prefix", ["", "/api/v1"])
@pytest.mark.parametrize("limit", [1, 2, 7, 1000])
def test_parts_lead_through_the_whole_list(busy: httpx2.Client, prefix: str, limit: int) -> None:
    """The pages hold each item once. Links keep the prefix and the limit. The last page has no link."""
    boss = staff(busy)
    for path in LISTS:
        whole = boss.get(path)
        seen: list[Any] = []
        following: str | None = f"{prefix}{path}?limit={limit}"
        while following is not None:
            response = boss.request("GET", following)
            part = response.json()
            assert 0 < len(part) <= limit
            seen += part
            links = {rel: link["url"] for rel, link in response.links.items()}
            assert links in ({}, {"next": f"{prefix}{path}?limit={limit}&after={part[-1]['id']}"})
            following = links.get("next")
        assert seen == whole


@pytest.mark.http
def test_a_list_may_begin_after_an_id(busy: httpx2.Client) -> None:
    """`after` works with and without a limit. The list after the last id is empty."""
    boss = staff(busy)
    for path in LISTS:
        whole = boss.get(path)
        assert boss.get(f"{path}?after=0") == whole
        assert boss.get(f"{path}?after={whole[2]['id']}") == whole[3:]
        assert boss.get(f"{path}?limit=2&after={whole[2]['id']}") == whole[3:5]
        for after in (whole[-1]["id"], 2**53 - 1):
            assert boss.get(f"{path}?after={after}") == []
            nothing = boss.request("GET", f"{path}?after={after}&limit=1")
            assert (nothing.json(), nothing.links) == ([], {})
        exactly = boss.request("GET", f"{path}?limit={len(whole)}")
        assert (exactly.json(), exactly.links) == (whole, {})


@pytest.mark.http
def test_an_empty_list_is_an_empty_array(store: Store) -> None:
    shop = demo_shop(store)
    with serving_shop(shop) as served:
        assert served.client.get("/order/orders?after=1000", headers=log_in(served.client, demo.STAFF)).text == "[]"


@pytest.mark.http
def test_rights_are_checked_before_the_parameters_of_a_list(shared: Served) -> None:
    """The caller gets the refusal, and no part of the list."""
    customer = log_in(shared.client, demo.CUSTOMER)
    for path in LISTS:
        for query in ("", "?limit=0", "?after=x", "?limit=1&limit=1"):
            problem_of(shared.client.get(path + query), 401, "unauthenticated")
            if path != "/order/user_orders":
                problem_of(shared.client.get(path + query, headers=customer), 403, "forbidden")


def test_a_list_shows_one_state_however_long_it_takes(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A change during the response appears in the next response, in no part of this one."""
    monkeypatch.setattr(BATCH, 1)
    shop = demo_shop(store)

    async def scenario() -> None:
        app, token = create_app(shop), token_of(shop)
        async with lifespan_of(app):
            before = await _whole_list(app, token)
            reading = SlowClient(app, "/product", token)
            assert await reading.status() == 200
            first = (await reading.take())["body"]
            last = json.loads(before)[-1]["id"]
            await asyncio.to_thread(change_product, shop, last, name="Another name")
            assert first + await reading.rest_of_body() == before
            after = json.loads(await _whole_list(app, token))
            assert [document["name"] for document in after if document["id"] == last] == ["Another name"]

    in_loop(scenario)


async def _whole_list(app: Any, token: str, path: str = "/product") -> bytes:
    reading = SlowClient(app, path, token)
    assert await reading.status() == 200
    return await reading.rest_of_body()


def test_a_batch_is_read_when_the_one_before_was_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So a slow client makes the shop hold no more than a batch ahead of it."""
    monkeypatch.setattr(BATCH, 5)
    with sqlite_store(tmp_path) as store:
        shop, statements = demo_shop(store), _recorded_statements(store)

        async def scenario() -> None:
            app, token = create_app(shop), token_of(shop)
            async with lifespan_of(app):
                reading = SlowClient(app, "/product", token)
                assert await reading.status() == 200
                statements.clear()
                await reading.take()
                # The first batch was read before the response began. The next one is offered, and no further one is
                # read.
                await reading.next_message()
                assert len(statements) == 1
                await reading.rest_of_body()
                assert len(statements) > 5

        in_loop(scenario)


def _recorded_statements(store: SqlStore) -> list[str]:
    """Records the statements that a store executes from now on."""
    statements: list[str] = []
    event.listen(
        store.engine, "before_cursor_execute", lambda _, __, statement, *___: statements.append(statement), named=False
    )
    return statements


def test_pieces_arrive_before_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server holds its second batch until the client has received the first, over a socket."""
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
        with _get_over_socket(served, "/product", headers) as connection:
            assert b'[{"id":1,' in _receive_until(connection, b'"id":10,')
            arrived.set()
            assert _receive_until(connection, b"0\r\n\r\n").endswith(b"]\r\n0\r\n\r\n")


def _get_over_socket(served: Served, path: str, headers: dict[str, str]) -> socket.socket:
    url = served.client.base_url
    connection = socket.create_connection((url.host, url.port or 0), timeout=30)
    lines = [f"GET {path} HTTP/1.1", "Host: shop", *(f"{name}: {value}" for name, value in headers.items())]
    connection.sendall("\r\n".join([*lines, "", ""]).encode())
    return connection


def _receive_until(connection: socket.socket, wanted: bytes) -> bytes:
    seen = b""
    while wanted not in seen:
        part = connection.recv(65_536)
        assert part, "the connection ended"
        seen += part
    return seen


def test_a_list_that_breaks_off_is_not_taken_for_a_whole_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, logged: list[MutableMapping[str, Any]]
) -> None:
    """A row is damaged. In the first batch that is a 503. In a later one the connection breaks off. Both are logged."""
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
            async with lifespan_of(app):
                reading = SlowClient(app, "/product", token)
                assert await reading.status() == 200
                with psycopg.connect(url.render_as_string(hide_password=False), autocommit=True) as other:
                    other.execute(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                    )
                with pytest.raises(AssertionError, match="no more to take"):
                    await reading.rest_of_body()
                await reading.answering
                assert json.loads(await _whole_list(app, token))

        in_loop(scenario)


@pytest.mark.parametrize("taken", [0, 1, 3])
def test_a_client_that_goes_away_makes_room_at_once(
    store: Store, monkeypatch: pytest.MonkeyPatch, logged: list[MutableMapping[str, Any]], taken: int
) -> None:
    """A client may disconnect at any point. That is not an error, and it is not logged."""
    monkeypatch.setattr(BATCH, 1)
    shop = demo_shop(store)

    async def scenario() -> None:
        app, token = create_app(shop, list_threads=1, list_seconds=3600), token_of(shop)
        async with lifespan_of(app):
            reading = SlowClient(app, "/product", token)
            for _ in range(taken):
                await reading.take()
            reading.disconnect()
            await reading.answering
            assert json.loads(await _whole_list(app, token))

    in_loop(scenario)
    assert logged == []


def test_a_client_that_stops_reading_is_cut_off(
    store: Store, monkeypatch: pytest.MonkeyPatch, logged: list[MutableMapping[str, Any]]
) -> None:
    """Its place is free for other lists. The log says that the client was too slow."""
    monkeypatch.setattr(BATCH, 1)
    shop = demo_shop(store)

    async def scenario() -> None:
        app, token = create_app(shop, list_threads=1, list_seconds=1), token_of(shop)
        async with lifespan_of(app):
            reading = SlowClient(app, "/product", token)
            assert await reading.status() == 200
            await reading.take()
            await reading.answering
            # A short list: on a busy machine each piece of a long one could be taken too late.
            assert json.loads(await _whole_list(app, token, "/user"))

    in_loop(scenario)
    assert [event["event"] for event in logged] == ["too slow"]


def test_lists_beyond_those_read_at_once_wait_and_too_many_are_told_to_come_back(store: Store) -> None:
    shop = demo_shop(store)

    async def scenario() -> None:
        app, token = create_app(shop, list_threads=1, list_seconds=3600), token_of(shop)
        async with lifespan_of(app):
            first = SlowClient(app, "/product", token)
            assert await first.status() == 200
            waiting = [SlowClient(app, "/user", token) for _ in range(WAITING_LISTS + 1)]
            offers = {asyncio.ensure_future(one.next_message()): one for one in waiting}
            (offered,), others = await asyncio.wait(offers, return_when=asyncio.FIRST_COMPLETED)
            for offer in others:
                offer.cancel()
            refused = offers[offered]
            waiting.remove(refused)
            start = await refused.take()
            assert start["status"] == 503
            assert dict(start["headers"])[b"retry-after"]
            await refused.rest_of_body()
            # A page is no long list and needs no place. A waiting client that disconnects frees its place.
            assert json.loads(await _whole_list(app, token, "/user?limit=1"))
            gone = waiting.pop()
            gone.disconnect()
            await gone.answering
            waiting.append(SlowClient(app, "/user", token))
            assert json.loads(await first.rest_of_body())
            for one in waiting:
                assert await one.status() == 200
                assert json.loads(await one.rest_of_body())

    in_loop(scenario)


def test_a_shop_that_ends_breaks_lists_off(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that does not read does not delay the shutdown."""
    monkeypatch.setattr(BATCH, 1)
    shop = demo_shop(store)

    async def scenario() -> None:
        app, token = create_app(shop, list_seconds=3600), token_of(shop)
        async with lifespan_of(app):
            reading = SlowClient(app, "/product", token)
            assert await reading.status() == 200
            await reading.take()
        await reading.answering

    in_loop(scenario)


@pytest.mark.parametrize("kind", PERSISTENT)
def test_a_lists_line_counts_all_of_its_statements(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The log counts one statement for the caller and one for each batch. HEAD reads one batch, because an error there
    would be a 503.
    """
    monkeypatch.setattr(BATCH, 10)
    lines = Lines()
    with PERSISTENT[kind](tmp_path) as store:
        shop = demo_shop(store)
        with serving_shop(shop, log=lines) as served:
            headers = log_in(served.client, demo.STAFF)
            # The first list also reads the reference tables.
            served.client.get("/product", headers=headers)
            whole = served.client.get("/product", headers=headers)
            assert lines.statements(whole) == 1 + -(-len(whole.json()) // 10)
            assert lines.statements(served.client.head("/product", headers=headers)) == 2


@pytest.mark.http
def test_a_filtered_list_is_read_in_parts_with_its_filters(busy: httpx2.Client) -> None:
    """The link to the next part has the filters of the first, encoded."""
    boss = staff(busy)
    whole = boss.get("/order/orders")
    buyer = whole[-1]["user"]["id"]
    filters = {"status": "pending", "buyer": buyer, "from": "2000-01-01T00:00:00+03:00", "to": "2999-01-01"}
    own = [order for order in whole if order["user"]["id"] == buyer]
    assert 2 < len(own) < len(whole)
    assert boss.get(f"/order/orders?{urlencode(filters)}") == own
    seen: list[Any] = []
    following: str | None = f"/order/orders?{urlencode({**filters, 'limit': 2})}"
    while following is not None:
        response = boss.request("GET", following)
        seen += response.json()
        following = response.links["next"]["url"] if response.links else None
        if following is not None:
            sent = parse_qs(urlsplit(following).query)
            assert sent == {name: [str(value)] for name, value in filters.items()} | {
                "limit": ["2"],
                "after": [str(seen[-1]["id"])],
            }
    assert seen == own
    assert boss.get("/order/orders?to=2000-01-01") == []


@pytest.mark.http
def test_orders_are_found_by_the_sku_of_a_product(busy: httpx2.Client) -> None:
    boss = staff(busy)
    whole = boss.get("/order/orders")
    skus = {order["id"]: {unit["product"]["sku"] for unit in order["product_unit"]} for order in whole}
    for sku in {sku for each in skus.values() for sku in each}:
        found = [order["id"] for order in boss.get(f"/order/orders?{urlencode({'sku': sku})}")]
        assert found == [order_id for order_id, each in skus.items() if sku in each]
    assert boss.get("/order/orders?sku=unknown") == []


@pytest.mark.http
@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("status=Pending", "not_one_of"),
        ("status=", "too_short"),
        (f"status={'x' * 151}", "too_long"),
        ("status=pending&status=pending", "repeated"),
        ("buyer=0", "out_of_range"),
        ("buyer=9007199254740992", "out_of_range"),
        ("buyer=anna", "wrong_type"),
        ("from=yesterday", "malformed"),
        ("to=2026-02-30", "malformed"),
        ("sku=", "too_short"),
        (f"sku={'x' * 101}", "too_long"),
        ("sku=%00", "character_not_allowed"),
        ("sku=a&sku=b", "repeated"),
    ],
)
@pytest.mark.parametrize("limit", ["", "&limit=1"])
def test_a_bad_filter_of_orders_is_refused(shared: Served, query: str, code: str, limit: str) -> None:
    """Also of a list that would be streamed: nothing of it is sent."""
    response = shared.client.get(f"/order/orders?{query}{limit}", headers=log_in(shared.client, demo.STAFF))
    [field] = problem_of(response, 422, "invalid_fields")["fields"]
    assert (field["parameter"], field["code"]) == (query.partition("=")[0], code)
