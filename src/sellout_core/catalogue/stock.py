"""The stock ledger: all changes of the number of pieces of a unit, except sales."""

import enum
from datetime import datetime

import attrs

from sellout_core import values
from sellout_core.catalogue.products import ProductUnit
from sellout_core.errors import FieldCode, InvalidField, InvalidFields
from sellout_core.values import ProductUnitId, StockMovementId, UserId, ruled

__all__ = [
    "MAX_REASON",
    "MovementKind",
    "NewStockMovement",
    "StockChange",
    "StockMovement",
    "changed_stock",
    "restocked",
]

MAX_REASON = 500


class MovementKind(enum.Enum):
    """The cause of a movement."""

    RECEIVED = "received"
    """Pieces arrived."""
    COUNTED = "counted"
    """The pieces on the shelf were counted."""
    IMPORTED = "imported"
    """A catalogue file stated another number."""


@attrs.frozen(kw_only=True)
class NewStockMovement:
    """A movement without an id: a change of the number of pieces of a unit.

    While the stock of a unit is limited, the changes of its movements add up to its stock and its sold pieces.

    Attributes:
        unit_id: The unit.
        at: The time of the movement.
        actor_id: The user who entered the movement. None: the operator.
        kind: The cause of the movement.
        change: The number of pieces that were added. It is negative if pieces were removed.
        reason: The reason, as the actor wrote it. May be empty.
    """

    unit_id: ProductUnitId
    at: datetime
    actor_id: UserId | None
    kind: MovementKind
    change: int
    reason: str = ""


@attrs.frozen(kw_only=True)
class StockMovement(NewStockMovement):
    """A movement."""

    id: StockMovementId


@attrs.frozen(kw_only=True)
class StockChange:
    """A change of the stock by staff: the number of pieces that arrived (1 to 10^9), or of pieces on the shelf (0 to
    10^9).

    Raises:
        InvalidFields: a number is outside its limits, the reason is over 500 characters, or not exactly one number is
            given.
    """

    received: int | None = ruled(values.optional(values.between(1, values.MAX_STOCK)), default=None)
    counted: int | None = ruled(values.optional(values.between(0, values.MAX_STOCK)), default=None)
    reason: str = ruled(values.text(MAX_REASON), default="")

    def __attrs_post_init__(self) -> None:
        """Checks the limits."""
        values.enforce(self)
        if (self.received is None) == (self.counted is None):
            reason = "must be given if `counted` is not, and must not be given if it is"
            raise InvalidFields((InvalidField("received", reason, FieldCode.REQUIRED),))

    @property
    def kind(self) -> MovementKind:
        """The kind of the movement."""
        return MovementKind.COUNTED if self.received is None else MovementKind.RECEIVED


def changed_stock(unit: ProductUnit, change: StockChange) -> ProductUnit:
    """The unit after a change of its stock. A sold-out unit becomes available if it gets pieces. A unit without pieces
    becomes unavailable. Otherwise the availability does not change.

    Raises:
        InvalidFields: pieces arrive for a unit that is bought to order, or the unit would have more than 10^9.
    """
    if change.received is None:
        stock = change.counted or 0
    elif unit.stock is None:
        reason = "must be counted first: the unit is bought to order"
        raise InvalidFields((InvalidField("received", reason, FieldCode.OUT_OF_RANGE),))
    else:
        stock = unit.stock + change.received
    if stock > values.MAX_STOCK:
        reason = f"must leave at most {values.MAX_STOCK} pieces"
        raise InvalidFields((InvalidField("received", reason, FieldCode.OUT_OF_RANGE),))
    return attrs.evolve(unit, stock=stock, available=stock > 0 and (unit.available or unit.stock == 0))


def restocked(unit: ProductUnit) -> ProductUnit:
    """The unit after a sold piece came back. A sold-out unit becomes available. A unit without counted sales does
    not change.
    """
    if unit.sold == 0:
        return unit
    if unit.stock is None:
        return attrs.evolve(unit, sold=unit.sold - 1)
    return attrs.evolve(unit, stock=unit.stock + 1, sold=unit.sold - 1, available=unit.available or unit.stock == 0)
