"""The latest views of products, and indexes that have the products of a brand in order."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    """Takes the step. No view is counted yet."""
    key = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "product_views",
        sa.Column("id", key, nullable=False),
        sa.Column("product_id", key, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_product_views")),
        sqlite_autoincrement=True,
    )
    for table, column in (("brands", "brand_id"), ("categories", "category_id"), ("tags", "tag_id")):
        op.drop_index(op.f(f"ix_product_{table}_{column}"), f"product_{table}")
        op.create_index(op.f(f"ix_product_{table}_{column}_product_id"), f"product_{table}", [column, "product_id"])
    if op.get_context().dialect.name == "sqlite":
        op.execute("""
    CREATE TRIGGER count_view AFTER UPDATE OF last_viewed ON users
    WHEN json_array_length(NEW.last_viewed) > 0
        AND NEW.last_viewed ->> 0 NOT IN (SELECT value FROM json_each(OLD.last_viewed))
    BEGIN
        INSERT INTO product_views (product_id) VALUES (NEW.last_viewed ->> 0);
        DELETE FROM product_views WHERE id <= (SELECT max(id) FROM product_views) - 5000;
    END
    """)
