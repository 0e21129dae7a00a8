"""The stock ledger, and an index of order lines by unit, which deleting a product needs."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Takes the step. Each unit with limited stock gets a movement of the pieces left and sold."""
    key = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "stock_movements",
        sa.Column("id", key, nullable=False),
        sa.Column("unit_id", key, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor_id", key),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("change", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.CheckConstraint("kind <> ''", name=op.f("ck_stock_movements_kind")),
        sa.ForeignKeyConstraint(["unit_id"], ["product_units.id"], name=op.f("fk_stock_movements_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stock_movements")),
        sqlite_autoincrement=True,
    )
    op.execute(
        """
        INSERT INTO stock_movements (unit_id, at, kind, change, reason)
        SELECT product_units.id, products.updated_at, 'imported', stock + sold, ''
        FROM product_units JOIN products ON products.id = product_id WHERE stock IS NOT NULL ORDER BY product_units.id
        """
    )
    op.create_index(op.f("ix_stock_movements_unit_id_id"), "stock_movements", ["unit_id", "id"])
    op.create_index(op.f("ix_order_lines_unit_id"), "order_lines", ["unit_id"])
