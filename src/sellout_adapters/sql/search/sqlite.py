"""Searches on SQLite, whose index of terms is an FTS5 table."""

import json
from collections.abc import Iterable, Sequence
from typing import Any, Final

import attrs
import sqlalchemy as sa

from sellout_adapters.sql.schema.functions import AMONG_IDS
from sellout_adapters.sql.schema.tables.catalogue import SEARCH, SEARCH_TERMS, products
from sellout_adapters.sql.search.query import (
    BY_PRICE,
    FEW,
    LIMIT,
    NO_SCORE,
    OFFSET,
    SearchPlan,
    Shape,
    by_relevance,
    counted_terms,
    listed_products,
    materialized,
    page_of,
    price_conditions,
    singles,
    sort_columns,
)
from sellout_adapters.sql.search.terms import LISTED
from sellout_adapters.sql.session.session import DatabaseSession
from sellout_core.catalogue.search import Sort
from sellout_core.values import ProductId

_index: Final = sa.table(SEARCH, sa.column("rowid", sa.Integer))
_vocabulary: Final = sa.table(SEARCH_TERMS, sa.column("term", sa.Text))
_HAS_TERMS: Final = sa.text("""NOT EXISTS (
    SELECT 1 FROM json_each(:groups) AS wanted WHERE NOT EXISTS (
        SELECT 1 FROM json_each(wanted.value) AS term WHERE instr(' ' || products.terms || ' ', term.value)
    )
)""")
_REMOVE: Final = sa.text("""
    INSERT INTO product_search (product_search, rowid, terms) SELECT 'delete', id, terms FROM products
    WHERE id IN (SELECT value FROM json_each(:among)) AND terms <> ''
""").bindparams(AMONG_IDS)
_WRITE: Final = sa.text("""
    UPDATE products SET min_price = entry.min_price, terms = entry.terms
    FROM (
        SELECT json_extract(value, '$.id') AS id, json_extract(value, '$.min_price') AS min_price,
            (SELECT group_concat(term.value, ' ') FROM json_each(json_extract(entry.value, '$.terms')) AS term) AS terms
        FROM json_each(:entries) AS entry
    ) AS entry
    WHERE products.id = entry.id
""")
_ADD: Final = sa.text("""
    INSERT INTO product_search (rowid, terms) SELECT id, terms FROM products
    WHERE id IN (SELECT value FROM json_each(:among))
""").bindparams(AMONG_IDS)


class SqliteSearch:
    """`SearchSql` for SQLite."""

    few = 1_000

    def write_terms(self, session: DatabaseSession, product_ids: Sequence[ProductId], entries: str) -> None:
        """Three statements, because the index needs the old terms for removing them."""
        session.run(_REMOVE, {"among": product_ids})
        session.run(_WRITE, {"entries": entries})
        session.run(_ADD, {"among": product_ids})

    def remove_terms(self, session: DatabaseSession, product_ids: Sequence[ProductId]) -> None:
        """One statement."""
        session.run(_REMOVE, {"among": product_ids})

    def term_parameters(self, shape: Shape, words: Sequence[str], groups: Sequence[Sequence[str]]) -> dict[str, Any]:
        """Queries in FTS5's syntax, and the groups as JSON for testing the terms of a product without the index."""
        if shape.sort is Sort.RELEVANCE:
            whole = singles(words)
            partly = f"{_fts5_query(groups, words)} NOT ({_fts5_query(whole, ())})"
            return {"whole": _fts5_query([*whole, *groups], ()), "partly": partly}
        if not shape.filtered:
            return {}
        tested = [[f" {word}"] for word in words] + [[f" {term} " for term in group] for group in groups]
        return {"terms": _fts5_query(groups, words), "groups": json.dumps(tested)}

    def found(self, shape: Shape) -> sa.Subquery:
        """Sorts the matches of a condition if they are few. Otherwise scans the products in order."""
        if shape.sort is Sort.RELEVANCE:
            return by_relevance(lambda terms: _matching(shape, terms).order_by(_index_id(shape)).limit(OFFSET + LIMIT))
        return _few_or_many(shape)

    def matching(self, shape: Shape) -> sa.Select[Any]:
        """Reads the index of terms."""
        return _matching(shape, "terms")

    def has_terms(self, rows: sa.FromClause) -> sa.TextClause:  # noqa: ARG002 - named in the text
        """Tests the text of terms."""
        return _HAS_TERMS

    def facet_counts(self, shape: Shape) -> sa.Select[Any]:
        """Counts the matching products of each term in the index."""
        term = _vocabulary.c.term
        wanted: sa.ColumnElement[str] = (
            sa.bindparam("every", type_=sa.Text()).op("||")(term).op("||")(sa.literal_column("""'"'""", sa.Text))
        )
        rows = sa.select(sa.func.count()).select_from(_index).where(_matches(wanted))
        if shape.priced is not None:
            rows = rows.join(products, products.c.id == _index.c.rowid).where(*price_conditions(shape, indexed=False))
        return counted_terms(term, rows.correlate(_vocabulary).scalar_subquery(), _vocabulary)

    def facet_parameters(self, plan: SearchPlan) -> dict[str, Any]:
        """The beginning of an FTS5 query, which a term completes."""
        terms = plan.parameters.get("terms", "")
        return {**plan.parameters, "every": f'"{LISTED}" AND ' + (f"({terms}) AND " if terms else "") + '"'}


# Terms are letters and digits, some of them after a mark. No such character is special between quotes.
def _fts5_query(groups: Iterable[Iterable[str]], beginnings: Iterable[str]) -> str:
    whole = ("(" + " OR ".join(f'"{term}"' for term in group) + ")" for group in groups)
    return " AND ".join([*whole, *(f'"{word}"*' for word in beginnings)])


def _matches(query: sa.ColumnElement[str]) -> sa.ColumnElement[bool]:
    return sa.literal_column(SEARCH).bool_op("MATCH")(query)


def _matching(shape: Shape, terms: str) -> sa.Select[Any]:
    rows = listed_products(shape)
    if not shape.filtered:
        return rows
    return rows.join_from(_index, products, products.c.id == _index.c.rowid).where(_matches(sa.bindparam(terms)))


def _index_id(shape: Shape) -> sa.ColumnElement[int]:
    """The id to sort by. SQLite need not sort rows of the index, which are in the order of their ids."""
    return _index.c.rowid if shape.filtered else products.c.id


def _few_or_many(shape: Shape) -> sa.Subquery:
    by_price = shape.sort in BY_PRICE
    available = sa.select(products.c.id, NO_SCORE).where(products.c.available)
    tested = available.where(_HAS_TERMS) if shape.filtered else available
    ways = []
    if shape.priced is not None and not by_price:
        ways.append(sa.select(products.c.id).where(products.c.available, *price_conditions(shape)))
    if shape.filtered and shape.sort is not Sort.ID:
        ways.append(sa.select(_index.c.rowid.label("id")).where(_matches(sa.bindparam("terms"))))
    branches, many = [], list[sa.ColumnElement[bool]]()
    for number, way in enumerate(ways):
        few = materialized(way.limit(FEW + 1), f"few_{number}")
        counted = sa.select(sa.func.count()).select_from(few).scalar_subquery()
        rows = tested.join_from(few, products, products.c.id == few.c.id).where(*price_conditions(shape, indexed=False))
        branches.append(page_of(rows, *sort_columns(shape.sort), only_if=[*many, counted <= FEW]))
        many.append(counted > FEW)
    if shape.sort is Sort.ID and shape.filtered:
        rows = _matching(attrs.evolve(shape, priced=None), "terms").where(*price_conditions(shape, indexed=False))
        branches.append(page_of(rows, _index_id(shape), only_if=many))
    else:
        rows = tested.where(*price_conditions(shape, indexed=by_price))
        branches.append(page_of(rows, *sort_columns(shape.sort), only_if=many))
    return sa.union_all(*(sa.select(branch.subquery()) for branch in branches)).subquery("found")
