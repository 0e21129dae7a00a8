"""How staff read, create and change promo codes, and how a promo code is checked."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date, datetime
from functools import partial

import attrs

from sellout_core import values
from sellout_core.audit import audited
from sellout_core.catalogue.products import Product, ProductUnit, not_for_sale, products_of
from sellout_core.errors import (
    FieldCode,
    InvalidField,
    InvalidFields,
    NotFound,
    NotInCart,
    PromoCodeUnknown,
    Stale,
    UnitsUnavailable,
)
from sellout_core.people.accounts import Actor, viewed_ids
from sellout_core.ports.lists import WHOLE, Part, in_batches
from sellout_core.ports.store import Transaction
from sellout_core.shop import ReadingShop, Shop
from sellout_core.shopping.ordering import NewPromoCode, PromoCode, PromoCodeUse, quote, wanted_units
from sellout_core.use_cases.people.users import found_user
from sellout_core.use_cases.shopping.carts import found_cart
from sellout_core.values import (
    UNCHANGED,
    Money,
    Percentage,
    ProductId,
    ProductUnitId,
    PromoCodeId,
    Unchanged,
    UserId,
    changed,
    ruled,
)
from sellout_core.views import PromoCodeView, QuoteView, promo_code_view

__all__ = [
    "PromoCodeChange",
    "change_promo_code",
    "check_promo_code",
    "create_promo_code",
    "quote_with_code",
    "read_promo_code",
    "read_promo_code_uses",
    "read_promo_codes",
    "redeemable",
    "require_for_sale",
    "require_in_cart",
    "require_wanted",
]


@attrs.frozen(kw_only=True)
class PromoCodeChange:
    """A change of a promo code. Its code and its owner do not change.

    Raises:
        InvalidFields: as for `NewPromoCode`.
    """

    discount_percentage: Percentage | Unchanged = ruled(values.perhaps(values.percentage), default=UNCHANGED)
    discount_absolute: Money | Unchanged = ruled(values.perhaps(values.price), default=UNCHANGED)
    max_activation_count: int | Unchanged = ruled(
        values.perhaps(values.between(0, values.MAX_STOCK)), default=UNCHANGED
    )
    active: bool | Unchanged = UNCHANGED
    active_until: date | Unchanged = ruled(values.perhaps(values.any_date), default=UNCHANGED)

    def __attrs_post_init__(self) -> None:
        """Checks the limits."""
        values.enforce(self)


def read_promo_codes(
    shop: ReadingShop, actor: Actor, sink: Callable[[Sequence[PromoCodeView]], None], part: Part = WHOLE
) -> int | None:
    """Passes promo codes to `sink` in batches, by id, from one state of the shop. For staff.

    Returns:
        The id after which there are more; None where the part holds the last.

    Raises:
        Unauthenticated, Forbidden: the actor is not staff.
    """
    actor.require_staff()

    def work(tx: Transaction) -> int | None:
        return in_batches(part, tx.promo_codes.after, lambda found: sink(_views(tx, found, actor)))

    return shop.store.read(work)


def read_promo_code(shop: ReadingShop, actor: Actor, promo_code_id: PromoCodeId) -> PromoCodeView:
    """A promo code. For staff.

    Raises:
        Unauthenticated, Forbidden: the actor is not staff.
        NotFound: there is no such promo code.
    """
    actor.require_staff()
    return shop.store.read(lambda tx: _views(tx, [_found(tx.promo_codes.get(promo_code_id))], actor)[0])


def read_promo_code_uses(
    shop: ReadingShop,
    actor: Actor,
    promo_code_id: PromoCodeId,
    sink: Callable[[Sequence[PromoCodeUse]], None],
    part: Part = WHOLE,
) -> int | None:
    """Passes the orders that used a promo code to `sink` in batches, by id, from one state of the shop. For staff.

    Returns:
        The id after which there are more; None where the part holds the last.

    Raises:
        Unauthenticated, Forbidden: the actor is not staff.
        NotFound: there is no such promo code.
    """
    actor.require_staff()

    def work(tx: Transaction) -> int | None:
        _found(tx.promo_codes.get(promo_code_id))
        return in_batches(part, partial(tx.orders.uses_after, promo_code_id), sink)

    return shop.store.read(work)


def create_promo_code(shop: Shop, actor: Actor, promo_code: NewPromoCode) -> PromoCodeView:
    """Creates a promo code. For staff.

    Raises:
        Unauthenticated, Forbidden: the actor is not staff.
        InvalidFields: the code has no discount, its maximum is 0, its last day has passed in the shop's time zone, or
            its owner does not exist.
        PromoCodeTaken: the code exists.
    """
    actor.require_staff()
    now = shop.clock()
    if faults := promo_code.useless(now.astimezone(shop.policy.time_zone)):
        raise InvalidFields(faults)

    def work(tx: Transaction) -> PromoCodeView:
        # Locked: the owner's deletion stops all promo codes of the owner.
        if tx.users.for_update(promo_code.owner_id) is None:
            raise InvalidFields((InvalidField("owner_id", "must be the id of a user", FieldCode.NOT_ONE_OF),))
        added = tx.promo_codes.add(promo_code)
        tx.audit.add([audited(actor, now, "promo_code", added.id, after=added)])
        return _views(tx, [added], actor)[0]

    return shop.store.write(work)


def change_promo_code(
    shop: Shop,
    actor: Actor,
    promo_code_id: PromoCodeId,
    change: PromoCodeChange,
    is_current: Callable[[PromoCodeView], bool],
) -> PromoCodeView:
    """Changes a promo code. For staff. Every checkout that begins later has the change; orders keep their copies.

    Args:
        shop: The shop.
        actor: The actor.
        promo_code_id: The promo code.
        change: The change.
        is_current: Says whether the promo code is as the caller knows it.

    Raises:
        Unauthenticated, Forbidden: the actor is not staff.
        NotFound: there is no such promo code.
        Stale: the promo code is not as the caller knows it.
        InvalidFields: the maximum would be below the number of activations, or the change alone would leave no
            discount, a maximum of 0, or a last day that is over in the shop's time zone.
    """
    actor.require_staff()
    now = shop.clock()
    today = now.astimezone(shop.policy.time_zone)

    def work(tx: Transaction) -> PromoCodeView:
        before = _found(tx.promo_codes.for_update(promo_code_id))
        view = _views(tx, [before], actor)[0]
        if not is_current(view):
            raise Stale
        maximum = change.max_activation_count
        if maximum is not UNCHANGED and maximum < before.activation_count:
            reason = f"must not be below the number of activations, which is {before.activation_count}"
            raise InvalidFields((InvalidField("max_activation_count", reason, FieldCode.OUT_OF_RANGE),))
        after = changed(before, change)
        # A promo code whose last day is over may still be stopped.
        if faults := tuple(fault for fault in after.useless(today) if fault not in before.useless(today)):
            raise InvalidFields(faults)
        if after != before:
            tx.promo_codes.save(after)
            tx.audit.add([audited(actor, now, "promo_code", promo_code_id, before=before, after=after)])
        return attrs.evolve(view, promo_code=after)

    return shop.store.write(work)


def check_promo_code(
    shop: ReadingShop, actor: Actor, user_id: UserId, code: str, unit_ids: Sequence[ProductUnitId]
) -> QuoteView:
    """The quotes for units of the user's cart without and with a promo code. Counts no activation.

    Raises:
        Unauthenticated, Forbidden: the actor is neither that user nor staff.
        NotFound: there is no such user.
        InvalidFields, NotInCart, UnitsUnavailable, PromoCodeUnknown, PromoCodeInactive, PromoCodeExpired,
            PromoCodeUsedUp, MixedCurrencies: as `check_out`.
    """
    actor.require_user(user_id)
    require_wanted(unit_ids)
    now = shop.clock()

    def work(tx: Transaction) -> QuoteView:
        user = found_user(tx, user_id)
        in_cart = {unit.id: unit for unit in found_cart(tx, user_id).units}
        require_in_cart(unit_ids, in_cart)
        units = [in_cart[unit_id] for unit_id in unit_ids]
        return quote_with_code(shop, tx, units, user.personal_discount, code, now)

    return shop.store.read(work)


def require_wanted(unit_ids: Sequence[ProductUnitId]) -> None:
    """Checks the number of units of a quote, and that none is repeated.

    Raises:
        InvalidFields: the units break `wanted_units`.
    """
    if fault := wanted_units(unit_ids):
        raise InvalidFields((InvalidField("unit_ids", fault.reason, fault.code),))


def quote_with_code(
    shop: ReadingShop, tx: Transaction, units: Sequence[ProductUnit], discount: Percentage, code: str, now: datetime
) -> QuoteView:
    """The quotes for units without and with a promo code. `discount` is the buyer's personal discount.

    Raises:
        UnitsUnavailable, PromoCodeUnknown, PromoCodeInactive, PromoCodeExpired, PromoCodeUsedUp, MixedCurrencies: as
            `check_out`.
    """
    require_for_sale(units, tx.products.get_many(products_of(units)))
    promo_code = redeemable(shop, tx, code, now)
    return QuoteView(promo_code, quote(units, discount), quote(units, discount, promo_code))


def require_in_cart(wanted: Collection[ProductUnitId], in_cart: Collection[ProductUnitId]) -> None:
    """Checks that all units are in a cart.

    Raises:
        NotInCart: names the units that are not.
    """
    if missing := tuple(unit_id for unit_id in wanted if unit_id not in in_cart):
        raise NotInCart(missing)


def require_for_sale(units: Sequence[ProductUnit], products: Mapping[ProductId, Product]) -> None:
    """Checks that all units can be bought now.

    Raises:
        UnitsUnavailable: names the units that cannot.
    """
    if unavailable := not_for_sale(units, products):
        raise UnitsUnavailable(unavailable)


def redeemable(shop: ReadingShop, tx: Transaction, code: str, now: datetime) -> PromoCode:
    """The promo code, if it can be redeemed today in the shop's time zone.

    Raises:
        PromoCodeUnknown, PromoCodeInactive, PromoCodeExpired, PromoCodeUsedUp: it cannot be redeemed.
    """
    promo_code = tx.promo_codes.by_code(code)
    if promo_code is None:
        raise PromoCodeUnknown
    promo_code.require_redeemable(now.astimezone(shop.policy.time_zone).date())
    return promo_code


def _found(promo_code: PromoCode | None) -> PromoCode:
    if promo_code is None:
        raise NotFound
    return promo_code


def _views(tx: Transaction, promo_codes: Sequence[PromoCode], reader: Actor) -> tuple[PromoCodeView, ...]:
    people = tx.users.get_many({promo_code.owner_id for promo_code in promo_codes})
    products = tx.products.get_many(viewed_ids(list(people.values())))
    references = tx.references.snapshot()
    return tuple(promo_code_view(promo_code, people, products, references, reader) for promo_code in promo_codes)
