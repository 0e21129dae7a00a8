"""A request for an operation, checked as far as that needs no store."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, Self, TypeVar

import attrs
import msgspec
from litestar.response.base import ASGIResponse

from sellout_core import values
from sellout_core.accounts import Actor, Claims
from sellout_core.errors import NotFound, Unauthenticated
from sellout_core.shop import ReadingShop
from sellout_core.use_cases import sessions
from sellout_http.api.handler_context import HandlerContext
from sellout_http.api.operations import Access, LongList, Operation, Reply
from sellout_http.api.pagination import page
from sellout_http.api.query_parameters import parse_query, require_known
from sellout_http.runtime.asgi import CLIENT, LOG_ENTRY, PREFIX, Headers, header_values
from sellout_http.runtime.logging import RequestLogEntry

S = TypeVar("S", bound=ReadingShop)

_NOT_CACHED: Final = {"cache-control": "no-store"}
_BEARER: Final = re.compile(r"bearer +([a-z0-9._~+/-]+=*)", re.IGNORECASE)
_encode: Final = msgspec.json.Encoder().encode


class JsonResponse(ASGIResponse):
    """A response with an encoded body. Litestar's own response takes a tenth of a request to put its parts together."""

    def __init__(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self._status = status
        self._fields = headers
        self._content = body

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:  # noqa: ARG002 - ASGI's
        """Sends the response; a 304 has no headers of a body (RFC 9110, section 15.4.5)."""
        fields = {**self._fields}
        if self._status != 304:
            fields.update({"content-type": "application/json", "content-length": str(len(self._content))})
        raw = []
        for name, value in fields.items():
            raw.append((name.encode("latin-1"), value.encode("latin-1")))
        await send({"type": "http.response.start", "status": self._status, "headers": raw})
        await send({"type": "http.response.body", "body": self._content})


@attrs.frozen
class RequestContext:
    """One request.

    Attributes:
        operation: The operation that it calls.
        ids: The ids in its path.
        claims: The claims of its access token. None: it has no token.
        query: The values of each of its query parameters.
        log_entry: What its log line will say.
        scope: Its ASGI scope.
    """

    operation: Operation
    ids: Mapping[str, int]
    claims: Claims | None
    query: Mapping[str, Sequence[str]]
    log_entry: RequestLogEntry
    scope: Mapping[str, Any]

    @classmethod
    def of(cls, shop: ReadingShop, operation: Operation, scope: Mapping[str, Any]) -> Self:
        """The context of a routed request.

        Raises:
            NotFound: an id in its path is invalid.
            Unauthenticated: its token is invalid, or the operation requires one and it has none.
            Refused: its query is too long.
        """
        ids = path_ids(operation, scope)
        entry: RequestLogEntry = scope[LOG_ENTRY]
        entry.route = operation.path
        query = parse_query(scope["query_string"]) if scope["query_string"] else {}
        token = bearer_token(scope["headers"])
        claims = None if token is None else sessions.read_token(shop, token, "access")
        if claims is not None:
            entry.user_id = claims.user_id
        elif operation.access is not Access.ANON:
            raise Unauthenticated
        return cls(operation, ids, claims, query, entry, scope)

    @property
    def privacy_headers(self) -> Mapping[str, str]:
        """Headers that forbid caching, unless every caller gets the same answer."""
        operation = self.operation
        is_public = self.claims is None and operation.access is Access.ANON and operation.method == "GET"
        return {} if is_public else _NOT_CACHED

    def authorize(self, shop: ReadingShop) -> Actor:
        """The caller, who may call the operation.

        Raises:
            Unauthenticated, Forbidden: the caller may not.
            InvalidFields: the query has a parameter that the operation does not know.
        """
        actor = sessions.authenticate(shop, self.claims)
        self.operation.access.require(actor, self.ids)
        if self.query:
            require_known(self.operation.parameters, self.query)
        return actor

    def for_handler(self, shop: S, actor: Actor) -> HandlerContext[S]:
        """What the operation's handler is given."""
        scope = self.scope
        return HandlerContext(
            shop, actor, self.claims, scope[CLIENT].network, scope[PREFIX], self.query, scope["headers"]
        )

    def call_handler(self, context: HandlerContext[Any], **body: Any) -> Reply[Any]:
        """What the handler answers; of a `LongList`, the part that the query asks for."""
        result = self.operation.handler(context, **self.ids, **body)
        if isinstance(result, LongList):
            return page(result, context.query, context.prefix + self.operation.path)
        return result if isinstance(result, Reply) else Reply(result, self.operation.statuses[0])

    def response(self, reply: Reply[Any]) -> JsonResponse:
        """The response with an encoded reply. It encodes outside of a transaction, which would stay open meanwhile."""
        return JsonResponse(reply.status, {**self.privacy_headers, **reply.headers}, _encode(reply.document))


def bearer_token(headers: Headers) -> str | None:
    """The bearer token of a request; None: it has no `Authorization` header.

    Raises:
        Unauthenticated: the header is no single well-formed bearer token (RFC 6750, section 2.1).
    """
    sent = header_values(headers, "authorization")
    if not sent:
        return None
    match = _BEARER.fullmatch(sent[0]) if len(sent) == 1 else None
    if match is None:
        raise Unauthenticated
    return match[1]


def path_ids(operation: Operation, scope: Mapping[str, Any]) -> Mapping[str, int]:
    """The ids in a routed path.

    Raises:
        NotFound: one is not a decimal number without leading zeros, from 1 (or 0, for an anonymous user) to 2^53-1.
    """
    sent: Mapping[str, str | int] = scope["path_params"]
    if not sent:
        return {}
    ids: dict[str, int] = {}
    for name, least in operation.least_ids.items():
        try:
            ids[name] = int(sent[name])
        except ValueError:
            raise NotFound from None
        if not least <= ids[name] <= values.MAX_ID:
            raise NotFound
    # Python reads other spellings of a number, too: +1, 01, 1_0.
    if scope["path_template"].format_map(ids) != scope["path"]:
        raise NotFound
    return ids
