"""The faults of single values, as text and as codes."""

import enum
from typing import final

import attrs


@final
class FieldCode(enum.StrEnum):
    """The reason why a value is invalid. A code never changes its meaning. New codes may be added."""

    BLANK = "blank"
    """A text consists of white space."""
    CHARACTER_NOT_ALLOWED = "character_not_allowed"
    """A text has a character that is not allowed, such as NUL or a lone surrogate."""
    COMMON_PASSWORD = "common_password"  # noqa: S105 - a code
    """A password is in the list of common passwords."""
    MALFORMED = "malformed"
    """A value has the right type and a wrong form."""
    MIXED_SCRIPTS = "mixed_scripts"
    """A text mixes letters of scripts that look alike, such as Latin and Cyrillic."""
    NOT_AN_EMAIL = "not_an_email"
    """A value is not an e-mail address."""
    NOT_A_TELEPHONE_NUMBER = "not_a_telephone_number"
    """A value is not a telephone number."""
    NOT_ONE_OF = "not_one_of"
    """A value is not one of the allowed values."""
    OUT_OF_RANGE = "out_of_range"
    """A number or a date is below the minimum or above the maximum."""
    REPEATED = "repeated"
    """A value occurs more than once."""
    REQUIRED = "required"
    """A value is missing."""
    TOO_FEW = "too_few"
    """A list has fewer values than the minimum."""
    TOO_LONG = "too_long"
    """A text has more characters than the maximum."""
    TOO_MANY = "too_many"
    """A list has more values than the maximum."""
    TOO_SHORT = "too_short"
    """A text has fewer characters than the minimum."""
    UNKNOWN_MEMBER = "unknown_member"
    """A body has an unknown member."""
    UNKNOWN_PARAMETER = "unknown_parameter"
    """A query has an unknown parameter."""
    WRONG_TYPE = "wrong_type"
    """A value has a wrong type, such as text instead of a number."""


@attrs.frozen
class Fault:
    """The fault of a value: the reason as text and as a code."""

    reason: str
    code: FieldCode


@attrs.frozen
class InvalidField:
    """An invalid value: the core's name of the field, and the reason as text and as a code."""

    name: str
    reason: str
    code: FieldCode
