"""Imports entries into the catalogue."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import attrs

from sellout_core.accounts import Actor
from sellout_core.catalogue import (
    NO_SIZE,
    NewProduct,
    NewProductUnit,
    NewSize,
    Product,
    ProductUnit,
    ReferenceNames,
    References,
    Size,
    SizeGrid,
)
from sellout_core.errors import FieldCode, InvalidField, InvalidFields
from sellout_core.ports.store import Transaction
from sellout_core.shop import Shop
from sellout_core.use_cases.importing.changes import (
    UNCHANGED,
    ImportCounts,
    ImportResult,
    ProductChange,
    UnitChange,
    stock_after,
)
from sellout_core.use_cases.importing.entries import Place, ProductEntry
from sellout_core.values import (
    BrandId,
    CategoryId,
    CurrencyId,
    DeliveryTypeId,
    GenderId,
    PlatformId,
    ProductId,
    TagId,
)

__all__ = ["import_products", "units_by_place", "write_entries"]


class _DryRun(Exception):
    """Ends a transaction that must not be committed."""

    def __init__(self, result: ImportResult) -> None:
        super().__init__()
        self.result = result


@attrs.frozen
class _Ids:
    """Ids of the small tables' rows by name."""

    brands: Mapping[str, BrandId]
    categories: Mapping[str, CategoryId]
    tags: Mapping[str, TagId]
    genders: Mapping[str, GenderId]
    platforms: Mapping[tuple[str, str], PlatformId]
    delivery_types: Mapping[str, DeliveryTypeId]
    currencies: Mapping[str, CurrencyId]

    @classmethod
    def of(cls, references: References) -> "_Ids":
        return cls(
            {row.name: brand_id for brand_id, row in references.brands.items()},
            {row.name: category_id for category_id, row in references.categories.items()},
            {row.name: tag_id for tag_id, row in references.tags.items()},
            {row.name: gender_id for gender_id, row in references.genders.items()},
            {(row.name, row.site): platform_id for platform_id, row in references.platforms.items()},
            {row.name: delivery_type_id for delivery_type_id, row in references.delivery_types.items()},
            {row.name: currency_id for currency_id, row in references.currencies.items()},
        )


def import_products(
    shop: Shop, actor: Actor, entries: Sequence[ProductEntry], *, counted: bool = False, dry_run: bool = False
) -> ImportResult:
    """Upserts one batch of products by sku, all or nothing. What is as the entry says is not written; units that an
    entry with units leaves out become unavailable. For staff and the operator.

    Args:
        shop: the shop.
        actor: who imports.
        entries: the products.
        counted: whether each `stock` was just counted on the shelf, so that pieces sold before are not subtracted.
        dry_run: whether to write nothing, and only to return what would be done.

    Raises:
        Unauthenticated, Forbidden: the actor is not staff.
        InvalidFields: two entries have one sku.
    """
    actor.require_staff()
    if len({entry.sku for entry in entries}) != len(entries):
        raise InvalidFields((InvalidField("sku", "must not repeat within a batch", FieldCode.REPEATED),))
    now = shop.clock()

    def work(tx: Transaction) -> ImportResult:
        result = write_entries(tx, entries, now, counted=counted)
        if dry_run:
            raise _DryRun(result)
        return result

    try:
        return shop.store.write(work)
    except _DryRun as done:
        return done.result


def write_entries(
    tx: Transaction, entries: Sequence[ProductEntry], now: datetime, *, counted: bool = False
) -> ImportResult:
    """`import_products` inside a transaction of the caller's: products, then sizes, then units, each in one go."""
    references = tx.references.ensure(_names_of(entries))
    ids = _Ids.of(references)
    known = tx.products.by_sku([entry.sku for entry in entries])
    known_ids = [product.id for product in known.values()]
    sizes = _sizes(tx.sizes.of_products(known_ids))
    units: dict[ProductId, list[ProductUnit]] = {product_id: [] for product_id in known_ids}
    for unit in tx.units.of_products(known_ids):
        units[unit.product_id].append(unit)

    new = [entry for entry in entries if entry.sku not in known]
    new_products = {entry.sku: _product(entry, ids, now) for entry in new}
    added = tx.products.add_many(list(new_products.values()))
    product_ids = {sku: product.id for sku, product in known.items()}
    product_ids |= dict(zip(new_products, added, strict=True))

    missing_sizes = [
        NewSize(product_ids[entry.sku], grid)
        for entry in entries
        for canonical, grid in _grids(entry).items()
        if (product_ids[entry.sku], canonical) not in sizes
    ]
    sizes |= _sizes(tx.sizes.add_many(missing_sizes))

    new_units: list[NewProductUnit] = []
    changed_units: list[ProductUnit] = []
    changed_products: list[Product] = []
    changes: list[ProductChange] = []
    for entry in entries:
        product_id = product_ids[entry.sku]
        planned = _plan_units(entry, product_id, sizes, units.get(product_id, ()), ids, counted=counted)
        more = [change.after for change in planned if change.before is None]
        changed = [
            change.after
            for change in planned
            if isinstance(change.after, ProductUnit) and change.after != change.before
        ]
        new_units += more
        changed_units += changed
        product = known.get(entry.sku)
        if product is None:
            changes.append(ProductChange(None, new_products[entry.sku], planned))
            continue
        wanted = Product(id=product_id, **attrs.asdict(_product(entry, ids, product.updated_at), recurse=False))
        if wanted != product or more or changed:
            wanted = attrs.evolve(wanted, updated_at=now)
            changed_products.append(wanted)
        if wanted != product or planned:
            changes.append(ProductChange(product, wanted, planned))
    tx.products.save_many(changed_products)
    tx.units.add_many(new_units)
    tx.units.save_many(changed_units)
    counts = ImportCounts(len(new), len(changed_products), len(known) - len(changed_products))
    return ImportResult(counts, tuple(changes), references)


def _names_of(entries: Sequence[ProductEntry]) -> ReferenceNames:
    units = [unit for entry in entries for unit in entry.units or ()]
    return ReferenceNames(
        brands=frozenset(name for entry in entries for name in entry.brands),
        categories=frozenset(name for entry in entries for name in entry.categories),
        tags=frozenset(name for entry in entries for name in entry.tags),
        genders=frozenset(entry.gender for entry in entries),
        platforms=frozenset((unit.platform, unit.site) for unit in units),
        delivery_types=frozenset(unit.delivery_type for unit in units),
        currencies=frozenset(unit.currency for unit in units),
    )


def _grids(entry: ProductEntry) -> dict[SizeGrid, SizeGrid]:
    """The sizes an entry needs, in order, by their canonical form: those of its units, and "no size", which every
    product has.
    """
    grids: dict[SizeGrid, SizeGrid] = {}
    for unit in entry.units or ():
        canonical = unit.size.canonical
        grids.setdefault(canonical, NO_SIZE if canonical == NO_SIZE else unit.size)
    grids.setdefault(NO_SIZE, NO_SIZE)
    return grids


def _sizes(sizes: Sequence[Size]) -> dict[tuple[ProductId, SizeGrid], Size]:
    """The sizes by product and canonical form; the first of those that are equal."""
    return {(size.product_id, size.grid.canonical): size for size in reversed(sizes)}


def units_by_place(units: Sequence[ProductUnit]) -> dict[Place, tuple[ProductUnit, int]]:
    """The units of one product by their identity, each with the pieces sold under it.

    Older versions made twins: two units of one size in two spellings. The available twin stands for both, else a
    sold-out one, else the later one. The pieces sold of both count together.
    """
    alike: dict[Place, list[ProductUnit]] = {}
    for unit in units:
        alike.setdefault((unit.size.grid.canonical, unit.platform_id, unit.delivery_type_id), []).append(unit)
    return {
        place: (
            max(same, key=lambda unit: (unit.available, unit.stock == 0, unit.id)),
            sum(unit.sold for unit in same),
        )
        for place, same in alike.items()
    }


def _product(entry: ProductEntry, ids: _Ids, updated_at: datetime) -> NewProduct:
    return NewProduct(
        sku=entry.sku,
        name=entry.name,
        description=entry.description,
        bucket_link=entry.bucket_link,
        available=entry.available_flag,
        updated_at=updated_at,
        added_on=entry.add_date,
        fit=entry.fit,
        rel_num=entry.rel_num,
        gender_id=ids.genders[entry.gender],
        brand_ids=tuple(sorted(ids.brands[name] for name in entry.brands)),
        category_ids=tuple(sorted(ids.categories[name] for name in entry.categories)),
        tag_ids=tuple(sorted(ids.tags[name] for name in entry.tags)),
    )


def _plan_units(
    entry: ProductEntry,
    product_id: ProductId,
    sizes: Mapping[tuple[ProductId, SizeGrid], Size],
    units: Sequence[ProductUnit],
    ids: _Ids,
    *,
    counted: bool,
) -> tuple[UnitChange, ...]:
    """The units to add for an entry, those to write because they differ from it, and those whose stock in it is out of
    range.
    """
    if entry.units is None:
        return ()
    planned: list[UnitChange] = []
    by_place, named = units_by_place(units), set()
    for unit in entry.units:
        canonical = unit.size.canonical
        size = sizes[product_id, canonical]
        wanted = NewProductUnit(
            product_id=product_id,
            size_id=size.id,
            price=unit.final_price,
            currency_id=ids.currencies[unit.currency],
            delivery_type_id=ids.delivery_types[unit.delivery_type],
            platform_id=ids.platforms[unit.platform, unit.site],
            available=unit.availability and unit.stock != 0,
            stock=None if unit.stock is UNCHANGED else unit.stock,
            sold=unit.sold,
        )
        place = (canonical, wanted.platform_id, wanted.delivery_type_id)
        if place not in by_place:
            planned.append(UnitChange(size.grid, None, wanted))
            continue
        known, sold = by_place[place]
        named.add(known.id)
        left, out_of_range = stock_after(unit.stock, unit.sold, attrs.evolve(known, sold=sold), counted=counted)
        after = attrs.evolve(
            known,
            price=wanted.price,
            currency_id=wanted.currency_id,
            available=unit.availability and left != 0,
            stock=left,
        )
        if after != known or out_of_range is not None:
            planned.append(UnitChange(known.size.grid, known, after, out_of_range))
    left_out = [unit for unit in units if unit.id not in named and unit.available]
    planned += [UnitChange(unit.size.grid, unit, attrs.evolve(unit, available=False)) for unit in left_out]
    return tuple(planned)
