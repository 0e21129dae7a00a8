"""The documents of users and their addresses."""

from typing import Annotated

from msgspec import Meta, Struct

from sellout_http.schemas.responses.catalogue import ProductWithIds
from sellout_http.schemas.responses.common import Id, NamedReference, Time


class Address(Struct, frozen=True, gc=False):
    """A delivery address."""

    id: Id
    address: Annotated[str, Meta(description="Where to deliver: town, street, house, flat.")]
    post_index: Annotated[str, Meta(description="The postal code; may be empty.")]


class UserBase(Struct, frozen=True, gc=False):
    """The members that both shapes of a user begin with."""

    id: Id
    last_login: Annotated[Time | None, Meta(description="When the user last logged in; null if never.")]
    is_superuser: Annotated[bool, Meta(description="Whether the user was created as an administrator.")]
    username: Annotated[str, Meta(description="The name to log in with.")]
    first_name: Annotated[str, Meta(description="The first name; may be empty.")]
    last_name: Annotated[str, Meta(description="The last name; may be empty.")]
    email: Annotated[str, Meta(description="The e-mail address; may be empty.")]
    is_staff: Annotated[bool, Meta(description="Whether the user is staff and may call every operation.")]
    is_active: Annotated[bool, Meta(description="Whether the user may log in.")]
    date_joined: Annotated[
        Time | None, Meta(description="When the user registered; null only where it is hidden from the reader.")
    ]
    all_purchase_amount: Annotated[int, Meta(description="The total of the user's purchases, in whole currency units.")]
    personal_discount_percentage: Annotated[
        int, Meta(description="The percentage that each of the user's orders is cheaper by, 0 to 100.")
    ]
    referral_link: Annotated[str | None, Meta(description="The link with which the user invites others, if any.")]
    preferred_size_grid: Annotated[str | None, Meta(description="The size grid that the user prefers, if any.")]
    gender: Annotated[NamedReference | None, Meta(description="The user's gender, if they gave it: `M` or `F`.")]
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
    """The owner of a promo code. Every value but `id` is empty unless the reader is the owner or staff."""

    last_viewed_products: Annotated[
        tuple[int, ...],
        Meta(description="The ids of the last 7 products that the user viewed, the latest first."),
    ]
