"""The fulfilment of an order: the states of its lines, its payment, its refunds and its parcels, and its history."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Final, Self

import attrs

from sellout_core import values
from sellout_core.errors import FieldCode, InvalidField, InvalidFields
from sellout_core.fulfilment.lifecycle import DEAD, Event, LineState, PaymentState, Role, payment_move
from sellout_core.fulfilment.money import OnlinePayment, Refund
from sellout_core.fulfilment.refusals import MoveImpossible
from sellout_core.fulfilment.statuses import status_of
from sellout_core.shopping.ordering import Order, wanted_units
from sellout_core.values import HistoryEntryId, Money, OrderId, ProductUnitId, PromoCodeId, StatusId, UserId, ruled

__all__ = [
    "MAX_CARRIER",
    "MAX_REASON",
    "MAX_TRACKING_NUMBER",
    "Fulfilment",
    "FulfilmentChange",
    "HistoryEntry",
    "LineProgress",
    "LineRequest",
    "MoveRequest",
    "Mover",
    "NewHistoryEntry",
    "Parcel",
    "impossible",
]

MAX_REASON: Final = 500
MAX_CARRIER: Final = 100
MAX_TRACKING_NUMBER: Final = 100


@attrs.frozen(kw_only=True)
class LineProgress:
    """The progress of an order line.

    Attributes:
        unit_id: The product unit.
        amount: The share of the order's total.
        state: The state.
        moved_at: The time of the last move. None: the line has not moved since checkout.
        cost: What the unit cost the shop. None: it is not purchased.
        parcel_number: The number of its parcel. None: the line has not been handed over.
        return_requested: Whether the buyer has asked to return the unit.
    """

    unit_id: ProductUnitId
    amount: Money
    state: LineState = LineState.PLACED
    moved_at: datetime | None = None
    cost: Money | None = None
    parcel_number: int | None = None
    return_requested: bool = False

    @property
    def is_live(self) -> bool:
        """Whether the line is still part of the order."""
        return self.state not in DEAD


@attrs.frozen
class Parcel:
    """Lines that were handed over together. `number` counts the parcels of the order from 1."""

    number: int
    carrier: str
    tracking_number: str


@attrs.frozen(kw_only=True)
class Fulfilment:
    """The fulfilment of one order. A new order has its lines in `placed` and its payment in `due`. The amounts of the
    lines and `delivery_fee` add up to its total.
    """

    order_id: OrderId
    buyer_id: UserId
    placed_at: datetime
    promo_code_id: PromoCodeId | None
    lines: tuple[LineProgress, ...]
    delivery_fee: Money = Money(0)
    payment: PaymentState = PaymentState.DUE
    captured: Money = Money(0)
    refunds: tuple[Refund, ...] = ()
    parcels: tuple[Parcel, ...] = ()
    online: tuple[OnlinePayment, ...] = ()
    """The payments with a provider, in the order in which they were started."""

    @classmethod
    def of(cls, order: Order) -> Self:
        """The fulfilment of a new order."""
        return cls(
            order_id=order.id,
            buyer_id=order.buyer_id,
            placed_at=order.placed_at,
            promo_code_id=None if order.promo_code is None else order.promo_code.id,
            lines=tuple(LineProgress(unit_id=line.unit.id, amount=line.amount) for line in order.lines),
            delivery_fee=order.delivery_fee,
        )

    @property
    def live(self) -> tuple[LineProgress, ...]:
        """The lines that are still part of the order."""
        return tuple(line for line in self.lines if line.is_live)

    @property
    def owed(self) -> int:
        """What the live lines and the delivery cost. The fee of the delivery is owed while a line is live, and kept if
        a line was returned: the delivery service had it.
        """
        is_delivered = any(line.state is not LineState.CANCELLED for line in self.lines)
        return sum(line.amount for line in self.live) + (self.delivery_fee if is_delivered else 0)

    @property
    def refunded(self) -> int:
        """The sum of all refunds, also of those that are not done yet."""
        return sum(refund.amount for refund in self.refunds)

    @property
    def held(self) -> int:
        """What providers hold on the buyer's card: neither captured nor released."""
        return sum(payment.held for payment in self.online)

    @property
    def uncaptured(self) -> int:
        """What is owed and not captured yet. Negative: more was captured than is owed."""
        return self.owed - self.captured + self.refunded

    @property
    def due(self) -> Money:
        """The amount that can still be paid."""
        if payment_move(self.payment, PaymentState.CAPTURED, Role.STAFF) is None:
            return Money(0)
        return Money(max(0, self.uncaptured - self.held))

    @property
    def settled(self) -> bool:
        """Whether the payment is captured in full, or waived: the documented `fact_of_payment`."""
        captured = self.payment is PaymentState.CAPTURED and self.uncaptured <= 0
        return captured or self.payment is PaymentState.WAIVED

    @property
    def status_id(self) -> StatusId:
        """The status of the order."""
        is_paid = self.payment in {PaymentState.AUTHORISED, PaymentState.CAPTURED} and self.due == 0
        return status_of([line.state for line in self.lines], covered=is_paid or self.settled)

    def refund_of(self, unit_id: ProductUnitId | None) -> Refund | None:
        """The refund of a line, or of the delivery fee (None), if there is one."""
        return next((refund for refund in self.refunds if refund.unit_id == unit_id), None)

    def wanted(self, unit_ids: Sequence[ProductUnitId] | None) -> Sequence[LineProgress]:
        """The lines of those units, in the order given. None: all lines.

        Raises:
            InvalidFields: a unit is not in the order.
        """
        if unit_ids is None:
            return self.lines
        lines = {line.unit_id: line for line in self.lines}
        if not lines.keys() >= set(unit_ids):
            raise InvalidFields((InvalidField("unit_ids", "must be units of the order", FieldCode.NOT_ONE_OF),))
        return [lines[unit_id] for unit_id in unit_ids]


@attrs.frozen(kw_only=True)
class NewHistoryEntry:
    """A history entry without an id.

    Attributes:
        order_id: The order.
        at: The time.
        actor_id: The user who did it. None: the operator, or the shop itself.
        event: The kind of the entry.
        unit_id: The unit of the line, if the entry is about one.
        source: The state before, as text. None: there was none.
        target: The state after, as text.
        amount: What was captured, what is refunded, or what the unit cost. None: the entry is not about money.
        note: The reason, or the carrier and the tracking number. May be empty.
    """

    order_id: OrderId
    at: datetime
    actor_id: UserId | None
    event: Event
    unit_id: ProductUnitId | None = None
    source: str | None = None
    target: str
    amount: Money | None = None
    note: str = ""


@attrs.frozen(kw_only=True)
class HistoryEntry(NewHistoryEntry):
    """A history entry."""

    id: HistoryEntryId


@attrs.frozen(kw_only=True)
class LineRequest:
    """A request about lines of an order.

    Attributes:
        unit_ids: The units, 1 to 100 without repeats. None: all to which the request applies.
        reason: A reason, up to 500 characters.

    Raises:
        InvalidFields: names every field that breaks a rule.
    """

    unit_ids: tuple[ProductUnitId, ...] | None = ruled(values.optional(wanted_units), default=None)
    reason: str = ruled(values.text(MAX_REASON), default="")

    def __attrs_post_init__(self) -> None:
        """Checks the limits."""
        values.enforce(self)


@attrs.frozen(kw_only=True)
class MoveRequest(LineRequest):
    """A request to move lines to a state.

    Attributes:
        target: The state.
        cost: What each of the units cost the shop, for `purchased`.
        carrier: The carrier, up to 100 characters, for `handed_over`.
        tracking_number: The tracking number, up to 100 characters, for `handed_over`.
    """

    target: LineState
    cost: Money | None = ruled(values.optional(values.price), default=None)
    carrier: str = ruled(values.printable(MAX_CARRIER), default="")
    tracking_number: str = ruled(values.printable(MAX_TRACKING_NUMBER), default="")


@attrs.frozen
class Mover:
    """Who changes a fulfilment, in which roles, and when. No id: the operator, or the shop itself."""

    actor_id: UserId | None
    roles: frozenset[Role]
    at: datetime

    def entry(self, fulfilment: Fulfilment, event: Event, **fields: Any) -> NewHistoryEntry:
        """A history entry. `fields` are its other fields."""
        return NewHistoryEntry(order_id=fulfilment.order_id, at=self.at, actor_id=self.actor_id, event=event, **fields)


@attrs.frozen
class FulfilmentChange:
    """A change of a fulfilment.

    Attributes:
        before: The fulfilment before.
        after: The fulfilment after.
        entries: The history entries.
        restocked: The units of which a piece comes back into stock.
        paid: What the buyer has paid more, less what was paid back.
    """

    before: Fulfilment
    after: Fulfilment
    entries: tuple[NewHistoryEntry, ...]
    restocked: tuple[ProductUnitId, ...] = ()
    paid: int = 0

    @property
    def released_promo_code_id(self) -> PromoCodeId | None:
        """The promo code of which an activation comes back, because the last live line is gone."""
        return self.before.promo_code_id if self.before.live and not self.after.live else None


def impossible(
    before: Fulfilment,
    unit_ids: Sequence[ProductUnitId] | None,
    possible: Callable[[LineProgress], tuple[str, ...]],
) -> MoveImpossible:
    """The error of a move of those units. `possible` returns the possible moves of a line."""
    return MoveImpossible({line.unit_id: possible(line) for line in before.wanted(unit_ids)})
