"""The bodies of requests for users, their sessions and their addresses."""

import enum
from collections.abc import Mapping
from typing import Annotated, Final, Literal

from msgspec import UNSET, Meta, UnsetType

from sellout_core import values
from sellout_core.people.accounts import GENDERS, NewAddress, PasswordChange, Registration
from sellout_core.people.second_factors import MAX_CODE, SecondFactorCode
from sellout_core.use_cases.people.account.profile import ProfileChange
from sellout_core.use_cases.people.user_management import UserChange
from sellout_http.schemas.requests.common import Body, FirstName, Id, LastName, Telephone, set_members

MAX_TOKEN = 4096

Username = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=values.MAX_USERNAME,
        description="A unique name by UsernameCaseMapped (RFC 8265). Latin, Cyrillic and Greek letters do not mix.",
        extra_json_schema={"pattern": r"^[^\s\u0000-\u001f\u007f-\u009f]+$"},
    ),
]
Password = Annotated[
    str,
    Meta(
        max_length=values.MAX_PASSWORD_SENT,
        description="A password of 8 (by default) to 128 characters, counted in Unicode's composed form. Common"
        " passwords are refused.",
        extra_json_schema={"format": "password"},
    ),
]
CurrentPassword = Annotated[
    str,
    Meta(
        max_length=values.MAX_PASSWORD_SENT,
        description="The user's password.",
        extra_json_schema={"format": "password"},
    ),
]
Code = Annotated[
    str,
    Meta(
        max_length=MAX_CODE,
        description="A code of six digits, or a recovery code in any case of its letters.",
        extra_json_schema={"pattern": r"^([0-9]{6}|[A-Za-z2-7]{6}(-[A-Za-z2-7]{6}){3})$"},
    ),
]
Token = Annotated[str, Meta(min_length=1, max_length=MAX_TOKEN)]


class Gender(enum.Enum):
    """The gender that a user gives."""

    MALE = "male"
    FEMALE = "female"


_GENDERS: Final[Mapping[Gender, Literal["male", "female"]]] = {Gender.MALE: "male", Gender.FEMALE: "female"}


class RegisterRequest(Body, frozen=True):
    """A registration."""

    username: Username
    password: Password
    first_name: FirstName = ""
    last_name: LastName = ""
    gender: Annotated[Gender | None, Meta(description="The user's gender, if they give it.")] = None

    def registration(self) -> Registration:
        """Converts the body to the core's value.

        Raises:
            InvalidFields: a member breaks a rule of the core.
        """
        gender = None if self.gender is None else _GENDERS[self.gender]
        return Registration(self.username, self.password, self.first_name, self.last_name, gender)


class LogInRequest(Body, frozen=True):
    """Credentials, with a code if the user has a second factor."""

    username: Annotated[str, Meta(max_length=values.MAX_USERNAME, description="The name of the user.")]
    password: CurrentPassword
    code: Annotated[Code | None, Meta(description="A code of the second factor, if the user has one.")] = None

    def second_factor_code(self) -> SecondFactorCode | None:
        """Converts the code to the core's value.

        Raises:
            InvalidFields: it is malformed.
        """
        return None if self.code is None else SecondFactorCode(self.code)


class ChangePasswordRequest(Body, frozen=True):
    """The user's current password, and the new one."""

    old_password: CurrentPassword
    new_password: Password

    def change(self) -> PasswordChange:
        """Converts the body to the core's value.

        Raises:
            InvalidFields: the new password breaks a rule of the core.
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
            description="The delivery address: town, street, house, flat.",
        ),
    ]
    post_index: Annotated[str, Meta(max_length=values.MAX_POST_INDEX, description="The postal code; may be empty.")]

    def new_address(self) -> NewAddress:
        """Converts the body to the core's value.

        Raises:
            InvalidFields: a member breaks a rule of the core.
        """
        return NewAddress(self.address, self.post_index)


class SizeGridName(enum.Enum):
    """The name of a size grid."""

    INT = "INT"
    US = "US"
    UK = "UK"
    EU = "EU"
    IT = "IT"
    RU = "RU"


class UserPatch(Body, frozen=True):
    """A merge patch of a user."""

    first_name: FirstName | UnsetType = UNSET
    last_name: LastName | UnsetType = UNSET
    is_active: Annotated[bool, Meta(description="Whether the user may log in.")] | UnsetType = UNSET
    is_staff: Annotated[bool, Meta(description="Whether the user is staff.")] | UnsetType = UNSET
    is_superuser: Annotated[bool, Meta(description="Whether the user is a superuser, who is staff.")] | UnsetType = (
        UNSET
    )
    personal_discount_percentage: (
        Annotated[int, Meta(ge=0, le=100, description="The percentage that each of the user's orders is cheaper by.")]
        | UnsetType
    ) = UNSET
    preferred_size_grid: (
        Annotated[SizeGridName | None, Meta(description="The size grid that the user prefers, if any.")] | UnsetType
    ) = UNSET

    def change(self) -> UserChange:
        """The change.

        Raises:
            InvalidFields: a member breaks a rule of the core's.
        """
        members = set_members(self)
        if "personal_discount_percentage" in members:
            members["personal_discount"] = members.pop("personal_discount_percentage")
        if (grid := members.get("preferred_size_grid")) is not None:
            members["preferred_size_grid"] = grid.value
        return UserChange(**members)


class ProfilePatch(Body, frozen=True):
    """A merge patch of the own profile."""

    first_name: FirstName | UnsetType = UNSET
    last_name: LastName | UnsetType = UNSET
    gender: Annotated[Gender | None, Meta(description="The user's gender, if they give it.")] | UnsetType = UNSET
    tel: (
        Annotated[
            Annotated[Telephone, Meta(min_length=1)] | None,
            Meta(description="The user's telephone number: up to 15 digits, with an optional `+` before them."),
        ]
        | UnsetType
    ) = UNSET
    preferred_size_grid: (
        Annotated[SizeGridName | None, Meta(description="The size grid that the user prefers, if any.")] | UnsetType
    ) = UNSET
    main_address_id: (
        Annotated[Id | None, Meta(description="The id of the main one of the user's addresses, if any.")] | UnsetType
    ) = UNSET

    def change(self) -> ProfileChange:
        """The change.

        Raises:
            InvalidFields: a member breaks a rule of the core's.
        """
        members = set_members(self)
        if "gender" in members:
            gender: Gender | None = members.pop("gender")
            members["gender_id"] = None if gender is None else GENDERS[gender.value]
        if "tel" in members:
            members["telephone"] = members.pop("tel") or ""
        if (grid := members.get("preferred_size_grid")) is not None:
            members["preferred_size_grid"] = grid.value
        return ProfileChange(**members)


class DeletionRequest(Body, frozen=True):
    """The user's password, which confirms the deletion of the account."""

    password: CurrentPassword
