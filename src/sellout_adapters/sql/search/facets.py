"""Counting what the products have that match a search.

What is counted are terms, which `indexing` wrote: to follow the links and units of many products takes much longer.
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
    bindparam,
    case,
    cast,
    column,
    func,
    literal_column,
    null,
    select,
    table,
    union_all,
)

from sellout_adapters.sql.schema.catalogue_tables import SEARCH_TERMS, products
from sellout_adapters.sql.search import query
from sellout_adapters.sql.search.terms import LISTED, MARK, size_of_term
from sellout_adapters.sql.session.compiled import PLANNED_ANEW
from sellout_adapters.sql.session.session import Link
from sellout_core.search import BANDS, FacetCounts

NOTHING: Final = FacetCounts(0, {}, {}, {}, {}, {})

_LINKS: Final = {"b": "brands", "c": "categories", "g": "genders"}
_vocabulary: Final = table(SEARCH_TERMS, column("term", Text))


def count(link: Link, asked: query.Asked) -> FacetCounts:
    """One statement."""
    bands: dict[Any, int] = {}
    sizes = {}
    linked: defaultdict[str, dict[Any, int]] = defaultdict(dict)
    for row in link.rows(_statement(asked.shape), _parameters(asked)):
        if row.term is None:
            bands[row.start] = row.products
        elif row.products and row.term[1] == "s":
            sizes[size_of_term(row.term)] = row.products
        elif row.products and row.term[1] in _LINKS:
            linked[_LINKS[row.term[1]]][int(row.term[2:])] = row.products
    for small_table, counts in linked.items():
        link.refers(small_table, counts)
    found = sum(bands.values())
    bands.pop(None, None)
    return FacetCounts(found, linked["brands"], linked["categories"], linked["genders"], sizes, bands)


@cache
def _statement(shape: query.Shape) -> CompoundSelect[Any]:
    """The terms and how many products have each; without a term, how many begin at a price in which band."""
    found = query.matching(shape).with_only_columns(_start(products.c.min_price)).subquery()
    columns: list[ColumnElement[Any]] = [
        cast(null(), Text).label("term"),
        found.c.start,
        func.count().label("products"),
    ]
    terms = _terms_on_sqlite(shape) if shape.dialect == "sqlite" else _terms_on_postgresql()
    both = union_all(select(*columns).group_by(found.c.start), terms)
    return both.execution_options(**{PLANNED_ANEW: True})


def _start(price: ColumnElement[Any]) -> ColumnElement[int]:
    """Where a price's band begins (`search.band`); NULL without a price."""
    bands = ((price >= literal_column(str(start)), literal_column(str(start), BigInteger)) for start in reversed(BANDS))
    return case(*bands).label("start")


def _counted(term: ColumnElement[str], number: ColumnElement[int], rows: FromClause) -> Select[Any]:
    columns: list[ColumnElement[Any]] = [term, cast(null(), BigInteger), number]
    return select(*columns).select_from(rows).where(term >= MARK, term < f"{MARK}t")


def _terms_on_sqlite(shape: query.Shape) -> Select[Any]:
    """For each term in the index, as often as the index leads to it and to what matches."""
    term = _vocabulary.c.term
    wanted: ColumnElement[str] = (
        bindparam("every", type_=Text()).op("||")(term).op("||")(literal_column("""'"'""", Text))
    )
    number = query.counted_on_sqlite(shape, wanted).correlate(_vocabulary).scalar_subquery()
    return _counted(term, number, _vocabulary)


def _terms_on_postgresql() -> Select[Any]:
    """As its own statistics count: they take a statement's text, in which `format` writes the values."""
    values = [bindparam(name, type_=Text()) for name in ("statement", "values", "least", "most")]
    stats = func.ts_stat(func.format(*values)).table_valued("word", "ndoc", name="stats")
    word: ColumnElement[str] = stats.c.word.collate("C")
    return _counted(word, cast(stats.c.ndoc, BigInteger), stats)


def _parameters(asked: query.Asked) -> dict[str, Any]:
    parameters, shape = asked.parameters, asked.shape
    terms = parameters.get("terms", "")
    if shape.dialect == "sqlite":
        listed = f'"{LISTED}" AND ' + (f"({terms}) AND " if terms else "")
        return {**parameters, "every": f'{listed}"'}
    conditions = ["available"]
    if shape.filtered:
        conditions.append("terms @@ CAST(%1$L AS tsquery)")
    if shape.priced is not None:
        conditions.append("min_price BETWEEN %2$L AND %3$L" if shape.priced else "min_price IS NULL")
    return {
        **parameters,
        "statement": "SELECT terms FROM products WHERE " + " AND ".join(conditions),  # noqa: S608 - as written above
        "values": terms,
        "least": str(parameters.get("lowest", 0)),
        "most": str(parameters.get("highest", 0)),
    }
