"""The table of slugs."""

from typing import Final

import sqlalchemy as sa

from sellout_adapters.sql.schema.columns import check, flag, metadata, refers
from sellout_adapters.sql.schema.tables.catalogue import products

# A product has one present slug, and its old ones.
slugs: Final = sa.Table(
    "slugs",
    metadata,
    sa.Column("slug", sa.Text, primary_key=True),
    refers("product_id", products.c.id, index=True),
    flag("is_present"),
    sa.Index(
        "uq_slugs_present",
        "product_id",
        unique=True,
        sqlite_where=sa.text("is_present"),
        postgresql_where=sa.text("is_present"),
    ),
    check("written", "slug <> ''"),
    sqlite_with_rowid=False,
)
