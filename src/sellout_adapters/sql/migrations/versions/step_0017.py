"""The states of order lines, payments, refunds, parcels, and the history of orders."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"

STATUSES = (
    "placed",
    "confirmed",
    "purchased",
    "in_transit_hub",
    "in_transit_moscow",
    "arrived",
    "handed_over",
    "delivered",
    "cancelled",
    "returned",
    "partly_arrived",
    "partly_handed_over",
)


def upgrade() -> None:
    """Takes the step. Every line is placed, and no payment is captured."""
    key = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.bulk_insert(
        sa.table("order_statuses", sa.column("id"), sa.column("name")),
        [{"id": number, "name": name} for number, name in enumerate(STATUSES, 2)],
    )
    if op.get_context().dialect.name == "postgresql":
        op.execute(f"SELECT setval(pg_get_serial_sequence('order_statuses', 'id'), {len(STATUSES) + 1})")
    op.create_table(
        "line_progress",
        sa.Column("order_id", key, nullable=False),
        sa.Column("unit_id", key, nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("moved_at", sa.DateTime(timezone=True)),
        sa.Column("cost", sa.BigInteger()),
        sa.Column("parcel_number", sa.Integer()),
        sa.Column("return_requested", sa.Boolean(create_constraint=True, name="return_requested"), nullable=False),
        sa.CheckConstraint("state <> ''", name=op.f("ck_line_progress_state")),
        sa.CheckConstraint("cost >= 0", name=op.f("ck_line_progress_cost")),
        sa.ForeignKeyConstraint(
            ["order_id", "unit_id"],
            ["order_lines.order_id", "order_lines.unit_id"],
            name=op.f("fk_line_progress_order_id_unit_id"),
        ),
        sa.PrimaryKeyConstraint("order_id", "unit_id", name=op.f("pk_line_progress")),
    )
    op.create_table(
        "payments",
        sa.Column("order_id", key, nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("captured", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("state <> ''", name=op.f("ck_payments_state")),
        sa.CheckConstraint(
            "captured >= 0 AND (captured > 0) = (state = 'captured')", name=op.f("ck_payments_captured")
        ),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_payments_order_id")),
        sa.PrimaryKeyConstraint("order_id", name=op.f("pk_payments")),
    )
    op.create_table(
        "refunds",
        sa.Column("order_id", key, nullable=False),
        sa.Column("unit_id", key, nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.CheckConstraint("state <> ''", name=op.f("ck_refunds_state")),
        sa.CheckConstraint("amount > 0", name=op.f("ck_refunds_amount")),
        sa.ForeignKeyConstraint(
            ["order_id", "unit_id"],
            ["order_lines.order_id", "order_lines.unit_id"],
            name=op.f("fk_refunds_order_id_unit_id"),
        ),
        sa.PrimaryKeyConstraint("order_id", "unit_id", name=op.f("pk_refunds")),
    )
    op.create_table(
        "parcels",
        sa.Column("order_id", key, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("carrier", sa.Text(), nullable=False),
        sa.Column("tracking_number", sa.Text(), nullable=False),
        sa.CheckConstraint("number >= 1", name=op.f("ck_parcels_number")),
        sa.CheckConstraint("carrier <> '' AND tracking_number <> ''", name=op.f("ck_parcels_named")),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_parcels_order_id")),
        sa.PrimaryKeyConstraint("order_id", "number", name=op.f("pk_parcels")),
    )
    op.create_table(
        "order_history",
        sa.Column("id", key, nullable=False),
        sa.Column("order_id", key, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor_id", key),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("unit_id", key),
        sa.Column("source", sa.Text()),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("amount", sa.BigInteger()),
        sa.Column("note", sa.Text(), nullable=False),
        sa.CheckConstraint("event <> '' AND target <> ''", name=op.f("ck_order_history_named")),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_order_history_order_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_order_history")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_order_history_order_id_id"), "order_history", ["order_id", "id"])
