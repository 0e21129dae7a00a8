"""Checkout: turns units of a cart into an order."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from sellout_core.catalogue.products import PENDING, ProductUnit, products_of
from sellout_core.errors import (
    PromoCodeUsedUp,
    UnitsUnavailable,
    UnknownAddress,
)
from sellout_core.events.making import of_order, of_units
from sellout_core.people.accounts import Actor, Address, User, viewed_ids
from sellout_core.ports.store import Transaction
from sellout_core.shop import Shop
from sellout_core.shopping.delivery import Delivery, delivery_fee
from sellout_core.shopping.ordering import Checkout, NewOrder, OrderLine, PromoCode, Quote, agreed_lines, quote
from sellout_core.use_cases.idempotency import answer_once
from sellout_core.use_cases.people.users import locked_user
from sellout_core.use_cases.shopping.orders import owners_of
from sellout_core.use_cases.shopping.promo_codes import redeemable, require_for_sale, require_in_cart
from sellout_core.values import Money, ProductUnitId, UserId
from sellout_core.views import OrderView, order_view

__all__ = ["check_out", "check_out_once"]


def check_out(shop: Shop, actor: Actor, buyer_id: UserId, checkout: Checkout) -> OrderView:
    """Turns units of the buyer's cart into an order, all or none.

    Raises:
        Unauthenticated, Forbidden: the actor is neither the buyer nor staff.
        NotFound: there is no such buyer.
        NotInCart: a unit is not in the cart, for instance because it was just ordered.
        UnitsUnavailable: a unit cannot be bought now.
        UnknownAddress: the address is not one of the buyer's.
        InvalidFields: the shop does not offer the kind of delivery for these units.
        PromoCodeUnknown, PromoCodeInactive, PromoCodeExpired, PromoCodeUsedUp: the promo code cannot be redeemed.
        MixedCurrencies: the units are priced in more than one currency.
        PriceChanged: the total with the delivery fee is above the checkout's ceiling.
    """
    actor.require_user(buyer_id)
    now = shop.clock()
    return shop.store.write(lambda tx: _place(shop, tx, actor, locked_user(tx, buyer_id), checkout, now))


def check_out_once(
    shop: Shop, actor: Actor, buyer_id: UserId, checkout: Checkout, key: str, encode: Callable[[OrderView], bytes]
) -> bytes:
    """`check_out` with an idempotency key, which makes a retry safe (docs/http-contract.md#checkout-8). A buyer gets
    one order under a key. For 24 hours each retry returns the first response, as `encode` wrote it. The response has
    what the buyer may see, even if the actor is staff.

    Raises:
        InvalidFields: the key is not 1 to 255 printable ASCII characters.
        IdempotencyKeyReused: the key was used for another checkout.
        Unauthenticated, Forbidden, NotFound, Invalid, Conflict: as `check_out`. An error is not stored under the key.
    """
    actor.require_user(buyer_id)
    now = shop.clock()

    def work(tx: Transaction, buyer: User) -> bytes:
        # The buyer may retry a checkout of staff. So the stored response has what the buyer may see.
        return encode(_place(shop, tx, Actor(buyer_id), buyer, checkout, now))

    return answer_once(shop, buyer_id, key, checkout.fingerprint, work)


def _place(shop: Shop, tx: Transaction, actor: Actor, buyer: User, checkout: Checkout, now: datetime) -> OrderView:
    """Applies rules 1 to 6 (docs/http-contract.md#checkout).

    All use cases lock rows in the same order: the buyer, the cart, the units by id, and last the promo code. Many
    buyers may wait for the promo code, so everything else is read before. Stores lock the products whose last piece is
    sold after the units, as an import does.
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
    fee = _fee(tx, checkout.delivery, units) if checkout.delivery else Money(0)
    quoted.require_at_most(checkout.ceiling, fee)
    taken = _taken(tx, units)
    people = {buyer.id: buyer, **tx.users.get_many(owners_of(promo_code, actor) - {buyer.id})}
    products = {**products, **tx.products.get_many(viewed_ids(list(people.values())) - products.keys())}
    activated = _activated(tx, promo_code) if promo_code else None
    references = tx.references.snapshot()
    lines = agreed_lines(quoted, taken, products, references)
    order = tx.orders.add(_order(buyer, checkout, address, activated, quoted, fee, lines, now))
    tx.events.add([of_order(order), *of_units([(unit, taken[unit.id]) for unit in units], references, now)])
    return order_view(order, people, products, references, actor)


def _order(
    buyer: User,
    checkout: Checkout,
    address: Address,
    promo_code: PromoCode | None,
    quoted: Quote,
    fee: Money,
    lines: tuple[OrderLine, ...],
    now: datetime,
) -> NewOrder:
    return NewOrder(
        buyer_id=buyer.id,
        placed_at=now,
        total=Money(quoted.total + fee),
        email=checkout.email,
        telephone=checkout.telephone,
        first_name=checkout.first_name,
        last_name=checkout.last_name,
        address=address,
        promo_code=promo_code,
        status_id=PENDING,
        paid=False,
        lines=lines,
        recipient=checkout.recipient,
        delivery=checkout.delivery,
        delivery_fee=fee,
    )


def _fee(tx: Transaction, delivery: Delivery, units: Sequence[ProductUnit]) -> Money:
    """The fee at the tariffs of this transaction. All units have one currency."""
    return delivery_fee(delivery, tx.delivery_tariffs.all(), units[0].currency_id)


def _taken(tx: Transaction, units: Sequence[ProductUnit]) -> Mapping[ProductUnitId, ProductUnit]:
    taken = tx.units.take(units)
    if missed := tuple(unit.id for unit in units if unit.id not in taken):
        raise UnitsUnavailable(missed)
    return taken


def _activated(tx: Transaction, promo_code: PromoCode) -> PromoCode:
    activated = tx.promo_codes.activate(promo_code)
    if activated is None:
        raise PromoCodeUsedUp
    return activated
