"""Carts, promo codes, quotes and orders. Only `quote` computes prices."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from itertools import accumulate, pairwise
from typing import Self

import attrs

from sellout_core import values
from sellout_core.catalogue.products import Products, ProductUnit, References, UnitView, unit_view
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
from sellout_core.people.accounts import Address
from sellout_core.shopping.delivery import Delivery, Recipient, require_one_line
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
    "PromoCodeUse",
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
    """A user's cart: a set of product units at today's prices, in order of entry."""

    id: CartId
    user_id: UserId
    units: tuple[ProductUnit, ...]

    @property
    def unit_ids(self) -> tuple[ProductUnitId, ...]:
        """The ids of the units."""
        return tuple(unit.id for unit in self.units)


@attrs.frozen(kw_only=True)
class NewPromoCode:
    """A promo code without an id.

    Raises:
        InvalidFields: names every field out of its limits.
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

    def useless(self, now: datetime) -> tuple[InvalidField, ...]:
        """The reasons why no order can use the promo code or has a lower price by it: it has no discount (the field
        `discount`), its maximum is 0, or its last day is before that of `now`, which is in the shop's time zone.
        """
        faults: list[tuple[str, str]] = []
        if not (self.discount_percentage or self.discount_absolute):
            faults.append(("discount", "must be above 0, as a percentage or as an amount"))
        if not self.max_activation_count:
            faults.append(("max_activation_count", "must be at least 1"))
        if self.active_until < now.date():
            faults.append(("active_until", f"must not be in the past: it is {now.date()} in {now.tzinfo}"))
        return tuple(InvalidField(*fault, FieldCode.OUT_OF_RANGE) for fault in faults)


@attrs.frozen(kw_only=True)
class PromoCode(NewPromoCode):
    """A promo code, compared without regard to case. Buyers other than its owner may redeem it."""

    id: PromoCodeId

    @classmethod
    def of(cls, promo_code_id: PromoCodeId, new: NewPromoCode) -> Self:
        """A promo code with an id and the values of `new`."""
        return cls(id=promo_code_id, **attrs.asdict(new, recurse=False))

    def require_redeemable(self, today: date) -> None:
        """Checks that the promo code can be redeemed on `today`, a date in the shop's time zone.

        Raises:
            PromoCodeInactive, PromoCodeExpired, PromoCodeUsedUp: it cannot (docs/http-contract.md#checkout-5). The
                first reason in this order is raised.
        """
        if not self.active:
            raise PromoCodeInactive
        if today > self.active_until:
            raise PromoCodeExpired
        if self.activation_count >= self.max_activation_count:
            raise PromoCodeUsedUp

    def activated(self) -> Self:
        """The promo code after one more order."""
        return attrs.evolve(self, activation_count=self.activation_count + 1)


@attrs.frozen
class PromoCodeUse:
    """An order that used a promo code, its buyer, and the time of the order. `id` is the order's."""

    id: OrderId
    buyer_id: UserId
    used_at: datetime


@attrs.frozen
class QuotedLine:
    """The price of a product unit, and `amount`, its share of the quote's total."""

    unit_id: ProductUnitId
    price: Money
    amount: Money


@attrs.frozen
class OrderLine:
    """A product unit as it was at checkout, and `amount`, its share of the order's total without the delivery fee."""

    unit: UnitView
    amount: Money


@attrs.frozen
class Quote:
    """The price of units for a buyer now. The amounts of the lines add up to `total`."""

    lines: tuple[QuotedLine, ...]
    subtotal: Money
    total: Money

    def require_at_most(self, ceiling: Money | None, delivery_fee: int = 0) -> None:
        """Checks that the buyer agreed to pay the total and the delivery fee. None: the buyer agreed to any.

        Raises:
            PriceChanged: they are above the ceiling.
        """
        if ceiling is not None and self.total + delivery_fee > ceiling:
            raise PriceChanged(Money(self.total + delivery_fee))


def wanted_units(unit_ids: Sequence[ProductUnitId]) -> Fault | None:
    """A rule for the units of a checkout: 1 to 100, without repeats."""
    if not unit_ids:
        return Fault("must not be empty", FieldCode.TOO_FEW)
    return values.each(values.identifier, values.MAX_CART)(unit_ids)


@attrs.frozen
class Checkout:
    """A checkout: units of the cart, the contact, the address, the ceiling of the total, the recipient, the delivery.

    Raises:
        InvalidFields: names every field that breaks a rule.
    """

    unit_ids: tuple[ProductUnitId, ...] = ruled(wanted_units)
    email: str = ruled(values.email)
    telephone: str = ruled(values.telephone)
    first_name: str = ruled(values.text(values.MAX_NAME, minimum=1))
    last_name: str = ruled(values.text(values.MAX_NAME))
    address_id: AddressId = ruled(values.identifier)
    promo_code: str = ruled(values.text(values.MAX_PROMO_CODE), default="")
    ceiling: Money | None = ruled(values.optional(values.between(0, values.MAX_TOTAL)), default=None)
    recipient: Recipient | None = None
    delivery: Delivery | None = None

    def __attrs_post_init__(self) -> None:
        values.enforce(self)
        require_one_line(self.delivery)

    @property
    def fingerprint(self) -> str:
        """A hash that is equal for equal checkouts only. Without the last two members it is that of older versions."""
        members = attrs.astuple(self)
        return hashlib.sha256(repr(members if any(members[-2:]) else members[:-2]).encode()).hexdigest()


@attrs.frozen(kw_only=True)
class NewOrder:
    """An order without an id. It has copies of its products, units, prices, address and promo code, which later changes
    of the shop do not affect (docs/http-contract.md#checkout-7). The lines and the delivery fee add up to `total`.
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
    recipient: Recipient | None = None
    delivery: Delivery | None = None
    delivery_fee: Money = Money(0)


@attrs.frozen(kw_only=True)
class Order(NewOrder):
    """An order."""

    id: OrderId

    @classmethod
    def of(cls, order_id: OrderId, new: NewOrder) -> Self:
        """An order with an id and the values of `new`."""
        return cls(id=order_id, **attrs.asdict(new, recurse=False))


def quote(
    units: Sequence[ProductUnit], personal_discount: Percentage, promo_code: PromoCode | NewPromoCode | None = None
) -> Quote:
    """Computes the price of units for a buyer (docs/http-contract.md#checkout-3).

    The total is the sum of the prices, less the personal percentage, less the promo code's percentage, less its
    absolute discount, and never below 0. Each percentage is rounded half up to a whole unit.

    Raises:
        MixedCurrencies: the units have prices in more than one currency.
    """
    if len({unit.currency_id for unit in units}) > 1:
        raise MixedCurrencies
    prices = [unit.price for unit in units]
    subtotal = sum(prices)
    total = less_percentage(subtotal, personal_discount)
    if promo_code is not None:
        total = less_percentage(total, promo_code.discount_percentage)
        total = max(0, total - promo_code.discount_absolute)
    amounts = spread(total, prices)
    lines = [QuotedLine(unit.id, unit.price, Money(amount)) for unit, amount in zip(units, amounts, strict=True)]
    return Quote(tuple(lines), Money(subtotal), Money(total))


def agreed_lines(
    quoted: Quote, units: Mapping[ProductUnitId, ProductUnit], products: Products, references: References
) -> tuple[OrderLine, ...]:
    """The lines of an order: the amounts of a quote, and copies of the units (docs/http-contract.md#checkout-7)."""
    return tuple(OrderLine(unit_view(units[line.unit_id], products, references), line.amount) for line in quoted.lines)


def less_percentage(amount: int, percentage: Percentage) -> int:
    """The amount after a discount, rounded half up to a whole unit."""
    return (amount * (100 - percentage) + 50) // 100


def spread(total: int, prices: Sequence[int]) -> list[int]:
    """Divides `total` in proportion to the prices, into whole units that add up to it.

    Each part is the difference of two rounded running shares. So a part never exceeds its price if `total` is at most
    the sum of the prices, and the part of a price of 0 is 0.
    """
    whole = sum(prices) or 1
    shares = [total * running // whole for running in accumulate(prices, initial=0)]
    return [after - before for before, after in pairwise(shares)]
