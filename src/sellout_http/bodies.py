"""The bodies requests carry, with the core's limits written into their types, and what they become in the core."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from sellout_core import values
from sellout_core.accounts import NewAddress, PasswordChange, Registration
from sellout_core.ordering import Checkout
from sellout_core.values import AddressId, Money, ProductUnitId

MAX_TOKEN = 4096

Username = Annotated[str, Meta(min_length=1, max_length=values.MAX_USERNAME)]
Password = Annotated[
    str,
    Meta(
        max_length=values.MAX_PASSWORD_SENT,
        description="As long as the shop asks, 8 characters unless it is set up otherwise, and at most 128, counted in"
        " Unicode's composed form. None of those that are guessed first.",
        extra_json_schema={"format": "password"},
    ),
]
KnownPassword = Annotated[str, Meta(max_length=values.MAX_PASSWORD_SENT, extra_json_schema={"format": "password"})]
Name = Annotated[str, Meta(max_length=values.MAX_NAME)]
Token = Annotated[str, Meta(min_length=1, max_length=MAX_TOKEN)]
Id = Annotated[int, Meta(ge=1, le=values.MAX_ID)]
UnitIds = Annotated[
    list[Id],
    Meta(
        min_length=1,
        max_length=values.MAX_CART,
        description="Ids of product units in the cart.",
        extra_json_schema={"uniqueItems": True},
    ),
]
Email = Annotated[str, Meta(max_length=values.MAX_EMAIL, extra_json_schema={"format": "email"})]
Telephone = Annotated[str, Meta(max_length=16, extra_json_schema={"pattern": r"^\+?[0-9]{1,15}$"})]
TelephoneNumber = Annotated[int, Meta(ge=0, le=10**values.MAX_TELEPHONE_DIGITS - 1)]
PromoCode = Annotated[str, Meta(max_length=values.MAX_PROMO_CODE)]


class Body(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """What every body has in common: members it does not know are refused."""


class RegisterRequest(Body, frozen=True):
    """Somebody who wants to become a user."""

    username: Username
    password: Password
    first_name: Name = ""
    last_name: Name = ""
    gender: Literal["male", "female"] | None = None

    def registration(self) -> Registration:
        """The registration this is.

        Raises:
            InvalidFields: a member breaks a rule of the core's.
        """
        return Registration(self.username, self.password, self.first_name, self.last_name, self.gender)


class LogInRequest(Body, frozen=True):
    """Credentials."""

    username: Annotated[str, Meta(max_length=values.MAX_USERNAME)]
    password: KnownPassword


class ChangePasswordRequest(Body, frozen=True):
    """A user's password, and the one to take its place."""

    old_password: KnownPassword
    new_password: Password

    def change(self) -> PasswordChange:
        """The change this is.

        Raises:
            InvalidFields: the new password breaks a rule of the core's.
        """
        return PasswordChange(self.old_password, self.new_password)


class RefreshRequest(Body, frozen=True):
    """A refresh token."""

    refresh: Token


class VerifyRequest(Body, frozen=True):
    """An access or refresh token."""

    token: Token


class AddressRequest(Body, frozen=True):
    """A delivery address."""

    address: Annotated[str, Meta(min_length=1, max_length=values.MAX_ADDRESS)]
    post_index: Annotated[str, Meta(max_length=values.MAX_POST_INDEX)]

    def new_address(self) -> NewAddress:
        """The address this is.

        Raises:
            InvalidFields: a member breaks a rule of the core's.
        """
        return NewAddress(self.address, self.post_index)


class CheckoutRequest(Body, frozen=True):
    """Which units of the cart to order, to whom and where, and the most the buyer agrees to pay."""

    product_unit: UnitIds
    email: Email
    tel: TelephoneNumber | Telephone
    first_name: Annotated[str, Meta(min_length=1, max_length=values.MAX_NAME)]
    last_name: Name
    address_id: Id
    promo_code: PromoCode | None = None
    total_amount: (
        Annotated[int, Meta(ge=0, le=values.MAX_TOTAL, description="The most the buyer agrees to pay.")] | None
    ) = None

    def checkout(self) -> Checkout:
        """The checkout this is.

        Raises:
            InvalidFields: a member breaks a rule of the core's.
        """
        return Checkout(
            unit_ids=tuple(map(ProductUnitId, self.product_unit)),
            email=self.email,
            telephone=str(self.tel),
            first_name=self.first_name,
            last_name=self.last_name,
            address_id=AddressId(self.address_id),
            promo_code=self.promo_code or "",
            ceiling=None if self.total_amount is None else Money(self.total_amount),
        )


class PromoCheckRequest(Body, frozen=True):
    """A promo code and the units of the cart to try it on."""

    promo_code: Annotated[str, Meta(min_length=1, max_length=values.MAX_PROMO_CODE)]
    product_unit: UnitIds

    def unit_ids(self) -> tuple[ProductUnitId, ...]:
        """The units."""
        return tuple(map(ProductUnitId, self.product_unit))
