"""What the shop offers: products, their sizes, the product units on sale, and the small tables they refer to."""

import re
from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from functools import lru_cache
from typing import Final, Self

import attrs

from sellout_core.values import (
    BrandId,
    CategoryId,
    CurrencyId,
    DeliveryTypeId,
    GenderId,
    Money,
    PlatformId,
    ProductId,
    ProductUnitId,
    SizeId,
    StatusId,
    TagId,
)

MALE: Final = GenderId(1)
FEMALE: Final = GenderId(2)
PENDING: Final = StatusId(1)

_DECIMAL: Final = re.compile(r"([0-9]+)(?:[.,]([0-9]+))?")


@attrs.frozen
class Named:
    """A row of a small table: a brand, a category, a tag, a gender, a delivery type, a currency or a status."""

    id: int
    name: str


@attrs.frozen
class Platform:
    """A marketplace that a product unit is bought from."""

    id: int
    name: str
    site: str


@attrs.frozen
class References:
    """The small tables at one moment, by id. Rows are only ever added: a row that is here never changes."""

    brands: Mapping[BrandId, Named]
    categories: Mapping[CategoryId, Named]
    tags: Mapping[TagId, Named]
    genders: Mapping[GenderId, Named]
    platforms: Mapping[PlatformId, Platform]
    delivery_types: Mapping[DeliveryTypeId, Named]
    currencies: Mapping[CurrencyId, Named]
    statuses: Mapping[StatusId, Named]


@attrs.frozen
class ReferenceNames:
    """Names that must stand in the small tables; platforms by name and site."""

    brands: frozenset[str] = frozenset()
    categories: frozenset[str] = frozenset()
    tags: frozenset[str] = frozenset()
    genders: frozenset[str] = frozenset()
    platforms: frozenset[tuple[str, str]] = frozenset()
    delivery_types: frozenset[str] = frozenset()
    currencies: frozenset[str] = frozenset()


@attrs.frozen(kw_only=True)
class NewProduct:
    """A product before it has an id. `available` says whether the shop lists it; ids of brands, categories and tags
    are in ascending order.
    """

    sku: str
    name: str
    description: str
    bucket_link: str
    available: bool
    updated_at: datetime
    added_on: date
    fit: int
    rel_num: int
    gender_id: GenderId
    brand_ids: tuple[BrandId, ...]
    category_ids: tuple[CategoryId, ...]
    tag_ids: tuple[TagId, ...]


@attrs.frozen(kw_only=True)
class Product(NewProduct):
    """A product. `sku` identifies it in catalogue files; names repeat."""

    id: ProductId


@attrs.frozen(order=True, cache_hash=True)
class SizeGrid:
    """A size as the six grids write it. All six `"0"` mean "no size"."""

    international: str
    us: str
    uk: str
    eu: str
    it: str
    ru: str

    @property
    def canonical(self) -> "SizeGrid":
        """The same size with each plain decimal number (`42.0`, `042`, `42,0`) in one spelling (`42`). Two sizes of one
        product are the same size if this is equal. Other texts stay as they are.
        """
        return _canonical(self)


@lru_cache(maxsize=4096)
def _canonical(grid: SizeGrid) -> SizeGrid:
    return SizeGrid(*map(_canonical_number, attrs.astuple(grid)))


def _canonical_number(text: str) -> str:
    number = _DECIMAL.fullmatch(text)
    if number is None:
        return text
    fraction = (number[2] or "").rstrip("0")
    return (number[1].lstrip("0") or "0") + (fraction and f".{fraction}")


NO_SIZE: Final = SizeGrid("0", "0", "0", "0", "0", "0")


@attrs.frozen
class NewSize:
    """A size of a product before it has an id."""

    product_id: ProductId
    grid: SizeGrid


@attrs.frozen
class Size:
    """A size of one product."""

    id: SizeId
    product_id: ProductId
    grid: SizeGrid


@attrs.frozen(kw_only=True)
class NewProductUnit:
    """A product unit before it has an id. `stock` is the number of pieces left; None means bought to order: never sold
    out. `sold` is the number of pieces sold so far.
    """

    product_id: ProductId
    size_id: SizeId
    price: Money
    currency_id: CurrencyId
    delivery_type_id: DeliveryTypeId
    platform_id: PlatformId
    available: bool
    stock: int | None
    sold: int = 0


@attrs.frozen(kw_only=True)
class ProductUnit(NewProductUnit):
    """A product in a size, from a platform, with a delivery type and a price. Carries its size whole."""

    id: ProductUnitId
    size: Size

    @classmethod
    def of(cls, unit_id: ProductUnitId, size: Size, new: NewProductUnit) -> Self:
        """The unit that `new` becomes once it has an id."""
        return cls(id=unit_id, size=size, **attrs.asdict(new, recurse=False))


@attrs.frozen
class Card:
    """A product as a list shows it: the lowest price among its available units (None without any), and whether the
    reader's wishlist holds it.
    """

    product: Product
    min_price: Money | None
    in_wishlist: bool


def products_of(units: Collection[ProductUnit]) -> set[ProductId]:
    """The products that the units are of."""
    return {unit.product_id for unit in units}


def not_for_sale(units: Sequence[ProductUnit], products: Mapping[ProductId, Product]) -> tuple[ProductUnitId, ...]:
    """Ids of the units that are not for sale: unavailable or sold out, or of a product that is not listed."""
    return tuple(
        unit.id for unit in units if not (unit.available and products[unit.product_id].available) or unit.stock == 0
    )


Products = Mapping[ProductId, Product]


@attrs.frozen
class ProductView:
    """A product with its names."""

    product: Product
    gender: Named
    brands: tuple[Named, ...]
    categories: tuple[Named, ...]
    tags: tuple[Named, ...]


@attrs.frozen(kw_only=True)
class UnitView:
    """A product unit with its product and names, complete in itself. It has no stock: two sales of an unchanged unit
    agree on the same value.
    """

    id: ProductUnitId
    size: Size
    price: Money
    available: bool
    product: ProductView
    currency: Named
    delivery_type: Named
    platform: Platform


def product_view(product: Product, references: References) -> ProductView:
    """A product with its names."""
    return ProductView(
        product,
        references.genders[product.gender_id],
        tuple(map(references.brands.__getitem__, product.brand_ids)),
        tuple(map(references.categories.__getitem__, product.category_ids)),
        tuple(map(references.tags.__getitem__, product.tag_ids)),
    )


def unit_view(unit: ProductUnit, products: Products, references: References) -> UnitView:
    """A product unit with its product, which must be among `products`."""
    return UnitView(
        id=unit.id,
        size=unit.size,
        price=unit.price,
        available=unit.available,
        product=product_view(products[unit.product_id], references),
        currency=references.currencies[unit.currency_id],
        delivery_type=references.delivery_types[unit.delivery_type_id],
        platform=references.platforms[unit.platform_id],
    )
