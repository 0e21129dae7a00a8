"""One's own account: main addresses, when and from where sessions were used, and the deletion of users."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"

FILLED: Final = "email <> '' AND telephone <> '' AND first_name <> '' AND address <> ''"
EMPTY: Final = (
    "email = '' AND telephone = '' AND first_name = '' AND last_name = '' AND address = '' AND post_index = ''"
)


def upgrade() -> None:
    """Takes the step. No user has a main address or has been deleted yet. The last use of older sessions is unknown
    until they are refreshed. Older stored responses may be about any user. They expire in a day.
    """
    key = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.add_column("users", sa.Column("main_address_id", key))
    op.add_column("sessions", sa.Column("last_used_at", sa.DateTime(timezone=True)))
    for name in ("device", "network"):
        op.add_column("sessions", sa.Column(name, sa.Text(), server_default="", nullable=False))
    op.add_column("users", sa.Column("deleted_at", sa.DateTime(timezone=True)))
    op.add_column("idempotency_keys", sa.Column("about_id", key))
    op.create_index(op.f("ix_idempotency_keys_about_id"), "idempotency_keys", ["about_id"])
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE orders DROP CONSTRAINT ck_orders_contact")
        op.create_check_constraint(op.f("ck_orders_contact"), "orders", f"({FILLED}) OR ({EMPTY})")
    else:
        _relax_contact()


def _relax_contact() -> None:
    """SQLite changes no constraint of a table. The documented way to relax one without a copy of the table is to write
    the table's definition (https://sqlite.org/lang_altertable.html, section 7).
    """
    version = op.get_bind().exec_driver_sql("PRAGMA schema_version").scalar_one()
    op.execute("PRAGMA writable_schema = ON")
    op.get_bind().execute(
        sa.text(
            "UPDATE sqlite_master SET sql = replace(sql, :before, :after) WHERE type = 'table' AND name = 'orders'"
        ),
        {"before": f"CHECK ({FILLED})", "after": f"CHECK (({FILLED}) OR ({EMPTY}))"},
    )
    op.execute(f"PRAGMA schema_version = {version + 1}")
    op.execute("PRAGMA writable_schema = OFF")
