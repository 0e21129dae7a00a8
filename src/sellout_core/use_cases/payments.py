"""Payments by a provider: the buyer starts one, the provider reports on it, and the shop asks the provider for what the
moves of the order need.

The provider is called outside of any transaction. What it says is applied in a transaction of its own. A process that
ends in between leaves a payment that is asked about again.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final, Literal

import attrs

from sellout_core.errors import NotFound, Unavailable
from sellout_core.fulfilment.lifecycle import Role
from sellout_core.fulfilment.money import CommandKind, NewPayment, OnlinePayment, ProviderPayment
from sellout_core.fulfilment.progress import Fulfilment, FulfilmentChange, Mover
from sellout_core.fulfilment.refusals import NothingDue, PaymentMismatch
from sellout_core.fulfilment.reports import next_command, refunds_refused, reported, with_payment
from sellout_core.people.accounts import OPERATOR, Actor
from sellout_core.ports.payments import PaymentPage, ProviderFailed, RefundRefused
from sellout_core.ports.store import Transaction
from sellout_core.retries import delay_after
from sellout_core.shop import Shop
from sellout_core.use_cases.shopping.fulfilment import locked_fulfilment, write_change
from sellout_core.use_cases.shopping.orders import found_order
from sellout_core.use_cases.shopping.tracking import found_fulfilment
from sellout_core.values import OrderId

__all__ = ["PaymentOutcome", "StartedPayment", "apply_report", "settle_next_payment", "start_payment", "take_notice"]

_LEASE: Final = timedelta(minutes=5)
"""How long a process may take to ask a provider before another one asks."""

_FIRST_QUESTION: Final = timedelta(minutes=1)
"""When the shop first asks about a payment of which no notice has come."""

_MAX_ERROR: Final = 300


@attrs.frozen
class StartedPayment:
    """A payment that the buyer can make now, and whether this call started it."""

    payment: OnlinePayment
    is_new: bool


@attrs.frozen
class PaymentOutcome:
    """What became of a question to a provider.

    Attributes:
        payment: The payment before.
        command: What it was asked to do. None: it was asked about the payment alone.
        result: `done`, `postponed`, or `refused`: staff pay back what the provider was asked to pay back.
        reason: The reason of a failure or refusal.
    """

    payment: OnlinePayment
    command: CommandKind | None
    result: Literal["done", "postponed", "refused"]
    reason: str = ""


def start_payment(shop: Shop, actor: Actor, order_id: OrderId) -> StartedPayment:
    """Starts a payment of what is due for an order, or returns the one that the buyer has not made yet. Concurrent
    calls start one payment.

    Raises:
        Unauthenticated: the actor is anonymous.
        NotFound: there is no such order, or it belongs to another user and the actor is not staff.
        PaymentsDisabled: the shop has no payment provider.
        NothingDue: the order is paid, held, free or cancelled.
        Unavailable: the provider did not answer. The order is as before.
    """
    actor.require_known()
    new = shop.store.read(lambda tx: _wanted(shop, tx, actor, order_id))
    if isinstance(new, OnlinePayment):
        return StartedPayment(new, is_new=False)
    try:
        page = shop.payment_provider.start(new, f"order-{order_id}-{new.number}-start-{new.amount}")
    except ProviderFailed as failure:
        raise Unavailable(f"The payment provider did not answer: {failure}.") from failure
    return shop.store.write(lambda tx: _started(shop, tx, actor, new, page))


def take_notice(shop: Shop, provider: str, headers: Mapping[str, Sequence[str]], content: bytes) -> None:
    """Applies a notice of the payment provider. Does nothing if it is known already, or about no payment of a shop.

    Args:
        shop: The shop.
        provider: The name of the provider.
        headers: All values of each header, by its name in lower case.
        content: The bytes of the body.

    Raises:
        BadNotice: the notice is not signed by the provider, or was signed too long ago.
        InvalidFields: the notice is no such document.
        NotFound: the shop has no such provider, no such order, or the order has no such payment.
        PaymentsDisabled: the shop's staff enter payments.
        PaymentMismatch: the notice contradicts the payment.
        Unavailable: the provider could not be asked.
    """
    if provider != shop.payment_provider.name:
        raise NotFound
    try:
        report = shop.payment_provider.notice(headers, content, shop.clock())
    except ProviderFailed as failure:
        raise Unavailable(f"The payment provider did not answer: {failure}.") from failure
    if report is not None:
        apply_report(shop, report)


def apply_report(shop: Shop, report: ProviderPayment) -> None:
    """Applies what the shop's payment provider says about a payment. The caller vouches for its source.

    Raises:
        NotFound: the shop has no such order, or the order has no such payment.
        PaymentMismatch: the report contradicts the payment.
    """
    now = shop.clock()

    def work(tx: Transaction) -> None:
        before, buyer = locked_fulfilment(tx, OPERATOR, report.order_id)
        payment = next((each for each in before.online if each.reference == report.reference), None)
        if payment is None or payment.provider != shop.payment_provider.name:
            raise NotFound
        change = reported(before, payment, report, _provider(now))
        if change.after != before:
            write_change(tx, change, buyer, now)

    shop.store.write(work)


def settle_next_payment(shop: Shop, actor: Actor) -> PaymentOutcome | None:
    """Asks a provider about one payment that is due, or for what it has to do with it. None: none is due. For the
    operator. Any number of processes may do so at once.

    Raises:
        Forbidden: the actor is not the operator.
    """
    actor.require_operator()
    due = shop.store.read(lambda tx: tx.fulfilments.payments_due(shop.clock(), 1))
    taken = shop.store.write(lambda tx: _take(tx, due[0], shop.clock())) if due else None
    if taken is None:
        return None
    found, payment = taken
    command = next_command(found, payment)
    kind = None if command is None else command.kind
    provider = shop.payment_provider
    try:
        if payment.provider != provider.name:
            raise ProviderFailed(f"the shop does not use the provider {payment.provider}")  # noqa: TRY301 - one way out
        apply_report(shop, provider.read(payment) if command is None else provider.carry_out(payment, command))
    except RefundRefused as refusal:
        return _hand_over(shop, payment, kind, str(refusal))
    except (ProviderFailed, PaymentMismatch) as failure:
        return _postpone(shop, payment, kind, str(failure))
    return _postpone(shop, payment, kind, "")


def _wanted(shop: Shop, tx: Transaction, actor: Actor, order_id: OrderId) -> OnlinePayment | NewPayment:
    """The payment that the buyer can make now, or the one that is to be started."""
    found = found_fulfilment(tx, actor, order_id)
    if found.due == 0:
        raise NothingDue
    last = found.online[-1] if found.online else None
    offered = found.due, shop.payment_provider.name
    if last is not None and last.is_pending and (last.amount, last.provider) == offered:
        return last
    order = found_order(tx, actor, order_id)
    currency = order.lines[0].unit.currency.name
    return NewPayment(order_id=order_id, number=len(found.online) + 1, amount=found.due, currency=currency)


def _started(shop: Shop, tx: Transaction, actor: Actor, new: NewPayment, page: PaymentPage) -> StartedPayment:
    before, buyer = locked_fulfilment(tx, actor, new.order_id)
    known = next((each for each in before.online if each.number == new.number), None)
    if known is not None:
        return StartedPayment(known, is_new=False)
    now, provider = shop.clock(), shop.payment_provider
    payment = OnlinePayment(
        **attrs.asdict(new),
        provider=provider.name,
        reference=page.reference,
        page=page.address,
        in_parts=provider.captures_in_parts,
        due_at=now + _FIRST_QUESTION,
    )
    # If the order has died meanwhile, the payment is cancelled next.
    write_change(tx, FulfilmentChange(before, with_payment(before, payment), ()), buyer, now)
    return StartedPayment(payment, is_new=True)


def _take(tx: Transaction, order_id: OrderId, now: datetime) -> tuple[Fulfilment, OnlinePayment] | None:
    before, _ = locked_fulfilment(tx, OPERATOR, order_id)
    due = next((each for each in before.online if each.due_at is not None and each.due_at <= now), None)
    if due is None:
        return None
    taken = attrs.evolve(due, due_at=now + _LEASE, attempts=due.attempts + 1)
    after = with_payment(before, taken)
    tx.fulfilments.save(before, after)
    return after, taken


def _hand_over(shop: Shop, asked: OnlinePayment, kind: CommandKind | None, reason: str) -> PaymentOutcome:
    """Leaves to staff what the provider refuses for good to pay back. If they cannot do it, or another change has given
    the provider something else to do, it is asked again.
    """
    now = shop.clock()

    def work(tx: Transaction) -> bool:
        before, buyer = locked_fulfilment(tx, OPERATOR, asked.order_id)
        payment = before.online[asked.number - 1]
        if (payment.due_at, payment.attempts) != (asked.due_at, asked.attempts):
            return False
        change = refunds_refused(before, payment, reason[:_MAX_ERROR], _provider(now))
        if change.entries:
            write_change(tx, change, buyer, now)
        return bool(change.entries)

    if shop.store.write(work):
        return PaymentOutcome(asked, kind, "refused", reason)
    return _postpone(shop, asked, kind, reason)


def _postpone(shop: Shop, asked: OnlinePayment, kind: CommandKind | None, reason: str) -> PaymentOutcome:
    """Notes when the provider is asked again, unless the answer or another change has settled it."""
    now = shop.clock()
    why = reason or ("" if kind is None else "the provider has not done it yet")

    def work(tx: Transaction) -> bool:
        before, _ = locked_fulfilment(tx, OPERATOR, asked.order_id)
        payment = before.online[asked.number - 1]
        if (payment.due_at, payment.attempts) != (asked.due_at, asked.attempts):
            return not reason
        again = attrs.evolve(payment, due_at=now + delay_after(payment.attempts), last_error=why[:_MAX_ERROR])
        tx.fulfilments.save(before, with_payment(before, again))
        return not why

    done = shop.store.write(work)
    return PaymentOutcome(asked, kind, "done" if done else "postponed", "" if done else why)


def _provider(now: datetime) -> Mover:
    return Mover(None, frozenset({Role.PROVIDER}), now)
