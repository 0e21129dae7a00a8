"""What can be wrong with one value: the codes that a program branches on, and the words for a reader."""

import enum
from typing import final

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
