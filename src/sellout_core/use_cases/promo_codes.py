"""Promo codes: adding one, and checking what one would save."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from sellout_core.accounts import Actor
from sellout_core.catalogue import Product, ProductUnit, not_for_sale, products_of
from sellout_core.errors import (
    InvalidField,
    InvalidFields,
    NotInCart,
    PromoCodeUnknown,
    UnitsUnavailable,
)
from sellout_core.ordering import (
    NewPromoCode,
    PromoCode,
    quote,
    wanted_units,
)
from sellout_core.ports.store import Transaction
from sellout_core.shop import ReadingShop, Shop
from sellout_core.use_cases.carts import found_cart
from sellout_core.use_cases.users import found_user
from sellout_core.values import ProductId, ProductUnitId, UserId
from sellout_core.views import QuoteView

__all__ = ["check_promo_code", "create_promo_code", "redeemable", "require_for_sale", "require_in_cart"]


def create_promo_code(shop: Shop, actor: Actor, promo_code: NewPromoCode) -> PromoCode:
    """Adds a promo code; for staff.

    Raises:
        Unauthenticated, Forbidden: the actor is not staff.
        InvalidFields: it has no discount, no order may use it, or its last day is over in the shop's time zone.
        NotFound: its owner does not exist.
        PromoCodeTaken: there is one of that name.
    """
    actor.require_staff()
    promo_code.require_useful(shop.clock().astimezone(shop.policy.time_zone))

    def work(tx: Transaction) -> PromoCode:
        found_user(tx, promo_code.owner_id)
        return tx.promo_codes.add(promo_code)

    return shop.store.write(work)


def check_promo_code(
    shop: ReadingShop, actor: Actor, user_id: UserId, code: str, unit_ids: Sequence[ProductUnitId]
) -> QuoteView:
    """What a promo code would save the user on units of their cart, counting nothing.

    Raises:
        Unauthenticated, Forbidden: the actor is neither that user nor staff.
        NotFound: there is no such user.
        InvalidFields, NotInCart, UnitsUnavailable, PromoCodeUnknown, PromoCodeInactive, PromoCodeExpired,
            PromoCodeUsedUp, MixedCurrencies: as a checkout would.
    """
    actor.require_user(user_id)
    if fault := wanted_units(unit_ids):
        raise InvalidFields((InvalidField("unit_ids", fault.reason, fault.code),))
    now = shop.clock()

    def work(tx: Transaction) -> QuoteView:
        user = found_user(tx, user_id)
        in_cart = {unit.id: unit for unit in found_cart(tx, user_id).units}
        require_in_cart(unit_ids, in_cart)
        units = [in_cart[unit_id] for unit_id in unit_ids]
        require_for_sale(units, tx.products.get_many(products_of(units)))
        promo_code = redeemable(shop, tx, code, now)
        full = quote(units, user.personal_discount)
        return QuoteView(promo_code, full, quote(units, user.personal_discount, promo_code))

    return shop.store.read(work)


def require_in_cart(wanted: Collection[ProductUnitId], in_cart: Collection[ProductUnitId]) -> None:
    """Lets through units that are all in a cart.

    Raises:
        NotInCart: naming the units that are not.
    """
    if missing := tuple(unit_id for unit_id in wanted if unit_id not in in_cart):
        raise NotInCart(missing)


def require_for_sale(units: Sequence[ProductUnit], products: Mapping[ProductId, Product]) -> None:
    """Lets through units that are all for sale.

    Raises:
        UnitsUnavailable: naming the units that are not.
    """
    if unavailable := not_for_sale(units, products):
        raise UnitsUnavailable(unavailable)


def redeemable(shop: ReadingShop, tx: Transaction, code: str, now: datetime) -> PromoCode:
    """The promo code of that name, which an order may use today in the shop's time zone.

    Raises:
        PromoCodeUnknown, PromoCodeInactive, PromoCodeExpired, PromoCodeUsedUp: no order may use it.
    """
    promo_code = tx.promo_codes.by_code(code)
    if promo_code is None:
        raise PromoCodeUnknown
    promo_code.require_redeemable(now.astimezone(shop.policy.time_zone).date())
    return promo_code
