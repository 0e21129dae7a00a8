"""The tree of the categories, the version of the reference tables, whose rows staff change, and the audit."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Takes the step. Every category is at the top of the tree."""
    key = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.add_column("catalogue", sa.Column("references_version", sa.BigInteger(), server_default="0", nullable=False))
    op.create_table(
        "category_parents",
        sa.Column("category_id", key, nullable=False),
        sa.Column("parent_id", key, nullable=False),
        sa.CheckConstraint("parent_id <> category_id", name=op.f("ck_category_parents_other")),
        sa.ForeignKeyConstraint(["category_id"], ["categories.id"], name=op.f("fk_category_parents_category_id")),
        sa.ForeignKeyConstraint(["parent_id"], ["categories.id"], name=op.f("fk_category_parents_parent_id")),
        sa.PrimaryKeyConstraint("category_id", name=op.f("pk_category_parents")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_category_parents_parent_id"), "category_parents", ["parent_id"])
    op.create_table(
        "merged_references",
        sa.Column("table_name", sa.Text(), nullable=False),
        sa.Column("row_id", key, autoincrement=False, nullable=False),
        sa.Column("into_id", key, nullable=False),
        sa.PrimaryKeyConstraint("table_name", "row_id", name=op.f("pk_merged_references")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "audit",
        sa.Column("id", key, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor_id", key),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("object_id", key, nullable=False),
        sa.Column("changes", sa.JSON(), nullable=False),
        sa.CheckConstraint("action <> '' AND kind <> ''", name=op.f("ck_audit_named")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_audit_kind_object_id_id"), "audit", ["kind", "object_id", "id"])
    op.create_index(op.f("ix_audit_actor_id_id"), "audit", ["actor_id", "id"])
