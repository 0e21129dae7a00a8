"""Searches: finding products by their terms and their lowest price (`search.terms`).

A frequent condition is met soon by going through all products in their order. A rare one is found by its index and then
sorted. Neither database knows which of them a condition is: SQLite has no statistics about it, and PostgreSQL takes any
term that is not among the most common ones for a frequent one. So a statement looks at a few products first, and then
goes one way or the other. The other way has a limit of 0, which the database sees before it reads a row.
"""

from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Any, Final, Protocol

import attrs
from sqlalchemy import (
    CTE,
    BigInteger,
    ColumnElement,
    FromClause,
    Integer,
    Select,
    Subquery,
    and_,
    bindparam,
    case,
    func,
    literal_column,
    select,
    union_all,
)

from sellout_adapters.sql.schema.catalogue_tables import products
from sellout_adapters.sql.search.terms import TermsIndex, link_term, size_term
from sellout_adapters.sql.session.references import SqlReferenceTables
from sellout_adapters.sql.session.session import DatabaseSession
from sellout_core.search import CatalogueQuery, Sort, Wanted, names_unknown, wanted
from sellout_core.values import MAX_ID

_LOWEST, _HIGHEST = (bindparam(name, type_=BigInteger()) for name in ("lowest", "highest"))
LIMIT, OFFSET = (bindparam(name, type_=BigInteger()) for name in ("limit", "offset"))
FEW: Final = bindparam("few", type_=BigInteger())
"""How many products a statement looks at before it decides which way to go."""

BY_PRICE: Final = frozenset({Sort.CHEAPEST, Sort.DEAREST})
NO_SCORE: Final = literal_column("0", Integer).label("score")
_WHOLE: Final = literal_column("1", Integer).label("score")


@attrs.frozen
class Shape:
    """What the statement of a search depends on; the rest are parameters.

    Attributes:
        sort: The order.
        filtered: Whether there are conditions on terms.
        priced: Whether the lowest price must be in a range. False: there must be no price. None: no condition.
    """

    sort: Sort
    filtered: bool
    priced: bool | None


@attrs.frozen
class SearchPlan:
    """A search as the shape of its statement and the parameters."""

    shape: Shape
    parameters: dict[str, Any]


class SearchSql(TermsIndex, Hashable, Protocol):
    """The SQL of searches, which each kind of database has in a form of its own."""

    @property
    def few(self) -> int:
        """The value of `FEW`."""

    def term_parameters(self, shape: Shape, words: Sequence[str], groups: Sequence[Sequence[str]]) -> dict[str, Any]:
        """The parameters of the conditions on terms.

        Args:
            shape: The statement.
            words: The words that terms must begin with.
            groups: Lists of terms. A product must have one of each list.
        """

    def found(self, shape: Shape) -> Subquery:
        """The ids of the products on a page and their scores, by which relevance sorts them, in no particular order."""

    def matching(self, shape: Shape) -> Select[Any]:
        """The ids and scores of all listed products that match."""

    def facet_counts(self, shape: Shape) -> Select[Any]:
        """The rows (term, NULL, number of matching products) of the terms that facets count."""

    def facet_parameters(self, plan: SearchPlan) -> dict[str, Any]:
        """The parameters of `facet_counts`."""


def plan_search(session: DatabaseSession, search: SearchSql, query: CatalogueQuery) -> SearchPlan | None:
    """The plan of a query; None if nothing can match."""
    references = SqlReferenceTables(session)
    known = references.snapshot()
    if names_unknown(query, known):
        # Another process may have added it.
        known = references.reload()
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
    return SearchPlan(shape, parameters)


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
    """A group for each word, which stands whole in every match."""
    return [[word] for word in words]


def order(sort: Sort, rows: FromClause = products) -> Sequence[ColumnElement[Any]]:
    """The order of found products; for relevance, that of equally relevant ones."""
    by: dict[Sort, Sequence[ColumnElement[Any]]] = {
        Sort.NEWEST: (rows.c.added_on.desc(),),
        Sort.CHEAPEST: (rows.c.min_price.asc().nulls_last(),),
        Sort.DEAREST: (rows.c.min_price.desc().nulls_last(),),
    }
    return (*by.get(sort, ()), rows.c.id)


def listed(shape: Shape) -> Select[Any]:
    """The ids of listed products with a matching price."""
    return select(products.c.id, NO_SCORE).where(products.c.available, *price_conditions(shape))


def price_conditions(
    shape: Shape, rows: FromClause = products, *, indexed: bool = True
) -> Sequence[ColumnElement[bool]]:
    """The condition on the lowest price. One that is not `indexed` keeps SQLite from using an index of prices."""
    if shape.priced is None:
        return ()
    price = rows.c.min_price if indexed else rows.c.min_price.op("+")(0)
    return (price.between(_LOWEST, _HIGHEST) if shape.priced else price.is_(None),)


def page_of(rows: Select[Any], *by: ColumnElement[Any], only_if: Sequence[ColumnElement[bool]] = ()) -> Select[Any]:
    """A page of rows, or no rows unless all of `only_if` are true."""
    limit = case((and_(*only_if), LIMIT), else_=0) if only_if else LIMIT
    return rows.order_by(*by).limit(limit).offset(OFFSET)


def materialized(rows: Select[Any], name: str) -> CTE:
    """A common table expression that is evaluated once."""
    return rows.cte(name).prefix_with("MATERIALIZED")


def by_relevance(first: Callable[[str], Select[Any]]) -> Subquery:
    """A page of the products that have all words whole, by id, and only if they do not fill it, of the others.

    Args:
        first: The ids up to the end of the page of the products that match the terms in a parameter.
    """
    through = OFFSET + LIMIT
    whole = materialized(first("whole"), "whole")
    missing = select(func.count()).select_from(whole).scalar_subquery() < through
    others = first("partly").subquery()
    rest = select(others.c.id, NO_SCORE).order_by(others.c.id).limit(case((missing, through), else_=0)).subquery()
    both = union_all(select(whole.c.id, _WHOLE), select(rest)).subquery()
    return page_of(select(both), both.c.score.desc(), both.c.id).subquery("found")
