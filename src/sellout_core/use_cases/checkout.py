"""Checkout: from a cart to an order."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from sellout_core import values
from sellout_core.accounts import Actor, Address, User, viewed_ids
from sellout_core.catalogue import PENDING, ProductUnit, products_of
from sellout_core.errors import (
    IdempotencyKeyReused,
    InvalidField,
    InvalidFields,
    PromoCodeUsedUp,
    UnitsUnavailable,
    UnknownAddress,
)
from sellout_core.ordering import (
    Checkout,
    NewOrder,
    OrderLine,
    PromoCode,
    agreed_lines,
    quote,
)
from sellout_core.ports.shopping import KeptAnswer
from sellout_core.ports.store import Transaction
from sellout_core.shop import Shop
from sellout_core.use_cases.orders import owners_of
from sellout_core.use_cases.promo_codes import redeemable, require_for_sale, require_in_cart
from sellout_core.use_cases.users import held_user
from sellout_core.values import Money, ProductUnitId, UserId
from sellout_core.views import OrderView, order_view

__all__ = ["check_out", "check_out_once"]


def check_out(shop: Shop, actor: Actor, buyer_id: UserId, checkout: Checkout) -> OrderView:
    """Turns units of the buyer's cart into an order, all or nothing.

    Raises:
        Unauthenticated, Forbidden: the actor is neither the buyer nor staff.
        NotFound: there is no such buyer.
        NotInCart: a unit is not in the cart, for instance because it was just ordered.
        UnitsUnavailable: a unit cannot be had now.
        UnknownAddress: the address is not one of the buyer's.
        PromoCodeUnknown, PromoCodeInactive, PromoCodeExpired, PromoCodeUsedUp: the promo code cannot be redeemed.
        MixedCurrencies: the units are priced in more than one currency.
        PriceChanged: the total is above the checkout's ceiling.
    """
    actor.require_user(buyer_id)
    now = shop.clock()
    return shop.store.write(lambda tx: _place(shop, tx, actor, held_user(tx, buyer_id), checkout, now))


def check_out_once(
    shop: Shop, actor: Actor, buyer_id: UserId, checkout: Checkout, key: str, encode: Callable[[OrderView], bytes]
) -> bytes:
    """`check_out` for callers who may have to repeat it (docs/http-contract.md#checkout-8). Under one idempotency key a
    buyer gets one order. For 24 hours each repetition gets the first answer, as `encode` wrote it. The answer shows
    what the buyer may see, also if staff ask.

    Raises:
        InvalidFields: the key is not 1 to 255 printable ASCII characters.
        IdempotencyKeyReused: the key stands for another checkout.
        Unauthenticated, Forbidden, NotFound, Invalid, Conflict: as `check_out`; a refusal is not kept.
    """
    actor.require_user(buyer_id)
    if fault := values.idempotency_key(key):
        raise InvalidFields((InvalidField("idempotency_key", fault.reason, fault.code),))
    now = shop.clock()

    def work(tx: Transaction) -> bytes:
        buyer = held_user(tx, buyer_id)
        kept = tx.answers.find(buyer_id, key, now - shop.policy.answers_kept)
        if kept is None:
            # The buyer may repeat what staff began: the stored answer shows what the buyer may see.
            placed = _place(shop, tx, Actor(buyer_id), buyer, checkout, now)
            kept = KeptAnswer(checkout.fingerprint, encode(placed))
            tx.answers.keep(buyer_id, key, kept, now)
        if kept.fingerprint != checkout.fingerprint:
            raise IdempotencyKeyReused
        return kept.answer

    return shop.store.write(work)


def _place(shop: Shop, tx: Transaction, actor: Actor, buyer: User, checkout: Checkout, now: datetime) -> OrderView:
    """Rules 1 to 6 (docs/http-contract.md#checkout). Rows are locked in one order everywhere: the buyer, their cart,
    the units by id, and the promo code, which everybody may want at once, last: whatever can be read before is. Stores
    hold the products whose last piece is sold after their units, as an import does.
    """
    require_in_cart(checkout.unit_ids, tx.carts.remove(buyer.id, checkout.unit_ids))
    found = tx.units.get_many(checkout.unit_ids)
    units = [found[unit_id] for unit_id in checkout.unit_ids]
    products = tx.products.get_many(viewed_ids([buyer]) | products_of(units))
    require_for_sale(units, products)
    address = buyer.address(checkout.address_id)
    if address is None:
        raise UnknownAddress
    promo_code = redeemable(shop, tx, checkout.promo_code, now) if checkout.promo_code else None
    quoted = quote(units, buyer.personal_discount, promo_code)
    quoted.require_at_most(checkout.ceiling)
    taken = _taken(tx, units)
    people = {buyer.id: buyer, **tx.users.get_many(owners_of(promo_code, actor) - {buyer.id})}
    products = {**products, **tx.products.get_many(viewed_ids(list(people.values())) - products.keys())}
    activated = _activated(tx, promo_code) if promo_code else None
    references = tx.references.snapshot()
    lines = agreed_lines(quoted, taken, products, references)
    order = tx.orders.add(_order(buyer, checkout, address, activated, quoted.total, lines, now))
    return order_view(order, people, products, references, actor)


def _order(
    buyer: User,
    checkout: Checkout,
    address: Address,
    promo_code: PromoCode | None,
    total: Money,
    lines: tuple[OrderLine, ...],
    now: datetime,
) -> NewOrder:
    return NewOrder(
        buyer_id=buyer.id,
        placed_at=now,
        total=total,
        email=checkout.email,
        telephone=checkout.telephone,
        first_name=checkout.first_name,
        last_name=checkout.last_name,
        address=address,
        promo_code=promo_code,
        status_id=PENDING,
        paid=False,
        lines=lines,
    )


def _taken(tx: Transaction, units: Sequence[ProductUnit]) -> Mapping[ProductUnitId, ProductUnit]:
    taken = tx.units.take(units)
    if missed := tuple(unit.id for unit in units if unit.id not in taken):
        raise UnitsUnavailable(missed)
    return taken


def _activated(tx: Transaction, promo_code: PromoCode) -> PromoCode:
    activated = tx.promo_codes.activate(promo_code.id)
    if activated is None:
        raise PromoCodeUsedUp
    return activated
