"""The tables of products and units as orders agreed on them, with names and no foreign keys to the catalogue."""

from typing import Final

from sqlalchemy import JSON, Column, Date, ForeignKey, Table, Text, UniqueConstraint

from sellout_adapters.sql.schema.columns import check, count, flag, metadata, text
from sellout_adapters.sql.schema.types import Id, UtcTime


def _id(name: str) -> Column[int]:
    """The id of a catalogue row when the order was made."""
    return Column(name, Id, nullable=False)


agreed_products: Final = Table(
    "agreed_products",
    metadata,
    Column("digest", Text, primary_key=True),
    _id("product_id"),
    text("sku"),
    text("name"),
    text("description"),
    text("bucket_link"),
    flag("available"),
    Column("updated_at", UtcTime, nullable=False),
    Column("added_on", Date, nullable=False),
    count("fit"),
    count("rel_num"),
    _id("gender_id"),
    text("gender"),
    # Lists of pairs of an id and a name.
    Column("brands", JSON, nullable=False),
    Column("categories", JSON, nullable=False),
    Column("tags", JSON, nullable=False),
    check("digest", "length(digest) = 64"),
    sqlite_with_rowid=False,
)

agreed_units: Final = Table(
    "agreed_units",
    metadata,
    Column("digest", Text, primary_key=True),
    Column("product_digest", Text, ForeignKey(agreed_products.c.digest), nullable=False),
    _id("unit_id"),
    _id("size_id"),
    text("international"),
    text("us"),
    text("uk"),
    text("eu"),
    text("it"),
    text("ru"),
    count("price"),
    flag("available"),
    _id("currency_id"),
    text("currency"),
    _id("delivery_type_id"),
    text("delivery_type"),
    _id("platform_id"),
    text("platform"),
    text("site"),
    UniqueConstraint("digest", "unit_id"),
    check("digest", "length(digest) = 64"),
    check("price", "price >= 0"),
    sqlite_with_rowid=False,
)
