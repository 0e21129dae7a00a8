"""The stock ledger in memory."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from itertools import islice

import attrs

from sellout_adapters.memory.repositories.base import Repository
from sellout_core.catalogue.stock import NewStockMovement, StockMovement
from sellout_core.values import ProductUnitId, StockMovementId


class StockLedger(Repository):
    """`ports.StockLedger`."""

    def add(self, movements: Sequence[NewStockMovement]) -> None:
        """Stores new movements."""
        table = self._tables.stock_movements
        for new in movements:
            movement_id = StockMovementId(table.next_id())
            table.put(movement_id, StockMovement(id=movement_id, **attrs.asdict(new, recurse=False)))

    def latest(self, unit_id: ProductUnitId, limit: int) -> Sequence[StockMovement]:
        """The last movements of a unit."""
        newest_first = reversed(list(self._tables.stock_movements.values()))
        return list(islice((movement for movement in newest_first if movement.unit_id == unit_id), limit))

    def sums(self, unit_ids: Collection[ProductUnitId]) -> Mapping[ProductUnitId, int]:
        """The sums of the changes."""
        sums = Counter[ProductUnitId]()
        for movement in self._tables.stock_movements.values():
            if movement.unit_id in unit_ids:
                sums[movement.unit_id] += movement.change
        return sums
