"""Searches on SQLite, whose index of terms is an FTS5 table."""

import json
from collections.abc import Iterable, Sequence
from typing import Any, Final

import attrs
from sqlalchemy import (
    ColumnElement,
    Integer,
    Select,
    Subquery,
    Text,
    bindparam,
    column,
    func,
    literal_column,
    select,
    table,
    text,
    union_all,
)

from sellout_adapters.sql.schema.catalogue_tables import SEARCH, SEARCH_TERMS, products
from sellout_adapters.sql.schema.functions import AMONG_IDS
from sellout_adapters.sql.search.facets import counted_terms
from sellout_adapters.sql.search.query import (
    BY_PRICE,
    FEW,
    LIMIT,
    NO_SCORE,
    OFFSET,
    SearchPlan,
    Shape,
    by_relevance,
    listed,
    materialized,
    order,
    page_of,
    price_conditions,
    singles,
)
from sellout_adapters.sql.search.terms import LISTED
from sellout_adapters.sql.session.session import DatabaseSession
from sellout_core.search import Sort
from sellout_core.values import ProductId

_index: Final = table(SEARCH, column("rowid", Integer))
_vocabulary: Final = table(SEARCH_TERMS, column("term", Text))
_HAS_TERMS: Final = text("""NOT EXISTS (
    SELECT 1 FROM json_each(:groups) AS wanted WHERE NOT EXISTS (
        SELECT 1 FROM json_each(wanted.value) AS term WHERE instr(' ' || products.terms || ' ', term.value)
    )
)""")
_REMOVE: Final = text("""
    INSERT INTO product_search (product_search, rowid, terms) SELECT 'delete', id, terms FROM products
    WHERE id IN (SELECT value FROM json_each(:among)) AND terms <> ''
""").bindparams(AMONG_IDS)
_WRITE: Final = text("""
    UPDATE products SET min_price = entry.min_price, terms = entry.terms
    FROM (
        SELECT json_extract(value, '$.id') AS id, json_extract(value, '$.min_price') AS min_price,
            (SELECT group_concat(term.value, ' ') FROM json_each(json_extract(entry.value, '$.terms')) AS term) AS terms
        FROM json_each(:entries) AS entry
    ) AS entry
    WHERE products.id = entry.id
""")
_ADD: Final = text("""
    INSERT INTO product_search (rowid, terms) SELECT id, terms FROM products
    WHERE id IN (SELECT value FROM json_each(:among))
""").bindparams(AMONG_IDS)


class SqliteSearch:
    """`SearchSql` for SQLite."""

    few = 1_000

    def write_terms(self, session: DatabaseSession, product_ids: Sequence[ProductId], entries: str) -> None:
        """Three statements: the index needs the old terms to remove them."""
        session.run(_REMOVE, {"among": product_ids})
        session.run(_WRITE, {"entries": entries})
        session.run(_ADD, {"among": product_ids})

    def term_parameters(self, shape: Shape, words: Sequence[str], groups: Sequence[Sequence[str]]) -> dict[str, Any]:
        """Queries in FTS5's syntax, and the groups as JSON, to test a product's terms without the index."""
        if shape.sort is Sort.RELEVANCE:
            whole = singles(words)
            partly = f"{_fts5_query(groups, words)} NOT ({_fts5_query(whole, ())})"
            return {"whole": _fts5_query([*whole, *groups], ()), "partly": partly}
        if not shape.filtered:
            return {}
        tested = [[f" {word}"] for word in words] + [[f" {term} " for term in group] for group in groups]
        return {"terms": _fts5_query(groups, words), "groups": json.dumps(tested)}

    def found(self, shape: Shape) -> Subquery:
        """A few products are collected by a condition and sorted. Many are met in their order."""
        if shape.sort is Sort.RELEVANCE:
            return by_relevance(lambda terms: _matching(shape, terms).order_by(_index_id(shape)).limit(OFFSET + LIMIT))
        return _few_or_many(shape)

    def matching(self, shape: Shape) -> Select[Any]:
        """By the index of the terms."""
        return _matching(shape, "terms")

    def facet_counts(self, shape: Shape) -> Select[Any]:
        """For each term in the index, the number of matching products to which the index leads."""
        term = _vocabulary.c.term
        wanted: ColumnElement[str] = (
            bindparam("every", type_=Text()).op("||")(term).op("||")(literal_column("""'"'""", Text))
        )
        rows = select(func.count()).select_from(_index).where(_matches(wanted))
        if shape.priced is not None:
            rows = rows.join(products, products.c.id == _index.c.rowid).where(*price_conditions(shape, indexed=False))
        return counted_terms(term, rows.correlate(_vocabulary).scalar_subquery(), _vocabulary)

    def facet_parameters(self, plan: SearchPlan) -> dict[str, Any]:
        """The beginning of an FTS5 query that ends with a term."""
        terms = plan.parameters.get("terms", "")
        return {**plan.parameters, "every": f'"{LISTED}" AND ' + (f"({terms}) AND " if terms else "") + '"'}


# A word is letters and digits, other terms those after their mark: nothing in them has a meaning between quotes.
def _fts5_query(groups: Iterable[Iterable[str]], beginnings: Iterable[str]) -> str:
    whole = ("(" + " OR ".join(f'"{term}"' for term in group) + ")" for group in groups)
    return " AND ".join([*whole, *(f'"{word}"*' for word in beginnings)])


def _matches(query: ColumnElement[str]) -> ColumnElement[bool]:
    return literal_column(SEARCH).bool_op("MATCH")(query)


def _matching(shape: Shape, terms: str) -> Select[Any]:
    rows = listed(shape)
    if not shape.filtered:
        return rows
    return rows.join_from(_index, products, products.c.id == _index.c.rowid).where(_matches(bindparam(terms)))


def _index_id(shape: Shape) -> ColumnElement[int]:
    """The id of the index's rows, which come in its order without being sorted."""
    return _index.c.rowid if shape.filtered else products.c.id


def _few_or_many(shape: Shape) -> Subquery:
    by_price = shape.sort in BY_PRICE
    available = select(products.c.id, NO_SCORE).where(products.c.available)
    tested = available.where(_HAS_TERMS) if shape.filtered else available
    ways = []
    if shape.priced is not None and not by_price:
        ways.append(select(products.c.id).where(products.c.available, *price_conditions(shape)))
    if shape.filtered and shape.sort is not Sort.ID:
        ways.append(select(_index.c.rowid.label("id")).where(_matches(bindparam("terms"))))
    branches, many = [], list[ColumnElement[bool]]()
    for number, way in enumerate(ways):
        few = materialized(way.limit(FEW + 1), f"few_{number}")
        counted = select(func.count()).select_from(few).scalar_subquery()
        rows = tested.join_from(few, products, products.c.id == few.c.id).where(*price_conditions(shape, indexed=False))
        branches.append(page_of(rows, *order(shape.sort), only_if=[*many, counted <= FEW]))
        many.append(counted > FEW)
    if shape.sort is Sort.ID and shape.filtered:
        rows = _matching(attrs.evolve(shape, priced=None), "terms").where(*price_conditions(shape, indexed=False))
        branches.append(page_of(rows, _index_id(shape), only_if=many))
    else:
        rows = tested.where(*price_conditions(shape, indexed=by_price))
        branches.append(page_of(rows, *order(shape.sort), only_if=many))
    return union_all(*(select(branch.subquery()) for branch in branches)).subquery("found")
