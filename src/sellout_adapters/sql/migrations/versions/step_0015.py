"""The indexes by which staff find orders: by status, by time, and by product."""

from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """Takes the step."""
    op.create_index(op.f("ix_orders_status_id_id"), "orders", ["status_id", "id"])
    op.create_index(op.f("ix_orders_placed_at_id"), "orders", ["placed_at", "id"])
    op.drop_index(op.f("ix_order_lines_unit_id"), "order_lines")
    op.create_index(op.f("ix_order_lines_unit_id_order_id"), "order_lines", ["unit_id", "order_id"])
