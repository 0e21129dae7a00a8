"""A request for an operation, and the checks that need no store."""

import re
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any, Final, Self, TypeVar

import attrs
import msgspec
from litestar.response.base import ASGIResponse

from sellout_core import values
from sellout_core.errors import NotFound, Unauthenticated
from sellout_core.people.accounts import Claims
from sellout_core.shop import ReadingShop
from sellout_core.use_cases.people import sessions
from sellout_http.api.handler_context import HandlerContext
from sellout_http.api.operations import TEXT_IDS, Access, Operation, Reply
from sellout_http.api.pagination import read_part
from sellout_http.api.preconditions import entity_tag
from sellout_http.api.queries.query_parameters import parse_query, require_short
from sellout_http.runtime.asgi import CLIENT, LOG_ENTRY, PREFIX, Headers, header_values
from sellout_http.runtime.etags import matches_etag
from sellout_http.runtime.logging import RequestLogEntry
from sellout_http.schemas.responses.long_lists import LongList
from sellout_http.tracing import use_case_span

S = TypeVar("S", bound=ReadingShop)
_NOT_CACHED: Final = {"cache-control": "no-store"}
_CHECKED: Final = {"cache-control": "no-cache", "vary": "authorization"}
_BEARER: Final = re.compile(r"bearer +([a-z0-9._~+/-]+=*)", re.IGNORECASE)
_encode: Final = msgspec.json.Encoder().encode


class JsonResponse(ASGIResponse):
    """A response with an encoded body. Litestar's own response class takes a tenth of the time of a request."""

    def __init__(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self._status = status
        self._fields = headers
        self._content = body

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:  # noqa: ARG002 - ASGI's
        """Sends the response; a 304 has no headers of a body (RFC 9110, section 15.4.5)."""
        fields = {**self._fields}
        if self._status != 304:
            fields = {"content-type": "application/json", **fields, "content-length": str(len(self._content))}
        raw = []
        for name, value in fields.items():
            raw.append((name.encode("latin-1"), value.encode("latin-1")))
        await send({"type": "http.response.start", "status": self._status, "headers": raw})
        await send({"type": "http.response.body", "body": self._content})


@attrs.frozen
class RequestContext:
    """One request.

    Attributes:
        operation: The requested operation.
        ids: The ids in the path.
        claims: The claims of the access token. None: the request has no token.
        log_entry: The values of the request's log line.
        scope: The ASGI scope.
    """

    operation: Operation
    ids: Mapping[str, Any]
    claims: Claims | None
    log_entry: RequestLogEntry
    scope: Mapping[str, Any]

    @classmethod
    def of(cls, shop: ReadingShop, operation: Operation, scope: Mapping[str, Any]) -> Self:
        """The context of a routed request.

        Raises:
            NotFound: an id in the path is invalid.
            Unauthenticated: the token is invalid, or is missing and the operation requires one.
            Refused: the query is too long.
        """
        ids = path_ids(operation, scope)
        entry: RequestLogEntry = scope[LOG_ENTRY]
        entry.route = operation.path
        require_short(scope["query_string"])
        token = bearer_token(scope["headers"])
        claims = None if token is None else sessions.read_token(shop, token, "access")
        if claims is not None:
            entry.user_id = claims.user_id
        elif operation.access is not Access.ANON:
            raise Unauthenticated
        return cls(operation, ids, claims, entry, scope)

    @property
    def privacy_headers(self) -> Mapping[str, str]:
        """`Cache-Control: no-store`, unless every caller gets the same response."""
        operation = self.operation
        if self.claims is not None or not operation.is_public:
            return _NOT_CACHED
        return {} if operation.tagged is None else _CHECKED

    def authorize(self, shop: S) -> HandlerContext[S]:
        """Checks the caller's rights and the query's parameters. Returns the context of the handler.

        Raises:
            Unauthenticated, Forbidden: the caller may not call the operation.
            InvalidFields: the operation does not know a parameter of the query.
        """
        operation, scope = self.operation, self.scope
        actor = sessions.authenticate(shop, self.claims)
        operation.access.require(actor, self.ids)
        query = parse_query(scope["query_string"], operation.parameters) if scope["query_string"] else {}
        return HandlerContext(shop, actor, self.claims, scope[CLIENT].network, scope[PREFIX], query, scope["headers"])

    def call_handler(self, context: HandlerContext[Any], **body: Any) -> Reply[Any]:
        """Calls the handler. Of a `LongList`, returns the part that the query requests."""
        with self.span():
            result = self.operation.handler(context, **self.ids, **body)
            if isinstance(result, LongList):
                return read_part(result, context.query, context.prefix + self.operation.path.format_map(self.ids))
        return result if isinstance(result, Reply) else Reply(result, self.operation.statuses[0])

    def span(self) -> AbstractContextManager[None]:
        """The span of the operation's use case, around the call of the handler and the reads of its result."""
        return use_case_span(self.operation.handler.__name__)

    def response(self, reply: Reply[Any]) -> JsonResponse:
        """The response with the encoded reply. Call it outside of a transaction, which would stay open meanwhile."""
        if self.operation.tagged is not None:
            reply = self.with_tag(reply)
        privacy = self.privacy_headers
        headers = {**privacy, **reply.headers}
        if privacy is _CHECKED and matches_etag(headers["etag"], header_values(self.scope["headers"], "if-none-match")):
            return JsonResponse(304, headers, b"")
        return JsonResponse(reply.status, headers, _encode(reply.document))

    def with_tag(self, reply: Reply[Any]) -> Reply[Any]:
        """Adds the `ETag` of the document to the reply, if the operation's documents have one."""
        tagged = self.operation.tagged
        if tagged is None or "etag" in reply.headers:
            return reply
        return attrs.evolve(reply, headers={"etag": entity_tag(reply.document, tagged), **reply.headers})


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


def path_ids(operation: Operation, scope: Mapping[str, Any]) -> Mapping[str, Any]:
    """The ids in a routed path.

    Raises:
        NotFound: one is not a decimal number without leading zeros, from 1 (or 0, for an anonymous user) to 2^53-1, or
            does not match its pattern.
    """
    sent: Mapping[str, Any] = scope["path_params"]
    if not sent:
        return {}
    ids: dict[str, Any] = {}
    for name in operation.text_ids:
        ids[name] = sent[name]
        if re.fullmatch(TEXT_IDS[name], sent[name]) is None:
            raise NotFound
    for name, least in operation.least_ids.items():
        try:
            ids[name] = int(sent[name])
        except ValueError:
            raise NotFound from None
        if not least <= ids[name] <= values.MAX_ID:
            raise NotFound
    # `int` accepts other spellings of a number too: +1, 01, 1_0.
    if scope["path_template"].format_map(ids) != scope["path"]:
        raise NotFound
    return ids
