"""Members that bodies of several subjects have, and the base of all bodies."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import attrs
import msgspec
from msgspec import UNSET, Meta
from msgspec.structs import asdict

from sellout_core import values
from sellout_core.errors import InvalidFields

FirstName = Annotated[str, Meta(max_length=values.MAX_NAME, description="The first name.")]
LastName = Annotated[str, Meta(max_length=values.MAX_NAME, description="The last name.")]
Id = Annotated[int, Meta(ge=1, le=values.MAX_ID)]
Email = Annotated[
    str,
    Meta(
        max_length=values.MAX_EMAIL,
        description="The recipient's e-mail address.",
        extra_json_schema={"format": "email"},
    ),
]
ReferenceName = Annotated[
    str, Meta(min_length=1, max_length=values.MAX_REFERENCE_NAME, description="The name, which no other row has.")
]
Site = Annotated[str, Meta(max_length=values.MAX_LINK, description="The address of the platform's site.")]
Telephone = Annotated[str, Meta(max_length=16, extra_json_schema={"pattern": r"^\+?[0-9]{1,15}$"})]
TelephoneNumber = Annotated[int, Meta(ge=0, le=10**values.MAX_TELEPHONE_DIGITS - 1)]


class Body(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A body. It refuses unknown members."""


def set_members(patch: Body) -> dict[str, Any]:
    """The members that a merge patch sets."""
    return {name: value for name, value in asdict(patch).items() if value is not UNSET}


@contextmanager
def faults_at(place: str) -> Iterator[None]:
    """Within it, the core's names of invalid fields are members of the object at `place`, a JSON pointer."""
    try:
        yield
    except InvalidFields as error:
        raise InvalidFields(
            tuple(attrs.evolve(fault, name=f"{place}/{fault.name}") for fault in error.fields)
        ) from None
