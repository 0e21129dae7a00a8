"""How the lines of an order move. `lifecycle` has the tables of allowed moves.

The functions decide: they read and write nothing.
"""

from collections.abc import Collection
from datetime import timedelta
from typing import Final

import attrs

from sellout_core.errors import FieldCode, InvalidField, InvalidFields
from sellout_core.fulfilment.lifecycle import (
    LINE_MOVES,
    Effect,
    Event,
    Guard,
    LineMove,
    LineState,
    PaymentState,
    Role,
    line_move,
)
from sellout_core.fulfilment.payments import with_refunds_due
from sellout_core.fulfilment.progress import (
    Fulfilment,
    FulfilmentChange,
    LineProgress,
    LineRequest,
    Mover,
    MoveRequest,
    Parcel,
    impossible,
)
from sellout_core.fulfilment.refusals import ReturnWindowOver
from sellout_core.values import Money

__all__ = ["moved", "possible_moves", "return_requested"]

_UNCAPTURED: Final = frozenset({PaymentState.DUE, PaymentState.AUTHORISED, PaymentState.FAILED})
_MEMBERS: Final = {Guard.COST: ("cost",), Guard.PARCEL: ("carrier", "tracking_number"), Guard.REASON: ("reason",)}
"""The members of a request that a guard needs."""


def possible_moves(before: Fulfilment, line: LineProgress, roles: Collection[Role]) -> tuple[str, ...]:
    """The states that a line can be moved to now in one of the roles."""
    return tuple(
        move.target.value
        for move in LINE_MOVES
        if move.source is line.state and not move.roles.isdisjoint(roles) and _is_open(before, line, move)
    )


def moved(before: Fulfilment, request: MoveRequest, mover: Mover) -> FulfilmentChange:
    """Moves lines to a state: those of the request, or all that can be moved.

    Raises:
        InvalidFields: a unit is not in the order, or the move needs a member that the request lacks.
        MoveImpossible: one of the lines cannot be moved there, or none can.
    """
    moves: list[tuple[LineProgress, LineMove]] = []
    for line in before.wanted(request.unit_ids):
        move = line_move(line.state, request.target, mover.roles)
        if move is not None and _is_open(before, line, move):
            moves.append((line, move))
        elif request.unit_ids is not None:
            moves.clear()
            break
    if not moves:
        raise impossible(before, request.unit_ids, lambda line: possible_moves(before, line, mover.roles))
    _require_members(request, frozenset().union(*(move.guards for _, move in moves)))
    change = FulfilmentChange(before, before, ())
    if any(Guard.PARCEL in move.guards for _, move in moves):
        change = _with_parcel(change, request)
    for line, move in moves:
        change = _line_moved(change, line, move, request, mover)
    return _payment_closed(change, mover)


def return_requested(before: Fulfilment, request: LineRequest, window: timedelta, mover: Mover) -> FulfilmentChange:
    """Notes that the buyer asks to return delivered lines: those of the request, or all that are delivered. A line for
    which this is noted already does not change.

    Raises:
        InvalidFields: a unit is not in the order.
        MoveImpossible: one of the lines is not delivered, or none is.
        ReturnWindowOver: the window is over for one of the lines.
    """
    wanted = before.wanted(request.unit_ids)
    lines = [line for line in wanted if line.state is LineState.DELIVERED]
    if not lines or (request.unit_ids is not None and len(lines) < len(wanted)):
        raise impossible(before, request.unit_ids, lambda _: ())
    lines = [line for line in lines if not line.return_requested]
    if any(line.moved_at is not None and mover.at > line.moved_at + window for line in lines):
        raise ReturnWindowOver
    after = before
    for line in lines:
        after = _with_line(after, attrs.evolve(line, return_requested=True))
    entries = tuple(
        mover.entry(
            before,
            Event.RETURN_REQUESTED,
            unit_id=line.unit_id,
            source=line.state.value,
            target=line.state.value,
            note=request.reason,
        )
        for line in lines
    )
    return FulfilmentChange(before, after, entries)


def _is_open(before: Fulfilment, line: LineProgress, move: LineMove) -> bool:
    """Whether the state of the order allows a move of the table. The request satisfies the other guards."""
    if Guard.SETTLED in move.guards and before.due > 0:
        return False
    return Guard.RETURN_REQUESTED not in move.guards or line.return_requested


def _require_members(request: MoveRequest, guards: Collection[Guard]) -> None:
    needed = [name for guard, names in _MEMBERS.items() if guard in guards for name in names]
    missing = [name for name in needed if _is_blank(getattr(request, name))]
    if missing:
        why = f"is needed to move a line to `{request.target.value}`"
        raise InvalidFields(tuple(InvalidField(name, why, FieldCode.REQUIRED) for name in missing))


def _with_line(fulfilment: Fulfilment, line: LineProgress) -> Fulfilment:
    lines = tuple(line if each.unit_id == line.unit_id else each for each in fulfilment.lines)
    return attrs.evolve(fulfilment, lines=lines)


def _with_parcel(change: FulfilmentChange, request: MoveRequest) -> FulfilmentChange:
    parcels = change.after.parcels
    parcel = Parcel(len(parcels) + 1, request.carrier, request.tracking_number)
    return attrs.evolve(change, after=attrs.evolve(change.after, parcels=(*parcels, parcel)))


def _line_moved(
    change: FulfilmentChange,
    line: LineProgress,
    move: LineMove,
    request: MoveRequest,
    mover: Mover,
) -> FulfilmentChange:
    handed_over = Guard.PARCEL in move.guards
    line = attrs.evolve(
        line,
        state=move.target,
        moved_at=mover.at,
        cost=request.cost if Guard.COST in move.guards else line.cost,
        parcel_number=len(change.after.parcels) if handed_over else line.parcel_number,
    )
    entry = mover.entry(
        change.after,
        Event.LINE_MOVED,
        unit_id=line.unit_id,
        source=move.source.value,
        target=move.target.value,
        amount=line.cost if Guard.COST in move.guards else None,
        note=f"{request.carrier} {request.tracking_number}" if handed_over else request.reason,
    )
    restocked = (line.unit_id,) if Effect.RESTOCK in move.effects else ()
    change = attrs.evolve(
        change,
        after=_with_line(change.after, line),
        entries=(*change.entries, entry),
        restocked=(*change.restocked, *restocked),
    )
    # The last line that is cancelled ends what is owed for the delivery.
    shares = (line.unit_id, line.amount), (None, change.after.delivery_fee)
    return with_refunds_due(change, shares, mover) if Effect.REFUND in move.effects else change


def _payment_closed(change: FulfilmentChange, mover: Mover) -> FulfilmentChange:
    """Closes a payment of which nothing is due: it is waived, voided or expired."""
    after = change.after
    if after.payment not in _UNCAPTURED:
        return change
    if not after.live:
        target = PaymentState.EXPIRED if mover.roles == {Role.SHOP} else PaymentState.VOIDED
    elif after.uncaptured <= 0 and any(line.state is not LineState.PLACED for line in after.live):
        target = PaymentState.WAIVED
    else:
        return change
    entry = mover.entry(
        after,
        Event.PAYMENT_MOVED,
        source=after.payment.value,
        target=target.value,
    )
    return attrs.evolve(change, after=attrs.evolve(after, payment=target), entries=(*change.entries, entry))


def _is_blank(value: str | Money | None) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())
