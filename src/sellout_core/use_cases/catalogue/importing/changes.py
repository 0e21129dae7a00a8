"""The changes that an import made, and the computation of the stock of a unit from a line of a catalogue file."""

import attrs

from sellout_core.catalogue.products import NewProduct, NewProductUnit, Product, ProductUnit, References, SizeGrid
from sellout_core.values import MAX_STOCK, UNCHANGED, Unchanged

Stock = int | None | Unchanged
"""The `stock` of a line: a number of pieces, None for bought to order, or `UNCHANGED`. `UNCHANGED` does not change the
stock of an existing unit. A new unit is then bought to order.
"""


@attrs.frozen
class ImportCounts:
    """The numbers of products that an import created, updated, and found unchanged."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0

    def __add__(self, other: "ImportCounts") -> "ImportCounts":
        return ImportCounts(
            self.created + other.created, self.updated + other.updated, self.unchanged + other.unchanged
        )


@attrs.frozen
class UnitChange:
    """A unit that an import added (`before` is None) or changed. `out_of_range` is the computed number of pieces left
    if it is below 0 or above `MAX_STOCK`. The nearest limit is stored in this case.
    """

    size: SizeGrid
    before: ProductUnit | None
    after: NewProductUnit
    out_of_range: int | None = None

    @property
    def withdrawn(self) -> bool:
        """Whether the import made the unit unavailable."""
        return self.before is not None and self.before.available and not self.after.available


@attrs.frozen
class ProductChange:
    """A product that an import created (`before` is None) or changed, with the units that were added or changed. A
    product without any change is included only if the stock of a unit was `out_of_range`.
    """

    before: Product | None
    after: NewProduct
    units: tuple[UnitChange, ...] = ()


@attrs.frozen
class ImportResult:
    """The result of one batch. `references` has all rows to which the changes refer, also after a dry run."""

    counts: ImportCounts
    changes: tuple[ProductChange, ...]
    references: References


def stock_after(stock: Stock, sold: int, unit: ProductUnit, *, counted: bool) -> tuple[int | None, int | None]:
    """The pieces left of an existing unit after an import, and `UnitChange.out_of_range`.

    When the line was written, `stock` pieces were left and `sold` were sold. The pieces left are the sum of both, less
    the pieces sold by now. With `counted` the pieces were just counted on the shelf, and `stock` pieces are left.
    """
    if stock is UNCHANGED:
        return unit.stock, None
    if stock is None:
        return None, None
    left = stock if counted else stock + sold - unit.sold
    within = min(max(left, 0), MAX_STOCK)
    return within, None if within == left else left
