"""Carts, promo codes, quotes and orders; `quote` is the price, and nothing else decides one."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from itertools import accumulate, pairwise
from typing import Self

import attrs

from sellout_core import values
from sellout_core.accounts import Address
from sellout_core.catalogue import Products, ProductUnit, References, UnitView, unit_view
from sellout_core.errors import (
    Fault,
    FieldCode,
    InvalidField,
    InvalidFields,
    MixedCurrencies,
    PriceChanged,
    PromoCodeExpired,
    PromoCodeInactive,
    PromoCodeUsedUp,
)
from sellout_core.values import (
    AddressId,
    CartId,
    Money,
    OrderId,
    Percentage,
    ProductUnitId,
    PromoCodeId,
    StatusId,
    UserId,
    ruled,
)

__all__ = [
    "Cart",
    "Checkout",
    "NewOrder",
    "NewPromoCode",
    "Order",
    "OrderLine",
    "PromoCode",
    "Quote",
    "QuotedLine",
    "agreed_lines",
    "less_percentage",
    "quote",
    "spread",
    "wanted_units",
]


@attrs.frozen
class Cart:
    """A user's cart: a set of product units as they are today, in order of entry."""

    id: CartId
    user_id: UserId
    units: tuple[ProductUnit, ...]

    @property
    def unit_ids(self) -> tuple[ProductUnitId, ...]:
        """The units' ids."""
        return tuple(unit.id for unit in self.units)


@attrs.frozen(kw_only=True)
class NewPromoCode:
    """A promo code before it has an id.

    Raises:
        InvalidFields: naming every field out of its limits.
    """

    code: str = ruled(values.text(values.MAX_PROMO_CODE, minimum=1))
    owner_id: UserId
    discount_percentage: Percentage = ruled(values.percentage, default=Percentage(0))
    discount_absolute: Money = ruled(values.price, default=Money(0))
    activation_count: int = ruled(values.between(0, values.MAX_STOCK), default=0)
    max_activation_count: int = ruled(values.between(0, values.MAX_STOCK))
    active: bool = True
    active_until: date = ruled(values.any_date)

    def __attrs_post_init__(self) -> None:
        values.enforce(self)
        if self.activation_count > self.max_activation_count:
            raise InvalidFields(
                (InvalidField("activation_count", "must not be above the maximum", FieldCode.OUT_OF_RANGE),)
            )

    def require_useful(self, now: datetime) -> None:
        """Lets through a promo code that an order can use and that lowers a price. `now` is in the shop's time zone.

        Raises:
            InvalidFields: it has no discount, its maximum is 0, or its last day is before that of `now`. All the
                reasons are named; a missing discount as the field `discount`.
        """
        faults: list[tuple[str, str]] = []
        if not (self.discount_percentage or self.discount_absolute):
            faults.append(("discount", "must be above 0"))
        if not self.max_activation_count:
            faults.append(("max_activation_count", "must be at least 1"))
        if self.active_until < now.date():
            faults.append(("active_until", f"must not be in the past: it is {now.date()} in {now.tzinfo}"))
        if faults:
            raise InvalidFields(tuple(InvalidField(*fault, FieldCode.OUT_OF_RANGE) for fault in faults))


@attrs.frozen(kw_only=True)
class PromoCode(NewPromoCode):
    """A promo code, matched without regard to case. Belongs to a user who may not be the one redeeming it."""

    id: PromoCodeId

    @classmethod
    def of(cls, promo_code_id: PromoCodeId, new: NewPromoCode) -> Self:
        """The promo code that `new` becomes once it has an id."""
        return cls(id=promo_code_id, **attrs.asdict(new, recurse=False))

    def require_redeemable(self, today: date) -> None:
        """Lets through a promo code that can be redeemed on `today`, a date in the shop's time zone.

        Raises:
            PromoCodeInactive, PromoCodeExpired, PromoCodeUsedUp: in this order (docs/http-contract.md#checkout-5).
        """
        if not self.active:
            raise PromoCodeInactive
        if today > self.active_until:
            raise PromoCodeExpired
        if self.activation_count >= self.max_activation_count:
            raise PromoCodeUsedUp

    def activated(self) -> Self:
        """This promo code after one more order."""
        return attrs.evolve(self, activation_count=self.activation_count + 1)


@attrs.frozen
class QuotedLine:
    """A product unit's price, and `amount`, its share of the quote's total."""

    unit_id: ProductUnitId
    price: Money
    amount: Money


@attrs.frozen
class OrderLine:
    """A product unit as it was agreed, and `amount`, its share of the order's total."""

    unit: UnitView
    amount: Money


@attrs.frozen
class Quote:
    """What units cost one buyer now. The lines' amounts add up to `total` exactly."""

    lines: tuple[QuotedLine, ...]
    subtotal: Money
    total: Money

    def require_at_most(self, ceiling: Money | None) -> None:
        """Lets through a quote that the buyer agreed to; None agrees to any.

        Raises:
            PriceChanged: the total is above the ceiling.
        """
        if ceiling is not None and self.total > ceiling:
            raise PriceChanged(self.total)


def wanted_units(unit_ids: Sequence[ProductUnitId]) -> Fault | None:
    """A rule for the units of a checkout: 1 to 100, without repeats."""
    if not unit_ids:
        return Fault("must not be empty", FieldCode.TOO_FEW)
    return values.each(values.identifier, values.MAX_CART)(unit_ids)


@attrs.frozen
class Checkout:
    """What a buyer asks for: which units of their cart, to whom and where, and `ceiling`, the most they agree to pay.

    Raises:
        InvalidFields: naming every field that breaks a rule.
    """

    unit_ids: tuple[ProductUnitId, ...] = ruled(wanted_units)
    email: str = ruled(values.email)
    telephone: str = ruled(values.telephone)
    first_name: str = ruled(values.text(values.MAX_NAME, minimum=1))
    last_name: str = ruled(values.text(values.MAX_NAME))
    address_id: AddressId = ruled(values.identifier)
    promo_code: str = ruled(values.text(values.MAX_PROMO_CODE), default="")
    ceiling: Money | None = ruled(values.optional(values.between(0, values.MAX_TOTAL)), default=None)

    def __attrs_post_init__(self) -> None:
        values.enforce(self)

    @property
    def fingerprint(self) -> str:
        """Equal for equal requests, and only for those."""
        return hashlib.sha256(repr(attrs.astuple(self)).encode()).hexdigest()


@attrs.frozen(kw_only=True)
class NewOrder:
    """An order before it has an id. Everything agreed is kept by value: products and units, address, prices and promo
    code stay as they were however the shop changes (docs/http-contract.md#checkout-7).
    """

    buyer_id: UserId
    placed_at: datetime
    total: Money
    email: str
    telephone: str
    first_name: str
    last_name: str
    address: Address
    promo_code: PromoCode | None
    status_id: StatusId
    paid: bool
    lines: tuple[OrderLine, ...]


@attrs.frozen(kw_only=True)
class Order(NewOrder):
    """An order."""

    id: OrderId

    @classmethod
    def of(cls, order_id: OrderId, new: NewOrder) -> Self:
        """The order that `new` becomes once it has an id."""
        return cls(id=order_id, **attrs.asdict(new, recurse=False))


def quote(
    units: Sequence[ProductUnit], personal_discount: Percentage, promo_code: PromoCode | NewPromoCode | None = None
) -> Quote:
    """Prices units for a buyer (docs/http-contract.md#checkout-3).

    The total is the sum of the prices, less the personal percentage, less the promo code's percentage, less its
    absolute discount, never below 0. Each percentage rounds half up to a whole unit.

    Raises:
        MixedCurrencies: the units are priced in more than one currency.
    """
    if len({unit.currency_id for unit in units}) > 1:
        raise MixedCurrencies
    subtotal = sum(unit.price for unit in units)
    total = less_percentage(subtotal, personal_discount)
    if promo_code is not None:
        total = less_percentage(total, promo_code.discount_percentage)
        total = max(0, total - promo_code.discount_absolute)
    amounts = spread(total, [unit.price for unit in units])
    lines = tuple(QuotedLine(unit.id, unit.price, Money(amount)) for unit, amount in zip(units, amounts, strict=True))
    return Quote(lines, Money(subtotal), Money(total))


def agreed_lines(
    quoted: Quote, units: Mapping[ProductUnitId, ProductUnit], products: Products, references: References
) -> tuple[OrderLine, ...]:
    """The lines of an order at a quote's prices, with each unit as `units`, `products` and `references` have it now
    (docs/http-contract.md#checkout-7).
    """
    return tuple(OrderLine(unit_view(units[line.unit_id], products, references), line.amount) for line in quoted.lines)


def less_percentage(amount: int, percentage: Percentage) -> int:
    """What remains of `amount` after a discount, rounded half-up to a whole unit."""
    return (amount * (100 - percentage) + 50) // 100


def spread(total: int, prices: Sequence[int]) -> list[int]:
    """Divides `total` over the prices in proportion, in whole units that add up to it exactly.

    Each line gets what the running share grows by: no line pays more than its price when the total is not above
    their sum, and a line that costs nothing pays nothing.
    """
    whole = sum(prices) or 1
    shares = [total * running // whole for running in accumulate(prices, initial=0)]
    return [after - before for before, after in pairwise(shares)]
