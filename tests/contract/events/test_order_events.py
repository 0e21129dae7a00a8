"""Buyers follow the events of their own orders."""

import asyncio
import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import attrs
import httpx2
import pytest

from sellout_adapters.memory import MemoryStore
from sellout_core.events.event import Event, NewEvent
from sellout_core.events.making import of_order
from sellout_core.people.accounts import OPERATOR
from sellout_core.use_cases.events.order_events import read_order_events
from sellout_core.values import EventId, UserId
from sellout_http import live_events
from sellout_http.live_events import LiveEvents, LiveStream
from sellout_http.middleware.forwarded_headers import Client
from sellout_http.runtime.asgi import CLIENT
from tests.contract.support.buyer import Buyer, noadmin
from tests.contract.support.command import running_server
from tests.contract.support.shop import CUSTOMER_ID, STAFF_ID, Served, demo_shop, problem_of, serving_shop

STREAM = {"Accept": "text/event-stream"}


@pytest.fixture(autouse=True)
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    """Streams look for events often."""
    monkeypatch.setattr(live_events, "_POLL_SECONDS", 0.01)


@pytest.fixture
def buyer(served: Served) -> Buyer:
    return noadmin(served.client)


def buy(buyer: Buyer) -> int:
    buyer.request("POST", "/order/cart_add/{me}/1")
    return int(buyer.order(1)["id"])


def own_events(served: Served) -> list[int]:
    return [event.id for event in read_order_events(served.shop, OPERATOR, UserId(CUSTOMER_ID))]


@contextmanager
def stream(buyer: Buyer, **headers: str) -> Iterator[Iterator[str]]:
    """The lines of a stream."""
    every = {**buyer.headers, **STREAM, **{name.replace("_", "-"): value for name, value in headers.items()}}
    with buyer.client.stream("GET", "/order/events", headers=every) as response:
        assert (response.status_code, response.headers["content-type"]) == (200, "text/event-stream")
        assert response.headers["cache-control"] == "no-store"
        yield iter(response.iter_lines())


def next_event(lines: Iterator[str]) -> dict[str, str]:
    """The fields of the next event."""
    found: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(": ")
        if name in {"id", "event", "data"}:
            found[name] = value
        if not line and "data" in found:
            return found
    raise AssertionError("the stream has ended")


def test_a_list_has_the_events_after_one(served: Served, buyer: Buyer) -> None:
    order_id = buy(buyer)
    buyer.request("POST", f"/order/cancel/{order_id}", json={})
    found = buyer.get("/order/events")
    assert [each["id"] for each in found] == own_events(served)
    assert {each["subject"] for each in found} == {f"order/{order_id}"}
    assert (found[0]["type"], found[0]["version"], found[0]["data"]["order_id"]) == ("order.placed", 1, order_id)
    after = buyer.request("GET", "/order/events", headers={"Last-Event-ID": str(found[0]["id"])})
    assert after.json() == found[1:]


@pytest.mark.http
@pytest.mark.parametrize("accept", ["application/json", "text/event-stream"])
def test_an_id_of_another_buyer_and_of_the_future_are_refused(served: Served, buyer: Buyer, accept: str) -> None:
    buy(buyer)
    [own] = read_order_events(served.shop, OPERATOR, UserId(CUSTOMER_ID))
    others = {**attrs.asdict(own, recurse=False), "buyer_id": UserId(STAFF_ID)}
    del others["id"]
    served.shop.store.write(lambda tx: tx.events.add([NewEvent(**others)]))
    foreign = own.id + 1
    unknown = (str(foreign), str(2**53 - 1), "0", "-1", "01", "abc", "1.5", "9" * 400, "\N{ARABIC-INDIC DIGIT ONE}")
    for sent in unknown:
        headers = {"Accept": accept, "Last-Event-ID": sent.encode()}
        response = served.client.get("/order/events", headers={**buyer.headers, **headers})  # type: ignore[arg-type]
        document = problem_of(response, 422, "invalid_fields")
        assert [field["header"] for field in document["fields"]] == ["Last-Event-ID"]
    twice = [*buyer.headers.items(), ("Last-Event-ID", "1"), ("Last-Event-ID", "1")]
    problem_of(served.client.get("/order/events", headers=twice), 422, "invalid_fields")
    html = {**buyer.headers, "Accept": "text/html"}
    problem_of(served.client.get("/order/events", headers=html), 406, "not_acceptable")
    problem_of(served.client.get("/order/events", headers=STREAM), 401, "unauthenticated")


def test_a_stream_tells_what_happens_and_goes_on_where_it_ended(served: Served, buyer: Buyer) -> None:
    buy(buyer)
    with stream(buyer) as lines:
        assert next(lines) == "retry: 3000"
        assert next(lines) == f"id: {own_events(served)[-1]}"
        # The stream begins now: the order from before is not in it.
        order_id = buy(buyer)
        first = next_event(lines)
        document = json.loads(first["data"])
        assert (first["event"], first["id"]) == ("order.placed", str(document["id"]))
        assert document["subject"] == f"order/{order_id}"
    buyer.request("POST", f"/order/cancel/{order_id}", json={})
    with stream(buyer, Last_Event_ID=first["id"]) as lines:
        events = [next_event(lines) for _ in range(3)]
    assert [each["event"] for each in events] == ["order.line_moved", "order.payment_voided", "order.cancelled"]
    assert [int(each["id"]) for each in events] == own_events(served)[-3:]


@pytest.mark.http
def test_a_head_ends_at_once(buyer: Buyer) -> None:
    response = buyer.request("HEAD", "/order/events", headers=STREAM)
    assert (response.status_code, response.content) == (200, b"")


@pytest.mark.http
def test_a_user_has_ten_streams(served: Served, buyer: Buyer) -> None:
    with ExitStack() as stack:
        # An iterator that is dropped would close its stream.
        streams = [stack.enter_context(stream(buyer)) for _ in range(10)]
        assert {next(lines) for lines in streams} == {"retry: 3000"}
        refused = served.client.get("/order/events", headers={**buyer.headers, **STREAM})
        problem_of(refused, 429, "too_many_requests")
        assert "retry-after" in refused.headers


@pytest.mark.http
def test_streams_end_when_the_process_shuts_down(served: Served, buyer: Buyer) -> None:
    with stream(buyer) as lines:
        assert next(lines) == "retry: 3000"
        served.app.health.drain()
        assert [line for line in lines if line.startswith("data")] == []


@pytest.mark.http
def test_a_stream_ends_after_a_while() -> None:
    with serving_shop(demo_shop(MemoryStore()), live_seconds=0.05) as served:
        buyer = noadmin(served.client)
        with stream(buyer) as lines:
            assert next(lines) == "retry: 3000"
            # Otherwise the client would wait for a minute, and fail.
            assert [line for line in lines if line.startswith("data")] == []


@pytest.mark.http
def test_an_outage_ends_no_stream(buyer: Buyer, monkeypatch: pytest.MonkeyPatch) -> None:
    failures = iter([ZeroDivisionError(), OSError()])
    real = LiveEvents._read_once

    async def failing(self: LiveEvents) -> None:
        for failure in failures:
            raise failure
        await real(self)

    monkeypatch.setattr(LiveEvents, "_read_once", failing)
    with stream(buyer) as lines:
        assert next(lines) == "retry: 3000"
        buy(buyer)
        assert next_event(lines)["event"] == "order.placed"


@pytest.mark.http
def test_five_hundred_streams_are_one_read(served: Served, buyer: Buyer) -> None:
    """Each stream gets the events of its own user alone."""
    buy(buyer)
    order = served.shop.store.read(lambda tx: tx.orders.after(0, 99))[-1]
    new = of_order(order)
    reads: list[Mapping[UserId, int]] = []
    sent: dict[int, bytes] = {}

    async def read(after: Mapping[UserId, int]) -> Sequence[Event]:
        reads.append(after)
        fields = {"name": new.name, "version": 1, "subject": new.subject, "occurred_at": new.occurred_at, "data": {}}
        return [Event(id=EventId(number), buyer_id=UserId(number), **fields) for number in after if len(reads) == 1]  # type: ignore[arg-type]

    async def scenario() -> None:
        live = LiveEvents(read, lambda: False, 60)

        async def follow(number: int) -> None:
            async def send(message: dict[str, Any]) -> None:
                sent[number] = sent.get(number, b"") + message.get("body", b"")
                if b"id: " in sent[number] and len(sent) == 500:
                    live.stop()

            async def receive() -> dict[str, Any]:
                await asyncio.Event().wait()
                return {}

            scope = {CLIENT: Client(f"10.0.{number % 250}.1", f"10.0.{number % 250}.1", secure=False)}
            await live.answer(LiveStream(UserId(number), 0), {}, scope, receive, send)

        await asyncio.gather(*(follow(number) for number in range(1, 501)))

    asyncio.run(scenario())
    assert {len(after) for after in reads} == {500}
    assert all(body.count(b"id: ") == 1 and f"id: {number}\n".encode() in body for number, body in sent.items())


@pytest.mark.http
def test_an_event_that_comes_while_a_client_is_slow_is_sent(
    served: Served, buyer: Buyer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client takes a heartbeat only after the event has been read."""
    monkeypatch.setattr(live_events, "_HEARTBEAT_SECONDS", 0.01)
    buy(buyer)
    [event] = read_order_events(served.shop, OPERATOR, UserId(CUSTOMER_ID))
    sent = b""

    async def scenario() -> None:
        is_slow, was_read = asyncio.Event(), asyncio.Event()

        async def read(_: Mapping[UserId, int]) -> Sequence[Event]:
            if not is_slow.is_set() or was_read.is_set():
                return []
            asyncio.get_running_loop().call_soon(was_read.set)
            return [event]

        live = LiveEvents(read, lambda: False, 60)

        async def send(message: dict[str, Any]) -> None:
            nonlocal sent
            sent += message.get("body", b"")
            if message.get("body") == b":\n\n":
                is_slow.set()
                await was_read.wait()
            if b"data: " in sent:
                live.stop()

        async def receive() -> dict[str, Any]:
            await asyncio.Event().wait()
            return {}

        scope = {CLIENT: Client("10.0.0.1", "10.0.0.1", secure=False)}
        async with asyncio.timeout(60):
            await live.answer(LiveStream(UserId(CUSTOMER_ID), 0), {}, scope, receive, send)

    asyncio.run(scenario())
    assert f"id: {event.id}\n".encode() in sent


def test_a_server_ends_with_open_streams(tmp_path: Path) -> None:
    """Each stream ends with a whole response, so its client connects to another server."""
    with running_server(tmp_path, "--demo") as (server, _), ExitStack() as stack:
        client = stack.enter_context(httpx2.Client(base_url=f"http://127.0.0.1:{server.port}", timeout=60))
        buyer = noadmin(client)
        streams = [stack.enter_context(stream(buyer)) for _ in range(5)]
        assert {next(lines) for lines in streams} == {"retry: 3000"}
        stopping = threading.Thread(target=server.stop)
        stopping.start()
        assert all(not line.startswith("data") for lines in streams for line in lines)
        stopping.join()
        assert server.process.returncode == 0
