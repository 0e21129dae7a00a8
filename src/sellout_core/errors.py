"""The core's errors in five categories, and the error of a store that fails.

A caller converts the category to its own medium, such as an HTTP status, and `code` to a message. Codes never change.
Typed fields have the values that a client needs. No error contains SQL, HTTP or data of another user.
"""

from typing import ClassVar

import attrs

from sellout_core.faults import Fault as Fault  # noqa: PLC0414 - exported
from sellout_core.faults import FieldCode as FieldCode  # noqa: PLC0414 - exported
from sellout_core.faults import InvalidField as InvalidField  # noqa: PLC0414 - exported


class SellOutError(Exception):
    """An error of the shop. `code` is stable and for programs. `str` returns a sentence in English."""

    code: ClassVar[str]
    sentence: ClassVar[str] = "The shop refused the request."

    def __str__(self) -> str:
        """The argument of the error, or the sentence of its class."""
        return super().__str__() or self.sentence


class Invalid(SellOutError):
    """The request breaks a rule. A retry without a change fails again."""

    sentence = "The request breaks a rule."


class Unauthenticated(SellOutError):
    """The caller is not authenticated: the token is missing or invalid, or its user is deactivated."""

    code = "unauthenticated"
    sentence = "The caller is not authenticated."


class Forbidden(SellOutError):
    """The caller is authenticated and may not do this. The error does not tell whether the object exists."""

    code = "forbidden"
    sentence = "The caller may not do this."


class NotFound(SellOutError):
    """The object does not exist, or the caller may not see it. The error does not tell which."""

    code = "not_found"
    sentence = "The object does not exist, or the caller may not see it."


class GuestCartUnknown(NotFound):
    """No guest's cart has the token: it was never returned, the cart has expired, or it was merged."""

    code = "guest_cart_unknown"
    sentence = "No guest's cart has this token."


class Conflict(SellOutError):
    """The request is valid and conflicts with the state of the shop."""

    sentence = "The request contradicts the state of the shop."


class Unavailable(SellOutError):
    """The shop cannot answer now: its store is unreachable or locked, or a queue is full. Nothing was changed."""

    code = "unavailable_now"
    sentence = "The shop cannot answer now."


@attrs.frozen
class InvalidFields(Invalid):
    """One or more fields break their rules."""

    code: ClassVar[str] = "invalid_fields"
    fields: tuple[InvalidField, ...]

    def __str__(self) -> str:
        """A sentence with each field and its reason."""
        return "Invalid fields: " + "; ".join(f"{field.name} {field.reason}" for field in self.fields) + "."


class SizeOfAnotherProduct(Invalid):
    """The size belongs to another product."""

    code = "size_of_another_product"
    sentence = "The size belongs to another product."


class UnknownAddress(Invalid):
    """The address of a checkout does not exist, or belongs to another user. The error does not tell which."""

    code = "unknown_address"
    sentence = "The address is not one of the buyer's."


class WrongPassword(Invalid):
    """The password in a change is not the user's."""

    code = "wrong_password"
    sentence = "The password is wrong."


class TokenUnusable(Invalid):
    """The token of a mail is unknown, was used, has expired, or is for another purpose. The error does not tell which
    of these.
    """

    code = "token_unusable"
    sentence = "The token is unknown, was used before, has expired, or is for another purpose."


class MixedCurrencies(Invalid):
    """The units of an order have prices in more than one currency."""

    code = "mixed_currencies"
    sentence = "One order cannot be priced in two currencies."


class IdempotencyKeyReused(Invalid):
    """The buyer has used the idempotency key for another request."""

    code = "idempotency_key_reused"
    sentence = "The idempotency key was used for another request."


class PromoCodeUnknown(Invalid):
    """The promo code does not exist."""

    code = "promo_code_unknown"
    sentence = "There is no such promo code."


class PromoCodeInactive(Invalid):
    """The promo code is inactive."""

    code = "promo_code_inactive"
    sentence = "The promo code is inactive."


class PromoCodeExpired(Invalid):
    """The last day of the promo code has passed."""

    code = "promo_code_expired"
    sentence = "The promo code has expired."


class PromoCodeUsedUp(Invalid):
    """The promo code has reached its maximum of activations."""

    code = "promo_code_used_up"
    sentence = "The promo code is used up."


class BadCredentials(Unauthenticated):
    """The user is unknown or deactivated, or the password is wrong. The error does not tell which."""

    code = "bad_credentials"
    sentence = "The username or the password is wrong."


class UsernameTaken(Conflict):
    """Another user has the username, compared without regard to case."""

    code = "username_taken"
    sentence = "The username is taken."


class EmailTaken(Conflict):
    """Another user has verified the e-mail address."""

    code = "email_taken"
    sentence = "The e-mail address is that of another account."


class MailDisabled(Conflict):
    """The shop sends no mail, and the request needs it."""

    code = "mail_disabled"
    sentence = "The shop sends no mail."


class PromoCodeTaken(Conflict):
    """The promo code exists, compared without regard to case."""

    code = "promo_code_taken"
    sentence = "The promo code exists already."


class NameTaken(Conflict):
    """Another row of the reference table has that name."""

    code = "name_taken"
    sentence = "Another row has that name."


class SkuTaken(Conflict):
    """Another product has that sku."""

    code = "sku_taken"
    sentence = "Another product has that sku."


class UnitExists(Conflict):
    """The product has another unit of that size, platform, site and delivery type."""

    code = "unit_exists"
    sentence = "The product has such a unit already."


@attrs.frozen
class StillReferredTo(Conflict):
    """Something refers to the object, so it cannot be deleted; `referrers` says what: `orders`, for instance."""

    code: ClassVar[str] = "still_referred_to"
    referrers: tuple[str, ...]

    def __str__(self) -> str:
        """What refers to it."""
        return f"These refer to it: {', '.join(self.referrers)}."


class LastSuperuser(Conflict):
    """The change would leave the shop without an active superuser."""

    code = "last_superuser"
    sentence = "The shop must have an active superuser."


class Stale(Conflict):
    """The object has changed since the caller read it. Nothing was changed."""

    code = "precondition_failed"
    sentence = "The object has changed since it was read."


class AlreadyInWishlist(Conflict):
    """The wishlist has that product in that size already."""

    code = "already_in_wishlist"
    sentence = "The wishlist holds the product in that size already."


@attrs.frozen
class LimitReached(Conflict):
    """A cart, a wishlist or another list is full. `maximum` is its number of entries."""

    code: ClassVar[str] = "limit_reached"
    maximum: int

    def __str__(self) -> str:
        """A sentence with the limit."""
        return f"The limit of {self.maximum} is reached."


@attrs.frozen
class NotInCart(Conflict):
    """Product units of a checkout are not in the buyer's cart."""

    code: ClassVar[str] = "not_in_cart"
    unit_ids: tuple[int, ...]

    def __str__(self) -> str:
        """A sentence with the units."""
        return f"Product units {_joined(self.unit_ids)} are not in the cart."


@attrs.frozen
class UnitsUnavailable(Conflict):
    """Product units cannot be bought now."""

    code: ClassVar[str] = "unavailable"
    unit_ids: tuple[int, ...]

    def __str__(self) -> str:
        """A sentence with the units."""
        return f"Product units {_joined(self.unit_ids)} are not available."


@attrs.frozen
class PriceChanged(Conflict):
    """The order costs more than the buyer agreed to pay. `total` is its price."""

    code: ClassVar[str] = "price_changed"
    total: int

    def __str__(self) -> str:
        """A sentence with the total."""
        return f"The order costs {self.total}, more than the buyer agreed to pay."


def _joined(ids: tuple[int, ...]) -> str:
    return ", ".join(map(str, ids))
