"""Finding products by what `indexing` wrote of them.

PostgreSQL is asked plainly: it knows how often a term or a price occurs, and goes by the index of the terms or by that
of the order. SQLite does not know, so its statement counts a few rows first and then goes one way or the other.
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
    Integer,
    Select,
    Subquery,
    and_,
    bindparam,
    case,
    column,
    func,
    literal_column,
    select,
    table,
    text,
    union_all,
)

from sellout_adapters.sql.indexing import link_term, size_term
from sellout_adapters.sql.link import Link
from sellout_adapters.sql.references import SqlReferenceTables
from sellout_adapters.sql.tables import SEARCH, products
from sellout_core.search import CatalogueQuery, Sort, Wanted, names_unknown, wanted
from sellout_core.values import MAX_ID

FEW: Final = 1_000
"""How many products may be looked up and sorted: of more, one in two hundred is met soon enough on the way through all.
"""

_LOWEST, _HIGHEST = (bindparam(name, type_=BigInteger()) for name in ("lowest", "highest"))
_LIMIT, _OFFSET = (bindparam(name, type_=BigInteger()) for name in ("limit", "offset"))
_FEW: Final = bindparam("few", type_=BigInteger())
_NO_SCORE: Final = literal_column("0", Integer).label("score")
_WHOLE: Final = literal_column("1", Integer).label("score")
_index: Final = table(SEARCH, column("rowid", Integer))


@attrs.frozen
class Shape:
    """What tells one statement from another: the database, the order, and which conditions there are.

    `filtered` says whether there are terms, `priced` whether the lowest price has to be in a range (True) or there must
    be none (False), and `several` whether more than one word decides on relevance.
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
    if on_sqlite:
        parameters["few"] = FEW
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


def order(sort: Sort, score: ColumnElement[int] = _NO_SCORE) -> Sequence[ColumnElement[Any]]:
    """What to sort found products by."""
    by: dict[Sort, Sequence[ColumnElement[Any]]] = {
        Sort.ID: (),
        Sort.NEWEST: (products.c.added_on.desc(),),
        Sort.CHEAPEST: (products.c.min_price.asc().nulls_last(),),
        Sort.DEAREST: (products.c.min_price.desc().nulls_last(),),
        Sort.RELEVANCE: (score.desc(),),
    }
    return (*by[sort], products.c.id)


@cache
def found(shape: Shape) -> Subquery:
    """The ids of the products on a page, and the score by which relevance sorts them, in no particular order."""
    if shape.sort is Sort.RELEVANCE:
        return _by_relevance(shape)
    if shape.dialect == "sqlite":
        return _few_or_many(shape)
    return _page(matching(shape), *order(shape.sort)).subquery("found")


def matching(shape: Shape, terms: str = "terms") -> Select[Any]:
    """Listed products that match: on SQLite by way of the index of the terms, on PostgreSQL by whichever it likes."""
    rows = select(products.c.id, _NO_SCORE).where(products.c.available, *_price(shape))
    if not shape.filtered:
        return rows
    if shape.dialect == "sqlite":
        return rows.join_from(_index, products, products.c.id == _index.c.rowid).where(_fts5(terms))
    return rows.where(text(f"products.terms @@ CAST(:{terms} AS tsquery)"))


def _fts5(terms: str) -> ColumnElement[bool]:
    return literal_column(SEARCH).bool_op("MATCH")(bindparam(terms))


def counted_on_sqlite(shape: Shape, terms: ColumnElement[str]) -> Select[Any]:
    """How many listed products have some terms, listed ones' among them, and match in price."""
    rows = select(func.count()).select_from(_index).where(literal_column(SEARCH).bool_op("MATCH")(terms))
    if shape.priced is None:
        return rows
    return rows.join(products, products.c.id == _index.c.rowid).where(*_price(shape, indexed=False))


def _by_id(shape: Shape) -> ColumnElement[int]:
    """The id, of the index's own rows on SQLite: these come in the order of ids, and one by one."""
    return _index.c.rowid if shape.dialect == "sqlite" and shape.filtered else products.c.id


def _price(shape: Shape, *, indexed: bool = True) -> Sequence[ColumnElement[bool]]:
    """The condition on the lowest price; one that is not `indexed` keeps SQLite from going by an index of prices."""
    if shape.priced is None:
        return ()
    price = products.c.min_price if indexed else products.c.min_price.op("+")(0)
    return (price.between(_LOWEST, _HIGHEST) if shape.priced else price.is_(None),)


def _page(rows: Select[Any], *by: ColumnElement[Any], only_if: Sequence[ColumnElement[bool]] = ()) -> Select[Any]:
    """A page of rows, or nothing unless something else is the case: a limit of 0 is seen before any row is."""
    limit = case((and_(*only_if), _LIMIT), else_=0) if only_if else _LIMIT
    return rows.order_by(*by).limit(limit).offset(_OFFSET)


def _few_or_many(shape: Shape) -> Subquery:
    """SQLite's page. Few products are collected by what makes them few, and sorted; many are met in their order."""
    by_price = shape.sort in {Sort.CHEAPEST, Sort.DEAREST}
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


def _by_relevance(shape: Shape) -> Subquery:
    """First the products in which all words stand whole, by id; only if these do not fill the page, the others."""
    through = _OFFSET + _LIMIT
    rows = matching(shape, "whole").with_only_columns(products.c.id, _WHOLE)
    whole = _materialized(rows.order_by(_by_id(shape)).limit(through), "whole")
    missing = select(func.count()).select_from(whole).scalar_subquery() < through
    rows = matching(shape, "partly").order_by(_by_id(shape)).limit(case((missing, through), else_=0))
    both = union_all(select(whole), select(rows.subquery())).subquery()
    return _page(select(both), both.c.score.desc(), both.c.id).subquery("found")
