"""The bodies of requests for checkout, delivery tariffs and promo codes."""

from collections.abc import Mapping
from datetime import date
from typing import Annotated

from msgspec import UNSET, Meta, UnsetType

from sellout_core import values
from sellout_core.shopping.delivery import (
    MAX_COMMENT,
    MAX_PICK_UP_POINT,
    PICK_UP_POINT,
    Delivery,
    DeliveryKind,
    DeliveryTariff,
    Recipient,
)
from sellout_core.shopping.ordering import Checkout, NewPromoCode
from sellout_core.use_cases.shopping.promo_codes import PromoCodeChange
from sellout_core.values import AddressId, CurrencyId, Money, Percentage, ProductUnitId, UserId
from sellout_http.schemas.requests.common import (
    Body,
    Email,
    Id,
    LastName,
    Telephone,
    TelephoneNumber,
    faults_at,
    set_members,
)
from sellout_http.schemas.requests.people import AddressRequest

UnitIds = Annotated[
    list[Id],
    Meta(
        min_length=1,
        max_length=values.MAX_CART,
        description="Ids of product units in the cart.",
        extra_json_schema={"uniqueItems": True},
    ),
]
PromoCode = Annotated[str, Meta(max_length=values.MAX_PROMO_CODE)]
DiscountPercentage = Annotated[int, Meta(ge=0, le=100, description="The percentage taken off.")]
DiscountAbsolute = Annotated[
    int,
    Meta(ge=0, le=values.MAX_PRICE, description="The amount taken off after the percentage, in whole currency units."),
]
MaxActivations = Annotated[int, Meta(ge=0, le=values.MAX_STOCK, description="How many orders may use the code.")]
Active = Annotated[bool, Meta(description="Whether the code is switched on.")]
LastDay = Annotated[date, Meta(description="The last day of the code, in the shop's time zone.")]


class RecipientRequest(Body, frozen=True):
    """The person to whom the delivery service hands an order. No text has control characters."""

    name: Annotated[str, Meta(min_length=1, max_length=values.MAX_NAME, description="The first name.")]
    surname: Annotated[str, Meta(min_length=1, max_length=values.MAX_NAME, description="The last name.")]
    telephone: Annotated[
        TelephoneNumber | Telephone,
        Meta(description="The telephone number: up to 15 digits, with an optional `+` before them."),
    ]
    patronymic: Annotated[str, Meta(max_length=values.MAX_NAME, description="The patronymic. May be empty.")] = ""
    email: Annotated[
        Annotated[str, Meta(max_length=values.MAX_EMAIL)] | None,
        Meta(description="The e-mail address. Null or empty: none."),
    ] = None
    comment: Annotated[
        str, Meta(max_length=MAX_COMMENT, description="A comment for the delivery service. May be empty.")
    ] = ""

    def recipient(self) -> Recipient:
        """Converts the object to the core's value.

        Raises:
            InvalidFields: a member breaks a rule of the core.
        """
        return Recipient(
            name=self.name,
            surname=self.surname,
            patronymic=self.patronymic,
            telephone=str(self.telephone),
            email=self.email or "",
            comment=self.comment,
        )


class DeliveryRequest(Body, frozen=True):
    """A delivery: a pick-up point, or a courier with an address."""

    kind: Annotated[DeliveryKind, Meta(description="The kind of the delivery.")]
    pick_up_point: Annotated[
        Annotated[str, Meta(min_length=1, max_length=MAX_PICK_UP_POINT, extra_json_schema={"pattern": PICK_UP_POINT})]
        | None,
        Meta(description="The code of the pick-up point, for `pick_up_point`."),
    ] = None
    address: Annotated[AddressRequest | None, Meta(description="The address, for `courier`.")] = None
    one_parcel: Annotated[bool, Meta(description="Whether all units travel as one parcel.")] = False

    def delivery(self) -> Delivery:
        """Converts the object to the core's value.

        Raises:
            InvalidFields: a member breaks a rule of the core.
        """
        with faults_at("#/delivery/address"):
            address = None if self.address is None else self.address.new_address()
        with faults_at("#/delivery"):
            return Delivery(
                kind=self.kind, pick_up_point=self.pick_up_point or "", address=address, one_parcel=self.one_parcel
            )


class CheckoutRequest(Body, frozen=True):
    """The units of the cart to order, the buyer's contact, the address, the maximum that the buyer agrees to pay, and
    perhaps a recipient and a delivery.
    """

    product_unit: UnitIds
    email: Email
    tel: Annotated[
        TelephoneNumber | Telephone,
        Meta(description="The buyer's telephone number: up to 15 digits, with an optional `+` before them."),
    ]
    first_name: Annotated[str, Meta(min_length=1, max_length=values.MAX_NAME, description="The buyer's first name.")]
    last_name: LastName
    address_id: Annotated[Id, Meta(description="The id of one of the buyer's addresses.")]
    promo_code: Annotated[
        PromoCode | None, Meta(description="A promo code. Case does not matter. Null or empty: none.")
    ] = None
    total_amount: Annotated[
        Annotated[int, Meta(ge=0, le=values.MAX_TOTAL)] | None,
        Meta(
            description="The maximum that the buyer agrees to pay, with the delivery fee, in whole currency units."
            " Null: any amount."
        ),
    ] = None
    recipient: Annotated[
        RecipientRequest | None,
        Meta(description="The person to whom the delivery service hands the order. Null: the buyer."),
    ] = None
    delivery: Annotated[
        DeliveryRequest | None, Meta(description="The delivery. Null: none is agreed, and there is no fee.")
    ] = None

    def checkout(self) -> Checkout:
        """Converts the body to the core's value.

        Raises:
            InvalidFields: a member breaks a rule of the core.
        """
        recipient = delivery = None
        if self.recipient is not None:
            with faults_at("#/recipient"):
                recipient = self.recipient.recipient()
        if self.delivery is not None:
            delivery = self.delivery.delivery()
        return Checkout(
            unit_ids=tuple(map(ProductUnitId, self.product_unit)),
            email=self.email,
            telephone=str(self.tel),
            first_name=self.first_name,
            last_name=self.last_name,
            address_id=AddressId(self.address_id),
            promo_code=self.promo_code or "",
            ceiling=None if self.total_amount is None else Money(self.total_amount),
            recipient=recipient,
            delivery=delivery,
        )


class TariffRequest(Body, frozen=True):
    """What the carrier takes for the delivery of one order."""

    price: Annotated[
        int, Meta(ge=0, le=values.MAX_PRICE, description="The carrier's price, in whole units of the currency.")
    ]
    currency: Annotated[Id, Meta(description="The id of the currency.")]


class TariffsPatch(Body, frozen=True):
    """A merge patch of the delivery tariffs. A tariff is replaced as a whole. Null: the shop no longer offers it."""

    pick_up_point: Annotated[TariffRequest | None, Meta(description="The tariff of pick-up points.")] | UnsetType = (
        UNSET
    )
    courier: Annotated[TariffRequest | None, Meta(description="The tariff of couriers.")] | UnsetType = UNSET

    def change(self) -> Mapping[DeliveryKind, DeliveryTariff | None]:
        """The change, by kind."""
        return {
            DeliveryKind(name): None
            if tariff is None
            else DeliveryTariff(price=Money(tariff.price), currency_id=CurrencyId(tariff.currency))
            for name, tariff in set_members(self).items()
        }


class PromoCodeCheckRequest(Body, frozen=True):
    """A promo code, and the units of the cart to apply it to."""

    promo_code: Annotated[
        str, Meta(min_length=1, max_length=values.MAX_PROMO_CODE, description="The promo code. Case does not matter.")
    ]
    product_unit: UnitIds

    def unit_ids(self) -> tuple[ProductUnitId, ...]:
        """The ids of the units."""
        return tuple(map(ProductUnitId, self.product_unit))


class NewPromoCodeRequest(Body, frozen=True):
    """A new promo code."""

    string_representation: Annotated[
        str,
        Meta(
            min_length=1,
            max_length=values.MAX_PROMO_CODE,
            description="The code that buyers type, unique without regard to case.",
        ),
    ]
    owner_id: Annotated[Id, Meta(description="The id of the user whom the code belongs to.")]
    max_activation_count: MaxActivations
    active_until_date: LastDay
    discount_percentage: DiscountPercentage = 0
    discount_absolute: DiscountAbsolute = 0
    active_status: Active = True

    def promo_code(self) -> NewPromoCode:
        """The promo code.

        Raises:
            InvalidFields: a member breaks a rule of the core's.
        """
        return NewPromoCode(
            code=self.string_representation,
            owner_id=UserId(self.owner_id),
            discount_percentage=Percentage(self.discount_percentage),
            discount_absolute=Money(self.discount_absolute),
            max_activation_count=self.max_activation_count,
            active=self.active_status,
            active_until=self.active_until_date,
        )


_PROMO_CODE_FIELDS = {"active_status": "active", "active_until_date": "active_until"}


class PromoCodePatch(Body, frozen=True):
    """A merge patch of a promo code."""

    discount_percentage: DiscountPercentage | UnsetType = UNSET
    discount_absolute: DiscountAbsolute | UnsetType = UNSET
    max_activation_count: MaxActivations | UnsetType = UNSET
    active_status: Active | UnsetType = UNSET
    active_until_date: LastDay | UnsetType = UNSET

    def change(self) -> PromoCodeChange:
        """The change.

        Raises:
            InvalidFields: a member breaks a rule of the core's.
        """
        members = set_members(self).items()
        return PromoCodeChange(**{_PROMO_CODE_FIELDS.get(name, name): value for name, value in members})
