"""Products and product units by value, with the names of what they refer to: what readers see and orders keep."""

from collections.abc import Mapping

import attrs

from sellout_core.catalogue import Named, Platform, Product, ProductUnit, References, Size
from sellout_core.values import Money, ProductId, ProductUnitId

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
