"""Products and units as orders agreed on them. Orders from before show today's, at the price they agreed on."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any, Final

import sqlalchemy as sa
from alembic import op

from sellout_adapters.sql.repositories.shopping.agreed_units import digest_of
from sellout_adapters.sql.schema.inserts import insert_missing
from sellout_adapters.sql.schema.types import UtcTime

revision = "0007"
down_revision = "0006"

BATCH: Final = 1000

ID: Final = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

# The lines after one, each with its unit as it is today; prices and currencies are the line's own.
LINES: Final = """
    SELECT order_lines.order_id, order_lines.position, order_lines.amount, product_units.product_id,
        product_units.id AS unit_id, sizes.id AS size_id, sizes.international, sizes.us, sizes.uk, sizes.eu, sizes.it,
        sizes.ru, order_lines.price, product_units.available, currencies.id AS currency_id,
        currencies.name AS currency, delivery_types.id AS delivery_type_id, delivery_types.name AS delivery_type,
        platforms.id AS platform_id, platforms.name AS platform, platforms.site
    FROM order_lines
        JOIN product_units ON product_units.id = order_lines.unit_id
        JOIN sizes ON sizes.id = product_units.size_id
        JOIN currencies ON currencies.id = order_lines.currency_id
        JOIN delivery_types ON delivery_types.id = product_units.delivery_type_id
        JOIN platforms ON platforms.id = product_units.platform_id
    WHERE (order_lines.order_id, order_lines.position) > (:order_id, :position)
    ORDER BY order_lines.order_id, order_lines.position LIMIT :batch
"""
UNIT: Final = (
    "unit_id",
    "size_id",
    "international",
    "us",
    "uk",
    "eu",
    "it",
    "ru",
    "price",
    "available",
    "currency_id",
    "currency",
    "delivery_type_id",
    "delivery_type",
    "platform_id",
    "platform",
    "site",
)
PRODUCTS: Final = """
    SELECT products.id AS product_id, products.sku, products.name, description, bucket_link, available, updated_at,
        added_on, fit, rel_num, genders.id AS gender_id, genders.name AS gender
    FROM products JOIN genders ON genders.id = products.gender_id WHERE products.id IN :product_ids
"""
NAMES: Final = {
    "brands": "SELECT product_id, brands.id, brands.name FROM product_brands JOIN brands ON brands.id = brand_id",
    "categories": (
        "SELECT product_id, categories.id, categories.name FROM product_categories"
        " JOIN categories ON categories.id = category_id"
    ),
    "tags": "SELECT product_id, tags.id, tags.name FROM product_tags JOIN tags ON tags.id = tag_id",
}
LINE: Final = ("order_id", "position", "unit_id", "unit_digest", "amount")


def upgrade() -> None:
    """Takes the step. The lines are made anew, for SQLite cannot change the constraints of a table."""
    connection = op.get_bind()
    products = op.create_table(
        "agreed_products",
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("product_id", ID, nullable=False),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("bucket_link", sa.Text(), nullable=False),
        sa.Column("available", sa.Boolean(create_constraint=True, name="available"), nullable=False),
        sa.Column("updated_at", UtcTime(), nullable=False),
        sa.Column("added_on", sa.Date(), nullable=False),
        sa.Column("fit", sa.BigInteger(), nullable=False),
        sa.Column("rel_num", sa.BigInteger(), nullable=False),
        sa.Column("gender_id", ID, nullable=False),
        sa.Column("gender", sa.Text(), nullable=False),
        sa.Column("brands", sa.JSON(), nullable=False),
        sa.Column("categories", sa.JSON(), nullable=False),
        sa.Column("tags", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_agreed_products")),
        sa.CheckConstraint("length(digest) = 64", name=op.f("ck_agreed_products_digest")),
        sqlite_with_rowid=False,
    )
    units = op.create_table(
        "agreed_units",
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("product_digest", sa.Text(), nullable=False),
        sa.Column("unit_id", ID, nullable=False),
        sa.Column("size_id", ID, nullable=False),
        sa.Column("international", sa.Text(), nullable=False),
        sa.Column("us", sa.Text(), nullable=False),
        sa.Column("uk", sa.Text(), nullable=False),
        sa.Column("eu", sa.Text(), nullable=False),
        sa.Column("it", sa.Text(), nullable=False),
        sa.Column("ru", sa.Text(), nullable=False),
        sa.Column("price", sa.BigInteger(), nullable=False),
        sa.Column("available", sa.Boolean(create_constraint=True, name="available"), nullable=False),
        sa.Column("currency_id", ID, nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("delivery_type_id", ID, nullable=False),
        sa.Column("delivery_type", sa.Text(), nullable=False),
        sa.Column("platform_id", ID, nullable=False),
        sa.Column("platform", sa.Text(), nullable=False),
        sa.Column("site", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_agreed_units")),
        sa.ForeignKeyConstraint(
            ["product_digest"], ["agreed_products.digest"], name=op.f("fk_agreed_units_product_digest")
        ),
        sa.UniqueConstraint("digest", "unit_id", name=op.f("uq_agreed_units_digest_unit_id")),
        sa.CheckConstraint("length(digest) = 64", name=op.f("ck_agreed_units_digest")),
        sa.CheckConstraint("price >= 0", name=op.f("ck_agreed_units_price")),
        sqlite_with_rowid=False,
    )
    lines = op.create_table(
        "agreed_lines",
        sa.Column("order_id", ID, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("unit_id", ID, nullable=False),
        sa.Column("unit_digest", sa.Text(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
    )
    _fill(connection, products, units, lines)
    op.drop_table("order_lines")
    op.create_table(
        "order_lines",
        sa.Column("order_id", ID, nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("unit_id", ID, nullable=False),
        sa.Column("unit_digest", sa.Text(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("amount >= 0", name=op.f("ck_order_lines_amount")),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_order_lines_order_id")),
        sa.ForeignKeyConstraint(["unit_id"], ["product_units.id"], name=op.f("fk_order_lines_unit_id")),
        sa.ForeignKeyConstraint(
            ["unit_digest", "unit_id"],
            ["agreed_units.digest", "agreed_units.unit_id"],
            name=op.f("fk_order_lines_unit_digest_unit_id"),
        ),
        sa.PrimaryKeyConstraint("order_id", "position", name=op.f("pk_order_lines")),
        sa.UniqueConstraint("order_id", "unit_id", name=op.f("uq_order_lines_order_id_unit_id")),
        sqlite_with_rowid=False,
    )
    names = ", ".join(LINE)
    op.execute(f"INSERT INTO order_lines ({names}) SELECT {names} FROM agreed_lines ORDER BY order_id, position")  # noqa: S608
    op.drop_table("agreed_lines")
    op.create_index(op.f("ix_order_lines_unit_id"), "order_lines", ["unit_id"], unique=False)


def _fill(connection: sa.Connection, products: sa.Table, units: sa.Table, lines: sa.Table) -> None:
    """Writes what the lines agreed on, a batch of them at a time."""
    read = sa.text(LINES).columns(available=sa.Boolean())
    after = {"order_id": 0, "position": 0}
    while rows := connection.execute(read, {**after, "batch": BATCH}).mappings().all():
        after = {name: rows[-1][name] for name in after}
        agreed_products = _products(connection, {row["product_id"] for row in rows})
        agreed_units, agreed_lines = {}, []
        for row in rows:
            product_digest = agreed_products[row["product_id"]]["digest"]
            digest = digest_of([product_digest, *(row[name] for name in UNIT)])
            agreed_units[digest] = {
                "digest": digest,
                "product_digest": product_digest,
                **{name: row[name] for name in UNIT},
            }
            agreed_lines.append({**{name: row[name] for name in LINE if name in row}, "unit_digest": digest})
        connection.execute(insert_missing(products), list(agreed_products.values()))
        connection.execute(insert_missing(units), list(agreed_units.values()))
        connection.execute(sa.insert(lines), agreed_lines)


def _products(connection: sa.Connection, product_ids: set[int]) -> Mapping[int, dict[str, Any]]:
    """The products of those ids as rows of `agreed_products`."""
    among: sa.BindParameter[Any] = sa.bindparam("product_ids", expanding=True)
    given = {"product_ids": sorted(product_ids)}
    linked = {
        kind: _linked(connection, f"{sql} WHERE product_id IN :product_ids", product_ids) for kind, sql in NAMES.items()
    }
    read = sa.text(PRODUCTS).bindparams(among)
    typed = read.columns(available=sa.Boolean(), updated_at=UtcTime(), added_on=sa.Date())
    found = {}
    for row in connection.execute(typed, given).mappings():
        values = dict(row) | {kind: pairs.get(row["product_id"], []) for kind, pairs in linked.items()}
        found[row["product_id"]] = {"digest": digest_of(values.values()), **values}
    return found


def _linked(connection: sa.Connection, sql: str, product_ids: set[int]) -> Mapping[int, Sequence[Sequence[Any]]]:
    """Pairs of ids and names by the product, in order of id."""
    read = sa.text(f"{sql} ORDER BY product_id, 2").bindparams(sa.bindparam("product_ids", expanding=True))
    rows = connection.execute(read, {"product_ids": sorted(product_ids)})
    return {
        product_id: [[row_id, name] for _, row_id, name in group]
        for product_id, group in groupby(rows, lambda row: row[0])
    }
