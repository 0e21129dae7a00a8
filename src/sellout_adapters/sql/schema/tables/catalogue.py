"""The tables of the catalogue, and those of the products and units that orders copy from it."""

from typing import Final

import sqlalchemy as sa

from sellout_adapters.sql.schema.columns import NEVER_REUSED, check, count, flag, key, metadata, refers, text
from sellout_adapters.sql.schema.types import Id, Terms, UtcTime
from sellout_core.values import MAX_ID


def _small(name: str) -> sa.Table:
    return sa.Table(name, metadata, key(), text("name", unique=True), check("named", "name <> ''"))


brands: Final = _small("brands")
categories: Final = _small("categories")
tags: Final = _small("tags")
genders: Final = _small("genders")
delivery_types: Final = _small("delivery_types")
currencies: Final = _small("currencies")
statuses: Final = _small("order_statuses")

# The category above each category that is not at the top of the tree.
category_parents: Final = sa.Table(
    "category_parents",
    metadata,
    refers("category_id", categories.c.id, primary_key=True),
    refers("parent_id", categories.c.id, index=True),
    check("other", "parent_id <> category_id"),
    sqlite_with_rowid=False,
)

# The rows of reference tables that were merged into others. Their ids are not used again.
merged_references: Final = sa.Table(
    "merged_references",
    metadata,
    sa.Column("table_name", sa.Text, primary_key=True),
    sa.Column("row_id", Id, primary_key=True, autoincrement=False),
    sa.Column("into_id", Id, nullable=False),
    sqlite_with_rowid=False,
)

platforms: Final = sa.Table(
    "platforms",
    metadata,
    key(),
    text("name"),
    text("site"),
    # A site may be too long for an index of PostgreSQL.
    sa.UniqueConstraint("name", "site").ddl_if(dialect="sqlite"),
    sa.Index("uq_platforms_name_site", "name", sa.func.md5(sa.column("site")), unique=True).ddl_if(
        dialect="postgresql"
    ),
    check("named", "name <> ''"),
)

products: Final = sa.Table(
    "products",
    metadata,
    key(),
    text("sku", unique=True),
    text("name"),
    text("description"),
    text("bucket_link"),
    flag("available"),
    sa.Column("updated_at", UtcTime, nullable=False),
    sa.Column("added_on", sa.Date, nullable=False),
    count("fit"),
    count("rel_num"),
    refers("gender_id", genders.c.id),
    # `search.terms` writes `min_price` and `terms`.
    count("min_price", nullable=True),
    sa.Column("terms", Terms, nullable=False, server_default=""),
    sa.Index(None, "available", "id"),
    sa.Index("ix_products_newest", "available", sa.column("added_on").desc(), "id"),
    sa.Index("ix_products_cheapest", "available", "min_price", "id"),
    # NULL is the lowest value on SQLite and the highest on PostgreSQL.
    sa.Index("ix_products_dearest", "available", sa.column("min_price").desc(), "id").ddl_if(dialect="sqlite"),
    sa.Index("ix_products_dearest", "available", sa.column("min_price").desc().nulls_last(), "id").ddl_if(
        dialect="postgresql"
    ),
    # Every search scans the pending list, so it is small.
    sa.Index(
        "ix_products_terms", "terms", postgresql_using="gin", postgresql_with={"gin_pending_list_limit": 256}
    ).ddl_if(dialect="postgresql"),
    check("sku", "sku <> ''"),
    check("named", "name <> ''"),
    check("min_price", "min_price >= 0"),
    **NEVER_REUSED,
)

SEARCH: Final = "product_search"
"""SQLite's full-text index of terms: a virtual table, which creates other tables."""

SEARCH_TERMS: Final = "product_search_terms"
"""The vocabulary of that index, a virtual table."""

SEARCH_TABLES: Final = frozenset({SEARCH, SEARCH_TERMS, *(f"{SEARCH}_{part}" for part in ("config", "data", "idx"))})

# The row that transactions lock to change the catalogue. `version` is the version before the first row of
# `catalogue_changes`.
catalogue: Final = sa.Table(
    "catalogue",
    metadata,
    sa.Column("id", Id, primary_key=True, autoincrement=False),
    count("version"),
    # The number of changes of reference tables' rows. Additions of rows are not counted.
    sa.Column("references_version", sa.BigInteger, nullable=False, server_default="0"),
    check("one_row", "id = 1"),
)

# The products that a version changed, as a JSON list of their ids (`search.facet_index`). Only the latest versions. The
# last one is the version of the catalogue.
catalogue_changes: Final = sa.Table(
    "catalogue_changes",
    metadata,
    sa.Column("version", sa.BigInteger, primary_key=True, autoincrement=False),
    text("product_ids"),
)

LEAF: Final = 6
"""The level of the smallest nodes."""

TOP: Final = MAX_ID.bit_length() - 1
"""The level of the largest node."""

# The number of listed products whose id is `node` with `level` more bits (`search.page_index`).
listed_counts: Final = sa.Table(
    "listed_counts",
    metadata,
    sa.Column("level", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("node", sa.BigInteger, primary_key=True, autoincrement=False),
    count("listed"),
    check("level", f"level BETWEEN {LEAF} AND {TOP}"),
    check("node", f"node > 0 OR (node = 0 AND level = {LEAF})"),
    check("listed", "listed >= 0"),
    sqlite_with_rowid=False,
)


def _links(name: str, target: sa.Table, column: str) -> sa.Table:
    return sa.Table(
        name,
        metadata,
        refers("product_id", products.c.id, primary_key=True),
        refers(column, target.c.id, primary_key=True),
        sa.Index(None, column, "product_id"),
        sqlite_with_rowid=False,
    )


product_brands: Final = _links("product_brands", brands, "brand_id")
product_categories: Final = _links("product_categories", categories, "category_id")
product_tags: Final = _links("product_tags", tags, "tag_id")

sizes: Final = sa.Table(
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
    sa.UniqueConstraint("product_id", "international", "us", "uk", "eu", "it", "ru"),
    sa.UniqueConstraint("id", "product_id"),
    check("written", "international <> '' AND us <> '' AND uk <> '' AND eu <> '' AND it <> '' AND ru <> ''"),
    **NEVER_REUSED,
)

units: Final = sa.Table(
    "product_units",
    metadata,
    key(),
    refers("product_id", products.c.id),
    sa.Column("size_id", Id, nullable=False, index=True),
    count("price"),
    refers("currency_id", currencies.c.id),
    refers("delivery_type_id", delivery_types.c.id),
    refers("platform_id", platforms.c.id),
    flag("available"),
    count("stock", nullable=True),
    sa.Column("sold", sa.BigInteger, nullable=False, server_default="0"),
    sa.Index(None, "product_id", "available", "price"),
    sa.ForeignKeyConstraint(["size_id", "product_id"], [sizes.c.id, sizes.c.product_id]),
    check("price", "price >= 0"),
    check("stock", "stock >= 0"),
    check("sold", "sold >= 0"),
    check("sold_out", "stock IS NULL OR stock > 0 OR NOT available"),
    **NEVER_REUSED,
)


# Besides sales: `units.sold` counts those.
stock_movements: Final = sa.Table(
    "stock_movements",
    metadata,
    key(),
    refers("unit_id", units.c.id),
    sa.Column("at", UtcTime, nullable=False),
    # The actor may be deleted: no foreign key.
    sa.Column("actor_id", Id),
    text("kind"),
    count("change"),
    text("reason"),
    sa.Index(None, "unit_id", "id"),
    check("kind", "kind <> ''"),
    **NEVER_REUSED,
)


def _id(name: str) -> sa.Column[int]:
    """The id of a catalogue row, without a foreign key: the row may change after the order."""
    return sa.Column(name, Id, nullable=False)


agreed_products: Final = sa.Table(
    "agreed_products",
    metadata,
    sa.Column("digest", sa.Text, primary_key=True),
    _id("product_id"),
    text("sku"),
    text("name"),
    text("description"),
    text("bucket_link"),
    flag("available"),
    sa.Column("updated_at", UtcTime, nullable=False),
    sa.Column("added_on", sa.Date, nullable=False),
    count("fit"),
    count("rel_num"),
    _id("gender_id"),
    text("gender"),
    # JSON lists of pairs of an id and a name.
    sa.Column("brands", sa.JSON, nullable=False),
    sa.Column("categories", sa.JSON, nullable=False),
    sa.Column("tags", sa.JSON, nullable=False),
    check("digest", "length(digest) = 64"),
    sqlite_with_rowid=False,
)

agreed_units: Final = sa.Table(
    "agreed_units",
    metadata,
    sa.Column("digest", sa.Text, primary_key=True),
    sa.Column("product_digest", sa.Text, sa.ForeignKey(agreed_products.c.digest), nullable=False),
    _id("unit_id"),
    _id("size_id"),
    text("international"),
    text("us"),
    text("uk"),
    text("eu"),
    text("it"),
    text("ru"),
    count("price"),
    flag("available"),
    _id("currency_id"),
    text("currency"),
    _id("delivery_type_id"),
    text("delivery_type"),
    _id("platform_id"),
    text("platform"),
    text("site"),
    sa.UniqueConstraint("digest", "unit_id"),
    check("digest", "length(digest) = 64"),
    check("price", "price >= 0"),
    sqlite_with_rowid=False,
)
