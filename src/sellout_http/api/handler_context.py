"""The first argument of every handler."""

from collections.abc import Mapping, Sequence
from typing import Generic, TypeVar

import attrs

from sellout_core.errors import FieldCode, InvalidField, InvalidFields, Unauthenticated
from sellout_core.people.accounts import Actor, Claims
from sellout_core.shop import ReadingShop, Shop
from sellout_core.values import UserId
from sellout_http.runtime.asgi import Headers, header_values

S = TypeVar("S", bound=ReadingShop)


@attrs.frozen
class HandlerContext(Generic[S]):
    """The shop, the caller, and the query and headers of the request.

    Attributes:
        shop: The shop. Operations that only read get the shop inside a running transaction.
        actor: The caller.
        claims: The claims of the caller's token. None: the request has no token.
        network: The network that the request came from (`middleware.forwarded_headers.Client`).
        prefix: The API prefix of the request's path. May be empty.
        query: All values of each query parameter.
    """

    shop: S
    actor: Actor
    claims: Claims | None
    network: str
    prefix: str
    query: Mapping[str, Sequence[str]]
    _headers: Headers

    @property
    def user_id(self) -> UserId:
        """The id of the caller.

        Raises:
            Unauthenticated: the caller is anonymous.
        """
        if self.actor.user_id is None:
            raise Unauthenticated
        return self.actor.user_id

    def header(self, name: str) -> Sequence[str]:
        """All values of a header. `name` is in lower case."""
        return header_values(self._headers, name)

    @property
    def idempotency_key(self) -> str | None:
        """The idempotency key. None: the request has none.

        Raises:
            InvalidFields: the request has more than one.
        """
        return self._only("idempotency-key", "idempotency_key")

    @property
    def offered_cart_token(self) -> str | None:
        """The token of a guest's cart. None: the request has none.

        Raises:
            InvalidFields: the request has more than one.
        """
        return self._only("x-cart-token", "cart_token")

    @property
    def cart_token(self) -> str:
        """The token of a guest's cart.

        Raises:
            InvalidFields: the request has none, or more than one.
        """
        token = self.offered_cart_token
        if token is None:
            raise InvalidFields((InvalidField("cart_token", "is required", FieldCode.REQUIRED),))
        return token

    def _only(self, name: str, field: str) -> str | None:
        """The value of a header that must not be repeated. `field` is its name for `InvalidFields`."""
        sent = self.header(name)
        if len(sent) > 1:
            raise InvalidFields((InvalidField(field, "must not be repeated", FieldCode.REPEATED),))
        return sent[0] if sent else None


ReadContext = HandlerContext[ReadingShop]
"""The context of an operation that only reads."""

WriteContext = HandlerContext[Shop]
"""The context of an operation that may write."""
