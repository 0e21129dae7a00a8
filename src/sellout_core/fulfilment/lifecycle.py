"""The states of order lines, payments and refunds, and the tables of their moves.

The tables are the only definition of the moves: use cases, documentation and tests read them.
"""

import enum
from collections.abc import Collection, Sequence
from typing import Final

import attrs

__all__ = [
    "DEAD",
    "LINE_MOVES",
    "PAYMENT_MOVES",
    "REFUND_MOVES",
    "Effect",
    "Event",
    "Guard",
    "LineMove",
    "LineState",
    "PaymentMove",
    "PaymentState",
    "RefundMove",
    "RefundState",
    "Role",
    "line_move",
    "payment_move",
    "refund_move",
]


class Role(enum.Enum):
    """The role in which an actor moves something."""

    BUYER = "buyer"
    STAFF = "staff"
    SHOP = "shop"
    """The shop itself, which lets unpaid orders expire."""
    PROVIDER = "provider"
    """The payment provider, which reports what the buyer has paid."""


class LineState(enum.Enum):
    """The state of an order line, from the least to the most advanced. The last two are dead."""

    PLACED = "placed"
    CONFIRMED = "confirmed"
    PURCHASED = "purchased"
    IN_TRANSIT_HUB = "in_transit_hub"
    """On its way to the hub abroad."""
    IN_TRANSIT_MOSCOW = "in_transit_moscow"
    """On its way to Moscow."""
    ARRIVED = "arrived"
    HANDED_OVER = "handed_over"
    """The delivery service has it."""
    DELIVERED = "delivered"
    CANCELLED = "cancelled"
    RETURNED = "returned"


DEAD: Final = frozenset({LineState.CANCELLED, LineState.RETURNED})
"""The states of lines that are no longer part of the order."""


class Guard(enum.Enum):
    """What a move needs."""

    SETTLED = "settled"
    """What is captured and held covers the live lines."""
    COST = "cost"
    """The request states what the unit cost."""
    PARCEL = "parcel"
    """The request states the carrier and the tracking number."""
    REASON = "reason"
    """The request states a reason."""
    RETURN_REQUESTED = "return_requested"
    """The buyer has asked to return the line."""


class Effect(enum.Enum):
    """What a move changes beside the state of the line."""

    CAPTURE = "capture"
    """The share of a hold is captured by the provider."""
    WAIVE = "waive"
    """A payment of which nothing is due becomes waived."""
    RESTOCK = "restock"
    """The piece comes back into stock."""
    REFUND = "refund"
    """What was captured for the line becomes a refund due. What is held for it is released."""


class Event(enum.Enum):
    """The kind of a history entry."""

    LINE_MOVED = "line_moved"
    PAYMENT_MOVED = "payment_moved"
    REFUND_MOVED = "refund_moved"
    RETURN_REQUESTED = "return_requested"
    OVERPAID = "overpaid"
    """More arrived than the order can cost. The provider pays it back."""


@attrs.frozen
class LineMove:
    """A move of an order line.

    Attributes:
        source: The state before.
        target: The state after.
        roles: Who may make the move.
        guards: What the move needs.
        effects: What the move changes.
    """

    source: LineState
    target: LineState
    roles: frozenset[Role]
    guards: frozenset[Guard] = frozenset()
    effects: frozenset[Effect] = frozenset()


def _by(*roles: Role) -> frozenset[Role]:
    return frozenset(roles)


_STAFF: Final = _by(Role.STAFF)
_CANCELLABLE: Final = (
    LineState.CONFIRMED,
    LineState.PURCHASED,
    LineState.IN_TRANSIT_HUB,
    LineState.IN_TRANSIT_MOSCOW,
    LineState.ARRIVED,
)

LINE_MOVES: Final[Sequence[LineMove]] = (
    LineMove(
        LineState.PLACED,
        LineState.CONFIRMED,
        _STAFF,
        frozenset({Guard.SETTLED}),
        frozenset({Effect.CAPTURE, Effect.WAIVE}),
    ),
    LineMove(LineState.CONFIRMED, LineState.PURCHASED, _STAFF, frozenset({Guard.COST})),
    LineMove(LineState.PURCHASED, LineState.IN_TRANSIT_HUB, _STAFF),
    LineMove(LineState.IN_TRANSIT_HUB, LineState.IN_TRANSIT_MOSCOW, _STAFF),
    LineMove(LineState.IN_TRANSIT_MOSCOW, LineState.ARRIVED, _STAFF),
    LineMove(LineState.ARRIVED, LineState.HANDED_OVER, _STAFF, frozenset({Guard.PARCEL})),
    LineMove(LineState.HANDED_OVER, LineState.DELIVERED, _STAFF),
    LineMove(
        LineState.PLACED,
        LineState.CANCELLED,
        _by(Role.BUYER, Role.STAFF, Role.SHOP),
        effects=frozenset({Effect.RESTOCK, Effect.REFUND}),
    ),
    *(
        LineMove(
            source,
            LineState.CANCELLED,
            _STAFF,
            frozenset({Guard.REASON}),
            # A purchased piece is the shop's: the platform does not take it back.
            frozenset({Effect.RESTOCK, Effect.REFUND} if source is LineState.CONFIRMED else {Effect.REFUND}),
        )
        for source in _CANCELLABLE
    ),
    LineMove(LineState.HANDED_OVER, LineState.RETURNED, _STAFF, effects=frozenset({Effect.REFUND})),
    LineMove(
        LineState.DELIVERED,
        LineState.RETURNED,
        _STAFF,
        frozenset({Guard.RETURN_REQUESTED}),
        frozenset({Effect.REFUND}),
    ),
)
"""Every move of a line. All others are refused."""


class PaymentState(enum.Enum):
    """The state of an order's payment."""

    DUE = "due"
    AUTHORISED = "authorised"
    """An amount is held on the buyer's card. Nothing is captured."""
    CAPTURED = "captured"
    """Captured whole or in part."""
    WAIVED = "waived"
    """Nothing was due."""
    VOIDED = "voided"
    """The last line was cancelled before anything was captured."""
    FAILED = "failed"
    """The provider or the buyer refused it, or the hold ended. The buyer may pay again."""
    EXPIRED = "expired"
    """It was not paid in time."""


@attrs.frozen
class PaymentMove:
    """A move of a payment, and who may make it."""

    source: PaymentState
    target: PaymentState
    roles: frozenset[Role]


_UNPAID: Final = (PaymentState.DUE, PaymentState.FAILED)
_PROVIDER: Final = _by(Role.PROVIDER)

PAYMENT_MOVES: Final[Sequence[PaymentMove]] = (
    *(PaymentMove(source, PaymentState.AUTHORISED, _PROVIDER) for source in _UNPAID),
    *(
        PaymentMove(source, PaymentState.CAPTURED, _by(Role.STAFF, Role.PROVIDER))
        for source in (*_UNPAID, PaymentState.AUTHORISED, PaymentState.CAPTURED)
    ),
    # Money that arrives late becomes a refund due.
    *(
        PaymentMove(source, PaymentState.CAPTURED, _PROVIDER)
        for source in (PaymentState.WAIVED, PaymentState.VOIDED, PaymentState.EXPIRED)
    ),
    *(PaymentMove(source, PaymentState.FAILED, _PROVIDER) for source in (PaymentState.DUE, PaymentState.AUTHORISED)),
    *(PaymentMove(source, PaymentState.WAIVED, _STAFF) for source in _UNPAID),
    # The buyer cancels the last line that costs something.
    PaymentMove(PaymentState.AUTHORISED, PaymentState.WAIVED, _by(Role.BUYER, Role.STAFF)),
    *(
        PaymentMove(source, PaymentState.VOIDED, _by(Role.BUYER, Role.STAFF))
        for source in (*_UNPAID, PaymentState.AUTHORISED)
    ),
    *(PaymentMove(source, PaymentState.EXPIRED, _by(Role.SHOP)) for source in _UNPAID),
)
"""Every move of a payment. All others are refused."""


class RefundState(enum.Enum):
    """The state of the refund of a line."""

    DUE = "due"
    SENT = "sent"
    DONE = "done"
    FAILED = "failed"
    """It came back, and must be sent again. Or the provider has refused it for good, and staff pay it back."""


@attrs.frozen
class RefundMove:
    """A move of a refund, and who may make it."""

    source: RefundState
    target: RefundState
    roles: frozenset[Role]


REFUND_MOVES: Final[Sequence[RefundMove]] = (
    # More money has arrived for a line that is gone.
    RefundMove(RefundState.DUE, RefundState.DUE, _PROVIDER),
    RefundMove(RefundState.DUE, RefundState.SENT, _STAFF),
    RefundMove(RefundState.DUE, RefundState.DONE, _by(Role.STAFF, Role.PROVIDER)),
    # It refuses for good.
    RefundMove(RefundState.DUE, RefundState.FAILED, _PROVIDER),
    RefundMove(RefundState.SENT, RefundState.DONE, _by(Role.STAFF, Role.PROVIDER)),
    RefundMove(RefundState.SENT, RefundState.FAILED, _STAFF),
    RefundMove(RefundState.FAILED, RefundState.SENT, _STAFF),
    # Staff have paid it back on the provider's own pages.
    RefundMove(RefundState.FAILED, RefundState.DONE, _by(Role.STAFF, Role.PROVIDER)),
)
"""Every move of a refund. All others are refused."""

_LINE_MOVES: Final = {(move.source, move.target): move for move in LINE_MOVES}
_PAYMENT_MOVES: Final = {(move.source, move.target): move for move in PAYMENT_MOVES}
_REFUND_MOVES: Final = {(move.source, move.target): move for move in REFUND_MOVES}


def line_move(source: LineState, target: LineState, roles: Collection[Role]) -> LineMove | None:
    """The move of a line between two states, if there is one and one of the roles may make it."""
    move = _LINE_MOVES.get((source, target))
    return move if move is not None and not move.roles.isdisjoint(roles) else None


def payment_move(source: PaymentState, target: PaymentState, role: Role) -> PaymentMove | None:
    """The move of a payment between two states, if there is one and the role may make it."""
    move = _PAYMENT_MOVES.get((source, target))
    return move if move is not None and role in move.roles else None


def refund_move(source: RefundState, target: RefundState, role: Role) -> RefundMove | None:
    """The move of a refund between two states, if there is one and the role may make it."""
    move = _REFUND_MOVES.get((source, target))
    return move if move is not None and role in move.roles else None
