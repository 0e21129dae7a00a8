"""Events, who gets them, and when they are tried again."""

import base64
import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import attrs
import jsonschema
import pytest

from sellout_adapters.testing.bank import Bank
from sellout_adapters.testing.laws.fulfilment.fulfilment import CONFIRM, bought, cancel, deliver, move, pay, units_of
from sellout_adapters.testing.laws.fulfilment.payments import started
from sellout_adapters.testing.scene import PASSWORD, unit_entry
from sellout_core.audit import AuditQuery
from sellout_core.catalogue.stock import StockChange
from sellout_core.errors import FieldCode, InvalidFields, LimitReached, NotFound, Stale
from sellout_core.events.addresses import is_public, target_fault
from sellout_core.events.event import Event, document_of, encoded
from sellout_core.events.kinds import KINDS, PING, EventKind
from sellout_core.events.making import of_registration
from sellout_core.events.subscriptions import (
    MAX_SUBSCRIPTIONS,
    Delivery,
    NewSubscription,
    delivery_delay,
    lane_delay,
    secret_bytes,
)
from sellout_core.fulfilment.lifecycle import RefundState
from sellout_core.fulfilment.money import ProviderPayment
from sellout_core.fulfilment.progress import LineRequest
from sellout_core.people.accounts import OPERATOR, Actor, Registration
from sellout_core.use_cases.catalogue.importing.entries import UnitEdit
from sellout_core.use_cases.catalogue.products import change_unit
from sellout_core.use_cases.catalogue.stock import change_stock
from sellout_core.use_cases.events.dispatching import (
    delete_delivered_events,
    dispatch_events,
    has_work,
    replay_deliveries,
    settle_lane,
    take_lane,
)
from sellout_core.use_cases.events.order_events import begin_following, read_followed, read_order_events
from sellout_core.use_cases.events.services import deliver_to_service, subscribe_service, unsubscribe_service
from sellout_core.use_cases.events.webhooks import (
    NewWebhook,
    WebhookChange,
    WebhookSecret,
    change_webhook,
    create_webhook,
    delete_webhook,
    ping_webhook,
    read_deliveries,
    read_webhook,
    read_webhooks,
    replace_secret,
)
from sellout_core.use_cases.payments import apply_report
from sellout_core.use_cases.people.account.deletion import delete_account
from sellout_core.use_cases.people.registration import create_admin
from sellout_core.use_cases.shopping.fulfilment import move_refunds, request_return
from sellout_core.values import MAX_LINK, Money, SubscriptionId, UserId
from tests.unit.shop_scene import Scene

URL = "https://erp.example/hook"
SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()


def events_of(scene: Scene) -> Sequence[Event]:
    return scene.store.read(lambda tx: tx.events.after(0, 1_000))


def names_of(scene: Scene, kind: str) -> list[str]:
    """The names of all events of a kind of subject, in order."""
    return [event.name for event in events_of(scene) if event.subject.startswith(f"{kind}/")]


def webhook(scene: Scene, **fields: Any) -> SubscriptionId:
    return create_webhook(scene.shop, OPERATOR, NewWebhook(**{"url": URL, **fields})).id


def deliveries_of(scene: Scene, webhook_id: SubscriptionId) -> list[Delivery]:
    found: list[Delivery] = []
    read_deliveries(scene.shop, OPERATOR, webhook_id, found.extend)
    return found


def attempt(scene: Scene, *reasons: str | None) -> int:
    """Takes a lane and settles it with those results. Returns the number of taken deliveries."""
    lane = take_lane(scene.shop, OPERATOR)
    assert lane is not None
    ids = [delivery.id for delivery in lane.deliveries]
    settle_lane(scene.shop, OPERATOR, lane, dict(zip(ids, reasons, strict=False)))
    return len(ids)


def schema_of(kind: EventKind) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {member.name: member.schema for member in kind.members},
        "required": [member.name for member in kind.members],
        "additionalProperties": False,
    }


# What happens


def test_a_user_is_registered_and_deleted(scene: Scene) -> None:
    anna = scene.person()
    create_admin(scene.shop, OPERATOR, Registration("root", PASSWORD))
    delete_account(scene.shop, anna.actor, anna.id, PASSWORD)
    assert [(event.name, event.data) for event in events_of(scene)] == [
        ("user.registered", {"user_id": anna.id}),
        ("user.registered", {"user_id": anna.id + 1}),
        ("user.deleted", {"user_id": anna.id}),
    ]
    assert {event.buyer_id for event in events_of(scene)} == {None}


def test_a_unit_has_an_event_for_its_price_and_its_availability_alone(scene: Scene) -> None:
    goods = scene.goods("dunk", unit_entry(7, stock=1))

    def change(**fields: Any) -> list[str]:
        before = len(events_of(scene))
        change_unit(scene.shop, OPERATOR, goods.unit_id, UnitEdit(**fields), lambda _: True)
        return [event.name for event in events_of(scene)[before:]]

    assert change(delivery_type="Поезд") == []
    assert change(final_price=Money(8)) == ["product_unit.price_changed"]
    assert change(currency="USD") == ["product_unit.price_changed"]
    assert change(availability=False) == ["product_unit.out_of_stock"]
    assert change(availability=True, final_price=Money(9)) == [
        "product_unit.price_changed",
        "product_unit.back_in_stock",
    ]
    assert events_of(scene)[-2].data == {
        "unit_id": goods.unit_id,
        "product_id": goods.product_id,
        "price": 9,
        "currency": "USD",
        "previous_price": 8,
        "previous_currency": "USD",
    }
    change_stock(scene.shop, OPERATOR, goods.unit_id, StockChange(received=3))
    assert len(events_of(scene)) == 5
    change_stock(scene.shop, OPERATOR, goods.unit_id, StockChange(counted=0))
    assert events_of(scene)[-1].name == "product_unit.out_of_stock"


def test_an_order_has_an_event_for_each_step_to_the_buyer_and_back(scene: Scene) -> None:
    order = bought(scene, "anna", 700, 300)
    one, other = units_of(order)
    deliver(scene, order)
    request_return(scene.shop, Actor(order.buyer_id), order.id, LineRequest(unit_ids=(one,)))
    names = names_of(scene, "order")
    assert names[:2] == ["order.placed", "order.payment_captured"]
    assert names[2:-1] == ["order.line_moved"] * 12 + ["order.parcel_shipped"] + ["order.line_moved"] * 2
    assert names[-1] == "order.return_requested"
    by_name = {event.name: event for event in events_of(scene)}
    about = {"order_id": order.id, "buyer_id": order.buyer_id}
    assert by_name["order.placed"].data == {
        **about,
        "total": 1000,
        "delivery_fee": 0,
        "currency": "RUB",
        "lines": [
            {"unit_id": line.unit.id, "product_id": line.unit.product.product.id, "amount": line.amount}
            for line in order.lines
        ],
    }
    assert by_name["order.payment_captured"].data == {**about, "from": "due", "to": "captured", "amount": 1000}
    assert by_name["order.line_moved"].data == {**about, "unit_id": other, "from": "handed_over", "to": "delivered"}
    assert by_name["order.parcel_shipped"].data == {**about, "parcel": 1, "unit_ids": [one, other]}
    assert by_name["order.return_requested"].data == {**about, "unit_id": one}


def test_a_cancelled_order_that_was_paid_is_refunded(scene: Scene) -> None:
    order = bought(scene, "anna", 700)
    pay(scene, order)
    cancel(scene, order)
    for state in (RefundState.SENT, RefundState.FAILED, RefundState.DONE):
        move_refunds(scene.shop, OPERATOR, order.id, LineRequest(), state)
    assert names_of(scene, "order")[2:] == [
        "order.line_moved",
        "order.refund_due",
        "order.cancelled",
        "order.refund_sent",
        "order.refund_failed",
        "order.refund_done",
    ]
    done = events_of(scene)[-1].data
    assert (done["unit_id"], done["to"], done["amount"]) == (units_of(order)[0], "done", 700)


def test_a_part_of_an_order_does_not_cancel_it(scene: Scene) -> None:
    order = bought(scene)
    one, _ = units_of(order)
    cancel(scene, order, one)
    assert "order.cancelled" not in names_of(scene, "order")


def test_a_provider_moves_the_payment(scene: Scene) -> None:
    bank, order = Bank(), bought(scene, "anna", 700)
    payment = started(scene, bank, order)
    apply_report(scene.shop, bank.change(payment, authorised=Money(700)))
    apply_report(scene.shop, bank.change(payment, captured=Money(700)))
    assert names_of(scene, "order")[1:] == ["order.payment_authorised", "order.payment_captured"]
    cancel(scene, order)
    late = started(scene, bank, bought(scene, "boris", 5))
    cancel(scene, scene.store.read(lambda tx: tx.orders.get(late.order_id)))  # type: ignore[arg-type]
    report = ProviderPayment(
        reference=late.reference,
        order_id=late.order_id,
        amount=Money(5),
        currency="RUB",
        authorised=Money(5),
        captured=Money(5),
    )
    apply_report(scene.shop, report)
    assert "order.refund_due" in names_of(scene, "order")


def test_more_than_the_order_can_cost_is_an_event(scene: Scene) -> None:
    bank, order = Bank(), bought(scene, "anna", 700)
    payment = started(scene, bank, order)
    pay(scene, order)
    apply_report(scene.shop, bank.change(payment, authorised=Money(700), captured=Money(700)))
    assert events_of(scene)[-1].data["amount"] == 700
    assert events_of(scene)[-1].name == "order.overpaid"


def test_every_kind_of_event_is_described(scene: Scene) -> None:
    """The events of a shop that does all it can satisfy the schemas of their kinds."""
    order = bought(scene)
    deliver(scene, order)
    request_return(scene.shop, OPERATOR, order.id, LineRequest())
    dead = bought(scene, "boris", 700)
    pay(scene, dead)
    cancel(scene, dead)
    scene.shop = attrs.evolve(scene.shop, payment_provider=Bank())
    ping_webhook(scene.shop, OPERATOR, webhook(scene))
    free = bought(scene, "vera", 0)
    move(scene, free, CONFIRM)
    for event in events_of(scene):
        jsonschema.validate(event.data, schema_of(KINDS[event.name]))
        assert event.version == KINDS[event.name].version
    assert {"order.payment_waived", PING} <= {event.name for event in events_of(scene)}
    for name, kind in KINDS.items():
        assert kind.name == name
        assert kind.cause.endswith(".")
        assert all(member.description.endswith(".") for member in kind.members)


def test_an_events_document_has_what_subscribers_need(scene: Scene) -> None:
    scene.person()
    [event] = events_of(scene)
    document = document_of(event)
    assert document == {
        "id": event.id,
        "type": "user.registered",
        "version": 1,
        "timestamp": "2026-03-01T12:00:00.250000Z",
        "subject": f"user/{event.data['user_id']}",
        "data": event.data,
    }
    assert json.loads(encoded(document)) == document
    assert encoded({"name": "Ёж"}) == '{"name":"Ёж"}'.encode()


# Webhooks


def test_staff_manage_webhooks(scene: Scene) -> None:
    staff = scene.staff()
    created = create_webhook(scene.shop, staff.actor, NewWebhook(url=URL, events=("order.placed",), secret=SECRET))
    subscribe_service(scene.shop, OPERATOR, "warehouse")
    assert (created.url, created.events, created.secret, created.active) == (URL, ("order.placed",), SECRET, True)
    assert read_webhooks(scene.shop, staff.actor) == [created]
    stopped = change_webhook(
        scene.shop, staff.actor, created.id, WebhookChange(active=False, url=f"{URL}/2"), created.__eq__
    )
    assert read_webhook(scene.shop, staff.actor, created.id) == stopped
    assert (stopped.url, stopped.active, stopped.events) == (f"{URL}/2", False, created.events)
    with pytest.raises(Stale):
        change_webhook(scene.shop, staff.actor, created.id, WebhookChange(active=True), created.__eq__)
    with pytest.raises(Stale):
        delete_webhook(scene.shop, staff.actor, created.id, created.__eq__)
    assert change_webhook(scene.shop, staff.actor, created.id, WebhookChange(), stopped.__eq__) == stopped
    assert delete_webhook(scene.shop, staff.actor, created.id, stopped.__eq__) == stopped
    assert read_webhooks(scene.shop, staff.actor) == []
    audited = scene.store.read(lambda tx: tx.audit.after(AuditQuery(), 0, 99))
    assert [entry.action for entry in audited if entry.kind == "webhook"] == ["create", "update", "delete"]
    assert SECRET not in repr(audited)


def test_a_service_is_no_webhook(scene: Scene) -> None:
    service = subscribe_service(scene.shop, OPERATOR, "warehouse").id
    for missing in (service, SubscriptionId(999)):
        with pytest.raises(NotFound):
            read_webhook(scene.shop, OPERATOR, missing)
        with pytest.raises(NotFound):
            ping_webhook(scene.shop, OPERATOR, missing)
        with pytest.raises(NotFound):
            read_deliveries(scene.shop, OPERATOR, missing, lambda _: None)
    with pytest.raises(NotFound):
        replay_deliveries(scene.shop, OPERATOR, SubscriptionId(999))


def test_a_replaced_secret_signs_for_a_day(scene: Scene) -> None:
    created = read_webhook(scene.shop, OPERATOR, webhook(scene))
    assert len(secret_bytes(created.secret)) == 32
    replaced = replace_secret(scene.shop, OPERATOR, created.id, WebhookSecret(secret=SECRET))
    now = scene.clock.now
    assert replaced.keys(now) == (SECRET, created.secret)
    assert replaced.keys(now + timedelta(days=1)) == (SECRET,)
    assert created.keys(now) == (created.secret,)
    assert replace_secret(scene.shop, OPERATOR, created.id, WebhookSecret()).secret not in (SECRET, created.secret)
    assert created.secret not in repr(created)


@pytest.mark.parametrize(
    "secret",
    [
        "",
        "whsec_",
        "whsec_AA==",
        SECRET.removeprefix("whsec_"),
        SECRET + "!",
        "whsec_" + base64.b64encode(bytes(23)).decode(),
        "whsec_" + base64.b64encode(bytes(65)).decode(),
        "whsec_ключ",
    ],
)
def test_a_bad_secret_is_refused(secret: str) -> None:
    with pytest.raises(InvalidFields) as refusal:
        NewWebhook(url=URL, secret=secret)
    assert [(field.name, field.code) for field in refusal.value.fields] == [("secret", FieldCode.MALFORMED)]


@pytest.mark.parametrize("length", [24, 64])
def test_a_secret_has_24_to_64_bytes(length: int) -> None:
    assert WebhookSecret(secret="whsec_" + base64.b64encode(bytes(length)).decode()).secret is not None


@pytest.mark.parametrize("events", [("order.sold",), ("order.placed", "order.placed"), tuple(KINDS) * 2])
def test_unknown_and_repeated_kinds_are_refused(events: tuple[str, ...]) -> None:
    for make in (lambda: NewWebhook(url=URL, events=events), lambda: WebhookChange(events=events)):
        with pytest.raises(InvalidFields):
            make()


def test_a_shop_has_a_hundred_subscriptions(scene: Scene) -> None:
    for _ in range(MAX_SUBSCRIPTIONS - 1):
        webhook(scene)
    subscribe_service(scene.shop, OPERATOR, "warehouse")
    with pytest.raises(LimitReached):
        webhook(scene)
    with pytest.raises(LimitReached):
        subscribe_service(scene.shop, OPERATOR, "shelf")
    changed = subscribe_service(scene.shop, OPERATOR, "warehouse", ["order.placed"])
    assert changed.events == ("order.placed",)
    assert len(read_webhooks(scene.shop, OPERATOR)) == MAX_SUBSCRIPTIONS - 1


# Addresses


@pytest.mark.parametrize(
    "url",
    [
        "http://erp.example/hook",
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://169.254.169.254/latest",
        "https://10.0.0.1:8443/",
        "https://192.168.1.1",
        "https://172.16.0.1",
        "https://100.64.0.1",
        "https://0.0.0.0",
        "https://224.0.0.1",
        "https://240.0.0.1",
        "https://255.255.255.255",
        "https://[::ffff:127.0.0.1]/",
        "https://[::ffff:7f00:1]/",
        "https://[64:ff9b::7f00:1]/",
        "https://[2002:7f00:1::]/",
        "https://[2001:0:0:0:0:0:80ff:fffe]/",
        "https://[fe80::1%25eth0]/",
        "https://[fc00::1]/",
        "https://[fec0::1]/",
        "https://[ff02::1]/",
        "https://127.1/",
        "https://2130706433/",
        "https://0x7f.0.0.1/",
        "https://0x7f000001/",
        "https://127.0.0.1./",
        "https://localhost/",
        "https://LOCALHOST./",
        "https://a.localhost",
        "https://printer.local",
        "https://db.internal/",
        "https://-/",
        "https://a..example/",
    ],
)
def test_events_are_not_sent_to_private_networks(url: str) -> None:
    fault = target_fault(url, allow_private=False)
    assert fault is not None
    assert fault.code in (FieldCode.NOT_ONE_OF, FieldCode.MALFORMED)
    assert target_fault(url, allow_private=True) is None


@pytest.mark.parametrize(
    "url",
    [
        "https://erp.example/hook?key=1",
        "https://erp.example:8443",
        "https://8.8.8.8/",
        "https://[2606:4700::1111]/",
        "https://[::ffff:8.8.8.8]/",
        "https://[2001:0:4136:e378:8000:63bf:f7f7:f7f7]/",
        "https://xn--80ak6aa92e.example./",
        "https://a_b.example/",
    ],
)
def test_events_are_sent_to_the_internet(url: str) -> None:
    assert target_fault(url, allow_private=False) is None


@pytest.mark.parametrize(
    "url",
    [
        "",
        "ftp://erp.example",
        "https:///hook",
        "https://user@erp.example",
        "https://erp.example/#part",
        "https://erp.example/a b",
        "https://erp.example\\@127.0.0.1",
        "https://erp.example:0/",
        "https://erp.example:99999/",
        "https://[::1",
        "https://пример.example",
        "https://erp.example/\r\nHost: a",
        "javascript:alert(1)",
    ],
)
def test_a_malformed_address_is_refused_everywhere(url: str) -> None:
    for allow_private in (False, True):
        fault = target_fault(url, allow_private=allow_private)
        assert fault is not None
        assert fault.code is FieldCode.MALFORMED


def test_an_address_has_a_maximum_length() -> None:
    for allow_private in (False, True):
        longest = "https://erp.example/".ljust(MAX_LINK, "a")
        assert target_fault(longest, allow_private=allow_private) is None
        fault = target_fault(longest + "a", allow_private=allow_private)
        assert fault is not None
        assert fault.code is FieldCode.TOO_LONG


def test_what_is_no_address_is_not_public() -> None:
    assert not is_public("erp.example")
    assert is_public("1.1.1.1")


def test_a_private_address_is_allowed_by_the_policy(scene: Scene) -> None:
    with pytest.raises(InvalidFields) as refusal:
        webhook(scene, url="http://127.0.0.1:8000/hook")
    assert refusal.value.fields[0].name == "url"
    webhook_id = webhook(scene)
    with pytest.raises(InvalidFields):
        change_webhook(scene.shop, OPERATOR, webhook_id, WebhookChange(url="https://10.0.0.1"), lambda _: True)
    scene.shop = attrs.evolve(scene.shop, policy=attrs.evolve(scene.shop.policy, private_webhooks=True))
    webhook(scene, url="http://127.0.0.1:8000/hook")


# Deliveries


def test_a_webhook_gets_what_it_wants_from_its_creation_on(scene: Scene) -> None:
    scene.person("early")
    assert has_work(scene.shop, OPERATOR)
    dispatch_events(scene.shop, OPERATOR)
    every, some, idle = webhook(scene), webhook(scene, events=("order.placed",)), webhook(scene)
    change_webhook(scene.shop, OPERATOR, idle, WebhookChange(active=False), lambda _: True)
    order = bought(scene)
    assert dispatch_events(scene.shop, OPERATOR) == len(deliveries_of(scene, every))
    assert [each.event.subject for each in deliveries_of(scene, some)] == [f"order/{order.id}"]
    assert deliveries_of(scene, idle) == []
    assert dispatch_events(scene.shop, OPERATOR) == 0


def test_a_ping_is_for_one_webhook(scene: Scene) -> None:
    one, other = webhook(scene, events=("order.placed",)), webhook(scene)
    ping_webhook(scene.shop, OPERATOR, one)
    dispatch_events(scene.shop, OPERATOR)
    assert [each.event.data for each in deliveries_of(scene, one)] == [{"webhook_id": one}]
    assert deliveries_of(scene, other) == []


def test_there_is_work_while_a_webhook_is_due(scene: Scene) -> None:
    webhook(scene)
    assert not has_work(scene.shop, OPERATOR)
    scene.person()
    dispatch_events(scene.shop, OPERATOR)
    assert has_work(scene.shop, OPERATOR)
    assert attempt(scene, None) == 1
    assert not has_work(scene.shop, OPERATOR)
    assert take_lane(scene.shop, OPERATOR) is None


def test_a_failure_is_tried_again_up_to_ten_times(scene: Scene) -> None:
    webhook_id = webhook(scene)
    scene.person()
    dispatch_events(scene.shop, OPERATOR)
    waited = []
    for number in range(1, 11):
        assert attempt(scene, f"HTTP 500, {number}") == 1
        [delivery] = deliveries_of(scene, webhook_id)
        assert (delivery.attempts, delivery.last_error) == (number, f"HTTP 500, {number}")
        waited.append(delivery.due_at - scene.clock.now)
        scene.clock.now = max(delivery.due_at, scene.clock.now + timedelta(minutes=6))
    assert delivery.dead_at is not None
    hours = [timedelta(hours=hours) for hours in (2, 5, 10, 14, 20, 24)]
    longest = [timedelta(seconds=5), timedelta(minutes=5), timedelta(minutes=30), *hours]
    for delay, most in zip(waited, longest, strict=False):
        assert 0.8 * most <= delay <= most
    assert take_lane(scene.shop, OPERATOR) is not None
    assert replay_deliveries(scene.shop, OPERATOR, webhook_id) == 1
    scene.clock.advance(minutes=3)
    assert attempt(scene, None) == 1
    assert deliveries_of(scene, webhook_id) == []


def test_kept_events_are_delivered_again(scene: Scene) -> None:
    webhook_id = webhook(scene, events=("user.registered",))
    for number in range(1, 302):
        scene.store.write(lambda tx, number=number: tx.events.add([of_registration(UserId(number), scene.clock.now)]))  # type: ignore[misc]
    bought(scene)
    dispatch_events(scene.shop, OPERATOR)
    while attempt(scene, *[None] * 100) == 100:
        pass
    assert replay_deliveries(scene.shop, OPERATOR, webhook_id, 10) == 292
    assert [each.id for each in deliveries_of(scene, webhook_id)][:2] == [11, 12]
    assert replay_deliveries(scene.shop, OPERATOR, webhook_id, 10**9) == 0
    assert attempt(scene, *[None] * 100) == 100


def test_a_dead_event_lets_the_next_one_of_its_subject_go_on(scene: Scene) -> None:
    webhook_id = webhook(scene, events=("order.placed", "order.line_moved"))
    order = bought(scene, "anna", 700)
    cancel(scene, order)
    dispatch_events(scene.shop, OPERATOR)
    first, second = deliveries_of(scene, webhook_id)
    assert attempt(scene, "HTTP 400") == 2
    scene.clock.advance(seconds=6)
    lane = take_lane(scene.shop, OPERATOR)
    assert lane is not None
    # A subscriber of which nothing succeeds is asked with one event.
    assert [each.id for each in lane.deliveries] == [first.id]
    dead = attrs.evolve(lane.deliveries[0], attempts=9)
    settle_lane(scene.shop, OPERATOR, attrs.evolve(lane, deliveries=[dead]), {first.id: "HTTP 400"})
    scene.clock.advance(minutes=6)
    assert attempt(scene, None) == 1
    assert [each.id for each in deliveries_of(scene, webhook_id)] == [first.id]
    assert second.id != first.id


def test_a_subscriber_of_which_nothing_succeeds_pauses(scene: Scene) -> None:
    webhook_id = webhook(scene)
    for name in ("anna", "boris"):
        scene.person(name)
    dispatch_events(scene.shop, OPERATOR)
    assert attempt(scene, "refused", "refused") == 2
    paused = read_webhook(scene.shop, OPERATOR, webhook_id)
    assert paused.failures == 1
    assert paused.next_at is not None
    assert timedelta(seconds=0.8) <= paused.next_at - scene.clock.now <= timedelta(seconds=1)
    assert take_lane(scene.shop, OPERATOR) is None
    scene.person("vera")
    dispatch_events(scene.shop, OPERATOR)
    # A new event does not end the pause.
    assert read_webhook(scene.shop, OPERATOR, webhook_id) == paused
    scene.clock.advance(seconds=1)
    assert attempt(scene, None) == 1
    assert read_webhook(scene.shop, OPERATOR, webhook_id).failures == 0


def test_a_success_ends_no_pause_of_its_neighbour(scene: Scene) -> None:
    webhook_id = webhook(scene)
    for name in ("anna", "boris"):
        scene.person(name)
    dispatch_events(scene.shop, OPERATOR)
    assert attempt(scene, "HTTP 500", None) == 2
    found = read_webhook(scene.shop, OPERATOR, webhook_id)
    [waiting] = deliveries_of(scene, webhook_id)
    assert (found.failures, found.next_at) == (0, waiting.due_at)
    scene.person("vera")
    dispatch_events(scene.shop, OPERATOR)
    assert attempt(scene, None) == 1


def test_deliveries_without_a_result_stay_due(scene: Scene) -> None:
    webhook_id = webhook(scene)
    for name in ("anna", "boris"):
        scene.person(name)
    dispatch_events(scene.shop, OPERATOR)
    assert attempt(scene) == 2
    assert attempt(scene, None) == 2
    assert attempt(scene, None) == 1
    assert deliveries_of(scene, webhook_id) == []


def test_a_full_lane_goes_on_at_once(scene: Scene) -> None:
    webhook_id = webhook(scene)
    many = [of_registration(UserId(number), scene.clock.now) for number in range(1, 252)]
    scene.store.write(lambda tx: tx.events.add(many))
    assert dispatch_events(scene.shop, OPERATOR) == 251
    assert [attempt(scene, *[None] * 100) for _ in range(3)] == [100, 100, 51]
    assert deliveries_of(scene, webhook_id) == []


def test_a_subscriber_that_is_gone_for_days_gets_no_old_events(scene: Scene) -> None:
    webhook_id = webhook(scene)
    for name in ("anna", "boris"):
        scene.person(name)
    dispatch_events(scene.shop, OPERATOR)
    assert attempt(scene, "refused") == 2
    scene.clock.advance(days=4)
    assert attempt(scene) == 0
    dead = deliveries_of(scene, webhook_id)
    assert {each.last_error for each in dead} == {"the subscriber did not answer for 4 days"}
    assert {each.dead_at for each in dead} == {scene.clock.now}


def test_delivered_events_are_deleted_when_they_are_old(scene: Scene) -> None:
    webhook(scene)
    for number in range(1, 252):
        scene.store.write(lambda tx, number=number: tx.events.add([of_registration(UserId(number), scene.clock.now)]))  # type: ignore[misc]
    dispatch_events(scene.shop, OPERATOR)
    scene.clock.advance(days=7)
    assert delete_delivered_events(scene.shop, OPERATOR) == 0
    while attempt(scene, *[None] * 100) == 100:
        pass
    assert delete_delivered_events(scene.shop, OPERATOR) == 251
    assert events_of(scene) == []


def test_a_lane_that_was_taken_again_or_deleted_is_not_settled(scene: Scene) -> None:
    webhook_id = webhook(scene)
    scene.person()
    dispatch_events(scene.shop, OPERATOR)
    slow = take_lane(scene.shop, OPERATOR)
    assert slow is not None
    scene.clock.advance(minutes=2)
    fast = take_lane(scene.shop, OPERATOR)
    settle_lane(scene.shop, OPERATOR, slow, {slow.deliveries[0].id: None})
    assert len(deliveries_of(scene, webhook_id)) == 1
    assert fast is not None
    delete_webhook(scene.shop, OPERATOR, webhook_id, lambda _: True)
    settle_lane(scene.shop, OPERATOR, fast, {fast.deliveries[0].id: "refused"})
    assert read_webhooks(scene.shop, OPERATOR) == []


def test_delays_grow_and_are_bounded() -> None:
    assert delivery_delay(1, 0) == timedelta(seconds=5)
    assert delivery_delay(9, 0) == timedelta(days=1)
    assert delivery_delay(9, 1) == timedelta(hours=19, minutes=12)
    assert delivery_delay(10, 0) is None
    assert [lane_delay(number, 0).total_seconds() for number in (1, 2, 3, 9, 99)] == [1, 2, 4, 256, 300]


def test_the_reason_of_a_failure_is_short(scene: Scene) -> None:
    scene.person()
    [event] = events_of(scene)
    delivery = Delivery(subscription_id=SubscriptionId(1), event=event, due_at=scene.clock.now)
    assert delivery.failed("a" * 301, scene.clock.now, 0).last_error == "a" * 300
    assert delivery.id == event.id


# Orders of a buyer


def test_a_buyer_reads_the_events_of_their_own_orders(scene: Scene) -> None:
    anna, boris = bought(scene, "anna"), bought(scene, "boris")
    actor = Actor(anna.buyer_id)
    cancel(scene, anna)
    found = read_order_events(scene.shop, actor, anna.buyer_id)
    assert {event.subject for event in found} == {f"order/{anna.id}"}
    assert read_order_events(scene.shop, actor, anna.buyer_id, found[0].id) == found[1:]
    assert begin_following(scene.shop, actor, anna.buyer_id) == found[-1].id
    assert begin_following(scene.shop, actor, anna.buyer_id, found[0].id) == found[0].id
    assert read_followed(scene.shop, OPERATOR, {anna.buyer_id: found[0].id, boris.buyer_id: 10**9}) == found[1:]
    foreign = next(event.id for event in events_of(scene) if event.subject == f"order/{boris.id}")
    for unknown in (foreign, 10**9, events_of(scene)[0].id):
        for read in (read_order_events, begin_following):
            with pytest.raises(InvalidFields) as refusal:
                read(scene.shop, actor, anna.buyer_id, unknown)
            assert [field.name for field in refusal.value.fields] == ["last_event_id"]


# Services


def test_a_service_that_raises_gets_the_event_again(scene: Scene) -> None:
    subscribe_service(scene.shop, OPERATOR, "warehouse", ["order.placed", "order.line_moved"])
    order = bought(scene, "anna", 700)
    cancel(scene, order)
    got: list[Event] = []

    def fail(event: Event) -> None:
        got.append(event)
        raise ValueError(order.email)

    assert deliver_to_service(scene.shop, OPERATOR, "warehouse", fail) == 0
    assert len(got) == 1
    scene.clock.advance(seconds=6)
    assert deliver_to_service(scene.shop, OPERATOR, "warehouse", got.append) == 1
    assert deliver_to_service(scene.shop, OPERATOR, "warehouse", got.append) == 1
    assert deliver_to_service(scene.shop, OPERATOR, "warehouse", got.append) == 0
    assert [event.name for event in got] == ["order.placed", "order.placed", "order.line_moved"]
    assert deliver_to_service(scene.shop, OPERATOR, "shelf", got.append) == 0


def test_a_slow_service_notes_its_results_before_its_lease_ends(scene: Scene) -> None:
    subscribe_service(scene.shop, OPERATOR, "warehouse")
    for name in ("anna", "boris", "vera"):
        scene.person(name)
    got: list[Event] = []

    def handle(event: Event) -> None:
        got.append(event)
        scene.clock.advance(seconds=40)

    assert deliver_to_service(scene.shop, OPERATOR, "warehouse", handle) == 2
    assert deliver_to_service(scene.shop, OPERATOR, "warehouse", handle) == 1
    assert len(got) == 3


def test_a_service_that_is_gone_keeps_no_events(scene: Scene) -> None:
    subscribe_service(scene.shop, OPERATOR, "warehouse")
    kept = subscribe_service(scene.shop, OPERATOR, "shelf", ["order.placed"])
    scene.person()
    dispatch_events(scene.shop, OPERATOR)
    scene.clock.advance(days=8)
    assert delete_delivered_events(scene.shop, OPERATOR) == 0
    unsubscribe_service(scene.shop, OPERATOR, "warehouse")
    assert delete_delivered_events(scene.shop, OPERATOR) == 1
    with pytest.raises(NotFound):
        unsubscribe_service(scene.shop, OPERATOR, "warehouse")
    assert scene.store.read(lambda tx: tx.subscriptions.all()) == [kept]


def test_a_service_has_a_name() -> None:
    for name in ("", " ", "a" * 51, "a\nb", "3"):
        with pytest.raises(InvalidFields):
            NewSubscription(service=name, created_at=Scene().clock.now)
