"""The cart."""

from sellout_core import values
from sellout_core.accounts import Actor, viewed_ids
from sellout_core.catalogue import ProductUnit, UnitView, not_for_sale, products_of, unit_view
from sellout_core.errors import (
    LimitReached,
    NotFound,
    UnitsUnavailable,
)
from sellout_core.ordering import (
    Cart,
)
from sellout_core.ports.store import Transaction
from sellout_core.shop import ReadingShop, Shop
from sellout_core.use_cases.users import found_user, held_user
from sellout_core.values import ProductUnitId, UserId
from sellout_core.views import CartView, user_view

__all__ = ["add_to_cart", "found_cart", "read_cart", "remove_from_cart"]


def read_cart(shop: ReadingShop, actor: Actor, user_id: UserId) -> CartView:
    """The user's cart at today's prices.

    Raises:
        Unauthenticated, Forbidden: the actor is neither that user nor staff.
        NotFound: there is no such user.
    """
    actor.require_user(user_id)

    def work(tx: Transaction) -> CartView:
        user = found_user(tx, user_id)
        cart = found_cart(tx, user_id)
        products = tx.products.get_many(viewed_ids([user]) | products_of(cart.units))
        references = tx.references.snapshot()
        views = tuple(unit_view(unit, products, references) for unit in cart.units)
        return CartView(cart.id, user_view(user, products, references), views)

    return shop.store.read(work)


def add_to_cart(shop: Shop, actor: Actor, user_id: UserId, unit_id: ProductUnitId) -> tuple[UnitView, bool]:
    """Puts a product unit into the cart; says whether it was not there before.

    Raises:
        Unauthenticated, Forbidden: the actor is neither that user nor staff.
        NotFound: there is no such user or unit.
        UnitsUnavailable: the unit is not for sale.
        LimitReached: the cart is full.
    """
    actor.require_user(user_id)

    def work(tx: Transaction) -> tuple[UnitView, bool]:
        held_user(tx, user_id)
        unit = _found_unit(tx, unit_id)
        cart = found_cart(tx, user_id)
        products = tx.products.get_many([unit.product_id])
        if unavailable := not_for_sale([unit], products):
            raise UnitsUnavailable(unavailable)
        if unit_id not in cart.unit_ids and len(cart.unit_ids) >= values.MAX_CART:
            raise LimitReached(values.MAX_CART)
        added = tx.carts.add(user_id, unit_id)
        return unit_view(unit, products, tx.references.snapshot()), added

    return shop.store.write(work)


def remove_from_cart(shop: Shop, actor: Actor, user_id: UserId, unit_id: ProductUnitId) -> UnitView:
    """Takes a product unit out of the cart and returns it.

    Raises:
        Unauthenticated, Forbidden: the actor is neither that user nor staff.
        NotFound: there is no such user, or the unit is not in the cart.
    """
    actor.require_user(user_id)

    def work(tx: Transaction) -> UnitView:
        held_user(tx, user_id)
        if not tx.carts.remove(user_id, [unit_id]):
            raise NotFound
        unit = _found_unit(tx, unit_id)
        return unit_view(unit, tx.products.get_many([unit.product_id]), tx.references.snapshot())

    return shop.store.write(work)


def found_cart(tx: Transaction, user_id: UserId) -> Cart:
    """The cart of a user who exists: registration made it."""
    cart = tx.carts.of(user_id)
    if cart is None:
        raise NotFound
    return cart


def _found_unit(tx: Transaction, unit_id: ProductUnitId) -> ProductUnit:
    unit = tx.units.get_many([unit_id]).get(unit_id)
    if unit is None:
        raise NotFound
    return unit
