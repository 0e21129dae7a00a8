"""Reads and changes carts of guests. The token of a cart is its holder's only right to it."""

from collections.abc import Sequence
from datetime import datetime

import attrs

from sellout_core.catalogue.products import UnitView, products_of, unit_view
from sellout_core.errors import GuestCartUnknown, InvalidField, InvalidFields, NotFound
from sellout_core.people.accounts import Actor
from sellout_core.ports.store import Transaction
from sellout_core.shop import ReadingShop, Shop
from sellout_core.shopping.guest_carts import GuestCart, GuestCartView, fingerprint_of, guest_token
from sellout_core.shopping.totals import cart_totals
from sellout_core.use_cases.shopping.carts import found_unit, unit_for_sale
from sellout_core.use_cases.shopping.promo_codes import quote_with_code, require_in_cart, require_wanted
from sellout_core.use_cases.upkeep import EXPIRED_PER_WRITE
from sellout_core.values import Percentage, ProductUnitId
from sellout_core.views import QuoteView

__all__ = [
    "AddedByGuest",
    "add_to_guest_cart",
    "check_guest_promo_code",
    "read_guest_cart",
    "remove_from_guest_cart",
]


@attrs.frozen
class AddedByGuest:
    """A unit in a guest's cart.

    Attributes:
        unit: The unit.
        is_new: Whether the cart did not have the unit before.
        token: The token of a cart that was created for the unit. None: the cart existed.
    """

    unit: UnitView
    is_new: bool
    token: str | None = attrs.field(repr=False)


def read_guest_cart(shop: ReadingShop, token: str) -> GuestCartView:
    """The guest's cart at today's prices.

    Raises:
        InvalidFields: the token is malformed.
        GuestCartUnknown: the token is of no cart, or the cart has expired.
    """
    fingerprint, now = _checked(token), shop.clock()

    def work(tx: Transaction) -> GuestCartView:
        cart = _current(tx.guest_carts.of(fingerprint), now)
        units = tx.units.get_many(cart.unit_ids)
        products = tx.products.get_many(products_of(list(units.values())))
        references = tx.references.snapshot()
        held = [units[unit_id] for unit_id in cart.unit_ids if unit_id in units]
        views = tuple(unit_view(unit, products, references) for unit in held)
        return GuestCartView(cart.id, views, cart_totals(held, products, Percentage(0)))

    return shop.store.read(work)


def add_to_guest_cart(shop: Shop, actor: Actor, token: str | None, unit_id: ProductUnitId) -> AddedByGuest:
    """Adds a product unit to a guest's cart. Without a token, creates a cart with the unit and returns its token.

    Raises:
        InvalidFields: the token is malformed.
        GuestCartUnknown: the token is of no cart, or the cart has expired.
        NotFound: there is no such unit, or its product is not listed and the actor is not staff.
        UnitsUnavailable: the unit cannot be bought now.
        LimitReached: the cart is full.
    """
    created = shop.random_id() + shop.random_id() if token is None else None
    fingerprint, now = _checked(token or created or ""), shop.clock()
    expires_at = now + shop.policy.guest_cart_lifetime

    def work(tx: Transaction) -> AddedByGuest:
        before = None if created else _current(tx.guest_carts.for_update(fingerprint), now)
        view = unit_for_sale(tx, actor, unit_id)
        if before is None:
            tx.guest_carts.delete_expired(now, EXPIRED_PER_WRITE)
            tx.guest_carts.add(fingerprint, [unit_id], expires_at)
            return AddedByGuest(view, True, created)
        after = before.holding(unit_id, expires_at)
        if after is not before:
            tx.guest_carts.save(after)
        return AddedByGuest(view, after is not before, None)

    return shop.store.write(work)


def remove_from_guest_cart(shop: Shop, token: str, unit_id: ProductUnitId) -> UnitView:
    """Removes a product unit from a guest's cart and returns it.

    Raises:
        InvalidFields: the token is malformed.
        GuestCartUnknown: the token is of no cart, or the cart has expired.
        NotFound: the unit is not in the cart.
    """
    fingerprint, now = _checked(token), shop.clock()

    def work(tx: Transaction) -> UnitView:
        cart = _current(tx.guest_carts.for_update(fingerprint), now)
        if unit_id not in cart.unit_ids:
            raise NotFound
        unit = found_unit(tx, unit_id)
        tx.guest_carts.save(cart.without(unit_id, now + shop.policy.guest_cart_lifetime))
        return unit_view(unit, tx.products.get_many([unit.product_id]), tx.references.snapshot())

    return shop.store.write(work)


def check_guest_promo_code(shop: ReadingShop, token: str, code: str, unit_ids: Sequence[ProductUnitId]) -> QuoteView:
    """The quotes for units of a guest's cart without and with a promo code. Counts no activation.

    Raises:
        GuestCartUnknown: the token is of no cart, or the cart has expired.
        InvalidFields, NotInCart, UnitsUnavailable, PromoCodeUnknown, PromoCodeInactive, PromoCodeExpired,
            PromoCodeUsedUp, MixedCurrencies: as `check_promo_code`. `InvalidFields` also: the token is malformed.
    """
    fingerprint, now = _checked(token), shop.clock()
    require_wanted(unit_ids)

    def work(tx: Transaction) -> QuoteView:
        units = tx.units.get_many(_current(tx.guest_carts.of(fingerprint), now).unit_ids)
        require_in_cart(unit_ids, units)
        return quote_with_code(shop, tx, [units[unit_id] for unit_id in unit_ids], Percentage(0), code, now)

    return shop.store.read(work)


def _checked(token: str) -> str:
    """The fingerprint of a token."""
    if fault := guest_token(token):
        raise InvalidFields((InvalidField("cart_token", fault.reason, fault.code),))
    return fingerprint_of(token)


def _current(cart: GuestCart | None, now: datetime) -> GuestCart:
    if cart is None or cart.expires_at <= now:
        raise GuestCartUnknown
    return cart
