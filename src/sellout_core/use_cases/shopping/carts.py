"""Reads and changes carts."""

from functools import partial

from sellout_core import values
from sellout_core.catalogue.products import ProductUnit, UnitView, not_for_sale, products_of, unit_view
from sellout_core.errors import LimitReached, NotFound, UnitsUnavailable
from sellout_core.people.accounts import Actor
from sellout_core.ports.store import Transaction
from sellout_core.shop import ReadingShop, Shop
from sellout_core.shopping.ordering import Cart
from sellout_core.shopping.totals import cart_totals
from sellout_core.use_cases.catalogue.browsing import found_product
from sellout_core.use_cases.people.users import found_user, locked_user
from sellout_core.values import ProductUnitId, UserId
from sellout_core.views import CartView, user_view

__all__ = [
    "add_to_cart",
    "found_cart",
    "found_unit",
    "read_cart",
    "remove_from_cart",
    "unit_for_sale",
]


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
        products = tx.products.get_many(products_of(cart.units).union(user.last_viewed))
        references = tx.references.snapshot()
        views = tuple(map(partial(unit_view, products=products, references=references), cart.units))
        totals = cart_totals(cart.units, products, user.personal_discount)
        return CartView(cart.id, user_view(user, products, references), views, totals)

    return shop.store.read(work)


def add_to_cart(shop: Shop, actor: Actor, user_id: UserId, unit_id: ProductUnitId) -> tuple[UnitView, bool]:
    """Adds a product unit to the cart. Returns the unit, and whether the cart did not have it before.

    Raises:
        Unauthenticated, Forbidden: the actor is neither that user nor staff.
        NotFound: there is no such user or unit, or its product is not listed and the actor is not staff.
        UnitsUnavailable: the unit cannot be bought now.
        LimitReached: the cart is full.
    """
    actor.require_user(user_id)

    def work(tx: Transaction) -> tuple[UnitView, bool]:
        locked_user(tx, user_id)
        view = unit_for_sale(tx, actor, unit_id)
        cart = found_cart(tx, user_id)
        if unit_id not in cart.unit_ids and len(cart.unit_ids) >= values.MAX_CART:
            raise LimitReached(values.MAX_CART)
        return view, tx.carts.add(user_id, unit_id)

    return shop.store.write(work)


def remove_from_cart(shop: Shop, actor: Actor, user_id: UserId, unit_id: ProductUnitId) -> UnitView:
    """Removes a product unit from the cart and returns it.

    Raises:
        Unauthenticated, Forbidden: the actor is neither that user nor staff.
        NotFound: there is no such user, or the unit is not in the cart.
    """
    actor.require_user(user_id)

    def work(tx: Transaction) -> UnitView:
        locked_user(tx, user_id)
        if not tx.carts.remove(user_id, [unit_id]):
            raise NotFound
        unit = found_unit(tx, unit_id)
        return unit_view(unit, tx.products.get_many([unit.product_id]), tx.references.snapshot())

    return shop.store.write(work)


def found_cart(tx: Transaction, user_id: UserId) -> Cart:
    """The cart of an existing user. Registering a user creates it."""
    cart = tx.carts.of(user_id)
    if cart is None:
        raise NotFound
    return cart


def unit_for_sale(tx: Transaction, actor: Actor, unit_id: ProductUnitId) -> UnitView:
    """A product unit that may be added to a cart.

    Raises:
        NotFound: there is no such unit, or its product is not listed and the actor is not staff.
        UnitsUnavailable: the unit cannot be bought now.
    """
    unit = found_unit(tx, unit_id)
    products = {unit.product_id: found_product(tx, actor, unit.product_id)}
    if unavailable := not_for_sale([unit], products):
        raise UnitsUnavailable(unavailable)
    return unit_view(unit, products, tx.references.snapshot())


def found_unit(tx: Transaction, unit_id: ProductUnitId) -> ProductUnit:
    """The product unit.

    Raises:
        NotFound: there is no such unit.
    """
    unit = tx.units.get_many([unit_id]).get(unit_id)
    if unit is None:
        raise NotFound
    return unit
