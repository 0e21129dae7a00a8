"""From cart to order: the cart, promo codes, checkout, and orders to read (contract, Cart and Checkout)."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime

from sellout_core import values
from sellout_core.accounts import Actor, Address, User, viewed_ids
from sellout_core.catalogue import PENDING, Product, ProductUnit, not_for_sale, products_of
from sellout_core.errors import (
    IdempotencyKeyReused,
    InvalidField,
    InvalidFields,
    LimitReached,
    NotFound,
    NotInCart,
    PromoCodeUnknown,
    PromoCodeUsedUp,
    UnitsUnavailable,
    UnknownAddress,
)
from sellout_core.lists import WHOLE, Part, in_batches
from sellout_core.named import UnitView, unit_view
from sellout_core.ordering import (
    Cart,
    Checkout,
    NewOrder,
    NewPromoCode,
    Order,
    OrderLine,
    PromoCode,
    agreed_lines,
    quote,
    wanted_units,
)
from sellout_core.ports import KeptAnswer, Transaction
from sellout_core.shop import Shop
from sellout_core.use_cases.accounts import found_user, held_user, require_user_there
from sellout_core.values import Money, OrderId, ProductId, ProductUnitId, UserId
from sellout_core.views import CartView, OrderView, QuoteView, order_view, user_view


def read_cart(shop: Shop, actor: Actor, user_id: UserId) -> CartView:
    """The user's cart at today's prices.

    Raises:
        Unauthenticated, Forbidden: the actor is neither that user nor staff.
        NotFound: there is no such user.
    """
    actor.require_user(user_id)

    def work(tx: Transaction) -> CartView:
        user = found_user(tx, user_id)
        cart = _cart(tx, user_id)
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
        UnitsUnavailable: nobody can buy it now.
        LimitReached: the cart is full.
    """
    actor.require_user(user_id)

    def work(tx: Transaction) -> tuple[UnitView, bool]:
        held_user(tx, user_id)
        unit = _found_unit(tx, unit_id)
        cart = _cart(tx, user_id)
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
    shop: Shop, actor: Actor, user_id: UserId, code: str, unit_ids: Sequence[ProductUnitId]
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
        in_cart = {unit.id: unit for unit in _cart(tx, user_id).units}
        _require_in_cart(unit_ids, in_cart)
        units = [in_cart[unit_id] for unit_id in unit_ids]
        _require_for_sale(units, tx.products.get_many(products_of(units)))
        promo_code = _redeemable(shop, tx, code, now)
        full = quote(units, user.personal_discount)
        return QuoteView(promo_code, full, quote(units, user.personal_discount, promo_code))

    return shop.store.read(work)


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
    """`check_out` for callers who may have to ask again: under one idempotency key a buyer gets one order, and every
    repetition gets the first answer, as `encode` wrote it, for 24 hours (contract, Checkout, 8). Whoever asks, the
    answer is the one the buyer may see.

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
            # Staff may ask first and the buyer again: what is kept shows no more than the buyer may see.
            placed = _place(shop, tx, Actor(buyer_id), buyer, checkout, now)
            kept = KeptAnswer(checkout.fingerprint, encode(placed))
            tx.answers.keep(buyer_id, key, kept, now)
        if kept.fingerprint != checkout.fingerprint:
            raise IdempotencyKeyReused
        return kept.answer

    return shop.store.write(work)


def read_orders(
    shop: Shop, actor: Actor, sink: Callable[[Sequence[OrderView]], None], part: Part = WHOLE
) -> int | None:
    """Passes orders to `sink` in batches, by id, as one state of the shop; for staff.

    Returns:
        The id after which there are more; None where the part holds the last.

    Raises:
        Unauthenticated, Forbidden: the actor is not staff.
    """
    actor.require_staff()
    return shop.store.read(lambda tx: in_batches(part, tx.orders.after, lambda orders: sink(_views(tx, orders, actor))))


def read_user_orders(shop: Shop, actor: Actor, user_id: UserId) -> tuple[OrderView, ...]:
    """The user's orders, by id.

    Raises:
        Unauthenticated, Forbidden: the actor is neither that user nor staff.
        NotFound: there is no such user.
    """
    actor.require_user(user_id)

    def work(tx: Transaction) -> tuple[OrderView, ...]:
        require_user_there(tx, actor, user_id)
        return _views(tx, tx.orders.of(user_id), actor)

    return shop.store.read(work)


def read_order(shop: Shop, actor: Actor, order_id: OrderId) -> OrderView:
    """One order.

    Raises:
        Unauthenticated: the actor is anonymous.
        NotFound: the actor has no such order (there is none, for staff).
    """
    actor.require_known()

    def work(tx: Transaction) -> OrderView:
        order = tx.orders.get(order_id)
        if order is None or not actor.may_see(order.buyer_id):
            raise NotFound
        return _views(tx, [order], actor)[0]

    return shop.store.read(work)


def _place(shop: Shop, tx: Transaction, actor: Actor, buyer: User, checkout: Checkout, now: datetime) -> OrderView:
    """Contract, Checkout, 1 to 6. Rows are locked in one order everywhere: the buyer, their cart, the units by id, and
    the promo code, which everybody may want at once, last: whatever can be read before is. Stores hold the products
    whose last piece is sold after their units, as an import does.
    """
    _require_in_cart(checkout.unit_ids, tx.carts.remove(buyer.id, checkout.unit_ids))
    found = tx.units.get_many(checkout.unit_ids)
    units = [found[unit_id] for unit_id in checkout.unit_ids]
    products = tx.products.get_many(viewed_ids([buyer]) | products_of(units))
    _require_for_sale(units, products)
    address = buyer.address(checkout.address_id)
    if address is None:
        raise UnknownAddress
    promo_code = _redeemable(shop, tx, checkout.promo_code, now) if checkout.promo_code else None
    quoted = quote(units, buyer.personal_discount, promo_code)
    quoted.require_at_most(checkout.ceiling)
    taken = _taken(tx, units)
    people = {buyer.id: buyer, **tx.users.get_many(_owners(promo_code, actor) - {buyer.id})}
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


def _require_in_cart(wanted: Collection[ProductUnitId], in_cart: Collection[ProductUnitId]) -> None:
    if missing := tuple(unit_id for unit_id in wanted if unit_id not in in_cart):
        raise NotInCart(missing)


def _require_for_sale(units: Sequence[ProductUnit], products: Mapping[ProductId, Product]) -> None:
    if unavailable := not_for_sale(units, products):
        raise UnitsUnavailable(unavailable)


def _redeemable(shop: Shop, tx: Transaction, code: str, now: datetime) -> PromoCode:
    promo_code = tx.promo_codes.by_code(code)
    if promo_code is None:
        raise PromoCodeUnknown
    promo_code.require_redeemable(now.astimezone(shop.policy.time_zone).date())
    return promo_code


def _taken(tx: Transaction, units: Sequence[ProductUnit]) -> Mapping[ProductUnitId, ProductUnit]:
    taken = tx.units.take(units)
    if missed := tuple(unit.id for unit in units if unit.id not in taken):
        raise UnitsUnavailable(missed)
    return taken


def _owners(promo_code: PromoCode | None, reader: Actor) -> set[UserId]:
    """The promo code's owner, if there is one and the reader may see them."""
    return set() if promo_code is None or not reader.may_see(promo_code.owner_id) else {promo_code.owner_id}


def _activated(tx: Transaction, promo_code: PromoCode) -> PromoCode:
    activated = tx.promo_codes.activate(promo_code.id)
    if activated is None:
        raise PromoCodeUsedUp
    return activated


def _cart(tx: Transaction, user_id: UserId) -> Cart:
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


def _views(tx: Transaction, orders: Sequence[Order], reader: Actor) -> tuple[OrderView, ...]:
    buyers = {order.buyer_id for order in orders}
    people = tx.users.get_many(buyers.union(*(_owners(order.promo_code, reader) for order in orders)))
    products = tx.products.get_many(viewed_ids(list(people.values())))
    references = tx.references.snapshot()
    return tuple(order_view(order, people, products, references, reader) for order in orders)
