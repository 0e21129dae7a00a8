"""A process that is killed at any point loses no event, and no order of events."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from sellout_adapters.sql import SqlStore
from sellout_adapters.testing.laws.fulfilment.fulfilment import bought, cancel
from sellout_adapters.testing.scene import Scene
from sellout_core.people.accounts import OPERATOR
from sellout_core.shop import Policy
from sellout_core.use_cases.events.webhooks import NewWebhook, create_webhook
from tests.contract.conftest import PERSISTENT
from tests.contract.support.killed import killed_work
from tests.contract.support.receiver import Receiver, receiving

EMPTY: Final = 1_000_000
"""More statements than any work has."""

PREPARE: Final = """
import threading
from functools import partial
from pathlib import Path

from sellout_adapters.sql import SqlStore
from sellout_adapters.testing.laws.fulfilment.fulfilment import cancel
from sellout_adapters.testing.scene import Scene
from sellout_adapters.webhooks.client import WebhookClient
from sellout_core.people.accounts import OPERATOR
from sellout_core.use_cases.shopping.checkout import check_out
from sellout_http.event_delivery import deliver_events

def scene_at(url, folder):
    # Each process begins an hour after the one before: the leases of a killed one have ended.
    scene = Scene(SqlStore.open(url, connections=4))
    hours = Path(folder, "hours")
    hour = int(hours.read_text()) if hours.exists() else 0
    hours.write_text(str(hour + 1))
    scene.clock.advance(hours=hour)
    return scene

def deliver(url, folder):
    scene = scene_at(url, folder)
    client = partial(WebhookClient, scene.clock, allow_private=True)
    return lambda: deliver_events(scene.shop, client, threading.Event())

def change(url, folder):
    scene = scene_at(url, folder)
    order = scene.store.read(lambda tx: tx.orders.after(0, 1_000))[-1]
    return lambda: cancel(scene, order)

def prepare(kind, *arguments):
    return {"deliver": deliver, "change": change}[kind](*arguments)
"""


@pytest.fixture(params=PERSISTENT)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SqlStore]:
    """A store that a process can open by its URL."""
    with PERSISTENT[request.param](tmp_path) as store:
        yield store


def url_of(store: SqlStore) -> str:
    return store.engine.url.render_as_string(hide_password=False)


def require_all(scene: Scene, receiver: Receiver, subject: str) -> None:
    """Asserts that a receiver got all events of a subject in order, each once or several times."""
    events = scene.store.read(lambda tx: tx.events.after(0, 10_000))
    assert receiver.of_subject(subject) == [event.id for event in events if event.subject == subject]


def test_a_process_that_is_killed_anywhere_delivers_every_event_in_order(
    store: SqlStore, tmp_path: Path, deep: bool
) -> None:
    scene = Scene(store, Policy(private_webhooks=True))
    kills = repeated = 0
    with receiving() as receiver, killed_work(PREPARE, "deliver", url_of(store), str(tmp_path)) as killed:
        for _ in range(2):
            create_webhook(scene.shop, OPERATOR, NewWebhook(url=receiver.url))
        for number in range(1, 100, 1 if deep else 4):
            order = bought(scene, f"buyer{number}", 700)
            cancel(scene, order)
            receiver.received.clear()
            was_killed = killed(number)
            if was_killed:
                assert not killed(EMPTY)
            subject = f"order/{order.id}"
            require_all(scene, receiver, subject)
            arrived = [body["id"] for body in receiver.received if body["subject"] == subject]
            # Each of two webhooks gets each event once, and again after a kill between its arrival and its note.
            assert all(arrived.count(event_id) >= 2 for event_id in arrived)
            repeated += len(arrived) > 2 * len(set(arrived))
            kills += was_killed
            if not was_killed:
                break
    assert kills > (20 if deep else 5)
    assert repeated


def test_a_change_that_is_killed_anywhere_has_its_events_if_it_was_made(
    store: SqlStore, tmp_path: Path, deep: bool
) -> None:
    scene = Scene(store)
    outcomes = set()
    with killed_work(PREPARE, "change", url_of(store), str(tmp_path)) as killed:
        for number in range(1, 100, 1 if deep else 4):
            order = bought(scene, f"buyer{number}", 700)
            was_killed = killed(number)
            fulfilment = store.read(lambda tx, order=order: tx.fulfilments.get(order.id))  # type: ignore[misc]
            assert fulfilment is not None
            events = store.read(lambda tx: tx.events.after(0, 10_000))
            names = [event.name for event in events if event.subject == f"order/{order.id}"]
            was_made = not fulfilment.live
            made = ["order.line_moved", "order.payment_voided", "order.cancelled"]
            assert names == ["order.placed", *(made if was_made else [])]
            back = [event for event in events if event.name == "product_unit.back_in_stock"]
            assert len([each for each in back if each.data["unit_id"] == order.lines[0].unit.id]) == was_made
            outcomes.add((was_killed, was_made))
            if not was_killed:
                break
    assert {(True, False), (False, True)} <= outcomes
