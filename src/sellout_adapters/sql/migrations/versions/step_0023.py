"""Payments with a payment provider, and the refunds that it pays back."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"

TOTALS = ("authorised", "captured", "released", "refunded", "credited")

FLAGS = ("closed", "in_parts")


def upgrade() -> None:
    """Takes the step. No order has such a payment yet, and staff pay back all refunds."""
    key = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    for table in ("refunds", "delivery_refunds"):
        op.add_column(table, sa.Column("payment_number", sa.Integer()))
    op.create_table(
        "online_payments",
        sa.Column("order_id", key, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("provider", "reference", "page", "currency")),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in TOTALS),
        *(sa.Column(name, sa.Boolean(create_constraint=True, name=name), nullable=False) for name in FLAGS),
        sa.Column("due_at", sa.DateTime(timezone=True)),
        sa.Column("attempts", sa.BigInteger(), nullable=False),
        sa.Column("last_error", sa.Text(), nullable=False),
        sa.CheckConstraint("number >= 1", name=op.f("ck_online_payments_number")),
        sa.CheckConstraint("provider <> '' AND reference <> ''", name=op.f("ck_online_payments_named")),
        sa.CheckConstraint("amount > 0", name=op.f("ck_online_payments_amount")),
        sa.CheckConstraint(
            "credited BETWEEN 0 AND captured AND refunded BETWEEN 0 AND captured"
            " AND captured <= authorised AND authorised <= amount AND released BETWEEN 0 AND authorised",
            name=op.f("ck_online_payments_totals"),
        ),
        sa.CheckConstraint("attempts >= 0", name=op.f("ck_online_payments_attempts")),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_online_payments_order_id")),
        sa.PrimaryKeyConstraint("order_id", "number", name=op.f("pk_online_payments")),
        sa.UniqueConstraint("provider", "reference", name=op.f("uq_online_payments_provider_reference")),
    )
    op.create_index(op.f("ix_online_payments_due_at"), "online_payments", ["due_at"])
