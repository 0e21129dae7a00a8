"""Carts, wishlists, promo codes, orders and idempotent answers in memory."""

from collections.abc import Collection, Sequence
from datetime import datetime

import attrs

from sellout_adapters.memory.repositories.base import Repository, rows_after
from sellout_core.catalogue import (
    Size,
    UnitView,
)
from sellout_core.errors import PromoCodeTaken
from sellout_core.ordering import Cart, NewOrder, NewPromoCode, Order, PromoCode
from sellout_core.ports.shopping import KeptAnswer
from sellout_core.values import (
    CartId,
    OrderId,
    ProductId,
    ProductUnitId,
    PromoCodeId,
    UserId,
    WishlistUnitId,
    fold,
)
from sellout_core.wishlist import Wishlist, WishlistUnit


class Carts(Repository):
    """`ports.Carts`; a cart is kept as its id and its units'."""

    def create(self, user_id: UserId) -> None:
        """Stores an empty cart."""
        self._tables.carts.put(user_id, (CartId(self._tables.carts.next_id()), ()))

    def of(self, user_id: UserId) -> Cart | None:
        """The user's cart."""
        if user_id not in self._tables.carts:
            return None
        cart_id, unit_ids = self._tables.carts[user_id]
        return Cart(cart_id, user_id, tuple(self._tables.units[unit_id] for unit_id in unit_ids))

    def add(self, user_id: UserId, unit_id: ProductUnitId) -> bool:
        """Puts a product unit into the cart."""
        cart_id, unit_ids = self._tables.carts[user_id]
        if unit_id in unit_ids:
            return False
        self._tables.carts.put(user_id, (cart_id, (*unit_ids, unit_id)))
        return True

    def remove(self, user_id: UserId, unit_ids: Collection[ProductUnitId]) -> Collection[ProductUnitId]:
        """Takes units out of the cart."""
        cart_id, held = self._tables.carts[user_id]
        self._tables.carts.put(user_id, (cart_id, tuple(unit_id for unit_id in held if unit_id not in unit_ids)))
        return [unit_id for unit_id in held if unit_id in unit_ids]


class Wishlists(Repository):
    """`ports.Wishlists`."""

    def of(self, user_id: UserId) -> Wishlist:
        """The user's wishlist."""
        units = (unit for unit in self._tables.wishlist_units.values() if unit.user_id == user_id)
        return Wishlist(user_id, tuple(units))

    def unit(self, wishlist_unit_id: WishlistUnitId) -> WishlistUnit | None:
        """One wishlist unit."""
        return self._tables.wishlist_units.get(wishlist_unit_id)

    def add(self, user_id: UserId, size: Size) -> WishlistUnit:
        """Appends a size."""
        unit_id = WishlistUnitId(self._tables.wishlist_units.next_id())
        return self._tables.wishlist_units.put(unit_id, WishlistUnit(unit_id, user_id, size))

    def save(self, unit: WishlistUnit) -> None:
        """Writes an existing unit's size."""
        self._tables.wishlist_units.put(unit.id, unit)

    def delete(self, wishlist_unit_id: WishlistUnitId) -> None:
        """Deletes a wishlist unit."""
        self._tables.wishlist_units.drop(wishlist_unit_id)

    def products_of(self, user_id: UserId) -> Collection[ProductId]:
        """The products on the user's wishlist."""
        return {unit.product_id for unit in self.of(user_id).units}


class PromoCodes(Repository):
    """`ports.PromoCodes`."""

    def add(self, promo_code: NewPromoCode) -> PromoCode:
        """Stores a new promo code."""
        key = fold(promo_code.code)
        if key in self._tables.promo_code_ids:
            raise PromoCodeTaken
        stored = PromoCode.of(PromoCodeId(self._tables.promo_codes.next_id()), promo_code)
        self._tables.promo_code_ids.put(key, stored.id)
        return self._tables.promo_codes.put(stored.id, stored)

    def by_code(self, code: str) -> PromoCode | None:
        """The promo code of that name."""
        promo_code_id = self._tables.promo_code_ids.get(fold(code))
        return None if promo_code_id is None else self._tables.promo_codes[promo_code_id]

    def activate(self, promo_code_id: PromoCodeId) -> PromoCode | None:
        """Counts one activation."""
        promo_code = self._tables.promo_codes[promo_code_id]
        if promo_code.activation_count >= promo_code.max_activation_count:
            return None
        return self._tables.promo_codes.put(promo_code_id, promo_code.activated())


class Orders(Repository):
    """`ports.Orders`."""

    def add(self, order: NewOrder) -> Order:
        """Stores a new order. Its lines share the stored units and products that are equal to theirs."""
        stored = Order.of(
            OrderId(self._tables.orders.next_id()),
            attrs.evolve(order, lines=tuple(attrs.evolve(line, unit=self._shared(line.unit)) for line in order.lines)),
        )
        return self._tables.orders.put(stored.id, stored)

    def _shared(self, unit: UnitView) -> UnitView:
        known = self._tables.agreed_units.get(unit)
        if known is not None:
            return known
        products = self._tables.agreed_products
        product = products.get(unit.product) or products.put(unit.product, unit.product)
        shared = attrs.evolve(unit, product=product)
        return self._tables.agreed_units.put(shared, shared)

    def get(self, order_id: OrderId) -> Order | None:
        """One order."""
        return self._tables.orders.get(order_id)

    def of(self, user_id: UserId) -> Sequence[Order]:
        """The orders of one buyer, by id."""
        return [order for order in self._tables.orders.values() if order.buyer_id == user_id]

    def after(self, order_id: int, limit: int) -> Sequence[Order]:
        """The next orders by id."""
        return rows_after(self._tables.orders, order_id, limit)


class Answers(Repository):
    """`ports.Answers`."""

    def find(self, user_id: UserId, key: str, kept_after: datetime) -> KeptAnswer | None:
        """The answer kept under the key."""
        kept, at = self._tables.answers.get((user_id, key), (None, kept_after))
        return kept if at > kept_after else None

    def keep(self, user_id: UserId, key: str, kept: KeptAnswer, now: datetime) -> None:
        """Keeps an answer."""
        self._tables.answers.put((user_id, key), (kept, now))

    def delete_older(self, user_id: UserId, kept_after: datetime) -> None:
        """Drops the user's old answers."""
        for owner, key in list(self._tables.answers):
            if owner == user_id and self._tables.answers[owner, key][1] <= kept_after:
                self._tables.answers.drop((owner, key))
