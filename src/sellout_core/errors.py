"""Everything the core refuses, as a tree of five categories, and the one way a store may fail.

A caller maps the category to its own medium (HTTP maps it to a status) and `code` to a message; codes never change.
Typed fields carry what a client can act on. Nothing here names SQL, HTTP or another user's data.
"""

import enum
from typing import ClassVar, final

import attrs


@final
class FieldCode(enum.StrEnum):
    """Why one value is refused. A code never changes its meaning; new ones may be added."""

    BLANK = "blank"
    """Text holds white space alone where it must hold more."""
    CHARACTER_NOT_ALLOWED = "character_not_allowed"
    """Text holds a character that it must not hold, such as NUL or a lone surrogate."""
    COMMON_PASSWORD = "common_password"  # noqa: S105 - a code
    """A password is among those that are guessed first."""
    MALFORMED = "malformed"
    """A value of the right type does not have the form that is described."""
    NOT_AN_EMAIL = "not_an_email"
    """A value is not an e-mail address."""
    NOT_A_TELEPHONE_NUMBER = "not_a_telephone_number"
    """A value is not a telephone number."""
    NOT_ONE_OF = "not_one_of"
    """A value is not among the few that are allowed."""
    OUT_OF_RANGE = "out_of_range"
    """A number or a date is below the lowest allowed value or above the highest one."""
    REPEATED = "repeated"
    """A value occurs more than once."""
    REQUIRED = "required"
    """A value is missing."""
    TOO_FEW = "too_few"
    """A list has fewer values than it must have."""
    TOO_LONG = "too_long"
    """Text has more characters than it may have."""
    TOO_MANY = "too_many"
    """A list has more values than it may have."""
    TOO_SHORT = "too_short"
    """Text has fewer characters than it must have."""
    UNKNOWN_MEMBER = "unknown_member"
    """A document has a member that its description does not have."""
    UNKNOWN_PARAMETER = "unknown_parameter"
    """A query has a parameter that the operation does not have."""
    WRONG_TYPE = "wrong_type"
    """A value has another type: text instead of a number, for instance."""


@attrs.frozen
class Fault:
    """What a rule finds wrong with a value: `reason` is words for the sender, `code` is for a program."""

    reason: str
    code: FieldCode


@attrs.frozen
class InvalidField:
    """One value that breaks a rule: the field's name in the core, the reason in words for the sender, and its code."""

    name: str
    reason: str
    code: FieldCode


class SellOutError(Exception):
    """Anything the shop refuses to do. `code` is stable and machine-readable; `str` gives a sentence in English."""

    code: ClassVar[str]
    sentence: ClassVar[str] = "The shop refused the request."

    def __str__(self) -> str:
        """The text that the error was raised with, or the sentence of its class."""
        return super().__str__() or self.sentence


class Invalid(SellOutError):
    """The request is well-formed and breaks a rule; sending it again unchanged will not help."""

    sentence = "The request breaks a rule."


class Unauthenticated(SellOutError):
    """The caller has not proved who they are: no token, a bad one, or one of a user who may not act any more."""

    code = "unauthenticated"
    sentence = "The caller is not authenticated."


class Forbidden(SellOutError):
    """The caller is known and may not do this. Says nothing of whether the thing exists."""

    code = "forbidden"
    sentence = "The caller may not do this."


class NotFound(SellOutError):
    """There is no such thing, or none that the caller may see: the two are one answer."""

    code = "not_found"
    sentence = "The object does not exist, or the caller may not see it."


class Conflict(SellOutError):
    """The request is right in itself and contradicts the state of the shop."""

    sentence = "The request contradicts the state of the shop."


class Unavailable(SellOutError):
    """The shop cannot answer now: its store is away or locked, or too many wait already. Nothing was changed."""

    code = "unavailable_now"
    sentence = "The shop cannot answer now."


@attrs.frozen
class InvalidFields(Invalid):
    """One or more fields break their rules."""

    code: ClassVar[str] = "invalid_fields"
    fields: tuple[InvalidField, ...]

    def __str__(self) -> str:
        """Each field and its reason."""
        return "Invalid fields: " + "; ".join(f"{field.name} {field.reason}" for field in self.fields) + "."


class SizeOfAnotherProduct(Invalid):
    """The size exists and belongs to another product."""

    code = "size_of_another_product"
    sentence = "The size belongs to another product."


class UnknownAddress(Invalid):
    """The address named in a checkout is not one of the buyer's, or does not exist."""

    code = "unknown_address"
    sentence = "The address is not one of the buyer's."


class WrongPassword(Invalid):
    """The password that was to be changed is not the user's."""

    code = "wrong_password"
    sentence = "The old password is wrong."


class MixedCurrencies(Invalid):
    """One order cannot be priced in two currencies."""

    code = "mixed_currencies"
    sentence = "One order cannot be priced in two currencies."


class IdempotencyKeyReused(Invalid):
    """The idempotency key stands for another request of this buyer."""

    code = "idempotency_key_reused"
    sentence = "The idempotency key was used for another request."


class PromoCodeUnknown(Invalid):
    """There is no promo code of that name."""

    code = "promo_code_unknown"
    sentence = "There is no such promo code."


class PromoCodeInactive(Invalid):
    """The promo code has been switched off."""

    code = "promo_code_inactive"
    sentence = "The promo code is inactive."


class PromoCodeExpired(Invalid):
    """The promo code's last day is over."""

    code = "promo_code_expired"
    sentence = "The promo code has expired."


class PromoCodeUsedUp(Invalid):
    """The promo code was activated as often as it may be."""

    code = "promo_code_used_up"
    sentence = "The promo code is used up."


class BadCredentials(Unauthenticated):
    """Unknown user, wrong password or deactivated user: deliberately one answer."""

    code = "bad_credentials"
    sentence = "The username or the password is wrong."


class UsernameTaken(Conflict):
    """The username is taken; case makes no difference."""

    code = "username_taken"
    sentence = "The username is taken."


class PromoCodeTaken(Conflict):
    """A promo code of that name exists, in some spelling of its letters' case."""

    code = "promo_code_taken"
    sentence = "The promo code exists already."


class AlreadyInWishlist(Conflict):
    """The wishlist already holds that product in that size."""

    code = "already_in_wishlist"
    sentence = "The wishlist holds the product in that size already."


@attrs.frozen
class LimitReached(Conflict):
    """The cart, wishlist or address book is full; `maximum` is how many it holds."""

    code: ClassVar[str] = "limit_reached"
    maximum: int

    def __str__(self) -> str:
        """The limit."""
        return f"The limit of {self.maximum} is reached."


@attrs.frozen
class NotInCart(Conflict):
    """Product units named in a checkout are not in the buyer's cart (any more)."""

    code: ClassVar[str] = "not_in_cart"
    unit_ids: tuple[int, ...]

    def __str__(self) -> str:
        """The units."""
        return f"Product units {_listed(self.unit_ids)} are not in the cart."


@attrs.frozen
class UnitsUnavailable(Conflict):
    """Product units that cannot be had now."""

    code: ClassVar[str] = "unavailable"
    unit_ids: tuple[int, ...]

    def __str__(self) -> str:
        """The units."""
        return f"Product units {_listed(self.unit_ids)} are not available."


@attrs.frozen
class PriceChanged(Conflict):
    """The order would cost more than the buyer agreed to pay; `total` is what it costs."""

    code: ClassVar[str] = "price_changed"
    total: int

    def __str__(self) -> str:
        """The total."""
        return f"The order costs {self.total}, more than the buyer agreed to pay."


def _listed(ids: tuple[int, ...]) -> str:
    return ", ".join(map(str, ids))
