"""The documents of one's own account."""

from typing import Annotated

from msgspec import Meta, Struct

from sellout_http.schemas.responses.audit import AuditEntry
from sellout_http.schemas.responses.catalogue import ProductUnitWithIds, WishlistUnit
from sellout_http.schemas.responses.people import Session, User
from sellout_http.schemas.responses.shopping.fulfilment import OrderHistoryEntry, ShownTracking
from sellout_http.schemas.responses.shopping.orders import Order, PromoCode


class Profile(User, frozen=True, gc=False):
    """The caller, with the members that no other document of a user has."""

    tel: Annotated[str | None, Meta(description="The telephone number, if any.")]
    main_address_id: Annotated[int | None, Meta(description="The id of the main address, if any.")]


class UserEmail(Struct, frozen=True, gc=False):
    """The e-mail address of a user."""

    address: Annotated[str | None, Meta(description="The verified address, if there is one.")]
    pending: Annotated[str | None, Meta(description="The address that replaces it when it is verified, if any.")]
    language: Annotated[str, Meta(description="The language of mails about orders: `en` or `ru`.")]


class SecondFactorStatus(Struct, frozen=True, gc=False):
    """Whether a user has a second factor."""

    enabled: Annotated[bool, Meta(description="Whether a log-in needs a code.")]
    recovery_codes_left: Annotated[int, Meta(description="The number of recovery codes that were not used.")]


class SecondFactorSecret(Struct, frozen=True, gc=False):
    """A secret to confirm with a code."""

    secret: Annotated[str, Meta(description="The secret in base32, for entering it by hand.")]
    uri: Annotated[str, Meta(description="The `otpauth` URI of the secret, for a QR code.")]


class NewRecoveryCodes(Struct, frozen=True, gc=False):
    """New recovery codes. They are shown once."""

    recovery_codes: Annotated[tuple[str, ...], Meta(description="Ten codes, each of which is valid once.")]


class HeldData(Struct, frozen=True):
    """What the shop holds about a user, apart from the orders."""

    user: Annotated[Profile, Meta(description="The user, with the address book and the last viewed products.")]
    sessions: Annotated[tuple[Session, ...], Meta(description="The sessions, the latest first, 100 at most.")]
    emails: Annotated[UserEmail, Meta(description="The verified and the pending e-mail address.")]
    second_factor_enabled: Annotated[bool, Meta(description="Whether a log-in needs a code of the second factor.")]
    cart: Annotated[tuple[ProductUnitWithIds, ...], Meta(description="The product units in the cart.")]
    wishlist: Annotated[tuple[WishlistUnit, ...], Meta(description="The cards of the wishlist.")]
    promo_codes: Annotated[tuple[PromoCode, ...], Meta(description="The promo codes that the user owns, by id.")]
    changes_by_staff: Annotated[tuple[AuditEntry, ...], Meta(description="The changes of the user by staff, by id.")]


class ExportedOrder(Order, frozen=True):
    """An order of the user, and what became of it."""

    tracking: Annotated[ShownTracking, Meta(description="Where the order is, as `GET /order/tracking` shows it.")]
    history: Annotated[tuple[OrderHistoryEntry, ...], Meta(description="What happened to the order, by id.")]


class Export(HeldData, frozen=True):
    """Everything that the shop holds about a user."""

    orders: Annotated[tuple[ExportedOrder, ...], Meta(description="The user's orders, by id.")]
