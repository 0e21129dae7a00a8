"""The catalogue: products, sizes, product units, and the reference tables."""

import re
from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from functools import lru_cache
from operator import attrgetter
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
    WishlistUnitId,
)

MALE: Final = GenderId(1)
FEMALE: Final = GenderId(2)
PENDING: Final = StatusId(1)
_DECIMAL: Final = re.compile(r"([0-9]+)(?:[.,]([0-9]+))?")


@attrs.frozen
class Named:
    """A row of a reference table: a brand, a category, a tag, a gender, a delivery type, a currency or a status."""

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
    """The rows of the reference tables by id, at one moment. `parents` has the parent category of each category that
    has one.
    """

    brands: Mapping[BrandId, Named]
    categories: Mapping[CategoryId, Named]
    tags: Mapping[TagId, Named]
    genders: Mapping[GenderId, Named]
    platforms: Mapping[PlatformId, Platform]
    delivery_types: Mapping[DeliveryTypeId, Named]
    currencies: Mapping[CurrencyId, Named]
    statuses: Mapping[StatusId, Named]
    parents: Mapping[CategoryId, CategoryId]


@attrs.frozen
class ReferenceNames:
    """Names of rows in the reference tables. A platform is identified by name and site."""

    brands: frozenset[str] = frozenset()
    categories: frozenset[str] = frozenset()
    tags: frozenset[str] = frozenset()
    genders: frozenset[str] = frozenset()
    platforms: frozenset[tuple[str, str]] = frozenset()
    delivery_types: frozenset[str] = frozenset()
    currencies: frozenset[str] = frozenset()


@attrs.frozen(kw_only=True)
class NewProduct:
    """A product without an id. `available` states whether the product is listed. Ids of brands, categories and tags are
    in ascending order.
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
    """A product. `sku` identifies it in catalogue files. Names are not unique."""

    id: ProductId

    def is_related_to(self, other: "Product") -> bool:
        """Whether another product shares a brand and a category with this one. No product is related to itself."""
        return (
            self.id != other.id
            and not set(self.brand_ids).isdisjoint(other.brand_ids)
            and not set(self.category_ids).isdisjoint(other.category_ids)
        )


@attrs.frozen(order=True, cache_hash=True)
class SizeGrid:
    """A size in six columns. `"0"` in all of them means "no size"."""

    international: str
    us: str
    uk: str
    eu: str
    it: str
    ru: str

    @property
    def canonical(self) -> "SizeGrid":
        """The size with one spelling (`42`) for each decimal number (`42.0`, `042`, `42,0`). Other texts are unchanged.
        Two sizes of a product are the same size if their canonical forms are equal.
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
    """A size of a product, without an id."""

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
    """A product unit without an id. `stock` is the number of pieces left. None: the unit is bought to order, and never
    sold out. `sold` is the number of pieces sold so far.
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
    """A product in a size, from a platform, with a delivery type and a price."""

    id: ProductUnitId
    size: Size

    @classmethod
    def of(cls, unit_id: ProductUnitId, size: Size, new: NewProductUnit) -> Self:
        """A unit with an id, a size and the values of `new`."""
        return cls(id=unit_id, size=size, **attrs.asdict(new, recurse=False))


@attrs.frozen
class Card:
    """A product with the lowest price of its available units (None: no unit is available), and the ids of the units of
    the reader's wishlist that have it, in ascending order. `slug` is its present slug.
    """

    product: Product
    min_price: Money | None
    wishlist_unit_ids: tuple[WishlistUnitId, ...]
    slug: str


def products_of(units: Collection[ProductUnit]) -> set[ProductId]:
    """The ids of the units' products."""
    return set(map(attrgetter("product_id"), units))


def not_for_sale(units: Sequence[ProductUnit], products: Mapping[ProductId, Product]) -> tuple[ProductUnitId, ...]:
    """The ids of units that cannot be bought: they are unavailable or sold out, or their product is not listed."""
    # A list is faster than a generator, and carts are read often.
    unavailable = [
        unit.id for unit in units if not (unit.available and products[unit.product_id].available) or unit.stock == 0
    ]
    return tuple(unavailable)


Products = Mapping[ProductId, Product]


@attrs.frozen
class ProductView:
    """A product with the names of its references."""

    product: Product
    gender: Named
    brands: tuple[Named, ...]
    categories: tuple[Named, ...]
    tags: tuple[Named, ...]


@attrs.frozen(kw_only=True)
class UnitView:
    """A product unit with its product and the names of its references. It has no stock, so that two orders of an
    unchanged unit have equal values.
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
    """A product with the names of its references."""
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
