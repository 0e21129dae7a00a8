"""Facets: counting the terms of the products that match a search.

Counting terms takes much less time than following the links and units of many products.
"""

from collections import defaultdict
from functools import cache
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    CompoundSelect,
    FromClause,
    Select,
    Text,
    case,
    cast,
    func,
    literal_column,
    null,
    select,
    union_all,
)

from sellout_adapters.sql.schema.catalogue_tables import products
from sellout_adapters.sql.search.query import SearchPlan, SearchSql, Shape
from sellout_adapters.sql.search.terms import MARK, size_of_term
from sellout_adapters.sql.session.compiled import CUSTOM_PLAN
from sellout_adapters.sql.session.session import DatabaseSession
from sellout_core.search import BANDS, FacetCounts

NOTHING: Final = FacetCounts(0, {}, {}, {}, {}, {})

_LINKS: Final = {"b": "brands", "c": "categories", "g": "genders"}


def count(session: DatabaseSession, search: SearchSql, plan: SearchPlan) -> FacetCounts:
    """The counts of a search, by one statement."""
    bands: dict[Any, int] = {}
    sizes = {}
    linked: defaultdict[str, dict[Any, int]] = defaultdict(dict)
    for row in session.rows(_statement(search, plan.shape), search.facet_parameters(plan)):
        if row.term is None:
            bands[row.start] = row.products
        elif row.products and row.term[1] == "s":
            sizes[size_of_term(row.term)] = row.products
        elif row.products and row.term[1] in _LINKS:
            linked[_LINKS[row.term[1]]][int(row.term[2:])] = row.products
    for small_table, counts in linked.items():
        session.note_references(small_table, counts)
    found = sum(bands.values())
    bands.pop(None, None)
    return FacetCounts(found, linked["brands"], linked["categories"], linked["genders"], sizes, bands)


def counted_terms(term: ColumnElement[str], number: ColumnElement[int], rows: FromClause) -> Select[Any]:
    """The rows (term, NULL, number) of the terms that facets count."""
    columns: list[ColumnElement[Any]] = [term, cast(null(), BigInteger), number]
    return select(*columns).select_from(rows).where(term >= MARK, term < f"{MARK}t")


@cache
def _statement(search: SearchSql, shape: Shape) -> CompoundSelect[Any]:
    """The counts of the terms, and rows without a term that count the products of each price band."""
    found = search.matching(shape).with_only_columns(_start(products.c.min_price)).subquery()
    columns: list[ColumnElement[Any]] = [
        cast(null(), Text).label("term"),
        found.c.start,
        func.count().label("products"),
    ]
    both = union_all(select(*columns).group_by(found.c.start), search.facet_counts(shape))
    return both.execution_options(**CUSTOM_PLAN)


def _start(price: ColumnElement[Any]) -> ColumnElement[int]:
    """Where the band of a price begins (`search.band`); NULL without a price."""
    bands = ((price >= literal_column(str(start)), literal_column(str(start), BigInteger)) for start in reversed(BANDS))
    return case(*bands).label("start")
