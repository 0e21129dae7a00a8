"""Rate limits: counts are exact on every store and on Redis, and across processes."""

import re
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from hashlib import sha256
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import attrs
import httpx2
import pytest
from sqlalchemy import select

from sellout_adapters import demo
from sellout_adapters.redis_counter import RedisCounter
from sellout_adapters.sql import SqlStore
from sellout_adapters.sql.schema.tables.shop import counters
from sellout_adapters.testing.laws.races import racing
from sellout_adapters.testing.scene import HeldClock
from sellout_core.errors import Unavailable
from sellout_core.ports.store import Count, Store
from sellout_http.api.rate_limits import LOGINS_PER_ACCOUNT, REFUSED_PROMO_CODES, Counter, Limiter, Limits, StoreCounter
from sellout_http.app import create_app
from sellout_http.middleware.forwarded_headers import Proxies
from sellout_http.routes import OPERATIONS
from sellout_http.settings.model import read_settings
from sellout_http.site.openapi import codes
from tests.contract import conftest
from tests.contract.support.buyer import noadmin
from tests.contract.support.client import client_of
from tests.contract.support.command import Run, ServerProcess, running_server
from tests.contract.support.requests import CHECKOUT
from tests.contract.support.shop import Served, demo_shop, log_in, problem_of, serving_shop, shop_over
from tests.contract.support.slow import SlowPasswords
from tests.servers.redis import redis_server

MINUTE = timedelta(minutes=1)
WRONG = "wrong"
LIMITS = Limits(
    logins_per_account=5,
    logins_per_address=10,
    registrations_per_address=5,
    refused_promo_codes=10,
    refused_codes=10,
    mails_per_address=20,
    mails_per_account=5,
    guest_carts_per_address=10,
)


@cache
def redis_url() -> str:
    return conftest.SESSION_STACK.enter_context(redis_server())


@pytest.fixture(params=[*conftest.STORES, "redis"])
def counter(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Counter]:
    """Each kind of counter."""
    if request.param == "redis":
        yield RedisCounter(redis_url(), timeout=5)
        return
    with conftest.STORES[request.param](tmp_path) as store:
        yield StoreCounter(shop_over(store))


@contextmanager
def limited(store: Store, clock: HeldClock, limits: Limits = LIMITS, **options: Any) -> Iterator[Served]:
    """The demo shop with rate limits and a clock that the test sets."""
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


@pytest.mark.http
def test_redis_that_does_not_answer_is_a_503(store: Store, clock: HeldClock) -> None:
    """Guesses stay limited: the log-in is refused."""
    away = RedisCounter("redis://127.0.0.1:1/0", timeout=1)
    with pytest.raises(Unavailable):
        away.add("key", MINUTE)
    with limited(store, clock, counter=away) as shop:
        problem_of(try_to_log_in(shop.client, demo.STAFF, demo.PASSWORD), 503, "unavailable_now")
        assert shop.client.get("/product/all/1").status_code == 200


@pytest.mark.http
def test_five_log_ins_a_minute_to_one_account(shop: Served, clock: HeldClock) -> None:
    """Attempts count whether or not they succeed, in any spelling of the name, and for unknown users."""
    for username in (demo.STAFF, "no such user"):
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


@pytest.mark.http
def test_attempts_far_over_a_limit_are_not_counted(store: Store, clock: HeldClock) -> None:
    """From twice the limit on, they write nothing, and the limit ends with its window all the same."""
    with limited(store, clock, limits=Limits(logins_per_account=2)) as shop:
        assert statuses(5, lambda: try_to_log_in(shop.client, demo.STAFF)) == [401] * 2 + [429] * 3
        for left, seconds in ((60, 30), (30, 29)):
            refused = try_to_log_in(shop.client, demo.STAFF, demo.PASSWORD)
            problem_of(refused, 429, "too_many_requests")
            assert refused.headers["retry-after"] == str(left)
            clock.advance(seconds=seconds)
        key = f"logins_per_account {sha256(f'name {demo.STAFF}'.encode()).hexdigest()}"
        assert StoreCounter(shop.shop).add(key, MINUTE).number == 6
        clock.advance(seconds=1)
        assert try_to_log_in(shop.client, demo.STAFF, demo.PASSWORD).status_code == 200


@pytest.mark.http
def test_ten_log_ins_a_minute_from_one_address(shop: Served, clock: HeldClock) -> None:
    """An attempt that is refused because of the address does not count for the account."""
    assert [try_to_log_in(shop.client, f"user{n}").status_code for n in range(10)] == [401] * 10
    for _ in range(6):
        refused = try_to_log_in(shop.client, demo.CUSTOMER)
        problem_of(refused, 429, "too_many_requests")
        assert refused.headers["ratelimit-policy"] == '"logins_per_address";q=10;w=60'
    clock.advance(seconds=60)
    assert statuses(6, lambda: try_to_log_in(shop.client, demo.CUSTOMER)) == [401] * 5 + [429]


@pytest.mark.http
def test_what_is_no_try_is_not_counted(shop: Served) -> None:
    """A malformed request counts for no account."""
    bodies: list[Any] = [{}, {"username": demo.STAFF}, {"username": demo.STAFF, "password": 1}, []]
    assert [shop.client.post("/user/login", json=body).status_code for body in bodies * 4] == [422] * 16
    assert try_to_log_in(shop.client, demo.STAFF, demo.PASSWORD).status_code == 200


@pytest.mark.http
def test_five_registrations_a_minute_from_one_address(shop: Served, clock: HeldClock) -> None:
    def register(n: int) -> httpx2.Response:
        return shop.client.post("/user/register", json={"username": f"user{n}", "password": "long enough"})

    assert [register(n).status_code for n in (1, 1, 2, 3, 4)] == [201, 409, 201, 201, 201]
    problem_of(register(5), 429, "too_many_requests")
    clock.advance(minutes=1)
    assert register(5).status_code == 201


@pytest.mark.http
def test_a_password_is_not_guessed_with_a_stolen_token(shop: Served) -> None:
    for user in (demo.STAFF, demo.CUSTOMER):
        headers = log_in(shop.client, user)
        me = {demo.STAFF: 1, demo.CUSTOMER: 2}[user]

        def guess(word: str, headers: dict[str, str] = headers, me: int = me) -> httpx2.Response:
            body = {"old_password": word, "new_password": "a better password"}
            return shop.client.post(f"/user/change_password/{me}", json=body, headers=headers)

        assert [guess(f"guess {n}").status_code for n in range(5)] == [422] * 5
        problem_of(guess(demo.PASSWORD), 429, "too_many_requests")


@pytest.mark.http
def test_ten_refused_promo_codes_in_ten_minutes(shop: Served, clock: HeldClock) -> None:
    """The check and the checkout share the count. Valid codes, and checkouts without one, are not limited."""
    buyer = noadmin(shop.client)

    def check(code: str) -> httpx2.Response:
        return buyer.request("POST", "/promo/check/{me}", json={"promo_code": code, "product_unit": [1]})

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
        return buyer.request("POST", "/promo/check/{me}", json=body).status_code

    assert sorted(racing(24, check)) == [422] * 10 + [429] * 14


@pytest.mark.parametrize("kind", conftest.PERSISTENT)
def test_what_is_kept_for_counting_has_no_names(tmp_path: Path, clock: HeldClock, kind: str) -> None:
    """A key is a digest. It is deleted after its window."""

    def kept(store: SqlStore) -> list[str]:
        with store.engine.connect() as connection:
            return list(connection.scalars(select(counters.c.key).order_by(counters.c.key)))

    with conftest.PERSISTENT[kind](tmp_path) as store, limited(store, clock) as shop:
        try_to_log_in(shop.client, "some.user@mail.ru")
        found = kept(store)
        assert [re.sub("[0-9a-f]{64}", "digest", key) for key in found] == [
            "logins_per_account digest",
            "logins_per_address digest",
        ]
        clock.advance(minutes=2)
        try_to_log_in(shop.client, "other user")
        assert len(kept(store)) == 2
        assert not set(found) <= set(kept(store))


@pytest.mark.http
def test_a_limit_of_0_is_none(store: Store, clock: HeldClock) -> None:
    with limited(store, clock, Limits(logins_per_address=3)) as shop:
        assert statuses(4, lambda: try_to_log_in(shop.client, demo.STAFF)) == [401] * 3 + [429]
        for n in range(12):
            body = {"username": f"user{n}", "password": "long enough"}
            assert shop.client.post("/user/register", json=body).status_code == 201


def test_the_settings_default_to_what_is_documented(monkeypatch: pytest.MonkeyPatch) -> None:
    assert read_settings().limits == LIMITS
    monkeypatch.setenv("SELLOUT_LOGINS_PER_ACCOUNT", "0")
    assert read_settings().limits == attrs.evolve(LIMITS, logins_per_account=0)


def test_a_demo_allows_twenty_times_the_tries_unless_it_is_told_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    assert read_settings({"demo": True}).limits == Limits(
        logins_per_account=100,
        logins_per_address=200,
        registrations_per_address=100,
        refused_promo_codes=200,
        refused_codes=200,
        mails_per_address=400,
        mails_per_account=100,
        guest_carts_per_address=200,
    )
    monkeypatch.setenv("SELLOUT_LOGINS_PER_ACCOUNT", "5")
    assert read_settings({"demo": True}).limits.logins_per_account == 5


@pytest.mark.http
def test_a_customer_logs_in_to_a_demo_as_often_as_a_tour_needs(store: Store, clock: HeldClock) -> None:
    body = {"username": demo.CUSTOMER, "password": demo.PASSWORD}
    with limited(store, clock, read_settings({"demo": True}).limits) as shop:
        assert statuses(6, lambda: shop.client.post("/user/login", json=body)) == [200] * 6


def test_every_operation_documents_a_429() -> None:
    """Every operation may be refused with a 429, because a client may have too many requests in flight."""
    assert all("too_many_requests" in codes(operation) for operation in OPERATIONS)
    limited = {operation.handler.__name__ for operation in OPERATIONS if operation.limits}
    assert limited == {
        *("log_in", "register", "change_password", "check_promo_code", "check_out", "delete_account"),
        *("change_email", "request_password_reset", "reset_password"),
        *("add_to_guest_cart", "check_guest_promo_code"),
        *("begin_second_factor", "confirm_second_factor", "renew_recovery_codes", "turn_off_second_factor"),
    }


FROM = "x-forwarded-for"


@contextmanager
def held_hashes(store: Store, **options: Any) -> Iterator[tuple[Callable[..., Future[httpx2.Response]], SlowPasswords]]:
    """Serves a shop behind a trusted proxy, whose hashes wait until the end. Yields a function that logs in from an
    address in a new thread.
    """
    resume = threading.Event()
    passwords = SlowPasswords(resume)
    app = create_app(
        attrs.evolve(demo_shop(store), passwords=passwords),
        proxies=Proxies([ip_network("127.0.0.1")]),
        hash_threads=1,
        **options,
    )
    with client_of(app) as client, ThreadPoolExecutor(8) as callers:

        def log_in_from(address: str) -> Future[httpx2.Response]:
            return callers.submit(try_to_log_in, client, demo.STAFF, demo.PASSWORD, **{FROM: address})

        try:
            yield log_in_from, passwords
        finally:
            resume.set()


@pytest.mark.http
def test_refused_log_ins_wait_for_no_hash(store: Store) -> None:
    """Refused log-ins take no place in the queue for a hash."""
    with held_hashes(store, hash_queue=1, limits=Limits(logins_per_address=1)) as (log_in_from, passwords):
        first = log_in_from("10.0.0.1")
        assert passwords.begun.wait(60)
        for _ in range(20):
            problem_of(log_in_from("10.0.0.1").result(60), 429, "too_many_requests")
        other = log_in_from("10.0.0.2")
    assert [one.result().status_code for one in (first, other)] == [200, 200]


@pytest.mark.http
def test_a_client_has_its_share_of_the_hashes(store: Store) -> None:
    """The share is two of four places. The third log-in of a client is a 429, log-ins of other clients are not."""
    with held_hashes(store, hash_queue=3, client_share=50) as (log_in_from, _):
        done, held = wait([log_in_from("2001:db8::1") for _ in range(3)], 60, FIRST_COMPLETED)
        (refused,) = done
        problem_of(refused.result(), 429, "too_many_requests")
        assert refused.result().headers["retry-after"] == "1"
        problem_of(log_in_from("2001:db8::2").result(60), 429, "too_many_requests")
        others = [log_in_from("2001:db8:0:1::1"), log_in_from("10.0.0.2")]
    assert [one.result().status_code for one in (*held, *others)] == [200] * 4


@pytest.mark.http
def test_a_client_cannot_choose_its_address(store: Store, clock: HeldClock) -> None:
    """X-Forwarded-For is ignored without trusted proxies."""
    with limited(store, clock) as shop:
        for n in range(10):
            assert try_to_log_in(shop.client, f"user{n}", **{FROM: f"10.0.0.{n}"}).status_code == 401
        assert try_to_log_in(shop.client, "user", **{FROM: "10.0.0.99"}).status_code == 429


@pytest.mark.http
def test_behind_a_known_proxy_each_client_counts_alone(
    store: Store, clock: HeldClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SELLOUT_TRUSTED_PROXIES", "127.0.0.0/8, 10.0.0.0/8")
    with limited(store, clock, proxies=read_settings().proxies) as shop:
        # The client may send a chain of its own, to which the proxy appends.
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
    assert read_settings().proxies.client(scope(peer, x_forwarded_for=forwarded)).network == expected


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
    assert read_settings().proxies.client(scope(peer, scheme, x_forwarded_proto=forwarded)).secure is secure
    assert Proxies().client(scope("10.0.0.1", x_forwarded_proto="https")).secure is False


def test_only_counting_elsewhere_waits(store: Store) -> None:
    """A count in the store may run on the event loop. A disabled limit is not counted."""
    shop = shop_over(store)
    redis = RedisCounter("redis://127.0.0.1:1/0", 1)
    limits = Limits(refused_promo_codes=5)
    assert Limiter(redis, shop.clock, limits).waits([REFUSED_PROMO_CODES])
    assert not Limiter(redis, shop.clock, limits).waits([LOGINS_PER_ACCOUNT])
    assert not Limiter(redis, shop.clock, limits).waits([])
    assert not Limiter(StoreCounter(shop), shop.clock, limits).waits([REFUSED_PROMO_CODES])


@pytest.mark.parametrize(
    "where", ["sqlite", *(pytest.param(each, marks=pytest.mark.deep) for each in ("postgresql", "redis"))]
)
def test_four_processes_let_through_not_one_more(tmp_path: Path, invoke: Run, where: str) -> None:
    """Four servers of one shop get the attempts at the same time, and answer five."""
    variables = {"SELLOUT_LOGINS_PER_ACCOUNT": "5", "SELLOUT_SECRET_KEY": "x" * 40}
    if where == "redis":
        variables["SELLOUT_REDIS_URL"] = redis_url()
    if where != "sqlite":
        variables["SELLOUT_DATABASE_URL"] = conftest.databases()[0].create()
        assert invoke("migrate", **variables).returncode == 0

    def guess(server: ServerProcess) -> int:
        return server.request("POST", "/user/login", {"username": f"user {tmp_path}", "password": "wrong"})[0]

    with ExitStack() as stack, ThreadPoolExecutor(32) as pool:
        servers = [stack.enter_context(running_server(tmp_path, **variables))[0] for _ in range(4)]
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
def test_a_bad_setting_is_named_before_anything_starts(invoke: Run, name: str, value: str, said: str) -> None:
    done = invoke("serve", **{f"SELLOUT_{name}": value})
    assert (done.returncode, done.stdout) == (2, "")
    assert f"SELLOUT_{name} " in done.stderr
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
