"""How often something may be tried: exactly so often, over every store and Redis, and by every process together."""

import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import attrs
import httpx2
import pytest
from sqlalchemy import select

from sellout_adapters import demo
from sellout_adapters.redis_counter import RedisCounter
from sellout_adapters.sql import SqlStore
from sellout_adapters.sql.schema.shop_tables import counters
from sellout_adapters.testing.laws.races import racing
from sellout_adapters.testing.scene import HeldClock
from sellout_core.errors import Unavailable
from sellout_core.ports.store import Count, Store
from sellout_http.api.rate_limits import LOGINS_PER_ACCOUNT, REFUSED_PROMO_CODES, Counter, Limiter, Limits, StoreCounter
from sellout_http.middleware.forwarded_headers import Proxies
from sellout_http.routes import OPERATIONS
from sellout_http.settings.model import load
from sellout_http.site.openapi import codes
from tests.contract import conftest
from tests.contract.support.buyer import noadmin
from tests.contract.support.command import Run, Server, serving
from tests.contract.support.requests import CHECKOUT, OPERATION_NAMES
from tests.contract.support.shop import Served, demo_shop, log_in, problem_of, serving_shop, shop_over
from tests.servers.redis import redis_server

MINUTE = timedelta(minutes=1)
WRONG = "wrong"
LIMITS = Limits(logins_per_account=5, logins_per_address=10, registrations_per_address=5, refused_promo_codes=10)


@cache
def redis_url() -> str:
    return conftest.UNTIL_THE_END.enter_context(redis_server())


@pytest.fixture(params=[*conftest.STORES, "redis"])
def counter(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Counter]:
    """Each way to count."""
    if request.param == "redis":
        yield RedisCounter(redis_url(), timeout=5)
        return
    with conftest.STORES[request.param](tmp_path) as store:
        yield StoreCounter(shop_over(store))


@contextmanager
def limited(store: Store, clock: HeldClock, limits: Limits = LIMITS, **options: Any) -> Iterator[Served]:
    """The demo shop at a held time, its tries limited."""
    with serving_shop(demo_shop(store, clock), limits=limits, **options) as served:
        yield served


@pytest.fixture
def shop(store: Store, clock: HeldClock) -> Iterator[Served]:
    with limited(store, clock) as served:
        yield served


def try_to_log_in(client: httpx2.Client, username: str, password: str = WRONG, **headers: str) -> httpx2.Response:
    return client.post("/user/login", json={"username": username, "password": password}, headers=headers)


def statuses(count: int, call: Callable[[], httpx2.Response]) -> list[int]:
    return [call().status_code for _ in range(count)]


def test_each_try_gets_a_number_of_its_own(counter: Counter, tmp_path: Path) -> None:
    key = str(tmp_path)
    counts = racing(8, lambda _: [counter.add(key, MINUTE).number for _ in range(5)])
    assert sorted(number for mine in counts for number in mine) == list(range(1, 41))
    assert counter.add(f"{key} other", MINUTE).number == 1


def test_what_is_taken_back_was_never_tried(counter: Counter, tmp_path: Path) -> None:
    key = str(tmp_path)
    first, second = counter.add(key, MINUTE), counter.add(key, MINUTE)
    assert first.ends_at == second.ends_at
    counter.take_back(key, second)
    assert counter.add(key, MINUTE) == second
    counter.take_back(key, Count(1, first.ends_at - MINUTE))
    counter.take_back(f"{key} never counted", first)
    assert counter.add(key, MINUTE).number == 3
    assert counter.add(f"{key} never counted", MINUTE).number == 1


def test_redis_begins_anew_when_a_count_is_over() -> None:
    counter = RedisCounter(redis_url(), timeout=5)
    before = counter.add("short", timedelta(milliseconds=20))
    while (after := counter.add("short", timedelta(milliseconds=20))).ends_at == before.ends_at:
        before = after
    assert after.number == 1
    assert abs(after.ends_at - datetime.now(UTC)) < MINUTE
    counter.take_back("short", before)


def test_redis_that_does_not_answer_is_a_503(store: Store, clock: HeldClock) -> None:
    """Nobody may guess as often as they like meanwhile."""
    away = RedisCounter("redis://127.0.0.1:1/0", timeout=1)
    with pytest.raises(Unavailable):
        away.add("key", MINUTE)
    with limited(store, clock, counter=away) as shop:
        problem_of(try_to_log_in(shop.client, demo.STAFF, demo.PASSWORD), 503, "unavailable_now")
        assert shop.client.get("/product/all/1").status_code == 200


def test_five_log_ins_a_minute_to_one_account(shop: Served, clock: HeldClock) -> None:
    """Right or wrong, under any spelling of its name, and whether there is such a user or not."""
    for username in (demo.STAFF, "nobody at all"):
        spelled = [username, username.upper(), username.title()]
        counted = [try_to_log_in(shop.client, spelled[n % 3]).status_code for n in range(5)]
        assert counted == [401] * 5
        refused = try_to_log_in(shop.client, username, demo.PASSWORD)
        problem_of(refused, 429, "too_many_requests")
        assert refused.headers["retry-after"] == "60"
        assert refused.headers["ratelimit"] == '"logins_per_account";r=0;t=60'
        assert refused.headers["ratelimit-policy"] == '"logins_per_account";q=5;w=60'
        clock.advance(seconds=59.5)
        assert try_to_log_in(shop.client, username, demo.PASSWORD).headers["retry-after"] == "1"
        clock.advance(seconds=0.5)
    assert try_to_log_in(shop.client, demo.STAFF, demo.PASSWORD).status_code == 200


def test_ten_log_ins_a_minute_from_one_address(shop: Served, clock: HeldClock) -> None:
    """What is refused for its address does not count against the account."""
    assert [try_to_log_in(shop.client, f"user{n}").status_code for n in range(10)] == [401] * 10
    for _ in range(6):
        refused = try_to_log_in(shop.client, demo.CUSTOMER)
        problem_of(refused, 429, "too_many_requests")
        assert refused.headers["ratelimit-policy"] == '"logins_per_address";q=10;w=60'
    clock.advance(seconds=60)
    assert statuses(6, lambda: try_to_log_in(shop.client, demo.CUSTOMER)) == [401] * 5 + [429]


def test_what_is_no_try_is_not_counted(shop: Served) -> None:
    """Malformed requests name nobody."""
    bodies: list[Any] = [{}, {"username": demo.STAFF}, {"username": demo.STAFF, "password": 1}, []]
    assert [shop.client.post("/user/login", json=body).status_code for body in bodies * 4] == [422] * 16
    assert try_to_log_in(shop.client, demo.STAFF, demo.PASSWORD).status_code == 200


def test_five_registrations_a_minute_from_one_address(shop: Served, clock: HeldClock) -> None:
    def register(n: int) -> httpx2.Response:
        return shop.client.post("/user/register", json={"username": f"user{n}", "password": "long enough"})

    assert [register(n).status_code for n in (1, 1, 2, 3, 4)] == [201, 409, 201, 201, 201]
    problem_of(register(5), 429, "too_many_requests")
    clock.advance(minutes=1)
    assert register(5).status_code == 201


def test_a_password_is_not_guessed_with_a_stolen_token(shop: Served) -> None:
    for user in (demo.STAFF, demo.CUSTOMER):
        headers = log_in(shop.client, user)
        me = {demo.STAFF: 1, demo.CUSTOMER: 2}[user]

        def guess(word: str, headers: dict[str, str] = headers, me: int = me) -> httpx2.Response:
            body = {"old_password": word, "new_password": "a better password"}
            return shop.client.post(f"/user/change_password/{me}", json=body, headers=headers)

        assert [guess(f"guess {n}").status_code for n in range(5)] == [422] * 5
        problem_of(guess(demo.PASSWORD), 429, "too_many_requests")


def test_ten_refused_promo_codes_in_ten_minutes(shop: Served, clock: HeldClock) -> None:
    """Wherever they are tried. Good ones, and checkouts without any, are as many as one likes."""
    buyer = noadmin(shop.client)

    def check(code: str) -> httpx2.Response:
        return buyer.ask("POST", "/promo/check/{me}", json={"promo_code": code, "product_unit": [1]})

    assert statuses(25, lambda: check(demo.PROMO_CODE)) == [200] * 25
    assert statuses(6, lambda: check("NOSUCH")) == [422] * 6
    assert statuses(4, lambda: buyer.check_out(1, promo_code="NOSUCH")) == [422] * 4
    for refused in (check("NOSUCH"), check(demo.PROMO_CODE), buyer.check_out(1, promo_code=demo.PROMO_CODE)):
        problem_of(refused, 429, "too_many_requests")
        assert refused.headers["ratelimit-policy"] == '"refused_promo_codes";q=10;w=600'
    other = log_in(shop.client, demo.STAFF)
    body = {**CHECKOUT, "product_unit": [1], "promo_code": "NOSUCH"}
    assert shop.client.post("/order/checkout/1", json=body, headers=other).status_code == 422
    assert buyer.check_out(1).status_code == 201
    clock.advance(minutes=10)
    assert check("NOSUCH").status_code == 409  # the cart is empty


def test_no_guess_slips_through_between_others(shop: Served) -> None:
    buyer = noadmin(shop.client)

    def check(_: int) -> int:
        body = {"promo_code": "NOSUCH", "product_unit": [1]}
        return buyer.ask("POST", "/promo/check/{me}", json=body).status_code

    assert sorted(racing(24, check)) == [422] * 10 + [429] * 14


@pytest.mark.parametrize("kind", conftest.PERSISTENT)
def test_what_is_kept_for_counting_names_nobody(tmp_path: Path, clock: HeldClock, kind: str) -> None:
    """Only a digest, and that is dropped once it is over."""

    def kept(store: SqlStore) -> list[str]:
        with store.engine.connect() as connection:
            return list(connection.scalars(select(counters.c.key).order_by(counters.c.key)))

    with conftest.PERSISTENT[kind](tmp_path) as store, limited(store, clock) as shop:
        try_to_log_in(shop.client, "somebody@mail.ru")
        found = kept(store)
        assert [re.sub("[0-9a-f]{64}", "digest", key) for key in found] == [
            "logins_per_account digest",
            "logins_per_address digest",
        ]
        clock.advance(minutes=2)
        try_to_log_in(shop.client, "somebody else")
        assert len(kept(store)) == 2
        assert not set(found) <= set(kept(store))


def test_a_limit_of_0_is_none(store: Store, clock: HeldClock) -> None:
    with limited(store, clock, Limits(logins_per_address=3)) as shop:
        assert statuses(4, lambda: try_to_log_in(shop.client, demo.STAFF)) == [401] * 3 + [429]
        for n in range(12):
            body = {"username": f"user{n}", "password": "long enough"}
            assert shop.client.post("/user/register", json=body).status_code == 201


def test_the_settings_default_to_what_is_documented(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load().limits == LIMITS
    monkeypatch.setenv("SELLOUT_LOGINS_PER_ACCOUNT", "0")
    assert load().limits == attrs.evolve(LIMITS, logins_per_account=0)


def test_a_demo_allows_twenty_times_the_tries_unless_it_is_told_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load({"demo": True}).limits == Limits(
        logins_per_account=100, logins_per_address=200, registrations_per_address=100, refused_promo_codes=200
    )
    monkeypatch.setenv("SELLOUT_LOGINS_PER_ACCOUNT", "5")
    assert load({"demo": True}).limits.logins_per_account == 5


def test_a_customer_logs_in_to_a_demo_as_often_as_a_tour_needs(store: Store, clock: HeldClock) -> None:
    body = {"username": demo.CUSTOMER, "password": demo.PASSWORD}
    with limited(store, clock, load({"demo": True}).limits) as shop:
        assert statuses(6, lambda: shop.client.post("/user/login", json=body)) == [200] * 6


def test_only_limited_operations_document_a_429() -> None:
    limited = {operation.handler.__name__ for operation in OPERATIONS if "too_many_requests" in codes(operation)}
    assert limited == {"log_in", "register", "change_password", "check_promo_code", "check_out"}
    assert all(OPERATION_NAMES[name].limits for name in limited)


FROM = "x-forwarded-for"


def test_nobody_chooses_their_own_address(store: Store, clock: HeldClock) -> None:
    """Without proxies that are known, what a request says of itself counts for nothing."""
    with limited(store, clock) as shop:
        for n in range(10):
            assert try_to_log_in(shop.client, f"user{n}", **{FROM: f"10.0.0.{n}"}).status_code == 401
        assert try_to_log_in(shop.client, "user", **{FROM: "10.0.0.99"}).status_code == 429


def test_behind_a_known_proxy_each_client_counts_alone(
    store: Store, clock: HeldClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SELLOUT_TRUSTED_PROXIES", "127.0.0.0/8, 10.0.0.0/8")
    with limited(store, clock, proxies=load().proxies) as shop:
        # Whatever the client put before what the proxy adds.
        for n in range(10):
            chain = f"1.2.3.{n}, 203.0.113.7, 10.0.0.{n}"
            assert try_to_log_in(shop.client, f"user{n}", **{FROM: chain}).status_code == 401
        assert try_to_log_in(shop.client, "user", **{FROM: "203.0.113.7"}).status_code == 429
        assert try_to_log_in(shop.client, "user", **{FROM: "203.0.113.8"}).status_code == 401


def scope(peer: str | None, scheme: str = "http", **headers: str) -> dict[str, Any]:
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return {"client": None if peer is None else (peer, 1), "scheme": scheme, "headers": raw}


@pytest.mark.parametrize(
    ("peer", "forwarded", "expected"),
    [
        ("203.0.113.7", "1.1.1.1", "203.0.113.7"),
        ("10.0.0.1", "203.0.113.7", "203.0.113.7"),
        ("10.0.0.1", "203.0.113.7:4711", "203.0.113.7"),
        ("10.0.0.1", "6.6.6.6, 203.0.113.7,10.0.0.2", "203.0.113.7"),
        ("10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3"),
        ("10.0.0.1", "203.0.113.7, unknown", "10.0.0.1"),
        ("10.0.0.1", "203.0.113.7, , 10.0.0.2", "10.0.0.2"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("::ffff:10.0.0.1", "203.0.113.7", "203.0.113.7"),
        ("10.0.0.1", "::ffff:203.0.113.7", "203.0.113.7"),
        ("10.0.0.1", "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("10.0.0.1", "[2001:db8:1:2:ffff::1]:443", "2001:db8:1:2::/64"),
        ("2001:db8::1", "1.1.1.1", "2001:db8::/64"),
        (None, "1.1.1.1", ""),
        ("a socket's name", "1.1.1.1", ""),
    ],
)
def test_the_client_is_the_last_one_no_known_proxy_stands_for(
    monkeypatch: pytest.MonkeyPatch, peer: str | None, forwarded: str, expected: str
) -> None:
    monkeypatch.setenv("SELLOUT_TRUSTED_PROXIES", "10.0.0.0/8")
    assert load().proxies.client(scope(peer, x_forwarded_for=forwarded)).network == expected


@pytest.mark.parametrize(
    ("peer", "scheme", "forwarded", "secure"),
    [
        ("10.0.0.1", "http", "https", True),
        ("10.0.0.1", "http", "http, https", True),
        ("10.0.0.1", "http", "https, http", False),
        ("10.0.0.1", "http", "", False),
        ("203.0.113.7", "http", "https", False),
        ("203.0.113.7", "https", "", True),
    ],
)
def test_tls_is_what_a_known_proxy_says(
    monkeypatch: pytest.MonkeyPatch, peer: str, scheme: str, forwarded: str, secure: bool
) -> None:
    monkeypatch.setenv("SELLOUT_TRUSTED_PROXIES", "10.0.0.0/8")
    assert load().proxies.client(scope(peer, scheme, x_forwarded_proto=forwarded)).secure is secure
    assert Proxies().client(scope("10.0.0.1", x_forwarded_proto="https")).secure is False


def test_only_counting_elsewhere_waits(store: Store) -> None:
    """What waits for nothing but the store may be done where it holds up nobody; a rule that is off asks nobody."""
    shop = shop_over(store)
    redis = RedisCounter("redis://127.0.0.1:1/0", 1)
    limits = Limits(refused_promo_codes=5)
    assert Limiter(redis, shop.clock, limits).waits([REFUSED_PROMO_CODES])
    assert not Limiter(redis, shop.clock, limits).waits([LOGINS_PER_ACCOUNT])
    assert not Limiter(redis, shop.clock, limits).waits([])
    assert not Limiter(StoreCounter(shop), shop.clock, limits).waits([REFUSED_PROMO_CODES])


@pytest.mark.parametrize("where", ["sqlite", "postgresql", "redis"])
def test_four_processes_let_through_not_one_more(tmp_path: Path, called: Run, where: str) -> None:
    """All at once, to four servers of one shop: five guesses are answered, however many there are."""
    variables = {"SELLOUT_LOGINS_PER_ACCOUNT": "5", "SELLOUT_SECRET_KEY": "x" * 40}
    if where == "redis":
        variables["SELLOUT_REDIS_URL"] = redis_url()
    if where != "sqlite":
        variables["SELLOUT_DATABASE_URL"] = conftest.databases()[0].create()
        assert called("migrate", **variables).returncode == 0

    def guess(server: Server) -> int:
        return server.ask("POST", "/user/login", {"username": f"somebody {tmp_path}", "password": "wrong"})[0]

    with ExitStack() as stack, ThreadPoolExecutor(32) as pool:
        servers = [stack.enter_context(serving(tmp_path, **variables))[0] for _ in range(4)]
        answers = list(pool.map(guess, servers * 16))
        assert sorted(answers) == [401] * 5 + [429] * 59
        assert [server.stop() for server in servers] == [(0, "")] * 4


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("TRUSTED_PROXIES", "10.0.0.1/8", "must be IP addresses or networks"),
        ("TRUSTED_PROXIES", "everyone", "must be IP addresses or networks"),
        ("CORS_ORIGINS", "shop.example", "must be origins"),
        ("CORS_ORIGINS", "https://shop.example/", "must be origins"),
        ("REDIS_URL", "localhost:6379", "must look like redis://host:6379/0"),
        ("REDIS_URL", "redis://host:port/0", "must look like redis://host:6379/0"),
        ("LOGINS_PER_ACCOUNT", "-1", "must be a whole number from 0"),
        ("HASH_MEMORY_KIB", "1", "must be a whole number from 8"),
        ("HASH_TIME_COST", "0", "must be a whole number from 1"),
        ("REQUEST_TIMEOUT", "0", "must be a whole number from 1"),
        ("LOG_STYLE", "xml", "must be json or text"),
        ("REFUSE_COMMON_PASSWORDS", "maybe", "must be one of"),
    ],
)
def test_a_bad_setting_is_named_before_anything_starts(called: Run, name: str, value: str, said: str) -> None:
    done = called("serve", **{f"SELLOUT_{name}": value})
    assert (done.returncode, done.stdout) == (2, "")
    assert f"SELLOUT_{name} " in done.stderr
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
