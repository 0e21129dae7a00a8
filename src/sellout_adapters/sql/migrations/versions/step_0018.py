"""The pictures of products."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    """Takes the step. No product has a picture yet."""
    key = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "product_pictures",
        sa.Column("id", key, nullable=False),
        sa.Column("product_id", key, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("width", sa.BigInteger(), nullable=False),
        sa.Column("height", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("position BETWEEN 1 AND 20", name=op.f("ck_product_pictures_position")),
        sa.CheckConstraint("length(digest) = 48", name=op.f("ck_product_pictures_digest")),
        sa.CheckConstraint("width > 0 AND height > 0", name=op.f("ck_product_pictures_pixels")),
        sa.ForeignKeyConstraint(["product_id"], ["products.id"], name=op.f("fk_product_pictures_product_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_product_pictures")),
        sa.UniqueConstraint("product_id", "position", name=op.f("uq_product_pictures_product_id_position")),
        sa.UniqueConstraint("product_id", "digest", name=op.f("uq_product_pictures_product_id_digest")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_product_pictures_digest"), "product_pictures", ["digest"])
