"""The model of an order after checkout, and the laws that hold for every order at any time."""

from collections.abc import Collection, Sequence
from datetime import datetime

import attrs

from sellout_core.fulfilment.lifecycle import (
    DEAD,
    Effect,
    Event,
    Guard,
    LineMove,
    LineState,
    PaymentState,
    RefundState,
    Role,
    line_move,
    payment_move,
    refund_move,
)
from sellout_core.fulfilment.progress import Fulfilment, HistoryEntry
from sellout_core.fulfilment.statuses import status_of
from sellout_core.shopping.ordering import Order
from sellout_core.values import ProductUnitId

_OPEN = {PaymentState.DUE, PaymentState.AUTHORISED, PaymentState.CAPTURED}


@attrs.define
class PlacedOrder:
    """The model of an order.

    Attributes:
        order: The order as it was placed.
        code: The promo code in lower case, or empty.
        states: The state of each line, by unit.
        shares: The share of each line, by unit.
        fee: The delivery fee.
        payment: The state of the payment.
        captured: What was captured.
        held: What a provider holds and has not captured.
        refunds: The amount and the state of the refund of a line, by unit, and of the delivery fee (None).
        moved_at: The time of the last move of a line, by unit.
        returns: The units that the buyer has asked to return.
        is_online: Whether a provider has captured the payment. It pays the refunds back, too.
    """

    order: Order
    code: str
    states: dict[int, LineState]
    shares: dict[int, int]
    fee: int
    payment: PaymentState = PaymentState.DUE
    captured: int = 0
    held: int = 0
    refunds: dict[int | None, tuple[int, RefundState]] = attrs.Factory(dict)
    moved_at: dict[int, datetime] = attrs.Factory(dict)
    returns: set[int] = attrs.Factory(set)
    is_online: bool = False

    @classmethod
    def of(cls, order: Order, code: str) -> "PlacedOrder":
        """The model of a new order."""
        shares: dict[int, int] = {line.unit.id: line.amount for line in order.lines}
        fee = order.total - sum(shares.values())
        return cls(order, code.lower(), dict.fromkeys(shares, LineState.PLACED), shares, fee)

    @property
    def live(self) -> list[int]:
        """The units that are still part of the order."""
        return [unit_id for unit_id, state in self.states.items() if state not in DEAD]

    @property
    def owed(self) -> int:
        """What the live lines cost, and the delivery unless all lines are cancelled: a returned one was delivered."""
        is_cancelled = all(state is LineState.CANCELLED for state in self.states.values())
        return sum(self.shares[unit_id] for unit_id in self.live) + (0 if is_cancelled else self.fee)

    @property
    def kept(self) -> int:
        """What was captured, less all refunds."""
        return self.captured - sum(amount for amount, _ in self.refunds.values())

    @property
    def paid(self) -> int:
        """What was captured, less the refunds that are done."""
        return self.captured - sum(amount for amount, state in self.refunds.values() if state is RefundState.DONE)

    @property
    def due(self) -> int:
        """The amount that can be captured."""
        return self.owed - self.kept - self.held if self.payment in _OPEN else 0

    @property
    def is_unpaid(self) -> bool:
        """Whether something is due, and nothing was paid or confirmed yet."""
        placed = all(self.states[unit_id] is LineState.PLACED for unit_id in self.live)
        return self.due > 0 and self.payment is PaymentState.DUE and placed

    @property
    def settled(self) -> bool:
        """Whether the order is paid, or nothing was due."""
        return self.payment is PaymentState.WAIVED or (self.payment is PaymentState.CAPTURED and not self.due)

    @property
    def present(self) -> Order:
        """The order as it is shown now."""
        status_id = status_of(list(self.states.values()), covered=self.settled)
        return attrs.evolve(self.order, status_id=status_id, paid=self.settled)

    def move(self, unit_id: int, target: LineState, roles: Collection[Role]) -> LineMove | None:
        """The move of a line, if it is possible now."""
        move = line_move(self.states[unit_id], target, roles)
        if move is None or (Guard.SETTLED in move.guards and self.due):
            return None
        return None if Guard.RETURN_REQUESTED in move.guards and unit_id not in self.returns else move

    def carry_out(self, unit_id: int, move: LineMove, now: datetime) -> None:
        """Moves a line. What was captured for a line that goes becomes a refund due, and with the last line that is
        cancelled, what was captured for the delivery.
        """
        self.states[unit_id], self.moved_at[unit_id] = move.target, now
        excess = self.kept - self.owed if Effect.REFUND in move.effects else 0
        of_line = min(excess, self.shares[unit_id])
        for refunded, amount in ((unit_id, of_line), (None, excess - of_line)):
            if amount > 0:
                assert refunded not in self.refunds
                self.refunds[refunded] = (amount, RefundState.DUE)

    def close(self, move: LineMove, *, by_shop: bool) -> None:
        """Closes a payment of which nothing is due after moves to one state."""
        if self.payment is PaymentState.DUE:
            if Effect.WAIVE in move.effects:
                self.payment = PaymentState.WAIVED
            elif not self.live:
                self.payment = PaymentState.EXPIRED if by_shop else PaymentState.VOIDED


def require_as_the_model(placed: PlacedOrder, found: Fulfilment) -> None:
    """Asserts that a fulfilment is as the model says."""
    assert found.delivery_fee == placed.fee
    assert {line.unit_id: line.state for line in found.lines} == placed.states
    assert {line.unit_id: line.moved_at for line in found.lines if line.moved_at is not None} == placed.moved_at
    assert {line.unit_id for line in found.lines if line.return_requested} == placed.returns
    assert {refund.unit_id: (refund.amount, refund.state) for refund in found.refunds} == placed.refunds
    assert (found.payment, found.captured, found.due) == (placed.payment, placed.captured, placed.due)


def require_lawful(order: Order, found: Fulfilment, history: Sequence[HistoryEntry]) -> None:
    """Asserts the laws of a fulfilment, and that its history gives it.

    * The shares of the lines and the delivery fee add up to the total, each at least 0.
    * Refunds are at most what was captured, and that is at most the total. A line has a refund of at most its share,
      and only if it is gone; so has the delivery. What was captured, less the refunds, is at most what the live lines
      and the kept delivery cost. It is exactly that if no line is live, if the order is paid, or if a live line is
      beyond `placed`.
    * Each entry of the history is a move of the tables, and begins where the one before it ended.
    """
    shares: dict[ProductUnitId | None, int] = {line.unit_id: line.amount for line in found.lines}
    shares[None] = found.delivery_fee
    assert sum(shares.values()) == order.total
    assert min(shares.values()) >= 0
    live = [line for line in found.lines if line.is_live]
    is_delivered = any(line.state is not LineState.CANCELLED for line in found.lines)
    owed = sum(line.amount for line in live) + (found.delivery_fee if is_delivered else 0)
    refunded = sum(refund.amount for refund in found.refunds)
    assert 0 <= refunded <= found.captured <= order.total
    assert all(0 < refund.amount <= shares[refund.unit_id] for refund in found.refunds)
    kept_whole = {line.unit_id for line in live} | ({None} if is_delivered else set())
    assert not {refund.unit_id for refund in found.refunds} & kept_whole
    is_settled = order.paid or not live or any(line.state is not LineState.PLACED for line in live)
    kept = found.captured - refunded
    assert kept == owed if is_settled else kept <= owed
    _require_history(found, history)


def _require_history(found: Fulfilment, history: Sequence[HistoryEntry]) -> None:
    states = dict.fromkeys((line.unit_id for line in found.lines), LineState.PLACED)
    payment, captured = PaymentState.DUE, 0
    refunds: dict[int | None, tuple[int, RefundState]] = {}
    for entry in history:
        unit_id, source, target = entry.unit_id, entry.source, entry.target
        if entry.event is Event.PAYMENT_MOVED:
            assert payment is PaymentState(source)
            payment = PaymentState(target)
            captured += (entry.amount or 0) if payment is PaymentState.CAPTURED else 0
            assert any(payment_move(PaymentState(source), payment, role) for role in Role)
            continue
        if entry.event is Event.LINE_MOVED:
            assert unit_id is not None
            assert states[unit_id] is LineState(source)
            states[unit_id] = LineState(target)
            assert line_move(LineState(source), LineState(target), tuple(Role)) is not None
        elif entry.event is Event.REFUND_MOVED:
            amount = int(entry.amount or 0)
            assert refunds.get(unit_id) == (None if source is None else (amount, RefundState(source)))
            assert source is None or refund_move(RefundState(source), RefundState(target), Role.STAFF) is not None
            refunds[unit_id] = amount, RefundState(target)
    assert states == {line.unit_id: line.state for line in found.lines}
    assert (payment, captured) == (found.payment, found.captured)
    assert refunds == {refund.unit_id: (refund.amount, refund.state) for refund in found.refunds}
