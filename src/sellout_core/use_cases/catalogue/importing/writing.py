"""Imports entries into the catalogue."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import attrs

from sellout_core.catalogue.products import (
    NO_SIZE,
    NewProductUnit,
    NewSize,
    Product,
    ProductUnit,
    Size,
    SizeGrid,
)
from sellout_core.errors import FieldCode, InvalidField, InvalidFields
from sellout_core.events.making import of_units
from sellout_core.people.accounts import Actor
from sellout_core.ports.store import Transaction
from sellout_core.shop import Shop
from sellout_core.use_cases.catalogue.importing.changes import (
    ImportCounts,
    ImportResult,
    ProductChange,
    UnitChange,
    stock_after,
)
from sellout_core.use_cases.catalogue.importing.entries import ProductEntry, StoredUnitKey
from sellout_core.use_cases.catalogue.importing.reference_ids import ReferenceIds, ensured, names_of
from sellout_core.use_cases.catalogue.stock import record_stock
from sellout_core.values import (
    ProductId,
)

__all__ = ["import_products", "units_by_key", "write_entries"]


class _DryRun(Exception):
    """Rolls back a transaction that must not be committed."""

    def __init__(self, result: ImportResult) -> None:
        super().__init__()
        self.result = result


def import_products(
    shop: Shop, actor: Actor, entries: Sequence[ProductEntry], *, counted: bool = False, dry_run: bool = False
) -> ImportResult:
    """Creates and updates products by sku, all or none. Unchanged rows are not written. A unit that an entry with units
    leaves out becomes unavailable. For staff and the operator.

    Args:
        shop: The shop.
        actor: The caller.
        entries: The products.
        counted: Whether each `stock` was just counted on the shelf, so that pieces sold before are not subtracted.
        dry_run: Whether to write nothing, and only to return the changes.

    Raises:
        Unauthenticated, Forbidden: the actor is not staff.
        InvalidFields: two entries have the same sku.
    """
    actor.require_staff()
    if len({entry.sku for entry in entries}) != len(entries):
        raise InvalidFields((InvalidField("sku", "must not repeat within a batch", FieldCode.REPEATED),))
    now = shop.clock()

    def work(tx: Transaction) -> ImportResult:
        result = write_entries(tx, entries, now, actor, counted=counted)
        if dry_run:
            raise _DryRun(result)
        return result

    try:
        return shop.store.write(work)
    except _DryRun as done:
        return done.result


def write_entries(
    tx: Transaction, entries: Sequence[ProductEntry], now: datetime, actor: Actor, *, counted: bool = False
) -> ImportResult:
    """`import_products` inside a running transaction. Writes all products, then all sizes, then all units. The
    `bucket_link` of a product with pictures is not written: it is the address of the first one.
    """
    references = ensured(tx, names_of(entries), now, actor)
    ids = ReferenceIds.of(references)
    known = tx.products.by_sku([entry.sku for entry in entries])
    known_ids = [product.id for product in known.values()]
    sizes = _sizes(tx.sizes.of_products(known_ids))
    units: dict[ProductId, list[ProductUnit]] = {product_id: [] for product_id in known_ids}
    for unit in tx.units.of_products(known_ids):
        units[unit.product_id].append(unit)
    pictured = {picture.product_id for picture in tx.pictures.of_products(known_ids)}

    new = [entry for entry in entries if entry.sku not in known]
    new_products = {entry.sku: ids.product(entry, now) for entry in new}
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
        wanted = Product(id=product_id, **attrs.asdict(ids.product(entry, product.updated_at), recurse=False))
        if product_id in pictured:
            wanted = attrs.evolve(wanted, bucket_link=product.bucket_link)
        if wanted != product or more or changed:
            wanted = attrs.evolve(wanted, updated_at=now)
            changed_products.append(wanted)
        if wanted != product or planned:
            changes.append(ProductChange(product, wanted, planned))
    tx.products.save_many(changed_products)
    new_unit_ids = tx.units.add_many(new_units)
    tx.units.save_many(changed_units)
    before = {unit.id: unit for each in units.values() for unit in each}
    unit_changes = [(before[unit.id], unit) for unit in changed_units]
    record_stock(tx, zip(new_unit_ids, new_units, strict=True), unit_changes, now, actor)
    tx.events.add(of_units(unit_changes, references, now))
    counts = ImportCounts(len(new), len(changed_products), len(known) - len(changed_products))
    return ImportResult(counts, tuple(changes), references)


def _grids(entry: ProductEntry) -> dict[SizeGrid, SizeGrid]:
    """The sizes of an entry by canonical form, in order: those of its units, and the "no size" of every product."""
    grids: dict[SizeGrid, SizeGrid] = {}
    for unit in entry.units or ():
        canonical = unit.size.canonical
        grids.setdefault(canonical, NO_SIZE if canonical == NO_SIZE else unit.size)
    grids.setdefault(NO_SIZE, NO_SIZE)
    return grids


def _sizes(sizes: Sequence[Size]) -> dict[tuple[ProductId, SizeGrid], Size]:
    """The sizes by product and canonical form. Of equal ones, the first."""
    return {(size.product_id, size.grid.canonical): size for size in reversed(sizes)}


def units_by_key(units: Sequence[ProductUnit]) -> dict[StoredUnitKey, tuple[ProductUnit, int]]:
    """The units of one product by their keys, each with the number of pieces sold.

    An older version could store a unit twice, with two spellings of its size. The available one represents both,
    otherwise a sold-out one, otherwise the later one. The pieces sold of both are added.
    """
    alike: dict[StoredUnitKey, list[ProductUnit]] = {}
    for unit in units:
        alike.setdefault((unit.size.grid.canonical, unit.platform_id, unit.delivery_type_id), []).append(unit)
    return {
        key: (
            max(same, key=lambda unit: (unit.available, unit.stock == 0, unit.id)),
            sum(unit.sold for unit in same),
        )
        for key, same in alike.items()
    }


def _plan_units(
    entry: ProductEntry,
    product_id: ProductId,
    sizes: Mapping[tuple[ProductId, SizeGrid], Size],
    units: Sequence[ProductUnit],
    ids: ReferenceIds,
    *,
    counted: bool,
) -> tuple[UnitChange, ...]:
    """The units to add or to change for an entry, and those whose stock is out of range."""
    if entry.units is None:
        return ()
    planned: list[UnitChange] = []
    by_key, named = units_by_key(units), set()
    for unit in entry.units:
        canonical = unit.size.canonical
        size = sizes[product_id, canonical]
        wanted = ids.unit(unit, product_id, size.id)
        key = (canonical, wanted.platform_id, wanted.delivery_type_id)
        if key not in by_key:
            planned.append(UnitChange(size.grid, None, wanted))
            continue
        known, sold = by_key[key]
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
