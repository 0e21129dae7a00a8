"""Which products the latest versions of the catalogue changed."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Takes the step. Earlier changes are unknown, and the facet index does not read them."""
    op.create_table(
        "catalogue_changes",
        sa.Column("version", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("product_ids", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_catalogue_changes")),
    )
