"""The tables of the catalogue."""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Column,
    Date,
    ForeignKeyConstraint,
    Index,
    Table,
    UniqueConstraint,
    column,
    func,
)

from sellout_adapters.sql.schema.columns import (
    NEVER_REUSED,
    check,
    count,
    flag,
    key,
    metadata,
    refers,
    text,
)
from sellout_adapters.sql.schema.types import Id, Terms, UtcTime
from sellout_core.values import MAX_ID


def _small(name: str) -> Table:
    return Table(name, metadata, key(), text("name", unique=True), check("named", "name <> ''"))


brands: Final = _small("brands")

categories: Final = _small("categories")

tags: Final = _small("tags")

genders: Final = _small("genders")

delivery_types: Final = _small("delivery_types")

currencies: Final = _small("currencies")

statuses: Final = _small("order_statuses")

platforms: Final = Table(
    "platforms",
    metadata,
    key(),
    text("name"),
    text("site"),
    # A site may be too long for an index of PostgreSQL.
    UniqueConstraint("name", "site").ddl_if(dialect="sqlite"),
    Index("uq_platforms_name_site", "name", func.md5(column("site")), unique=True).ddl_if(dialect="postgresql"),
    check("named", "name <> ''"),
)

products: Final = Table(
    "products",
    metadata,
    key(),
    text("sku", unique=True),
    text("name"),
    text("description"),
    text("bucket_link"),
    flag("available"),
    Column("updated_at", UtcTime, nullable=False),
    Column("added_on", Date, nullable=False),
    count("fit"),
    count("rel_num"),
    refers("gender_id", genders.c.id),
    # `search.terms` writes these two.
    count("min_price", nullable=True),
    Column("terms", Terms, nullable=False, server_default=""),
    Index(None, "available", "id"),
    Index("ix_products_newest", "available", column("added_on").desc(), "id"),
    Index("ix_products_cheapest", "available", "min_price", "id"),
    # NULL is the lowest value on SQLite and the highest on PostgreSQL.
    Index("ix_products_dearest", "available", column("min_price").desc(), "id").ddl_if(dialect="sqlite"),
    Index("ix_products_dearest", "available", column("min_price").desc().nulls_last(), "id").ddl_if(
        dialect="postgresql"
    ),
    # Every search scans the list of pending entries, so it is short.
    Index("ix_products_terms", "terms", postgresql_using="gin", postgresql_with={"gin_pending_list_limit": 256}).ddl_if(
        dialect="postgresql"
    ),
    check("sku", "sku <> ''"),
    check("named", "name <> ''"),
    check("min_price", "min_price >= 0"),
    **NEVER_REUSED,
)

SEARCH: Final = "product_search"
"""SQLite's index of the terms: a virtual table, which has some tables of its own."""

SEARCH_TERMS: Final = "product_search_terms"
"""The list of the terms in that index, another virtual table."""

SEARCH_TABLES: Final = frozenset({SEARCH, SEARCH_TERMS, *(f"{SEARCH}_{part}" for part in ("config", "data", "idx"))})

catalogue: Final = Table(
    "catalogue",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=False),
    count("version"),
    check("one_row", "id = 1"),
)

LEAF: Final = 6
"""The level of the nodes that hold the fewest ids."""

TOP: Final = MAX_ID.bit_length() - 1
"""The level of the node that holds the highest id."""

# The number of listed products whose id is `node` with `level` more bits (`search.page_index`).
listed_counts: Final = Table(
    "listed_counts",
    metadata,
    Column("level", BigInteger, primary_key=True, autoincrement=False),
    Column("node", BigInteger, primary_key=True, autoincrement=False),
    count("listed"),
    check("level", f"level BETWEEN {LEAF} AND {TOP}"),
    check("node", f"node > 0 OR (node = 0 AND level = {LEAF})"),
    check("listed", "listed >= 0"),
    sqlite_with_rowid=False,
)


def _links(name: str, target: Table, column: str) -> Table:
    return Table(
        name,
        metadata,
        refers("product_id", products.c.id, primary_key=True),
        refers(column, target.c.id, primary_key=True, index=True),
        sqlite_with_rowid=False,
    )


product_brands: Final = _links("product_brands", brands, "brand_id")

product_categories: Final = _links("product_categories", categories, "category_id")

product_tags: Final = _links("product_tags", tags, "tag_id")

sizes: Final = Table(
    "sizes",
    metadata,
    key(),
    refers("product_id", products.c.id),
    text("international"),
    text("us"),
    text("uk"),
    text("eu"),
    text("it"),
    text("ru"),
    UniqueConstraint("product_id", "international", "us", "uk", "eu", "it", "ru"),
    UniqueConstraint("id", "product_id"),
    check("written", "international <> '' AND us <> '' AND uk <> '' AND eu <> '' AND it <> '' AND ru <> ''"),
    **NEVER_REUSED,
)

units: Final = Table(
    "product_units",
    metadata,
    key(),
    refers("product_id", products.c.id),
    Column("size_id", Id, nullable=False, index=True),
    count("price"),
    refers("currency_id", currencies.c.id),
    refers("delivery_type_id", delivery_types.c.id),
    refers("platform_id", platforms.c.id),
    flag("available"),
    count("stock", nullable=True),
    Column("sold", BigInteger, nullable=False, server_default="0"),
    Index(None, "product_id", "available", "price"),
    ForeignKeyConstraint(["size_id", "product_id"], [sizes.c.id, sizes.c.product_id]),
    check("price", "price >= 0"),
    check("stock", "stock >= 0"),
    check("sold", "sold >= 0"),
    check("sold_out", "stock IS NULL OR stock > 0 OR NOT available"),
    **NEVER_REUSED,
)
