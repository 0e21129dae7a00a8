"""What an import did to each product, and how the stock of a line in a catalogue file becomes the stock of a unit."""

from enum import Enum
from typing import Final

import attrs

from sellout_core.catalogue import NewProduct, NewProductUnit, Product, ProductUnit, References, SizeGrid
from sellout_core.values import MAX_STOCK


class Unchanged(Enum):
    """What a catalogue file may say instead of a number of pieces."""

    UNCHANGED = "unchanged"
    """Leave the stock of an existing unit as it is. A new unit is bought to order."""


UNCHANGED: Final = Unchanged.UNCHANGED

Stock = int | None | Unchanged
"""The `stock` of a line: pieces, None for bought to order, or `UNCHANGED`."""


@attrs.frozen
class ImportCounts:
    """How many products an import created, changed and found as they should be."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0

    def __add__(self, other: "ImportCounts") -> "ImportCounts":
        return ImportCounts(
            self.created + other.created, self.updated + other.updated, self.unchanged + other.unchanged
        )


@attrs.frozen
class UnitChange:
    """A unit that an import added (`before` is None) or changed. `out_of_range` is the number of pieces left that the
    file's numbers give, if it is below 0 or above `MAX_STOCK`; the nearest limit is stored then.
    """

    size: SizeGrid
    before: ProductUnit | None
    after: NewProductUnit
    out_of_range: int | None = None

    @property
    def withdrawn(self) -> bool:
        """Whether buyers could order the unit before and cannot now."""
        return self.before is not None and self.before.available and not self.after.available


@attrs.frozen
class ProductChange:
    """A product that an import created (`before` is None) or changed, and its units that were added or changed. A
    product without a change in it is here only for a unit whose stock was `out_of_range`.
    """

    before: Product | None
    after: NewProduct
    units: tuple[UnitChange, ...] = ()


@attrs.frozen
class ImportResult:
    """What one batch did. `references` holds every small row that the changes refer to, also if nothing was written."""

    counts: ImportCounts
    changes: tuple[ProductChange, ...]
    references: References


def stock_after(stock: Stock, sold: int, unit: ProductUnit, *, counted: bool) -> tuple[int | None, int | None]:
    """The pieces left of an existing unit once a line is imported, and `UnitChange.out_of_range`.

    `stock` pieces were left when `sold` had been sold, so of that sum as many are gone as were sold by now. With
    `counted` the pieces have just been counted on the shelf: `stock` are left.
    """
    if stock is UNCHANGED:
        return unit.stock, None
    if stock is None:
        return None, None
    left = stock if counted else stock + sold - unit.sold
    within = min(max(left, 0), MAX_STOCK)
    return within, None if within == left else left
