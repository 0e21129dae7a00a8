"""The copies of products and product units in orders. The key of a row is the digest of its content.

Rows never change. Orders with equal copies share a row.
"""

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from operator import attrgetter, itemgetter
from typing import Any, Final

import attrs
import msgspec
from sqlalchemy import select

from sellout_adapters.sql.repositories.catalogue.units import size_of
from sellout_adapters.sql.schema.functions import AMONG_TEXTS, among
from sellout_adapters.sql.schema.tables.catalogue import agreed_products, agreed_units
from sellout_adapters.sql.session.compiled import Row
from sellout_adapters.sql.session.session import DatabaseSession
from sellout_core.catalogue.products import Named, Platform, Product, ProductView, SizeGrid, UnitView

Digest = str
_PRODUCT: Final = tuple(column.name for column in agreed_products.c)
_UNIT: Final = tuple(column.name for column in agreed_units.c)
# The values of `agreed_products` between the digest and the lists, in the order of its columns.
_product_values: Final = attrgetter(
    "product.id",
    "product.sku",
    "product.name",
    "product.description",
    "product.bucket_link",
    "product.available",
    "product.updated_at",
    "product.added_on",
    "product.fit",
    "product.rel_num",
    "gender.id",
    "gender.name",
)
# The values of `agreed_units` after the two digests, in the order of its columns.
_unit_values: Final = attrgetter(
    "id",
    "size.id",
    *(f"size.grid.{name}" for name in attrs.fields_dict(SizeGrid)),
    "price",
    "available",
    "currency.id",
    "currency.name",
    "delivery_type.id",
    "delivery_type.name",
    "platform.id",
    "platform.name",
    "platform.site",
)
_BY_DIGEST: Final = (
    select(
        *agreed_units.c,
        *(column for column in agreed_products.c if column.name not in ("digest", "product_id", "available")),
        agreed_products.c.product_id,
        agreed_products.c.available.label("listed"),
    )
    .join_from(agreed_units, agreed_products, agreed_products.c.digest == agreed_units.c.product_digest)
    .where(among(agreed_units.c.digest, AMONG_TEXTS))
)


def digest_of(values: Iterable[Any]) -> Digest:
    """The SHA-256 of values in a canonical encoding, in hexadecimal digits. Times must be in UTC."""
    return hashlib.sha256(msgspec.json.encode(list(values))).hexdigest()


def write(session: DatabaseSession, units: Sequence[UnitView]) -> Sequence[Digest]:
    """Adds missing copies of the units and their products, by two statements. Returns the digests of the units.

    Rows are added in order of digest, so concurrent transactions cannot deadlock.
    """
    products = {unit.product.product.id: _product_row(unit.product) for unit in units}
    rows = [_with_digest((products[unit.product.product.id][0], *_unit_values(unit))) for unit in units]
    session.add(agreed_products, _columns(_PRODUCT, products.values()), missing=True)
    session.add(agreed_units, _columns(_UNIT, rows), missing=True)
    return [row[0] for row in rows]


def read(session: DatabaseSession, digests: Collection[Digest]) -> Mapping[Digest, UnitView]:
    """The units with those digests, by one statement. Units of the same product share one object."""
    products: dict[Digest, ProductView] = {}
    units = {}
    for row in session.rows_among(_BY_DIGEST, digests, key="digest"):
        product = products.get(row.product_digest)
        if product is None:
            product = products[row.product_digest] = _product(row)
        units[row.digest] = _unit(row, product)
    return units


def _with_digest(values: tuple[Any, ...]) -> tuple[Any, ...]:
    return digest_of(values), *values


def _product_row(view: ProductView) -> tuple[Any, ...]:
    lists = [[[row.id, row.name] for row in rows] for rows in (view.brands, view.categories, view.tags)]
    return _with_digest((*_product_values(view), *lists))


def _columns(names: Sequence[str], rows: Iterable[tuple[Any, ...]]) -> dict[str, Sequence[Any]]:
    distinct = sorted({row[0]: row for row in rows}.values(), key=itemgetter(0))
    return dict(zip(names, map(list, zip(*distinct, strict=True)), strict=True))


def _product(row: Row) -> ProductView:
    names = [tuple(Named(*pair) for pair in pairs) for pairs in (row.brands, row.categories, row.tags)]
    product = Product(
        id=row.product_id,
        sku=row.sku,
        name=row.name,
        description=row.description,
        bucket_link=row.bucket_link,
        available=row.listed,
        updated_at=row.updated_at,
        added_on=row.added_on,
        fit=row.fit,
        rel_num=row.rel_num,
        gender_id=row.gender_id,
        brand_ids=tuple(row_id for row_id, _ in row.brands),
        category_ids=tuple(row_id for row_id, _ in row.categories),
        tag_ids=tuple(row_id for row_id, _ in row.tags),
    )
    return ProductView(product, Named(row.gender_id, row.gender), *names)


def _unit(row: Row, product: ProductView) -> UnitView:
    return UnitView(
        id=row.unit_id,
        size=size_of(row.size_id, row),
        price=row.price,
        available=row.available,
        product=product,
        currency=Named(row.currency_id, row.currency),
        delivery_type=Named(row.delivery_type_id, row.delivery_type),
        platform=Platform(row.platform_id, row.platform, row.site),
    )
