"""Wishlists."""

from typing import Final

import attrs
from sqlalchemy import bindparam, delete, insert, select, update

from sellout_adapters.sql.repositories.catalogue.units import size_of
from sellout_adapters.sql.schema.functions import AMONG_IDS, among
from sellout_adapters.sql.schema.tables.catalogue import sizes
from sellout_adapters.sql.schema.tables.shop import wishlist_units
from sellout_adapters.sql.session.compiled import Row
from sellout_adapters.sql.session.session import DatabaseSession
from sellout_core.catalogue.products import Size
from sellout_core.shopping.wishlist import WishedProducts, Wishlist, WishlistUnit, wished_products
from sellout_core.values import UserId, WishlistUnitId

_UNIT: Final = select(
    wishlist_units.c.id,
    wishlist_units.c.user_id,
    wishlist_units.c.size_id,
    *(column for column in sizes.c if column.name != "id"),
).join_from(wishlist_units, sizes, wishlist_units.c.size_id == sizes.c.id)
_OF_USERS: Final = _UNIT.where(among(wishlist_units.c.user_id, AMONG_IDS)).order_by(wishlist_units.c.id)
_BY_ID: Final = _UNIT.where(wishlist_units.c.id == bindparam("unit_id"))
_PRODUCTS_OF_USERS: Final = (
    select(wishlist_units.c.id, wishlist_units.c.user_id, sizes.c.product_id)
    .join_from(wishlist_units, sizes, wishlist_units.c.size_id == sizes.c.id)
    .where(among(wishlist_units.c.user_id, AMONG_IDS))
    .order_by(wishlist_units.c.id)
)
_ADD: Final = insert(wishlist_units).returning(wishlist_units.c.id)
_SAVE: Final = update(wishlist_units).where(wishlist_units.c.id == bindparam("unit_id"))
_DELETE: Final = delete(wishlist_units).where(wishlist_units.c.id == bindparam("unit_id"))


def _unit(row: Row) -> WishlistUnit:
    return WishlistUnit(row.id, row.user_id, size_of(row.size_id, row))


@attrs.frozen
class SqlWishlists:
    """`ports.Wishlists`. A wishlist has no row. It consists of the units of a user, sorted by id."""

    _session: DatabaseSession

    def of(self, user_id: UserId) -> Wishlist:
        """One statement."""
        rows = self._session.rows_among(_OF_USERS, [user_id], key="user_id")
        return Wishlist(user_id, tuple(_unit(row) for row in rows))

    def unit(self, wishlist_unit_id: WishlistUnitId) -> WishlistUnit | None:
        """One statement."""
        row = self._session.row(_BY_ID, {"unit_id": wishlist_unit_id})
        return None if row is None else _unit(row)

    def add(self, user_id: UserId, size: Size) -> WishlistUnit:
        """One statement."""
        [row] = self._session.rows(_ADD, {"user_id": user_id, "size_id": size.id})
        return WishlistUnit(row.id, user_id, size)

    def save(self, unit: WishlistUnit) -> None:
        """One statement."""
        self._session.run(_SAVE, {"unit_id": unit.id, "size_id": unit.size.id})

    def delete(self, wishlist_unit_id: WishlistUnitId) -> None:
        """One statement."""
        self._session.run(_DELETE, {"unit_id": wishlist_unit_id})

    def products_of(self, user_id: UserId) -> WishedProducts:
        """One statement."""
        rows = self._session.rows_among(_PRODUCTS_OF_USERS, [user_id], key="user_id")
        return wished_products((row.product_id, row.id) for row in rows)
