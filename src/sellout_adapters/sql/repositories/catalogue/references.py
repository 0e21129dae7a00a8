"""The reference tables."""

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, Final

import attrs
import sqlalchemy as sa
from sqlalchemy import Text, bindparam, delete, insert, literal_column, select, update

from sellout_adapters.sql.schema.functions import next_reference_id
from sellout_adapters.sql.schema.inserts import insert_missing
from sellout_adapters.sql.schema.tables.catalogue import (
    category_parents,
    merged_references,
    product_brands,
    product_categories,
    product_tags,
    products,
    units,
)
from sellout_adapters.sql.schema.tables.fulfilment import delivery_tariffs
from sellout_adapters.sql.schema.tables.shop import users
from sellout_adapters.sql.schema.types import Id
from sellout_adapters.sql.session import references
from sellout_adapters.sql.session.references import TABLES
from sellout_adapters.sql.session.session import DatabaseSession
from sellout_core.catalogue.products import ReferenceNames, References
from sellout_core.catalogue.references import NewReference, Reference, ReferenceKind, with_descendants
from sellout_core.values import CategoryId, ProductId

_ROW: Final = bindparam("row_id", type_=Id())
_INTO: Final = bindparam("into_id", type_=Id())


def _values(table: sa.Table) -> dict[str, Any]:
    """The values of a new row."""
    names = literal_column(table.name, Text), literal_column(f"'{table.name}'", Text)
    given: dict[str, Any] = {column.name: bindparam(column.name) for column in table.c if column.name != "id"}
    return {"id": next_reference_id(*names), **given}


_ENSURE: Final = {
    field: insert_missing(table).values(_values(table)).returning(table.c.id) for field, table in TABLES.items()
}
_ADD: Final = {field: insert(table).values(_values(table)).returning(table.c.id) for field, table in TABLES.items()}
_MERGED: Final = insert(merged_references)
_LOCKS: Final = {field: select(table.c.id).order_by(table.c.id) for field, table in TABLES.items()}
_SAVE: Final = {field: update(table).where(table.c.id == _ROW) for field, table in TABLES.items()}
_DELETE: Final = {field: delete(table).where(table.c.id == _ROW) for field, table in TABLES.items()}
_ADD_PARENT: Final = insert(category_parents)
_DELETE_PARENT: Final = delete(category_parents).where(category_parents.c.category_id == _ROW)
_MOVE_CHILDREN: Final = update(category_parents).where(category_parents.c.parent_id == _ROW).values(parent_id=_INTO)

_LINKS: Final = {"brands": product_brands, "categories": product_categories, "tags": product_tags}
_UNIT_COLUMNS: Final = {
    "platforms": units.c.platform_id,
    "delivery_types": units.c.delivery_type_id,
    "currencies": units.c.currency_id,
}


def _products(field: str) -> sa.Select[Any]:
    """The ids of the products that refer to a row, in order."""
    refers = products.c.gender_id == _ROW
    if field in _LINKS:
        link = _LINKS[field]
        refers = products.c.id.in_(select(link.c.product_id).where(link.c[1] == _ROW))
    return select(products.c.id).where(refers).order_by(products.c.id)


_PRODUCTS: Final = {field: _products(field) for field in (*_LINKS, "genders")}
_LOCK_UNITS: Final = {
    field: select(units.c.id).where(column == _ROW).order_by(units.c.id) for field, column in _UNIT_COLUMNS.items()
}


def _replacements(field: str) -> tuple[sa.Executable, ...]:
    """The statements that replace a row by another one in the rows that refer to it."""
    if field in _UNIT_COLUMNS:
        column = _UNIT_COLUMNS[field]
        referring = (units, delivery_tariffs) if field == "currencies" else (units,)
        return tuple(
            update(table).where(table.c[column.name] == _ROW).values({column.name: _INTO}) for table in referring
        )
    if field == "genders":
        return tuple(
            update(table).where(table.c.gender_id == _ROW).values(gender_id=_INTO) for table in (products, users)
        )
    link = _LINKS[field]
    both = link.alias()
    has_both = select(both.c.product_id).where(both.c[1] == _INTO)
    return (
        delete(link).where(link.c[1] == _ROW, link.c.product_id.in_(has_both)),
        update(link).where(link.c[1] == _ROW).values({link.c[1].name: _INTO}),
    )


_REPLACE: Final = {kind.value: _replacements(kind.value) for kind in ReferenceKind}


@attrs.frozen
class SqlReferenceTables:
    """`ports.ReferenceTables`."""

    _session: DatabaseSession

    def snapshot(self) -> References:
        """No statement if the rows are cached, otherwise one."""
        return references.snapshot(self._session)

    def ensure(
        self, names: ReferenceNames, added: Callable[[ReferenceKind, Reference], None] = lambda _, __: None
    ) -> References:
        """Adds the missing names. Reads the rows before, because another process may have changed them, and after."""
        known = references.reload(self._session)
        missing = {
            field: new
            for field in attrs.fields_dict(ReferenceNames)
            if (new := _missing(getattr(known, field), getattr(names, field), field)) is not None
        }
        for field, new in missing.items():
            kind = ReferenceKind(field)
            for each in new:
                # Another transaction may have added the row by now.
                if (row := self._session.row(_ENSURE[field], each)) is not None:
                    added(kind, NewReference(name=each["name"], site=each.get("site", "")).row(kind, row.id))
        if missing:
            self._session.added_references = True
            self._note_change()
        return self._session.references.rows if missing else known

    def for_update(self, kind: ReferenceKind) -> References:
        """Locks the rows in order of id, then reads all tables. A transaction that only reads takes the cached rows of
        its version.
        """
        if self._session.cached_catalogue() is not None:
            return self.snapshot()
        self._session.lock(_LOCKS[kind.value], {})
        return references.reload(self._session)

    def add(self, kind: ReferenceKind, new: NewReference) -> Reference:
        """One or two statements."""
        [row] = self._session.rows(_ADD[kind.value], _columns(kind, new))
        self._set_parent(row.id, new)
        self._session.added_references = True
        self._note_change()
        return new.row(kind, row.id)

    def save(self, kind: ReferenceKind, row: Reference) -> None:
        """Writes the row, and the search terms that contain a brand's name or a category's place in the tree."""
        new = NewReference.of(row)
        if kind in {ReferenceKind.BRAND, ReferenceKind.CATEGORY}:
            self._lock_products(kind, row.id)
        self._session.run(_SAVE[kind.value], {"row_id": row.id, **_columns(kind, new)})
        if kind is ReferenceKind.CATEGORY:
            self._session.run(_DELETE_PARENT, {"row_id": row.id})
        self._set_parent(row.id, new)
        self._note_change()

    def merge(self, kind: ReferenceKind, row_id: int, into_id: int) -> None:
        """Locks the units or products that refer to the row in order of id, as a checkout does, then replaces it."""
        field, parameters = kind.value, {"row_id": row_id, "into_id": into_id}
        if field in _LOCK_UNITS:
            self._session.lock(_LOCK_UNITS[field], {"row_id": row_id})
        else:
            self._lock_products(kind, row_id)
        for statement in _REPLACE[field]:
            self._session.run(statement, parameters)
        if kind is ReferenceKind.CATEGORY:
            self._session.run(_MOVE_CHILDREN, parameters)
            self._session.run(_DELETE_PARENT, {"row_id": row_id})
        self._session.run(_DELETE[field], {"row_id": row_id})
        self._session.run(_MERGED, {"table_name": TABLES[field].name, **parameters})
        self._note_change()

    def _set_parent(self, row_id: int, new: NewReference) -> None:
        if new.parent_id is not None:
            self._session.run(_ADD_PARENT, {"category_id": row_id, "parent_id": new.parent_id})

    def _lock_products(self, kind: ReferenceKind, row_id: int) -> None:
        """Locks the products that refer to the row or to a category below it. Their search terms change."""
        rows: Iterable[int] = [row_id]
        if kind is ReferenceKind.CATEGORY:
            rows = with_descendants(CategoryId(row_id), self._session.references.rows)
        for each in sorted(rows):
            self._session.lock(_PRODUCTS[kind.value], {"row_id": each})
            found = self._session.rows(_PRODUCTS[kind.value], {"row_id": each})
            self._session.note_changed_products(ProductId(product.id) for product in found)

    def _note_change(self) -> None:
        """The versions change at the end of the transaction. The transaction itself reads its own changes."""
        self._session.references_changed = True
        self._session.note_catalogue_change([True])
        references.reload(self._session)


def _columns(kind: ReferenceKind, new: NewReference) -> dict[str, str]:
    return {"name": new.name, **({"site": new.site} if kind is ReferenceKind.PLATFORM else {})}


def _missing(rows: Mapping[Any, Any], wanted: Collection[Any], field: str) -> list[dict[str, str]] | None:
    if field == "platforms":
        new = sorted(set(wanted) - {(row.name, row.site) for row in rows.values()})
        return [{"name": name, "site": site} for name, site in new] or None
    return [{"name": name} for name in sorted(set(wanted) - {row.name for row in rows.values()})] or None
