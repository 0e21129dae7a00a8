"""Products, and the cards of lists."""

from collections.abc import Collection, Mapping, Sequence
from functools import cache
from typing import Any, Final

import attrs
from sqlalchemy import ScalarSelect, Select, Table, bindparam, delete, select, update

from sellout_adapters.sql.schema import catalogue_tables
from sellout_adapters.sql.schema.catalogue_tables import (
    product_brands,
    product_categories,
    product_tags,
    products,
    sizes,
    units,
)
from sellout_adapters.sql.schema.functions import AMONG_IDS, AMONG_TEXTS, among, collected
from sellout_adapters.sql.schema.shop_tables import wishlist_units
from sellout_adapters.sql.schema.types import Id, askable_after
from sellout_adapters.sql.search import facets, page_index, terms
from sellout_adapters.sql.search import query as search_query
from sellout_adapters.sql.search.query import SearchPlan, SearchSql, Shape
from sellout_adapters.sql.session.compiled import CUSTOM_PLAN, Row
from sellout_adapters.sql.session.session import DatabaseSession, by_column
from sellout_core.catalogue import Card, NewProduct, Product
from sellout_core.search import CatalogueQuery, FacetCounts, Sort
from sellout_core.values import MAX_ID, ProductId, UserId

# By the product's field: the table of its links, and the small table to which they lead.
_LINKS: Final = {
    "brand_ids": (product_brands, "brands"),
    "category_ids": (product_categories, "categories"),
    "tag_ids": (product_tags, "tags"),
}
_OWN_FIELDS: Final = tuple(name for name in attrs.fields_dict(NewProduct) if name not in _LINKS)


def _linked(table: Table) -> ScalarSelect[Any]:
    return select(collected(table.c[1])).where(table.c.product_id == products.c.id).scalar_subquery()


_COLUMNS: Final = (
    products.c.id,
    *(products.c[name] for name in _OWN_FIELDS),
    *(_linked(table).label(field) for field, (table, _) in _LINKS.items()),
)
_BY_ID: Final = select(*_COLUMNS).where(among(products.c.id, AMONG_IDS))
_BY_SKU: Final = select(*_COLUMNS).where(among(products.c.sku, AMONG_TEXTS))
_LOCK_UNITS_BY_SKU: Final = (
    select(units.c.id)
    .where(units.c.product_id.in_(select(products.c.id).where(among(products.c.sku, AMONG_TEXTS))))
    .order_by(units.c.id)
)
_LOCK_BY_SKU: Final = select(products.c.id).where(among(products.c.sku, AMONG_TEXTS)).order_by(products.c.id)
_AFTER: Final = (
    select(*_COLUMNS).where(products.c.id > bindparam("after")).order_by(products.c.id).limit(bindparam("limit"))
)


def _product(row: Row) -> Product:
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


def _refer(session: DatabaseSession, found: Sequence[NewProduct]) -> None:
    session.note_references("genders", [product.gender_id for product in found])
    for field, (_, small_table) in _LINKS.items():
        session.note_references(small_table, *[getattr(product, field) for product in found])


_SAVE: Final = update(products).where(products.c.id == bindparam("product_id"))
_DELETE_LINKS: Final = {
    field: delete(table).where(among(table.c.product_id, AMONG_IDS)) for field, (table, _) in _LINKS.items()
}


class SqlProducts:
    """`ports.Products`."""

    def __init__(self, session: DatabaseSession) -> None:
        self._session = session

    def get_many(self, product_ids: Collection[ProductId]) -> Mapping[ProductId, Product]:
        """A statement for the version of the catalogue, and one for the products that are not cached."""
        cached = self._session.cached_catalogue() if product_ids else None
        if cached is None:
            return self._read(product_ids)
        found = cached.products.find(product_ids, self._read)
        _refer(self._session, list(found.values()))
        return found

    def after(self, product_id: int, limit: int) -> Sequence[Product]:
        """One statement."""
        return self._products(self._session.rows(_AFTER, {"after": askable_after(product_id), "limit": limit}))

    def by_sku(self, skus: Collection[str]) -> Mapping[str, Product]:
        """One statement, and before it two that lock the products' units and then the products, each in order of id. A
        transaction that sells a last piece locks in the same order.
        """
        self._session.lock(_LOCK_UNITS_BY_SKU, {"among": skus})
        self._session.lock(_LOCK_BY_SKU, {"among": skus})
        return {product.sku: product for product in self._products(self._session.rows_among(_BY_SKU, skus, key="sku"))}

    def add_many(self, products: Sequence[NewProduct]) -> Sequence[ProductId]:
        """A statement for the ids, one for the products and one for each kind of link."""
        self._session.note_catalogue_change(products)
        product_ids = self._session.add_with_ids(catalogue_tables.products, by_column(products, _OWN_FIELDS))
        self._session.uncounted_products.update(product_ids)
        self._link_up(list(zip(product_ids, products, strict=True)))
        self._session.note_changed_products(product_ids)
        return product_ids

    def save_many(self, products: Sequence[Product]) -> None:
        """Replaces all links of the products."""
        self._session.note_catalogue_change(products)
        self._session.uncounted_products.update(product.id for product in products)
        self._session.run_many(_SAVE, [_own_values(product) | {"product_id": product.id} for product in products])
        for statement in _DELETE_LINKS.values():
            self._session.run(statement, {"among": [product.id for product in products]})
        self._link_up([(product.id, product) for product in products])
        self._session.note_changed_products(product.id for product in products)

    def _read(self, product_ids: Collection[ProductId]) -> dict[ProductId, Product]:
        return {product.id: product for product in self._products(self._session.rows_among(_BY_ID, product_ids))}

    def _products(self, rows: Sequence[Row]) -> list[Product]:
        found = [_product(row) for row in rows]
        _refer(self._session, found)
        return found

    def _link_up(self, saved: Sequence[tuple[ProductId, NewProduct]]) -> None:
        for field, (table, _) in _LINKS.items():
            pairs = [(product_id, linked) for product_id, product in saved for linked in getattr(product, field)]
            self._session.add(table, dict(zip(table.c.keys(), zip(*pairs, strict=True), strict=False)))


def _own_values(product: NewProduct) -> dict[str, Any]:
    return {name: getattr(product, name) for name in _OWN_FIELDS}


_wished = sizes.alias("wished")
_CARD: Final = select(
    *_COLUMNS,
    products.c.min_price,
    # Not correlated: the wishlist is read once, not once a product.
    products.c.id.in_(
        select(_wished.c.product_id)
        .join_from(wishlist_units, _wished, wishlist_units.c.size_id == _wished.c.id)
        .where(wishlist_units.c.user_id == bindparam("user_id", type_=Id()))
    ).label("in_wishlist"),
)
_CARDS_BY_ID: Final = _CARD.where(among(products.c.id, AMONG_IDS))
# An index alone finds the page's ids: the rows of products before the page are never read.
_PAGES: Final = [
    _CARD.where(products.c.id.in_(ids)).order_by(products.c.id)
    for ids in (page_index.SHALLOW_PAGE, page_index.DEEP_PAGE)
]


@cache
def _matching(search: SearchSql, shape: Shape) -> Select[Any]:
    """The cards of a page of the products that match."""
    found = search.found(shape)
    rows = _CARD.select_from(found.join(products, products.c.id == found.c.id))
    rows = rows.order_by(found.c.score.desc(), *search_query.order(shape.sort))
    return rows.execution_options(**CUSTOM_PLAN)


class SqlCards:
    """`ports.Cards`."""

    def __init__(self, session: DatabaseSession, search: SearchSql) -> None:
        self._session = session
        self._search = search

    def get_many(self, product_ids: Collection[ProductId], wishlist_of: UserId | None) -> Mapping[ProductId, Card]:
        """One statement; without a wishlist as `SqlProducts.get_many`."""
        terms.index_changed_products(self._session, self._search)
        cached = self._session.cached_catalogue() if product_ids and wishlist_of is None else None
        if cached is None:
            return self._read(product_ids, wishlist_of)
        found = cached.cards.find(product_ids, lambda missing: self._read(missing, None))
        _refer(self._session, [card.product for card in found.values()])
        return found

    def page(self, offset: int, limit: int, wishlist_of: UserId | None) -> Sequence[Card]:
        """One statement, unless this transaction has written products that must be counted first."""
        terms.index_changed_products(self._session, self._search)
        if self._session.uncounted_products:
            page_index.count_changed_products(self._session)
        # No store holds more products than ids; the driver refuses an offset of more than 64 bits.
        parameters = {"offset": min(offset, MAX_ID), "limit": limit, "user_id": wishlist_of}
        return self._cards(self._session.rows(_PAGES[offset >= page_index.SHALLOW], parameters))

    def search(self, query: CatalogueQuery, offset: int, limit: int, wishlist_of: UserId | None) -> Sequence[Card]:
        """One statement, and one that reads the small tables if a name is not known."""
        plan = self._plan(query)
        if plan is None:
            return []
        window = {"offset": min(offset, MAX_ID), "limit": limit, "user_id": wishlist_of}
        return self._cards(self._session.rows(_matching(self._search, plan.shape), plan.parameters | window))

    def facets(self, query: CatalogueQuery) -> FacetCounts:
        """One statement, and one that reads the small tables if a name is not known."""
        plan = self._plan(attrs.evolve(query, sort=Sort.ID))
        return facets.NOTHING if plan is None else facets.count(self._session, self._search, plan)

    def _read(self, product_ids: Collection[ProductId], wishlist_of: UserId | None) -> dict[ProductId, Card]:
        rows = self._session.rows_among(_CARDS_BY_ID, product_ids, {"user_id": wishlist_of})
        return {card.product.id: card for card in self._cards(rows)}

    def _plan(self, query: CatalogueQuery) -> SearchPlan | None:
        terms.index_changed_products(self._session, self._search)
        return search_query.plan_search(self._session, self._search, query)

    def _cards(self, rows: Sequence[Row]) -> list[Card]:
        cards = [Card(_product(row), row.min_price, bool(row.in_wishlist)) for row in rows]
        _refer(self._session, [card.product for card in cards])
        return cards
