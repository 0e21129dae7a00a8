"""What a handler is given besides the ids of the path and the body."""

from collections.abc import Mapping, Sequence
from typing import Generic, TypeVar

import attrs

from sellout_core.accounts import Actor, Claims
from sellout_core.errors import Unauthenticated
from sellout_core.shop import ReadingShop, Shop
from sellout_core.values import UserId
from sellout_http.runtime.asgi import Headers, header_values

S = TypeVar("S", bound=ReadingShop)


@attrs.frozen
class HandlerContext(Generic[S]):
    """The shop, the caller, and what the URL and the headers say.

    Attributes:
        shop: The shop: in a running transaction for operations that only read.
        actor: The caller.
        claims: The claims of the caller's token. None: the request has no token.
        network: The network that the request came from (`middleware.forwarded_headers.Client`).
        prefix: The API prefix of the request's path, perhaps empty.
    """

    shop: S
    actor: Actor
    claims: Claims | None
    network: str
    prefix: str
    _query: Mapping[str, Sequence[str]]
    _headers: Headers

    @property
    def user_id(self) -> UserId:
        """The calling user.

        Raises:
            Unauthenticated: the caller is anonymous.
        """
        if self.actor.user_id is None:
            raise Unauthenticated
        return self.actor.user_id

    def query(self, name: str) -> Sequence[str]:
        """The values of a query parameter, one for each time it was sent."""
        return self._query.get(name, ())

    def header(self, name: str) -> Sequence[str]:
        """The values of a header, one for each time it was sent; `name` in lower case."""
        return header_values(self._headers, name)


ReadContext = HandlerContext[ReadingShop]
"""The context of an operation that only reads."""

WriteContext = HandlerContext[Shop]
"""The context of an operation that may write."""
