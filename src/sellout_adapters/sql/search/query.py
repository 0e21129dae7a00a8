"""Finding products by what `indexing` wrote of them.

What is frequent is met soon on the way through all products in their order; what is rare is found by its index and
sorted. Neither database knows which it is: SQLite has no statistics of it, and PostgreSQL takes any term that is not
among the most common ones for a frequent one. So a statement looks at a few products first, and then goes on one way or
the other. The way that is not taken has a limit of 0, which is seen before any row is.
"""

import json
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any, Final

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
    cast,
    column,
    func,
    literal_column,
    select,
    table,
    text,
    union_all,
)
from sqlalchemy.dialects.postgresql import TSQUERY

from sellout_adapters.sql.schema.catalogue_tables import SEARCH, products
from sellout_adapters.sql.search.terms import link_term, size_term
from sellout_adapters.sql.session.references import SqlReferenceTables
from sellout_adapters.sql.session.session import Link
from sellout_core.search import CatalogueQuery, Sort, Wanted, names_unknown, wanted
from sellout_core.values import MAX_ID

FEW: Final = {"sqlite": 1_000, "postgresql": 2_000}
"""How many products may be looked at before it is decided which way to go."""

_LOWEST, _HIGHEST = (bindparam(name, type_=BigInteger()) for name in ("lowest", "highest"))
_LIMIT, _OFFSET = (bindparam(name, type_=BigInteger()) for name in ("limit", "offset"))
_FEW: Final = bindparam("few", type_=BigInteger())
_BY_PRICE: Final = frozenset({Sort.CHEAPEST, Sort.DEAREST})
_NO_SCORE: Final = literal_column("0", Integer).label("score")
_WHOLE: Final = literal_column("1", Integer).label("score")
_index: Final = table(SEARCH, column("rowid", Integer))


@attrs.frozen
class Shape:
    """What tells one statement from another: the database, the order, and which conditions there are.

    `filtered` says whether there are terms, `priced` whether the lowest price has to be in a range (True) or there must
    be none (False).
    """

    dialect: str
    sort: Sort
    filtered: bool
    priced: bool | None


@attrs.frozen
class Asked:
    """A query as a statement of a shape and its parameters."""

    shape: Shape
    parameters: dict[str, Any]


def asked(link: Link, query: CatalogueQuery) -> Asked | None:
    """The query as the database is asked it; None if nothing can match."""
    references = SqlReferenceTables(link)
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
    shape = Shape(link.dialect, sort, bool(words or groups), priced)
    return Asked(shape, _parameters(shape, words, groups, query))


def _groups(filters: Wanted) -> list[list[str]]:
    """For each filter the terms of which a product must have one."""
    by_ids: tuple[tuple[str, frozenset[Any] | None], ...] = (
        ("brand", filters.brand_ids),
        ("category", filters.category_ids),
        ("tag", filters.tag_ids),
        ("gender", filters.gender_ids),
    )
    groups = [[link_term(kind, row_id) for row_id in sorted(ids)] for kind, ids in by_ids if ids is not None]
    return groups if filters.sizes is None else [*groups, [size_term(size) for size in sorted(filters.sizes)]]


def _parameters(
    shape: Shape, words: Sequence[str], groups: Sequence[Sequence[str]], query: CatalogueQuery
) -> dict[str, Any]:
    on_sqlite, parameters = shape.dialect == "sqlite", dict[str, Any]()
    write = _for_fts5 if on_sqlite else _for_tsquery
    if shape.sort is Sort.RELEVANCE:
        parameters |= {
            "whole": write([*([word] for word in words), *groups], ()),
            "partly": write(groups, words)
            + (" NOT " if on_sqlite else " & !")
            + f"({write([[w] for w in words], ())})",
        }
    elif shape.filtered:
        parameters["terms"] = write(groups, words)
        if on_sqlite:
            tested = [[f" {word}"] for word in words] + [[f" {term} " for term in group] for group in groups]
            parameters["groups"] = json.dumps(tested)
    parameters["few"] = FEW[shape.dialect]
    if shape.priced:
        highest = MAX_ID if query.price_max is None else query.price_max
        parameters |= {"lowest": query.price_min or 0, "highest": highest}
    return parameters


# A word is letters and digits, a term those behind its mark: nothing in them has a meaning between quotes.
def _for_fts5(groups: Iterable[Iterable[str]], beginnings: Iterable[str]) -> str:
    whole = ("(" + " OR ".join(f'"{term}"' for term in group) + ")" for group in groups)
    return " AND ".join([*whole, *(f'"{word}"*' for word in beginnings)])


def _for_tsquery(groups: Iterable[Iterable[str]], beginnings: Iterable[str]) -> str:
    whole = ("(" + " | ".join(f"'{term}'" for term in group) + ")" for group in groups)
    return " & ".join([*whole, *(f"'{word}':*" for word in beginnings)])


def order(sort: Sort, rows: FromClause = products) -> Sequence[ColumnElement[Any]]:
    """What to sort found products by; those that are equally relevant, that is, for relevance."""
    by: dict[Sort, Sequence[ColumnElement[Any]]] = {
        Sort.NEWEST: (rows.c.added_on.desc(),),
        Sort.CHEAPEST: (rows.c.min_price.asc().nulls_last(),),
        Sort.DEAREST: (rows.c.min_price.desc().nulls_last(),),
    }
    return (*by.get(sort, ()), rows.c.id)


@cache
def found(shape: Shape) -> Subquery:
    """The ids of the products on a page, and the score by which relevance sorts them, in no particular order."""
    if shape.sort is Sort.RELEVANCE:
        return _by_relevance(shape)
    if shape.dialect == "sqlite":
        return _few_or_many(shape)
    if not shape.filtered:
        return _page(matching(shape), *order(shape.sort)).subquery("found")
    rows = _first_on_postgresql(shape, "terms").subquery()
    return _page(select(rows.c.id, _NO_SCORE), *order(shape.sort, rows)).subquery("found")


def matching(shape: Shape, terms: str = "terms") -> Select[Any]:
    """Listed products that match: on SQLite by way of the index of the terms, on PostgreSQL by whichever it likes."""
    rows = select(products.c.id, _NO_SCORE).where(products.c.available, *_price(shape))
    if not shape.filtered:
        return rows
    if shape.dialect == "sqlite":
        return rows.join_from(_index, products, products.c.id == _index.c.rowid).where(_fts5(terms))
    return rows.where(_has(products, terms))


def _fts5(terms: str) -> ColumnElement[bool]:
    return literal_column(SEARCH).bool_op("MATCH")(bindparam(terms))


def _has(rows: FromClause, terms: str) -> ColumnElement[bool]:
    return rows.c.terms.bool_op("@@")(cast(bindparam(terms), TSQUERY))


def counted_on_sqlite(shape: Shape, terms: ColumnElement[str]) -> Select[Any]:
    """How many listed products have some terms, listed ones' among them, and match in price."""
    rows = select(func.count()).select_from(_index).where(literal_column(SEARCH).bool_op("MATCH")(terms))
    if shape.priced is None:
        return rows
    return rows.join(products, products.c.id == _index.c.rowid).where(*_price(shape, indexed=False))


def _by_id(shape: Shape) -> ColumnElement[int]:
    """The id, of the index's own rows on SQLite: these come in the order of ids, and one by one."""
    return _index.c.rowid if shape.dialect == "sqlite" and shape.filtered else products.c.id


def _price(shape: Shape, rows: FromClause = products, *, indexed: bool = True) -> Sequence[ColumnElement[bool]]:
    """The condition on the lowest price; one that is not `indexed` keeps SQLite from going by an index of prices."""
    if shape.priced is None:
        return ()
    price = rows.c.min_price if indexed else rows.c.min_price.op("+")(0)
    return (price.between(_LOWEST, _HIGHEST) if shape.priced else price.is_(None),)


def _page(rows: Select[Any], *by: ColumnElement[Any], only_if: Sequence[ColumnElement[bool]] = ()) -> Select[Any]:
    """A page of rows, or nothing unless something else is the case: a limit of 0 is seen before any row is."""
    limit = case((and_(*only_if), _LIMIT), else_=0) if only_if else _LIMIT
    return rows.order_by(*by).limit(limit).offset(_OFFSET)


def _few_or_many(shape: Shape) -> Subquery:
    """SQLite's page. Few products are collected by what makes them few, and sorted; many are met in their order."""
    by_price = shape.sort in _BY_PRICE
    listed = select(products.c.id, _NO_SCORE).where(products.c.available)
    tested = listed.where(_HAS_TERMS_ON_SQLITE) if shape.filtered else listed
    ways = []
    if shape.priced is not None and not by_price:
        ways.append(select(products.c.id).where(products.c.available, *_price(shape)))
    if shape.filtered and shape.sort is not Sort.ID:
        ways.append(select(_index.c.rowid.label("id")).where(_fts5("terms")))
    branches, many = [], list[ColumnElement[bool]]()
    for number, way in enumerate(ways):
        few = _materialized(way.limit(_FEW + 1), f"few_{number}")
        counted = select(func.count()).select_from(few).scalar_subquery()
        rows = tested.join_from(few, products, products.c.id == few.c.id).where(*_price(shape, indexed=False))
        branches.append(_page(rows, *order(shape.sort), only_if=[*many, counted <= _FEW]))
        many.append(counted > _FEW)
    if shape.sort is Sort.ID and shape.filtered:
        rows = matching(attrs.evolve(shape, priced=None)).where(*_price(shape, indexed=False))
        branches.append(_page(rows, _by_id(shape), only_if=many))
    else:
        rows = tested.where(*_price(shape, indexed=by_price))
        branches.append(_page(rows, *order(shape.sort), only_if=many))
    return union_all(*(select(branch.subquery()) for branch in branches)).subquery("found")


_HAS_TERMS_ON_SQLITE: Final = text("""NOT EXISTS (
    SELECT 1 FROM json_each(:groups) AS wanted WHERE NOT EXISTS (
        SELECT 1 FROM json_each(wanted.value) AS term WHERE instr(' ' || products.terms || ' ', term.value)
    )
)""")


def _materialized(rows: Select[Any], name: str) -> CTE:
    return rows.cte(name).prefix_with("MATERIALIZED")


def _first_on_postgresql(shape: Shape, terms: str) -> Select[Any]:
    """The products on a page and on those before it, if these terms are what is wanted."""
    columns = [products.c[name] for name in ("id", "added_on", "min_price")]
    through = _OFFSET + _LIMIT
    in_range = _price(shape) if shape.sort in _BY_PRICE else ()
    way = select(*columns, products.c.terms).where(products.c.available, *in_range)
    way_through_all = way.order_by(*order(shape.sort)).limit(_FEW).subquery()
    met = select(*(way_through_all.c[column.name] for column in columns)).where(
        _has(way_through_all, terms), *_price(shape, way_through_all)
    )
    near = _materialized(met.order_by(*order(shape.sort, way_through_all)).limit(through), f"near_{terms}")
    enough = select(func.count()).select_from(near).scalar_subquery() >= through
    matched = select(*columns).where(products.c.available, *_price(shape), _has(products, terms))
    every = _materialized(matched, f"every_{terms}")
    sorted_ = select(every).order_by(*order(shape.sort, every)).limit(case((enough, 0), else_=through)).subquery()
    return select(union_all(select(near).where(enough), select(sorted_)).subquery())


def _first(shape: Shape, terms: str) -> Select[Any]:
    """The same by id, on either database."""
    if shape.dialect == "sqlite":
        return matching(shape, terms).order_by(_by_id(shape)).limit(_OFFSET + _LIMIT)
    rows = _first_on_postgresql(shape, terms).subquery()
    return select(rows.c.id)


def _by_relevance(shape: Shape) -> Subquery:
    """First the products in which all words stand whole, by id; only if these do not fill the page, the others."""
    through = _OFFSET + _LIMIT
    whole = _materialized(_first(shape, "whole"), "whole")
    missing = select(func.count()).select_from(whole).scalar_subquery() < through
    others = _first(shape, "partly").subquery()
    rest = select(others.c.id, _NO_SCORE).order_by(others.c.id).limit(case((missing, through), else_=0)).subquery()
    both = union_all(select(whole.c.id, _WHOLE), select(rest)).subquery()
    return _page(select(both), both.c.score.desc(), both.c.id).subquery("found")
