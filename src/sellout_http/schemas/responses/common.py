"""The types that documents of more than one subject use."""

from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct

Id = Annotated[int, Meta(description="The id.")]
Time = Annotated[datetime, Meta(tz=True)]
"""RFC 3339 in UTC with `Z`; microseconds only when they are not zero."""


class EmptyDocument(Struct, frozen=True):
    """A document without members: the request was carried out, and there is nothing else to say."""


class NamedReference(Struct, frozen=True, gc=False):
    """A gender, brand, category, tag, currency, delivery type or order status: its id and its name."""

    id: Id
    name: Annotated[str, Meta(description="The name, for instance `Nike`, `RUB` or `pending`.")]


class TokenPair(Struct, frozen=True):
    """The two tokens of a session, both JWTs."""

    refresh: Annotated[
        str, Meta(description="The refresh token: valid for 7 days and for one exchange at `/user/token/refresh`.")
    ]
    access: Annotated[str, Meta(description="The access token for the `Authorization` header: valid for one day.")]
