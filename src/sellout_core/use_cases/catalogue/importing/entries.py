"""The entries of a catalogue file, with their limits."""

from collections.abc import Sequence
from datetime import date
from functools import lru_cache
from typing import Final

import attrs

from sellout_core import values
from sellout_core.catalogue.products import NO_SIZE, SizeGrid
from sellout_core.errors import Fault, FieldCode
from sellout_core.use_cases.catalogue.importing.changes import Stock
from sellout_core.values import UNCHANGED, DeliveryTypeId, Money, PlatformId, Unchanged, ruled, set_fields

__all__ = [
    "MAX_DESCRIPTION",
    "MAX_NUMBER",
    "MAX_PRODUCT_NAME",
    "MAX_REFERENCES",
    "MAX_SIZE_TEXT",
    "ProductEdit",
    "ProductEntry",
    "StoredUnitKey",
    "UnitEdit",
    "UnitEntry",
    "UnitKey",
]

MAX_PRODUCT_NAME: Final = 300
MAX_DESCRIPTION: Final = 20_000
MAX_REFERENCES: Final = 50
MAX_SIZE_TEXT: Final = 20


MAX_NUMBER: Final = 2**31 - 1
_name = values.text(values.MAX_REFERENCE_NAME, minimum=1)
_names = values.each(_name, MAX_REFERENCES)
_size_text = values.text(MAX_SIZE_TEXT, minimum=1)
_number = values.between(-MAX_NUMBER, MAX_NUMBER)
_pieces = values.between(0, values.MAX_STOCK)


def _stock(stock: Stock) -> Fault | None:
    return _pieces(stock) if isinstance(stock, int) else None


# Thousands of products have the same few dozen sizes.
@lru_cache(maxsize=1024)
def _grid(grid: SizeGrid) -> Fault | None:
    return next((fault for text in attrs.astuple(grid) if (fault := _size_text(text)) is not None), None)


UnitKey = tuple[SizeGrid, str, str, str]
"""Identifies a unit of a product in a catalogue file: canonical size, platform, site and delivery type."""

StoredUnitKey = tuple[SizeGrid, PlatformId, DeliveryTypeId]
"""Identifies a stored unit of a product: canonical size, ids of platform and delivery type."""


@attrs.frozen(kw_only=True)
class UnitEntry:
    """A product unit in a catalogue file.

    `stock` is the number of pieces left, and `sold` the number of pieces sold, when the line was written. Each is 0 to
    `MAX_STOCK`. None for `stock` means bought to order. `UNCHANGED` does not change the stock of an existing unit.

    Raises:
        InvalidFields: names every field out of its limits.
    """

    size: SizeGrid = ruled(_grid)
    final_price: Money = ruled(values.price)
    currency: str = ruled(_name)
    delivery_type: str = ruled(_name)
    platform: str = ruled(_name)
    site: str = ruled(values.text(values.MAX_LINK))
    availability: bool
    stock: Stock = ruled(_stock, default=UNCHANGED)
    sold: int = ruled(_pieces, default=0)

    def __attrs_post_init__(self) -> None:
        values.enforce(self)

    @property
    def key(self) -> UnitKey:
        """The key of the unit within its product."""
        return self.size.canonical, self.platform, self.site, self.delivery_type


def _units(units: Sequence[UnitEntry] | None) -> Fault | None:
    if units is None:
        return None
    if sum(unit.availability for unit in units) > values.MAX_AVAILABLE:
        return Fault(f"must have at most {values.MAX_AVAILABLE} available units", FieldCode.TOO_MANY)
    if len({unit.key for unit in units}) != len(units):
        return Fault("must not repeat a size, platform, site and delivery type", FieldCode.REPEATED)
    return None


@attrs.frozen(kw_only=True)
class ProductEntry:
    """A product in a catalogue file, with its units. None for `units` does not change the units of a known product.

    Raises:
        InvalidFields: names every field out of its limits.
    """

    sku: str = ruled(values.text(values.MAX_SKU, minimum=1))
    name: str = ruled(values.text(MAX_PRODUCT_NAME, minimum=1))
    description: str = ruled(values.text(MAX_DESCRIPTION))
    bucket_link: str = ruled(values.text(values.MAX_LINK))
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


_ANY_PRODUCT: Final = ProductEntry(
    sku="-",
    name="-",
    description="",
    bucket_link="",
    brands=(),
    categories=(),
    tags=(),
    gender="-",
    fit=0,
    rel_num=0,
    available_flag=True,
    add_date=date(2000, 1, 1),
    units=None,
)
_ANY_UNIT: Final = UnitEntry(
    size=NO_SIZE, final_price=Money(0), currency="-", delivery_type="-", platform="-", site="", availability=True
)


@attrs.frozen(kw_only=True)
class ProductEdit:
    """A change of a product. The fields are those of a `ProductEntry`; the sku does not change.

    Raises:
        InvalidFields: as for `ProductEntry`.
    """

    name: str | Unchanged = UNCHANGED
    description: str | Unchanged = UNCHANGED
    bucket_link: str | Unchanged = UNCHANGED
    brands: tuple[str, ...] | Unchanged = UNCHANGED
    categories: tuple[str, ...] | Unchanged = UNCHANGED
    tags: tuple[str, ...] | Unchanged = UNCHANGED
    gender: str | Unchanged = UNCHANGED
    fit: int | Unchanged = UNCHANGED
    rel_num: int | Unchanged = UNCHANGED
    available_flag: bool | Unchanged = UNCHANGED
    add_date: date | Unchanged = UNCHANGED

    def __attrs_post_init__(self) -> None:
        """Checks the limits."""
        attrs.evolve(_ANY_PRODUCT, **set_fields(self))


@attrs.frozen(kw_only=True)
class UnitEdit:
    """A change of a product unit. The fields are those of a `UnitEntry`; the stock has a ledger (`use_cases.stock`).

    Raises:
        InvalidFields: as for `UnitEntry`.
    """

    size: SizeGrid | Unchanged = UNCHANGED
    final_price: Money | Unchanged = UNCHANGED
    currency: str | Unchanged = UNCHANGED
    delivery_type: str | Unchanged = UNCHANGED
    platform: str | Unchanged = UNCHANGED
    site: str | Unchanged = UNCHANGED
    availability: bool | Unchanged = UNCHANGED

    def __attrs_post_init__(self) -> None:
        """Checks the limits."""
        attrs.evolve(_ANY_UNIT, **set_fields(self))
