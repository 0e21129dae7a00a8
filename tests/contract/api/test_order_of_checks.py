"""The cheapest check comes first: rights before the query, the body and the place in a queue, rate limits before the
hash.
"""

import asyncio
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs

import pytest

from sellout_adapters import demo
from sellout_adapters.testing.scene import HeldClock
from sellout_core.ports.store import Store
from sellout_http.api.operations import Operation
from sellout_http.api.rate_limits import Limits
from sellout_http.app import create_app
from sellout_http.runtime.asgi import Message
from sellout_http.runtime.threads import LIST_THREADS, SEARCH_THREADS
from tests.contract.support.requests import OPERATION_NAMES, WITH_BODY, path_of, valid_body
from tests.contract.support.shop import (
    CUSTOMER_ID,
    STAFF_ID,
    Served,
    demo_shop,
    log_in,
    problem_of,
    serving_shop,
    shop_over,
)
from tests.contract.support.slow import lifespan_of

pytestmark = pytest.mark.http

Headers = dict[str, str]
LIMITED = Limits(logins_per_account=2, logins_per_address=100, registrations_per_address=1)


@pytest.fixture
def callers(store: Store, clock: HeldClock) -> dict[str, Headers]:
    """Loads the demo. Returns the headers of an anonymous caller, staff, a customer, and a customer (`gone`) who has
    logged out.
    """
    with serving_shop(demo_shop(store, clock)) as served:
        found = {name: log_in(served.client, name) for name in (demo.STAFF, demo.CUSTOMER)}
        found["gone"] = log_in(served.client, demo.CUSTOMER)
        assert served.client.post("/user/logout", headers=found["gone"]).status_code == 200
        return {"": {}, **found}


@pytest.fixture
def full_server(
    store: Store, clock: HeldClock, callers: dict[str, Headers], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Served]:
    """The same shop with no free place for lists, searches and hashes."""
    monkeypatch.setattr("sellout_http.app.WAITING_LISTS", -LIST_THREADS)
    monkeypatch.setattr("sellout_http.app.WAITING_SEARCHES", -SEARCH_THREADS)
    assert callers
    shop = shop_over(store, clock)
    with serving_shop(shop, hash_threads=1, hash_queue=-1, limits=LIMITED) as served:
        yield served


@pytest.mark.parametrize("path", ["/order/orders", "/user", "/product"])
def test_a_refused_caller_takes_no_place_of_a_list(full_server: Served, callers: dict[str, Headers], path: str) -> None:
    for name, query, status, code in (
        (demo.STAFF, "", 503, "unavailable_now"),
        (demo.STAFF, "?x=1", 422, "invalid_fields"),
        (demo.CUSTOMER, "", 403, "forbidden"),
        ("gone", "", 401, "unauthenticated"),
        ("", "", 401, "unauthenticated"),
    ):
        problem_of(full_server.client.get(path + query, headers=callers[name]), status, code)


@pytest.mark.parametrize("path", ["/product/facets?q=a", "/product/all/1?q=a"])
def test_a_refused_caller_takes_no_place_of_a_search(
    full_server: Served, callers: dict[str, Headers], path: str
) -> None:
    for name, query, status, code in (
        ("", "", 503, "unavailable_now"),
        (demo.STAFF, "", 503, "unavailable_now"),
        ("", "&x=1", 422, "invalid_fields"),
        (demo.CUSTOMER, "&x=1", 422, "invalid_fields"),
        ("gone", "", 401, "unauthenticated"),
    ):
        problem_of(full_server.client.get(path + query, headers=callers[name]), status, code)


def test_an_attempt_over_its_limit_takes_no_place_of_a_hash(
    store: Store, clock: HeldClock, full_server: Served, callers: dict[str, Headers]
) -> None:
    """The attempts use up their limits on a server that has free places."""
    wrong = {"username": demo.STAFF, "password": "wrong"}
    change, passwords = f"/user/change_password/{CUSTOMER_ID}", {"old_password": "wrong", "new_password": "long enough"}
    attempts: list[tuple[Headers, str, Any]] = [
        ({}, "/user/login", wrong),
        ({}, "/user/register", valid_body(OPERATION_NAMES["register"])),
        (callers[demo.CUSTOMER], change, passwords),
    ]
    with serving_shop(shop_over(store, clock), limits=LIMITED) as usual:
        for headers, path, sent in attempts:
            while usual.client.post(path, json=sent, headers=headers).status_code != 429:
                pass
    for headers, path, sent in attempts:
        assert full_server.client.post(path, json=sent, headers=headers).status_code == 429, path


def test_an_attempt_that_finds_no_place_of_a_hash_is_not_counted(
    full_server: Served, callers: dict[str, Headers]
) -> None:
    """The same is true of a caller without rights and of an invalid body: they ask for no place."""
    body = {"username": demo.STAFF, "password": "wrong"}
    change = "/user/change_password/{}".format
    passwords = valid_body(OPERATION_NAMES["change_password"])
    for headers, path, sent, status in (
        ({}, "/user/login", {"username": 1}, 422),
        ({}, "/user/login", body, 503),
        ({}, "/user/register", valid_body(OPERATION_NAMES["register"]), 503),
        (callers[""], change(CUSTOMER_ID), passwords, 401),
        (callers["gone"], change(CUSTOMER_ID), passwords, 401),
        (callers[demo.CUSTOMER], change(1), passwords, 403),
        (callers[demo.CUSTOMER], change(CUSTOMER_ID), passwords, 503),
    ):
        found = {full_server.client.post(path, json=sent, headers=headers).status_code for _ in range(4)}
        assert found == {status}, path


@pytest.mark.parametrize("name", [name for name, operation in WITH_BODY.items() if "user_id" in operation.id_names])
def test_the_body_of_a_refused_caller_is_not_received(
    store: Store, clock: HeldClock, callers: dict[str, Headers], name: str
) -> None:
    """The client waits for `100 Continue` before it sends the body."""
    operation, refused = WITH_BODY[name], [("", 401), ("gone", 401), (demo.CUSTOMER, 403)]

    async def scenario() -> list[int]:
        app = create_app(shop_over(store, clock))
        async with lifespan_of(app):
            return [await status_without_body(app, operation, callers[name]) for name, _ in refused]

    assert asyncio.run(scenario()) == [status for _, status in refused]


async def status_without_body(app: Any, operation: Operation, headers: Headers) -> int:
    """Sends a request whose body must not be received, and returns the status."""
    sent = list[Message]()
    announced = {"content-type": "application/json", "content-length": "10", "expect": "100-continue", **headers}
    scope = {
        "type": "http",
        "method": operation.method,
        "path": path_of(operation, user_id=STAFF_ID),
        "query_string": b"",
        "headers": [(key.lower().encode(), value.encode()) for key, value in announced.items()],
        "client": ("127.0.0.1", 1),
    }

    async def receive() -> Message:
        raise AssertionError("the body was received")

    async def send(message: Message) -> None:
        sent.append(message)

    await app(scope, receive, send)
    return int(sent[0]["status"])


@pytest.mark.parametrize(
    ("path", "name", "times"),
    [
        ("/product/all/2?page_size=1&brand=1", "", 1),
        ("/product/all/2?page_size=1&brand=2", demo.CUSTOMER, 1),
        ("/product/facets?brand=1", "", 1),
        ("/order/orders?limit=1", demo.STAFF, 1),
        ("/order/orders?after=1", demo.STAFF, 1),
        ("/order/orders?after=1", demo.CUSTOMER, 0),
        ("/order/orders?after=1", "", 0),
        ("/product/all/1?after=1", "gone", 0),
    ],
)
def test_a_query_is_parsed_once_for_a_caller_with_rights(
    store: Store,
    clock: HeldClock,
    callers: dict[str, Headers],
    monkeypatch: pytest.MonkeyPatch,
    path: str,
    name: str,
    times: int,
) -> None:
    parsed = list[str]()

    def noted(query: str, **options: Any) -> Any:
        parsed.append(query)
        return parse_qs(query, **options)

    monkeypatch.setattr("sellout_http.api.queries.query_parameters.parse_qs", noted)
    with serving_shop(shop_over(store, clock)) as served:
        served.client.get(path, headers=callers[name])
    assert len(parsed) == times


def test_the_nearest_parameter_is_looked_for_a_few_times(
    store: Store, clock: HeldClock, callers: dict[str, Headers]
) -> None:
    """Only some unknown names get a suggestion, because comparing names is the slowest part of such a request. All
    unknown names are reported.
    """
    with serving_shop(shop_over(store, clock)) as served:
        query = "&".join(f"brand{number}=1" for number in range(60))
        response = served.client.get(f"/product/all/1?{query}", headers=callers[demo.STAFF])
        fields = problem_of(response, 422, "invalid_fields")["fields"]
    assert [field["parameter"] for field in fields] == [f"brand{number}" for number in range(60)]
    assert ["nearest" in field["detail"] for field in fields] == [True] * 8 + [False] * 52
