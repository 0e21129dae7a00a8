"""The languages of mails to accounts."""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"


def upgrade() -> None:
    """Takes the step. Mails to existing accounts are in English until the next request about the address."""
    op.add_column("account_emails", sa.Column("language", sa.Text(), server_default="en", nullable=False))
