"""A version of the catalogue, for those who keep what they read of it."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Takes the step."""
    catalogue = op.create_table(
        "catalogue",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_catalogue")),
        sa.CheckConstraint("id = 1", name=op.f("ck_catalogue_one_row")),
    )
    op.bulk_insert(catalogue, [{"id": 1, "version": 0}])
