"""The documents of carts, promo codes and orders."""

from datetime import date
from typing import Annotated

from msgspec import Meta, Struct

from sellout_http.schemas.responses.catalogue import ProductUnitWithIds
from sellout_http.schemas.responses.common import Id, NamedReference
from sellout_http.schemas.responses.people import Address, PromoCodeOwner, User

DiscountPercentage = Annotated[int, Meta(description="The percentage taken off, 0 to 100.")]
DiscountAbsolute = Annotated[
    int, Meta(description="The amount taken off after the percentage, in whole currency units.")
]


class PromoCode(Struct, frozen=True):
    """A promo code; in an order, as it was when the order was placed."""

    id: Id
    string_representation: Annotated[str, Meta(description="The code that buyers type.")]
    discount_percentage: DiscountPercentage
    discount_absolute: DiscountAbsolute
    activation_count: Annotated[int, Meta(description="How many orders used the code.")]
    max_activation_count: Annotated[int, Meta(description="How many orders may use the code.")]
    active_status: Annotated[bool, Meta(description="Whether the code is switched on.")]
    active_until_date: Annotated[date, Meta(description="The last day of the code, in the shop's time zone.")]
    owner: Annotated[PromoCodeOwner, Meta(description="The user whom the code belongs to.")]


class Cart(Struct, frozen=True):
    """A cart at the prices of today."""

    id: Id
    user: Annotated[User, Meta(description="The user whose cart it is.")]
    product_units: Annotated[
        tuple[ProductUnitWithIds, ...],
        Meta(description="The product units, those that became unavailable included."),
    ]


class Order(Struct, frozen=True):
    """An order as it was agreed."""

    id: Id
    total_amount: Annotated[
        int, Meta(description="What the buyer pays, all discounts taken off, in whole units of the order's currency.")
    ]
    email: Annotated[str, Meta(description="The recipient's e-mail address.")]
    tel: Annotated[str, Meta(description="The recipient's telephone number: up to 15 digits, perhaps after a `+`.")]
    name: Annotated[str, Meta(description="The recipient's first name.")]
    surname: Annotated[str, Meta(description="The recipient's last name; may be empty.")]
    fact_of_payment: Annotated[bool, Meta(description="Whether the order is paid.")]
    user: Annotated[User, Meta(description="The buyer, as they are now.")]
    address: Annotated[Address, Meta(description="The delivery address, as it was when the order was placed.")]
    promo_code: Annotated[PromoCode | None, Meta(description="The promo code that was used, if any.")]
    status: Annotated[NamedReference, Meta(description="The order's status; `pending` when it is new.")]
    product_unit: Annotated[tuple[ProductUnitWithIds, ...], Meta(description="The ordered product units.")]


class ListedOrder(Order, frozen=True):
    """An order in the list of all orders."""

    product_units: Annotated[
        tuple[ProductUnitWithIds, ...],
        Meta(description="The units of `product_unit` again, under a cart's name."),
    ]


class CheckedProductUnit(Struct, frozen=True):
    """A product unit in the check of a promo code."""

    id: Id
    final_price: Annotated[int, Meta(description="The unit's price today, in whole currency units.")]
    amount: Annotated[
        int, Meta(description="The unit's share of `total_amount`, in whole currency units; the shares add up to it.")
    ]


class PromoCodeCheck(Struct, frozen=True):
    """What a promo code saves on units of the cart. Amounts are in whole units of the currency of the units."""

    promo_code: Annotated[str, Meta(description="The code, as the shop writes it.")]
    discount_percentage: DiscountPercentage
    discount_absolute: DiscountAbsolute
    amount: Annotated[int, Meta(description="What the buyer pays without the code, in whole currency units.")]
    saving: Annotated[int, Meta(description="What the code takes off `amount`, in whole currency units.")]
    total_amount: Annotated[int, Meta(description="What the buyer pays with the code, in whole currency units.")]
    product_unit: Annotated[tuple[CheckedProductUnit, ...], Meta(description="The units, each with its share.")]
