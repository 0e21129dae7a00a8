"""The tables of users, carts, wishlists, promo codes and orders."""

from typing import Final

from sqlalchemy import (
    DDL,
    JSON,
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
    event,
)

from sellout_adapters.sql.schema.agreed_tables import agreed_units
from sellout_adapters.sql.schema.catalogue_tables import SEARCH, SEARCH_TERMS, genders, products, sizes, statuses, units
from sellout_adapters.sql.schema.columns import (
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
from sellout_adapters.sql.schema.types import Id, UtcTime

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

# This tokenizer separates terms at spaces alone: characters outside ASCII are part of a term. The index of prefixes
# makes the most frequent searches fast, those for the beginnings of words.
for statement in (
    (
        f"CREATE VIRTUAL TABLE {SEARCH} USING fts5 (terms, content='products', content_rowid='id', tokenize='ascii',"
        " detail=none, columnsize=0, prefix='1 2 3 4 5 6 7 8 9 10')"
    ),
    f"CREATE VIRTUAL TABLE {SEARCH_TERMS} USING fts5vocab ({SEARCH}, 'row')",
):
    event.listen(products, "after_create", DDL(statement).execute_if(dialect="sqlite"))  # type: ignore[no-untyped-call]

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

# An order has the address and the promo code's terms by value. The address may be deleted, so there is no foreign key.
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
