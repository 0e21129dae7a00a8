"""The port of guests' carts."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from sellout_core.shopping.guest_carts import GuestCart
from sellout_core.values import ProductUnitId

__all__ = ["GuestCarts"]


class GuestCarts(Protocol):
    """Carts of guests, by the fingerprint of their token. A cart that has expired exists until it is deleted."""

    def add(self, fingerprint: str, unit_ids: Sequence[ProductUnitId], expires_at: datetime) -> GuestCart:
        """Stores a new cart. No other cart may have the fingerprint."""

    def of(self, fingerprint: str) -> GuestCart | None:
        """The cart with that fingerprint."""

    def for_update(self, fingerprint: str) -> GuestCart | None:
        """The cart, locked until this transaction ends: no other transaction changes or deletes it."""

    def save(self, cart: GuestCart) -> None:
        """Writes the units and the end of the lifetime of a cart obtained from `for_update`."""

    def take(self, fingerprint: str) -> GuestCart | None:
        """Deletes the cart and returns it. Of concurrent transactions, one gets it."""

    def delete_expired(self, expired_by: datetime, limit: int) -> int:
        """Deletes up to `limit` carts that expired at that time or before, oldest first. Returns their number. Skips
        carts that another transaction has locked.
        """
