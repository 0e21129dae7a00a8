"""The cards of products: pages, searches and facets."""

from collections.abc import Collection, Mapping, Sequence
from functools import cache
from typing import Any, Final

import attrs
from sqlalchemy import Select, bindparam, case, select, true

from sellout_adapters.sql.repositories.catalogue.products import PRODUCT_COLUMNS, note_references_of, product_of
from sellout_adapters.sql.schema.functions import AMONG_IDS, CUSTOM_PLAN, among, collected
from sellout_adapters.sql.schema.tables.catalogue import products, sizes
from sellout_adapters.sql.schema.tables.shop import wishlist_units
from sellout_adapters.sql.schema.tables.slugs import slugs
from sellout_adapters.sql.schema.types import Id
from sellout_adapters.sql.search import page_index, terms
from sellout_adapters.sql.search import query as search_query
from sellout_adapters.sql.search.facet_index import FacetIndex
from sellout_adapters.sql.search.query import SearchPlan, SearchSql, Shape
from sellout_adapters.sql.search.related import related_to
from sellout_adapters.sql.session.compiled import Row
from sellout_adapters.sql.session.product_cache import VERSIONS
from sellout_adapters.sql.session.session import DatabaseSession
from sellout_core.catalogue.pages import CardPage
from sellout_core.catalogue.products import Card, Product
from sellout_core.catalogue.search import CatalogueQuery, FacetCounts, Sort
from sellout_core.catalogue.suggestions import TypedWords
from sellout_core.values import MAX_ID, ProductId, UserId

_USER: Final = bindparam("user_id", type_=Id())
_wished = sizes.alias("wished")
_held = sizes.alias("held")
# Not correlated: the wishlist is read once, not for each product.
_in_wishlist = products.c.id.in_(
    select(_wished.c.product_id)
    .join_from(wishlist_units, _wished, wishlist_units.c.size_id == _wished.c.id)
    .where(wishlist_units.c.user_id == _USER)
)
_wishlist_unit_ids = (
    select(collected(wishlist_units.c.id))
    .join_from(wishlist_units, _held, wishlist_units.c.size_id == _held.c.id)
    .where(wishlist_units.c.user_id == _USER, _held.c.product_id == products.c.id)
    .scalar_subquery()
)
_CARD: Final = select(
    *PRODUCT_COLUMNS,
    products.c.min_price,
    case((_in_wishlist, _wishlist_unit_ids)).label("wishlist_unit_ids"),
    select(slugs.c.slug).where(slugs.c.product_id == products.c.id, slugs.c.is_present).scalar_subquery().label("slug"),
)
_CARDS_BY_ID: Final = _CARD.where(among(products.c.id, AMONG_IDS))


@cache
def _related(brands: int) -> Select[Any]:
    """The statement for the related cards of a product with so many brands."""
    ranked = related_to(brands)
    rows = _CARD.join_from(ranked, products, products.c.id == ranked.c.id)
    return rows.order_by(ranked.c.views.desc(), products.c.id.desc()).execution_options(**CUSTOM_PLAN)


def _page(ids: Select[Any]) -> Select[Any]:
    """A page of cards, with the number of listed products. A page after the last one is one row without a card."""
    # An index finds the ids of the page. Products before the page are not read.
    found = _CARD.where(products.c.id.in_(ids)).subquery("found")
    counted = select(page_index.LISTED.label("total")).subquery("counted")
    return select(counted.c.total, *found.c).select_from(counted.outerjoin(found, true())).order_by(found.c.id)


_PAGES: Final = [_page(ids) for ids in (page_index.SHALLOW_PAGE, page_index.DEEP_PAGE)]
_VERSIONS: Final = [select(column).scalar_subquery().label(column.name) for column in VERSIONS.selected_columns]


@cache
def _matching(search: SearchSql, shape: Shape) -> Select[Any]:
    """The statement for a page of matching cards, with the versions of the catalogue."""
    found = search.found(shape)
    rows = _CARD.add_columns(*_VERSIONS).select_from(found.join(products, products.c.id == found.c.id))
    rows = rows.order_by(found.c.score.desc(), *search_query.sort_columns(shape.sort))
    return rows.execution_options(**CUSTOM_PLAN)


_SUGGESTED: Final = Shape(Sort.ID, filtered=True, priced=None)
_TESTED: Final = 5_000
"""The number of products that suggestions test one by one, in a few milliseconds."""


@cache
def _first_matching(search: SearchSql) -> Select[Any]:
    """The statement for the first cards that match, among `FEW` listed products."""
    few = (
        select(products.c.id, products.c.terms)
        .where(products.c.available)
        .order_by(products.c.id)
        .limit(search_query.FEW)
        .subquery("products")
    )
    ids = select(few.c.id).where(search.has_terms(few)).order_by(few.c.id).limit(search_query.LIMIT)
    return _CARD.where(products.c.id.in_(ids)).order_by(products.c.id)


@attrs.frozen
class SqlCards:
    """`ports.Cards`."""

    _session: DatabaseSession
    _search: SearchSql
    _facet_index: FacetIndex

    def get_many(self, product_ids: Collection[ProductId], wishlist_of: UserId | None) -> Mapping[ProductId, Card]:
        """One statement. Without a wishlist: as `SqlProducts.get_many`."""
        terms.index_changed_products(self._session, self._search)
        cached = self._session.cached_catalogue() if product_ids and wishlist_of is None else None
        if cached is None:
            return self._read(product_ids, wishlist_of)
        found = cached.cards.find(product_ids, lambda missing: self._read(missing, None))
        note_references_of(self._session, [card.product for card in found.values()])
        return found

    def page(self, offset: int, limit: int, wishlist_of: UserId | None) -> CardPage:
        """One statement. Products that this transaction has written are counted before."""
        terms.index_changed_products(self._session, self._search)
        if self._session.uncounted_products:
            page_index.write_next_version(self._session)
        # Drivers reject offsets of more than 64 bits, and no store has that many products.
        parameters = {"offset": min(offset, MAX_ID), "limit": limit, "user_id": wishlist_of}
        rows = self._session.rows(_PAGES[offset >= page_index.SHALLOW], parameters)
        return CardPage(self._cards([row for row in rows if row.id is not None]), rows[0].total)

    def search(self, query: CatalogueQuery, offset: int, limit: int, wishlist_of: UserId | None) -> CardPage:
        """One statement, and one for the reference tables if a name is not cached. The number of matching products is
        known on the last page, and if the facet index is at the version of the catalogue and the query has no words.
        """
        plan = self._plan(query)
        if plan is None:
            return CardPage((), 0)
        window = {"offset": min(offset, MAX_ID), "limit": limit, "user_id": wishlist_of}
        rows = self._session.rows(_matching(self._search, plan.shape), plan.parameters | window)
        if rows:
            self._session.set_catalogue_versions(rows[0])
        if len(rows) < limit and (rows or not offset):
            return CardPage(self._cards(rows), offset + len(rows))
        return CardPage(self._cards(rows), self._facet_index.count_products(self._session, plan) if rows else None)

    def suggest(self, typed: TypedWords, limit: int) -> Sequence[Card]:
        """One statement tests the first products, because an index of terms reads all matches of a beginning. A second
        one searches if they are too few.
        """
        terms.index_changed_products(self._session, self._search)
        found = self._search.term_parameters(_SUGGESTED, [typed.beginning], search_query.singles(typed.whole))
        window = {"offset": 0, "limit": limit, "user_id": None, "few": _TESTED}
        rows = self._session.rows(_first_matching(self._search), found | window)
        if len(rows) < limit:
            rows = self._session.rows(_matching(self._search, _SUGGESTED), found | window | {"few": self._search.few})
        return self._cards(rows)

    def related(self, product: Product, limit: int) -> Sequence[Card]:
        """One statement."""
        terms.index_changed_products(self._session, self._search)
        if not product.brand_ids or not product.category_ids:
            return ()
        brands = {f"brand_{number}": brand_id for number, brand_id in enumerate(product.brand_ids)}
        given = {"product_id": product.id, "among": product.category_ids, "limit": limit, "user_id": None}
        return self._cards(self._session.rows(_related(len(brands)), given | brands))

    def facets(self, query: CatalogueQuery) -> FacetCounts:
        """The facet index, or else one statement. One more for the reference tables if a name is not cached."""
        plan = self._plan(attrs.evolve(query, sort=Sort.ID))
        if plan is None:
            return search_query.NO_FACETS
        counted = self._facet_index.count(self._session, plan)
        return counted or search_query.count_facets(self._session, self._search, plan)

    def _read(self, product_ids: Collection[ProductId], wishlist_of: UserId | None) -> dict[ProductId, Card]:
        rows = self._session.rows_among(_CARDS_BY_ID, product_ids, {"user_id": wishlist_of})
        return {card.product.id: card for card in self._cards(rows)}

    def _plan(self, query: CatalogueQuery) -> SearchPlan | None:
        terms.index_changed_products(self._session, self._search)
        return search_query.plan_search(self._session, self._search, query)

    def _cards(self, rows: Sequence[Row]) -> list[Card]:
        cards = [
            Card(product_of(row), row.min_price, tuple(sorted(row.wishlist_unit_ids or ())), row.slug) for row in rows
        ]
        note_references_of(self._session, [card.product for card in cards])
        return cards
