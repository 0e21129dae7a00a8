"""Reads and changes the stock of single units."""

from collections.abc import Iterable, Sequence
from datetime import datetime

import attrs

from sellout_core.catalogue.products import NewProductUnit, ProductUnit
from sellout_core.catalogue.stock import MovementKind, NewStockMovement, StockChange, StockMovement, changed_stock
from sellout_core.errors import LimitReached, NotFound
from sellout_core.events.making import of_units
from sellout_core.people.accounts import Actor
from sellout_core.ports.store import Transaction
from sellout_core.shop import ReadingShop, Shop
from sellout_core.values import MAX_AVAILABLE, ProductUnitId

__all__ = ["MAX_MOVEMENTS", "StockView", "change_stock", "locked_unit", "read_stock", "record_stock"]

MAX_MOVEMENTS = 1000
"""The maximum number of movements in a `StockView`."""


@attrs.frozen
class StockView:
    """A unit with its stock, and its last 1,000 movements, the latest first."""

    unit: ProductUnit
    movements: Sequence[StockMovement]


def read_stock(shop: ReadingShop, actor: Actor, unit_id: ProductUnitId) -> StockView:
    """The stock of a unit with its movements. For staff.

    Raises:
        Unauthenticated, Forbidden: the actor is not staff.
        NotFound: there is no such unit.
    """
    actor.require_staff()

    def work(tx: Transaction) -> StockView:
        unit = tx.units.get_many([unit_id]).get(unit_id)
        if unit is None:
            raise NotFound
        return StockView(unit, tx.stock.latest(unit_id, MAX_MOVEMENTS))

    return shop.store.read(work)


def change_stock(shop: Shop, actor: Actor, unit_id: ProductUnitId, change: StockChange) -> StockView:
    """Changes the stock of a unit, because pieces arrived or were counted. For staff.

    Raises:
        Unauthenticated, Forbidden: the actor is not staff.
        NotFound: there is no such unit.
        InvalidFields: pieces arrive for a unit that is bought to order, or the unit would have too many.
        LimitReached: the unit becomes available, and the product has 1,000 available units.
    """
    actor.require_staff()
    now = shop.clock()

    def work(tx: Transaction) -> StockView:
        before = locked_unit(tx, unit_id)
        after = changed_stock(before, change)
        if after.available and not before.available:
            units = tx.units.of_products([after.product_id])
            if sum(unit.available for unit in units) >= MAX_AVAILABLE:
                raise LimitReached(MAX_AVAILABLE)
        tx.units.save_many([after])
        difference = _difference(tx, before, after)
        tx.stock.add([_movement(unit_id, change.kind, difference, now, actor, change.reason)])
        tx.events.add(of_units([(before, after)], tx.references.snapshot(), now))
        return StockView(after, tx.stock.latest(unit_id, MAX_MOVEMENTS))

    return shop.store.write(work)


def locked_unit(tx: Transaction, unit_id: ProductUnitId) -> ProductUnit:
    """The unit, locked with all units of its product until the transaction ends.

    Raises:
        NotFound: there is no such unit.
    """
    unit = tx.units.get_many([unit_id]).get(unit_id)
    # Its product may be deleted before the units are locked.
    locked = {} if unit is None else {each.id: each for each in tx.units.of_products([unit.product_id])}
    if unit_id not in locked:
        raise NotFound
    return locked[unit_id]


def record_stock(
    tx: Transaction,
    added: Iterable[tuple[ProductUnitId, NewProductUnit]],
    changed: Sequence[tuple[ProductUnit, ProductUnit]],
    now: datetime,
    actor: Actor,
    kind: MovementKind = MovementKind.IMPORTED,
) -> None:
    """Adds a movement for each new unit with limited stock, and one for each unit whose stock has changed and is
    limited.

    Args:
        tx: The transaction, which has written the units.
        added: The new units and their ids.
        changed: The other units, before and after.
        now: The time of the movements.
        actor: The actor.
        kind: The kind of the movements.
    """
    restocked = [(before, after) for before, after in changed if after.stock not in (None, before.stock)]
    changes = [(unit_id, unit.stock + unit.sold) for unit_id, unit in added if unit.stock is not None]
    changes += [(after.id, _difference(tx, before, after)) for before, after in restocked]
    tx.stock.add([_movement(unit_id, kind, change, now, actor) for unit_id, change in changes])


def _movement(
    unit_id: ProductUnitId, kind: MovementKind, change: int, now: datetime, actor: Actor, reason: str = ""
) -> NewStockMovement:
    return NewStockMovement(unit_id=unit_id, at=now, actor_id=actor.user_id, kind=kind, change=change, reason=reason)


def _difference(tx: Transaction, before: ProductUnit, after: ProductUnit) -> int:
    """The change after which the movements of the unit add up to its stock and its sold pieces."""
    if before.stock is not None:
        return (after.stock or 0) - before.stock
    return (after.stock or 0) + after.sold - tx.stock.sums([after.id]).get(after.id, 0)
