"""E-mail addresses of accounts, single-use tokens, and the outbox."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Takes the step. No address is verified yet."""
    key = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "account_emails",
        sa.Column("user_id", key, nullable=False),
        sa.Column("address", sa.Text()),
        sa.Column("address_key", sa.Text()),
        sa.Column("pending", sa.Text()),
        sa.CheckConstraint(
            "(address IS NULL AND address_key IS NULL) OR (address IS NOT NULL AND address_key IS NOT NULL)",
            name=op.f("ck_account_emails_verified"),
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_account_emails_user_id")),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_account_emails")),
        sa.UniqueConstraint("address_key", name=op.f("uq_account_emails_address_key")),
    )
    op.create_table(
        "single_use_tokens",
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("user_id", key, nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_single_use_tokens_user_id")),
        sa.PrimaryKeyConstraint("fingerprint", name=op.f("pk_single_use_tokens")),
    )
    for column in ("user_id", "expires_at"):
        op.create_index(op.f(f"ix_single_use_tokens_{column}"), "single_use_tokens", [column])
    op.create_table(
        "outbox",
        sa.Column("id", key, nullable=False),
        sa.Column("recipient", sa.Text(), nullable=False),
        sa.Column("recipient_key", sa.Text(), nullable=False),
        sa.Column("template", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("user_id", key),
        sa.Column("parameters", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("recipient <> '' AND recipient_key <> ''", name=op.f("ck_outbox_named")),
        sa.CheckConstraint("attempts >= 0", name=op.f("ck_outbox_attempts")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_outbox_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
        sqlite_autoincrement=True,
    )
    for columns in (["user_id"], ["due_at"], ["recipient_key", "id"]):
        op.create_index(op.f(f"ix_outbox_{'_'.join(columns)}"), "outbox", columns)
