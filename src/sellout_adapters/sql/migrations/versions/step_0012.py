"""The index by which the orders that used a promo code are found; users' telephones and the texts that find users."""

from typing import Final

import sqlalchemy as sa
from alembic import op

from sellout_core.values import fold

revision = "0012"
down_revision = "0011"

BATCH: Final = 1000


def upgrade() -> None:
    """Takes the step. No user has a telephone number yet."""
    used = sa.text("promo_code_id IS NOT NULL")
    op.create_index(
        op.f("ix_orders_promo_code_id_id"),
        "orders",
        ["promo_code_id", "id"],
        sqlite_where=used,
        postgresql_where=used,
    )
    op.add_column("users", sa.Column("telephone", sa.Text(), server_default="", nullable=False))
    op.add_column("users", sa.Column("search_key", sa.Text(), server_default="", nullable=False))
    _fill_search_keys(op.get_bind())


def _fill_search_keys(connection: sa.Connection) -> None:
    """Writes the texts that find users, a batch of them at a time."""
    read = sa.text(
        "SELECT id, username, first_name, last_name, email FROM users WHERE id > :after ORDER BY id LIMIT :batch"
    )
    write = sa.text("UPDATE users SET search_key = :search_key WHERE id = :id")
    after = 0
    while rows := connection.execute(read, {"after": after, "batch": BATCH}).all():
        after = rows[-1].id
        connection.execute(
            write,
            [
                {
                    "id": row.id,
                    "search_key": _key(
                        row.username,
                        f"{row.first_name} {row.last_name}",
                        f"{row.last_name} {row.first_name}",
                        row.email,
                        "",
                        "",
                    ),
                }
                for row in rows
            ],
        )


def _key(*texts: str) -> str:
    return "".join("\n" + " ".join(fold(text).split()) for text in texts)
