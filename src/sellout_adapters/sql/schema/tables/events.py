"""The tables of events, of subscriptions and of deliveries."""

from typing import Final

from sqlalchemy import JSON, Column, Index, Table, text

from sellout_adapters.sql.schema.columns import NEVER_REUSED, check, count, flag, key, metadata, refers
from sellout_adapters.sql.schema.columns import text as text_column
from sellout_adapters.sql.schema.types import Id, UtcTime

# The buyer may be deleted: no foreign key.
events: Final = Table(
    "events",
    metadata,
    key(),
    text_column("name"),
    count("version"),
    text_column("subject"),
    Column("occurred_at", UtcTime, nullable=False),
    Column("data", JSON, nullable=False),
    Column("buyer_id", Id),
    flag("dispatched"),
    check("named", "name <> '' AND subject <> ''"),
    check("version", "version >= 1"),
    **NEVER_REUSED,
)

_DISPATCHED: Final = text("dispatched")
_UNDISPATCHED: Final = text("NOT dispatched")
_OF_A_BUYER: Final = text("buyer_id IS NOT NULL")
# A checkout writes to few indexes: an event enters one of them when it is dispatched.
Index("ix_events_undispatched", events.c.id, sqlite_where=_UNDISPATCHED, postgresql_where=_UNDISPATCHED)
Index("ix_events_occurred_at", events.c.occurred_at, sqlite_where=_DISPATCHED, postgresql_where=_DISPATCHED)
Index("ix_events_buyer_id", events.c.buyer_id, events.c.id, sqlite_where=_OF_A_BUYER, postgresql_where=_OF_A_BUYER)

event_subscriptions: Final = Table(
    "event_subscriptions",
    metadata,
    key(),
    text_column("url", nullable=True),
    text_column("service", nullable=True, unique=True),
    text_column("secret"),
    text_column("previous_secret"),
    Column("previous_until", UtcTime),
    Column("events", JSON, nullable=False),
    flag("active"),
    Column("created_at", UtcTime, nullable=False),
    count("failures"),
    Column("next_at", UtcTime),
    count("lease"),
    Column("leased_until", UtcTime),
    check("target", "(url IS NULL) <> (service IS NULL)"),
    check("counted", "failures >= 0 AND lease >= 0"),
    **NEVER_REUSED,
)

# A delivery is deleted when it has succeeded.
event_deliveries: Final = Table(
    "event_deliveries",
    metadata,
    refers("event_id", events.c.id, primary_key=True),
    refers("subscription_id", event_subscriptions.c.id, primary_key=True),
    # The event's.
    text_column("subject"),
    count("attempts"),
    Column("due_at", UtcTime, nullable=False),
    Column("dead_at", UtcTime),
    text_column("last_error"),
    Index(None, "subscription_id", "event_id"),
    check("attempts", "attempts >= 0"),
)

_LIVE: Final = text("dead_at IS NULL")
Index(
    "ix_event_deliveries_live",
    event_deliveries.c.subscription_id,
    event_deliveries.c.event_id,
    sqlite_where=_LIVE,
    postgresql_where=_LIVE,
)
_DEAD: Final = text("dead_at IS NOT NULL")
Index("ix_event_deliveries_dead", event_deliveries.c.dead_at, sqlite_where=_DEAD, postgresql_where=_DEAD)
Index(
    "ix_event_deliveries_subject",
    event_deliveries.c.subscription_id,
    event_deliveries.c.subject,
    event_deliveries.c.event_id,
    sqlite_where=_LIVE,
    postgresql_where=_LIVE,
)
