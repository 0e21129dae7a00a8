"""Sizes, product units and their stock."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

import attrs
from sqlalchemy import Select, and_, bindparam, case, false, or_, select, true, update

from sellout_adapters.sql.schema.functions import AMONG_IDS, among
from sellout_adapters.sql.schema.tables import catalogue as catalogue_tables
from sellout_adapters.sql.schema.tables.catalogue import catalogue, sizes, units
from sellout_adapters.sql.session.compiled import Row
from sellout_adapters.sql.session.session import DatabaseSession, by_column
from sellout_core.catalogue.products import NO_SIZE, NewProductUnit, NewSize, ProductUnit, Size, SizeGrid
from sellout_core.values import ProductId, ProductUnitId, SizeId

_GRID: Final = tuple(attrs.fields_dict(SizeGrid))
_UNIT: Final = tuple(attrs.fields_dict(NewProductUnit))
_SIZE_COLUMNS: Final = (sizes.c.id, sizes.c.product_id, *(sizes.c[name] for name in _GRID))
_SIZES_BY_ID: Final = select(*_SIZE_COLUMNS).where(among(sizes.c.id, AMONG_IDS))
_SIZES_OF_PRODUCTS: Final = select(*_SIZE_COLUMNS).where(among(sizes.c.product_id, AMONG_IDS)).order_by(sizes.c.id)
UNIT_COLUMNS: Final = (units.c.id, *(units.c[name] for name in _UNIT), *(sizes.c[name] for name in _GRID))
_UNITS: Final[Select[Any]] = select(*UNIT_COLUMNS).join_from(units, sizes, units.c.size_id == sizes.c.id)
_UNITS_BY_ID: Final = _UNITS.where(among(units.c.id, AMONG_IDS))
_UNITS_OF_PRODUCTS: Final = _UNITS.where(among(units.c.product_id, AMONG_IDS)).order_by(units.c.id)
_LOCK_UNITS_OF_PRODUCTS: Final = select(units.c.id).where(among(units.c.product_id, AMONG_IDS)).order_by(units.c.id)
_SAVE_UNITS: Final = update(units).where(units.c.id == bindparam("unit_id"))
_wanted = sizes.alias("wanted")
_offer = units.alias("offer")
_CHEAPEST: Final = (
    select(_wanted.c.id.label("wanted_id"), *UNIT_COLUMNS)
    .join_from(
        _wanted,
        units,
        units.c.id
        == select(_offer.c.id)
        .where(
            _offer.c.product_id == _wanted.c.product_id,
            _offer.c.available,
            or_(
                _offer.c.size_id == _wanted.c.id,
                and_(*(_wanted.c[name] == getattr(NO_SIZE, name) for name in _GRID)),
            ),
        )
        .order_by(_offer.c.price, _offer.c.id)
        .limit(1)
        .correlate(_wanted)
        .scalar_subquery(),
    )
    .join(sizes, sizes.c.id == units.c.size_id)
    .where(among(_wanted.c.id, AMONG_IDS))
)

_LOCK_UNITS: Final = select(units.c.id).where(among(units.c.id, AMONG_IDS)).order_by(units.c.id)
_TAKE: Final = (
    update(units)
    .where(
        among(units.c.id, AMONG_IDS),
        units.c.available,
        or_(units.c.stock.is_(None), units.c.stock > 0),
    )
    .values(
        stock=units.c.stock - 1,
        sold=units.c.sold + 1,
        available=case((or_(units.c.stock.is_(None), units.c.stock > 1), true()), else_=false()),
    )
    .returning(
        units.c.id,
        units.c.product_id,
        units.c.price,
        units.c.currency_id,
        units.c.available,
        units.c.stock,
        units.c.sold,
        # An order copies the names that the units refer to.
        select(catalogue.c.references_version).scalar_subquery().label("references_version"),
    )
)


def size_of(size_id: SizeId, row: Row) -> Size:
    """A size from its id and a row with the other columns."""
    return Size(size_id, row.product_id, SizeGrid(row.international, row.us, row.uk, row.eu, row.it, row.ru))


def units_of(session: DatabaseSession, rows: Sequence[Row]) -> list[ProductUnit]:
    """Converts rows of `UNIT_COLUMNS` to units."""
    found, noted = [], session.referenced_ids
    for row in rows:
        found.append(
            ProductUnit(
                id=row.id,
                product_id=row.product_id,
                size_id=row.size_id,
                price=row.price,
                currency_id=row.currency_id,
                delivery_type_id=row.delivery_type_id,
                platform_id=row.platform_id,
                available=row.available,
                stock=row.stock,
                sold=row.sold,
                size=size_of(row.size_id, row),
            )
        )
        noted["currencies"].add(row.currency_id)
        noted["delivery_types"].add(row.delivery_type_id)
        noted["platforms"].add(row.platform_id)
    return found


@attrs.frozen
class SqlSizes:
    """`ports.Sizes`."""

    _session: DatabaseSession

    def get_many(self, size_ids: Collection[SizeId]) -> Mapping[SizeId, Size]:
        """One statement."""
        return {row.id: size_of(row.id, row) for row in self._session.rows_among(_SIZES_BY_ID, size_ids)}

    def of_products(self, product_ids: Collection[ProductId]) -> Sequence[Size]:
        """One statement."""
        return [
            size_of(row.id, row) for row in self._session.rows_among(_SIZES_OF_PRODUCTS, product_ids, key="product_id")
        ]

    def add_many(self, sizes: Sequence[NewSize]) -> Sequence[Size]:
        """One statement for the ids, and one for the rows."""
        grids = by_column([size.grid for size in sizes], _GRID)
        size_ids = self._session.add_with_ids(catalogue_tables.sizes, by_column(sizes, ["product_id"]) | grids)
        return [Size(size_id, size.product_id, size.grid) for size_id, size in zip(size_ids, sizes, strict=True)]


@attrs.frozen
class SqlUnits:
    """`ports.Units`."""

    _session: DatabaseSession

    def get_many(self, unit_ids: Collection[ProductUnitId]) -> Mapping[ProductUnitId, ProductUnit]:
        """One statement."""
        return {unit.id: unit for unit in units_of(self._session, self._session.rows_among(_UNITS_BY_ID, unit_ids))}

    def of_products(self, product_ids: Collection[ProductId]) -> Sequence[ProductUnit]:
        """Locks the units in order of id, then reads them. Two statements."""
        self._session.lock(_LOCK_UNITS_OF_PRODUCTS, {"among": product_ids})
        return units_of(self._session, self._session.rows_among(_UNITS_OF_PRODUCTS, product_ids, key="product_id"))

    def cheapest(self, size_ids: Collection[SizeId]) -> Mapping[SizeId, ProductUnit]:
        """One statement."""
        rows = self._session.rows_among(_CHEAPEST, size_ids, key="wanted_id")
        return {row.wanted_id: unit for row, unit in zip(rows, units_of(self._session, rows), strict=True)}

    def add_many(self, units: Sequence[NewProductUnit]) -> Sequence[ProductUnitId]:
        """One statement for the ids, and one for the rows."""
        self._session.note_catalogue_change(units)
        self._session.note_changed_products(unit.product_id for unit in units)
        return self._session.add_with_ids(catalogue_tables.units, by_column(units, _UNIT))

    def save_many(self, units: Sequence[ProductUnit]) -> None:
        """One statement for each unit."""
        self._session.note_catalogue_change(units)
        self._session.note_changed_products(unit.product_id for unit in units)
        rows = [{"unit_id": unit.id} | {name: getattr(unit, name) for name in _UNIT} for unit in units]
        self._session.run_many(_SAVE_UNITS, rows)

    def take(self, units: Collection[ProductUnit]) -> Mapping[ProductUnitId, ProductUnit]:
        """Locks several units, then runs one conditional UPDATE: concurrent transactions cannot take the same piece."""
        wanted = {unit.id: unit for unit in units}
        if len(wanted) > 1:
            # In order of id, so that two checkouts cannot deadlock.
            self._session.lock(_LOCK_UNITS, {"among": list(wanted)})
        taken = self._session.rows_among(_TAKE, list(wanted))
        if any((wanted[row.id].price, wanted[row.id].currency_id) != (row.price, row.currency_id) for row in taken):
            self._session.run_again()
        for row in taken:
            self._session.note_references_version(row.references_version)
        sold_out = [row for row in taken if not row.available]
        self._session.note_catalogue_change(sold_out)
        self._session.note_changed_products(row.product_id for row in sold_out)
        return {
            row.id: attrs.evolve(wanted[row.id], available=row.available, stock=row.stock, sold=row.sold)
            for row in taken
        }
