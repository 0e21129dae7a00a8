"""The number of pieces sold of each product unit."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Takes the step. One line of an order is one piece."""
    on_postgresql = op.get_bind().dialect.name == "postgresql"
    law = sa.CheckConstraint("sold >= 0", name=op.f("ck_product_units_sold"))
    column = sa.Column("sold", sa.BigInteger(), *([] if on_postgresql else [law]), server_default="0", nullable=False)
    op.add_column("product_units", column)
    if on_postgresql:
        op.create_check_constraint(op.f("ck_product_units_sold"), "product_units", "sold >= 0")
    op.execute(
        """
        UPDATE product_units SET sold = (SELECT count(*) FROM order_lines WHERE unit_id = product_units.id)
        WHERE id IN (SELECT unit_id FROM order_lines)
        """
    )
