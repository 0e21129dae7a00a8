"""The tables, with a constraint behind every law that a database can keep. `migrations` makes them."""

from typing import Final

from sqlalchemy import (
    DDL,
    JSON,
    BigInteger,
    Column,
    Date,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    column,
    event,
    func,
)

from sellout_adapters.sql.agreed_tables import agreed_units
from sellout_adapters.sql.columns import (
    NEVER_REUSED,
    all_or_none,
    check,
    count,
    flag,
    key,
    metadata,
    refers,
    text,
)
from sellout_adapters.sql.dialects import Id, Terms, UtcTime
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
    # A site may be longer than PostgreSQL's indexes take.
    UniqueConstraint("name", "site").ddl_if(dialect="sqlite"),
    Index("uq_platforms_name_site", "name", func.md5(column("site")), unique=True).ddl_if(dialect="postgresql"),
    check("named", "name <> ''"),
)

users: Final = Table(
    "users",
    metadata,
    key(),
    text("username"),
    text("username_key", unique=True),
    text("password_hash"),
    text("first_name"),
    text("last_name"),
    text("email"),
    refers("gender_id", genders.c.id, nullable=True),
    flag("is_staff"),
    flag("is_superuser"),
    flag("is_active"),
    Column("joined_at", UtcTime, nullable=False),
    Column("last_login", UtcTime),
    count("purchased_total"),
    Column("personal_discount", Integer, nullable=False),
    text("referral_link", nullable=True),
    text("preferred_size_grid", nullable=True),
    Column("referrer_id", Id, ForeignKey("users.id")),
    Column("last_viewed", JSON, nullable=False),
    check("named", "username <> '' AND username_key <> ''"),
    check("purchased_total", "purchased_total >= 0"),
    check("personal_discount", "personal_discount BETWEEN 0 AND 100"),
    **NEVER_REUSED,
)

addresses: Final = Table(
    "addresses",
    metadata,
    key(),
    refers("user_id", users.c.id, index=True),
    text("address"),
    text("post_index"),
    check("address", "address <> ''"),
    **NEVER_REUSED,
)

sessions: Final = Table(
    "sessions",
    metadata,
    Column("id", Text, primary_key=True),
    refers("user_id", users.c.id, index=True),
    text("refresh_fingerprint"),
    Column("expires_at", UtcTime, nullable=False),
)

answers: Final = Table(
    "answers",
    metadata,
    refers("user_id", users.c.id, primary_key=True),
    Column("idempotency_key", Text, primary_key=True),
    text("fingerprint"),
    Column("answer", LargeBinary, nullable=False),
    Column("kept_at", UtcTime, nullable=False),
    Index(None, "user_id", "kept_at"),
)

counters: Final = Table(
    "counters",
    metadata,
    Column("key", Text, primary_key=True),
    count("number"),
    Column("ends_at", UtcTime, nullable=False, index=True),
    check("number", "number >= 0"),
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
    # What `indexing` makes of the product and its units.
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
    # What is written waits in a list, through which every search goes: a short one.
    Index("ix_products_terms", "terms", postgresql_using="gin", postgresql_with={"gin_pending_list_limit": 256}).ddl_if(
        dialect="postgresql"
    ),
    check("sku", "sku <> ''"),
    check("named", "name <> ''"),
    check("min_price", "min_price >= 0"),
    **NEVER_REUSED,
)

SEARCH: Final = "product_search"
"""SQLite's index of the terms, a virtual table; it keeps some of its own."""
SEARCH_TERMS: Final = "product_search_terms"
"""What SQLite tells of the terms in it, another virtual table."""
SEARCH_TABLES: Final = frozenset({SEARCH, SEARCH_TERMS, *(f"{SEARCH}_{part}" for part in ("config", "data", "idx"))})

# The terms are told apart by spaces alone: what is not ASCII is part of a term for this tokenizer. What is asked for
# most often, the beginnings of words, is kept as well.
for statement in (
    (
        f"CREATE VIRTUAL TABLE {SEARCH} USING fts5 (terms, content='products', content_rowid='id', tokenize='ascii',"
        " detail=none, columnsize=0, prefix='1 2 3 4 5 6 7 8 9 10')"
    ),
    f"CREATE VIRTUAL TABLE {SEARCH_TERMS} USING fts5vocab ({SEARCH}, 'row')",
):
    event.listen(products, "after_create", DDL(statement).execute_if(dialect="sqlite"))  # type: ignore[no-untyped-call]


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

# How many listed products have an id that begins with `node` and has `level` more bits; `pages` says what for.
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

wishlist_units: Final = Table(
    "wishlist_units",
    metadata,
    key(),
    refers("user_id", users.c.id),
    refers("size_id", sizes.c.id, index=True),
    UniqueConstraint("user_id", "size_id"),
    **NEVER_REUSED,
)

carts: Final = Table("carts", metadata, key(), refers("user_id", users.c.id, unique=True), **NEVER_REUSED)

cart_units: Final = Table(
    "cart_units",
    metadata,
    key(),
    refers("cart_id", carts.c.id),
    refers("unit_id", units.c.id, index=True),
    UniqueConstraint("cart_id", "unit_id"),
    **NEVER_REUSED,
)

promo_codes: Final = Table(
    "promo_codes",
    metadata,
    key(),
    text("code"),
    text("code_key", unique=True),
    refers("owner_id", users.c.id, index=True),
    Column("discount_percentage", Integer, nullable=False),
    count("discount_absolute"),
    count("activation_count"),
    count("max_activation_count"),
    flag("active"),
    Column("active_until", Date, nullable=False),
    check("named", "code <> '' AND code_key <> ''"),
    check("discount_percentage", "discount_percentage BETWEEN 0 AND 100"),
    check("discount_absolute", "discount_absolute >= 0"),
    check("activations", "activation_count >= 0 AND activation_count <= max_activation_count"),
    **NEVER_REUSED,
)

_PROMO_TERMS: Final = (
    "promo_code_id",
    "promo_code",
    "promo_owner_id",
    "promo_discount_percentage",
    "promo_discount_absolute",
    "promo_activation_count",
    "promo_max_activation_count",
    "promo_active",
    "promo_active_until",
)

# An order keeps the address and the promo code's terms by value; the address may be gone, so nothing refers to it.
orders: Final = Table(
    "orders",
    metadata,
    key(),
    refers("buyer_id", users.c.id, index=True),
    Column("placed_at", UtcTime, nullable=False),
    count("total"),
    text("email"),
    text("telephone"),
    text("first_name"),
    text("last_name"),
    Column("address_id", Id, nullable=False),
    text("address"),
    text("post_index"),
    refers("status_id", statuses.c.id),
    flag("paid"),
    refers("promo_code_id", promo_codes.c.id, nullable=True, index=True),
    text("promo_code", nullable=True),
    refers("promo_owner_id", users.c.id, nullable=True),
    Column("promo_discount_percentage", Integer),
    count("promo_discount_absolute", nullable=True),
    count("promo_activation_count", nullable=True),
    count("promo_max_activation_count", nullable=True),
    flag("promo_active", nullable=True),
    Column("promo_active_until", Date),
    check("total", "total >= 0"),
    check("contact", "email <> '' AND telephone <> '' AND first_name <> '' AND address <> ''"),
    check("promo_discount_percentage", "promo_discount_percentage BETWEEN 0 AND 100"),
    check("promo_discount_absolute", "promo_discount_absolute >= 0"),
    check(
        "promo_activations",
        "promo_activation_count >= 0 AND promo_activation_count <= promo_max_activation_count",
    ),
    check("promo_code", all_or_none(*_PROMO_TERMS)),
    **NEVER_REUSED,
)

order_lines: Final = Table(
    "order_lines",
    metadata,
    refers("order_id", orders.c.id, primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    refers("unit_id", units.c.id, index=True),
    text("unit_digest"),
    count("amount"),
    UniqueConstraint("order_id", "unit_id"),
    ForeignKeyConstraint(["unit_digest", "unit_id"], [agreed_units.c.digest, agreed_units.c.unit_id]),
    check("amount", "amount >= 0"),
    sqlite_with_rowid=False,
)
