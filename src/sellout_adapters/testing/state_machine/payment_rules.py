"""The rules of the state machine for payments and refunds."""

from typing import Final

from sellout_adapters.extras import naming_extras
from sellout_adapters.testing.bank import Bank
from sellout_adapters.testing.state_machine.model import MINUTE
from sellout_adapters.testing.state_machine.order_rules import OrderRules
from sellout_adapters.testing.state_machine.orders import require_as_the_model
from sellout_core.fulfilment.lifecycle import REFUND_MOVES, LineState, PaymentState, RefundState, Role, refund_move
from sellout_core.fulfilment.money import CommandKind
from sellout_core.fulfilment.progress import LineRequest, MoveRequest
from sellout_core.fulfilment.refusals import AboveAmountDue, MoveImpossible
from sellout_core.use_cases.payments import apply_report, start_payment
from sellout_core.use_cases.shopping import fulfilment
from sellout_core.use_cases.shopping.tracking import read_tracking
from sellout_core.values import Money, ProductUnitId

with naming_extras():
    from hypothesis import strategies as st
    from hypothesis.stateful import precondition, rule

_STAFF: Final = frozenset({Role.STAFF})


class PaymentRules(OrderRules):
    """The rules for payments, by staff and by a provider, and for refunds."""

    def __init__(self) -> None:
        super().__init__()
        self.bank = Bank()

    @precondition(lambda self: self.placed)
    @rule(data=st.data())
    def capture(self, data: st.DataObject) -> None:
        """At most the amount due is captured."""
        placed = data.draw(st.sampled_from(self.placed))
        amount = data.draw(st.sampled_from([placed.due, placed.due, max(1, placed.due // 2), placed.due + 1])) or 1
        refusal = AboveAmountDue if amount > placed.due else None
        if self.done(data, refusal, fulfilment.capture_payment, self.staff, placed, Money(amount)):
            placed.captured += amount
            placed.payment = PaymentState.CAPTURED

    @precondition(lambda self: self.placed)
    @rule(data=st.data())
    def move_refunds(self, data: st.DataObject) -> None:
        """Refunds make the moves of the table, all that are named or none. The provider moves those that it pays."""
        placed = data.draw(st.sampled_from(self.placed))
        states = {state for _, state in placed.refunds.values()}
        targets = [move.target for move in REFUND_MOVES if move.source in states]
        target, wanted = data.draw(st.sampled_from(targets * 4 + [*RefundState])), self.some_units(data, placed)
        of_delivery = data.draw(st.booleans())
        meant: list[int | None] = [*(wanted or ())] + [None] * of_delivery
        able = [
            unit_id
            for unit_id in meant or [*placed.states, None]
            if unit_id in placed.refunds
            and not placed.is_online
            and refund_move(placed.refunds[unit_id][1], target, Role.STAFF)
        ]
        refusal = MoveImpossible if not able or (meant and len(able) < len(meant)) else None
        request, options = LineRequest(unit_ids=wanted), {"of_delivery": of_delivery}
        if self.done(data, refusal, fulfilment.move_refunds, self.staff, placed, request, target, **options):
            for unit_id in able:
                placed.refunds[unit_id] = placed.refunds[unit_id][0], target

    @precondition(lambda self: any(placed.is_unpaid for placed in self.placed))
    @rule(data=st.data())
    def hold_and_confirm(self, data: st.DataObject) -> None:
        """A provider holds what an order costs. The share of the first confirmed line is captured with the delivery
        fee, and those of the others without it.
        """
        placed = data.draw(st.sampled_from([each for each in self.placed if each.is_unpaid]))
        payment = start_payment(self.scene.shop, self.staff, placed.order.id).payment
        apply_report(self.scene.shop, self.bank.change(payment, authorised=Money(placed.due)))
        placed.held, placed.payment, placed.is_online = placed.due, PaymentState.AUTHORISED, True
        first = ProductUnitId(data.draw(st.sampled_from(placed.live)))
        for unit_ids in ((first,), None):
            moves, refusal = self.expected_moves(placed, unit_ids, LineState.CONFIRMED, _STAFF, is_complete=True)
            if refusal is not None:
                return
            fulfilment.move_order(
                self.scene.shop,
                self.staff,
                placed.order.id,
                MoveRequest(unit_ids=unit_ids, target=LineState.CONFIRMED),
            )
            captured = placed.shares[first] + placed.fee if unit_ids else placed.held
            assert self.settle() == [CommandKind.CAPTURE] * (captured > 0)
            placed.captured, placed.held = placed.captured + captured, placed.held - captured
            placed.payment = PaymentState.CAPTURED if placed.captured else PaymentState.AUTHORISED
            self.moved(placed, moves)
            require_as_the_model(placed, read_tracking(self.scene.shop, self.staff, placed.order.id).fulfilment)

    @precondition(lambda self: any(placed.live for placed in self.placed))
    @rule(data=st.data())
    def end_paid_order(self, data: st.DataObject) -> None:
        """Staff enter the payment and end an order line by line: what is delivered is returned, the rest is cancelled.
        The delivery fee comes back with the last cancelled line. It is kept if a line was returned.
        """
        person = data.draw(st.sampled_from([each for each in self.people.values() if any(p.live for p in each.orders)]))
        placed = data.draw(st.sampled_from([placed for placed in person.orders if placed.live]))
        self.pay(placed)
        for unit_id in map(ProductUnitId, data.draw(st.permutations(placed.live))):
            target = LineState.CANCELLED
            if placed.states[unit_id] is LineState.DELIVERED:
                if self.scene.clock() > placed.moved_at[unit_id] + MINUTE:
                    continue
                asked = LineRequest(unit_ids=(unit_id,))
                fulfilment.request_return(self.scene.shop, person.actor, placed.order.id, asked)
                placed.returns.add(unit_id)
                target = LineState.RETURNED
            moves, refusal = self.expected_moves(placed, (unit_id,), target, _STAFF, is_complete=True)
            if refusal is None:
                request = MoveRequest(unit_ids=(unit_id,), target=target, reason="why")
                fulfilment.move_order(self.scene.shop, self.staff, placed.order.id, request)
                self.moved(placed, moves)
        if not placed.live:
            is_kept = LineState.RETURNED in placed.states.values()
            assert placed.kept == (placed.fee if is_kept else 0)
