"""Payments by a provider, on every store."""

import json
from datetime import timedelta

import attrs

from sellout_adapters.payments.signed import signed
from sellout_adapters.testing.bank import Bank
from sellout_adapters.testing.harness import pytest
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
from sellout_adapters.testing.laws.races import RACERS, racing
from sellout_adapters.testing.scene import Scene
from sellout_core.errors import NotFound
from sellout_core.fulfilment.lifecycle import Event, PaymentState, RefundState
from sellout_core.fulfilment.money import CommandKind, OnlinePayment, Refund
from sellout_core.fulfilment.progress import LineRequest
from sellout_core.fulfilment.refusals import MoveImpossible, PaymentMismatch
from sellout_core.people.accounts import OPERATOR, Actor
from sellout_core.shopping.ordering import Order
from sellout_core.use_cases import payments
from sellout_core.use_cases.shopping import fulfilment
from sellout_core.values import Money, OrderId, ProductUnitId

NOTICES = 20
"""The number of equal notices at once."""


def started(scene: Scene, bank: Bank, order: Order) -> OnlinePayment:
    """Makes the bank the shop's provider, and starts a payment as the buyer."""
    scene.shop = attrs.evolve(scene.shop, payment_provider=bank)
    return payments.start_payment(scene.shop, Actor(order.buyer_id), order.id).payment


def settled_by(scene: Scene) -> list[CommandKind | None]:
    """Asks the provider until nothing is due, and returns what it was asked to do."""
    commands = []
    while (outcome := payments.settle_next_payment(scene.shop, OPERATOR)) is not None:
        commands.append(outcome.command)
    return commands


def refund(scene: Scene, order: Order, target: RefundState, *unit_ids: ProductUnitId) -> None:
    """Moves the refunds of those units, or all, as staff."""
    request = LineRequest(unit_ids=unit_ids or None)
    fulfilment.move_refunds(scene.shop, OPERATOR, order.id, request, target)


class PaymentLaws:
    """Payments by a provider."""

    def test_an_online_payment_is_saved_with_every_field(self, scene: Scene) -> None:
        order = bought(scene)
        before = stored(scene, order.id)
        payment = OnlinePayment(
            order_id=order.id,
            number=1,
            amount=Money(1000),
            currency="RUB",
            provider="bank",
            reference="№ 1",
            page="https://bank.example/№1",
            in_parts=True,
            authorised=Money(900),
            captured=Money(500),
            released=Money(100),
            refunded=Money(40),
            closed=True,
            credited=Money(400),
            due_at=scene.clock.now,
            attempts=3,
            last_error="a timeout",
        )
        second = OnlinePayment(
            order_id=order.id,
            number=2,
            amount=Money(1),
            currency="RUB",
            provider="bank",
            reference="№ 2",
            page="",
            in_parts=False,
        )
        refunds = Refund(units_of(order)[0], Money(7), RefundState.DUE, 1), Refund(None, Money(1), RefundState.DUE, 2)
        after = attrs.evolve(before, online=(payment, second), refunds=refunds)
        changed = attrs.evolve(payment, closed=False, due_at=scene.clock.now + timedelta(microseconds=5), attempts=4)
        grown = attrs.evolve(refunds[0], amount=Money(8)), attrs.evolve(refunds[1], amount=Money(2))
        again = attrs.evolve(after, online=(changed, second), refunds=grown)
        for written, known in ((after, before), (again, after)):
            scene.store.write(lambda tx, new=written, old=known: tx.fulfilments.save(old, new))  # type: ignore[misc]
            assert stored(scene, order.id) == written

    def test_due_payments_are_found_by_their_time(self, scene: Scene) -> None:
        bank, now = Bank(), scene.clock.now
        orders = []
        for name in ("anna", "boris", "vera"):
            orders.append(bought(scene, name))
            started(scene, bank, orders[-1])
            scene.clock.advance(minutes=-1)
        cancel(scene, orders[0])

        def due(minutes: float, limit: int = 9) -> list[OrderId]:
            at = now + timedelta(minutes=minutes)
            return list(scene.store.read(lambda tx: tx.fulfilments.payments_due(at, limit)))

        # The first one is to be cancelled at once. The others are asked about a minute after their start.
        assert due(-4) == []
        assert due(-1) == due(9, 2) == [orders[0].id, orders[2].id]
        assert due(9) == [orders[0].id, orders[2].id, orders[1].id]

    def test_the_same_notice_at_once_is_one_transition(self, scene: Scene) -> None:
        bank, order = Bank(), bought(scene)
        paid = started(scene, bank, order)
        report = bank.change(paid, authorised=order.total, captured=order.total)
        content = json.dumps(attrs.asdict(report)).encode()
        headers = {name: [value] for name, value in signed(bank.key, scene.clock.now, content).items()}
        answers = racing(NOTICES, lambda _: payments.take_notice(scene.shop, bank.name, headers, content))
        assert answers == [None] * NOTICES
        found = stored(scene, order.id)
        assert (found.payment, found.captured, found.settled) == (PaymentState.CAPTURED, order.total, True)
        assert [entry.event for entry in history_of(scene, order)] == [Event.PAYMENT_MOVED]
        assert user_of(scene, order).purchased_total == order.total

    def test_one_payment_is_started_and_each_command_is_given_once(self, scene: Scene) -> None:
        bank, order = Bank(), bought(scene)
        scene.shop = attrs.evolve(scene.shop, payment_provider=bank)
        begun = racing(RACERS, lambda _: payments.start_payment(scene.shop, OPERATOR, order.id))
        assert sum(each.is_new for each in begun) == 1
        [payment] = stored(scene, order.id).online
        payments.apply_report(scene.shop, bank.change(payment, authorised=order.total))
        move(scene, order, CONFIRM)
        racing(RACERS, lambda _: payments.settle_next_payment(scene.shop, OPERATOR))
        assert [command.kind for command in bank.commands.values()] == [CommandKind.CAPTURE]
        assert stored(scene, order.id).captured == order.total

    def test_a_hold_is_captured_released_and_paid_back(self, scene: Scene) -> None:
        bank, order = Bank(), bought(scene)
        one, two = units_of(order)
        paid = started(scene, bank, order)
        payments.apply_report(scene.shop, bank.change(paid, authorised=order.total))
        for unit_id, command in (
            (None, CommandKind.CAPTURE),
            (two, CommandKind.RELEASE),
            (one, CommandKind.REFUND),
        ):
            if unit_id is None:
                move(scene, order, CONFIRM, one)
            else:
                cancel(scene, order, unit_id)
            assert settled_by(scene) == [command]
            found = stored(scene, order.id)
            assert found.captured - found.refunded + found.held == found.owed
            assert found.refunded <= found.captured <= order.total
            assert replayed(order, history_of(scene, order)) == present(found)
        assert found.refunds == (Refund(one, Money(700), RefundState.DONE, 1),)
        assert (found.online[0].released, found.held, user_of(scene, order).purchased_total) == (300, 0, 0)

    def test_what_a_command_has_done_counts_for_the_next_one_if_its_answer_was_lost(self, scene: Scene) -> None:
        bank, order = Bank(), bought(scene)
        one, two = units_of(order)
        paid = started(scene, bank, order)
        payments.apply_report(scene.shop, bank.change(paid, authorised=order.total))
        for kind, act in ((CommandKind.CAPTURE, CONFIRM), (CommandKind.REFUND, None)):
            for unit_id, lost in ((one, True), (two, False)):
                bank.loses_answers = lost
                if act is None:
                    cancel(scene, order, unit_id)
                else:
                    move(scene, order, act, unit_id)
                assert settled_by(scene) == [kind]
        found = stored(scene, order.id)
        assert (found.captured, found.online[0].captured, found.online[0].refunded) == (1000, 1000, 1000)
        assert {each.state for each in found.refunds} == {RefundState.DONE}
        assert user_of(scene, order).purchased_total == 0

    def test_a_payment_for_an_order_that_died_becomes_a_refund_due(self, scene: Scene) -> None:
        bank, order = Bank(), bought(scene)
        paid = started(scene, bank, order)
        cancel(scene, order)
        payments.apply_report(scene.shop, bank.change(paid, authorised=order.total, captured=order.total))
        found = stored(scene, order.id)
        assert {refund.state for refund in found.refunds} == {RefundState.DUE}
        assert (found.captured, found.refunded, found.payment) == (order.total, order.total, PaymentState.CAPTURED)
        assert settled_by(scene) == [CommandKind.REFUND]
        found = stored(scene, order.id)
        assert {refund.state for refund in found.refunds} == {RefundState.DONE}
        assert replayed(order, history_of(scene, order)) == present(found)
        assert user_of(scene, order).purchased_total == 0

    def test_a_refund_that_the_provider_refuses_is_paid_back_by_staff_once(self, scene: Scene) -> None:
        bank, order = Bank(refusal="the card is closed"), bought(scene)
        one, two = units_of(order)
        paid = started(scene, bank, order)
        payments.apply_report(scene.shop, bank.change(paid, authorised=order.total, captured=order.total))
        cancel(scene, order, one)
        # Staff leave it to the provider until it has refused.
        with pytest.raises(MoveImpossible):
            refund(scene, order, RefundState.DONE, one)
        assert settled_by(scene) == [CommandKind.REFUND]
        found = stored(scene, order.id)
        assert found.refunds == (Refund(one, Money(700), RefundState.FAILED, 1),)
        assert (found.online[0].due_at, user_of(scene, order).purchased_total) == (None, order.total)
        entry = history_of(scene, order)[-1]
        assert (entry.event, entry.note) == (Event.REFUND_MOVED, "the card is closed")
        for state in (RefundState.SENT, RefundState.FAILED, RefundState.DONE):
            refund(scene, order, state, one)
        assert stored(scene, order.id).refunds == (Refund(one, Money(700), RefundState.DONE),)
        assert user_of(scene, order).purchased_total == 300
        for state in RefundState:
            with pytest.raises(MoveImpossible):
                refund(scene, order, state, one)
        # The provider pays the next refund back, and not the first one again.
        bank.refusal = None
        cancel(scene, order, two)
        assert settled_by(scene) == [CommandKind.REFUND]
        assert [command.amount for command in bank.commands.values()] == [300]
        found = stored(scene, order.id)
        assert {each.state for each in found.refunds} == {RefundState.DONE}
        assert (found.online[0].refunded, user_of(scene, order).purchased_total) == (300, 0)
        assert replayed(order, history_of(scene, order)) == present(found)

    def test_a_refused_refund_that_staff_pay_back_with_the_provider_is_done_by_its_notice(self, scene: Scene) -> None:
        bank, order = Bank(refusal="the card is closed"), bought(scene)
        one, two = units_of(order)
        paid = started(scene, bank, order)
        payments.apply_report(scene.shop, bank.change(paid, authorised=order.total, captured=order.total))
        cancel(scene, order)
        assert settled_by(scene) == [CommandKind.REFUND]
        refund(scene, order, RefundState.SENT, one)
        payments.apply_report(scene.shop, bank.change(paid, refunded=Money(700)))
        found = stored(scene, order.id)
        assert [found.refund_of(each) for each in (one, two)] == [
            Refund(one, Money(700), RefundState.DONE, 1),
            Refund(two, Money(300), RefundState.FAILED, 1),
        ]
        payments.apply_report(scene.shop, bank.change(paid, refunded=Money(1000)))
        found = stored(scene, order.id)
        assert {each.state for each in found.refunds} == {RefundState.DONE}
        assert user_of(scene, order).purchased_total == 0
        with pytest.raises(MoveImpossible):
            refund(scene, order, RefundState.DONE)
        assert settled_by(scene) == []
        assert replayed(order, history_of(scene, order)) == present(found)

    def test_an_authorised_order_does_not_expire(self, scene: Scene) -> None:
        policy = attrs.evolve(scene.shop.policy, unpaid_order_lifetime=timedelta(hours=1))
        scene.shop = attrs.evolve(scene.shop, policy=policy)
        bank, order, other = Bank(), bought(scene), bought(scene, "boris")
        held = started(scene, bank, order)
        payments.apply_report(scene.shop, bank.change(held, authorised=order.total))
        unpaid = started(scene, bank, other)
        scene.clock.advance(hours=1)
        assert fulfilment.expire_unpaid_orders(scene.shop, OPERATOR) == 1
        assert stored(scene, order.id).payment is PaymentState.AUTHORISED
        # A hold that comes too late is released.
        payments.apply_report(scene.shop, bank.change(unpaid, authorised=other.total))
        assert settled_by(scene) == [CommandKind.RELEASE]
        found = stored(scene, other.id)
        assert (found.payment, found.held, found.captured) == (PaymentState.EXPIRED, 0, 0)

    def test_a_report_about_something_else_changes_nothing(self, scene: Scene) -> None:
        bank, order, other = Bank(), bought(scene), bought(scene, "boris")
        paid = started(scene, bank, order)
        report = bank.change(paid, authorised=order.total)
        before = stored(scene, order.id)
        for error, changes in (
            (PaymentMismatch, {"currency": "USD"}),
            (PaymentMismatch, {"amount": Money(order.total + 1)}),
            (NotFound, {"order_id": other.id}),
            (NotFound, {"order_id": OrderId(10**6)}),
            (NotFound, {"reference": "another"}),
        ):
            with pytest.raises(error):
                payments.apply_report(scene.shop, attrs.evolve(report, **changes))
        assert stored(scene, order.id) == before
        assert history_of(scene, order) == history_of(scene, other) == []
