"""What searches and price lists read of a product beside its own columns: its lowest price, and the terms that it is
found by.

Both follow from the product, its links and its units. Whoever writes these notes the product with `Link.touches`;
what follows is written once, before anything reads cards and before the transaction commits.
"""

import json
from collections.abc import Iterable, Sequence
from typing import Any, Final

from sqlalchemy import func, select, text

from sellout_adapters.sql.schema.catalogue_tables import (
    product_brands,
    product_categories,
    product_tags,
    products,
    sizes,
    units,
)
from sellout_adapters.sql.schema.functions import AMONG_IDS, among, collected
from sellout_adapters.sql.session.compiled import PLANNED_ANEW
from sellout_adapters.sql.session.references import SqlReferenceTables
from sellout_adapters.sql.session.session import Link
from sellout_core.catalogue import SizeGrid
from sellout_core.search import COLUMNS, SizeValue, product_words, size_values

MARK: Final = "§"
"""What every term begins with that is no word. No word has it; SQLite's tokenizer takes it for part of a term."""

LISTED: Final = f"{MARK}l"
"""The term of every product that the shop lists."""

_available: Final = (units.c.product_id == products.c.id, units.c.available)
_LINKS: Final = {"brand_ids": product_brands, "category_ids": product_categories, "tag_ids": product_tags}
_STATE: Final = (
    select(
        products.c.id,
        products.c.name,
        products.c.sku,
        products.c.gender_id,
        products.c.available,
        *(
            select(collected(table.c[1])).where(table.c.product_id == products.c.id).scalar_subquery().label(field)
            for field, table in _LINKS.items()
        ),
        select(func.min(units.c.price)).where(*_available).scalar_subquery().label("lowest"),
        select(collected(*(sizes.c[name] for name in COLUMNS)))
        .join_from(units, sizes, units.c.size_id == sizes.c.id)
        # By the product as well: before its first ANALYZE PostgreSQL would read all sizes for each product.
        .where(*_available, sizes.c.product_id == products.c.id)
        .scalar_subquery()
        .label("grids"),
    )
    .where(among(products.c.id, AMONG_IDS))
    .order_by(products.c.id)
    # A plan from when the shop was empty reads whole tables once it is full.
    .execution_options(**{PLANNED_ANEW: True})
)
_LOCK: Final = select(products.c.id).where(among(products.c.id, AMONG_IDS)).order_by(products.c.id)

_WRITE_ON_POSTGRESQL: Final = text("""
    UPDATE products SET min_price = entry.min_price, terms = array_to_tsvector(entry.terms)
    FROM json_to_recordset(CAST(:entries AS json)) AS entry (id bigint, min_price bigint, terms text[])
    WHERE products.id = entry.id
    AND (products.min_price, products.terms) IS DISTINCT FROM (entry.min_price, array_to_tsvector(entry.terms))
""")
_FORGET_ON_SQLITE: Final = text("""
    INSERT INTO product_search (product_search, rowid, terms) SELECT 'delete', id, terms FROM products
    WHERE id IN (SELECT value FROM json_each(:among)) AND terms <> ''
""").bindparams(AMONG_IDS)
_WRITE_ON_SQLITE: Final = text("""
    UPDATE products SET min_price = entry.min_price, terms = entry.terms
    FROM (
        SELECT json_extract(value, '$.id') AS id, json_extract(value, '$.min_price') AS min_price,
            (SELECT group_concat(term.value, ' ') FROM json_each(json_extract(entry.value, '$.terms')) AS term) AS terms
        FROM json_each(:entries) AS entry
    ) AS entry
    WHERE products.id = entry.id
""")
_INDEX_ON_SQLITE: Final = text("""
    INSERT INTO product_search (rowid, terms) SELECT id, terms FROM products
    WHERE id IN (SELECT value FROM json_each(:among))
""").bindparams(AMONG_IDS)


def settle(link: Link) -> None:
    """Writes what follows from the products that the transaction touched. Three statements on PostgreSQL, at most five
    on SQLite, whatever the number of products; none if there are none.

    The products are locked before their units are read: of two transactions that sell the last pieces of one product
    the later one reads what the earlier one left.
    """
    if not link.touched:
        return
    touched = {"among": sorted(link.touched)}
    link.lock(_LOCK, touched)
    entries = _entries(link, link.rows(_STATE, touched))
    if link.dialect == "sqlite":
        link.run(_FORGET_ON_SQLITE, touched)
        link.run(_WRITE_ON_SQLITE, {"entries": json.dumps(entries)})
        link.run(_INDEX_ON_SQLITE, touched)
    else:
        link.run(_WRITE_ON_POSTGRESQL, {"entries": json.dumps(entries)})
    link.touched.clear()


def _entries(link: Link, rows: Sequence[Any]) -> list[dict[str, Any]]:
    for row in rows:
        link.refers("brands", row.brand_ids)
    brands = SqlReferenceTables(link).snapshot().brands
    return [
        {
            "id": row.id,
            "min_price": row.lowest,
            "terms": terms_of(
                product_words(row.name, (brands[brand_id].name for brand_id in row.brand_ids), row.sku),
                row.brand_ids,
                row.category_ids,
                row.tag_ids,
                row.gender_id,
                (SizeGrid(*grid) for grid in row.grids),
                listed=row.available,
            ),
        }
        for row in rows
    ]


def terms_of(
    words: Iterable[str],
    brand_ids: Iterable[int],
    category_ids: Iterable[int],
    tag_ids: Iterable[int],
    gender_id: int,
    grids: Iterable[SizeGrid],
    *,
    listed: bool,
) -> list[str]:
    """The terms of a product with those words, ids, and sizes in which it can be had."""
    return sorted(
        {
            *words,
            *(link_term("brand", brand_id) for brand_id in brand_ids),
            *(link_term("category", category_id) for category_id in category_ids),
            *(link_term("tag", tag_id) for tag_id in tag_ids),
            link_term("gender", gender_id),
            *map(size_term, size_values(grids)),
            *([LISTED] if listed else []),
        }
    )


def link_term(kind: str, row_id: int) -> str:
    """The term of every product that refers to a row of a small table."""
    return f"{MARK}{kind[0]}{row_id}"


def size_term(size: SizeValue) -> str:
    """The term of every product that can be had in a size with that value."""
    return f"{MARK}s{COLUMNS.index(size.column)}{size.value.encode().hex()}"


def size_of_term(term: str) -> SizeValue:
    """The size's value whose term it is."""
    column, value = term[len(MARK) + 1], term[len(MARK) + 2 :]
    return SizeValue(COLUMNS[int(column)], bytes.fromhex(value).decode())
