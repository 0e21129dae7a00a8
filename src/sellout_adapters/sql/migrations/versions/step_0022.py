"""The recipients and deliveries of orders, delivery fees, their refunds, and delivery tariffs."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    """Takes the step. No order has a recipient, a delivery or a fee yet, and the shop offers no delivery."""
    key = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    for name in ("recipient", "delivery"):
        op.add_column("orders", sa.Column(name, sa.JSON()))
    # SQLite adds no constraint to a table, but a column with one.
    op.execute(
        "ALTER TABLE orders ADD COLUMN delivery_fee BIGINT DEFAULT '0' NOT NULL"
        " CONSTRAINT ck_orders_delivery_fee CHECK (delivery_fee BETWEEN 0 AND total)"
    )
    op.create_table(
        "delivery_refunds",
        sa.Column("order_id", key, nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.CheckConstraint("state <> ''", name=op.f("ck_delivery_refunds_state")),
        sa.CheckConstraint("amount > 0", name=op.f("ck_delivery_refunds_amount")),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_delivery_refunds_order_id")),
        sa.PrimaryKeyConstraint("order_id", name=op.f("pk_delivery_refunds")),
    )
    op.create_table(
        "delivery_tariffs",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("price", sa.BigInteger(), nullable=False),
        sa.Column("currency_id", key, nullable=False),
        sa.CheckConstraint("kind <> ''", name=op.f("ck_delivery_tariffs_kind")),
        sa.CheckConstraint("price >= 0", name=op.f("ck_delivery_tariffs_price")),
        sa.ForeignKeyConstraint(["currency_id"], ["currencies.id"], name=op.f("fk_delivery_tariffs_currency_id")),
        sa.PrimaryKeyConstraint("kind", name=op.f("pk_delivery_tariffs")),
    )
