"""Exports the catalogue as entries."""

from collections.abc import Callable, Sequence

import attrs

from sellout_core import values
from sellout_core.catalogue.products import Product, ProductUnit, References
from sellout_core.people.accounts import Actor
from sellout_core.ports.lists import WHOLE, in_batches
from sellout_core.ports.store import Transaction
from sellout_core.shop import ReadingShop
from sellout_core.use_cases.catalogue.importing.entries import ProductEntry, UnitEntry
from sellout_core.use_cases.catalogue.importing.writing import units_by_key
from sellout_core.values import ProductId

__all__ = ["export_products", "product_entry", "unit_entry"]


def export_products(shop: ReadingShop, actor: Actor, sink: Callable[[ProductEntry], None]) -> None:
    """Passes all products to `sink`, by id, from one state of the shop. If the entries are imported in order into an
    empty shop, that shop exports the same entries. For staff and the operator.

    Raises:
        Unauthenticated, Forbidden: the actor is not staff.
    """
    actor.require_staff()

    def work(tx: Transaction) -> None:
        def export(products: Sequence[Product]) -> None:
            units: dict[ProductId, list[ProductUnit]] = {product.id: [] for product in products}
            for unit in tx.units.of_products(list(units)):
                units[unit.product_id].append(unit)
            references = tx.references.snapshot()
            for product in products:
                by_key = units_by_key(units[product.id]).values()
                distinct = sorted((attrs.evolve(unit, sold=sold) for unit, sold in by_key), key=lambda unit: unit.id)
                sink(product_entry(product, distinct, references))

        in_batches(WHOLE, tx.products.after, export)

    shop.store.read(work)


def product_entry(product: Product, units: Sequence[ProductUnit], references: References) -> ProductEntry:
    """The entry of a product with some of its units."""
    return ProductEntry(
        sku=product.sku,
        name=product.name,
        description=product.description,
        bucket_link=product.bucket_link,
        brands=tuple(sorted(references.brands[brand_id].name for brand_id in product.brand_ids)),
        categories=tuple(sorted(references.categories[category_id].name for category_id in product.category_ids)),
        tags=tuple(sorted(references.tags[tag_id].name for tag_id in product.tag_ids)),
        gender=references.genders[product.gender_id].name,
        fit=product.fit,
        rel_num=product.rel_num,
        available_flag=product.available,
        add_date=product.added_on,
        units=tuple(unit_entry(unit, references) for unit in units),
    )


def unit_entry(unit: ProductUnit, references: References) -> UnitEntry:
    """The entry of a unit."""
    platform = references.platforms[unit.platform_id]
    return UnitEntry(
        size=unit.size.grid,
        final_price=unit.price,
        currency=references.currencies[unit.currency_id].name,
        delivery_type=references.delivery_types[unit.delivery_type_id].name,
        platform=platform.name,
        site=platform.site,
        availability=unit.available,
        stock=unit.stock,
        sold=min(unit.sold, values.MAX_STOCK),
    )
