"""Events, the subscriptions to them, and their deliveries."""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"


def upgrade() -> None:
    """Takes the step. What happened before has no events."""
    key = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    time = sa.DateTime(timezone=True)
    op.create_table(
        "events",
        sa.Column("id", key, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("occurred_at", time, nullable=False),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.Column("buyer_id", key),
        sa.Column("dispatched", sa.Boolean(create_constraint=True, name="dispatched"), nullable=False),
        sa.CheckConstraint("name <> '' AND subject <> ''", name=op.f("ck_events_named")),
        sa.CheckConstraint("version >= 1", name=op.f("ck_events_version")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_events")),
        sqlite_autoincrement=True,
    )
    _index("ix_events_undispatched", "events", ["id"], "NOT dispatched")
    _index("ix_events_occurred_at", "events", ["occurred_at"], "dispatched")
    _index("ix_events_buyer_id", "events", ["buyer_id", "id"], "buyer_id IS NOT NULL")
    op.create_table(
        "event_subscriptions",
        sa.Column("id", key, nullable=False),
        sa.Column("url", sa.Text()),
        sa.Column("service", sa.Text()),
        sa.Column("secret", sa.Text(), nullable=False),
        sa.Column("previous_secret", sa.Text(), nullable=False),
        sa.Column("previous_until", time),
        sa.Column("events", sa.JSON(), nullable=False),
        sa.Column("active", sa.Boolean(create_constraint=True, name="active"), nullable=False),
        sa.Column("created_at", time, nullable=False),
        sa.Column("failures", sa.BigInteger(), nullable=False),
        sa.Column("next_at", time),
        sa.Column("lease", sa.BigInteger(), nullable=False),
        sa.Column("leased_until", time),
        sa.CheckConstraint("(url IS NULL) <> (service IS NULL)", name=op.f("ck_event_subscriptions_target")),
        sa.CheckConstraint("failures >= 0 AND lease >= 0", name=op.f("ck_event_subscriptions_counted")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_event_subscriptions")),
        sa.UniqueConstraint("service", name=op.f("uq_event_subscriptions_service")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "event_deliveries",
        sa.Column("event_id", key, nullable=False),
        sa.Column("subscription_id", key, nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("attempts", sa.BigInteger(), nullable=False),
        sa.Column("due_at", time, nullable=False),
        sa.Column("dead_at", time),
        sa.Column("last_error", sa.Text(), nullable=False),
        sa.CheckConstraint("attempts >= 0", name=op.f("ck_event_deliveries_attempts")),
        sa.ForeignKeyConstraint(["event_id"], ["events.id"], name=op.f("fk_event_deliveries_event_id")),
        sa.ForeignKeyConstraint(
            ["subscription_id"], ["event_subscriptions.id"], name=op.f("fk_event_deliveries_subscription_id")
        ),
        sa.PrimaryKeyConstraint("event_id", "subscription_id", name=op.f("pk_event_deliveries")),
    )
    op.create_index(
        op.f("ix_event_deliveries_subscription_id_event_id"), "event_deliveries", ["subscription_id", "event_id"]
    )
    live = "dead_at IS NULL"
    _index("ix_event_deliveries_live", "event_deliveries", ["subscription_id", "event_id"], live)
    _index("ix_event_deliveries_subject", "event_deliveries", ["subscription_id", "subject", "event_id"], live)


def _index(name: str, table: str, columns: list[str], condition: str) -> None:
    where = sa.text(condition)
    op.create_index(name, table, columns, sqlite_where=where, postgresql_where=where)
