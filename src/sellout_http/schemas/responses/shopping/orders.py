"""The documents of carts, promo codes and orders."""

from datetime import date
from typing import Annotated

from msgspec import Meta, Struct

from sellout_http.schemas.responses.catalogue import ProductUnitWithIds
from sellout_http.schemas.responses.common import Id, NamedReference, Time
from sellout_http.schemas.responses.people import Address, PromoCodeOwner, User

DiscountPercentage = Annotated[int, Meta(description="The percentage taken off, 0 to 100.")]
DiscountAbsolute = Annotated[
    int, Meta(description="The amount taken off after the percentage, in whole currency units.")
]


class PromoCode(Struct, frozen=True):
    """A promo code. An order has the promo code as it was when the order was placed."""

    id: Id
    string_representation: Annotated[str, Meta(description="The code that buyers type.")]
    discount_percentage: DiscountPercentage
    discount_absolute: DiscountAbsolute
    activation_count: Annotated[int, Meta(description="The number of orders that used the code.")]
    max_activation_count: Annotated[int, Meta(description="The maximum number of orders that may use the code.")]
    active_status: Annotated[bool, Meta(description="Whether the code is switched on.")]
    active_until_date: Annotated[
        date, Meta(description="The last day on which the code is valid, in the shop's time zone.")
    ]
    owner: Annotated[PromoCodeOwner, Meta(description="The owner of the code.")]


class PromoCodeUse(Struct, frozen=True, gc=False):
    """An order that used a promo code."""

    order_id: Id
    user_id: Annotated[int, Meta(description="The id of the buyer.")]
    used_at: Annotated[Time, Meta(description="The time of the order.")]


class Cart(Struct, frozen=True):
    """A cart at today's prices."""

    id: Id
    user: Annotated[User, Meta(description="The owner of the cart.")]
    product_units: Annotated[
        tuple[ProductUnitWithIds, ...],
        Meta(description="The product units, including those that have become unavailable."),
    ]
    subtotal_amount: Annotated[
        int | None,
        Meta(
            description="The sum of today's prices of the units that can be bought, in whole units of their currency."
            " Null: they have several currencies."
        ),
    ] = None
    total_amount: Annotated[
        int | None,
        Meta(
            description="The same, less the owner's personal discount, in whole units. Null: as for `subtotal_amount`."
        ),
    ] = None


class Order(Struct, frozen=True):
    """An order, with its products, units, prices and address as they were agreed."""

    id: Id
    total_amount: Annotated[
        int, Meta(description="The total after all discounts, in whole units of the order's currency.")
    ]
    email: Annotated[str, Meta(description="The recipient's e-mail address.")]
    tel: Annotated[
        str, Meta(description="The recipient's telephone number: up to 15 digits, with an optional `+` before them.")
    ]
    name: Annotated[str, Meta(description="The recipient's first name.")]
    surname: Annotated[str, Meta(description="The recipient's last name. May be empty.")]
    fact_of_payment: Annotated[bool, Meta(description="Whether the order is paid.")]
    user: Annotated[User, Meta(description="The current data of the buyer.")]
    address: Annotated[Address, Meta(description="The delivery address, as it was when the order was placed.")]
    promo_code: Annotated[PromoCode | None, Meta(description="The promo code that was used, if any.")]
    status: Annotated[NamedReference, Meta(description="The status. That of a new order is `pending`.")]
    product_unit: Annotated[tuple[ProductUnitWithIds, ...], Meta(description="The ordered product units.")]


class ListedOrder(Order, frozen=True):
    """An order in the list of all orders."""

    product_units: Annotated[
        tuple[ProductUnitWithIds, ...],
        Meta(description="The same as `product_unit`, under the name that carts use."),
    ]


class CheckedProductUnit(Struct, frozen=True):
    """A product unit in the check of a promo code."""

    id: Id
    final_price: Annotated[int, Meta(description="The unit's price today, in whole currency units.")]
    amount: Annotated[
        int,
        Meta(description="The unit's share of `total_amount`, in whole currency units. All shares add up to it."),
    ]


class PromoCodeCheck(Struct, frozen=True):
    """The saving of a promo code on units of the cart. Amounts are in whole units of the currency of the units."""

    promo_code: Annotated[str, Meta(description="The code in the spelling of the shop.")]
    discount_percentage: DiscountPercentage
    discount_absolute: DiscountAbsolute
    amount: Annotated[int, Meta(description="The total without the code, in whole currency units.")]
    saving: Annotated[int, Meta(description="The difference of `amount` and `total_amount`, in whole currency units.")]
    total_amount: Annotated[int, Meta(description="The total with the code, in whole currency units.")]
    product_unit: Annotated[
        tuple[CheckedProductUnit, ...], Meta(description="The units, with their shares of the total.")
    ]
