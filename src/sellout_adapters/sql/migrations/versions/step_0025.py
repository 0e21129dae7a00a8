"""The languages of mails to accounts, and the index of dead deliveries."""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"


def upgrade() -> None:
    """Takes the step. Mails about orders of existing accounts are in English until their address is verified again."""
    op.add_column("account_emails", sa.Column("language", sa.Text(), server_default="en", nullable=False))
    dead = sa.text("dead_at IS NOT NULL")
    op.create_index(
        "ix_event_deliveries_dead", "event_deliveries", ["dead_at"], sqlite_where=dead, postgresql_where=dead
    )
