"""The slugs of products. Those that exist get one from their names and brands."""

from collections import defaultdict
from typing import Final

import sqlalchemy as sa
from alembic import op

from sellout_adapters.sql.schema.inserts import insert_missing
from sellout_core.catalogue.slugs import own_slug, slug_of

revision = "0016"
down_revision = "0015"

BATCH: Final = 1000

PRODUCTS: Final = sa.text("SELECT id, name FROM products WHERE id > :after ORDER BY id LIMIT :batch")
BRANDS: Final = sa.text(
    "SELECT product_id, brands.name FROM product_brands JOIN brands ON brands.id = brand_id"
    " WHERE product_id > :after AND product_id <= :last ORDER BY product_id, brand_id"
)
GIVEN: Final = sa.text("SELECT product_id FROM slugs WHERE product_id > :after AND product_id <= :last")


def upgrade() -> None:
    """Takes the step."""
    key = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    slugs = op.create_table(
        "slugs",
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("product_id", key, nullable=False),
        sa.Column("is_present", sa.Boolean(create_constraint=True, name="is_present"), nullable=False),
        sa.CheckConstraint("slug <> ''", name=op.f("ck_slugs_written")),
        sa.ForeignKeyConstraint(["product_id"], ["products.id"], name=op.f("fk_slugs_product_id")),
        sa.PrimaryKeyConstraint("slug", name=op.f("pk_slugs")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_slugs_product_id"), "slugs", ["product_id"])
    present = sa.text("is_present")
    op.create_index(
        "uq_slugs_present", "slugs", ["product_id"], unique=True, sqlite_where=present, postgresql_where=present
    )
    _fill(op.get_bind(), slugs)


def _fill(connection: sa.Connection, slugs: sa.Table) -> None:
    """Writes the slugs of a batch of products at a time. Of products with one slug, the lowest id gets it."""
    after = 0
    while products := connection.execute(PRODUCTS, {"after": after, "batch": BATCH}).all():
        window = {"after": after, "last": products[-1].id}
        brands: defaultdict[int, list[str]] = defaultdict(list)
        for row in connection.execute(BRANDS, window):
            brands[row.product_id].append(row.name)
        wanted = {product.id: slug_of(product.name, brands[product.id]) for product in products}
        _add(connection, slugs, wanted)
        given = set(connection.scalars(GIVEN, window))
        own = {product_id: own_slug(slug, product_id) for product_id, slug in wanted.items() if product_id not in given}
        if own:
            _add(connection, slugs, own)
        after = products[-1].id


def _add(connection: sa.Connection, slugs: sa.Table, wanted: dict[int, str]) -> None:
    rows = [{"slug": slug, "product_id": product_id, "is_present": True} for product_id, slug in wanted.items()]
    connection.execute(insert_missing(slugs), rows)
