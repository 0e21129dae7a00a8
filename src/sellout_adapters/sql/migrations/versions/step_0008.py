"""Indexes by which expired rows and a buyer's orders are found; none that no statement uses."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Takes the step."""
    _move_responses()
    op.create_index(op.f("ix_sessions_expires_at"), "sessions", ["expires_at"])
    op.create_index(op.f("ix_orders_buyer_id_id"), "orders", ["buyer_id", "id"])
    op.drop_index(op.f("ix_orders_buyer_id"), "orders")
    op.drop_index(op.f("ix_orders_promo_code_id"), "orders")
    op.drop_index(op.f("ix_order_lines_unit_id"), "order_lines")
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "ALTER TABLE order_lines DROP CONSTRAINT pk_order_lines, DROP CONSTRAINT uq_order_lines_order_id_unit_id,"
            " ADD CONSTRAINT pk_order_lines PRIMARY KEY (order_id, unit_id)"
        )
    else:
        _rebuild_lines()


def _move_responses() -> None:
    """Those of the last week before the newest one, or before now if that one is from the future. Older ones have
    expired. They are most of a large table, and are not copied.
    """
    op.create_table(
        "idempotency_keys",
        sa.Column("user_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("idempotency_key", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("response", sa.LargeBinary(), nullable=False),
        sa.Column("compressed", sa.Boolean(create_constraint=True, name="compressed"), nullable=False),
        sa.Column("stored_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_idempotency_keys_user_id")),
        sa.PrimaryKeyConstraint("user_id", "idempotency_key", name=op.f("pk_idempotency_keys")),
    )
    on_postgresql = op.get_bind().dialect.name == "postgresql"
    week_ago = (
        "least(kept_at, now()) - interval '7 days'"
        if on_postgresql
        else "datetime(min(kept_at, datetime('now')), '-7 days')"
    )
    op.execute(
        f"""
        INSERT INTO idempotency_keys (user_id, idempotency_key, fingerprint, response, compressed, stored_at)
        SELECT user_id, idempotency_key, fingerprint, answer, false, kept_at FROM answers
        WHERE kept_at > (SELECT {week_ago} FROM answers ORDER BY kept_at DESC LIMIT 1)
        """  # noqa: S608 - ours
    )
    op.create_index(op.f("ix_idempotency_keys_stored_at"), "idempotency_keys", ["stored_at"])
    op.drop_table("answers")


def _rebuild_lines() -> None:
    """SQLite cannot change the primary key of a table."""
    op.rename_table("order_lines", "order_lines_0007")
    op.create_table(
        "order_lines",
        sa.Column("order_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("unit_id", sa.Integer(), nullable=False),
        sa.Column("unit_digest", sa.Text(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("amount >= 0", name=op.f("ck_order_lines_amount")),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_order_lines_order_id")),
        sa.ForeignKeyConstraint(
            ["unit_digest", "unit_id"],
            ["agreed_units.digest", "agreed_units.unit_id"],
            name=op.f("fk_order_lines_unit_digest_unit_id"),
        ),
        sa.ForeignKeyConstraint(["unit_id"], ["product_units.id"], name=op.f("fk_order_lines_unit_id")),
        sa.PrimaryKeyConstraint("order_id", "unit_id", name=op.f("pk_order_lines")),
        sqlite_with_rowid=False,
    )
    columns = "order_id, position, unit_id, unit_digest, amount"
    op.execute(f"INSERT INTO order_lines ({columns}) SELECT {columns} FROM order_lines_0007")  # noqa: S608 - ours
    op.drop_table("order_lines_0007")
