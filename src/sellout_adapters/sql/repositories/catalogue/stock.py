"""The stock ledger."""

from collections.abc import Collection, Mapping, Sequence
from typing import Final

import attrs
from sqlalchemy import bindparam, func, select

from sellout_adapters.sql.schema.functions import AMONG_IDS, among
from sellout_adapters.sql.schema.tables.catalogue import stock_movements
from sellout_adapters.sql.schema.types import Id
from sellout_adapters.sql.session.session import DatabaseSession
from sellout_core.catalogue.stock import MovementKind, NewStockMovement, StockMovement
from sellout_core.values import ProductUnitId

_LATEST: Final = (
    select(stock_movements)
    .where(stock_movements.c.unit_id == bindparam("unit_id", type_=Id()))
    .order_by(stock_movements.c.id.desc())
    .limit(bindparam("limit"))
)
_SUMS: Final = (
    select(stock_movements.c.unit_id, func.sum(stock_movements.c.change).label("change"))
    .where(among(stock_movements.c.unit_id, AMONG_IDS))
    .group_by(stock_movements.c.unit_id)
)


@attrs.frozen
class SqlStockLedger:
    """`ports.StockLedger`."""

    _session: DatabaseSession

    def add(self, movements: Sequence[NewStockMovement]) -> None:
        """One statement for the ids, and one for the rows."""
        columns = {
            field.name: [getattr(movement, field.name) for movement in movements]
            for field in attrs.fields(NewStockMovement)
        }
        columns["kind"] = [movement.kind.value for movement in movements]
        self._session.add_with_ids(stock_movements, columns)

    def latest(self, unit_id: ProductUnitId, limit: int) -> Sequence[StockMovement]:
        """One statement."""
        return [
            StockMovement(
                id=row.id,
                unit_id=row.unit_id,
                at=row.at,
                actor_id=row.actor_id,
                kind=MovementKind(row.kind),
                change=row.change,
                reason=row.reason,
            )
            for row in self._session.rows(_LATEST, {"unit_id": unit_id, "limit": limit})
        ]

    def sums(self, unit_ids: Collection[ProductUnitId]) -> Mapping[ProductUnitId, int]:
        """One statement."""
        return {row.unit_id: int(row.change) for row in self._session.rows_among(_SUMS, unit_ids, key="unit_id")}
