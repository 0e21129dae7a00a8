"""Carts of guests in memory."""

from collections.abc import Sequence
from datetime import datetime

from sellout_adapters.memory.repositories.base import Repository, drop_oldest
from sellout_core.shopping.guest_carts import GuestCart
from sellout_core.values import CartId, ProductUnitId


class GuestCarts(Repository):
    """`ports.GuestCarts`."""

    def add(self, fingerprint: str, unit_ids: Sequence[ProductUnitId], expires_at: datetime) -> GuestCart:
        """Stores a new cart."""
        cart_id = CartId(self._tables.guest_carts.next_id())
        return self._tables.guest_carts.put(fingerprint, GuestCart(cart_id, fingerprint, tuple(unit_ids), expires_at))

    def of(self, fingerprint: str) -> GuestCart | None:
        """The cart with that fingerprint."""
        return self._tables.guest_carts.get(fingerprint)

    def for_update(self, fingerprint: str) -> GuestCart | None:
        """The cart. There is one writer at a time, so it needs no lock."""
        return self.of(fingerprint)

    def save(self, cart: GuestCart) -> None:
        """Writes an existing cart."""
        self._tables.guest_carts.put(cart.fingerprint, cart)

    def take(self, fingerprint: str) -> GuestCart | None:
        """Deletes the cart and returns it."""
        cart = self.of(fingerprint)
        self._tables.guest_carts.drop(fingerprint)
        return cart

    def delete_expired(self, expired_by: datetime, limit: int) -> int:
        """Deletes expired carts."""
        return drop_oldest(self._tables.guest_carts, lambda cart: cart.expires_at, expired_by, limit)
