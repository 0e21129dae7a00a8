"""Related products: those that share a brand and a category with a product, ranked by the latest views.

A statement reads at most the latest views and the newest products of the brands, each by an index, and tests each of
these products by its keys. So its work does not depend on the number of products.
"""

from functools import cache
from typing import Any, Final

import sqlalchemy as sa

from sellout_adapters.sql.schema.functions import AMONG_IDS, among
from sellout_adapters.sql.schema.tables.catalogue import product_brands, product_categories, products
from sellout_adapters.sql.schema.tables.views import product_views
from sellout_adapters.sql.schema.types import Id
from sellout_adapters.sql.search.query import LIMIT
from sellout_core.values import COUNTED_VIEWS

_PRODUCT: Final = sa.bindparam("product_id", type_=Id())
_NEWEST: Final = 1_000
"""The number of products of all brands that are considered without a view."""


def _has(column: sa.ColumnElement[Any], *conditions: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    """Whether a table has a row. PostgreSQL would make an EXISTS a join, which may read the whole table."""
    return sa.select(column).where(*conditions).limit(sa.literal_column("1")).scalar_subquery().is_not(None)


@cache
def related_to(brands: int) -> sa.Subquery:
    """The ids and the views of up to `LIMIT` products that are related to the product `product_id`. Its brands are
    `brand_0` and so on, and `AMONG_IDS` its categories.
    """
    own = [sa.bindparam(f"brand_{number}", type_=Id()) for number in range(brands)]
    latest = sa.select(sa.func.max(product_views.c.id)).scalar_subquery()
    counted = (
        sa.select(product_views.c.product_id, sa.func.count().label("views"))
        .where(product_views.c.id > latest - COUNTED_VIEWS)
        .group_by(product_views.c.product_id)
        .subquery("counted")
    )
    links, places = product_brands.alias("links"), product_categories.alias("places")
    place = places.c.category_id
    viewed = sa.select(counted).where(
        _has(links.c.brand_id, links.c.product_id == counted.c.product_id, links.c.brand_id.in_(own))
    )
    newest = [
        sa.select(
            sa.select(product_brands.c.product_id, sa.literal_column("0", sa.BigInteger).label("views"))
            .where(product_brands.c.brand_id == brand)
            .order_by(product_brands.c.product_id.desc())
            .limit(sa.literal_column(str(_NEWEST // brands)))
            .subquery()
        )
        for brand in own
    ]
    found = sa.union_all(viewed, *newest).subquery("found")
    views = sa.func.max(found.c.views).label("views")
    return (
        sa.select(found.c.product_id.label("id"), views)
        .where(
            found.c.product_id != _PRODUCT,
            _has(products.c.id, products.c.id == found.c.product_id, products.c.available),
            _has(place, places.c.product_id == found.c.product_id, among(place, AMONG_IDS)),
        )
        .group_by(found.c.product_id)
        .order_by(views.desc(), found.c.product_id.desc())
        .limit(LIMIT)
        .subquery("related")
    )
