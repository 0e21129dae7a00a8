"""Searches: finds products by their terms and their lowest price (`search.terms`), and counts their terms.

If many products match, a scan in the order of the page soon fills it. If few products match, it is faster to find them
by an index and to sort them. Neither database can tell in advance how many match: SQLite has no statistics about it,
and PostgreSQL overestimates terms that are not among the most common ones. So a statement contains both ways. It reads
a few products first, and gives one of the ways a limit of 0. The database then reads no row for it.
"""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from functools import cache
from typing import Any, Final, Protocol

import attrs
import sqlalchemy as sa

from sellout_adapters.sql.schema.functions import CUSTOM_PLAN
from sellout_adapters.sql.schema.tables.catalogue import products
from sellout_adapters.sql.search.terms import MARK, TermsIndex, link_term, size_of_term, size_term
from sellout_adapters.sql.session import references
from sellout_adapters.sql.session.session import DatabaseSession
from sellout_core.catalogue.search import BANDS, CatalogueQuery, FacetCounts, Sort, Wanted, names_unknown, wanted
from sellout_core.values import MAX_ID

_LOWEST, _HIGHEST = (sa.bindparam(name, type_=sa.BigInteger()) for name in ("lowest", "highest"))
LIMIT, OFFSET = (sa.bindparam(name, type_=sa.BigInteger()) for name in ("limit", "offset"))
FEW: Final = sa.bindparam("few", type_=sa.BigInteger())
"""The number of products that a statement reads before it chooses a way."""

BY_PRICE: Final = frozenset({Sort.CHEAPEST, Sort.DEAREST})
NO_SCORE: Final = sa.literal_column("0", sa.Integer).label("score")
NO_FACETS: Final = FacetCounts(0, {}, {}, {}, {}, {}, {})

_COUNTED_LINKS: Final = {"b": "brands", "c": "categories", "g": "genders", "t": "tags"}
_WHOLE: Final = sa.literal_column("1", sa.Integer).label("score")


@attrs.frozen
class Shape:
    """The properties of a search that determine its statement. All other values are parameters.

    Attributes:
        sort: The order.
        filtered: Whether the search has conditions on terms.
        priced: Whether the lowest price must be in a range. False: there must be no price. None: no condition.
    """

    sort: Sort
    filtered: bool
    priced: bool | None


@attrs.frozen
class SearchPlan:
    """A search as the shape of its statement and the parameters.

    Attributes:
        words: A product must have, for each word, a term that begins with it.
        groups: A product must have a term of each group.
    """

    shape: Shape
    parameters: dict[str, Any]
    words: Sequence[str]
    groups: Sequence[Sequence[str]]


class SearchSql(TermsIndex, Hashable, Protocol):
    """The SQL of searches, which differs between databases."""

    @property
    def few(self) -> int:
        """The value of `FEW`."""

    def term_parameters(self, shape: Shape, words: Sequence[str], groups: Sequence[Sequence[str]]) -> dict[str, Any]:
        """The parameters of the conditions on terms.

        Args:
            shape: The shape of the statement.
            words: As in `SearchPlan`.
            groups: As in `SearchPlan`.
        """

    def found(self, shape: Shape) -> sa.Subquery:
        """The ids and relevance scores of the products on a page, in no particular order."""

    def matching(self, shape: Shape) -> sa.Select[Any]:
        """The ids and scores of all listed products that match."""

    def has_terms(self, rows: sa.FromClause) -> sa.ColumnElement[bool] | sa.TextClause:
        """Whether products have the terms of the search, without the index. `rows` is named `products`, and has their
        `terms`.
        """

    def facet_counts(self, shape: Shape) -> sa.Select[Any]:
        """The rows (term, NULL, number of matching products) of the terms that facets count."""

    def facet_parameters(self, plan: SearchPlan) -> dict[str, Any]:
        """The parameters of `facet_counts`."""


def plan_search(session: DatabaseSession, search: SearchSql, query: CatalogueQuery) -> SearchPlan | None:
    """The plan of a query. None: no product can match."""
    known = references.snapshot(session)
    if names_unknown(query, known):
        # Another process may have added the name.
        known = references.reload(session)
    filters = wanted(query, known)
    groups = _groups(filters)
    if not all(groups) or (query.available is False and query.priced):
        return None
    words = sorted(filters.words)
    sort = query.sort if words or query.sort is not Sort.RELEVANCE else Sort.ID
    priced = True if query.priced else None if query.available is None else False
    shape = Shape(sort, bool(words or groups), priced)
    parameters = search.term_parameters(shape, words, groups) | {"few": search.few}
    if shape.priced:
        highest = MAX_ID if query.price_max is None else query.price_max
        parameters |= {"lowest": query.price_min or 0, "highest": highest}
    return SearchPlan(shape, parameters, words, groups)


def _groups(filters: Wanted) -> list[list[str]]:
    by_ids: tuple[tuple[str, frozenset[Any] | None], ...] = (
        ("brand", filters.brand_ids),
        ("category", filters.category_ids),
        ("tag", filters.tag_ids),
        ("gender", filters.gender_ids),
    )
    groups = [[link_term(kind, row_id) for row_id in sorted(ids)] for kind, ids in by_ids if ids is not None]
    return groups if filters.sizes is None else [*groups, [size_term(size) for size in sorted(filters.sizes)]]


def singles(words: Iterable[str]) -> list[list[str]]:
    """A group for each word, for finding it as a whole word."""
    return [[word] for word in words]


def sort_columns(sort: Sort, rows: sa.FromClause = products) -> Sequence[sa.ColumnElement[Any]]:
    """The columns that products are sorted by. For relevance, products with equal scores are."""
    by: dict[Sort, Sequence[sa.ColumnElement[Any]]] = {
        Sort.NEWEST: (rows.c.added_on.desc(),),
        Sort.CHEAPEST: (rows.c.min_price.asc().nulls_last(),),
        Sort.DEAREST: (rows.c.min_price.desc().nulls_last(),),
    }
    return (*by.get(sort, ()), rows.c.id)


def listed_products(shape: Shape) -> sa.Select[Any]:
    """The ids of listed products with a matching price."""
    return sa.select(products.c.id, NO_SCORE).where(products.c.available, *price_conditions(shape))


def price_conditions(
    shape: Shape, rows: sa.FromClause = products, *, indexed: bool = True
) -> Sequence[sa.ColumnElement[bool]]:
    """The condition on the lowest price. Unless it is `indexed`, SQLite uses no index of prices for it."""
    if shape.priced is None:
        return ()
    price = rows.c.min_price if indexed else rows.c.min_price.op("+")(0)
    return (price.between(_LOWEST, _HIGHEST) if shape.priced else price.is_(None),)


def page_of(
    rows: sa.Select[Any], *by: sa.ColumnElement[Any], only_if: Sequence[sa.ColumnElement[bool]] = ()
) -> sa.Select[Any]:
    """A page of rows. It is empty unless all of `only_if` are true."""
    limit = sa.case((sa.and_(*only_if), LIMIT), else_=0) if only_if else LIMIT
    return rows.order_by(*by).limit(limit).offset(OFFSET)


def materialized(rows: sa.Select[Any], name: str) -> sa.CTE:
    """A common table expression that is evaluated once."""
    return rows.cte(name).prefix_with("MATERIALIZED")


def by_relevance(first: Callable[[str], sa.Select[Any]]) -> sa.Subquery:
    """A page by relevance: first the products that match all words as whole words, then the other matches, each by id.
    The others are read only if the first ones do not fill the page.

    Args:
        first: Returns the ids of the matches up to the end of the page. It takes the name of the query's parameter.
    """
    through = OFFSET + LIMIT
    whole = materialized(first("whole"), "whole")
    missing = sa.select(sa.func.count()).select_from(whole).scalar_subquery() < through
    others = first("partly").subquery()
    rest = sa.select(others.c.id, NO_SCORE).order_by(others.c.id).limit(sa.case((missing, through), else_=0)).subquery()
    both = sa.union_all(sa.select(whole.c.id, _WHOLE), sa.select(rest)).subquery()
    return page_of(sa.select(both), both.c.score.desc(), both.c.id).subquery("found")


def count_facets(session: DatabaseSession, search: SearchSql, plan: SearchPlan) -> FacetCounts:
    """The counts of a search, by one statement."""
    bands: dict[Any, int] = {}
    sizes = {}
    linked: defaultdict[str, dict[Any, int]] = defaultdict(dict)
    for row in session.rows(_facets(search, plan.shape), search.facet_parameters(plan)):
        if row.term is None:
            bands[row.start] = row.products
        elif row.products and row.term[1] == "s":
            sizes[size_of_term(row.term)] = row.products
        elif row.products and row.term[1] in _COUNTED_LINKS:
            linked[_COUNTED_LINKS[row.term[1]]][int(row.term[2:])] = row.products
    for table, counts in linked.items():
        session.note_references(table, counts)
    found = sum(bands.values())
    bands.pop(None, None)
    by_name = {name: linked[name] for name in _COUNTED_LINKS.values()}
    return FacetCounts(products=found, sizes=sizes, bands=bands, **by_name)


def counted_terms(term: sa.ColumnElement[str], number: sa.ColumnElement[int], rows: sa.FromClause) -> sa.Select[Any]:
    """The rows (term, NULL, number) of the terms that facets count."""
    columns: list[sa.ColumnElement[Any]] = [term, sa.cast(sa.null(), sa.BigInteger), number]
    return sa.select(*columns).select_from(rows).where(term >= MARK, term < f"{MARK}u")


@cache
def _facets(search: SearchSql, shape: Shape) -> sa.CompoundSelect[Any]:
    """A row with the count of each term, and a row without a term for each price band."""
    found = search.matching(shape).with_only_columns(_start(products.c.min_price)).subquery()
    columns: list[sa.ColumnElement[Any]] = [
        sa.cast(sa.null(), sa.Text).label("term"),
        found.c.start,
        sa.func.count().label("products"),
    ]
    both = sa.union_all(sa.select(*columns).group_by(found.c.start), search.facet_counts(shape))
    return both.execution_options(**CUSTOM_PLAN)


def _start(price: sa.ColumnElement[Any]) -> sa.ColumnElement[int]:
    """The lower bound of the band of a price (`search.band`). NULL: there is no price."""
    bands = (
        (price >= sa.literal_column(str(start)), sa.literal_column(str(start), sa.BigInteger))
        for start in reversed(BANDS)
    )
    return sa.case(*bands).label("start")
