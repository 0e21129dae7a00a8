"""Events are delivered to webhooks, whatever their receivers do."""

import ssl
import threading
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from functools import partial
from http.server import ThreadingHTTPServer
from typing import Any

import attrs
import pytest
import trustme
from standardwebhooks import WebhookVerificationError

from sellout_adapters.memory import MemoryStore
from sellout_adapters.testing.laws.fulfilment.fulfilment import bought, cancel, deliver
from sellout_adapters.testing.scene import Scene
from sellout_adapters.webhooks.client import WebhookClient
from sellout_adapters.webhooks.signing import signed_headers
from sellout_core.events.event import Event
from sellout_core.events.subscriptions import Delivery
from sellout_core.people.accounts import OPERATOR
from sellout_core.ports.store import Store
from sellout_core.shop import Policy
from sellout_core.use_cases.events.dispatching import replay_deliveries
from sellout_core.use_cases.events.webhooks import (
    NewWebhook,
    WebhookSecret,
    create_webhook,
    read_deliveries,
    read_webhook,
    replace_secret,
)
from sellout_core.values import SubscriptionId
from sellout_http import event_delivery
from sellout_http.event_delivery import deliver_events, deliver_until
from tests.contract.support.receiver import Handler, Receiver, receiving, verify
from tests.contract.support.secrecy import WEBHOOK_SECRET as SECRET

SHORT, LONG = 0.3, 15.0
"""The time limits of requests to receivers that do not answer, and to others, in seconds."""
"""The maximum time of a request, in seconds."""


@pytest.fixture
def scene(store: Store) -> Scene:
    """A shop that sends events to this machine. Its clock is right: the reference library compares it."""
    scene = Scene(store, Policy(private_webhooks=True))
    scene.clock.now = datetime.now(UTC)
    return scene


def subscribe(scene: Scene, url: str, **other: Any) -> SubscriptionId:
    new = NewWebhook(url=url, secret=SECRET, events=("order.placed", "order.line_moved", "order.cancelled"))
    return create_webhook(scene.shop, OPERATOR, attrs.evolve(new, **other)).id


def run(scene: Scene, seconds: float = LONG, **options: Any) -> dict[str, int]:
    """Delivers until nothing is due. Returns the number of deliveries by their result."""
    client = partial(WebhookClient, scene.clock, seconds, **{"allow_private": True, **options})
    return dict(deliver_events(scene.shop, client, threading.Event()))


def run_for_days(scene: Scene, days: float) -> None:
    """Delivers for so many days, in steps of five minutes and of hours."""
    until = scene.clock.now + timedelta(days=days)
    step = timedelta(seconds=6)
    while scene.clock.now < until:
        scene.clock.now += step
        step = min(step * 2, timedelta(hours=1))
        run(scene)


def deliveries_of(scene: Scene, webhook_id: SubscriptionId) -> list[Delivery]:
    found: list[Delivery] = []
    read_deliveries(scene.shop, OPERATOR, webhook_id, found.extend)
    return found


def wanted(scene: Scene) -> Sequence[Event]:
    """The events that the webhooks want."""
    events = scene.store.read(lambda tx: tx.events.after(0, 1_000))
    return [event for event in events if event.name in ("order.placed", "order.line_moved", "order.cancelled")]


def require_all(scene: Scene, receiver: Receiver) -> None:
    """Asserts that a receiver got every event, in order for each subject."""
    events = wanted(scene)
    assert sorted(receiver.ids) == [event.id for event in events]
    for subject in {event.subject for event in events}:
        assert receiver.of_subject(subject) == [event.id for event in events if event.subject == subject]


def test_every_event_arrives_signed_and_in_order(scene: Scene) -> None:
    with receiving() as receiver:
        subscribe(scene, receiver.url)
        for name in ("anna", "boris"):
            deliver(scene, bought(scene, name))
        events = wanted(scene)
        assert run(scene) == {"delivered": len(events)}
    require_all(scene, receiver)
    by_id = {event.id: event for event in events}
    for headers in receiver.headers:
        body = verify(headers)
        event = by_id[body["id"]]
        assert headers["webhook-id"] == str(event.id)
        assert headers["content-type"] == "application/json"
        assert body["data"] == event.data
        assert (body["type"], body["version"], body["subject"]) == (event.name, event.version, event.subject)
        assert SECRET not in headers["body"]


def test_a_changed_body_an_other_secret_and_an_old_request_are_no_signed_ones(scene: Scene) -> None:
    with receiving() as receiver:
        webhook_id = subscribe(scene, receiver.url)
        bought(scene)
        run(scene)
        [first] = receiver.headers
        other = "whsec_" + "A" * 32
        for changes in ({"body": first["body"].replace("placed", "paid")}, {"webhook-id": "9"}):
            changed = {**first, **changes}
            with pytest.raises(WebhookVerificationError):
                verify(changed)
        with pytest.raises(WebhookVerificationError):
            verify(first, other)
        replace_secret(scene.shop, OPERATOR, webhook_id, WebhookSecret(secret=other))
        bought(scene, "boris")
        run(scene)
        for secret in (SECRET, other):
            verify(receiver.headers[-1], secret)
    content = first["body"].encode()
    old = signed_headers([SECRET], "1", scene.clock.now - timedelta(minutes=6), content)
    with pytest.raises(WebhookVerificationError):
        verify({**old, "body": first["body"]})


@pytest.mark.http
@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [
        ("failing", "HTTP 500"),
        ("redirecting", "HTTP 302: redirects are not followed"),
        ("hanging", "no response within 0.3 seconds"),
        ("dying", "the connection failed: RemoteProtocolError"),
    ],
)
def test_a_bad_receiver_gets_every_event_in_order_when_it_is_good(scene: Scene, behaviour: Any, reason: str) -> None:
    with receiving() as target, receiving(behaviour, target.url) as receiver:
        webhook_id = subscribe(scene, receiver.url)
        for name in ("anna", "boris"):
            cancel(scene, bought(scene, name))
        assert set(run(scene, SHORT if behaviour == "hanging" else LONG)) == {"failed"}
        assert {each.last_error for each in deliveries_of(scene, webhook_id) if each.attempts} == {reason}
        receiver.behaviour = "good"
        receiver.received.clear()
        run_for_days(scene, 0.5)
        require_all(scene, receiver)
        assert deliveries_of(scene, webhook_id) == []
        assert target.received == []


@pytest.mark.http
@pytest.mark.parametrize("behaviour", ["failing", "redirecting", "dying"])
def test_a_receiver_that_stays_bad_leaves_dead_letters_that_can_be_replayed(scene: Scene, behaviour: Any) -> None:
    with receiving(behaviour, "http://127.0.0.1:9/") as receiver:
        webhook_id = subscribe(scene, receiver.url)
        cancel(scene, bought(scene))
        run_for_days(scene, 5)
        dead = deliveries_of(scene, webhook_id)
        assert len(dead) == len(wanted(scene))
        assert all(each.dead_at is not None and each.last_error for each in dead)
        receiver.behaviour = "good"
        receiver.received.clear()
        assert replay_deliveries(scene.shop, OPERATOR, webhook_id) == len(dead)
        run(scene)
        require_all(scene, receiver)


@pytest.mark.http
def test_a_receiver_that_is_not_there_is_a_failure(scene: Scene) -> None:
    webhook_id = subscribe(scene, "http://127.0.0.1:9/")
    bought(scene)
    assert run(scene) == {"failed": 1}
    assert [each.last_error for each in deliveries_of(scene, webhook_id)] == ["the connection failed: ConnectError"]


@pytest.mark.http
def test_an_endless_response_is_not_read(scene: Scene) -> None:
    with receiving("endless") as receiver:
        subscribe(scene, receiver.url)
        bought(scene)
        assert run(scene) == {"delivered": 1}


def test_bad_receivers_cost_good_ones_nothing(scene: Scene) -> None:
    """One after the other, they would take as long as all timeouts together."""
    behaviours: list[Any] = ["good", "hanging", "good", "failing", "dying", "redirecting", "good"]
    with ExitStack() as stack:
        receivers = [stack.enter_context(receiving(behaviour, "http://127.0.0.1:9")) for behaviour in behaviours]
        ids = [subscribe(scene, receiver.url) for receiver in receivers]
        for name in ("anna", "boris", "vera"):
            cancel(scene, bought(scene, name))
        run(scene, 3)
        for receiver, webhook_id in zip(receivers, ids, strict=True):
            if receiver.behaviour == "good":
                require_all(scene, receiver)
                assert deliveries_of(scene, webhook_id) == []
            else:
                assert len(deliveries_of(scene, webhook_id)) == len(wanted(scene))
                # Each subject is tried once at most before the subscriber pauses.
                assert len(receiver.received) <= 3


@pytest.mark.http
def test_a_bad_receiver_is_asked_a_few_times_before_it_pauses(scene: Scene) -> None:
    with receiving("failing") as receiver:
        webhook_id = subscribe(scene, receiver.url, events=("user.registered",))
        for number in range(20):
            scene.user(f"user{number}")
        run(scene)
        assert 1 <= len(receiver.received) <= 8
        receiver.received.clear()
        scene.clock.advance(minutes=1)
        assert run(scene) == {"failed": 1}
        receiver.behaviour = "good"
        scene.clock.advance(minutes=10)
        run(scene)
        assert deliveries_of(scene, webhook_id) == []


# Addresses


@pytest.mark.http
@pytest.mark.parametrize(
    "answer", [["127.0.0.1"], ["8.8.8.8", "127.0.0.1"], ["::1"], ["::ffff:127.0.0.1"], ["169.254.169.254"]]
)
def test_a_name_that_leads_to_a_private_network_is_not_connected_to(scene: Scene, answer: list[str]) -> None:
    with receiving() as receiver:
        port = receiver.url.rpartition(":")[2].partition("/")[0]
        webhook_id = subscribe(scene, f"http://erp.example:{port}/hook")

        async def resolve(host: str, _: int) -> Sequence[str]:
            assert host == "erp.example"
            return answer

        bought(scene)
        assert run(scene, allow_private=False, resolve=resolve) == {"failed": 1}
        assert [each.last_error for each in deliveries_of(scene, webhook_id)] == [
            "the address leads to a private network"
        ]
        assert receiver.received == []


@pytest.mark.http
def test_a_name_is_looked_up_once_for_a_connection(scene: Scene) -> None:
    """A name that leads elsewhere the second time cannot pass the check with the first one."""
    with receiving() as receiver:
        port = receiver.url.rpartition(":")[2].partition("/")[0]
        webhook_id = subscribe(scene, f"http://erp.example:{port}/hook")
        answers = iter([["127.0.0.1"], ["169.254.169.254"]])

        async def resolve(_: str, __: int) -> Sequence[str]:
            return next(answers)

        bought(scene)
        assert run(scene, resolve=resolve) == {"delivered": 1}
        assert receiver.headers[0]["host"] == f"erp.example:{port}"
        bought(scene, "boris")
        assert run(scene, allow_private=False, resolve=resolve) == {"failed": 1}
        assert len(receiver.received) == 1
        assert len(deliveries_of(scene, webhook_id)) == 1


@pytest.mark.http
def test_a_host_without_an_address_is_a_failure(scene: Scene) -> None:
    webhook_id = subscribe(scene, "http://erp.invalid/hook")
    bought(scene)

    async def resolve(_: str, __: int) -> Sequence[str]:
        return []

    run(scene, resolve=resolve)
    assert [each.last_error for each in deliveries_of(scene, webhook_id)] == ["the host has no address"]
    scene.clock.advance(minutes=1)
    # The system's own look-up.
    run(scene)
    [delivery] = deliveries_of(scene, webhook_id)
    assert delivery.attempts == 2


@pytest.mark.http
def test_the_name_of_a_certificate_is_checked(scene: Scene) -> None:
    authority = trustme.CA()
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("erp.example").configure_cert(serving)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    receiver = Receiver()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Receiving", (Handler,), {"receiver": receiver}))
    server.socket = serving.wrap_socket(server.socket, server_side=True)
    server.handle_error = lambda *_: None  # type: ignore[method-assign]
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()

    async def resolve(_: str, __: int) -> Sequence[str]:
        return ["127.0.0.1"]

    try:
        ids = [subscribe(scene, f"https://{name}.example:{server.server_port}/") for name in ("erp", "crm")]
        bought(scene)
        assert run(scene, resolve=resolve, tls=trusting) == {"delivered": 1, "failed": 1}
        assert deliveries_of(scene, ids[0]) == []
        assert [each.last_error for each in deliveries_of(scene, ids[1])] == ["the connection failed: ConnectError"]
        scene.clock.advance(minutes=1)
        bought(scene, "boris")
        assert run(scene, resolve=resolve)["failed"] >= 2
        assert len(receiver.received) == 1
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


# The thread of a server


def test_a_server_delivers_until_it_stops_and_notes_what_it_delivered(scene: Scene) -> None:
    with receiving("hanging") as slow, receiving() as receiver:
        webhook_id, slow_id = subscribe(scene, receiver.url), subscribe(scene, slow.url)
        stopped = threading.Event()
        client = partial(WebhookClient, scene.clock, 60, allow_private=True)
        thread = threading.Thread(target=deliver_until, args=(scene.shop, client, stopped))
        thread.start()
        try:
            bought(scene)
            assert receiver.arrived.acquire(timeout=60)
            assert slow.arrived.acquire(timeout=60)
        finally:
            stopped.set()
            thread.join()
        assert deliveries_of(scene, webhook_id) == []
        # The request was cut off: the event is sent again at once by the next process.
        [delivery] = deliveries_of(scene, slow_id)
        assert delivery.attempts == 0
        assert read_webhook(scene.shop, OPERATOR, slow_id).leased_until is None


@pytest.mark.http
def test_an_error_of_the_store_ends_no_server(logged: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_delivery, "_AFTER_ERROR_SECONDS", 0)
    failures, has_failed = iter([ZeroDivisionError()]), threading.Event()

    class Failing(MemoryStore):
        def read(self, work: Any) -> Any:
            for failure in failures:
                has_failed.set()
                raise failure
            return super().read(work)

    scene = Scene(Failing(), Policy(private_webhooks=True))
    stopped = threading.Event()
    with receiving() as receiver:
        subscribe(scene, receiver.url)
        thread = threading.Thread(
            target=deliver_until, args=(scene.shop, partial(WebhookClient, scene.clock, allow_private=True), stopped)
        )
        thread.start()
        assert has_failed.wait(60)
        bought(scene)
        assert receiver.arrived.acquire(timeout=60)
        stopped.set()
        thread.join()
    assert [entry["event"] for entry in logged] == ["failed"]
