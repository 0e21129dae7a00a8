"""Searches on PostgreSQL, whose index of terms is a GIN index of a tsvector."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    FromClause,
    Select,
    Subquery,
    Text,
    bindparam,
    case,
    cast,
    func,
    select,
    text,
    union_all,
)
from sqlalchemy.dialects.postgresql import TSQUERY

from sellout_adapters.sql.schema.catalogue_tables import products
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
from sellout_adapters.sql.session.session import DatabaseSession
from sellout_core.search import Sort
from sellout_core.values import ProductId

_WRITE: Final = text("""
    UPDATE products SET min_price = entry.min_price, terms = array_to_tsvector(entry.terms)
    FROM json_to_recordset(CAST(:entries AS json)) AS entry (id bigint, min_price bigint, terms text[])
    WHERE products.id = entry.id
    AND (products.min_price, products.terms) IS DISTINCT FROM (entry.min_price, array_to_tsvector(entry.terms))
""")


class PostgresSearch:
    """`SearchSql` for PostgreSQL."""

    few = 2_000

    def write_terms(self, session: DatabaseSession, product_ids: Sequence[ProductId], entries: str) -> None:  # noqa: ARG002 - in the entries
        """One statement: the index is the table's own."""
        session.run(_WRITE, {"entries": entries})

    def term_parameters(self, shape: Shape, words: Sequence[str], groups: Sequence[Sequence[str]]) -> dict[str, Any]:
        """Queries in the syntax of a tsquery."""
        if shape.sort is Sort.RELEVANCE:
            whole = singles(words)
            partly = f"{_tsquery(groups, words)} & !({_tsquery(whole, ())})"
            return {"whole": _tsquery([*whole, *groups], ()), "partly": partly}
        return {"terms": _tsquery(groups, words)} if shape.filtered else {}

    def found(self, shape: Shape) -> Subquery:
        """The products that are met first, if they fill the page, otherwise all that match, sorted."""
        if shape.sort is Sort.RELEVANCE:
            return by_relevance(lambda terms: select(_first(shape, terms).subquery().c.id))
        if not shape.filtered:
            return page_of(listed(shape), *order(shape.sort)).subquery("found")
        rows = _first(shape, "terms").subquery()
        return page_of(select(rows.c.id, NO_SCORE), *order(shape.sort, rows)).subquery("found")

    def matching(self, shape: Shape) -> Select[Any]:
        """PostgreSQL chooses the index."""
        rows = listed(shape)
        return rows.where(_has(products, "terms")) if shape.filtered else rows

    def facet_counts(self, shape: Shape) -> Select[Any]:  # noqa: ARG002 - in the parameters
        """By `ts_stat`, which takes the text of a statement. `format` writes the values into it."""
        values = [bindparam(name, type_=Text()) for name in ("statement", "values", "least", "most")]
        stats = func.ts_stat(func.format(*values)).table_valued("word", "ndoc", name="stats")
        word: ColumnElement[str] = stats.c.word.collate("C")
        return counted_terms(word, cast(stats.c.ndoc, BigInteger), stats)

    def facet_parameters(self, plan: SearchPlan) -> dict[str, Any]:
        """The statement and its values."""
        parameters, shape = plan.parameters, plan.shape
        conditions = ["available"]
        if shape.filtered:
            conditions.append("terms @@ CAST(%1$L AS tsquery)")
        if shape.priced is not None:
            conditions.append("min_price BETWEEN %2$L AND %3$L" if shape.priced else "min_price IS NULL")
        return {
            **parameters,
            "statement": "SELECT terms FROM products WHERE " + " AND ".join(conditions),  # noqa: S608 - as written above
            "values": parameters.get("terms", ""),
            "least": str(parameters.get("lowest", 0)),
            "most": str(parameters.get("highest", 0)),
        }


# A word is letters and digits, other terms those after their mark: nothing in them has a meaning between quotes.
def _tsquery(groups: Iterable[Iterable[str]], beginnings: Iterable[str]) -> str:
    whole = ("(" + " | ".join(f"'{term}'" for term in group) + ")" for group in groups)
    return " & ".join([*whole, *(f"'{word}':*" for word in beginnings)])


def _has(rows: FromClause, terms: str) -> ColumnElement[bool]:
    return rows.c.terms.bool_op("@@")(cast(bindparam(terms), TSQUERY))


def _first(shape: Shape, terms: str) -> Select[Any]:
    """The products on a page and on those before it that match the terms in a parameter."""
    columns = [products.c[name] for name in ("id", "added_on", "min_price")]
    through = OFFSET + LIMIT
    in_range = price_conditions(shape) if shape.sort in BY_PRICE else ()
    way = select(*columns, products.c.terms).where(products.c.available, *in_range)
    way_through_all = way.order_by(*order(shape.sort)).limit(FEW).subquery()
    met = select(*(way_through_all.c[column.name] for column in columns)).where(
        _has(way_through_all, terms), *price_conditions(shape, way_through_all)
    )
    near = materialized(met.order_by(*order(shape.sort, way_through_all)).limit(through), f"near_{terms}")
    enough = select(func.count()).select_from(near).scalar_subquery() >= through
    matched = select(*columns).where(products.c.available, *price_conditions(shape), _has(products, terms))
    every = materialized(matched, f"every_{terms}")
    sorted_ = select(every).order_by(*order(shape.sort, every)).limit(case((enough, 0), else_=through)).subquery()
    return select(union_all(select(near).where(enough), select(sorted_)).subquery())
