"""The commands that list, replay and deliver events."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sellout_adapters.sql import SqlStore
from sellout_adapters.testing.laws.fulfilment.fulfilment import bought, cancel
from sellout_adapters.testing.scene import Scene
from sellout_core.events.subscriptions import Delivery
from sellout_core.people.accounts import OPERATOR
from sellout_core.shop import Policy
from sellout_core.use_cases.events.dispatching import dispatch_events
from sellout_core.use_cases.events.services import subscribe_service
from sellout_core.use_cases.events.webhooks import NewWebhook, create_webhook
from sellout_core.values import SubscriptionId
from tests.contract.support.command import Run, assert_fails, running_server
from tests.contract.support.receiver import receiving, verify
from tests.contract.support.secrecy import WEBHOOK_SECRET

PRIVATE = {"SELLOUT_WEBHOOKS_ALLOW_PRIVATE": "yes"}


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    """The shop of the commands."""
    store = SqlStore.open(f"sqlite:///{tmp_path / 'sellout.db'}")
    scene = Scene(store, Policy(private_webhooks=True))
    scene.clock.now = datetime.now(UTC)
    yield scene
    store.close()


def subscribe(scene: Scene, url: str) -> SubscriptionId:
    new = NewWebhook(url=url, secret=WEBHOOK_SECRET, events=("order.placed", "order.cancelled"))
    return create_webhook(scene.shop, OPERATOR, new).id


def deliveries_of(scene: Scene, subscription_id: SubscriptionId) -> list[Delivery]:
    return list(scene.store.read(lambda tx: tx.deliveries.after(subscription_id, 0, 99)))


def test_events_are_listed(invoke: Run, scene: Scene) -> None:
    order = bought(scene)
    lines = invoke("events", "list").stdout.splitlines()
    events = scene.store.read(lambda tx: tx.events.after(0, 99))
    assert [line.split(maxsplit=4)[:1] + line.split(maxsplit=4)[2:4] for line in lines] == [
        [str(event.id), event.name, event.subject] for event in events
    ]
    assert json.loads(lines[1].split(maxsplit=4)[4])["total"] == order.total
    assert invoke("events", "list", "--after", "1", "--limit", "1").stdout.splitlines() == lines[1:2]
    assert invoke("events", "list", "--after", str(2**53 - 1)).stdout == ""
    assert_fails(invoke("events", "list", "--limit", "0"), "0 is not in the range", 2)


def test_dead_deliveries_are_listed_and_replayed(invoke: Run, scene: Scene) -> None:
    webhook_id = subscribe(scene, "http://127.0.0.1:9/")
    cancel(scene, bought(scene))
    dispatch_events(scene.shop, OPERATOR)
    waiting = [
        line.split(maxsplit=4)[2:] for line in invoke("events", "list", "--to", str(webhook_id)).stdout.splitlines()
    ]
    assert [line[0::2] for line in waiting] == [["order.placed", "waiting"], ["order.cancelled", "waiting"]]
    now = scene.clock.now
    scene.store.write(lambda tx: tx.deliveries.give_up(webhook_id, now, now, "HTTP 500"))
    assert "order.cancelled order/1 dead HTTP 500" in invoke("events", "list", "--to", str(webhook_id)).stdout
    assert invoke("events", "replay", str(webhook_id)).stdout == "2 deliveries are due.\n"
    assert {each.dead_at for each in deliveries_of(scene, webhook_id)} == {None}
    assert invoke("events", "replay", str(webhook_id), "--after", "0").stdout == "2 deliveries are due.\n"
    for command in (["replay", "shelf"], ["replay", "99"], ["list", "--to", "shelf"]):
        assert_fails(invoke("events", *command), f"there is no subscriber {command[-1]}", 1)


def test_a_service_is_named(invoke: Run, scene: Scene) -> None:
    subscribe_service(scene.shop, OPERATOR, "warehouse", ["order.placed"])
    bought(scene)
    dispatch_events(scene.shop, OPERATOR)
    assert " order.placed order/1 waiting\n" in invoke("events", "list", "--to", "warehouse").stdout
    assert invoke("events", "replay", "warehouse").stdout == "0 deliveries are due.\n"
    assert invoke("events", "unsubscribe", "warehouse").stdout == "Ended the subscription of warehouse.\n"
    assert_fails(invoke("events", "unsubscribe", "warehouse"), "there is no service warehouse", 1)
    assert_fails(invoke("events", "list", "--to", "warehouse"), "there is no subscriber warehouse", 1)


def test_work_delivers_what_is_due(invoke: Run, scene: Scene) -> None:
    with receiving() as receiver:
        webhook_id = subscribe(scene, receiver.url)
        other = subscribe(scene, "http://127.0.0.1:9/")
        cancel(scene, bought(scene))
        done = invoke("work", "--once", **PRIVATE)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout == "0 unpaid orders have expired.\nEvents: 2 delivered, 1 failed.\n"
        assert [verify(headers)["type"] for headers in receiver.headers] == ["order.placed", "order.cancelled"]
        assert deliveries_of(scene, webhook_id) == []
        assert len(deliveries_of(scene, other)) == 2
        assert invoke("work", "--once", **PRIVATE).stdout == "0 unpaid orders have expired.\n"


def test_work_sends_nothing_to_private_networks_by_default(invoke: Run, scene: Scene) -> None:
    with receiving() as receiver:
        webhook_id = subscribe(scene, receiver.url)
        bought(scene)
        assert "Events: 1 failed." in invoke("work", "--once").stdout
        [delivery] = deliveries_of(scene, webhook_id)
        assert delivery.last_error == "the address leads to a private network"
        assert receiver.received == []


def test_a_server_delivers_and_ends_while_a_receiver_hangs(scene: Scene, tmp_path: Path) -> None:
    with receiving("hanging") as slow, receiving() as receiver:
        subscribe(scene, slow.url)
        webhook_id = subscribe(scene, receiver.url)
        with running_server(tmp_path, **PRIVATE) as (server, _):
            bought(scene)
            assert receiver.arrived.acquire(timeout=60)
            assert slow.arrived.acquire(timeout=60)
            assert server.stop() == (0, "")
        assert [verify(headers)["type"] for headers in receiver.headers] == ["order.placed"]
        assert deliveries_of(scene, webhook_id) == []
