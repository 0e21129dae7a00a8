"""The port of the stock ledger."""

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from sellout_core.catalogue.stock import NewStockMovement, StockMovement
from sellout_core.values import ProductUnitId

__all__ = ["StockLedger"]


class StockLedger(Protocol):
    """Stock movements. They do not change."""

    def add(self, movements: Sequence[NewStockMovement]) -> None:
        """Stores new movements. Their ids ascend in the order given."""

    def latest(self, unit_id: ProductUnitId, limit: int) -> Sequence[StockMovement]:
        """The last `limit` movements of a unit, the latest first."""

    def sums(self, unit_ids: Collection[ProductUnitId]) -> Mapping[ProductUnitId, int]:
        """The sums of the changes of those units. Units without a movement are omitted."""
