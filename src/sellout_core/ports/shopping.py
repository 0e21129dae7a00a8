"""Ports of carts, wishlists, promo codes and orders."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Protocol

import attrs

from sellout_core.catalogue import (
    Size,
)
from sellout_core.ordering import Cart, NewOrder, NewPromoCode, Order, PromoCode
from sellout_core.values import (
    OrderId,
    ProductId,
    ProductUnitId,
    PromoCodeId,
    UserId,
    WishlistUnitId,
)
from sellout_core.wishlist import Wishlist, WishlistUnit

__all__ = ["Answers", "Carts", "KeptAnswer", "Orders", "PromoCodes", "Wishlists"]


class Carts(Protocol):
    """Carts, one a user."""

    def create(self, user_id: UserId) -> None:
        """Stores an empty cart for a new user."""

    def of(self, user_id: UserId) -> Cart | None:
        """The user's cart."""

    def add(self, user_id: UserId, unit_id: ProductUnitId) -> bool:
        """Puts a unit into the user's cart; False if it was there."""

    def remove(self, user_id: UserId, unit_ids: Collection[ProductUnitId]) -> Collection[ProductUnitId]:
        """Takes units out of the user's cart and returns the ids of those that were there: of transactions racing for
        one unit, one gets it.
        """


class Wishlists(Protocol):
    """Wishlists, one a user."""

    def of(self, user_id: UserId) -> Wishlist:
        """The user's wishlist; an empty one for a user without any."""

    def unit(self, wishlist_unit_id: WishlistUnitId) -> WishlistUnit | None:
        """One wishlist unit, of any user."""

    def add(self, user_id: UserId, size: Size) -> WishlistUnit:
        """Appends a size, which the wishlist of a user obtained from `Users.for_update` does not hold."""

    def save(self, unit: WishlistUnit) -> None:
        """Writes an existing unit's size, which no other unit of its wishlist is in."""

    def delete(self, wishlist_unit_id: WishlistUnitId) -> None:
        """Deletes a wishlist unit."""

    def products_of(self, user_id: UserId) -> Collection[ProductId]:
        """The products that the user's wishlist holds, each once."""


class PromoCodes(Protocol):
    """Promo codes."""

    def add(self, promo_code: NewPromoCode) -> PromoCode:
        """Stores a new promo code. Codes are unique under `values.fold`.

        Raises:
            PromoCodeTaken: there is one of that name.
        """

    def by_code(self, code: str) -> PromoCode | None:
        """The promo code of that name; the case of its letters does not matter."""

    def activate(self, promo_code_id: PromoCodeId) -> PromoCode | None:
        """Counts one activation and returns the promo code after it; None, counting nothing, if that would pass the
        maximum.
        """


class Orders(Protocol):
    """Orders, which are written once. The units of their lines are read back as they were stored, whatever happens to
    the catalogue. Equal units and equal products are stored once, for all orders.
    """

    def add(self, order: NewOrder) -> Order:
        """Stores a new order with its lines."""

    def get(self, order_id: OrderId) -> Order | None:
        """One order, of any buyer."""

    def of(self, user_id: UserId) -> Sequence[Order]:
        """The orders of one buyer, by id."""

    def after(self, order_id: int, limit: int) -> Sequence[Order]:
        """The first `limit` orders with ids above `order_id`, by id."""


@attrs.frozen
class KeptAnswer:
    """The answer a buyer's idempotency key stands for, and the fingerprint of the request that got it."""

    fingerprint: str
    answer: bytes


class Answers(Protocol):
    """First answers, kept under idempotency keys, each the key's owner's alone."""

    def find(self, user_id: UserId, key: str, kept_after: datetime) -> KeptAnswer | None:
        """The answer kept under the user's key after that time."""

    def keep(self, user_id: UserId, key: str, kept: KeptAnswer, now: datetime) -> None:
        """Keeps an answer for a user obtained from `Users.for_update`, in place of an older one under that key."""

    def delete_older(self, user_id: UserId, kept_after: datetime) -> None:
        """Drops the user's answers kept at that time or before."""
