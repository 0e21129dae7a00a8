"""Counting what the products have that match a search."""

from collections import defaultdict
from functools import cache
from typing import Any, Final

from sqlalchemy import (
    CTE,
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

from sellout_adapters.sql import search
from sellout_adapters.sql.link import Link
from sellout_adapters.sql.tables import product_brands, product_categories, products, sizes, units
from sellout_core.search import BANDS, COLUMNS, FacetCounts, SizeValue

NOTHING: Final = FacetCounts(0, {}, {}, {}, {}, {})


def count(link: Link, asked: search.Asked) -> FacetCounts:
    """One statement."""
    counts: defaultdict[str, dict[Any, int]] = defaultdict(dict)
    for row in link.rows(_statement(asked.shape), asked.parameters):
        counts[row.facet][row.number if row.value is None else SizeValue(row.facet, row.value)] = row.products
    for small_table in ("brands", "categories", "genders"):
        link.refers(small_table, counts[small_table])
    return FacetCounts(
        counts["products"][None],
        counts["brands"],
        counts["categories"],
        counts["genders"],
        {size: number for name in COLUMNS for size, number in counts[name].items()},
        counts["bands"],
    )


@cache
def _statement(shape: search.Shape) -> CompoundSelect[Any]:
    matching = search.matching(shape).with_only_columns(products.c.id, products.c.gender_id, products.c.min_price)
    found = matching.cte("found").prefix_with("MATERIALIZED")
    offered = (
        select(units.c.product_id, *(sizes.c[name] for name in COLUMNS))
        .join_from(found, units, units.c.product_id == found.c.id)
        .join(sizes, sizes.c.id == units.c.size_id)
        .where(units.c.available)
        .distinct()
        .cte("offered")
        .prefix_with("MATERIALIZED")
    )
    start = _start(found.c.min_price)
    return union_all(
        _counted("products", null(), found),
        *(
            _counted(facet, links.c[1], found.join(links, links.c.product_id == found.c.id)).group_by(links.c[1])
            for facet, links in (("brands", product_brands), ("categories", product_categories))
        ),
        _counted("genders", found.c.gender_id, found).group_by(found.c.gender_id),
        _counted("bands", start, found).where(found.c.min_price.is_not(None)).group_by(start),
        *(_counted_sizes(name, offered) for name in COLUMNS),
    )


def _counted(facet: str, number: ColumnElement[Any], rows: FromClause) -> Select[Any]:
    columns: list[ColumnElement[Any]] = [
        _name(facet).label("facet"),
        cast(number, BigInteger).label("number"),
        cast(null(), Text).label("value"),
        func.count().label("products"),
    ]
    return select(*columns).select_from(rows)


def _counted_sizes(column: str, offered: CTE) -> Select[Any]:
    value = offered.c[column]
    once = func.count(offered.c.product_id.distinct())
    columns: list[ColumnElement[Any]] = [_name(column), cast(null(), BigInteger), value, once]
    return select(*columns).group_by(value)


def _name(facet: str) -> ColumnElement[str]:
    return literal_column(f"'{facet}'", Text)


def _start(price: ColumnElement[int]) -> ColumnElement[int]:
    """Where a price's band begins (`search.band`)."""
    return case(*((price >= literal_column(str(start)), literal_column(str(start))) for start in reversed(BANDS)))
