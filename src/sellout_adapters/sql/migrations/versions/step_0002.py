"""Counts of what happens too often."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Takes the step."""
    op.create_table(
        "counters",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=op.get_bind().dialect.name != "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_counters")),
        sa.CheckConstraint("number >= 0", name=op.f("ck_counters_number")),
    )
    op.create_index(op.f("ix_counters_ends_at"), "counters", ["ends_at"])
