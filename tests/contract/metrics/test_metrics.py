"""The metrics of a served shop, read by the parsers of Prometheus' client library."""

import asyncio
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import httpx2
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_open_metrics
from prometheus_client.parser import text_string_to_metric_families

from sellout_adapters import demo
from sellout_adapters.sql import SqlStore, Timeouts
from sellout_core.errors import Unavailable
from sellout_core.events.making import of_registration
from sellout_core.fulfilment.statuses import STATUSES
from sellout_core.mail import MailTemplate, NewMail
from sellout_core.people.accounts import OPERATOR
from sellout_core.ports.store import Store
from sellout_core.use_cases.events.dispatching import dispatch_events
from sellout_core.use_cases.events.services import subscribe_service
from sellout_core.values import UserId
from sellout_http.api.rate_limits import Limits
from sellout_http.middleware.request_timings import METHODS
from sellout_http.routes import OPERATIONS
from sellout_http.runtime.threads import PoolDepth, ThreadPool
from sellout_http.server.metrics_port import MetricsServer, metrics_app, read_backlog_in_time
from tests.contract.support.shop import Served, demo_shop, log_in, serving_demo, serving_shop, shop_over

PAGE: Final = Path(__file__).parents[3] / "docs" / "metrics.md"
OF_THE_DATABASE: Final = {
    "sellout_orders",
    "sellout_outbox_mails",
    "sellout_outbox_age_seconds",
    "sellout_due_payments",
    "sellout_due_payments_age_seconds",
    "sellout_undispatched_events",
    "sellout_undispatched_events_age_seconds",
    "sellout_waiting_deliveries",
    "sellout_waiting_deliveries_age_seconds",
    "sellout_dead_deliveries",
}
OPEN_METRICS: Final = {"accept": "application/openmetrics-text; version=1.0.0"}
ID_NAMES: Final = {name for operation in OPERATIONS for name in re.findall(r"\{(\w+)\}", operation.path)}

Series = Mapping[tuple[str, frozenset[tuple[str, str]]], float]


@contextmanager
def listening(served: Served) -> Iterator[httpx2.Client]:
    """Serves the metrics of a served shop, and yields a client of their port."""

    def figures() -> Any:
        found = served.app.figures()
        return found.totals, [found.load]

    server = MetricsServer("127.0.0.1", 0, metrics_app(figures, lambda: read_backlog_in_time(served.shop)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        with httpx2.Client(base_url=f"http://127.0.0.1:{server.server_port}", timeout=60) as client:
            yield client
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def series_of(scraped: httpx2.Response) -> Series:
    """The value of each series, by its name and its labels."""
    assert scraped.status_code == 200
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(scraped.text)
        for sample in family.samples
    }


def value(series: Series, name: str, **labels: str) -> float:
    return series[name, frozenset(labels.items())]


def scraped_after(metrics: httpx2.Client, requests: int) -> Series:
    """The series when so many requests have been counted. A request is counted just after its response."""
    for _ in range(1000):
        series = series_of(metrics.get("/metrics"))
        if sum(number for (name, _), number in series.items() if name == "sellout_requests_total") >= requests:
            return series
    raise AssertionError(series)


@pytest.fixture
def counting(store: Store) -> Iterator[Served]:
    """The demo shop, which counts its requests."""
    with serving_demo(store, measured=True) as served:
        yield served


@pytest.fixture
def metrics(counting: Served) -> Iterator[httpx2.Client]:
    with listening(counting) as client:
        yield client


def test_both_parsers_of_prometheus_read_the_same_values(counting: Served, metrics: httpx2.Client) -> None:
    for path in ("/product/all/1", "/product/all/1", "/brand/999", "/nothing"):
        counting.client.get(path)
    # The first request was that of the fixture, which waits for the server.
    series = scraped_after(metrics, 5)
    page = {"method": "GET", "route": "/product/all/{num_page}"}
    assert value(series, "sellout_requests_total", **page, status="200") == 2
    for route in ("/brand/{brand_id}", "none"):
        assert value(series, "sellout_requests_total", method="GET", route=route, status="404") == 1
    assert value(series, "sellout_request_duration_seconds_count", **page) == 2
    assert value(series, "sellout_request_duration_seconds_bucket", **page, le="+Inf") == 2
    assert 0 < value(series, "sellout_request_duration_seconds_sum", **page) < 60
    assert value(series, "sellout_document_cache_hits_total") == 1
    assert value(series, "sellout_document_cache_misses_total") == 1
    assert value(series, "sellout_database_up") == 1
    assert value(series, "sellout_orders", status="pending") == 1
    opened = metrics.get("/metrics", headers=OPEN_METRICS)
    read = {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in parse_open_metrics(opened.text)  # type: ignore[no-untyped-call]
        for sample in family.samples
    }
    # The age grows between two scrapes.
    assert {key: number for key, number in read.items() if "age" not in key[0]} == {
        key: number for key, number in series.items() if "age" not in key[0]
    }


def made_up(name: str, number: int) -> str:
    """A value of an id in a path."""
    if name == "provider":
        return str(number).translate(str.maketrans("0123456789", "abcdefghij"))
    return f"{number:016x}" if name == "session_id" else str(number)


def walk(client: httpx2.Client, number: int, token: Mapping[str, str]) -> int:
    """Sends a request to every operation with made-up ids, and to paths and with methods that do not exist. Returns the
    number of requests.
    """
    others = f"/made/up/{number}", f"/user/{number}/made-up", f"/product/all/x{number}", f"/docs/{number}"
    for operation in OPERATIONS:
        path = operation.path.format_map({name: made_up(name, number) for name in ID_NAMES})
        for headers in ({}, token):
            client.request(operation.method, path, headers=headers)
        client.options(path)
        client.head(path)
    for path in others:
        client.get(path)
    client.request(f"MADE{made_up('provider', number).upper()}", "/product/all/1")
    return 4 * len(OPERATIONS) + len(others) + 1


@pytest.mark.http
def test_made_up_ids_paths_and_methods_make_no_series(counting: Served, metrics: httpx2.Client) -> None:
    """The hooks of the client are off: they look for the operation of each response."""
    counting.client.event_hooks = {"response": []}
    token = log_in(counting.client, demo.STAFF)
    sent = 2 + walk(counting.client, 1, token) + walk(counting.client, 777, token)
    first = scraped_after(metrics, sent)
    sent += sum(walk(counting.client, number, token) for number in range(1000, 1003))
    assert scraped_after(metrics, sent).keys() == first.keys()
    labels = {name: {dict(key)[name] for _, key in first if name in dict(key)} for name in ("method", "route")}
    assert {operation.path for operation in OPERATIONS} | {"none"} <= labels["route"]
    assert all("{" in route or not re.search("[0-9]", route) for route in labels["route"])
    assert labels["method"] == METHODS | {"other"} - {"PUT"}
    assert len(first) < 5_000


@pytest.fixture
def refusing(store: Store) -> Iterator[Served]:
    """The demo shop, which allows one log-in of an account a minute."""
    with serving_demo(store, measured=True, limits=Limits(logins_per_account=1)) as served:
        yield served


@pytest.mark.http
def test_the_page_lists_every_metric(refusing: Served) -> None:
    sent = {"username": demo.CUSTOMER, "password": "wrong password"}
    assert [refusing.client.post("/user/login", json=sent).status_code for _ in range(4)] == [401, 429, 429, 429]
    rows = re.findall(r"^\| `(sellout_\w+)` \| (\w+) \| ([^|]*)\|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    listed = {name: (kind, set(re.findall(r"`(\w+)`", labels))) for name, kind, labels in rows}
    with listening(refusing) as metrics:
        scraped_after(metrics, 5)
        scraped = metrics.get("/metrics")
    found = {}
    for family in text_string_to_metric_families(scraped.text):
        labels = {name for sample in family.samples for name in sample.labels} - {"le"}
        found[family.name + "_total" * (family.type == "counter")] = family.type, labels
    assert found == listed
    assert len(rows) == len(listed)
    assert value(series_of(scraped), "sellout_rate_limited_total", rule="logins_per_account") == 3


def test_what_waits_in_the_database_is_read_when_it_is_asked_for(store: Store) -> None:
    shop = shop_over(store)
    with serving_shop(shop, measured=True) as served, listening(served) as metrics:
        before = series_of(metrics.get("/"))
        assert value(before, "sellout_outbox_mails") == value(before, "sellout_outbox_age_seconds") == 0
        assert {dict(labels)["status"] for name, labels in before if name == "sellout_orders"} == set(STATUSES.values())
        written = shop.clock() - timedelta(hours=1)
        template = MailTemplate.VERIFY_EMAIL
        new = NewMail(recipient="anna@shop.example", template=template, language="en", created_at=written)
        store.write(lambda tx: tx.outbox.add(new))
        old = of_registration(UserId(1), written)
        store.write(lambda tx: tx.events.add([old]))
        after = series_of(metrics.get("/"))
        assert value(after, "sellout_outbox_mails") == 1
        assert value(after, "sellout_outbox_age_seconds") >= 3600
        assert value(after, "sellout_undispatched_events") == 1
        assert value(after, "sellout_undispatched_events_age_seconds") >= 3600
        subscribe_service(shop, OPERATOR, "warehouse")
        store.write(lambda tx: tx.events.add([old]))
        dispatch_events(shop, OPERATOR)
        waiting = series_of(metrics.get("/"))
        assert value(waiting, "sellout_undispatched_events") == 0
        assert value(waiting, "sellout_waiting_deliveries") == 1
        assert value(waiting, "sellout_waiting_deliveries_age_seconds") >= 3600
        assert value(waiting, "sellout_dead_deliveries") == 0
        store.write(lambda tx: tx.deliveries.give_up(tx.subscriptions.all()[0].id, written, written, "too old"))
        assert value(series_of(metrics.get("/")), "sellout_dead_deliveries") == 1


def test_without_the_database_the_other_metrics_are_sent(tmp_path: Path) -> None:
    """No statement of a search is in time."""
    store = SqlStore.open(f"sqlite:///{tmp_path / 'shop.db'}", timeouts=Timeouts(search=1e-9))
    with serving_shop(demo_shop(store), measured=True) as served, listening(served) as metrics:
        served.client.get("/product/all/1")
        series = series_of(metrics.get("/metrics"))
    assert value(series, "sellout_database_up") == 0
    assert value(series, "sellout_document_cache_misses_total") == 1
    assert not {name for name, _ in series} & OF_THE_DATABASE


def test_connections_in_use_are_counted(tmp_path: Path) -> None:
    store = SqlStore.open(f"sqlite:///{tmp_path / 'shop.db'}", connections=3)
    assert store.connections() == (0, 3)
    assert store.read(lambda _: store.read(lambda _: store.connections())) == (2, 3)
    assert store.connections() == (0, 3)
    store.close()


def test_a_pool_counts_the_calls_that_run_and_wait() -> None:
    pool = ThreadPool("hash", 1, 2)
    finish, begun = threading.Event(), threading.Event()

    def work() -> None:
        begun.set()
        assert finish.wait(60)

    async def fill() -> None:
        calls = [asyncio.ensure_future(pool.run(work)) for _ in range(3)]
        await asyncio.to_thread(begun.wait, 60)
        assert pool.depth == PoolDepth(calls=3, threads=1, max_waiting=2)
        with pytest.raises(Unavailable):
            await pool.run(work)
        assert pool.depth.calls == 3
        finish.set()
        await asyncio.gather(*calls)

    asyncio.run(fill())
    pool.close()
    assert pool.depth.calls == 0


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/", 200), ("POST", "/metrics", 405), ("GET", "/?name[]=none", 200), ("GET", "/favicon.ico", 200)],
)
@pytest.mark.http
def test_any_request_has_a_plain_answer(metrics: httpx2.Client, method: str, path: str, status: int) -> None:
    assert metrics.request(method, path).status_code == status


@pytest.mark.parametrize("version", ["x", "1.x", "", "1.0.0;q=x", "9" * 5000])
@pytest.mark.http
def test_a_format_that_does_not_exist_is_the_plain_one(metrics: httpx2.Client, version: str) -> None:
    accepted = f"application/openmetrics-text; version={version}"
    answer = metrics.get("/metrics", headers={"accept": accepted})
    assert answer.status_code == 200
    assert b"sellout_workers 1.0" in answer.content


@pytest.mark.http
def test_a_shop_counts_no_request_unless_it_is_measured(served: Served) -> None:
    served.client.get("/product/all/1")
    assert served.app.figures().totals.timings == ()
