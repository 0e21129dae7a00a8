"""A request for an operation and what its handler is given, checked as far as that goes without the store."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeVar
from urllib.parse import parse_qsl

import attrs
import msgspec
from litestar.response.base import ASGIResponse

from sellout_core import values
from sellout_core.accounts import Actor, Claims
from sellout_core.errors import NotFound, Unauthenticated
from sellout_core.ports.store import Transaction
from sellout_core.shop import Shop
from sellout_core.use_cases import sessions
from sellout_core.values import UserId
from sellout_http.api.operations import LIMIT, Access, Listed, Operation, Reply
from sellout_http.api.pagination import page
from sellout_http.api.query_parameters import require_known, require_short
from sellout_http.runtime.asgi import CLIENT, PREFIX
from sellout_http.runtime.logging import ENTRY, Entry

T = TypeVar("T")
Headers = Sequence[tuple[bytes, bytes]]
"""Raw ones, as a request brought them."""

_PRIVATE: Final = {"cache-control": "no-store"}
_ID: Final = re.compile(r"0|[1-9][0-9]{0,15}")
_BEARER: Final = re.compile(r"bearer +([a-z0-9._~+/-]+=*)", re.IGNORECASE)
_encode = msgspec.json.Encoder().encode


@attrs.frozen
class Call:
    """What a handler knows of its request besides ids and body: who calls, and what the URL and headers say."""

    shop: Shop
    actor: Actor
    claims: Claims | None
    network: str
    prefix: str
    _query: str
    _headers: Headers

    @property
    def user_id(self) -> UserId:
        """The calling user.

        Raises:
            Unauthenticated: nobody in particular calls.
        """
        if self.actor.user_id is None:
            raise Unauthenticated
        return self.actor.user_id

    def query(self, name: str) -> list[str]:
        """The values of a query parameter, as often as it was sent."""
        return parameter(self._query, name)

    def header(self, name: str) -> list[str]:
        """The values of a header, as often as it was sent; `name` in lower case."""
        return header(self._headers, name)


class JsonResponse(ASGIResponse):
    """A response whose parts are ready: the framework's own takes a tenth of a request to put them together."""

    def __init__(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self._status = status
        self._headers = headers
        self._sent = body

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:  # noqa: ARG002 - ASGI's
        """Sends it; a 304 says nothing of a body that it does not have (RFC 9110, section 15.4.5)."""
        whole = {"content-type": "application/json", "content-length": str(len(self._sent))}
        headers = {**self._headers, **({} if self._status == 304 else whole)}
        raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": self._status, "headers": raw})
        await send({"type": "http.response.body", "body": self._sent})


@attrs.frozen
class _Within:
    """The store of a request that only reads: whatever it reads is of the state in which its session was found."""

    _tx: Transaction

    def read(self, work: Callable[[Transaction], T]) -> T:
        return work(self._tx)


Answer = tuple[int, Mapping[str, str], bytes]


@attrs.frozen
class Asked:
    """A request for an operation, checked as far as that goes without the store."""

    operation: Operation
    ids: Mapping[str, int]
    claims: Claims | None
    scope: Mapping[str, Any]
    content: bytes = b""

    @classmethod
    def of(cls, shop: Shop, operation: Operation, ids: Mapping[str, int], scope: Mapping[str, Any]) -> "Asked":
        """A request for the operation on a path with those ids.

        Raises:
            Unauthenticated: its token is bad, or it needs one and has none.
            Refused: the query is too long.
        """
        entry: Entry = scope[ENTRY]
        entry.route = operation.path
        if scope["query_string"]:
            require_short(scope["query_string"])
        token = bearer_token(scope["headers"])
        claims = None if token is None else sessions.read_token(shop, token, "access")
        if claims is not None:
            entry.user_id = claims.user_id
        elif operation.access is not Access.ANON:
            raise Unauthenticated
        return cls(operation, ids, claims, scope)

    @property
    def headers(self) -> Headers:
        """As they came."""
        headers: Headers = self.scope["headers"]
        return headers

    @property
    def privacy(self) -> Mapping[str, str]:
        """What keeps others from keeping an answer that is somebody's own."""
        everybodys = self.claims is None and self.operation.access is Access.ANON and self.operation.method == "GET"
        return {} if everybodys else _PRIVATE

    def let_in(self, shop: Shop) -> Actor:
        """Who calls, once the store knows them and lets them.

        Raises:
            Unauthenticated, Forbidden: it does not.
            InvalidFields: the query has a parameter that the operation does not know.
        """
        actor = sessions.authenticate(shop, self.claims)
        self.operation.access.require(actor, self.ids)
        self.require_known_parameters()
        return actor

    def require_known_parameters(self) -> None:
        """Lets through a query whose parameters the operation knows.

        Raises:
            InvalidFields: naming those that it does not know.
        """
        if self.scope["query_string"]:
            require_known(self.operation, self.query)

    def let_through(self, shop: Shop) -> Call:
        """What its handler is given.

        Raises:
            Unauthenticated, Forbidden, InvalidFields: as `let_in`.
        """
        return self.call(shop, self.let_in(shop))

    @property
    def query(self) -> str:
        """What stands after the question mark."""
        return str(self.scope["query_string"], "utf-8", "replace")

    @property
    def streamed(self) -> bool:
        """Whether it wants all of a list."""
        return self.operation.listed and not parameter(self.query, LIMIT.name)

    def call(self, shop: Shop, actor: Actor) -> Call:
        """What its handler is given."""
        network = self.scope[CLIENT].network
        return Call(shop, actor, self.claims, network, self.scope[PREFIX], self.query, self.headers)

    def carried_out(self, call: Call, **more: Any) -> Answer:
        """What its handler answers, encoded; of a list, the part that is asked for."""
        result = self.operation.handler(call, **self.ids, **more)
        if isinstance(result, Listed):
            result = page(result, call.query, call.prefix + self.operation.path)
        return encoded(self.operation, result)


def within(shop: Shop, tx: Transaction) -> Shop:
    """The shop for a request that only reads: all that it reads is of the state in which its session was found."""
    store: Any = _Within(tx)
    return Shop(store, shop.passwords, shop.tokens, shop.clock, shop.random_id, shop.policy)


def encoded(operation: Operation, result: Any) -> Answer:
    """What a handler returned, as it is sent."""
    reply = result if isinstance(result, Reply) else Reply(result, operation.statuses[0])
    return reply.status, reply.headers, _encode(reply.document)


def parameter(query: str, name: str) -> list[str]:
    """The values of a parameter, as often as it stands in a query."""
    return [value for key, value in parse_qsl(query, keep_blank_values=True) if key == name]


def header(headers: Headers, name: str) -> list[str]:
    """The values of a header, as often as it stands among raw ones; `name` in lower case."""
    wanted = name.encode()
    return [value.decode("latin-1") for key, value in headers if key.lower() == wanted]


def bearer_token(headers: Headers) -> str | None:
    """The bearer token a request carries; None without an `Authorization` header.

    Raises:
        Unauthenticated: the header is no single well-formed bearer token (RFC 6750, section 2.1).
    """
    sent = header(headers, "authorization")
    if not sent:
        return None
    match = _BEARER.fullmatch(sent[0]) if len(sent) == 1 else None
    if match is None:
        raise Unauthenticated
    return match[1]


def path_ids(operation: Operation, sent: Mapping[str, Any]) -> dict[str, int]:
    """The ids in a path, by name.

    Raises:
        NotFound: one is not a decimal number without leading zeros, from 1 (or 0, for anonymous) to 2^53-1.
    """
    ids = {}
    for name in operation.id_names:
        if _ID.fullmatch(sent[name]) is None:
            raise NotFound
        ids[name] = int(sent[name])
        if not operation.least_id(name) <= ids[name] <= values.MAX_ID:
            raise NotFound
    return ids
