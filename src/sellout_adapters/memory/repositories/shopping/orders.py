"""Carts, wishlists, promo codes, orders and stored responses in memory."""

from bisect import bisect_right
from collections.abc import Collection, Sequence
from datetime import datetime
from itertools import islice

import attrs

from sellout_adapters.memory.repositories.base import Repository, drop_oldest, rows_after
from sellout_core.catalogue.products import Size, UnitView
from sellout_core.errors import PromoCodeTaken
from sellout_core.ports.shopping.orders import StoredResponse
from sellout_core.shopping.order_search import EVERY_ORDER, OrderQuery
from sellout_core.shopping.ordering import Cart, NewOrder, NewPromoCode, Order, OrderLine, PromoCode, PromoCodeUse
from sellout_core.shopping.sales import SalesKey, SalesSums, SoldLine, sum_up
from sellout_core.shopping.wishlist import WishedProducts, Wishlist, WishlistUnit, wished_products
from sellout_core.values import CartId, OrderId, ProductUnitId, PromoCodeId, UserId, WishlistUnitId, fold


class Carts(Repository):
    """`ports.Carts`. A row contains the ids of the cart and of its units."""

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
        """Adds a product unit to the cart."""
        cart_id, unit_ids = self._tables.carts[user_id]
        if unit_id in unit_ids:
            return False
        self._tables.carts.put(user_id, (cart_id, (*unit_ids, unit_id)))
        return True

    def add_many(self, cart: Cart, unit_ids: Sequence[ProductUnitId]) -> None:
        """Adds product units to the cart."""
        for unit_id in unit_ids:
            self.add(cart.user_id, unit_id)

    def remove(self, user_id: UserId, unit_ids: Collection[ProductUnitId]) -> Collection[ProductUnitId]:
        """Removes units from the cart."""
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

    def products_of(self, user_id: UserId) -> WishedProducts:
        """The products on the user's wishlist."""
        return wished_products((unit.product_id, unit.id) for unit in self.of(user_id).units)


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
        """The promo code with that code."""
        promo_code_id = self._tables.promo_code_ids.get(fold(code))
        return None if promo_code_id is None else self._tables.promo_codes[promo_code_id]

    def get(self, promo_code_id: PromoCodeId) -> PromoCode | None:
        """The promo code with that id."""
        return self._tables.promo_codes.get(promo_code_id)

    def after(self, promo_code_id: int, limit: int) -> Sequence[PromoCode]:
        """The next promo codes by id."""
        return rows_after(self._tables.promo_codes, promo_code_id, limit)

    def for_update(self, promo_code_id: PromoCodeId) -> PromoCode | None:
        """The promo code. There is one writer at a time, so it needs no lock."""
        return self.get(promo_code_id)

    def save(self, promo_code: PromoCode) -> None:
        """Writes an existing promo code."""
        self._tables.promo_codes.put(promo_code.id, promo_code)

    def activate(self, promo_code: PromoCode) -> PromoCode | None:
        """Adds one activation."""
        current = self._tables.promo_codes[promo_code.id]
        if current.activation_count >= current.max_activation_count:
            return None
        return self._tables.promo_codes.put(current.id, current.activated())


class Orders(Repository):
    """`ports.Orders`."""

    def add(self, order: NewOrder) -> Order:
        """Stores a new order. Equal units and products of all orders are stored once."""
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

    def of_buyer_after(self, user_id: UserId, order_id: int, limit: int) -> Sequence[Order]:
        """The buyer's next orders by id."""
        own = (o for o in self._tables.orders.values() if o.buyer_id == user_id and o.id > order_id)
        return list(islice(own, limit))

    def after(self, order_id: int, limit: int, query: OrderQuery = EVERY_ORDER) -> Sequence[Order]:
        """The next matching orders by id."""
        found = (o for o in self._tables.orders.values() if o.id > order_id and query.matches(o))
        return list(islice(found, limit))

    def span(self, since: datetime | None, until: datetime | None) -> tuple[OrderId, OrderId] | None:
        """The ids of the first and the last order of a range of times."""
        within = OrderQuery(since=since, until=until)
        ids = [order.id for order in self._tables.orders.values() if within.matches(order)]
        return (ids[0], ids[-1]) if ids else None

    def uses_after(self, promo_code_id: PromoCodeId, order_id: int, limit: int) -> Sequence[PromoCodeUse]:
        """The next uses of a promo code by the id of the order."""
        uses = (
            PromoCodeUse(order.id, order.buyer_id, order.placed_at)
            for order in self._tables.orders.values()
            if order.id > order_id and order.promo_code is not None and order.promo_code.id == promo_code_id
        )
        return list(islice(uses, limit))


class IdempotencyStore(Repository):
    """`ports.IdempotencyStore`."""

    def find(self, user_id: UserId, key: str, stored_after: datetime) -> StoredResponse | None:
        """The response that was stored under the key."""
        stored, at = self._tables.stored_responses.get((user_id, key), (None, stored_after))
        return stored if at > stored_after else None

    def save(self, user_id: UserId, key: str, stored: StoredResponse, now: datetime) -> None:
        """Stores a response."""
        self._tables.stored_responses.put((user_id, key), (stored, now))

    def delete_expired(self, stored_by: datetime, limit: int) -> int:
        """Deletes old responses."""
        return drop_oldest(self._tables.stored_responses, lambda stored: stored[1], stored_by, limit)


class Sales(Repository):
    """`ports.Sales`."""

    def between(self, by: SalesKey, bounds: Sequence[datetime], limit: int) -> SalesSums:
        """The sums of the orders in a range of times."""
        products, units = self._tables.products, self._tables.units
        sold = [
            SoldLine(
                order,
                line,
                bisect_right(bounds, order.placed_at) - 1,
                products[line.unit.product.product.id],
                units[line.unit.id],
            )
            for order in self._tables.orders.values()
            if bounds[0] <= order.placed_at < bounds[-1]
            for line in order.lines
            if self._is_live(order, line)
        ]
        sums = sum_up(by, sold)
        return attrs.evolve(sums, groups=sums.groups[:limit])

    def _is_live(self, order: Order, line: OrderLine) -> bool:
        found = self._tables.fulfilments.get(order.id)
        return found is None or any(progress.unit_id == line.unit.id for progress in found.live)
