"""How the payment and the refunds of an order change. `lifecycle` has the tables of allowed moves.

The functions decide: they read and write nothing.
"""

from collections.abc import Iterable

import attrs

from sellout_core.fulfilment.lifecycle import Event, PaymentState, RefundState, Role, refund_move
from sellout_core.fulfilment.money import Refund
from sellout_core.fulfilment.progress import (
    Fulfilment,
    FulfilmentChange,
    LineRequest,
    Mover,
    NewHistoryEntry,
    impossible,
)
from sellout_core.fulfilment.refusals import AboveAmountDue, MoveImpossible
from sellout_core.values import Money, ProductUnitId

__all__ = ["captured", "refund_entry", "refunds_moved", "with_refunds_due"]


def captured(before: Fulfilment, amount: Money, mover: Mover) -> FulfilmentChange:
    """Captures a part of the payment, or all of it.

    Raises:
        AboveAmountDue: the amount is above the amount due.
    """
    if amount > before.due:
        raise AboveAmountDue(before.due)
    after = attrs.evolve(before, payment=PaymentState.CAPTURED, captured=Money(before.captured + amount))
    entry = mover.entry(
        before,
        Event.PAYMENT_MOVED,
        source=before.payment.value,
        target=after.payment.value,
        amount=amount,
    )
    return FulfilmentChange(before, after, (entry,), paid=amount)


def refunds_moved(
    before: Fulfilment, request: LineRequest, target: RefundState, mover: Mover, *, of_delivery: bool = False
) -> FulfilmentChange:
    """Moves refunds to a state: those of the units of the request, or all that can be moved.

    Args:
        before: The fulfilment.
        request: The units. None: all refunds, unless `of_delivery` is true.
        target: The state.
        mover: Who moves them.
        of_delivery: Whether the refund of the delivery fee is moved, alone or with those of the units.

    Raises:
        InvalidFields: a unit is not in the order.
        MoveImpossible: one of the units, or the delivery fee, has no refund that can be moved there, or none has.
    """
    is_strict = of_delivery or request.unit_ids is not None
    unit_ids = request.unit_ids or () if is_strict else None
    refunds = [before.refund_of(line.unit_id) for line in before.wanted(unit_ids)]
    if of_delivery or not is_strict:
        refunds.append(before.refund_of(None))
    chosen = [each for each in refunds if each is not None and target.value in _possible_refunds(each)]
    if not chosen or (is_strict and len(chosen) < len(refunds)):
        refused = impossible(before, unit_ids, lambda line: _possible_refunds(before.refund_of(line.unit_id)))
        possible = dict(refused.possible)
        if of_delivery:
            possible[None] = _possible_refunds(before.refund_of(None))
        raise MoveImpossible(possible)
    ids = {refund.unit_id for refund in chosen}
    after = attrs.evolve(
        before,
        refunds=tuple(_moved_refund(each, target) if each.unit_id in ids else each for each in before.refunds),
    )
    entries = tuple(refund_entry(before, each, target, request.reason, mover) for each in chosen)
    done = sum(each.amount for each in chosen) if target is RefundState.DONE else 0
    return FulfilmentChange(before, after, entries, paid=-done)


def refund_entry(before: Fulfilment, refund: Refund, target: RefundState, note: str, mover: Mover) -> NewHistoryEntry:
    """The history entry of a refund that moves to a state."""
    return mover.entry(
        before,
        Event.REFUND_MOVED,
        unit_id=refund.unit_id,
        source=refund.state.value,
        target=target.value,
        amount=refund.amount,
        note=note,
    )


def with_refunds_due(
    change: FulfilmentChange,
    shares: Iterable[tuple[ProductUnitId | None, Money]],
    mover: Mover,
    payment_number: int | None = None,
) -> FulfilmentChange:
    """Makes refunds due of what was captured beyond what is owed, each of at most its share.

    Args:
        change: The change so far.
        shares: The units with their shares of the total. Without a unit it is the delivery fee.
        mover: Who makes the refunds due.
        payment_number: The online payment by which the money came. None: one that can pay a refund back as a whole
            does, otherwise staff do.
    """
    for unit_id, share in shares:
        after = change.after
        known = after.refund_of(unit_id)
        old = 0 if known is None else known.amount
        amount = Money(min(share, old + max(0, -after.uncaptured)))
        if amount <= old:
            continue
        able = (each.number for each in after.online if each.refundable(after.refunds) >= amount)
        number = next(able, None) if payment_number is None else payment_number
        refund = Refund(unit_id, amount, RefundState.DUE, number)
        entry = refund_entry(after, refund, RefundState.DUE, "", mover)
        others = tuple(each for each in after.refunds if each is not known)
        change = attrs.evolve(
            change,
            after=attrs.evolve(after, refunds=(*others, refund)),
            entries=(*change.entries, attrs.evolve(entry, source=None) if known is None else entry),
        )
    return change


def _moved_refund(refund: Refund, target: RefundState) -> Refund:
    """A refund that staff have moved. What staff have paid back is not the provider's any more."""
    number = None if target is RefundState.DONE else refund.payment_number
    return attrs.evolve(refund, state=target, payment_number=number)


def _possible_refunds(refund: Refund | None) -> tuple[str, ...]:
    """The states that staff can move a refund to. The provider moves those that it pays."""
    if refund is None or (refund.payment_number is not None and refund.state is RefundState.DUE):
        return ()
    return tuple(target.value for target in RefundState if refund_move(refund.state, target, Role.STAFF) is not None)
