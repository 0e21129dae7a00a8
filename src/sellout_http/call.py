"""From a request to its operation's answer: checks on the event loop, then one hop to a thread that does the rest."""

import asyncio
import re
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from threading import BoundedSemaphore
from typing import Any, Final, TypeVar
from urllib.parse import parse_qsl

import attrs
import msgspec
from litestar import Request
from litestar.response.base import ASGIResponse

from sellout_core import values
from sellout_core.accounts import ANONYMOUS, Actor, Claims
from sellout_core.errors import NotFound, Unauthenticated, Unavailable
from sellout_core.ports import Transaction
from sellout_core.shop import Shop
from sellout_core.use_cases import sessions
from sellout_core.values import UserId
from sellout_http.cache import Document, Documents, key_of
from sellout_http.edge import PREFIX
from sellout_http.front import CLIENT
from sellout_http.limits import Limiter
from sellout_http.logs import ENTRY, Entry
from sellout_http.operations import Access, Catalogue, Operation, Reply
from sellout_http.reading import read_body

T = TypeVar("T")

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
    _headers: tuple[tuple[bytes, bytes], ...]

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
    content: bytes
    scope: Mapping[str, Any]

    @property
    def headers(self) -> tuple[tuple[bytes, bytes], ...]:
        """As they came."""
        return tuple(self.scope["headers"])

    @property
    def notes(self) -> bool:
        """Whether a catalogue's document is not all that it wants: something is written down."""
        catalogue = self.operation.catalogue
        return self.claims is not None and catalogue is not None and any(self.ids[name] for name in catalogue.noting)

    @property
    def short(self) -> bool:
        """Whether it only reads, and little."""
        catalogue = self.operation.catalogue
        if catalogue is None:
            return self.operation.short
        return not self.notes and not catalogue.long(self.scope["query_string"])

    def call(self, shop: Shop, actor: Actor) -> Call:
        """What its handler is given."""
        query = self.scope["query_string"].decode("utf-8", "replace")
        return Call(shop, actor, self.claims, self.scope[CLIENT].network, self.scope[PREFIX], query, self.headers)

    def let_through(self, shop: Shop) -> Call:
        """What its handler is given, once the store knows the caller and lets them.

        Raises:
            Unauthenticated, Forbidden: it does not.
        """
        actor = sessions.authenticate(shop, self.claims)
        self.operation.access.require(actor, self.ids)
        return self.call(shop, actor)


@attrs.frozen
class Dispatcher:
    """Answers requests: a shop, threads for its work, a few more for work that hashes passwords, and the documents of
    its catalogue. `statements` is how many its store was asked by the thread that it is called in.
    """

    shop: Shop
    workers: Workers
    hashers: Workers
    limiter: Limiter
    statements: Callable[[], int]
    documents: Documents

    async def answer(self, operation: Operation, request: Request[Any, Any, Any]) -> ASGIResponse:
        """The answer to a request for an operation.

        Raises:
            SellOutError, Refused: whatever stands against it.
        """
        scope: Any = request.scope
        entry: Entry = scope[ENTRY]
        entry.route = operation.path
        ids = path_ids(operation, request.path_params)
        token = bearer_token(tuple(scope["headers"]))
        claims = None if token is None else sessions.read_token(self.shop, token, "access")
        if claims is not None:
            entry.user_id = claims.user_id
        if claims is None and operation.access is not Access.ANON:
            raise Unauthenticated
        content = b"" if operation.body is None else await request.body()
        asked = Asked(operation, ids, claims, content, scope)
        status, headers, body = await self._run(asked, entry)
        personal = claims is not None or operation.access is not Access.ANON or operation.method != "GET"
        return JsonResponse(status, {**({"cache-control": "no-store"} if personal else {}), **headers}, body)

    async def _run(self, asked: Asked, entry: Entry) -> Answer:
        work = self._carry_out if asked.operation.method != "GET" or asked.notes else self._read
        if asked.operation.catalogue is not None and self.documents.enabled:
            work = self._show

        def counted() -> Answer:
            before = self.statements()
            try:
                return work(asked)
            finally:
                entry.statements = self.statements() - before

        if asked.operation.hashes_passwords:
            return await self.hashers.run(counted)
        if asked.short and self.shop.store.reads_never_wait:
            # Handing a short read to a thread takes longer than the read.
            return counted()
        return await self.workers.run(counted)

    def _carry_out(self, asked: Asked) -> Answer:
        call = asked.let_through(self.shop)
        arguments: dict[str, Any] = dict(asked.ids)
        if asked.operation.body is not None:
            types, codings = header(asked.headers, "content-type"), header(asked.headers, "content-encoding")
            arguments["body"] = read_body(asked.operation.body, asked.content, types, codings)
        with self.limiter.held_to(asked.operation.limits, call, arguments):
            return _encoded(asked.operation, asked.operation.handler(call, **arguments))

    def _read(self, asked: Asked) -> Answer:
        def work(tx: Transaction) -> Answer:
            store: Any = _Within(tx)
            call = asked.let_through(attrs.evolve(self.shop, store=store))
            return _encoded(asked.operation, asked.operation.handler(call, **asked.ids))

        return self.shop.store.read(work)

    def _show(self, asked: Asked) -> Answer:
        """A catalogue's document: the kept one, with what is the reader's own put into it."""
        catalogue = asked.operation.catalogue
        if catalogue is None or asked.claims is None:
            shown = self._document(asked)
            if shown.matches(header(asked.headers, "if-none-match")):
                return 304, shown.public_headers, b""
            return 200, shown.public_headers, shown.body
        document = self.documents.find(key_of(asked.scope), self._version())
        if document is None or asked.notes:
            # Whoever may not come in is told so first, whether there is such a document or not.
            call = asked.let_through(self.shop)
            document = document or self._document(asked)
            if asked.notes:
                return self._shown(document, catalogue, call, asked)
        found = document

        def work(tx: Transaction) -> Answer:
            store: Any = _Within(tx)
            return self._shown(found, catalogue, asked.let_through(attrs.evolve(self.shop, store=store)), asked)

        return self.shop.store.read(work)

    @staticmethod
    def _shown(document: Document, catalogue: Catalogue, call: Call, asked: Asked) -> Answer:
        wished = catalogue.wished(call, **asked.ids) if catalogue.wished else ()
        return 200, document.headers, document.for_reader(wished)

    def _version(self) -> int:
        version = self.shop.store.recent_catalogue_version()
        return self.shop.store.catalogue_version() if version is None else version

    def _document(self, asked: Asked) -> Document:
        """What nobody in particular would read."""
        # The version is read before the document is, so that this is never taken for a later state than it shows.
        key, version = key_of(asked.scope), self._version()
        kept = self.documents.find(key, version)
        if kept is not None:
            return kept
        ids = {name: 0 if name == "user_id" else number for name, number in asked.ids.items()}
        result = asked.operation.handler(asked.call(self.shop, ANONYMOUS), **ids)
        _, headers, body = _encoded(asked.operation, result)
        shown = result.document if isinstance(result, Reply) else result
        catalogue = asked.operation.catalogue or Catalogue()
        document = Document(asked.operation.path, body, catalogue.cards(shown), headers)
        self.documents.keep(key, version, document)
        return document

    def close(self) -> None:
        """Ends the threads, once they have done the work in hand."""
        self.workers.close()
        self.hashers.close()


def _encoded(operation: Operation, result: Any) -> Answer:
    reply = result if isinstance(result, Reply) else Reply(result, operation.statuses[0])
    return reply.status, reply.headers, _encode(reply.document)


def header(headers: tuple[tuple[bytes, bytes], ...], name: str) -> list[str]:
    """The values of a header, as often as it stands among raw ones; `name` in lower case."""
    wanted = name.encode()
    return [value.decode("latin-1") for key, value in headers if key.lower() == wanted]


def bearer_token(headers: tuple[tuple[bytes, bytes], ...]) -> str | None:
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
