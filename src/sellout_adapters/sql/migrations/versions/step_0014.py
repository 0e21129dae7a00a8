"""Carts of guests."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Takes the step."""
    on_sqlite = op.get_bind().dialect.name == "sqlite"
    op.create_table(
        "guest_carts",
        sa.Column("id", sa.Integer() if on_sqlite else sa.BigInteger(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("unit_ids", sa.JSON(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=not on_sqlite), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_guest_carts")),
        sa.UniqueConstraint("fingerprint", name=op.f("uq_guest_carts_fingerprint")),
        sa.CheckConstraint("length(fingerprint) = 64", name=op.f("ck_guest_carts_fingerprint")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_guest_carts_expires_at"), "guest_carts", ["expires_at"])
