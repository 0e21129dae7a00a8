"""What searches and price lists read: lowest prices, terms, and indexes of them."""

import json
from typing import Any, Final

import sqlalchemy as sa
from alembic import op

from sellout_adapters.sql.schema.types import Terms
from sellout_adapters.sql.search.terms import terms_of
from sellout_core.catalogue.products import SizeGrid
from sellout_core.catalogue.search import product_words

revision = "0005"
down_revision = "0004"

BATCH: Final = 1000

# One row a product, JSON in each column that holds several values: both databases write these alike but for the names.
READ: Final = """
    SELECT products.id, products.name, products.sku, products.gender_id, products.available,
        (SELECT {array}({pair}(brands.id, brands.name)) FROM product_brands
            JOIN brands ON brands.id = brand_id WHERE product_id = products.id),
        (SELECT {array}(category_id) FROM product_categories WHERE product_id = products.id),
        (SELECT {array}(tag_id) FROM product_tags WHERE product_id = products.id),
        (SELECT min(price) FROM product_units WHERE product_id = products.id AND available),
        (SELECT {array}({pair}(international, us, uk, eu, it, ru)) FROM product_units
            JOIN sizes ON sizes.id = size_id WHERE product_units.product_id = products.id AND available)
    FROM products WHERE products.id > :after ORDER BY products.id LIMIT :batch
"""


def upgrade() -> None:
    """Takes the step."""
    connection = op.get_bind()
    on_postgresql = connection.dialect.name == "postgresql"
    law = sa.CheckConstraint("min_price >= 0", name=op.f("ck_products_min_price"))
    op.add_column("products", sa.Column("min_price", sa.BigInteger(), *([] if on_postgresql else [law])))
    op.add_column("products", sa.Column("terms", Terms(), server_default="", nullable=False))
    if on_postgresql:
        op.create_check_constraint(op.f("ck_products_min_price"), "products", "min_price >= 0")
    _fill(connection, on_postgresql=on_postgresql)
    op.create_index("ix_products_newest", "products", ["available", sa.text("added_on DESC"), "id"])
    op.create_index("ix_products_cheapest", "products", ["available", "min_price", "id"])
    dearest = "min_price DESC NULLS LAST" if on_postgresql else "min_price DESC"
    op.create_index("ix_products_dearest", "products", ["available", sa.text(dearest), "id"])
    if on_postgresql:
        op.create_index(
            "ix_products_terms",
            "products",
            ["terms"],
            postgresql_using="gin",
            postgresql_with={"gin_pending_list_limit": 256},
        )
        return
    op.execute(
        "CREATE VIRTUAL TABLE product_search USING fts5 (terms, content='products', content_rowid='id',"
        " tokenize='ascii', detail=none, columnsize=0, prefix='1 2 3 4 5 6 7 8 9 10')"
    )
    op.execute("CREATE VIRTUAL TABLE product_search_terms USING fts5vocab (product_search, 'row')")
    op.execute("INSERT INTO product_search (product_search) VALUES ('rebuild')")


def _fill(connection: sa.Connection, *, on_postgresql: bool) -> None:
    names = ("json_agg", "json_build_array") if on_postgresql else ("json_group_array", "json_array")
    read = sa.text(READ.format(array=names[0], pair=names[1]))
    terms = "array_to_tsvector(:terms)" if on_postgresql else ":terms"
    write = sa.text(f"UPDATE products SET min_price = :min_price, terms = {terms} WHERE id = :id")  # noqa: S608
    after = 0
    while rows := connection.execute(read, {"after": after, "batch": BATCH}).all():
        after = rows[-1][0]
        connection.execute(write, [_values(row, on_postgresql=on_postgresql) for row in rows])


def _values(row: Any, *, on_postgresql: bool) -> dict[str, Any]:
    product_id, name, sku, gender_id, listed, *lists = row
    price = lists.pop(3)
    brands, categories, tags, grids = (json.loads(found) if isinstance(found, str) else found or [] for found in lists)
    words = product_words(name, (brand for _, brand in brands), sku)
    brand_ids, sizes = [brand_id for brand_id, _ in brands], [SizeGrid(*grid) for grid in grids]
    terms = terms_of(words, brand_ids, categories, tags, gender_id, sizes, listed=bool(listed))
    return {"id": product_id, "min_price": price, "terms": terms if on_postgresql else " ".join(terms)}
