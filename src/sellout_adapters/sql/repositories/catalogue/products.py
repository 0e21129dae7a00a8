"""Products as they are stored."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final

import attrs
from sqlalchemy import (
    ScalarSelect,
    Table,
    Text,
    bindparam,
    delete,
    exists,
    literal_column,
    select,
    union_all,
    update,
)

from sellout_adapters.sql.repositories.catalogue.slugs import write_slugs
from sellout_adapters.sql.schema.functions import AMONG_IDS, AMONG_TEXTS, among, collected
from sellout_adapters.sql.schema.tables import catalogue as catalogue_tables
from sellout_adapters.sql.schema.tables.catalogue import (
    product_brands,
    product_categories,
    product_tags,
    products,
    sizes,
    stock_movements,
    units,
)
from sellout_adapters.sql.schema.tables.pictures import product_pictures
from sellout_adapters.sql.schema.tables.shop import cart_units, order_lines, wishlist_units
from sellout_adapters.sql.schema.tables.slugs import slugs
from sellout_adapters.sql.schema.types import Id, askable_after
from sellout_adapters.sql.search import page_index, terms
from sellout_adapters.sql.search.query import SearchSql
from sellout_adapters.sql.session.compiled import Row
from sellout_adapters.sql.session.session import DatabaseSession, by_column
from sellout_core.catalogue.products import NewProduct, Product
from sellout_core.values import ProductId

# By the product's field.
_LINKS: Final = {"brand_ids": product_brands, "category_ids": product_categories, "tag_ids": product_tags}
_OWN_FIELDS: Final = tuple(name for name in attrs.fields_dict(NewProduct) if name not in _LINKS)


def _linked(table: Table) -> ScalarSelect[Any]:
    return select(collected(table.c[1])).where(table.c.product_id == products.c.id).scalar_subquery()


PRODUCT_COLUMNS: Final = (
    products.c.id,
    *(products.c[name] for name in _OWN_FIELDS),
    *(_linked(table).label(field) for field, table in _LINKS.items()),
)
_BY_ID: Final = select(*PRODUCT_COLUMNS).where(among(products.c.id, AMONG_IDS))
_BY_SKU: Final = select(*PRODUCT_COLUMNS).where(among(products.c.sku, AMONG_TEXTS))
_LOCK_UNITS_BY_SKU: Final = (
    select(units.c.id)
    .where(units.c.product_id.in_(select(products.c.id).where(among(products.c.sku, AMONG_TEXTS))))
    .order_by(units.c.id)
)
_LOCK_BY_SKU: Final = select(products.c.id).where(among(products.c.sku, AMONG_TEXTS)).order_by(products.c.id)
_AFTER: Final = (
    select(*PRODUCT_COLUMNS).where(products.c.id > bindparam("after")).order_by(products.c.id).limit(bindparam("limit"))
)


def product_of(row: Row) -> Product:
    """A product from a row of its columns."""
    return Product(
        id=row.id,
        sku=row.sku,
        name=row.name,
        description=row.description,
        bucket_link=row.bucket_link,
        available=row.available,
        updated_at=row.updated_at,
        added_on=row.added_on,
        fit=row.fit,
        rel_num=row.rel_num,
        gender_id=row.gender_id,
        brand_ids=tuple(sorted(row.brand_ids)),
        category_ids=tuple(sorted(row.category_ids)),
        tag_ids=tuple(sorted(row.tag_ids)),
    )


def note_references_of(session: DatabaseSession, found: Iterable[Product]) -> None:
    """Records the rows of the reference tables to which products refer."""
    noted = session.referenced_ids
    for product in found:
        noted["genders"].add(product.gender_id)
        noted["brands"].update(product.brand_ids)
        noted["categories"].update(product.category_ids)
        noted["tags"].update(product.tag_ids)


_SAVE: Final = update(products).where(products.c.id == bindparam("product_id"))
_DELETE_LINKS: Final = {
    field: delete(table).where(among(table.c.product_id, AMONG_IDS)) for field, table in _LINKS.items()
}


_PRODUCT: Final = bindparam("product_id", type_=Id())
_ITS_UNITS: Final = select(units.c.id).where(units.c.product_id == _PRODUCT)
_ITS_SIZES: Final = select(sizes.c.id).where(sizes.c.product_id == _PRODUCT)
_HIDE: Final = update(products).where(products.c.id == _PRODUCT).values(available=False)
_REFERRERS: Final = union_all(
    *(
        select(literal_column(f"'{name}'", Text).label("name")).where(exists().where(column.in_(its)))
        for name, column, its in (
            ("carts", cart_units.c.unit_id, _ITS_UNITS),
            ("wishlists", wishlist_units.c.size_id, _ITS_SIZES),
            ("orders", order_lines.c.unit_id, _ITS_UNITS),
        )
    )
)
_DELETE: Final = (
    delete(stock_movements).where(stock_movements.c.unit_id.in_(_ITS_UNITS)),
    delete(units).where(units.c.product_id == _PRODUCT),
    delete(sizes).where(sizes.c.product_id == _PRODUCT),
    *(delete(table).where(table.c.product_id == _PRODUCT) for table in (*_LINKS.values(), slugs, product_pictures)),
    delete(products).where(products.c.id == _PRODUCT),
)


@attrs.frozen
class SqlProducts:
    """`ports.Products`."""

    _session: DatabaseSession
    _search: SearchSql

    def get_many(self, product_ids: Collection[ProductId]) -> Mapping[ProductId, Product]:
        """One statement for the catalogue version, and one for products that are not cached."""
        cached = self._session.cached_catalogue() if product_ids else None
        if cached is None:
            return self._read(product_ids)
        found = cached.products.find(product_ids, self._read)
        note_references_of(self._session, found.values())
        return found

    def after(self, product_id: int, limit: int) -> Sequence[Product]:
        """One statement."""
        return self._products(self._session.rows(_AFTER, {"after": askable_after(product_id), "limit": limit}))

    def by_sku(self, skus: Collection[str]) -> Mapping[str, Product]:
        """Locks the units of the products, then the products, each in order of id, then reads. Three statements. A
        transaction that sells a last piece locks in the same order, so the two cannot deadlock.
        """
        self._session.lock(_LOCK_UNITS_BY_SKU, {"among": skus})
        self._session.lock(_LOCK_BY_SKU, {"among": skus})
        return {product.sku: product for product in self._products(self._session.rows_among(_BY_SKU, skus, key="sku"))}

    def add_many(self, products: Sequence[NewProduct]) -> Sequence[ProductId]:
        """One statement for the ids, one for the products, one for each kind of link, and those of `write_slugs`."""
        self._session.note_catalogue_change(products)
        product_ids = self._session.add_with_ids(catalogue_tables.products, by_column(products, _OWN_FIELDS))
        self._session.uncounted_products.update(product_ids)
        saved = list(zip(product_ids, products, strict=True))
        self._link_up(saved)
        write_slugs(self._session, saved, new=True)
        self._session.note_changed_products(product_ids)
        return product_ids

    def save_many(self, products: Sequence[Product]) -> None:
        """Writes the products, replaces their links, and writes changed slugs."""
        self._session.note_catalogue_change(products)
        self._session.uncounted_products.update(product.id for product in products)
        self._session.run_many(_SAVE, [_own_values(product) | {"product_id": product.id} for product in products])
        for statement in _DELETE_LINKS.values():
            self._session.run(statement, {"among": [product.id for product in products]})
        saved = [(product.id, product) for product in products]
        self._link_up(saved)
        write_slugs(self._session, saved, new=False)
        self._session.note_changed_products(product.id for product in products)

    def _read(self, product_ids: Collection[ProductId]) -> dict[ProductId, Product]:
        rows = self._session.rows_among(_BY_ID, product_ids)
        return {product.id: product for product in self._products(rows)}

    def _products(self, rows: Sequence[Row]) -> list[Product]:
        found = [product_of(row) for row in rows]
        note_references_of(self._session, found)
        return found

    def _link_up(self, saved: Sequence[tuple[ProductId, NewProduct]]) -> None:
        for field, table in _LINKS.items():
            pairs = [(product_id, linked) for product_id, product in saved for linked in getattr(product, field)]
            self._session.add(table, dict(zip(table.c.keys(), zip(*pairs, strict=True), strict=False)))

    def delete(self, product_id: ProductId) -> Collection[str]:
        """One statement for what refers to the product. Otherwise the product is hidden and counted, while its row
        exists, and one statement for each table deletes its rows.
        """
        session, parameters = self._session, {"product_id": product_id}
        if found := session.rows(_REFERRERS, parameters):
            return [row.name for row in found]
        session.note_catalogue_change([product_id])
        session.run(_HIDE, parameters)
        session.uncounted_products.add(product_id)
        session.note_changed_products([product_id])
        terms.index_changed_products(session, self._search)
        page_index.write_next_version(session)
        self._search.remove_terms(session, [product_id])
        for statement in _DELETE:
            session.run(statement, parameters)
        return ()


def _own_values(product: NewProduct) -> dict[str, Any]:
    return {name: getattr(product, name) for name in _OWN_FIELDS}
