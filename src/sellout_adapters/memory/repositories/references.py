"""The reference tables in memory."""

from collections.abc import Callable
from typing import Any

import attrs

from sellout_adapters.memory.repositories.base import Repository
from sellout_adapters.memory.tables import Table
from sellout_core.catalogue.products import Named, Platform, ReferenceNames, References
from sellout_core.catalogue.references import NewReference, Reference, ReferenceKind
from sellout_core.values import CategoryId

_PRODUCT_FIELDS = {
    ReferenceKind.BRAND: "brand_ids",
    ReferenceKind.CATEGORY: "category_ids",
    ReferenceKind.TAG: "tag_ids",
}
_UNIT_FIELDS = {
    ReferenceKind.PLATFORM: "platform_id",
    ReferenceKind.DELIVERY_TYPE: "delivery_type_id",
    ReferenceKind.CURRENCY: "currency_id",
}


class ReferenceTables(Repository):
    """`ports.ReferenceTables`."""

    def snapshot(self) -> References:
        """The reference tables. Later forks do not change them."""
        tables = self._tables
        return References(
            brands=tables.brands,
            categories=tables.categories,
            tags=tables.tags,
            genders=tables.genders,
            platforms=tables.platforms,
            delivery_types=tables.delivery_types,
            currencies=tables.currencies,
            statuses=tables.statuses,
            parents=tables.parents,
        )

    def ensure(
        self, names: ReferenceNames, added: Callable[[ReferenceKind, Reference], None] = lambda _, __: None
    ) -> References:
        """Adds the missing names."""
        for kind in ReferenceKind:
            known = {attrs.evolve(NewReference.of(row), parent_id=None) for row in self._table(kind).values()}
            wanted = getattr(names, kind.value)
            if kind is ReferenceKind.PLATFORM:
                new = [NewReference(name=name, site=site) for name, site in sorted(wanted)]
            else:
                new = [NewReference(name=name) for name in sorted(wanted)]
            for each in new:
                if each not in known:
                    added(kind, self.add(kind, each))
        return self.snapshot()

    def for_update(self, _: ReferenceKind) -> References:
        """The reference tables. There is one writer at a time."""
        return self.snapshot()

    def add(self, kind: ReferenceKind, new: NewReference) -> Reference:
        """Stores a new row."""
        row_id = self._table(kind).next_id()
        return self._put(kind, new.row(kind, row_id))

    def save(self, kind: ReferenceKind, row: Reference) -> None:
        """Writes an existing row."""
        self._put(kind, row)

    def merge(self, kind: ReferenceKind, row_id: int, into_id: int) -> None:
        """Replaces a row by another one in products, units, users, categories and delivery tariffs, and deletes it."""
        tables = self._tables
        if kind in _PRODUCT_FIELDS:
            field = _PRODUCT_FIELDS[kind]
            _replace(tables.products, field, row_id, into_id)
        if kind in _UNIT_FIELDS:
            _replace(tables.units, _UNIT_FIELDS[kind], row_id, into_id)
        if kind is ReferenceKind.CURRENCY:
            _replace(tables.delivery_tariffs, "currency_id", row_id, into_id)
        if kind is ReferenceKind.GENDER:
            _replace(tables.products, "gender_id", row_id, into_id)
            _replace(tables.users, "gender_id", row_id, into_id)
        if kind is ReferenceKind.CATEGORY:
            for child, parent in list(tables.parents.items()):
                if parent == row_id:
                    tables.parents.put(child, CategoryId(into_id))
            tables.parents.drop(CategoryId(row_id))
        self._table(kind).drop(row_id)
        self._count_catalogue_change([True])

    def _table(self, kind: ReferenceKind) -> Table[int, Any]:
        table: Table[int, Any] = getattr(self._tables, kind.value)
        return table

    def _put(self, kind: ReferenceKind, row: Reference) -> Reference:
        new = NewReference.of(row)
        self._table(kind).put(row.id, row if isinstance(row, Platform) else Named(row.id, row.name))
        if kind is ReferenceKind.CATEGORY:
            category_id = CategoryId(row.id)
            self._tables.parents.drop(category_id)
            if new.parent_id is not None:
                self._tables.parents.put(category_id, new.parent_id)
        self._count_catalogue_change([True])
        return row


def _replace(table: Table[Any, Any], field: str, row_id: int, into_id: int) -> None:
    for key, row in list(table.items()):
        held = getattr(row, field)
        if isinstance(held, tuple) and row_id in held:
            table.put(key, attrs.evolve(row, **{field: tuple(sorted({*held, into_id} - {row_id}))}))
        elif held == row_id:
            table.put(key, attrs.evolve(row, **{field: into_id}))
