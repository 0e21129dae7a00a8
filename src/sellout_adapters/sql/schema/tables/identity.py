"""The tables of e-mail addresses, single-use tokens, second factors and the outbox."""

from typing import Final

from sqlalchemy import JSON, Column, Index, Table, Text

from sellout_adapters.sql.schema.columns import (
    NEVER_REUSED,
    all_or_none,
    check,
    count,
    flag,
    key,
    metadata,
    refers,
    text,
)
from sellout_adapters.sql.schema.tables.shop import users
from sellout_adapters.sql.schema.types import UtcTime

account_emails: Final = Table(
    "account_emails",
    metadata,
    refers("user_id", users.c.id, primary_key=True),
    text("address", nullable=True),
    # `identity.address_key` of the verified address
    text("address_key", nullable=True, unique=True),
    text("pending", nullable=True),
    text("language", server_default="en"),
    check("verified", all_or_none("address", "address_key")),
)

single_use_tokens: Final = Table(
    "single_use_tokens",
    metadata,
    Column("fingerprint", Text, primary_key=True),
    refers("user_id", users.c.id, index=True),
    text("purpose"),
    text("address"),
    Column("expires_at", UtcTime, nullable=False, index=True),
)

second_factors: Final = Table(
    "second_factors",
    metadata,
    refers("user_id", users.c.id, primary_key=True),
    text("secret"),
    flag("is_on"),
    count("last_step"),
    check("last_step", "last_step >= 0"),
)

recovery_codes: Final = Table(
    "recovery_codes",
    metadata,
    refers("user_id", second_factors.c.user_id, primary_key=True),
    Column("fingerprint", Text, primary_key=True),
)

# A mail is deleted when it has been sent.
outbox: Final = Table(
    "outbox",
    metadata,
    key(),
    text("recipient"),
    text("recipient_key"),
    text("template"),
    text("language"),
    refers("user_id", users.c.id, nullable=True, index=True),
    Column("parameters", JSON, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    count("attempts"),
    # While a process sends a mail, this is the end of its lease.
    Column("due_at", UtcTime, nullable=False, index=True),
    Index(None, "recipient_key", "id"),
    check("named", "recipient <> '' AND recipient_key <> ''"),
    check("attempts", "attempts >= 0"),
    **NEVER_REUSED,
)
