"""The documents of users and their addresses."""

from typing import Annotated

from msgspec import Meta, Struct

from sellout_http.schemas.responses.catalogue import ProductWithIds
from sellout_http.schemas.responses.common import Id, NamedReference, Time


class Address(Struct, frozen=True, gc=False):
    """A delivery address."""

    id: Id
    address: Annotated[str, Meta(description="The delivery address: town, street, house, flat.")]
    post_index: Annotated[str, Meta(description="The postal code. May be empty.")]


class Session(Struct, frozen=True, gc=False):
    """A session of a user: a log-in and the tokens that followed it."""

    id: Annotated[str, Meta(description="The id, the beginning of `jti` in the tokens of the session.")]
    expires_at: Annotated[Time, Meta(description="The end of the session, unless its refresh token is exchanged.")]
    last_used_at: Annotated[
        Time | None,
        Meta(description="The time of the log-in or of the last refresh. Null: before this was noted."),
    ]
    device: Annotated[str, Meta(description="The client's `User-Agent` then, up to 200 characters. May be empty.")]
    network: Annotated[
        str, Meta(description="The client's network then: /24 of IPv4 or /48 of IPv6. Empty: it is unknown.")
    ]
    current: Annotated[bool, Meta(description="Whether the token of the request belongs to the session.")]


class UserBase(Struct, frozen=True, gc=False):
    """The members of a user in both shapes."""

    id: Id
    last_login: Annotated[
        Time | None, Meta(description="The time of the last log-in. Null: the user has never logged in.")
    ]
    is_superuser: Annotated[bool, Meta(description="Whether the user is a superuser: staff who may make others staff.")]
    username: Annotated[str, Meta(description="The name for logging in. Empty: the user was deleted.")]
    first_name: Annotated[str, Meta(description="The first name. May be empty.")]
    last_name: Annotated[str, Meta(description="The last name. May be empty.")]
    email: Annotated[str, Meta(description="The e-mail address. May be empty.")]
    is_staff: Annotated[bool, Meta(description="Whether the user is staff and may call every operation.")]
    is_active: Annotated[bool, Meta(description="Whether the user may log in.")]
    date_joined: Annotated[
        Time | None,
        Meta(description="The time of the registration. Null: it is hidden, or the user was deleted."),
    ]
    all_purchase_amount: Annotated[int, Meta(description="The total of the user's purchases, in whole currency units.")]
    personal_discount_percentage: Annotated[
        int, Meta(description="The discount on each order of the user, in percent, 0 to 100.")
    ]
    referral_link: Annotated[str | None, Meta(description="The link for inviting other users, if any.")]
    preferred_size_grid: Annotated[str | None, Meta(description="The size grid that the user prefers, if any.")]
    gender: Annotated[NamedReference | None, Meta(description="The user's gender, if it is known: `M` or `F`.")]
    ref_user: Annotated[int | None, Meta(description="The id of the user who invited this one, if any.")]
    groups: Annotated[tuple[int, ...], Meta(description="Always empty: the shop has no groups of users.")]
    user_permissions: Annotated[tuple[int, ...], Meta(description="Always empty: rights follow from `is_staff` alone.")]
    my_groups: Annotated[tuple[int, ...], Meta(description="Always empty: the shop has no groups of users.")]
    address: Annotated[tuple[Address, ...], Meta(description="The user's address book, in order of entry.")]


class User(UserBase, frozen=True, gc=False):
    """A user."""

    last_viewed_products: Annotated[
        tuple[ProductWithIds, ...], Meta(description="The last 7 products that the user viewed, the latest first.")
    ]


class PromoCodeOwner(UserBase, frozen=True, gc=False):
    """The owner of a promo code. All values except `id` are empty, unless the caller is the owner or staff."""

    last_viewed_products: Annotated[
        tuple[int, ...],
        Meta(description="The ids of the last 7 products that the user viewed, the latest first."),
    ]
