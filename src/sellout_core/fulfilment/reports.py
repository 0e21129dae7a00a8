"""How an order follows what a payment provider says, and what the provider is asked to do.

The functions decide: they read and write nothing.
"""

from collections.abc import Sequence
from datetime import datetime

import attrs

from sellout_core.fulfilment.lifecycle import (
    Event,
    LineState,
    PaymentState,
    RefundState,
    Role,
    payment_move,
    refund_move,
)
from sellout_core.fulfilment.money import CommandKind, OnlinePayment, ProviderCommand, ProviderPayment, Refund
from sellout_core.fulfilment.payments import refund_entry, with_refunds_due
from sellout_core.fulfilment.progress import Fulfilment, FulfilmentChange, Mover
from sellout_core.values import Money, ProductUnitId

__all__ = ["next_command", "refunds_refused", "reported", "scheduled", "with_payment"]


def with_payment(fulfilment: Fulfilment, payment: OnlinePayment) -> Fulfilment:
    """The fulfilment with an online payment, in place of the one with its number."""
    others = [each for each in fulfilment.online if each.number != payment.number]
    return attrs.evolve(fulfilment, online=tuple(sorted([*others, payment], key=lambda each: each.number)))


def reported(before: Fulfilment, payment: OnlinePayment, report: ProviderPayment, mover: Mover) -> FulfilmentChange:
    """Applies what a provider says about a payment of the order. The same report twice does what it does once, and the
    order of reports does not matter. Money for lines that are gone becomes a refund due. Money beyond what the order
    can cost is paid back.

    Raises:
        PaymentMismatch: the report is about another order, reference, amount or currency.
    """
    known = payment.after(report)
    change = FulfilmentChange(before, with_payment(before, known), ())
    if known == payment:
        return change
    change = _credited(change, known, known.captured - payment.captured, mover)
    return _refunds_done(_payment_moved(change, known, mover), known.number, mover)


def refunds_refused(before: Fulfilment, payment: OnlinePayment, reason: str, mover: Mover) -> FulfilmentChange:
    """Moves the refunds that are due by a payment to `failed`, because its provider refuses for good to pay them back.
    The provider is not asked for them again, and staff pay them back.

    Changes nothing if the provider has paid back a part of one: staff would pay that part again.
    """
    own = [each for each in before.refunds if each.payment_number == payment.number]
    done = sum(each.amount for each in own if each.state is RefundState.DONE)
    refused = [each for each in own if each.state is RefundState.DUE]
    if payment.refunded > done + payment.captured - payment.credited:
        refused = []
    entries = tuple(refund_entry(before, each, RefundState.FAILED, reason, mover) for each in refused)
    refunds = [attrs.evolve(each, state=RefundState.FAILED) if each in refused else each for each in before.refunds]
    return FulfilmentChange(before, attrs.evolve(before, refunds=tuple(refunds)), entries)


def next_command(fulfilment: Fulfilment, payment: OnlinePayment) -> ProviderCommand | None:
    """What the provider of a payment has to do next. None: nothing."""
    own = [each for each in fulfilment.refunds if each.payment_number == payment.number]
    refunds = sum(each.amount for each in own if each.state in {RefundState.DUE, RefundState.DONE})
    back = refunds + payment.captured - payment.credited - payment.refunded
    if back > 0:
        return _command(CommandKind.REFUND, payment, back, payment.refunded + back)
    if payment.is_pending:
        is_last = payment.number == len(fulfilment.online)
        cancel = _command(CommandKind.RELEASE, payment, 0, 0)
        return None if is_last and fulfilment.due > 0 else cancel
    earlier = sum(each.held for each in fulfilment.online if each.number < payment.number)
    amount = min(payment.held, _confirmed(fulfilment, payment) - earlier)
    if amount > 0:
        return _command(CommandKind.CAPTURE, payment, amount, payment.captured + amount)
    spare = min(payment.held, payment.held + earlier - max(0, fulfilment.uncaptured))
    # The rest of a hold that is not captured in parts is released by its capture.
    if spare > 0 and (payment.in_parts or spare == payment.held):
        return _command(CommandKind.RELEASE, payment, spare, payment.released + spare)
    return None


def scheduled(before: Fulfilment, after: Fulfilment, now: datetime) -> Fulfilment:
    """The fulfilment after a change, in which each provider is asked at `now` if the change gave it something new to
    do, and no more if nothing is left.
    """
    known = {payment.number: payment for payment in before.online}
    for payment in after.online:
        command = next_command(after, payment)
        old = known.get(payment.number)
        is_new = old is None or command != next_command(before, old)
        if command is not None and is_new:
            payment = attrs.evolve(payment, due_at=now, attempts=0, last_error="")  # noqa: PLW2901 - its next state
        elif command is None and not payment.is_pending:
            payment = attrs.evolve(payment, due_at=None, attempts=0, last_error="")  # noqa: PLW2901 - its next state
        after = with_payment(after, payment)
    return after


def _command(kind: CommandKind, payment: OnlinePayment, amount: int, total: int) -> ProviderCommand:
    """The command. The total that it leads to identifies it, so a repetition has the same key."""
    key = f"order-{payment.order_id}-{payment.number}-{kind.value}-{total}"
    return ProviderCommand(kind, Money(amount), key)


def _confirmed(fulfilment: Fulfilment, payment: OnlinePayment) -> int:
    """What is to be captured now: the confirmed lines with the delivery fee, or everything if a hold can be captured
    only once.
    """
    lines = [line for line in fulfilment.live if line.state is not LineState.PLACED]
    if not lines:
        return 0
    if not payment.in_parts:
        return fulfilment.uncaptured
    confirmed = sum(line.amount for line in lines) + fulfilment.delivery_fee
    return confirmed - fulfilment.captured + fulfilment.refunded


def _gone(fulfilment: Fulfilment) -> Sequence[tuple[ProductUnitId | None, Money]]:
    """The shares of the lines that are gone, and of the delivery fee (None) if it is owed no more."""
    lines = [(line.unit_id, line.amount) for line in fulfilment.lines if not line.is_live]
    is_owed = fulfilment.owed > sum(line.amount for line in fulfilment.live)
    return lines if is_owed else [*lines, (None, fulfilment.delivery_fee)]


def _open_refund(fulfilment: Fulfilment, unit_id: ProductUnitId | None, number: int) -> Refund | None:
    """The refund that money of a payment for that share belongs to. A new one has the amount 0. None: it is closed."""
    found = fulfilment.refund_of(unit_id)
    if found is None:
        return Refund(unit_id, Money(0), RefundState.DUE, number)
    return found if found.state is RefundState.DUE and found.payment_number == number else None


def _credited(change: FulfilmentChange, payment: OnlinePayment, amount: int, mover: Mover) -> FulfilmentChange:
    """Counts an amount that was captured for the order, as far as the order can cost it."""
    if not amount:
        return change
    after = change.after
    gone = [
        (unit_id, share) for unit_id, share in _gone(after) if _open_refund(after, unit_id, payment.number) is not None
    ]
    refunded = [after.refund_of(unit_id) for unit_id, _ in gone]
    room = sum(share for _, share in gone) - sum(each.amount for each in refunded if each is not None)
    credit = Money(min(amount, max(0, after.uncaptured) + room))
    payment = attrs.evolve(payment, credited=Money(payment.credited + credit))
    change = attrs.evolve(change, after=with_payment(after, payment))
    if credit < amount:
        entry = mover.entry(after, Event.OVERPAID, target=Event.OVERPAID.value, amount=Money(amount - credit))
        change = attrs.evolve(change, entries=(*change.entries, entry))
    if not credit:
        return change
    entry = mover.entry(
        after,
        Event.PAYMENT_MOVED,
        source=after.payment.value,
        target=PaymentState.CAPTURED.value,
        amount=credit,
    )
    paid = attrs.evolve(change.after, payment=PaymentState.CAPTURED, captured=Money(after.captured + credit))
    change = attrs.evolve(change, after=paid, entries=(*change.entries, entry), paid=credit)
    return with_refunds_due(change, gone, mover, payment.number)


def _payment_moved(change: FulfilmentChange, payment: OnlinePayment, mover: Mover) -> FulfilmentChange:
    """Moves a payment of which nothing is captured."""
    after = change.after
    held = Money(after.held)
    if held and after.live:
        target = PaymentState.AUTHORISED
    elif payment.closed or after.payment is PaymentState.AUTHORISED:
        target = PaymentState.FAILED
    else:
        return change
    if after.payment is target or payment_move(after.payment, target, Role.PROVIDER) is None:
        return change
    entry = mover.entry(
        after,
        Event.PAYMENT_MOVED,
        source=after.payment.value,
        target=target.value,
        amount=held or None,
    )
    return attrs.evolve(change, after=attrs.evolve(after, payment=target), entries=(*change.entries, entry))


def _refunds_done(change: FulfilmentChange, number: int, mover: Mover) -> FulfilmentChange:
    """Ends the refunds that the provider has paid back: first those that it was asked for."""
    [payment] = (each for each in change.after.online if each.number == number)
    own = [each for each in change.after.refunds if each.payment_number == number]
    left = payment.refunded - sum(each.amount for each in own if each.state is RefundState.DONE)
    for refund in sorted(own, key=lambda each: each.state is not RefundState.DUE):
        is_open = refund_move(refund.state, RefundState.DONE, Role.PROVIDER) is not None
        if is_open and refund.amount <= left:
            left -= refund.amount
            done = attrs.evolve(refund, state=RefundState.DONE)
            refunds = tuple(done if each is refund else each for each in change.after.refunds)
            change = attrs.evolve(
                change,
                after=attrs.evolve(change.after, refunds=refunds),
                entries=(*change.entries, refund_entry(change.after, refund, RefundState.DONE, "", mover)),
                paid=change.paid - refund.amount,
            )
    return change
