"""Creates, changes and deletes single products and product units."""

from collections.abc import Callable
from datetime import datetime

import attrs

from sellout_core.audit import audited
from sellout_core.catalogue.products import (
    NewProductUnit,
    NewSize,
    Product,
    ProductUnit,
    ProductView,
    ReferenceNames,
    Size,
    UnitView,
    product_view,
    unit_view,
)
from sellout_core.catalogue.stock import MovementKind
from sellout_core.errors import (
    FieldCode,
    InvalidField,
    InvalidFields,
    LimitReached,
    NotFound,
    SkuTaken,
    Stale,
    StillReferredTo,
    UnitExists,
)
from sellout_core.events.making import of_units
from sellout_core.people.accounts import Actor
from sellout_core.ports.store import Transaction
from sellout_core.shop import ReadingShop, Shop
from sellout_core.use_cases.catalogue.importing.entries import (
    ProductEdit,
    ProductEntry,
    UnitEdit,
    UnitEntry,
)
from sellout_core.use_cases.catalogue.importing.exporting import product_entry, unit_entry
from sellout_core.use_cases.catalogue.importing.reference_ids import ReferenceIds, ensured, names_of
from sellout_core.use_cases.catalogue.importing.writing import units_by_key, write_entries
from sellout_core.use_cases.catalogue.stock import locked_unit, record_stock
from sellout_core.values import MAX_AVAILABLE, ProductId, ProductUnitId, set_fields

__all__ = [
    "change_product",
    "change_unit",
    "create_product",
    "create_unit",
    "delete_product",
    "locked_product",
    "read_unit",
]


def create_product(shop: Shop, actor: Actor, entry: ProductEntry) -> ProductView:
    """Creates a product without units. For staff. Adds missing names to the reference tables, as an import does.

    Raises:
        Unauthenticated, Forbidden: the actor is not staff.
        SkuTaken: another product has the sku.
    """
    actor.require_staff()
    now = shop.clock()

    def work(tx: Transaction) -> ProductView:
        if not write_entries(tx, [attrs.evolve(entry, units=None)], now, actor).counts.created:
            raise SkuTaken
        created = tx.products.by_sku([entry.sku])[entry.sku]
        tx.audit.add([audited(actor, now, "product", created.id, after=created)])
        return product_view(created, tx.references.snapshot())

    return shop.store.write(work)


def change_product(
    shop: Shop, actor: Actor, product_id: ProductId, change: ProductEdit, is_current: Callable[[ProductView], bool]
) -> ProductView:
    """Changes a product. For staff.

    Raises:
        Unauthenticated, Forbidden: the actor is not staff.
        NotFound: there is no such product.
        Stale: the product has another version.
        InvalidFields: a value is outside its limits.
    """
    actor.require_staff()
    now = shop.clock()

    def work(tx: Transaction) -> ProductView:
        before = locked_product(tx, product_id)
        # Another process may have renamed a row: the cached name would be added again.
        references = tx.references.ensure(ReferenceNames())
        if not is_current(product_view(before, references)):
            raise Stale
        entry = attrs.evolve(product_entry(before, (), references), units=None)
        write_entries(tx, [attrs.evolve(entry, **set_fields(change))], now, actor)
        after = tx.products.by_sku([before.sku])[before.sku]
        if after != before:
            tx.audit.add([audited(actor, now, "product", product_id, before=before, after=after)])
        return product_view(after, tx.references.snapshot())

    return shop.store.write(work)


def delete_product(
    shop: Shop, actor: Actor, product_id: ProductId, is_current: Callable[[ProductView], bool]
) -> ProductView:
    """Deletes a product with its sizes and units, and returns the product. For staff.

    Raises:
        Unauthenticated, Forbidden: the actor is not staff.
        NotFound: there is no such product.
        Stale: the product has another version.
        StillReferredTo: carts, wishlists or orders refer to it.
    """
    actor.require_staff()
    now = shop.clock()

    def work(tx: Transaction) -> ProductView:
        product = locked_product(tx, product_id)
        view = product_view(product, tx.references.snapshot())
        if not is_current(view):
            raise Stale
        if referrers := tx.products.delete(product_id):
            raise StillReferredTo(tuple(referrers))
        tx.audit.add([audited(actor, now, "product", product_id, before=product)])
        return view

    return shop.store.write(work)


def read_unit(shop: ReadingShop, actor: Actor, unit_id: ProductUnitId) -> UnitView:
    """A product unit. For staff.

    Raises:
        Unauthenticated, Forbidden: the actor is not staff.
        NotFound: there is no such unit.
    """
    actor.require_staff()

    def work(tx: Transaction) -> UnitView:
        unit = tx.units.get_many([unit_id]).get(unit_id)
        if unit is None:
            raise NotFound
        return _view(tx, unit)

    return shop.store.read(work)


def create_unit(shop: Shop, actor: Actor, product_id: ProductId, entry: UnitEntry) -> UnitView:
    """Creates a unit of a product. For staff. Adds missing names to the reference tables, as an import does.

    Raises:
        Unauthenticated, Forbidden: the actor is not staff.
        NotFound: there is no such product.
        UnitExists: the product has a unit with that size, platform, site and delivery type.
        LimitReached: the product has 1,000 available units.
    """
    actor.require_staff()
    now = shop.clock()

    def work(tx: Transaction) -> UnitView:
        locked_product(tx, product_id)
        size, new = _wanted(tx, product_id, entry, now, actor)
        _require_addable(tx, new, size)
        [unit_id] = tx.units.add_many([new])
        record_stock(tx, [(unit_id, new)], [], now, actor, MovementKind.RECEIVED)
        unit = ProductUnit.of(unit_id, size, new)
        tx.audit.add([audited(actor, now, "product_unit", unit_id, after=unit)])
        return _view(tx, unit)

    return shop.store.write(work)


def change_unit(
    shop: Shop, actor: Actor, unit_id: ProductUnitId, change: UnitEdit, is_current: Callable[[UnitView], bool]
) -> UnitView:
    """Changes a product unit. For staff. Carts show the change at once. Orders keep their copies.

    Raises:
        Unauthenticated, Forbidden: the actor is not staff.
        NotFound: there is no such unit.
        Stale: the unit has another version.
        InvalidFields: a value is outside its limits, or a sold-out unit would be available.
        UnitExists: the product has another unit with that size, platform, site and delivery type.
        LimitReached: the product has 1,000 available units.
    """
    actor.require_staff()
    now = shop.clock()

    def work(tx: Transaction) -> UnitView:
        before = locked_unit(tx, unit_id)
        # Another process may have renamed a row: the cached name would be added again.
        references = tx.references.ensure(ReferenceNames())
        if not is_current(_view(tx, before)):
            raise Stale
        entry = attrs.evolve(unit_entry(before, references), **set_fields(change))
        if entry.availability and before.stock == 0:
            reason = "must be false: no piece is left"
            raise InvalidFields((InvalidField("availability", reason, FieldCode.NOT_ONE_OF),))
        size, wanted = _wanted(tx, before.product_id, entry, now, actor)
        after = ProductUnit.of(unit_id, size, attrs.evolve(wanted, stock=before.stock, sold=before.sold))
        if after != before:
            _require_addable(tx, after, size, before)
            tx.units.save_many([after])
            tx.audit.add([audited(actor, now, "product_unit", unit_id, before=before, after=after)])
            tx.events.add(of_units([(before, after)], tx.references.snapshot(), now))
        return _view(tx, after)

    return shop.store.write(work)


def locked_product(tx: Transaction, product_id: ProductId) -> Product:
    """The product, locked with its units until the transaction ends.

    Raises:
        NotFound: there is no such product.
    """
    product = tx.products.get_many([product_id]).get(product_id)
    locked = None if product is None else tx.products.by_sku([product.sku]).get(product.sku)
    # Another product may have the sku by now.
    if locked is None or locked.id != product_id:
        raise NotFound
    return locked


def _wanted(
    tx: Transaction, product_id: ProductId, entry: UnitEntry, now: datetime, actor: Actor
) -> tuple[Size, NewProductUnit]:
    """The size and the unit of an entry. Adds the size if the product does not have it."""
    ids = ReferenceIds.of(ensured(tx, names_of((), [entry]), now, actor))
    sizes = {size.grid.canonical: size for size in reversed(tx.sizes.of_products([product_id]))}
    size = sizes.get(entry.size.canonical)
    if size is None:
        [size] = tx.sizes.add_many([NewSize(product_id, entry.size)])
    return size, ids.unit(entry, product_id, size.id)


def _require_addable(tx: Transaction, wanted: NewProductUnit, size: Size, before: ProductUnit | None = None) -> None:
    """Checks that the product has no other unit with the same key, and not too many available units.

    Args:
        tx: The transaction.
        wanted: The unit.
        size: Its size.
        before: The unit before. None: it is new. Two units may have one key after a merge of platforms: each can be
            changed as long as its key stays.
    """
    units = tx.units.of_products([wanted.product_id])
    old_keys = () if before is None else units_by_key([before])
    key = (size.grid.canonical, wanted.platform_id, wanted.delivery_type_id)
    if key not in old_keys and key in units_by_key(units):
        raise UnitExists
    becomes_available = wanted.available and not (before is not None and before.available)
    if becomes_available and sum(unit.available for unit in units) >= MAX_AVAILABLE:
        raise LimitReached(MAX_AVAILABLE)


def _view(tx: Transaction, unit: ProductUnit) -> UnitView:
    products = tx.products.get_many([unit.product_id])
    return unit_view(unit, products, tx.references.snapshot())
