"""The pictures of products."""

from typing import Final

import sqlalchemy as sa

from sellout_adapters.sql.schema.columns import NEVER_REUSED, check, count, key, metadata, refers, text
from sellout_adapters.sql.schema.tables.catalogue import products
from sellout_core.values import MAX_PICTURES

product_pictures: Final = sa.Table(
    "product_pictures",
    metadata,
    key(),
    refers("product_id", products.c.id),
    sa.Column("position", sa.Integer, nullable=False),
    text("digest", index=True),
    count("width"),
    count("height"),
    sa.UniqueConstraint("product_id", "position"),
    sa.UniqueConstraint("product_id", "digest"),
    check("position", f"position BETWEEN 1 AND {MAX_PICTURES}"),
    check("digest", "length(digest) = 48"),
    check("pixels", "width > 0 AND height > 0"),
    **NEVER_REUSED,
)
