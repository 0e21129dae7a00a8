"""The bodies requests carry, with the core's limits written into their types, and what they become in the core."""

import enum
from collections.abc import Mapping
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from sellout_core import values
from sellout_core.accounts import NewAddress, PasswordChange, Registration
from sellout_core.ordering import Checkout
from sellout_core.values import AddressId, Money, ProductUnitId

MAX_TOKEN = 4096

Username = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=values.MAX_USERNAME,
        description="The name to log in with, unique without regard to case.",
    ),
]
Password = Annotated[
    str,
    Meta(
        max_length=values.MAX_PASSWORD_SENT,
        description="As long as the shop asks, 8 characters unless it is set up otherwise, and at most 128, counted in"
        " Unicode's composed form. None of those that are guessed first.",
        extra_json_schema={"format": "password"},
    ),
]
KnownPassword = Annotated[
    str,
    Meta(
        max_length=values.MAX_PASSWORD_SENT,
        description="The user's password.",
        extra_json_schema={"format": "password"},
    ),
]
FirstName = Annotated[str, Meta(max_length=values.MAX_NAME, description="The first name.")]
LastName = Annotated[str, Meta(max_length=values.MAX_NAME, description="The last name.")]
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
Email = Annotated[
    str,
    Meta(
        max_length=values.MAX_EMAIL,
        description="The recipient's e-mail address.",
        extra_json_schema={"format": "email"},
    ),
]
Telephone = Annotated[str, Meta(max_length=16, extra_json_schema={"pattern": r"^\+?[0-9]{1,15}$"})]
TelephoneNumber = Annotated[int, Meta(ge=0, le=10**values.MAX_TELEPHONE_DIGITS - 1)]
PromoCode = Annotated[str, Meta(max_length=values.MAX_PROMO_CODE)]


class Gender(enum.Enum):
    """The gender that a user gives."""

    MALE = "male"
    FEMALE = "female"


_GENDERS: Final[Mapping[Gender, Literal["male", "female"]]] = {Gender.MALE: "male", Gender.FEMALE: "female"}


class Body(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """What every body has in common: members it does not know are refused."""


class RegisterRequest(Body, frozen=True):
    """A registration."""

    username: Username
    password: Password
    first_name: FirstName = ""
    last_name: LastName = ""
    gender: Annotated[Gender | None, Meta(description="The user's gender, if they give it.")] = None

    def registration(self) -> Registration:
        """The registration this is.

        Raises:
            InvalidFields: a member breaks a rule of the core's.
        """
        gender = None if self.gender is None else _GENDERS[self.gender]
        return Registration(self.username, self.password, self.first_name, self.last_name, gender)


class LogInRequest(Body, frozen=True):
    """Credentials."""

    username: Annotated[str, Meta(max_length=values.MAX_USERNAME, description="The name of the user.")]
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

    refresh: Annotated[Token, Meta(description="The refresh token.")]


class VerifyRequest(Body, frozen=True):
    """An access or refresh token."""

    token: Annotated[Token, Meta(description="The access or refresh token.")]


class AddressRequest(Body, frozen=True):
    """A delivery address."""

    address: Annotated[
        str,
        Meta(
            min_length=1,
            max_length=values.MAX_ADDRESS,
            description="Where to deliver: town, street, house, flat.",
        ),
    ]
    post_index: Annotated[str, Meta(max_length=values.MAX_POST_INDEX, description="The postal code; may be empty.")]

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
    tel: Annotated[
        TelephoneNumber | Telephone,
        Meta(description="The recipient's telephone number: up to 15 digits, perhaps after a `+`."),
    ]
    first_name: Annotated[
        str, Meta(min_length=1, max_length=values.MAX_NAME, description="The recipient's first name.")
    ]
    last_name: LastName
    address_id: Annotated[Id, Meta(description="The id of one of the buyer's addresses.")]
    promo_code: Annotated[
        PromoCode | None, Meta(description="A promo code; case does not matter; null or empty: none.")
    ] = None
    total_amount: Annotated[
        Annotated[int, Meta(ge=0, le=values.MAX_TOTAL)] | None,
        Meta(description="The most the buyer agrees to pay, in whole currency units; null: any price."),
    ] = None

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


class PromoCodeCheckRequest(Body, frozen=True):
    """A promo code and the units of the cart to try it on."""

    promo_code: Annotated[
        str, Meta(min_length=1, max_length=values.MAX_PROMO_CODE, description="The promo code; case does not matter.")
    ]
    product_unit: UnitIds

    def unit_ids(self) -> tuple[ProductUnitId, ...]:
        """The units."""
        return tuple(map(ProductUnitId, self.product_unit))
