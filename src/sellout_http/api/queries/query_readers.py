"""Converters from query parameters to the core's queries."""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, date, datetime
from typing import Any, Final, TypeVar

from sellout_core.errors import Fault, FieldCode, InvalidField, InvalidFields
from sellout_http.api.queries.query_parameters import whole_number_fault
from sellout_http.problems.details import PARAMETER_NAMES

Q = TypeVar("Q")
_TIME: Final = re.compile(
    r"\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}:\d{2}(?:\.\d{1,6})?(?:Z|[+-]\d{2}:\d{2}))?", re.ASCII | re.IGNORECASE
)
_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
Reader = Callable[[Sequence[str]], Any]
"""Converts all values of a parameter.

Raises:
    InvalidValue: a value breaks the rule of the parameter.
"""


class InvalidValue(Exception):
    """A value breaks the rule of its parameter."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.reason)
        self.fault = fault


def read_members(
    sent: Mapping[str, Sequence[str]],
    readers: Mapping[str, Reader],
    make: Callable[..., Q],
    required: Collection[str] = (),
) -> Q:
    """Converts parameters to a query of the core. Other parameters are ignored.

    Args:
        sent: All values of each parameter.
        readers: A reader for each field of the core. `PARAMETER_NAMES` has the names of the parameters.
        make: Creates the query from the fields that were sent.
        required: The fields that must be sent.

    Raises:
        InvalidFields: names every invalid parameter.
    """
    members: dict[str, Any] = {}
    faults: list[InvalidField] = []
    for field, read in readers.items():
        try:
            if values := sent.get(PARAMETER_NAMES[field]):
                members[field] = read(values)
            elif field in required:
                faults.append(InvalidField(field, "is missing", FieldCode.REQUIRED))
        except InvalidValue as invalid:
            faults.append(InvalidField(field, invalid.fault.reason, invalid.fault.code))
    if not members.keys() >= set(required):
        raise InvalidFields(tuple(faults))
    try:
        query = make(**members)
    except InvalidFields as refused:
        raise InvalidFields((*faults, *refused.fields)) from None
    if faults:
        raise InvalidFields(tuple(faults))
    return query


def one(read: Callable[[str], Any]) -> Reader:
    """A reader of a parameter that must not be repeated."""

    def read_one(sent: Sequence[str]) -> Any:
        if len(sent) > 1:
            raise InvalidValue(Fault("must not be repeated", FieldCode.REPEATED))
        return read(sent[0])

    return read_one


def every(read: Callable[[str], Any]) -> Reader:
    """A reader of a parameter that may be repeated."""
    return lambda sent: tuple(map(read, sent))


def one_of(words: Mapping[str, Any]) -> Callable[[str], Any]:
    """Reads one of some words, and returns its value."""

    def read(sent: str) -> Any:
        if sent not in words:
            raise InvalidValue(Fault("must be one of " + ", ".join(words), FieldCode.NOT_ONE_OF))
        return words[sent]

    return read


def whole_number(least: int, most: int) -> Callable[[str], int]:
    """Reads a whole number from `least` to `most`, both included."""

    def read(sent: str) -> int:
        if (fault := whole_number_fault(sent, least, most)) is not None:
            raise InvalidValue(fault)
        return int(sent)

    return read


def time(sent: str) -> datetime:
    """Reads a time with an offset (RFC 3339, section 5.6), or a date, which stands for midnight in UTC."""
    value: datetime | None = None
    if _TIME.fullmatch(sent):
        with suppress(ValueError, OverflowError):
            read = datetime.fromisoformat(sent)
            value = read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)
    if value is None or value.year < 1000:
        reason = "must be a date or a time with an offset (RFC 3339), such as 2026-01-31T12:00:00Z"
        raise InvalidValue(Fault(reason, FieldCode.MALFORMED))
    return value


def day(sent: str) -> date:
    """Reads a date (RFC 3339, section 5.6)."""
    if _DAY.fullmatch(sent):
        with suppress(ValueError):
            return date.fromisoformat(sent)
    raise InvalidValue(Fault("must be a date (RFC 3339), such as 2026-01-31", FieldCode.MALFORMED))
