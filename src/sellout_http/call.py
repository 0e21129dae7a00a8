"""From a request to its operation's answer: checks on the event loop, then the work, there or in a thread."""

import asyncio
import re
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import BoundedSemaphore
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar
from urllib.parse import parse_qsl

import attrs
import msgspec
from litestar import Request
from litestar.response.base import ASGIResponse

from sellout_core import values
from sellout_core.accounts import ANONYMOUS, Actor, Claims
from sellout_core.errors import NotFound, Unauthenticated, Unavailable
from sellout_core.ports import Store, Transaction
from sellout_core.shop import Shop
from sellout_core.use_cases import sessions
from sellout_core.values import UserId
from sellout_http.edge import PREFIX
from sellout_http.front import CLIENT
from sellout_http.limits import Limiter
from sellout_http.logs import ENTRY, Entry
from sellout_http.operations import Access, Operation, Reply
from sellout_http.reading import read_body

if TYPE_CHECKING:
    from sellout_http.showing import Showing  # which asks as everybody does

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
        return [value for key, value in parse_qsl(self._query, keep_blank_values=True) if key == name]

    def header(self, name: str) -> list[str]:
        """The values of a header, as often as it was sent; `name` in lower case."""
        return header(self._headers, name)


class Workers:
    """Threads for work that would hold up the event loop. At most `waiting` calls wait for a thread; None: any number.

    `close` waits for the work in hand.
    """

    def __init__(self, name: str, threads: int, waiting: int | None = None) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._places = None if waiting is None else BoundedSemaphore(threads + waiting)

    async def run(self, work: Callable[[], T]) -> T:
        """What `work` returns or raises, from a thread.

        Raises:
            Unavailable: too many calls wait already, or the threads have ended; the work was not begun.
        """
        places = self._places
        if places is not None and not places.acquire(blocking=False):
            raise Unavailable
        try:
            future = self._pool.submit(work)
        except RuntimeError:
            raise Unavailable from None
        if places is not None:
            # The place is free when the thread is, which may be after the caller gave up.
            future.add_done_callback(lambda _: places.release())
        return await asyncio.wrap_future(future)

    def close(self) -> None:
        """Ends the threads."""
        self._pool.shutdown(cancel_futures=True)


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
        """
        entry: Entry = scope[ENTRY]
        entry.route = operation.path
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
        """
        actor = sessions.authenticate(shop, self.claims)
        self.operation.access.require(actor, self.ids)
        return actor

    def let_through(self, shop: Shop) -> Call:
        """What its handler is given.

        Raises:
            Unauthenticated, Forbidden: as `let_in`.
        """
        return self.call(shop, self.let_in(shop))

    def call(self, shop: Shop, actor: Actor) -> Call:
        """What its handler is given."""
        query = self.scope["query_string"].decode("latin-1")
        return Call(shop, actor, self.claims, self.scope[CLIENT].network, self.scope[PREFIX], query, self.headers)

    def carried_out(self, call: Call, **more: Any) -> Answer:
        """What its handler answers, encoded."""
        return encoded(self.operation, self.operation.handler(call, **self.ids, **more))


class Reads(Protocol):
    """Short reads on the event loop, without a thread."""

    async def read(self, work: Callable[[Transaction], T], note: Callable[[int], None]) -> T:
        """As `Store.read`; `note` is told how many statements it took."""

    async def close(self) -> None:
        """Ends them."""


@attrs.frozen
class Hands:
    """How a request's work gets done: on the event loop where that holds up nobody, or in a thread.

    Attributes:
        store: What it is done with.
        workers: Threads.
        hashers: A few more for work that hashes passwords.
        statements: How many the store was asked by the thread that it is called in.
        reads: What reads on the event loop, if the store itself cannot.
    """

    store: Store
    workers: Workers
    hashers: Workers
    statements: Callable[[], int]
    reads: Reads | None

    async def read(self, work: Callable[[Transaction], T], entry: Entry, *, short: bool) -> T:
        """What the work returns, which only reads; a short one needs no thread."""
        if short and self.reads is not None:
            return await self.reads.read(work, entry.count)
        return await self.run(lambda: self.store.read(work), entry, waits=not short or not self.store.reads_never_wait)

    async def run(
        self, work: Callable[[], T], entry: Entry | None = None, *, waits: bool = True, hashes: bool = False
    ) -> T:
        """What the work returns; in a thread if it may wait for anything."""

        def counted() -> T:
            before = self.statements()
            try:
                return work()
            finally:
                if entry is not None:
                    entry.count(self.statements() - before)

        if hashes:
            return await self.hashers.run(counted)
        # Handing a short read to a thread takes longer than the read.
        return await self.workers.run(counted) if waits else counted()

    async def close(self) -> None:
        """Ends the threads, once they have done the work in hand."""
        self.workers.close()
        self.hashers.close()
        if self.reads is not None:
            await self.reads.close()


@attrs.frozen
class Dispatcher:
    """Answers requests of a shop."""

    shop: Shop
    hands: Hands
    limiter: Limiter
    showing: "Showing"

    async def answer(self, operation: Operation, request: Request[Any, Any, Any]) -> ASGIResponse:
        """The answer to a request for an operation.

        Raises:
            SellOutError, Refused: whatever stands against it.
        """
        scope: Any = request.scope
        asked = Asked.of(self.shop, operation, path_ids(operation, request.path_params), scope)
        if operation.body is not None:
            asked = attrs.evolve(asked, content=await request.body())
        return JsonResponse(*await self._answered(asked, scope[ENTRY]))

    async def _answered(self, asked: Asked, entry: Entry) -> Answer:
        operation = asked.operation
        if operation.catalogue is not None:
            return await self.showing.answer(asked, entry)
        if operation.method == "GET":
            status, headers, body = await self.hands.read(
                lambda tx: asked.carried_out(asked.let_through(within(self.shop, tx))), entry, short=operation.short
            )
        else:
            # Threads that write have enough to do.
            actor = ANONYMOUS
            if asked.claims is not None:
                actor = await self.hands.read(lambda tx: asked.let_in(within(self.shop, tx)), entry, short=True)
            status, headers, body = await self.hands.run(
                lambda: self._carry_out(asked, asked.call(self.shop, actor)), entry, hashes=operation.hashes_passwords
            )
        return status, {**asked.privacy, **headers}, body

    def _carry_out(self, asked: Asked, call: Call) -> Answer:
        body: dict[str, Any] = {}
        if asked.operation.body is not None:
            types, codings = header(asked.headers, "content-type"), header(asked.headers, "content-encoding")
            body["body"] = read_body(asked.operation.body, asked.content, types, codings)
        with self.limiter.held_to(asked.operation.limits, call, {**asked.ids, **body}):
            return asked.carried_out(call, **body)


def within(shop: Shop, tx: Transaction) -> Shop:
    """The shop for a request that only reads: all that it reads is of the state in which its session was found."""
    store: Any = _Within(tx)
    return Shop(store, shop.passwords, shop.tokens, shop.clock, shop.random_id, shop.policy)


def encoded(operation: Operation, result: Any) -> Answer:
    """What a handler returned, as it is sent."""
    reply = result if isinstance(result, Reply) else Reply(result, operation.statuses[0])
    return reply.status, reply.headers, _encode(reply.document)


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
