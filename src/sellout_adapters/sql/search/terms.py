"""The search terms and the lowest price of a product: columns derived from the product, its links and its units.

A repository that writes one of these calls `DatabaseSession.note_changed_products`. The derived columns are written
once, before the transaction reads cards or commits.
"""

import json
from collections.abc import Iterable, Sequence
from typing import Any, Final, Protocol

from sqlalchemy import func, select

from sellout_adapters.sql.schema.functions import AMONG_IDS, CUSTOM_PLAN, among, collected
from sellout_adapters.sql.schema.tables.catalogue import (
    product_brands,
    product_categories,
    product_tags,
    products,
    sizes,
    units,
)
from sellout_adapters.sql.session import references
from sellout_adapters.sql.session.session import DatabaseSession
from sellout_core.catalogue.products import SizeGrid
from sellout_core.catalogue.references import with_ancestors
from sellout_core.catalogue.search import COLUMNS, SizeValue, product_words, size_values
from sellout_core.values import ProductId

MARK: Final = "§"
"""The first character of every term that is not a word. No word has it, and SQLite's tokenizer treats it as a letter.
"""

LISTED: Final = f"{MARK}l"
"""The term of every listed product."""

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
        # Without this condition, PostgreSQL would read all sizes for each product before its first ANALYZE.
        .where(*_available, sizes.c.product_id == products.c.id)
        .scalar_subquery()
        .label("grids"),
    )
    .where(among(products.c.id, AMONG_IDS))
    .order_by(products.c.id)
    # A plan that was made for an empty shop would later read whole tables.
    .execution_options(**CUSTOM_PLAN)
)
_LOCK: Final = select(products.c.id).where(among(products.c.id, AMONG_IDS)).order_by(products.c.id)


class TermsIndex(Protocol):
    """The index of terms, which differs between databases."""

    def write_terms(self, session: DatabaseSession, product_ids: Sequence[ProductId], entries: str) -> None:
        """Writes lowest prices and terms.

        Args:
            session: The transaction.
            product_ids: The products.
            entries: A JSON list of objects with `id`, `min_price` and `terms`, one for each product.
        """

    def remove_terms(self, session: DatabaseSession, product_ids: Sequence[ProductId]) -> None:
        """Removes products that are about to be deleted from the index."""


def index_changed_products(session: DatabaseSession, index: TermsIndex) -> None:
    """Writes the derived columns of the products that the transaction changed. It runs three statements on PostgreSQL
    and at most five on SQLite, for any number of products. Without a changed product it runs none.

    The products are locked before their units are read. So if two transactions sell the last pieces of one product, the
    later one sees the sale of the earlier one.
    """
    if not session.unindexed_products:
        return
    product_ids = sorted(session.unindexed_products)
    session.lock(_LOCK, {"among": product_ids})
    entries = _entries(session, session.rows(_STATE, {"among": product_ids}))
    index.write_terms(session, product_ids, json.dumps(entries))
    session.changed_products |= session.unindexed_products
    session.unindexed_products.clear()


def _entries(session: DatabaseSession, rows: Sequence[Any]) -> list[dict[str, Any]]:
    for row in rows:
        session.note_references("brands", row.brand_ids)
        session.note_references("categories", row.category_ids)
    known = references.snapshot(session)
    return [
        {
            "id": row.id,
            "min_price": row.lowest,
            "terms": terms_of(
                product_words(row.name, (known.brands[brand_id].name for brand_id in row.brand_ids), row.sku),
                row.brand_ids,
                with_ancestors(row.category_ids, known.parents),
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
    """The terms of a product: its words, its links, and the sizes that are available."""
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
    """The term of every product that refers to a row of a reference table."""
    return f"{MARK}{kind[0]}{row_id}"


def size_term(size: SizeValue) -> str:
    """The term of every product that is available in a size with that value."""
    return f"{MARK}s{COLUMNS.index(size.column)}{size.value.encode().hex()}"


def size_of_term(term: str) -> SizeValue:
    """The size value that a term stands for."""
    column, value = term[len(MARK) + 1], term[len(MARK) + 2 :]
    return SizeValue(COLUMNS[int(column)], bytes.fromhex(value).decode())
