"""The entries of a catalogue file, with their limits."""

from collections.abc import Sequence
from datetime import date
from functools import lru_cache
from typing import Final

import attrs

from sellout_core import values
from sellout_core.catalogue import (
    SizeGrid,
)
from sellout_core.errors import Fault, FieldCode
from sellout_core.use_cases.importing.changes import (
    UNCHANGED,
    Stock,
)
from sellout_core.values import (
    DeliveryTypeId,
    Money,
    PlatformId,
    ruled,
)

MAX_SKU: Final = 100

MAX_PRODUCT_NAME: Final = 300

MAX_DESCRIPTION: Final = 20_000

MAX_LINK: Final = 2_000

MAX_REFERENCE_NAME: Final = 150

MAX_REFERENCES: Final = 50

MAX_SIZE_TEXT: Final = 20

MAX_NUMBER: Final = 2**31 - 1

_name = values.text(MAX_REFERENCE_NAME, minimum=1)

_names = values.each(_name, MAX_REFERENCES)

_size_text = values.text(MAX_SIZE_TEXT, minimum=1)

_number = values.between(-MAX_NUMBER, MAX_NUMBER)

_pieces = values.between(0, values.MAX_STOCK)


def _stock(stock: Stock) -> Fault | None:
    return _pieces(stock) if isinstance(stock, int) else None


# Thousands of products come in the same few dozen sizes.
@lru_cache(maxsize=1024)
def _grid(grid: SizeGrid) -> Fault | None:
    return next((fault for text in attrs.astuple(grid) if (fault := _size_text(text)) is not None), None)


UnitKey = tuple[SizeGrid, str, str, str]
"""What tells the units of one product apart: canonical size, platform and its site, delivery type."""

Place = tuple[SizeGrid, PlatformId, DeliveryTypeId]
"""The same, by ids but for the size, which is canonical."""


@attrs.frozen(kw_only=True)
class UnitEntry:
    """A product unit in a catalogue file. `stock` pieces were left when `sold` pieces had been sold, each 0 to
    `MAX_STOCK`; `stock` None means bought to order, and `UNCHANGED` leaves an existing unit's stock as it is.

    Raises:
        InvalidFields: naming every field out of its limits.
    """

    size: SizeGrid = ruled(_grid)
    final_price: Money = ruled(values.price)
    currency: str = ruled(_name)
    delivery_type: str = ruled(_name)
    platform: str = ruled(_name)
    site: str = ruled(values.text(MAX_LINK))
    availability: bool
    stock: Stock = ruled(_stock, default=UNCHANGED)
    sold: int = ruled(_pieces, default=0)

    def __attrs_post_init__(self) -> None:
        values.enforce(self)

    @property
    def key(self) -> UnitKey:
        """What tells this unit from the product's others."""
        return self.size.canonical, self.platform, self.site, self.delivery_type


def _units(units: Sequence[UnitEntry] | None) -> Fault | None:
    if units is None:
        return None
    if len({unit.key for unit in units}) != len(units):
        return Fault("must not repeat a size, platform, site and delivery type", FieldCode.REPEATED)
    return None


@attrs.frozen(kw_only=True)
class ProductEntry:
    """A product in a catalogue file, with its units; units None leaves those of a known product alone.

    Raises:
        InvalidFields: naming every field out of its limits.
    """

    sku: str = ruled(values.text(MAX_SKU, minimum=1))
    name: str = ruled(values.text(MAX_PRODUCT_NAME, minimum=1))
    description: str = ruled(values.text(MAX_DESCRIPTION))
    bucket_link: str = ruled(values.text(MAX_LINK))
    brands: tuple[str, ...] = ruled(_names)
    categories: tuple[str, ...] = ruled(_names)
    tags: tuple[str, ...] = ruled(_names)
    gender: str = ruled(_name)
    fit: int = ruled(_number)
    rel_num: int = ruled(_number)
    available_flag: bool
    add_date: date = ruled(values.any_date)
    units: tuple[UnitEntry, ...] | None = ruled(_units)

    def __attrs_post_init__(self) -> None:
        values.enforce(self)
