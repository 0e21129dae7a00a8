"""Basic values: typed ids, money, time, and the rules for text and numbers.

Each limit is defined once, here. Everything that takes input (HTTP, catalogue files, other services) refers to it.
"""

import enum
import re
import unicodedata
from collections.abc import Callable
from datetime import date, datetime
from functools import cache
from typing import Any, Final, NewType, TypeVar

import attrs

from sellout_core.errors import Fault, FieldCode, InvalidField, InvalidFields

UserId = NewType("UserId", int)
AddressId = NewType("AddressId", int)
ProductId = NewType("ProductId", int)
SizeId = NewType("SizeId", int)
ProductUnitId = NewType("ProductUnitId", int)
WishlistUnitId = NewType("WishlistUnitId", int)
CartId = NewType("CartId", int)
PromoCodeId = NewType("PromoCodeId", int)
OrderId = NewType("OrderId", int)
BrandId = NewType("BrandId", int)
CategoryId = NewType("CategoryId", int)
TagId = NewType("TagId", int)
GenderId = NewType("GenderId", int)
PlatformId = NewType("PlatformId", int)
DeliveryTypeId = NewType("DeliveryTypeId", int)
CurrencyId = NewType("CurrencyId", int)
StatusId = NewType("StatusId", int)
SessionId = NewType("SessionId", str)
AuditEntryId = NewType("AuditEntryId", int)
StockMovementId = NewType("StockMovementId", int)
MailId = NewType("MailId", int)
HistoryEntryId = NewType("HistoryEntryId", int)
PictureId = NewType("PictureId", int)
EventId = NewType("EventId", int)
SubscriptionId = NewType("SubscriptionId", int)

Money = NewType("Money", int)
"""Whole currency units, never negative, never a float."""

Percentage = NewType("Percentage", int)
"""A whole number from 0 to 100."""

Clock = Callable[[], datetime]
"""Returns the current time as an aware datetime in UTC."""

MAX_ID = 2**53 - 1
"""The largest id: the largest integer that every JSON reader represents exactly (RFC 8259, section 6)."""

MAX_PRICE = Money(1_000_000_000)
MAX_STOCK = 1_000_000_000
MAX_AVAILABLE = 1000
"""The maximum number of available units of a product. The search index limits the number of sizes."""

MAX_TOTAL = 10**15
MAX_USERNAME = 150
MAX_NAME = 150
MAX_PASSWORD = 128
MAX_PASSWORD_SENT = 4 * MAX_PASSWORD
"""The maximum length of a password before composition. A composed character replaces at most four."""

MAX_EMAIL = 254
MAX_TELEPHONE_DIGITS = 15
MAX_ADDRESS = 500
MAX_POST_INDEX = 20
MAX_LINK = 2_000
MAX_REFERENCE_NAME = 150
MAX_SKU = 100
MAX_PROMO_CODE = 64
MAX_IDEMPOTENCY_KEY = 255
MAX_CART = 100
MAX_WISHLIST = 500
MAX_ADDRESSES = 50
MAX_PICTURES = 20
LAST_VIEWED = 7
MAX_RELATED = 20
COUNTED_VIEWS: Final = 5_000
"""The number of the latest views that rank products."""
PAGE_SIZE = 20
SHOWN_SESSIONS = 100
SIZE_GRIDS: Final = ("INT", "US", "UK", "EU", "IT", "RU")
"""The size grids that a user may prefer."""
MAX_PAGE_SIZE = 100
MAX_LIST = 1000

# A local part and at least one dot-separated domain label, as browsers check <input type=email>, with letters of any
# script allowed (RFC 6531).
_EMAIL = re.compile(
    r"[\w!#$%&'*+/=?^`{|}~-]+(?:\.[\w!#$%&'*+/=?^`{|}~-]+)*"
    r"@(?:[^\W_](?:[^\W_]|-){0,61}[^\W_]\.|[^\W_]\.)+[^\W_](?:[^\W_]|-){0,61}[^\W_]"
)
_TELEPHONE = re.compile(r"\+?[0-9]{1,15}")
_SURROGATE = re.compile("[\ud800-\udfff]")
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_IDEMPOTENCY_KEY = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]{0,253}[\x21-\x7e])?")

Rule = Callable[[Any], Fault | None]
"""Returns the fault of a value. None: the value is valid."""


class Unchanged(enum.Enum):
    """The value of a field that a change does not set."""

    UNCHANGED = "unchanged"


UNCHANGED: Final = Unchanged.UNCHANGED

T = TypeVar("T")


def changed(value: T, change: Any) -> T:
    """A copy of a value with the fields that a change sets. Both are attrs instances."""
    return attrs.evolve(value, **set_fields(change))  # type: ignore[misc]


def set_fields(change: Any) -> dict[str, Any]:
    """The fields that a change sets, by name."""
    given = ((field.name, getattr(change, field.name)) for field in attrs.fields(type(change)))
    return {name: value for name, value in given if value is not UNCHANGED}


def ruled(rule: Rule, **options: Any) -> Any:
    """An attrs field whose value must satisfy `rule`. The class calls `enforce` to check it."""
    return attrs.field(metadata={"rule": rule}, **options)


def enforce(value: Any) -> None:
    """Checks every ruled field of an attrs instance.

    Raises:
        InvalidFields: names all fields that break their rules.
    """
    faults = []
    for name, rule in _rules(value.__class__):
        if (fault := rule(getattr(value, name))) is not None:
            faults.append(InvalidField(name, fault.reason, fault.code))
    if faults:
        raise InvalidFields(tuple(faults))


@cache
def _rules(kind: type[Any]) -> tuple[tuple[str, Rule], ...]:
    """The ruled fields of an attrs class. They are cached, because an import creates many objects of few classes."""
    return tuple([(field.name, field.metadata["rule"]) for field in attrs.fields(kind) if "rule" in field.metadata])


def text(maximum: int, *, minimum: int = 0) -> Rule:
    """A rule for text of `minimum` to `maximum` characters without NUL and lone surrogates, which stores and UTF-8
    cannot represent. With a `minimum`, text of white space is invalid too.
    """

    def rule(value: Any) -> Fault | None:
        if not minimum <= len(value) <= maximum:
            code = FieldCode.TOO_SHORT if len(value) < minimum else FieldCode.TOO_LONG
            return Fault(f"must be {minimum} to {maximum} characters long", code)
        if minimum and not value.strip():
            return Fault("must not be blank", FieldCode.BLANK)
        if "\0" in value:
            return Fault("must not contain NUL", FieldCode.CHARACTER_NOT_ALLOWED)
        if _SURROGATE.search(value):
            return Fault("must not contain lone surrogates", FieldCode.CHARACTER_NOT_ALLOWED)
        return None

    return rule


def printable(maximum: int) -> Rule:
    """A rule for text of up to `maximum` characters without control characters."""

    def rule(value: Any) -> Fault | None:
        if (fault := text(maximum)(value)) is not None:
            return fault
        reason = "must not contain control characters"
        return None if value.isprintable() else Fault(reason, FieldCode.CHARACTER_NOT_ALLOWED)

    return rule


def one_line(maximum: int, *, minimum: int = 0) -> Rule:
    """A rule as `text`, for text without control characters and line separators. Unlike `printable`, it allows the
    joiners that some scripts and emoji need.
    """

    def rule(value: Any) -> Fault | None:
        if (fault := text(maximum, minimum=minimum)(value)) is not None:
            return fault
        reason = "must not contain control characters"
        return Fault(reason, FieldCode.CHARACTER_NOT_ALLOWED) if _CONTROLS.search(value) else None

    return rule


def password(value: str) -> Fault | None:
    """A rule for passwords: the maximum length in Unicode's composed form. The shop's policy has the minimum."""
    if len(composed(value)) > MAX_PASSWORD:
        return Fault(f"must be at most {MAX_PASSWORD} characters long", FieldCode.TOO_LONG)
    return text(MAX_PASSWORD_SENT)(value)


def optional(rule: Rule) -> Rule:
    """A rule that also allows None."""
    return lambda value: None if value is None else rule(value)


def perhaps(rule: Rule) -> Rule:
    """A rule that also lets `UNCHANGED` through."""
    return lambda value: None if value is UNCHANGED else rule(value)


def each(rule: Rule, maximum: int, *, minimum: int = 0, distinct: bool = True) -> Rule:
    """A rule for `minimum` to `maximum` values, each of which satisfies `rule`. With `distinct`, none may repeat."""

    def rule_of_all(values: Any) -> Fault | None:
        if len(values) < minimum:
            return Fault(f"must hold at least {minimum} values", FieldCode.TOO_FEW)
        if len(values) > maximum:
            return Fault(f"must hold at most {maximum} values", FieldCode.TOO_MANY)
        if distinct and len(set(values)) != len(values):
            return Fault("must not repeat a value", FieldCode.REPEATED)
        return next((fault for value in values if (fault := rule(value)) is not None), None)

    return rule_of_all


def between(minimum: int, maximum: int) -> Rule:
    """A rule for a whole number from `minimum` to `maximum`, both included."""

    def rule(value: Any) -> Fault | None:
        within = minimum <= value <= maximum
        return None if within else Fault(f"must be from {minimum} to {maximum}", FieldCode.OUT_OF_RANGE)

    return rule


def any_date(value: date) -> Fault | None:
    """A rule for dates in the years 1000 to 9999, which have four digits in every store and document."""
    return None if value.year >= 1000 else Fault("must be a date from 1000-01-01 on", FieldCode.OUT_OF_RANGE)


def moment(value: datetime) -> Fault | None:
    """A rule for times: they have a time zone."""
    return None if value.tzinfo else Fault("must have a time zone", FieldCode.MALFORMED)


def size_grid(value: str) -> Fault | None:
    """A rule for the name of a size grid."""
    return None if value in SIZE_GRIDS else Fault("must be one of " + ", ".join(SIZE_GRIDS), FieldCode.NOT_ONE_OF)


identifier = between(1, MAX_ID)
price = between(0, MAX_PRICE)
percentage = between(0, 100)


def email(value: str) -> Fault | None:
    """A rule for e-mail addresses: the length of RFC 5321, section 4.5.3.1, and the form of `_EMAIL`."""
    well_formed = len(value) <= MAX_EMAIL and len(value.partition("@")[0]) <= 64 and _EMAIL.fullmatch(value) is not None
    return None if well_formed else Fault("must be an e-mail address", FieldCode.NOT_AN_EMAIL)


def telephone(value: str) -> Fault | None:
    """A rule for telephone numbers: up to 15 digits (ITU-T E.164), with an optional `+` before them."""
    reason = "must be a telephone number of up to 15 digits"
    return None if _TELEPHONE.fullmatch(value) else Fault(reason, FieldCode.NOT_A_TELEPHONE_NUMBER)


def idempotency_key(value: str) -> Fault | None:
    """A rule for idempotency keys: 1 to 255 printable ASCII characters, which HTTP headers transmit unchanged."""
    reason = "must be 1 to 255 printable ASCII characters"
    return None if _IDEMPOTENCY_KEY.fullmatch(value) else Fault(reason, FieldCode.MALFORMED)


def composed(password: str) -> str:
    """A password in Unicode's composed form, so that it is equal from every keyboard (RFC 8265, section 4.2)."""
    # Composition takes time. A longer text is not a valid password.
    return unicodedata.normalize("NFC", password) if len(password) <= MAX_PASSWORD_SENT else password


def fold(name: str) -> str:
    """A name in a form for comparisons without regard to case and Unicode composition."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
