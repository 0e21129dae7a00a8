"""Searches on PostgreSQL, whose index of terms is a GIN index of a tsvector."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import TSQUERY

from sellout_adapters.sql.schema.tables.catalogue import products
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
from sellout_adapters.sql.session.session import DatabaseSession
from sellout_core.catalogue.search import Sort
from sellout_core.values import ProductId

_WRITE: Final = sa.text("""
    UPDATE products SET min_price = entry.min_price, terms = array_to_tsvector(entry.terms)
    FROM json_to_recordset(CAST(:entries AS json)) AS entry (id bigint, min_price bigint, terms text[])
    WHERE products.id = entry.id
    AND (products.min_price, products.terms) IS DISTINCT FROM (entry.min_price, array_to_tsvector(entry.terms))
""")


class PostgresSearch:
    """`SearchSql` for PostgreSQL."""

    few = 2_000

    def write_terms(self, session: DatabaseSession, product_ids: Sequence[ProductId], entries: str) -> None:  # noqa: ARG002 - in the entries
        """One statement writes the columns and updates the index."""
        session.run(_WRITE, {"entries": entries})

    def remove_terms(self, session: DatabaseSession, product_ids: Sequence[ProductId]) -> None:
        """Does nothing: the database does."""

    def term_parameters(self, shape: Shape, words: Sequence[str], groups: Sequence[Sequence[str]]) -> dict[str, Any]:
        """Queries in the syntax of a tsquery."""
        if shape.sort is Sort.RELEVANCE:
            whole = singles(words)
            partly = f"{_tsquery(groups, words)} & !({_tsquery(whole, ())})"
            return {"whole": _tsquery([*whole, *groups], ()), "partly": partly}
        return {"terms": _tsquery(groups, words)} if shape.filtered else {}

    def found(self, shape: Shape) -> sa.Subquery:
        """Scans some products in order. If their matches do not fill the page, sorts all matches of the index."""
        if shape.sort is Sort.RELEVANCE:
            return by_relevance(lambda terms: sa.select(_first(shape, terms).subquery().c.id))
        if not shape.filtered:
            return page_of(listed_products(shape), *sort_columns(shape.sort)).subquery("found")
        rows = _first(shape, "terms").subquery()
        return page_of(sa.select(rows.c.id, NO_SCORE), *sort_columns(shape.sort, rows)).subquery("found")

    def matching(self, shape: Shape) -> sa.Select[Any]:
        """PostgreSQL chooses whether to use the index."""
        rows = listed_products(shape)
        return rows.where(_has(products, "terms")) if shape.filtered else rows

    def has_terms(self, rows: sa.FromClause) -> sa.ColumnElement[bool]:
        """Tests the column of terms."""
        return _has(rows, "terms")

    def facet_counts(self, shape: Shape) -> sa.Select[Any]:  # noqa: ARG002 - in the parameters
        """Counts with `ts_stat`, which takes a statement as text. `format` inserts the values."""
        values = [sa.bindparam(name, type_=sa.Text()) for name in ("statement", "values", "least", "most")]
        stats = sa.func.ts_stat(sa.func.format(*values)).table_valued("word", "ndoc", name="stats")
        word: sa.ColumnElement[str] = stats.c.word.collate("C")
        return counted_terms(word, sa.cast(stats.c.ndoc, sa.BigInteger), stats)

    def facet_parameters(self, plan: SearchPlan) -> dict[str, Any]:
        """The statement for `ts_stat` and its values."""
        parameters, shape = plan.parameters, plan.shape
        conditions = ["available"]
        if shape.filtered:
            conditions.append("terms @@ CAST(%1$L AS tsquery)")
        if shape.priced is not None:
            conditions.append("min_price BETWEEN %2$L AND %3$L" if shape.priced else "min_price IS NULL")
        return {
            **parameters,
            "statement": "SELECT terms FROM products WHERE " + " AND ".join(conditions),  # noqa: S608 - constants
            "values": parameters.get("terms", ""),
            "least": str(parameters.get("lowest", 0)),
            "most": str(parameters.get("highest", 0)),
        }


# Terms are letters and digits, some of them after a mark. No such character is special between quotes.
def _tsquery(groups: Iterable[Iterable[str]], beginnings: Iterable[str]) -> str:
    whole = ("(" + " | ".join(f"'{term}'" for term in group) + ")" for group in groups)
    return " & ".join([*whole, *(f"'{word}':*" for word in beginnings)])


def _has(rows: sa.FromClause, terms: str) -> sa.ColumnElement[bool]:
    return rows.c.terms.bool_op("@@")(sa.cast(sa.bindparam(terms), TSQUERY))


def _first(shape: Shape, terms: str) -> sa.Select[Any]:
    """The matches on a page and on the pages before it. `terms` is the parameter with the query."""
    columns = [products.c[name] for name in ("id", "added_on", "min_price")]
    through = OFFSET + LIMIT
    in_range = price_conditions(shape) if shape.sort in BY_PRICE else ()
    scan = sa.select(*columns, products.c.terms).where(products.c.available, *in_range)
    scanned = scan.order_by(*sort_columns(shape.sort)).limit(FEW).subquery()
    hits = sa.select(*(scanned.c[column.name] for column in columns)).where(
        _has(scanned, terms), *price_conditions(shape, scanned)
    )
    near = materialized(hits.order_by(*sort_columns(shape.sort, scanned)).limit(through), f"near_{terms}")
    enough = sa.select(sa.func.count()).select_from(near).scalar_subquery() >= through
    matched = sa.select(*columns).where(products.c.available, *price_conditions(shape), _has(products, terms))
    every = materialized(matched, f"every_{terms}")
    sorted_ = (
        sa.select(every)
        .order_by(*sort_columns(shape.sort, every))
        .limit(sa.case((enough, 0), else_=through))
        .subquery()
    )
    return sa.select(sa.union_all(sa.select(near).where(enough), sa.select(sorted_)).subquery())
