"""Types that documents of several modules use."""

from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct

Id = Annotated[int, Meta(description="The id.")]
Time = Annotated[datetime, Meta(tz=True)]
"""RFC 3339 in UTC with `Z`. Microseconds are written only if they are not zero."""


class EmptyDocument(Struct, frozen=True):
    """A document without members. The request was carried out."""


class NamedReference(Struct, frozen=True, gc=False):
    """The id and the name of a gender, brand, category, tag, currency, delivery type or order status."""

    id: Id
    name: Annotated[str, Meta(description="The name, for instance `Nike`, `RUB` or `pending`.")]


class TokenPair(Struct, frozen=True):
    """The two tokens of a session, both JWTs."""

    refresh: Annotated[
        str, Meta(description="The refresh token: valid for 7 days and for one exchange at `/user/token/refresh`.")
    ]
    access: Annotated[str, Meta(description="The access token for the `Authorization` header: valid for one day.")]
