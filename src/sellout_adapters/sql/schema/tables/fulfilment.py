"""The tables of the progress of order lines, of payments, refunds and parcels, of the history of orders, and of
the delivery tariffs.
"""

from typing import Final

from sqlalchemy import Column, ForeignKeyConstraint, Index, Integer, Table, Text, UniqueConstraint

from sellout_adapters.sql.schema.columns import NEVER_REUSED, check, count, flag, key, metadata, refers, text
from sellout_adapters.sql.schema.tables.catalogue import currencies
from sellout_adapters.sql.schema.tables.shop import order_lines, orders
from sellout_adapters.sql.schema.types import Id, UtcTime

# A line without a row has not moved since checkout.
line_progress: Final = Table(
    "line_progress",
    metadata,
    Column("order_id", Id, primary_key=True),
    Column("unit_id", Id, primary_key=True),
    text("state"),
    Column("moved_at", UtcTime),
    count("cost", nullable=True),
    Column("parcel_number", Integer),
    flag("return_requested"),
    ForeignKeyConstraint(["order_id", "unit_id"], [order_lines.c.order_id, order_lines.c.unit_id]),
    check("state", "state <> ''"),
    check("cost", "cost >= 0"),
)

# An order without a row is due in full.
payments: Final = Table(
    "payments",
    metadata,
    refers("order_id", orders.c.id, primary_key=True),
    text("state"),
    count("captured"),
    check("state", "state <> ''"),
    check("captured", "captured >= 0 AND (captured > 0) = (state = 'captured')"),
)

refunds: Final = Table(
    "refunds",
    metadata,
    Column("order_id", Id, primary_key=True),
    Column("unit_id", Id, primary_key=True),
    count("amount"),
    text("state"),
    # The online payment whose provider pays it back.
    Column("payment_number", Integer),
    ForeignKeyConstraint(["order_id", "unit_id"], [order_lines.c.order_id, order_lines.c.unit_id]),
    check("state", "state <> ''"),
    check("amount", "amount > 0"),
)

# The refund of the delivery fee.
delivery_refunds: Final = Table(
    "delivery_refunds",
    metadata,
    refers("order_id", orders.c.id, primary_key=True),
    count("amount"),
    text("state"),
    # The online payment whose provider pays it back.
    Column("payment_number", Integer),
    check("state", "state <> ''"),
    check("amount", "amount > 0"),
)

# The payments of an order with a payment provider.
online_payments: Final = Table(
    "online_payments",
    metadata,
    refers("order_id", orders.c.id, primary_key=True),
    Column("number", Integer, primary_key=True),
    text("provider"),
    text("reference"),
    text("page"),
    text("currency"),
    count("amount"),
    count("authorised"),
    count("captured"),
    count("released"),
    count("refunded"),
    count("credited"),
    flag("closed"),
    flag("in_parts"),
    # While a process asks the provider, this is the end of its lease.
    Column("due_at", UtcTime, index=True),
    count("attempts"),
    text("last_error"),
    UniqueConstraint("provider", "reference"),
    check("number", "number >= 1"),
    check("named", "provider <> '' AND reference <> ''"),
    check("amount", "amount > 0"),
    check(
        "totals",
        "credited BETWEEN 0 AND captured AND refunded BETWEEN 0 AND captured"
        " AND captured <= authorised AND authorised <= amount AND released BETWEEN 0 AND authorised",
    ),
    check("attempts", "attempts >= 0"),
)

delivery_tariffs: Final = Table(
    "delivery_tariffs",
    metadata,
    Column("kind", Text, primary_key=True),
    count("price"),
    refers("currency_id", currencies.c.id),
    check("kind", "kind <> ''"),
    check("price", "price >= 0"),
)

parcels: Final = Table(
    "parcels",
    metadata,
    refers("order_id", orders.c.id, primary_key=True),
    Column("number", Integer, primary_key=True),
    text("carrier"),
    text("tracking_number"),
    check("number", "number >= 1"),
    check("named", "carrier <> '' AND tracking_number <> ''"),
)

# The actor may be deleted: no foreign key.
order_history: Final = Table(
    "order_history",
    metadata,
    key(),
    refers("order_id", orders.c.id),
    Column("at", UtcTime, nullable=False),
    Column("actor_id", Id),
    text("event"),
    Column("unit_id", Id),
    text("source", nullable=True),
    text("target"),
    count("amount", nullable=True),
    text("note"),
    Index(None, "order_id", "id"),
    check("named", "event <> '' AND target <> ''"),
    **NEVER_REUSED,
)
