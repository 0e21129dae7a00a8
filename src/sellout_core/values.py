"""The small values everything else is made of: typed ids, money, time, and the rules text and numbers obey.

A limit lives here once. Everything that takes input (HTTP, a catalogue file, another service) refers to it.
"""

import re
import unicodedata
from collections.abc import Callable
from datetime import date, datetime
from functools import cache
from typing import Any, NewType, TypeVar

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

Money = NewType("Money", int)
"""Whole currency units, never negative, never a float."""

Percentage = NewType("Percentage", int)
"""A whole number from 0 to 100."""

Clock = Callable[[], datetime]
"""Tells the time as an aware datetime in UTC."""

MAX_ID = 2**53 - 1
"""The largest id: the largest integer every JSON reader keeps exact (RFC 8259, section 6)."""

MAX_PRICE = Money(1_000_000_000)
MAX_STOCK = 1_000_000_000
MAX_TOTAL = 10**15
MAX_USERNAME = 150
MAX_NAME = 150
MAX_PASSWORD = 128
MAX_PASSWORD_SENT = 4 * MAX_PASSWORD
"""The longest password before it is composed: no composed character stands for more than four."""

MAX_EMAIL = 254
MAX_TELEPHONE_DIGITS = 15
MAX_ADDRESS = 500
MAX_POST_INDEX = 20
MAX_PROMO_CODE = 64
MAX_IDEMPOTENCY_KEY = 255
MAX_CART = 100
MAX_WISHLIST = 500
MAX_ADDRESSES = 50
LAST_VIEWED = 7
PAGE_SIZE = 20
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
_IDEMPOTENCY_KEY = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]{0,253}[\x21-\x7e])?")

Rule = Callable[[Any], Fault | None]
"""Says what is wrong with a value, or None."""

T = TypeVar("T")


def ruled(rule: Rule, **options: Any) -> Any:
    """An attrs field whose value must satisfy `rule`; the class enforces it with `enforce`."""
    return attrs.field(metadata={"rule": rule}, **options)


def enforce(value: Any) -> None:
    """Checks every ruled field of an attrs instance.

    Raises:
        InvalidFields: naming all the fields that break their rule, not just the first.
    """
    faults = [
        InvalidField(name, fault.reason, fault.code)
        for name, rule in _rules(value.__class__)
        if (fault := rule(getattr(value, name))) is not None
    ]
    if faults:
        raise InvalidFields(tuple(faults))


@cache
def _rules(kind: type[Any]) -> tuple[tuple[str, Rule], ...]:
    """The ruled fields of an attrs class; catalogue files make a great many of the same few."""
    return tuple((field.name, field.metadata["rule"]) for field in attrs.fields(kind) if "rule" in field.metadata)


def text(maximum: int, *, minimum: int = 0) -> Rule:
    """A rule for text of `minimum` to `maximum` characters, not blank where it must not be empty, without NUL or lone
    surrogates: no store and no UTF-8 document could give those back as they were sent.
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


def password(value: str) -> Fault | None:
    """A rule for passwords, whose length is that of their composed form; the shortest is the shop's policy."""
    if len(composed(value)) > MAX_PASSWORD:
        return Fault(f"must be at most {MAX_PASSWORD} characters long", FieldCode.TOO_LONG)
    return text(MAX_PASSWORD_SENT)(value)


def optional(rule: Rule) -> Rule:
    """A rule that also lets None through."""
    return lambda value: None if value is None else rule(value)


def each(rule: Rule, maximum: int) -> Rule:
    """A rule for at most `maximum` values without repeats, each of which satisfies `rule`."""

    def rule_of_all(values: Any) -> Fault | None:
        if len(values) > maximum:
            return Fault(f"must hold at most {maximum} values", FieldCode.TOO_MANY)
        if len(set(values)) != len(values):
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
    """A rule for a date in the years 1000 to 9999, which every store and reader writes with four digits."""
    return None if value.year >= 1000 else Fault("must be a date from 1000-01-01 on", FieldCode.OUT_OF_RANGE)


identifier = between(1, MAX_ID)
price = between(0, MAX_PRICE)
percentage = between(0, 100)


def email(value: str) -> Fault | None:
    """A rule for e-mail addresses: the length of RFC 5321, section 4.5.3.1, and the form of `_EMAIL`."""
    well_formed = len(value) <= MAX_EMAIL and len(value.partition("@")[0]) <= 64 and _EMAIL.fullmatch(value) is not None
    return None if well_formed else Fault("must be an e-mail address", FieldCode.NOT_AN_EMAIL)


def telephone(value: str) -> Fault | None:
    """A rule for telephone numbers: up to 15 digits (ITU-T E.164), a leading `+` allowed."""
    reason = "must be a telephone number of up to 15 digits"
    return None if _TELEPHONE.fullmatch(value) else Fault(reason, FieldCode.NOT_A_TELEPHONE_NUMBER)


def idempotency_key(value: str) -> Fault | None:
    """A rule for idempotency keys: 1 to 255 printable ASCII characters, what an HTTP header carries unchanged."""
    reason = "must be 1 to 255 printable ASCII characters"
    return None if _IDEMPOTENCY_KEY.fullmatch(value) else Fault(reason, FieldCode.MALFORMED)


def composed(password: str) -> str:
    """A password in Unicode's composed form, so that what is typed on another keyboard is the same one (RFC 8265,
    section 4.2).
    """
    # What is longer is no password, and composing takes time.
    return unicodedata.normalize("NFC", password) if len(password) <= MAX_PASSWORD_SENT else password


def fold(name: str) -> str:
    """The form in which names that differ only by case or Unicode composition are equal (usernames, promo codes)."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
