"""Counts of listed products, by which pages are found."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Takes the step."""
    op.create_table(
        "listed_counts",
        sa.Column("level", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("node", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("listed", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("level", "node", name=op.f("pk_listed_counts")),
        sa.CheckConstraint("level BETWEEN 6 AND 52", name=op.f("ck_listed_counts_level")),
        sa.CheckConstraint("node > 0 OR (node = 0 AND level = 6)", name=op.f("ck_listed_counts_node")),
        sa.CheckConstraint("listed >= 0", name=op.f("ck_listed_counts_listed")),
        sqlite_with_rowid=False,
    )
    op.execute(
        """
        INSERT INTO listed_counts (level, node, listed)
        WITH RECURSIVE
            levels (level) AS (SELECT 6 UNION ALL SELECT level + 1 FROM levels WHERE level < 52),
            leaves (leaf, listed) AS (SELECT id / 64, count(*) FROM products WHERE available GROUP BY id / 64)
        SELECT level, leaf >> (level - 6), sum(listed)
        FROM leaves JOIN levels ON level = 6 OR leaf >> (level - 6) > 0
        GROUP BY level, leaf >> (level - 6)
        """
    )
