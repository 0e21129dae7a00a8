"""Ports of carts, wishlists, promo codes and orders."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Protocol

import attrs

from sellout_core.catalogue.products import Size
from sellout_core.shopping.order_search import EVERY_ORDER, OrderQuery
from sellout_core.shopping.ordering import Cart, NewOrder, NewPromoCode, Order, PromoCode, PromoCodeUse
from sellout_core.shopping.sales import SalesKey, SalesSums
from sellout_core.shopping.wishlist import WishedProducts, Wishlist, WishlistUnit
from sellout_core.values import OrderId, ProductUnitId, PromoCodeId, UserId, WishlistUnitId

__all__ = ["Carts", "IdempotencyStore", "Orders", "PromoCodes", "Sales", "StoredResponse", "Wishlists"]


class Carts(Protocol):
    """Carts. Each user has one."""

    def create(self, user_id: UserId) -> None:
        """Stores an empty cart for a new user."""

    def of(self, user_id: UserId) -> Cart | None:
        """The user's cart."""

    def add(self, user_id: UserId, unit_id: ProductUnitId) -> bool:
        """Adds a unit to the user's cart. False: the cart contains it already."""

    def add_many(self, cart: Cart, unit_ids: Sequence[ProductUnitId]) -> None:
        """Adds units to a cart obtained from `of`, in that order. Skips units that the cart contains."""

    def remove(self, user_id: UserId, unit_ids: Collection[ProductUnitId]) -> Collection[ProductUnitId]:
        """Removes units from the user's cart and returns the ids of the removed ones. Of concurrent transactions, one
        removes a unit.
        """


class Wishlists(Protocol):
    """Wishlists. Each user has one."""

    def of(self, user_id: UserId) -> Wishlist:
        """The user's wishlist, which may be empty."""

    def unit(self, wishlist_unit_id: WishlistUnitId) -> WishlistUnit | None:
        """One wishlist unit, of any user."""

    def add(self, user_id: UserId, size: Size) -> WishlistUnit:
        """Appends a size to the wishlist of a user obtained from `Users.for_update`. It must not contain the size."""

    def save(self, unit: WishlistUnit) -> None:
        """Writes the size of an existing unit. No other unit of the wishlist may have it."""

    def delete(self, wishlist_unit_id: WishlistUnitId) -> None:
        """Deletes a wishlist unit."""

    def products_of(self, user_id: UserId) -> WishedProducts:
        """The products of the user's wishlist."""


class PromoCodes(Protocol):
    """Promo codes."""

    def add(self, promo_code: NewPromoCode) -> PromoCode:
        """Stores a new promo code. Codes are unique under `values.fold`.

        Raises:
            PromoCodeTaken: the code exists.
        """

    def by_code(self, code: str) -> PromoCode | None:
        """The promo code with that code, compared under `values.fold`."""

    def get(self, promo_code_id: PromoCodeId) -> PromoCode | None:
        """The promo code with that id."""

    def after(self, promo_code_id: int, limit: int) -> Sequence[PromoCode]:
        """The first `limit` promo codes with ids above `promo_code_id`, by id."""

    def for_update(self, promo_code_id: PromoCodeId) -> PromoCode | None:
        """The promo code, locked until this transaction ends: no other transaction changes or activates it."""

    def save(self, promo_code: PromoCode) -> None:
        """Writes a promo code obtained from `for_update`. Its code does not change."""

    def activate(self, promo_code: PromoCode) -> PromoCode | None:
        """Adds one activation and returns the updated promo code. None: the maximum is reached, and nothing changes. If
        another transaction has changed the terms of the promo code, the work runs again.
        """


class Orders(Protocol):
    """Orders. Only `Fulfilments` changes them: their status and `paid`. Their lines contain copies of units and
    products, so catalogue changes do not affect them. Equal copies are stored once for all orders.
    """

    def add(self, order: NewOrder) -> Order:
        """Stores a new order with its lines."""

    def get(self, order_id: OrderId) -> Order | None:
        """One order, of any buyer."""

    def of_buyer_after(self, user_id: UserId, order_id: int, limit: int) -> Sequence[Order]:
        """The first `limit` orders of one buyer with ids above `order_id`, by id."""

    def after(self, order_id: int, limit: int, query: OrderQuery = EVERY_ORDER) -> Sequence[Order]:
        """The first `limit` orders that match the resolved query with ids above `order_id`, by id."""

    def span(self, since: datetime | None, until: datetime | None) -> tuple[OrderId, OrderId] | None:
        """The lowest and the highest id of the orders that were placed at `since` or later, and before `until`. None:
        there is no such order. Clocks differ, so ids need not ascend with time.
        """

    def uses_after(self, promo_code_id: PromoCodeId, order_id: int, limit: int) -> Sequence[PromoCodeUse]:
        """The first `limit` uses of a promo code by orders with ids above `order_id`, by id."""


class Sales(Protocol):
    """The sums of orders."""

    def between(self, by: SalesKey, bounds: Sequence[datetime], limit: int) -> SalesSums:
        """What `sales.sum_up` computes for the live lines (`Fulfilment.live`) of the orders that were placed from the
        first to the last of some moments, the last one excluded. The moments ascend: day 0 lasts from the first to the
        second of them. The totals cover all orders. The groups are at most `limit` of all groups. Both are in no
        particular order.
        """


@attrs.frozen
class StoredResponse:
    """The response to the first request with an idempotency key, and the fingerprint of that request. `about_id` is the
    user whose data the response has, if it is not the user who sent the request.
    """

    fingerprint: str
    response: bytes
    about_id: UserId | None = None


class IdempotencyStore(Protocol):
    """Responses by user and idempotency key."""

    def find(self, user_id: UserId, key: str, stored_after: datetime) -> StoredResponse | None:
        """The response that was stored under the user's key after that time."""

    def save(self, user_id: UserId, key: str, stored: StoredResponse, now: datetime) -> None:
        """Stores a response for a user obtained from `Users.for_update`. It replaces an older one with that key."""

    def delete_expired(self, stored_by: datetime, limit: int) -> int:
        """Deletes up to `limit` responses that were stored at that time or before, oldest first. Returns their number.
        Skips responses that another transaction has locked.
        """
