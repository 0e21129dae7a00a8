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
from sqlalchemy import text as sql_text

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
from sellout_adapters.sql.schema.tables.catalogue import (
    SEARCH,
    SEARCH_TERMS,
    agreed_units,
    genders,
    products,
    sizes,
    statuses,
    units,
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
    text("telephone", server_default=""),
    # No foreign key: addresses refer to users. Transactions that change an address book lock the user.
    Column("main_address_id", Id),
    # The row of a deleted user has no other data. Orders and promo codes refer to it.
    Column("deleted_at", UtcTime),
    # `user_search.search_key_of`
    text("search_key", server_default=""),
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
    Column("expires_at", UtcTime, nullable=False, index=True),
    Column("last_used_at", UtcTime),
    text("device", server_default=""),
    text("network", server_default=""),
)

# Compression reduces responses to about a third. Old rows are not compressed.
idempotency_keys: Final = Table(
    "idempotency_keys",
    metadata,
    refers("user_id", users.c.id, primary_key=True),
    Column("idempotency_key", Text, primary_key=True),
    text("fingerprint"),
    Column("response", LargeBinary, nullable=False),
    flag("compressed"),
    Column("stored_at", UtcTime, nullable=False, index=True),
    # Deleted users lose their row's data, so no foreign key protects anything.
    Column("about_id", Id, index=True),
)

counters: Final = Table(
    "counters",
    metadata,
    Column("key", Text, primary_key=True),
    count("number"),
    Column("ends_at", UtcTime, nullable=False, index=True),
    check("number", "number >= 0"),
)

# The actor and the object may be deleted: no foreign keys.
audit: Final = Table(
    "audit",
    metadata,
    key(),
    Column("at", UtcTime, nullable=False),
    Column("actor_id", Id),
    text("action"),
    text("kind"),
    Column("object_id", Id, nullable=False),
    # By field, the values before and after.
    Column("changes", JSON, nullable=False),
    Index(None, "kind", "object_id", "id"),
    Index(None, "actor_id", "id"),
    check("named", "action <> '' AND kind <> ''"),
    **NEVER_REUSED,
)

# This tokenizer splits terms at spaces only: characters outside ASCII belong to terms. The prefix index speeds up
# prefix searches, the most frequent ones.
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

# The token itself is not stored. A product may be deleted: its units have no foreign keys here.
guest_carts: Final = Table(
    "guest_carts",
    metadata,
    key(),
    text("fingerprint", unique=True),
    Column("unit_ids", JSON, nullable=False),
    Column("expires_at", UtcTime, nullable=False, index=True),
    check("fingerprint", "length(fingerprint) = 64"),
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

# An order contains copies of the address and the promo code's terms. The address may be deleted: no foreign key.
orders: Final = Table(
    "orders",
    metadata,
    key(),
    refers("buyer_id", users.c.id),
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
    refers("promo_code_id", promo_codes.c.id, nullable=True),
    text("promo_code", nullable=True),
    refers("promo_owner_id", users.c.id, nullable=True),
    Column("promo_discount_percentage", Integer),
    count("promo_discount_absolute", nullable=True),
    count("promo_activation_count", nullable=True),
    count("promo_max_activation_count", nullable=True),
    flag("promo_active", nullable=True),
    Column("promo_active_until", Date),
    Column("recipient", JSON(none_as_null=True)),
    Column("delivery", JSON(none_as_null=True)),
    count("delivery_fee", server_default="0"),
    check("total", "total >= 0"),
    check("delivery_fee", "delivery_fee BETWEEN 0 AND total"),
    # The contact is emptied, and the recipient and the delivery are deleted, when the buyer is deleted.
    check(
        "contact",
        "(email <> '' AND telephone <> '' AND first_name <> '' AND address <> '') OR (email = '' AND telephone = ''"
        " AND first_name = '' AND last_name = '' AND address = '' AND post_index = '')",
    ),
    check("promo_discount_percentage", "promo_discount_percentage BETWEEN 0 AND 100"),
    check("promo_discount_absolute", "promo_discount_absolute >= 0"),
    check(
        "promo_activations",
        "promo_activation_count >= 0 AND promo_activation_count <= promo_max_activation_count",
    ),
    check("promo_code", all_or_none(*_PROMO_TERMS)),
    Index(None, "buyer_id", "id"),
    Index(None, "status_id", "id"),
    Index(None, "placed_at", "id"),
    # Most orders have no promo code.
    Index(
        None,
        "promo_code_id",
        "id",
        sqlite_where=sql_text("promo_code_id IS NOT NULL"),
        postgresql_where=sql_text("promo_code_id IS NOT NULL"),
    ),
    **NEVER_REUSED,
)

order_lines: Final = Table(
    "order_lines",
    metadata,
    refers("order_id", orders.c.id, primary_key=True),
    Column("position", Integer, nullable=False),
    refers("unit_id", units.c.id, primary_key=True),
    text("unit_digest"),
    count("amount"),
    ForeignKeyConstraint(["unit_digest", "unit_id"], [agreed_units.c.digest, agreed_units.c.unit_id]),
    check("amount", "amount >= 0"),
    Index(None, "unit_id", "order_id"),
    sqlite_with_rowid=False,
)
