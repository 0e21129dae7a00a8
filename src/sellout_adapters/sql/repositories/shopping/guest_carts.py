"""Carts of guests. A row contains the ids of its units, because a cart is read and written as a whole."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import attrs
from sqlalchemy import bindparam, delete, insert, select, update

from sellout_adapters.sql.schema.functions import AMONG_TEXTS, among
from sellout_adapters.sql.schema.inserts import delete_oldest
from sellout_adapters.sql.schema.tables.shop import guest_carts
from sellout_adapters.sql.session.compiled import Row
from sellout_adapters.sql.session.session import DatabaseSession
from sellout_core.shopping.guest_carts import GuestCart
from sellout_core.values import CartId, ProductUnitId

_ADD: Final = insert(guest_carts).returning(guest_carts.c.id)
_CARTS: Final = select(guest_carts).where(among(guest_carts.c.fingerprint, AMONG_TEXTS))
_CART: Final = select(guest_carts.c.id).where(guest_carts.c.fingerprint == bindparam("wanted"))
_SAVE: Final = update(guest_carts).where(guest_carts.c.id == bindparam("cart_id"))
_TAKE: Final = delete(guest_carts).where(guest_carts.c.fingerprint == bindparam("wanted")).returning(*guest_carts.c)
_DELETE_EXPIRED: Final = delete_oldest(guest_carts, guest_carts.c.expires_at)


def _cart(row: Row) -> GuestCart:
    return GuestCart(CartId(row.id), row.fingerprint, tuple(map(ProductUnitId, row.unit_ids)), row.expires_at)


@attrs.frozen
class SqlGuestCarts:
    """`ports.GuestCarts`."""

    _session: DatabaseSession

    def add(self, fingerprint: str, unit_ids: Sequence[ProductUnitId], expires_at: datetime) -> GuestCart:
        """One statement."""
        values = {"fingerprint": fingerprint, "unit_ids": list(unit_ids), "expires_at": expires_at}
        [row] = self._session.rows(_ADD, values)
        return GuestCart(CartId(row.id), fingerprint, tuple(unit_ids), expires_at)

    def of(self, fingerprint: str) -> GuestCart | None:
        """One statement."""
        rows = self._session.rows_among(_CARTS, [fingerprint], key="fingerprint")
        return _cart(rows[0]) if rows else None

    def for_update(self, fingerprint: str) -> GuestCart | None:
        """Locks the row, then reads it."""
        self._session.lock(_CART, {"wanted": fingerprint})
        return self.of(fingerprint)

    def save(self, cart: GuestCart) -> None:
        """One statement."""
        values = {"unit_ids": list(cart.unit_ids), "expires_at": cart.expires_at}
        self._session.run(_SAVE, values | {"cart_id": cart.id})

    def take(self, fingerprint: str) -> GuestCart | None:
        """One statement, which waits for a lock of the row."""
        row = self._session.row(_TAKE, {"wanted": fingerprint})
        return None if row is None else _cart(row)

    def delete_expired(self, expired_by: datetime, limit: int) -> int:
        """One statement."""
        return len(self._session.rows(_DELETE_EXPIRED, {"by": expired_by, "limit": limit}))
