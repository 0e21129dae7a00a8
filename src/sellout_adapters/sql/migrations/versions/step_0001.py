"""The first tables, and the rows that every shop begins with."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
PROMO_CODE = (
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


def upgrade() -> None:
    """Takes the step."""
    on_postgresql = op.get_bind().dialect.name == "postgresql"
    for name in ("brands", "categories", "currencies", "delivery_types", "genders", "order_statuses", "tags"):
        op.create_table(
            name,
            sa.Column("id", ID, nullable=False),
            sa.Column("name", sa.Text(), nullable=False),
            sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{name}")),
            sa.UniqueConstraint("name", name=op.f(f"uq_{name}_name")),
            sa.CheckConstraint("name <> ''", name=op.f(f"ck_{name}_named")),
        )
    op.create_table(
        "platforms",
        sa.Column("id", ID, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("site", sa.Text(), nullable=False),
        sa.CheckConstraint("name <> ''", name=op.f("ck_platforms_named")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_platforms")),
        *([] if on_postgresql else [sa.UniqueConstraint("name", "site", name=op.f("uq_platforms_name_site"))]),
    )
    if on_postgresql:
        op.create_index("uq_platforms_name_site", "platforms", ["name", sa.text("md5(site)")], unique=True)
    op.create_table(
        "products",
        sa.Column("id", ID, nullable=False),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("bucket_link", sa.Text(), nullable=False),
        sa.Column("available", sa.Boolean(create_constraint=True, name="available"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("added_on", sa.Date(), nullable=False),
        sa.Column("fit", sa.BigInteger(), nullable=False),
        sa.Column("rel_num", sa.BigInteger(), nullable=False),
        sa.Column("gender_id", ID, nullable=False),
        sa.CheckConstraint("name <> ''", name=op.f("ck_products_named")),
        sa.CheckConstraint("sku <> ''", name=op.f("ck_products_sku")),
        sa.ForeignKeyConstraint(["gender_id"], ["genders.id"], name=op.f("fk_products_gender_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_products")),
        sa.UniqueConstraint("sku", name=op.f("uq_products_sku")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_products_available_id"), "products", ["available", "id"], unique=False)
    op.create_table(
        "users",
        sa.Column("id", ID, nullable=False),
        sa.Column("username", sa.Text(), nullable=False),
        sa.Column("username_key", sa.Text(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("first_name", sa.Text(), nullable=False),
        sa.Column("last_name", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("gender_id", ID, nullable=True),
        sa.Column("is_staff", sa.Boolean(create_constraint=True, name="is_staff"), nullable=False),
        sa.Column("is_superuser", sa.Boolean(create_constraint=True, name="is_superuser"), nullable=False),
        sa.Column("is_active", sa.Boolean(create_constraint=True, name="is_active"), nullable=False),
        sa.Column("joined_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_login", sa.DateTime(timezone=True), nullable=True),
        sa.Column("purchased_total", sa.BigInteger(), nullable=False),
        sa.Column("personal_discount", sa.Integer(), nullable=False),
        sa.Column("referral_link", sa.Text(), nullable=True),
        sa.Column("preferred_size_grid", sa.Text(), nullable=True),
        sa.Column("referrer_id", ID, nullable=True),
        sa.Column("last_viewed", sa.JSON(), nullable=False),
        sa.CheckConstraint("username <> '' AND username_key <> ''", name=op.f("ck_users_named")),
        sa.CheckConstraint("personal_discount BETWEEN 0 AND 100", name=op.f("ck_users_personal_discount")),
        sa.CheckConstraint("purchased_total >= 0", name=op.f("ck_users_purchased_total")),
        sa.ForeignKeyConstraint(["gender_id"], ["genders.id"], name=op.f("fk_users_gender_id")),
        sa.ForeignKeyConstraint(["referrer_id"], ["users.id"], name=op.f("fk_users_referrer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
        sa.UniqueConstraint("username_key", name=op.f("uq_users_username_key")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "addresses",
        sa.Column("id", ID, nullable=False),
        sa.Column("user_id", ID, nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("post_index", sa.Text(), nullable=False),
        sa.CheckConstraint("address <> ''", name=op.f("ck_addresses_address")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_addresses_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_addresses")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_addresses_user_id"), "addresses", ["user_id"], unique=False)
    op.create_table(
        "answers",
        sa.Column("user_id", ID, nullable=False),
        sa.Column("idempotency_key", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("answer", sa.LargeBinary(), nullable=False),
        sa.Column("kept_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_answers_user_id")),
        sa.PrimaryKeyConstraint("user_id", "idempotency_key", name=op.f("pk_answers")),
    )
    op.create_index(op.f("ix_answers_user_id_kept_at"), "answers", ["user_id", "kept_at"], unique=False)
    op.create_table(
        "carts",
        sa.Column("id", ID, nullable=False),
        sa.Column("user_id", ID, nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_carts_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_carts")),
        sa.UniqueConstraint("user_id", name=op.f("uq_carts_user_id")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "product_brands",
        sa.Column("product_id", ID, nullable=False),
        sa.Column("brand_id", ID, nullable=False),
        sa.ForeignKeyConstraint(["brand_id"], ["brands.id"], name=op.f("fk_product_brands_brand_id")),
        sa.ForeignKeyConstraint(["product_id"], ["products.id"], name=op.f("fk_product_brands_product_id")),
        sa.PrimaryKeyConstraint("product_id", "brand_id", name=op.f("pk_product_brands")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_product_brands_brand_id"), "product_brands", ["brand_id"], unique=False)
    op.create_table(
        "product_categories",
        sa.Column("product_id", ID, nullable=False),
        sa.Column("category_id", ID, nullable=False),
        sa.ForeignKeyConstraint(["category_id"], ["categories.id"], name=op.f("fk_product_categories_category_id")),
        sa.ForeignKeyConstraint(["product_id"], ["products.id"], name=op.f("fk_product_categories_product_id")),
        sa.PrimaryKeyConstraint("product_id", "category_id", name=op.f("pk_product_categories")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_product_categories_category_id"), "product_categories", ["category_id"], unique=False)
    op.create_table(
        "product_tags",
        sa.Column("product_id", ID, nullable=False),
        sa.Column("tag_id", ID, nullable=False),
        sa.ForeignKeyConstraint(["product_id"], ["products.id"], name=op.f("fk_product_tags_product_id")),
        sa.ForeignKeyConstraint(["tag_id"], ["tags.id"], name=op.f("fk_product_tags_tag_id")),
        sa.PrimaryKeyConstraint("product_id", "tag_id", name=op.f("pk_product_tags")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_product_tags_tag_id"), "product_tags", ["tag_id"], unique=False)
    op.create_table(
        "promo_codes",
        sa.Column("id", ID, nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("code_key", sa.Text(), nullable=False),
        sa.Column("owner_id", ID, nullable=False),
        sa.Column("discount_percentage", sa.Integer(), nullable=False),
        sa.Column("discount_absolute", sa.BigInteger(), nullable=False),
        sa.Column("activation_count", sa.BigInteger(), nullable=False),
        sa.Column("max_activation_count", sa.BigInteger(), nullable=False),
        sa.Column("active", sa.Boolean(create_constraint=True, name="active"), nullable=False),
        sa.Column("active_until", sa.Date(), nullable=False),
        sa.CheckConstraint("code <> '' AND code_key <> ''", name=op.f("ck_promo_codes_named")),
        sa.CheckConstraint(
            "activation_count >= 0 AND activation_count <= max_activation_count",
            name=op.f("ck_promo_codes_activations"),
        ),
        sa.CheckConstraint("discount_absolute >= 0", name=op.f("ck_promo_codes_discount_absolute")),
        sa.CheckConstraint("discount_percentage BETWEEN 0 AND 100", name=op.f("ck_promo_codes_discount_percentage")),
        sa.ForeignKeyConstraint(["owner_id"], ["users.id"], name=op.f("fk_promo_codes_owner_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_promo_codes")),
        sa.UniqueConstraint("code_key", name=op.f("uq_promo_codes_code_key")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_promo_codes_owner_id"), "promo_codes", ["owner_id"], unique=False)
    op.create_table(
        "sessions",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("user_id", ID, nullable=False),
        sa.Column("refresh_fingerprint", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_sessions_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sessions")),
    )
    op.create_index(op.f("ix_sessions_user_id"), "sessions", ["user_id"], unique=False)
    op.create_table(
        "sizes",
        sa.Column("id", ID, nullable=False),
        sa.Column("product_id", ID, nullable=False),
        sa.Column("international", sa.Text(), nullable=False),
        sa.Column("us", sa.Text(), nullable=False),
        sa.Column("uk", sa.Text(), nullable=False),
        sa.Column("eu", sa.Text(), nullable=False),
        sa.Column("it", sa.Text(), nullable=False),
        sa.Column("ru", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "international <> '' AND us <> '' AND uk <> '' AND eu <> '' AND it <> '' AND ru <> ''",
            name=op.f("ck_sizes_written"),
        ),
        sa.ForeignKeyConstraint(["product_id"], ["products.id"], name=op.f("fk_sizes_product_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sizes")),
        sa.UniqueConstraint("id", "product_id", name=op.f("uq_sizes_id_product_id")),
        sa.UniqueConstraint(
            "product_id",
            "international",
            "us",
            "uk",
            "eu",
            "it",
            "ru",
            name=op.f("uq_sizes_product_id_international_us_uk_eu_it_ru"),
        ),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "orders",
        sa.Column("id", ID, nullable=False),
        sa.Column("buyer_id", ID, nullable=False),
        sa.Column("placed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("telephone", sa.Text(), nullable=False),
        sa.Column("first_name", sa.Text(), nullable=False),
        sa.Column("last_name", sa.Text(), nullable=False),
        sa.Column("address_id", ID, nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("post_index", sa.Text(), nullable=False),
        sa.Column("status_id", ID, nullable=False),
        sa.Column("paid", sa.Boolean(create_constraint=True, name="paid"), nullable=False),
        sa.Column("promo_code_id", ID, nullable=True),
        sa.Column("promo_code", sa.Text(), nullable=True),
        sa.Column("promo_owner_id", ID, nullable=True),
        sa.Column("promo_discount_percentage", sa.Integer(), nullable=True),
        sa.Column("promo_discount_absolute", sa.BigInteger(), nullable=True),
        sa.Column("promo_activation_count", sa.BigInteger(), nullable=True),
        sa.Column("promo_max_activation_count", sa.BigInteger(), nullable=True),
        sa.Column("promo_active", sa.Boolean(create_constraint=True, name="promo_active"), nullable=True),
        sa.Column("promo_active_until", sa.Date(), nullable=True),
        sa.CheckConstraint(
            "email <> '' AND telephone <> '' AND first_name <> '' AND address <> ''", name=op.f("ck_orders_contact")
        ),
        sa.CheckConstraint(
            f"({' AND '.join(f'{column} IS NULL' for column in PROMO_CODE)})"
            f" OR ({' AND '.join(f'{column} IS NOT NULL' for column in PROMO_CODE)})",
            name=op.f("ck_orders_promo_code"),
        ),
        sa.CheckConstraint(
            "promo_activation_count >= 0 AND promo_activation_count <= promo_max_activation_count",
            name=op.f("ck_orders_promo_activations"),
        ),
        sa.CheckConstraint("promo_discount_absolute >= 0", name=op.f("ck_orders_promo_discount_absolute")),
        sa.CheckConstraint(
            "promo_discount_percentage BETWEEN 0 AND 100", name=op.f("ck_orders_promo_discount_percentage")
        ),
        sa.CheckConstraint("total >= 0", name=op.f("ck_orders_total")),
        sa.ForeignKeyConstraint(["buyer_id"], ["users.id"], name=op.f("fk_orders_buyer_id")),
        sa.ForeignKeyConstraint(["promo_code_id"], ["promo_codes.id"], name=op.f("fk_orders_promo_code_id")),
        sa.ForeignKeyConstraint(["promo_owner_id"], ["users.id"], name=op.f("fk_orders_promo_owner_id")),
        sa.ForeignKeyConstraint(["status_id"], ["order_statuses.id"], name=op.f("fk_orders_status_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_orders")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_orders_buyer_id"), "orders", ["buyer_id"], unique=False)
    op.create_index(op.f("ix_orders_promo_code_id"), "orders", ["promo_code_id"], unique=False)
    op.create_table(
        "product_units",
        sa.Column("id", ID, nullable=False),
        sa.Column("product_id", ID, nullable=False),
        sa.Column("size_id", ID, nullable=False),
        sa.Column("price", sa.BigInteger(), nullable=False),
        sa.Column("currency_id", ID, nullable=False),
        sa.Column("delivery_type_id", ID, nullable=False),
        sa.Column("platform_id", ID, nullable=False),
        sa.Column("available", sa.Boolean(create_constraint=True, name="available"), nullable=False),
        sa.Column("stock", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("price >= 0", name=op.f("ck_product_units_price")),
        sa.CheckConstraint("stock >= 0", name=op.f("ck_product_units_stock")),
        sa.CheckConstraint("stock IS NULL OR stock > 0 OR NOT available", name=op.f("ck_product_units_sold_out")),
        sa.ForeignKeyConstraint(["currency_id"], ["currencies.id"], name=op.f("fk_product_units_currency_id")),
        sa.ForeignKeyConstraint(
            ["delivery_type_id"], ["delivery_types.id"], name=op.f("fk_product_units_delivery_type_id")
        ),
        sa.ForeignKeyConstraint(["platform_id"], ["platforms.id"], name=op.f("fk_product_units_platform_id")),
        sa.ForeignKeyConstraint(["product_id"], ["products.id"], name=op.f("fk_product_units_product_id")),
        sa.ForeignKeyConstraint(
            ["size_id", "product_id"],
            ["sizes.id", "sizes.product_id"],
            name=op.f("fk_product_units_size_id_product_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_product_units")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        op.f("ix_product_units_product_id_available_price"),
        "product_units",
        ["product_id", "available", "price"],
        unique=False,
    )
    op.create_index(op.f("ix_product_units_size_id"), "product_units", ["size_id"], unique=False)
    op.create_table(
        "wishlist_units",
        sa.Column("id", ID, nullable=False),
        sa.Column("user_id", ID, nullable=False),
        sa.Column("size_id", ID, nullable=False),
        sa.ForeignKeyConstraint(["size_id"], ["sizes.id"], name=op.f("fk_wishlist_units_size_id")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_wishlist_units_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_wishlist_units")),
        sa.UniqueConstraint("user_id", "size_id", name=op.f("uq_wishlist_units_user_id_size_id")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_wishlist_units_size_id"), "wishlist_units", ["size_id"], unique=False)
    op.create_table(
        "cart_units",
        sa.Column("id", ID, nullable=False),
        sa.Column("cart_id", ID, nullable=False),
        sa.Column("unit_id", ID, nullable=False),
        sa.ForeignKeyConstraint(["cart_id"], ["carts.id"], name=op.f("fk_cart_units_cart_id")),
        sa.ForeignKeyConstraint(["unit_id"], ["product_units.id"], name=op.f("fk_cart_units_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cart_units")),
        sa.UniqueConstraint("cart_id", "unit_id", name=op.f("uq_cart_units_cart_id_unit_id")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_cart_units_unit_id"), "cart_units", ["unit_id"], unique=False)
    op.create_table(
        "order_lines",
        sa.Column("order_id", ID, nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("unit_id", ID, nullable=False),
        sa.Column("price", sa.BigInteger(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency_id", ID, nullable=False),
        sa.CheckConstraint("amount >= 0", name=op.f("ck_order_lines_amount")),
        sa.CheckConstraint("price >= 0", name=op.f("ck_order_lines_price")),
        sa.ForeignKeyConstraint(["currency_id"], ["currencies.id"], name=op.f("fk_order_lines_currency_id")),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_order_lines_order_id")),
        sa.ForeignKeyConstraint(["unit_id"], ["product_units.id"], name=op.f("fk_order_lines_unit_id")),
        sa.PrimaryKeyConstraint("order_id", "position", name=op.f("pk_order_lines")),
        sa.UniqueConstraint("order_id", "unit_id", name=op.f("uq_order_lines_order_id_unit_id")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_order_lines_unit_id"), "order_lines", ["unit_id"], unique=False)

    # Their ids are 1 and 2, and 1, as the core's constants say.
    op.bulk_insert(sa.table("genders", sa.column("name")), [{"name": "M"}, {"name": "F"}])
    op.bulk_insert(sa.table("order_statuses", sa.column("name")), [{"name": "pending"}])
