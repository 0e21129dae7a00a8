"""Payments by a provider: what its reports change, what it is asked to do, and when it is asked again."""

import json
from datetime import UTC, datetime
from itertools import permutations
from typing import Any, NoReturn

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sellout_adapters.payments.signed import signed
from sellout_adapters.testing.bank import Bank
from sellout_adapters.testing.laws.fulfilment.fulfilment import CONFIRM, bought, cancel, move, stored, units_of, user_of
from sellout_adapters.testing.laws.fulfilment.payments import settled_by, started
from sellout_core.errors import Forbidden, NotFound, Unavailable
from sellout_core.fulfilment.lifecycle import LineState, PaymentState, RefundState, Role
from sellout_core.fulfilment.money import (
    CommandKind,
    NewPayment,
    OnlinePayment,
    ProviderCommand,
    ProviderPayment,
    Refund,
)
from sellout_core.fulfilment.moves import moved
from sellout_core.fulfilment.payments import captured, refunds_moved
from sellout_core.fulfilment.progress import Fulfilment, LineProgress, LineRequest, Mover, MoveRequest
from sellout_core.fulfilment.refusals import MoveImpossible, NothingDue, PaymentMismatch, PaymentsDisabled
from sellout_core.fulfilment.reports import next_command, refunds_refused, reported, scheduled, with_payment
from sellout_core.people.accounts import OPERATOR, Actor
from sellout_core.ports.payments import NoPaymentProvider, PaymentPage, ProviderFailed, RefundRefused
from sellout_core.retries import delay_after
from sellout_core.use_cases import payments
from sellout_core.use_cases.shopping import fulfilment
from sellout_core.values import Money, OrderId, ProductUnitId, UserId
from tests.unit.shop_scene import Scene

NOW = datetime(2026, 3, 1, tzinfo=UTC)
ONE, TWO = ProductUnitId(1), ProductUnitId(2)
PROVIDER = Mover(None, frozenset({Role.PROVIDER}), NOW)
STAFF = Mover(UserId(2), frozenset({Role.STAFF}), NOW)
REASON = "sold elsewhere"


def payment(number: int = 1, amount: int = 1050, **other: object) -> OnlinePayment:
    new = OnlinePayment(
        order_id=OrderId(1),
        number=number,
        amount=Money(amount),
        currency="RUB",
        provider="bank",
        reference=f"payment {number}",
        page="https://bank.example",
        in_parts=True,
    )
    return attrs.evolve(new, **other)  # type: ignore[arg-type]


def order(*online: OnlinePayment, **other: object) -> Fulfilment:
    """An unpaid order of two lines with a delivery fee, for 1,050."""
    found = Fulfilment(
        order_id=OrderId(1),
        buyer_id=UserId(1),
        placed_at=NOW,
        promo_code_id=None,
        lines=(LineProgress(unit_id=ONE, amount=Money(700)), LineProgress(unit_id=TWO, amount=Money(300))),
        delivery_fee=Money(50),
        online=online or (payment(),),
    )
    return attrs.evolve(found, **other)  # type: ignore[arg-type]


def report(on: OnlinePayment | None = None, /, **other: Any) -> ProviderPayment:
    known = on or payment()
    names = ("reference", "order_id", "amount", "currency")
    return ProviderPayment(**{name: getattr(known, name) for name in names} | other)


def told(found: Fulfilment, number: int = 1, /, **totals: Any) -> Fulfilment:
    """The fulfilment after a report with those totals."""
    known = found.online[number - 1]
    return reported(found, known, report(known, **totals), PROVIDER).after


def changed(found: Fulfilment, target: LineState, *unit_ids: ProductUnitId) -> Fulfilment:
    return moved(found, MoveRequest(target=target, unit_ids=unit_ids or None, reason=REASON), STAFF).after


def asked(found: Fulfilment, number: int = 1) -> tuple[CommandKind, int] | None:
    command = next_command(found, found.online[number - 1])
    return None if command is None else (command.kind, command.amount)


def test_a_hold_lets_staff_confirm_and_is_captured_by_lines() -> None:
    held = told(order(), authorised=1050)
    assert (held.payment, held.due, held.settled, held.held) == (PaymentState.AUTHORISED, 0, False, 1050)
    assert asked(held) is None
    one = changed(held, LineState.CONFIRMED, ONE)
    assert asked(one) == (CommandKind.CAPTURE, 750)
    one = told(one, authorised=1050, captured=750)
    assert (one.payment, one.settled, one.due, asked(one)) == (PaymentState.CAPTURED, False, 0, None)
    both = changed(one, LineState.CONFIRMED, TWO)
    assert asked(both) == (CommandKind.CAPTURE, 300)
    both = told(both, authorised=1050, captured=1050)
    assert (both.settled, asked(both), both.captured) == (True, None, 1050)


def test_what_cannot_be_bought_is_released_and_otherwise_refunded() -> None:
    held = told(order(), authorised=1050)
    one = changed(held, LineState.CANCELLED, TWO)
    assert asked(one) == (CommandKind.RELEASE, 300)
    one = told(one, authorised=1050, released=300)
    assert (one.payment, one.due, asked(one)) == (PaymentState.AUTHORISED, 0, None)
    one = told(changed(one, LineState.CONFIRMED), authorised=1050, released=300, captured=750)
    none = changed(one, LineState.CANCELLED)
    assert none.refunds == (
        Refund(ONE, Money(700), RefundState.DUE, 1),
        Refund(None, Money(50), RefundState.DUE, 1),
    )
    assert asked(none) == (CommandKind.REFUND, 750)
    done = told(none, authorised=1050, released=300, captured=750, refunded=750)
    assert {refund.state for refund in done.refunds} == {RefundState.DONE}
    assert asked(done) is None


def test_a_hold_with_one_capture_is_captured_as_a_whole() -> None:
    held = told(order(payment(in_parts=False)), authorised=1050)
    assert asked(changed(held, LineState.CANCELLED, TWO)) is None
    one = changed(changed(held, LineState.CANCELLED, TWO), LineState.CONFIRMED)
    assert asked(one) == (CommandKind.CAPTURE, 750)
    assert asked(changed(held, LineState.CONFIRMED, ONE)) == (CommandKind.CAPTURE, 1050)
    assert asked(changed(held, LineState.CANCELLED)) == (CommandKind.RELEASE, 1050)
    done = told(one, authorised=1050, captured=750, released=300, closed=True)
    assert (asked(done), done.settled, done.held) == (None, True, 0)


def test_a_payment_of_an_order_that_died_is_released_or_becomes_a_refund_due() -> None:
    dead = changed(order(), LineState.CANCELLED)
    assert (dead.payment, asked(dead)) == (PaymentState.VOIDED, (CommandKind.RELEASE, 0))
    held = told(dead, authorised=1050)
    assert (held.payment, asked(held)) == (PaymentState.VOIDED, (CommandKind.RELEASE, 1050))
    paid = told(held, authorised=1050, captured=1050)
    assert (paid.payment, paid.captured, paid.refunded, paid.live) == (PaymentState.CAPTURED, 1050, 1050, ())
    assert asked(paid) == (CommandKind.REFUND, 1050)
    # It is nobody's until the provider has paid it back: staff cannot pay it back too.
    with pytest.raises(MoveImpossible):
        refunds_moved(paid, LineRequest(), RefundState.DONE, STAFF)


def test_a_refund_grows_with_the_money_that_comes_late() -> None:
    dead = changed(order(), LineState.CANCELLED)
    once = told(dead, authorised=1050, captured=1050)
    for parts in permutations((100, 800, 1050)):
        found = dead
        for total in parts:
            found = told(found, authorised=1050, captured=total)
        assert set(found.refunds) == set(once.refunds)
        assert (found.captured, asked(found)) == (1050, (CommandKind.REFUND, 1050))


def test_what_the_order_cannot_cost_is_paid_back() -> None:
    paid = captured(order(), Money(1050), STAFF).after
    change = reported(paid, paid.online[0], report(authorised=1050, captured=1050), PROVIDER)
    assert (change.after.captured, change.after.refunds, change.paid) == (1050, (), 0)
    assert [(entry.event.value, entry.amount) for entry in change.entries] == [("overpaid", 1050)]
    assert asked(change.after) == (CommandKind.REFUND, 1050)
    assert asked(told(change.after, authorised=1050, captured=1050, refunded=1050)) is None


def test_money_of_two_payments_is_captured_once() -> None:
    first, second = payment(1), payment(2)
    both = told(told(order(first, second), 1, authorised=1050), 2, authorised=1050)
    assert (asked(both, 1), asked(both, 2)) == (None, (CommandKind.RELEASE, 1050))
    confirmed = changed(both, LineState.CONFIRMED, ONE)
    assert (asked(confirmed, 1), asked(confirmed, 2)) == ((CommandKind.CAPTURE, 750), (CommandKind.RELEASE, 1050))
    # Only the newest payment stays open to the buyer.
    assert (asked(order(first, second), 1), asked(order(first, second), 2)) == ((CommandKind.RELEASE, 0), None)


def test_a_refund_that_no_payment_can_pay_alone_is_paid_by_staff() -> None:
    mixed = captured(order(payment(amount=550)), Money(500), STAFF).after
    mixed = told(mixed, authorised=550, captured=550)
    gone = changed(mixed, LineState.CANCELLED, ONE)
    assert gone.refunds == (Refund(ONE, Money(700), RefundState.DUE),)
    gone = changed(gone, LineState.CANCELLED, TWO)
    assert gone.refund_of(TWO) == Refund(TWO, Money(300), RefundState.DUE, 1)


def test_late_money_does_not_change_a_refund_that_is_done() -> None:
    half = told(order(), authorised=1050, captured=500)
    gone = changed(half, LineState.CANCELLED)
    done = told(gone, authorised=1050, captured=500, refunded=500)
    assert {refund.state for refund in done.refunds} == {RefundState.DONE}
    late = told(done, authorised=1050, captured=1050, refunded=500)
    assert late.captured - late.refunded == late.owed == 0
    assert asked(late) == (CommandKind.REFUND, 550)


def test_a_refused_payment_may_be_made_again() -> None:
    failed = told(order(), closed=True)
    assert (failed.payment, failed.due, asked(failed)) == (PaymentState.FAILED, 1050, None)
    again = with_payment(failed, payment(2))
    assert told(again, 2, authorised=1050).payment is PaymentState.AUTHORISED
    assert captured(failed, Money(1050), STAFF).after.settled
    assert changed(failed, LineState.CANCELLED).payment is PaymentState.VOIDED


def test_a_hold_that_ends_leaves_the_order_unpaid() -> None:
    held = told(order(), authorised=1050)
    for totals in ({"closed": True}, {"released": 1050}):
        ended = told(held, authorised=1050, **totals)
        assert (ended.payment, ended.due) == (PaymentState.FAILED, 1050)


def test_a_line_that_costs_nothing_is_waived_when_the_others_are_gone() -> None:
    lines = LineProgress(unit_id=ONE, amount=Money(1050)), LineProgress(unit_id=TWO, amount=Money(0))
    held = told(order(lines=lines, delivery_fee=Money(0)), authorised=1050)
    free = changed(changed(held, LineState.CONFIRMED, TWO), LineState.CANCELLED, ONE)
    assert (free.payment, free.settled, asked(free)) == (PaymentState.WAIVED, True, (CommandKind.RELEASE, 1050))
    assert told(free, authorised=1050, released=1050).payment is PaymentState.WAIVED


@pytest.mark.parametrize(
    "totals",
    [
        {"authorised": 1051},
        {"captured": 1, "authorised": 0},
        {"authorised": 1050, "captured": 600, "released": 600},
        {"authorised": 1050, "captured": 5, "refunded": 6},
        {"authorised": 1050, "refunded": -1},
        {"authorised": 1050, "released": -1, "captured": 1},
        {"authorised": -1, "captured": -1},
    ],
)
def test_a_report_that_contradicts_itself_does_not_exist(totals: dict[str, int]) -> None:
    with pytest.raises(PaymentMismatch):
        report(**totals)


@pytest.mark.parametrize(
    "other", [{"reference": "another"}, {"order_id": OrderId(2)}, {"amount": Money(1051)}, {"currency": "USD"}]
)
def test_a_report_about_something_else_is_refused(other: dict[str, object]) -> None:
    found = order()
    with pytest.raises(PaymentMismatch):
        reported(found, found.online[0], report(**other), PROVIDER)


@st.composite
def histories(draw: st.DrawFn) -> list[dict[str, object]]:
    """The reports of a payment as it goes on, from the first to the last."""
    known = {"authorised": 0, "captured": 0, "released": 0, "refunded": 0}
    reports: list[dict[str, object]] = []
    if draw(st.booleans()):
        known["authorised"] = 1050
        reports.append(dict(known))
        for name in draw(st.lists(st.sampled_from(["captured", "released", "refunded"]), max_size=5)):
            most = known["captured"] - known["refunded"]
            if name != "refunded":
                most = known["authorised"] - known["captured"] - known["released"]
            known[name] += draw(st.integers(0, most))
            reports.append(dict(known))
    if draw(st.booleans()):
        reports.append({**known, "closed": True})
    return reports or [dict(known)]


@given(histories(), st.randoms(use_true_random=False), st.sampled_from(["live", "cancelled", "one cancelled"]))
def test_neither_the_order_nor_the_repetition_of_reports_matters(
    history: list[dict[str, object]],
    random: object,
    state: str,
) -> None:
    gone = {"live": (), "cancelled": (ONE, TWO), "one cancelled": (TWO,)}[state]
    before = changed(order(), LineState.CANCELLED, *gone) if gone else order()
    mixed = history * 2
    random.shuffle(mixed)  # type: ignore[attr-defined]
    ends = []
    for reports in (history, history[-1:], mixed):
        found = before
        for totals in reports:
            change = reported(found, found.online[0], report(**totals), PROVIDER)
            found = change.after
            assert 0 <= found.refunded <= found.captured <= 1050
            assert found.captured - found.refunded <= found.owed
            again = reported(found, found.online[0], report(**totals), PROVIDER)
            assert (again.after, again.entries, again.paid) == (found, (), 0)
        # A refund that the provider has ended does not grow, so the two totals alone may differ, and alike.
        money = found.captured - found.refunded, found.held, found.online[0].closed
        ends.append((money, found.live, found.settled, asked(found)))
    assert ends[0] == ends[1] == ends[2]


def test_the_provider_is_asked_when_a_change_gives_it_something_to_do() -> None:
    held = told(order(payment(due_at=NOW)), authorised=1050)
    resting = scheduled(order(payment(due_at=NOW)), held, NOW)
    assert resting.online[0].due_at is None
    confirmed = scheduled(resting, changed(resting, LineState.CONFIRMED), NOW)
    assert (confirmed.online[0].due_at, confirmed.online[0].attempts) == (NOW, 0)
    later = with_payment(confirmed, attrs.evolve(confirmed.online[0], due_at=NOW.replace(year=2027), attempts=3))
    # A change that gives it nothing new does not disturb its schedule.
    assert scheduled(later, changed(later, LineState.CANCELLED, TWO), NOW).online[0].attempts == 0
    assert scheduled(later, later, NOW) == later


def test_a_failure_is_tried_again_after_longer_and_longer() -> None:
    minutes = [delay_after(attempts).total_seconds() / 60 for attempts in (0, 1, 2, 3, 4, 9, 10, 10**9)]
    assert minutes == [1, 1, 2, 4, 8, 256, 360, 360]


def test_the_buyer_pays_and_staff_confirm(scene: Scene) -> None:
    bank, order = Bank(), bought(scene)
    paid = started(scene, bank, order)
    payments.apply_report(scene.shop, bank.change(paid, authorised=order.total))
    assert stored(scene, order.id).payment is PaymentState.AUTHORISED
    move(scene, order, CONFIRM)
    assert settled_by(scene) == [CommandKind.CAPTURE]
    assert stored(scene, order.id).settled
    cancel(scene, order)
    assert settled_by(scene) == [CommandKind.REFUND]
    found = stored(scene, order.id)
    assert {refund.state for refund in found.refunds} == {RefundState.DONE}
    assert user_of(scene, order).purchased_total == 0


def test_a_payment_is_started_once_until_it_is_refused(scene: Scene) -> None:
    bank, order = Bank(), bought(scene)
    first = started(scene, bank, order)
    again = payments.start_payment(scene.shop, Actor(order.buyer_id), order.id)
    assert (again.payment, again.is_new) == (first, False)
    payments.apply_report(scene.shop, bank.change(first, closed=True))
    second = payments.start_payment(scene.shop, Actor(order.buyer_id), order.id)
    assert (second.payment.number, second.is_new) == (2, True)
    # The first one is for another amount now.
    cancel(scene, order, units_of(order)[0])
    third = payments.start_payment(scene.shop, OPERATOR, order.id).payment
    assert (third.number, third.amount) == (3, 300)
    assert settled_by(scene) == [CommandKind.RELEASE]
    assert stored(scene, order.id).online[1].closed


def test_two_processes_start_one_payment(scene: Scene) -> None:
    bank, order = Bank(), bought(scene)

    class Racing(Bank):
        def start(self, payment: NewPayment, key: str) -> PaymentPage:
            scene.shop = attrs.evolve(scene.shop, payment_provider=bank)
            payments.start_payment(scene.shop, OPERATOR, order.id)
            return bank.start(payment, key)

    shop = attrs.evolve(scene.shop, payment_provider=Racing())
    result = payments.start_payment(shop, OPERATOR, order.id)
    assert (result.is_new, len(stored(scene, order.id).online)) == (False, 1)


def test_an_order_of_which_nothing_is_due_is_not_paid(scene: Scene) -> None:
    bank, order = Bank(), bought(scene)
    shop = attrs.evolve(scene.shop, payment_provider=bank)
    cancel(scene, order)
    with pytest.raises(NothingDue):
        payments.start_payment(shop, OPERATOR, order.id)
    assert stored(scene, order.id).online == ()


def test_a_shop_without_a_provider_takes_no_payment(scene: Scene) -> None:
    order = bought(scene)
    with pytest.raises(PaymentsDisabled):
        payments.start_payment(scene.shop, OPERATOR, order.id)
    for name, error in {"bank": NotFound, "manual": PaymentsDisabled}.items():
        with pytest.raises(error):
            payments.take_notice(scene.shop, name, {}, b"")
    none = NoPaymentProvider()
    with pytest.raises(ProviderFailed):
        none.read(payment())
    with pytest.raises(ProviderFailed):
        none.carry_out(payment(), ProviderCommand(CommandKind.REFUND, Money(1), "key"))
    assert payments.settle_next_payment(scene.shop, OPERATOR) is None


def test_a_provider_that_is_down_leaves_the_order_as_it_was(scene: Scene) -> None:
    bank, order = Bank(), bought(scene)
    paid = started(scene, bank, order)
    payments.apply_report(scene.shop, bank.change(paid, authorised=order.total))
    move(scene, order, CONFIRM)
    before = stored(scene, order.id)
    bank.failure = "a timeout"
    for minutes in (1, 2, 4):
        outcome = payments.settle_next_payment(scene.shop, OPERATOR)
        assert outcome is not None
        assert (outcome.result, outcome.reason, outcome.command) == ("postponed", "a timeout", CommandKind.CAPTURE)
        after = stored(scene, order.id)
        assert (after.payment, after.captured, after.lines) == (before.payment, before.captured, before.lines)
        assert after.online[0].last_error == "a timeout"
        assert payments.settle_next_payment(scene.shop, OPERATOR) is None
        scene.clock.advance(minutes=minutes)
    bank.failure = None
    assert settled_by(scene) == [CommandKind.CAPTURE]
    assert stored(scene, order.id).online[0].last_error == ""


def test_a_payment_of_another_provider_waits(scene: Scene) -> None:
    started(scene, Bank(), bought(scene))
    scene.shop = attrs.evolve(scene.shop, payment_provider=NoPaymentProvider())
    scene.clock.advance(minutes=1)
    outcome = payments.settle_next_payment(scene.shop, OPERATOR)
    assert outcome is not None
    assert (outcome.result, outcome.reason) == ("postponed", "the shop does not use the provider bank")


def test_a_payment_is_asked_about_until_the_buyer_has_decided(scene: Scene) -> None:
    bank, order = Bank(), bought(scene)
    paid = started(scene, bank, order)
    assert payments.settle_next_payment(scene.shop, OPERATOR) is None
    for minutes in (1, 1, 2):
        scene.clock.advance(minutes=minutes)
        outcome = payments.settle_next_payment(scene.shop, OPERATOR)
        assert outcome is not None
        assert (outcome.result, outcome.command) == ("done", None)
    bank.change(paid, authorised=order.total)
    scene.clock.advance(minutes=4)
    payments.settle_next_payment(scene.shop, OPERATOR)
    assert stored(scene, order.id).payment is PaymentState.AUTHORISED
    assert stored(scene, order.id).online[0].due_at is None


def test_a_provider_that_has_not_done_it_yet_is_asked_again(scene: Scene) -> None:
    bank, order = Bank(), bought(scene)
    started(scene, bank, order)
    cancel(scene, order)

    class Slow(Bank):
        def carry_out(self, payment: OnlinePayment, command: ProviderCommand) -> ProviderPayment:  # noqa: ARG002
            return bank.read(payment)

    scene.shop = attrs.evolve(scene.shop, payment_provider=Slow())
    outcome = payments.settle_next_payment(scene.shop, OPERATOR)
    assert outcome is not None
    assert (outcome.result, outcome.reason) == ("postponed", "the provider has not done it yet")


def test_an_unpaid_order_that_expires_gives_the_payment_up(scene: Scene) -> None:
    policy = attrs.evolve(scene.shop.policy, unpaid_order_lifetime=delay_after(1))
    scene.shop = attrs.evolve(scene.shop, policy=policy)
    bank = Bank()
    order, held, failed = (bought(scene, name) for name in ("anna", "boris", "vera"))
    paid = [started(scene, bank, each) for each in (order, held, failed)]
    payments.apply_report(scene.shop, bank.change(paid[1], authorised=held.total))
    payments.apply_report(scene.shop, bank.change(paid[2], closed=True))
    scene.clock.advance(minutes=1)
    assert fulfilment.expire_unpaid_orders(scene.shop, OPERATOR) == 2
    assert [stored(scene, each.id).payment for each in (order, held, failed)] == [
        PaymentState.EXPIRED,
        PaymentState.AUTHORISED,
        PaymentState.EXPIRED,
    ]
    payments.apply_report(scene.shop, bank.change(paid[0], authorised=order.total))
    assert settled_by(scene) == [CommandKind.RELEASE]
    assert stored(scene, order.id).held == 0


def test_a_report_about_an_unknown_payment_is_not_found(scene: Scene) -> None:
    bank, order = Bank(), bought(scene)
    paid = started(scene, bank, order)
    unknown = report(attrs.evolve(paid, reference="another"), authorised=order.total)
    for about in (unknown, attrs.evolve(unknown, order_id=OrderId(999), reference=paid.reference)):
        with pytest.raises(NotFound):
            payments.apply_report(scene.shop, about)
    scene.shop = attrs.evolve(scene.shop, payment_provider=NoPaymentProvider())
    with pytest.raises(NotFound):
        payments.apply_report(scene.shop, bank.read(paid))


def test_a_provider_that_cannot_be_asked_starts_no_payment(scene: Scene) -> None:
    bank, order = Bank(failure="a timeout"), bought(scene)
    shop = attrs.evolve(scene.shop, payment_provider=bank)
    with pytest.raises(Unavailable, match="a timeout"):
        payments.start_payment(shop, OPERATOR, order.id)

    class Asking(Bank):
        def notice(self, *_: object) -> NoReturn:
            raise ProviderFailed("a timeout")

    with pytest.raises(Unavailable, match="a timeout"):
        payments.take_notice(attrs.evolve(shop, payment_provider=Asking()), "bank", {}, b"")
    assert stored(scene, order.id) == Fulfilment.of(order)


def test_a_notice_of_the_provider_is_applied(scene: Scene) -> None:
    bank, order = Bank(), bought(scene)
    paid = started(scene, bank, order)
    content = json.dumps(attrs.asdict(bank.change(paid, authorised=order.total))).encode()
    headers = {name: [value] for name, value in signed(bank.key, scene.clock.now, content).items()}
    payments.take_notice(scene.shop, "bank", headers, content)
    assert stored(scene, order.id).payment is PaymentState.AUTHORISED


def test_a_payment_that_another_process_has_taken_is_left_to_it(scene: Scene) -> None:
    bank, order = Bank(), bought(scene)
    started(scene, bank, order)
    cancel(scene, order)
    shop, read = scene.shop, scene.store.read

    class Late:
        """A store in which another process asks the bank between the look and the taking."""

        write = scene.store.write

        def read(self, work: Any) -> Any:
            due = read(work)
            payments.settle_next_payment(shop, OPERATOR)
            return due

    late = attrs.evolve(shop, store=Late())
    assert payments.settle_next_payment(late, OPERATOR) is None
    assert [command.kind for command in bank.commands.values()] == [CommandKind.RELEASE]


def test_only_the_operator_asks_providers(scene: Scene) -> None:
    with pytest.raises(Forbidden):
        payments.settle_next_payment(scene.shop, Actor(UserId(1), is_staff=True))


def test_a_refund_that_is_paid_back_in_part_stays_with_the_provider(scene: Scene) -> None:
    bank, order = Bank(refusal="the card is closed"), bought(scene)
    paid = started(scene, bank, order)
    payments.apply_report(scene.shop, bank.change(paid, authorised=order.total, captured=order.total))
    cancel(scene, order, units_of(order)[0])
    # Staff pay a part back on the provider's own pages.
    payments.apply_report(scene.shop, bank.change(paid, refunded=Money(1)))
    outcome = payments.settle_next_payment(scene.shop, OPERATOR)
    assert outcome is not None
    assert (outcome.result, outcome.reason) == ("postponed", "the card is closed")
    found = stored(scene, order.id)
    assert [refund.state for refund in found.refunds] == [RefundState.DUE]
    assert (found.online[0].last_error, asked(found)) == ("the card is closed", (CommandKind.REFUND, 699))


def test_money_beyond_the_price_that_the_provider_refuses_to_pay_back_is_tried_again(scene: Scene) -> None:
    bank, order = Bank(refusal="the card is closed"), bought(scene)
    paid = started(scene, bank, order)
    fulfilment.capture_payment(scene.shop, OPERATOR, order.id, order.total)
    payments.apply_report(scene.shop, bank.change(paid, authorised=order.total, captured=order.total))
    outcome = payments.settle_next_payment(scene.shop, OPERATOR)
    assert outcome is not None
    assert (outcome.result, outcome.command) == ("postponed", CommandKind.REFUND)
    assert stored(scene, order.id).online[0].last_error == "the card is closed"


def test_a_refusal_of_an_outdated_command_changes_nothing(scene: Scene) -> None:
    order = bought(scene)

    class Slow(Bank):
        def carry_out(self, *_: Any, **__: Any) -> NoReturn:
            if len(stored(scene, order.id).refunds) == 1:
                cancel(scene, order)
            raise RefundRefused("the card is closed")

    bank = Slow()
    paid = started(scene, bank, order)
    payments.apply_report(scene.shop, bank.change(paid, authorised=order.total, captured=order.total))
    cancel(scene, order, units_of(order)[0])
    outcome = payments.settle_next_payment(scene.shop, OPERATOR)
    assert outcome is not None
    assert outcome.result == "postponed"
    assert {refund.state for refund in stored(scene, order.id).refunds} == {RefundState.DUE}
    # The provider refuses both when it is asked for both.
    outcome = payments.settle_next_payment(scene.shop, OPERATOR)
    assert outcome is not None
    assert (outcome.result, outcome.reason) == ("refused", "the card is closed")
    assert {refund.state for refund in stored(scene, order.id).refunds} == {RefundState.FAILED}


def test_a_notice_about_no_payment_of_the_shop_changes_nothing(scene: Scene) -> None:
    class Other(Bank):
        def notice(self, *_: Any, **__: Any) -> Any:
            return None

    bank, order = Other(), bought(scene)
    started(scene, bank, order)
    before = stored(scene, order.id)
    payments.take_notice(scene.shop, "bank", {}, b"")
    assert stored(scene, order.id) == before


def test_the_provider_is_asked_for_what_it_has_not_refused() -> None:
    lines = LineProgress(unit_id=ONE, amount=Money(500)), LineProgress(unit_id=TWO, amount=Money(500))
    paid = told(order(lines=lines), authorised=1050, captured=1050)
    gone = changed(paid, LineState.CANCELLED, ONE)
    assert asked(gone) == (CommandKind.REFUND, 500)
    refused = refunds_refused(gone, gone.online[0], "the card is closed", PROVIDER).after
    assert (asked(refused), refused.refund_of(ONE)) == (None, Refund(ONE, Money(500), RefundState.FAILED, 1))
    both = changed(refused, LineState.CANCELLED, TWO)
    assert asked(both) == (CommandKind.REFUND, 550)
    # What comes back first is what it was asked for, and not as much for the unit that staff pay back.
    back = told(both, authorised=1050, captured=1050, refunded=500)
    assert [back.refund_of(each).state for each in (ONE, TWO)] == [RefundState.FAILED, RefundState.DONE]  # type: ignore[union-attr]
    assert asked(back) == (CommandKind.REFUND, 50)
