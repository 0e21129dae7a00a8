"""The provider Stripe, against a server that speaks its protocol and keeps books."""

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

import attrs
import httpx2
import pytest

from sellout_adapters.memory import MemoryStore
from sellout_adapters.payments.stripe import SIGNATURE, StripeProvider
from sellout_adapters.testing.laws.fulfilment.fulfilment import (
    CONFIRM,
    bought,
    cancel,
    history_of,
    move,
    present,
    replayed,
    stored,
    units_of,
    user_of,
)
from sellout_adapters.testing.laws.fulfilment.payments import NOTICES, refund, settled_by
from sellout_adapters.testing.laws.races import racing
from sellout_adapters.testing.scene import Scene
from sellout_core.errors import InvalidFields, NotFound, Unavailable
from sellout_core.fulfilment.lifecycle import PaymentState, RefundState
from sellout_core.fulfilment.money import CommandKind, NewPayment, OnlinePayment, ProviderCommand
from sellout_core.fulfilment.refusals import BadNotice, PaymentMismatch
from sellout_core.people.accounts import OPERATOR
from sellout_core.ports.payments import ProviderFailed, RefundRefused
from sellout_core.ports.store import Store
from sellout_core.shopping.ordering import Order
from sellout_core.use_cases import payments
from sellout_core.values import Money, OrderId
from sellout_http.upkeep import settle_payments
from tests.contract.support.buyer import noadmin
from tests.contract.support.shop import Served, demo_shop, log_in, problem_of, serving_shop
from tests.servers.stripe import KEY, SECRET, Document, Refusal, StripeServer, stripe_server

BACK = "https://shop.example/paid"


@pytest.fixture
def server() -> Iterator[StripeServer]:
    with stripe_server() as server:
        yield server


@pytest.fixture
def provider(server: StripeServer) -> StripeProvider:
    return StripeProvider(KEY, SECRET, BACK, address=server.address)


@attrs.frozen
class Desk:
    """A shop whose provider is Stripe, with an order of two units for 700 and 300."""

    scene: Scene
    server: StripeServer
    order: Order

    @classmethod
    def over(cls, store: Store, server: StripeServer, provider: StripeProvider) -> "Desk":
        scene = Scene(store)
        scene.shop = attrs.evolve(scene.shop, payment_provider=provider)
        return cls(scene, server, bought(scene))

    def start(self) -> OnlinePayment:
        return payments.start_payment(self.scene.shop, OPERATOR, self.order.id).payment

    def tell(self, kind: str, subject: Document) -> None:
        """Stripe sends an event."""
        content = self.server.event(kind, subject)
        self.take(content, self.server.signed(content, self.scene.clock.now))

    def take(self, content: bytes, *signatures: str) -> None:
        payments.take_notice(self.scene.shop, "stripe", {SIGNATURE: list(signatures)}, content)

    def hold(self) -> OnlinePayment:
        """The buyer pays, and Stripe says so."""
        started = self.start()
        self.tell("checkout.session.completed", self.server.pay(started.reference))
        return stored(self.scene, self.order.id).online[0]

    def captured(self) -> OnlinePayment:
        """The buyer has paid, and staff have confirmed both units."""
        self.hold()
        move(self.scene, self.order, CONFIRM)
        assert settled_by(self.scene) == [CommandKind.CAPTURE]
        return stored(self.scene, self.order.id).online[0]

    @property
    def totals(self) -> tuple[int, ...]:
        [paid] = stored(self.scene, self.order.id).online
        return paid.authorised, paid.captured, paid.released, paid.refunded


@pytest.fixture
def desk(store: Store, server: StripeServer, provider: StripeProvider) -> Desk:
    return Desk.over(store, server, provider)


@pytest.fixture
def memory_desk(server: StripeServer, provider: StripeProvider) -> Desk:
    return Desk.over(MemoryStore(), server, provider)


def test_an_order_is_held_captured_once_and_paid_back(desk: Desk) -> None:
    scene, order = desk.scene, desk.order
    one, two = units_of(order)
    started = desk.start()
    assert started.page == "https://checkout.stripe.com/c/pay/cs_test_1#fragment"
    [session] = desk.server.sessions.values()
    assert (session["amount_total"], session["currency"]) == (100_000, "rub")
    assert session["success_url"] == f"{BACK}?order_id={order.id}"
    assert session["metadata"] == {"order_id": str(order.id), "number": "1"}
    desk.tell("checkout.session.completed", desk.server.pay(started.reference))
    assert (stored(scene, order.id).payment, desk.totals) == (PaymentState.AUTHORISED, (1000, 0, 0, 0))
    # The rest is released by the capture, so a unit that is cancelled before it costs no request.
    cancel(scene, order, two)
    assert settled_by(scene) == []
    move(scene, order, CONFIRM, one)
    assert settled_by(scene) == [CommandKind.CAPTURE]
    assert desk.totals == (1000, 700, 300, 0)
    found = stored(scene, order.id)
    assert (found.settled, found.held, found.due) == (True, 0, 0)
    cancel(scene, order, one)
    assert settled_by(scene) == [CommandKind.REFUND]
    found = stored(scene, order.id)
    assert ([each.state for each in found.refunds], desk.totals) == ([RefundState.DONE], (1000, 700, 300, 700))
    assert user_of(scene, order).purchased_total == 0
    assert replayed(order, history_of(scene, order)) == present(found)
    [intent] = desk.server.intents.values()
    assert intent["amount_received"] == 70_000
    assert [each["amount"] for each in desk.server.refunds.values() if each["moved"]] == [70_000]


def test_the_first_confirmed_unit_captures_everything_and_the_other_one_is_paid_back(desk: Desk) -> None:
    scene, order = desk.scene, desk.order
    one, two = units_of(order)
    desk.hold()
    move(scene, order, CONFIRM, one)
    assert settled_by(scene) == [CommandKind.CAPTURE]
    assert desk.totals == (1000, 1000, 0, 0)
    cancel(scene, order, two)
    assert settled_by(scene) == [CommandKind.REFUND]
    found = stored(scene, order.id)
    assert (desk.totals, found.settled, found.refunded) == ((1000, 1000, 0, 300), True, 300)


def test_a_hold_of_a_cancelled_order_is_released_as_a_whole(desk: Desk) -> None:
    desk.hold()
    cancel(desk.scene, desk.order)
    assert settled_by(desk.scene) == [CommandKind.RELEASE]
    found = stored(desk.scene, desk.order.id)
    assert (desk.totals, found.held, found.payment) == ((1000, 0, 1000, 0), 0, PaymentState.VOIDED)
    [intent] = desk.server.intents.values()
    assert intent["status"] == "canceled"


def test_a_page_of_a_cancelled_order_is_closed(desk: Desk) -> None:
    started = desk.start()
    cancel(desk.scene, desk.order)
    assert settled_by(desk.scene) == [CommandKind.RELEASE]
    assert desk.server.sessions[started.reference]["status"] == "expired"
    assert stored(desk.scene, desk.order.id).online[0].closed


def test_a_payment_of_an_order_that_died_is_released_or_becomes_a_refund_due(desk: Desk) -> None:
    scene, order = desk.scene, desk.order
    started = desk.start()
    cancel(scene, order)
    # The buyer was faster than the shop.
    session = desk.server.pay(started.reference)
    # Staff capture it on Stripe's pages.
    intent = desk.server._captured(desk.server.intents[session["payment_intent"]], 100_000)
    desk.tell("payment_intent.succeeded", intent)
    found = stored(scene, order.id)
    assert {each.state for each in found.refunds} == {RefundState.DUE}
    assert (found.captured, found.refunded, found.live) == (1000, 1000, ())
    assert settled_by(scene) == [CommandKind.REFUND]
    assert {each.state for each in stored(scene, order.id).refunds} == {RefundState.DONE}


def test_a_buyer_who_pays_for_a_dead_order_gets_the_hold_back(desk: Desk) -> None:
    started = desk.start()
    cancel(desk.scene, desk.order)
    desk.server.pay(started.reference)
    assert settled_by(desk.scene) == [CommandKind.RELEASE, CommandKind.RELEASE]
    assert desk.totals == (1000, 0, 1000, 0)
    assert stored(desk.scene, desk.order.id).captured == 0


def test_the_same_event_twenty_times_at_once_is_one_transition(desk: Desk) -> None:
    started = desk.start()
    session = desk.server.pay(started.reference)
    content = desk.server.event("checkout.session.completed", session)
    signature = desk.server.signed(content, desk.scene.clock.now)
    assert racing(NOTICES, lambda _: desk.take(content, signature)) == [None] * NOTICES
    found = stored(desk.scene, desk.order.id)
    assert (found.payment, found.held) == (PaymentState.AUTHORISED, 1000)
    assert len(history_of(desk.scene, desk.order)) == 1


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_the_order_of_events_does_not_matter(memory_desk: Desk, order: tuple[int, ...]) -> None:
    desk = memory_desk
    paid = desk.captured()
    cancel(desk.scene, desk.order, units_of(desk.order)[1])
    settled_by(desk.scene)
    before, history = stored(desk.scene, desk.order.id), history_of(desk.scene, desk.order)
    session = desk.server.sessions[paid.reference]
    [intent], [charge] = desk.server.intents.values(), desk.server.charges.values()
    # What the events have is as old as they are.
    events = (
        ("checkout.session.completed", session),
        ("payment_intent.amount_capturable_updated", {**intent, "status": "requires_capture", "amount_received": 0}),
        ("charge.refunded", {**charge, "amount_refunded": 1}),
    )
    for number in order:
        desk.tell(*events[number])
    assert (stored(desk.scene, desk.order.id), history_of(desk.scene, desk.order)) == (before, history)


def test_an_event_is_signed_by_stripe_and_recent(memory_desk: Desk) -> None:
    desk, now = memory_desk, memory_desk.scene.clock.now
    started = desk.start()
    content = desk.server.event("checkout.session.completed", desk.server.pay(started.reference))
    good = desk.server.signed(content, now)
    old = desk.server.signed(content, now - timedelta(seconds=301))
    seconds = good.split(",")[0]
    before = stored(desk.scene, desk.order.id)
    for bad in (
        (),
        ("",),
        ("nonsense",),
        (good, good),
        (old,),
        (desk.server.signed(content, now + timedelta(seconds=301)),),
        (desk.server.signed(content, now, "whsec_another"),),
        (desk.server.signed(content + b" ", now),),
        # The time is signed, too.
        (good.replace(seconds, old.split(",")[0]),),
        (good.replace("v1=", "v2="),),
        (f"{seconds},v1=",),
        (f"{good},v1=é",),
        (f"t=,{good.split(',', 1)[1]}",),
    ):
        with pytest.raises(BadNotice):
            desk.take(content, *bad)
    with pytest.raises(BadNotice):
        desk.take(b"\xff", good)
    assert stored(desk.scene, desk.order.id) == before
    # The signatures of two secrets, while one is replaced by the other.
    desk.take(content, good.replace(",v1=", ",v1=00,v1="))
    assert stored(desk.scene, desk.order.id).payment is PaymentState.AUTHORISED


def test_an_event_may_be_five_minutes_old(memory_desk: Desk) -> None:
    desk = memory_desk
    # A signature has whole seconds.
    desk.scene.clock.now = desk.scene.clock.now.replace(microsecond=0)
    session = desk.server.pay(desk.start().reference)
    content = desk.server.event("checkout.session.completed", session)
    for seconds in (-300, 300):
        desk.take(content, desk.server.signed(content, desk.scene.clock.now + timedelta(seconds=seconds)))
    assert stored(desk.scene, desk.order.id).payment is PaymentState.AUTHORISED


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"amount": 100_001}, PaymentMismatch),
        ({"amount": 99_900}, PaymentMismatch),
        ({"amount": 100_100, "amount_capturable": 100_100}, PaymentMismatch),
        ({"currency": "usd"}, PaymentMismatch),
        ({"currency": "jpy"}, PaymentMismatch),
        ({"status": "succeeded", "amount_received": 100_001}, PaymentMismatch),
        ({"status": "succeeded", "amount_received": 50_050}, PaymentMismatch),
    ],
)
def test_another_amount_or_currency_marks_nothing_paid(
    memory_desk: Desk, changes: dict[str, Any], error: type[Exception]
) -> None:
    desk = memory_desk
    session = desk.server.pay(desk.start().reference)
    desk.server.intents[session["payment_intent"]].update(changes)
    before = stored(desk.scene, desk.order.id)
    with pytest.raises(error):
        desk.tell("checkout.session.completed", session)
    assert stored(desk.scene, desk.order.id) == before
    # Nor does asking.
    desk.scene.clock.advance(minutes=1)
    assert settled_by(desk.scene) == [None]
    found = stored(desk.scene, desk.order.id)
    assert (found.payment, found.online[0].last_error) == (PaymentState.DUE, str(PaymentMismatch()))


def test_a_payment_of_another_order_marks_nothing_paid(memory_desk: Desk) -> None:
    desk = memory_desk
    other = bought(desk.scene, "boris")
    session = desk.server.pay(desk.start().reference)
    before = stored(desk.scene, desk.order.id)
    for order_id in (other.id, OrderId(10**6)):
        session["metadata"] = {"order_id": str(order_id)}
        with pytest.raises(NotFound):
            desk.tell("checkout.session.completed", session)
    # A session that Stripe has, and the shop does not.
    desk.server.sessions["cs_test_9"] = {**session, "id": "cs_test_9", "metadata": {"order_id": str(desk.order.id)}}
    with pytest.raises(NotFound):
        desk.tell("checkout.session.completed", desk.server.sessions["cs_test_9"])
    assert stored(desk.scene, desk.order.id) == before
    assert stored(desk.scene, other.id).online == ()


def test_what_the_account_does_besides_is_no_notice(memory_desk: Desk) -> None:
    desk = memory_desk
    session = desk.server.pay(desk.start().reference)
    before, asked = stored(desk.scene, desk.order.id), len(desk.server.asked)
    for subject in (
        {"object": "customer", "id": "cus_1"},
        {"object": "charge", "id": "ch_9", "payment_intent": None},
        {"object": "checkout.session", "id": "cs_test_1/../../refunds"},
        {"object": "payment_intent", "id": 7},
    ):
        desk.tell("some.event", subject)
    assert len(desk.server.asked) == asked
    desk.tell("payment_intent.succeeded", {"object": "payment_intent", "id": "pi_99"})
    for metadata in ({}, None, {"order_id": "A-1"}, {"order_id": "0"}, {"order_id": "9" * 17}):
        session["metadata"] = metadata
        desk.tell("checkout.session.completed", session)
    assert stored(desk.scene, desk.order.id) == before
    for content in (b"{", b"[]", b"{}", b'{"data": 1}', b'{"data": {"object": []}}'):
        with pytest.raises(InvalidFields):
            desk.take(content, desk.server.signed(content, desk.scene.clock.now))


ANSWERS: tuple[tuple[int, bytes, str], ...] = (
    (500, b'{"error": {"type": "api_error", "message": "sorry"}}', "APIError, HTTP 500"),
    (500, b"<html>", "APIError, HTTP 500"),
    (503, b"", "APIError, HTTP 503"),
    (429, b'{"error": {"type": "invalid_request_error", "code": "rate_limit"}}', "RateLimitError, HTTP 429"),
    (401, b'{"error": {"type": "invalid_request_error", "message": "sk_test_"}}', "AuthenticationError, HTTP 401"),
    (403, b'{"error": {"type": "invalid_request_error"}}', "PermissionError, HTTP 403"),
    (400, b'{"error": {"type": "invalid_request_error", "code": "a b\\u0000"}}', "InvalidRequestError, HTTP 400"),
    (302, b"", "TooManyRedirects"),
    (200, b"", "APIError, HTTP 200"),
    (200, b"\xff", "not UTF-8"),
    (200, b"[" * 60_000, "APIError, HTTP 200"),
    (200, b"{}", "the answer"),
    (200, b"[]", "the answer"),
    (200, b"7", "the answer"),
    (200, b'{"id": "cs_test_1", "object": "checkout.session"}', "the answer"),
    (200, b'{"id": 1, "url": "https://checkout.stripe.com", "metadata": {}}', "the answer"),
)


@pytest.mark.parametrize(("status", "body", "reason"), ANSWERS, ids=range(len(ANSWERS)))
def test_a_bad_answer_leaves_the_order_as_it_was(memory_desk: Desk, status: int, body: bytes, reason: str) -> None:
    desk = memory_desk
    untouched = stored(desk.scene, desk.order.id)
    desk.server.answer = status, body
    with pytest.raises(Unavailable, match=reason) as refusal:
        desk.start()
    assert KEY not in str(refusal.value)
    # It is neither asked again at once, nor followed elsewhere.
    assert len(desk.server.asked) == 1
    assert stored(desk.scene, desk.order.id) == untouched
    desk.server.answer = None
    paid = desk.hold()
    move(desk.scene, desk.order, CONFIRM)
    desk.server.answer, before = (status, body), stored(desk.scene, desk.order.id)
    with pytest.raises(Unavailable, match=reason):
        desk.tell("checkout.session.completed", {"object": "checkout.session", "id": paid.reference})
    assert settled_by(desk.scene) == [CommandKind.CAPTURE]
    found = stored(desk.scene, desk.order.id)
    assert (found.payment, found.captured, found.held) == (before.payment, 0, 1000)
    assert found.online[0].attempts == 1
    assert reason in found.online[0].last_error
    assert KEY not in found.online[0].last_error
    desk.server.answer = None
    assert settled_by(desk.scene) == []
    desk.scene.clock.advance(minutes=1)
    assert settled_by(desk.scene) == [CommandKind.CAPTURE]
    assert desk.totals == (1000, 1000, 0, 0)


def test_a_server_that_is_slow_or_not_there_is_a_failure(server: StripeServer) -> None:
    slow = StripeProvider(KEY, SECRET, BACK, seconds=0.05, address=server.address)
    server.answered.clear()
    with pytest.raises(ProviderFailed, match="read: ReadTimeout"):
        slow.read(PAYMENT)
    with pytest.raises(ProviderFailed, match="read: ConnectionError"):
        StripeProvider(KEY, SECRET, BACK, address="http://127.0.0.1:9").read(PAYMENT)


def test_a_command_whose_answer_was_lost_is_carried_out_once(memory_desk: Desk, provider: StripeProvider) -> None:
    """Even when Stripe has forgotten its idempotency key, and when more is asked for than before."""
    desk = memory_desk
    held = desk.hold()
    capture = ProviderCommand(CommandKind.CAPTURE, Money(1000), "capture")
    for _ in range(3):
        assert provider.carry_out(held, capture).captured == 1000
        desk.server.forget_keys()
    paid = attrs.evolve(held, captured=Money(1000))
    for amount in (300, 300, 1000):
        assert provider.carry_out(paid, ProviderCommand(CommandKind.REFUND, Money(amount), "key")).refunded == amount
        desk.server.forget_keys()
    assert [each["amount"] for each in desk.server.refunds.values()] == [30_000, 70_000]
    for kind in CommandKind:
        provider.carry_out(attrs.evolve(paid, refunded=Money(0)), ProviderCommand(kind, Money(0), "key"))
    assert len(desk.server.refunds) == 2


def test_a_hold_is_not_released_in_parts(memory_desk: Desk, provider: StripeProvider) -> None:
    held = memory_desk.hold()
    with pytest.raises(ProviderFailed, match="as a whole"):
        provider.carry_out(held, ProviderCommand(CommandKind.RELEASE, Money(1), "key"))
    assert provider.read(held).authorised == 1000


def test_closing_the_page_of_a_payment_that_was_made_releases_nothing(
    memory_desk: Desk, provider: StripeProvider
) -> None:
    held = memory_desk.hold()
    report = provider.carry_out(held, ProviderCommand(CommandKind.RELEASE, Money(0), "key"))
    assert (report.authorised, report.released, report.closed) == (1000, 0, False)


@pytest.mark.parametrize("way", ["refused", "failed"])
def test_a_refund_that_stripe_refuses_for_good_is_paid_back_by_staff(desk: Desk, way: str) -> None:
    scene, order = desk.scene, desk.order
    one, two = units_of(order)
    desk.captured()
    if way == "refused":
        desk.server.refund_error = Refusal(400, "invalid_request_error", "charge_disputed")
    else:
        desk.server.refund_status = "failed"
    cancel(scene, order, one)
    outcome = payments.settle_next_payment(scene.shop, OPERATOR)
    assert outcome is not None
    reason = "refund: charge_disputed, HTTP 400" if way == "refused" else "refund: lost_or_stolen_card"
    assert (outcome.result, outcome.reason) == ("refused", reason)
    assert settled_by(scene) == []
    refund(scene, order, RefundState.DONE, one)
    desk.server.refund_error, desk.server.refund_status = None, "succeeded"
    cancel(scene, order, two)
    assert settled_by(scene) == [CommandKind.REFUND]
    found = stored(scene, order.id)
    assert {each.state for each in found.refunds} == {RefundState.DONE}
    assert (desk.totals, user_of(scene, order).purchased_total) == ((1000, 1000, 0, 300), 0)
    assert sum(each["amount"] for each in desk.server.refunds.values() if each["status"] == "succeeded") == 30_000


@pytest.mark.parametrize(
    "error",
    [
        Refusal(400, "invalid_request_error", "balance_insufficient"),
        Refusal(403, "invalid_request_error"),
        Refusal(404, "invalid_request_error", "resource_missing"),
        Refusal(500, "api_error"),
        Refusal(429, "invalid_request_error", "lock_timeout"),
    ],
    ids=["balance", "rights", "unknown", "down", "lock"],
)
def test_a_refund_that_stripe_cannot_make_now_is_tried_again(memory_desk: Desk, error: Refusal) -> None:
    desk = memory_desk
    desk.captured()
    desk.server.refund_error = error
    cancel(desk.scene, desk.order)
    assert settled_by(desk.scene) == [CommandKind.REFUND]
    assert {each.state for each in stored(desk.scene, desk.order.id).refunds} == {RefundState.DUE}
    desk.server.refund_error = None
    desk.server.forget_keys()
    desk.scene.clock.advance(minutes=1)
    assert settled_by(desk.scene) == [CommandKind.REFUND]
    assert desk.totals == (1000, 1000, 0, 1000)


def test_a_refund_that_takes_days_is_made_once(memory_desk: Desk) -> None:
    desk = memory_desk
    desk.captured()
    desk.server.refund_status = "pending"
    cancel(desk.scene, desk.order)
    for _ in range(5):
        assert settled_by(desk.scene) == [CommandKind.REFUND]
        desk.server.forget_keys()
        desk.scene.clock.advance(hours=6)
    found = stored(desk.scene, desk.order.id)
    assert found.online[0].last_error == "the provider has not done it yet"
    [made] = desk.server.refunds.values()
    made.update(status="succeeded", balance_transaction="txn_1")
    desk.tell("refund.updated", made)
    found = stored(desk.scene, desk.order.id)
    assert ({each.state for each in found.refunds}, desk.totals) == ({RefundState.DONE}, (1000, 1000, 0, 1000))
    assert settled_by(desk.scene) == []


def test_a_refund_that_fails_after_days_is_left_to_staff(memory_desk: Desk) -> None:
    desk = memory_desk
    desk.captured()
    desk.server.refund_status = "pending"
    cancel(desk.scene, desk.order)
    settled_by(desk.scene)
    [made] = desk.server.refunds.values()
    made["status"] = "failed"
    desk.scene.clock.advance(minutes=1)
    assert settled_by(desk.scene) == [CommandKind.REFUND]
    assert {each.state for each in stored(desk.scene, desk.order.id).refunds} == {RefundState.FAILED}
    assert len(desk.server.refunds) == 1


def test_a_refund_that_is_refused_while_another_is_on_its_way_is_tried_again(memory_desk: Desk) -> None:
    """Otherwise staff would pay both."""
    desk, (one, two) = memory_desk, units_of(memory_desk.order)
    desk.captured()
    desk.server.refund_status = "pending"
    cancel(desk.scene, desk.order, one)
    settled_by(desk.scene)
    desk.server.refund_error = Refusal(400, "invalid_request_error", "charge_disputed")
    cancel(desk.scene, desk.order, two)
    assert settled_by(desk.scene) == [CommandKind.REFUND]
    assert {each.state for each in stored(desk.scene, desk.order.id).refunds} == {RefundState.DUE}


def test_a_refund_that_came_back_after_it_was_done_is_not_paid_with_the_next_one(memory_desk: Desk) -> None:
    desk, (one, two) = memory_desk, units_of(memory_desk.order)
    desk.captured()
    cancel(desk.scene, desk.order, one)
    assert settled_by(desk.scene) == [CommandKind.REFUND]
    [made] = desk.server.refunds.values()
    made["status"] = "failed"
    cancel(desk.scene, desk.order, two)
    outcome = payments.settle_next_payment(desk.scene.shop, OPERATOR)
    assert outcome is not None
    assert (outcome.result, outcome.reason) == ("refused", "refund: an earlier one came back")
    assert len(desk.server.refunds) == 1


def test_what_staff_pay_back_on_stripes_pages_is_not_paid_back_again(memory_desk: Desk) -> None:
    desk = memory_desk
    paid = desk.captured()
    desk.tell("charge.refunded", {"object": "charge", **desk.server.pay_back(paid.reference, 30_000), "id": "ch_1"})
    # A part of a unit of the currency counts when it is whole.
    desk.tell("refund.created", desk.server.pay_back(paid.reference, 50))
    assert desk.totals == (1000, 1000, 0, 300)
    cancel(desk.scene, desk.order)
    assert settled_by(desk.scene) == [CommandKind.REFUND]
    assert [each["amount"] for each in desk.server.refunds.values()] == [30_000, 50, 69_950]
    assert desk.totals == (1000, 1000, 0, 1000)


def test_a_declined_card_leaves_the_page_open_and_an_expired_page_fails(memory_desk: Desk) -> None:
    desk = memory_desk
    started = desk.start()
    desk.tell("payment_intent.payment_failed", desk.server.decline(started.reference))
    found = stored(desk.scene, desk.order.id)
    assert (found.payment, found.online[0].is_pending) == (PaymentState.DUE, True)
    desk.tell("checkout.session.expired", desk.server.expire(started.reference))
    found = stored(desk.scene, desk.order.id)
    assert (found.payment, found.online[0].closed, desk.totals) == (PaymentState.FAILED, True, (0, 0, 0, 0))
    again = desk.start()
    assert (again.number, again.reference) == (2, "cs_test_2")


def test_a_page_that_expires_without_a_card_fails_and_a_card_that_is_checked_does_not(memory_desk: Desk) -> None:
    desk = memory_desk
    started = desk.start()
    desk.tell("payment_intent.requires_action", desk.server.decline(started.reference))
    [intent] = desk.server.intents.values()
    session = desk.server.expire(started.reference)
    intent["status"] = "requires_action"
    desk.tell("checkout.session.expired", session)
    assert stored(desk.scene, desk.order.id).online[0].is_pending
    session["payment_intent"] = None
    desk.tell("checkout.session.expired", session)
    assert stored(desk.scene, desk.order.id).payment is PaymentState.FAILED


def test_a_hold_that_ends_leaves_the_order_unpaid(desk: Desk) -> None:
    held = desk.hold()
    desk.tell("payment_intent.canceled", desk.server.end_hold(held.reference))
    found = stored(desk.scene, desk.order.id)
    assert (found.payment, found.due, desk.totals) == (PaymentState.FAILED, 1000, (1000, 0, 1000, 0))


def test_a_hold_that_has_ended_unnoticed_is_not_captured(memory_desk: Desk) -> None:
    desk = memory_desk
    held = desk.hold()
    desk.server.end_hold(held.reference)
    move(desk.scene, desk.order, CONFIRM)
    assert settled_by(desk.scene) == [CommandKind.CAPTURE]
    found = stored(desk.scene, desk.order.id)
    assert (found.payment, found.captured, found.due) == (PaymentState.FAILED, 0, 1000)


PAYMENT = OnlinePayment(
    order_id=OrderId(1),
    number=1,
    amount=Money(1000),
    currency="RUB",
    provider="stripe",
    reference="cs_test_1",
    page="",
    in_parts=False,
)


@pytest.mark.parametrize(
    ("currency", "sent", "received"),
    [("RUB", 1000, 100_000), ("JPY", 1000, 1000), ("KWD", 1000, 1_000_000), ("ISK", 1000, 100_000)],
)
def test_amounts_are_sent_in_minor_units(
    server: StripeServer, provider: StripeProvider, currency: str, sent: int, received: int
) -> None:
    new = NewPayment(order_id=OrderId(1), number=1, amount=Money(sent), currency=currency)
    page = provider.start(new, "key")
    assert provider.start(new, "key") == page
    [session] = server.sessions.values()
    assert (session["amount_total"], session["currency"]) == (received, currency.lower())
    server.pay(page.reference)
    known = attrs.evolve(PAYMENT, currency=currency, amount=Money(sent))
    report = provider.carry_out(known, ProviderCommand(CommandKind.CAPTURE, Money(400), "key"))
    assert (report.amount, report.captured, report.released, report.currency) == (sent, 400, sent - 400, currency)
    report = provider.carry_out(known, ProviderCommand(CommandKind.REFUND, Money(150), "key"))
    assert (report.refunded, report.captured) == (150, 400)


@pytest.mark.parametrize("currency", ["rubles", "rub", "₽", "UGX", "RUBL"])
def test_a_currency_that_stripe_does_not_know_starts_no_payment(
    server: StripeServer, provider: StripeProvider, currency: str
) -> None:
    new = NewPayment(order_id=OrderId(1), number=1, amount=Money(1), currency=currency)
    with pytest.raises(ProviderFailed, match="ISO 4217"):
        provider.start(new, "key")
    assert server.asked == []


def test_an_amount_that_stripe_does_not_take_starts_no_payment(server: StripeServer, provider: StripeProvider) -> None:
    new = NewPayment(order_id=OrderId(1), number=1, amount=Money(1_000_000), currency="RUB")
    with pytest.raises(ProviderFailed, match="start: amount_too_large, HTTP 400"):
        provider.start(new, "key")
    assert server.sessions == {}


def test_two_shops_of_one_process_have_their_own_keys(server: StripeServer, provider: StripeProvider) -> None:
    other = StripeProvider("sk_test_of_another_account", "whsec_another", BACK, address=server.address)
    new = NewPayment(order_id=OrderId(1), number=1, amount=Money(1), currency="RUB")

    def start(number: int) -> str:
        try:
            return (provider if number % 2 else other).start(new, f"key {number}").reference
        except ProviderFailed as failure:
            return str(failure)

    results = racing(8, start)
    assert results[::2] == ["start: AuthenticationError, HTTP 401"] * 4
    assert sorted(results[1::2]) == [f"cs_test_{number}" for number in (1, 2, 3, 4)]
    for shown in (repr(provider), repr(other)):
        assert not any(secret in shown for secret in (KEY, SECRET, "sk_test", "whsec"))


def test_another_shop_with_the_account_starts_its_own_payments(provider: StripeProvider) -> None:
    new = NewPayment(order_id=OrderId(1), number=1, amount=Money(1), currency="RUB")
    other = attrs.evolve(provider, prefix="another-", return_url="https://another.example")
    assert provider.start(new, "key") != other.start(new, "key")
    # The same shop keeps what it has asked for under a key.
    with pytest.raises(ProviderFailed, match="start: IdempotencyError, HTTP 400"):
        provider.start(attrs.evolve(new, amount=Money(2)), "key")


def test_the_answer_is_about_the_payment_that_was_asked_for(server: StripeServer, provider: StripeProvider) -> None:
    new = NewPayment(order_id=OrderId(1), number=1, amount=Money(1), currency="RUB")
    page = provider.start(new, "key")
    session = server.sessions[page.reference]
    changes: list[Callable[[], object]] = [
        lambda: session.update(id="cs_test_2"),
        lambda: session.update(id=page.reference, metadata={}),
    ]
    for change in changes:
        change()
        with pytest.raises(ProviderFailed, match="the answer"):
            provider.read(PAYMENT)


def test_a_refusal_is_only_of_refunds(memory_desk: Desk, provider: StripeProvider) -> None:
    held = memory_desk.hold()
    with pytest.raises(ProviderFailed, match="capture: amount_too_large, HTTP 400") as failure:
        provider.carry_out(held, ProviderCommand(CommandKind.CAPTURE, Money(1001), "key"))
    assert not isinstance(failure.value, RefundRefused)


@pytest.fixture
def served(provider: StripeProvider) -> Iterator[Served]:
    """The demo shop, with an unpaid order for 107."""
    shop = attrs.evolve(demo_shop(MemoryStore()), payment_provider=provider)
    # The test itself asks Stripe.
    with serving_shop(shop, upkeep_seconds=3600) as served:
        yield served


def send(served: Served, content: bytes, signature: str) -> httpx2.Response:
    headers = {"Content-Type": "application/json; charset=utf-8", SIGNATURE: signature}
    return served.client.post("/payment/notice/stripe", content=content, headers=headers)


def order_of(served: Served) -> Any:
    order = OrderId(1)
    return served.shop.store.read(lambda tx: (tx.fulfilments.get(order), tx.order_history.after(order, 0, 99)))


def test_a_wrong_notice_changes_nothing_and_is_in_the_log(
    served: Served, server: StripeServer, logged: list[Any]
) -> None:
    buyer = noadmin(served.client)
    page = served.client.post("/order/pay/1", headers=buyer.headers)
    assert (page.status_code, page.json()["page"]) == (201, "https://checkout.stripe.com/c/pay/cs_test_1#fragment")
    session, now = server.pay("cs_test_1"), datetime.now(UTC)
    [intent] = server.intents.values()
    content = server.event("checkout.session.completed", session)
    before = order_of(served)
    right = dict(intent), dict(session["metadata"])
    wrongs: tuple[tuple[str, Callable[[], object], str], ...] = (
        ("bad_signature", lambda: None, server.signed(content, now, "whsec_another")),
        ("bad_signature", lambda: None, server.signed(content, now - timedelta(hours=1))),
        ("payment_mismatch", lambda: intent.update(amount=10_800), server.signed(content, now)),
        ("payment_mismatch", lambda: intent.update(currency="usd"), server.signed(content, now)),
        ("not_found", lambda: session["metadata"].update(order_id="2"), server.signed(content, now)),
    )
    for code, change, signature in wrongs:
        change()
        response = send(served, content, signature)
        problem_of(response, {"bad_signature": 401, "payment_mismatch": 422, "not_found": 404}[code], code)
        assert order_of(served) == before
        intent.update(right[0])
        session["metadata"].update(right[1])
    assert [(line["event"], line["log_level"], line["provider"], line["code"]) for line in logged] == [
        ("payment notice refused", "warning", "stripe", code) for code, *_ in wrongs
    ]
    assert send(served, content, server.signed(content, now)).json() == {"known": True}
    assert order_of(served)[0].payment is PaymentState.AUTHORISED


def test_twenty_requests_at_once_are_one_transition(served: Served, server: StripeServer) -> None:
    served.client.post("/order/pay/1", headers=noadmin(served.client).headers)
    content = server.event("checkout.session.completed", server.pay("cs_test_1"))
    signature = server.signed(content, datetime.now(UTC))
    statuses = racing(NOTICES, lambda _: send(served, content, signature).status_code)
    assert statuses == [200] * NOTICES
    found, history = order_of(served)
    assert (found.payment, len(history)) == (PaymentState.AUTHORISED, 1)


def test_staff_see_that_stripe_is_down(served: Served, server: StripeServer, logged: list[Any]) -> None:
    served.client.post("/order/pay/1", headers=noadmin(served.client).headers)
    content = server.event("checkout.session.completed", server.pay("cs_test_1"))
    staff = log_in(served.client, "artem")
    server.answer = 500, b"<html>"
    problem_of(send(served, content, server.signed(content, datetime.now(UTC))), 503, "unavailable_now")
    server.answer = None
    send(served, content, server.signed(content, datetime.now(UTC)))
    served.client.post("/order/move/1", json={"to": "confirmed"}, headers=staff)
    server.answer = 500, b"<html>"
    assert settle_payments(served.shop, threading.Event()) == {"postponed": 1}
    tracking = served.client.get("/order/tracking/1", headers=staff).json()
    assert (tracking["payment"]["captured"], tracking["payment"]["held"]) == (0, 107)
    [shown] = tracking["online_payments"]
    assert (shown["attempts"], shown["last_error"]) == (1, "capture: APIError, HTTP 500")
    assert shown["asked_at"] is not None
    [line] = [event for event in logged if event["event"] == "payment"]
    assert (line["log_level"], line["result"], line["reason"]) == (
        "warning",
        "postponed",
        "capture: APIError, HTTP 500",
    )
    assert not any(secret in str(logged) for secret in (KEY, SECRET))


def test_staff_pay_back_what_stripe_refuses(served: Served, server: StripeServer) -> None:
    served.client.post("/order/pay/1", headers=noadmin(served.client).headers)
    content = server.event("checkout.session.completed", server.pay("cs_test_1"))
    send(served, content, server.signed(content, datetime.now(UTC)))
    staff = log_in(served.client, "artem")
    served.client.post("/order/move/1", json={"to": "confirmed"}, headers=staff)
    server.refund_error = Refusal(400, "invalid_request_error", "charge_disputed")
    settle_payments(served.shop, threading.Event())
    served.client.post("/order/cancel/1", json={"product_unit": [2], "reason": "sold out"}, headers=staff)
    done: dict[str, Any] = {"to": "done", "product_unit": [2]}
    problem_of(served.client.post("/order/refund/1", json=done, headers=staff), 409, "move_impossible")
    assert settle_payments(served.shop, threading.Event()) == {"refused": 1}
    unit = served.client.get("/order/tracking/1", headers=staff).json()["product_unit"][1]
    assert unit["refund"] == {"amount": 100, "state": "failed"}
    for target in ("sent", "failed", "done"):
        answer = served.client.post("/order/refund/1", json={**done, "to": target}, headers=staff)
        assert answer.json()["product_unit"][1]["refund"] == {"amount": 100, "state": target}
    problem_of(served.client.post("/order/refund/1", json=done, headers=staff), 409, "move_impossible")
    assert settle_payments(served.shop, threading.Event()) == {}
    assert server.refunds == {}


def test_the_clock_of_the_shop_counts() -> None:
    """The SDK alone would compare with the system's clock, and allow any future."""
    provider, now = StripeProvider(KEY, SECRET, BACK, address="http://127.0.0.1:9"), datetime(2020, 1, 1, tzinfo=UTC)
    server, content = StripeServer(), b'{"data": {"object": {"object": "customer"}}}'
    assert provider.notice({SIGNATURE: [server.signed(content, now)]}, content, now) is None
    with pytest.raises(BadNotice):
        provider.notice({SIGNATURE: [server.signed(content, datetime.now(UTC))]}, content, now)
