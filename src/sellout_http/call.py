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
from sellout_core.accounts import Actor, Claims
from sellout_core.errors import NotFound, Unauthenticated, Unavailable
from sellout_core.shop import Shop
from sellout_core.use_cases import sessions
from sellout_core.values import UserId
from sellout_http.edge import PREFIX
from sellout_http.front import CLIENT
from sellout_http.limits import Limiter
from sellout_http.logs import ENTRY, Entry
from sellout_http.operations import Access, Operation, Reply
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


@attrs.frozen
class Dispatcher:
    """Answers requests: a shop, threads for its work, and a few more for work that hashes passwords. `statements` is
    how many its store was asked by the thread that it is called in.
    """

    shop: Shop
    workers: Workers
    hashers: Workers
    limiter: Limiter
    statements: Callable[[], int]

    async def answer(self, operation: Operation, request: Request[Any, Any, Any]) -> ASGIResponse:
        """The answer to a request for an operation.

        Raises:
            SellOutError, Refused: whatever stands against it.
        """
        scope: Any = request.scope
        entry: Entry = scope[ENTRY]
        entry.route = operation.path
        headers = tuple(scope["headers"])
        ids = path_ids(operation, request.path_params)
        token = bearer_token(headers)
        claims = None if token is None else sessions.read_token(self.shop, token, "access")
        if claims is not None:
            entry.user_id = claims.user_id
        if claims is None and operation.access is not Access.ANON:
            raise Unauthenticated
        content = b"" if operation.body is None else await request.body()

        def counted() -> tuple[int, Mapping[str, str], bytes]:
            before = self.statements()
            try:
                return work()
            finally:
                entry.statements = self.statements() - before

        def work() -> tuple[int, Mapping[str, str], bytes]:
            actor = sessions.authenticate(self.shop, claims)
            operation.access.require(actor, ids)
            arguments: dict[str, Any] = dict(ids)
            if operation.body is not None:
                types, codings = header(headers, "content-type"), header(headers, "content-encoding")
                arguments["body"] = read_body(operation.body, content, types, codings)
            query = scope["query_string"].decode("latin-1")
            call = Call(self.shop, actor, claims, scope[CLIENT].network, scope[PREFIX], query, headers)
            with self.limiter.held_to(operation.limits, call, arguments):
                result = operation.handler(call, **arguments)
            reply = result if isinstance(result, Reply) else Reply(result, operation.statuses[0])
            return reply.status, reply.headers, _encode(reply.document)

        workers = self.hashers if operation.hashes_passwords else self.workers
        status, more_headers, body = await workers.run(counted)
        personal = claims is not None or operation.access is not Access.ANON or operation.method != "GET"
        return ASGIResponse(
            body=body,
            status_code=status,
            media_type="application/json",
            headers={**({"cache-control": "no-store"} if personal else {}), **more_headers},
        )

    def close(self) -> None:
        """Ends the threads, once they have done the work in hand."""
        self.workers.close()
        self.hashers.close()


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
