"""The lowest prices of a product in its sizes."""

from collections.abc import Iterable

import attrs

from sellout_core.catalogue.products import ProductUnit, Size
from sellout_core.values import Money, SizeId


@attrs.frozen
class SizePrice:
    """The lowest price of the available units in a size. None: no unit is available."""

    size: Size
    min_price: Money | None


def size_prices(units: Iterable[ProductUnit]) -> tuple[SizePrice, ...]:
    """The lowest price in each size of some units, by the id of the size."""
    sizes: dict[SizeId, Size] = {}
    lowest: dict[SizeId, Money] = {}
    for unit in units:
        sizes[unit.size_id] = unit.size
        if unit.available:
            lowest[unit.size_id] = min(unit.price, lowest.get(unit.size_id, unit.price))
    return tuple(SizePrice(sizes[size_id], lowest.get(size_id)) for size_id in sorted(sizes))
