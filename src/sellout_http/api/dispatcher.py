"""Answers routed requests: checks rights, reads the body, counts attempts, calls the handler, encodes the result."""

import hashlib
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final, cast

import attrs
import msgspec
from cachetools import TTLCache
from litestar import Request
from litestar.response.base import ASGIResponse

from sellout_core.errors import Unavailable
from sellout_core.people.accounts import User
from sellout_core.ports.store import Store, Transaction
from sellout_core.shop import Shop
from sellout_core.use_cases.idempotency import answer_once
from sellout_http.api.handler_context import HandlerContext, ReadContext, WriteContext
from sellout_http.api.operations import Access, Operation, Reply
from sellout_http.api.pagination import send_all, send_document, whole_if_short
from sellout_http.api.queries.query_parameters import LIMIT
from sellout_http.api.rate_limits import Counted, Limiter
from sellout_http.api.request_context import JsonResponse, RequestContext
from sellout_http.live_events import LiveEvents, LiveStream
from sellout_http.runtime.asgi import header_values
from sellout_http.runtime.executor import Executor, ReadTooLong, Workload
from sellout_http.runtime.streaming import ListStreams, SendChunk
from sellout_http.runtime.threads import ClientBusy
from sellout_http.schemas.json_body import read_body
from sellout_http.schemas.uploads import Upload

_SMALL_BODY: Final = 4096
"""The maximum length of a body that the event loop reads, in bytes."""

_MAX_LONG_READS: Final = 1024
_LONG_READ_SECONDS: Final = 60
"""How long a read that was too long for the event loop runs in a thread without another attempt on the loop."""

_decode_reply: Final = msgspec.json.Decoder(Reply[msgspec.Raw]).decode

_Attempt = tuple[Mapping[str, Any], Sequence[Counted]]
"""The handler's argument `body`, if there is one, and the counts of the attempt."""


@attrs.frozen
class Dispatcher:
    """Answers requests for all operations without a `catalogue`."""

    shop: Shop
    executor: Executor
    limiter: Limiter
    streams: ListStreams
    live: LiveEvents
    _long_reads: TTLCache[Any, bool] = attrs.field(
        factory=lambda: TTLCache(_MAX_LONG_READS, _LONG_READ_SECONDS), init=False
    )

    async def answer(self, operation: Operation, request: Request[Any, Any, Any]) -> ASGIResponse:
        """The response to a request for an operation.

        Raises:
            SellOutError, Refused, TooManyRequests: the request is refused.
        """
        scope: Any = request.scope
        context = RequestContext.of(self.shop, operation, scope)
        if operation.upload is not None:
            return await self._upload(context, operation.upload, request)
        if operation.method != "GET":
            return await self._write(context, request)
        if operation.is_long:
            return self._stream_document(context, await self._authorize(context))
        return await self._list(context) if operation.is_list else await self._read(context)

    async def _read(self, context: RequestContext) -> ASGIResponse:
        def work(tx: Transaction) -> Reply[Any]:
            return context.call_handler(context.authorize(self.shop.within(tx)))

        key = context.operation.path, *context.ids.values()
        if context.operation.workload is Workload.LONG_READ:
            # A caller without the rights takes no place of a long read.
            await self._authorize(context)
        elif key not in self._long_reads:
            try:
                reply = await self.executor.read(work, context.log_entry)
                return self._respond(context, reply)
            except ReadTooLong:
                self._long_reads[key] = True
        return await self.executor.run(
            lambda: self._respond(context, self.shop.store.read(work)), Workload.LONG_READ, context.log_entry
        )

    def _respond(self, context: RequestContext, reply: Reply[Any]) -> ASGIResponse:
        """The response to a read: a document, or a stream."""
        if isinstance(reply.document, LiveStream):
            return self.live.response(reply.document, {**context.privacy_headers, **reply.headers})
        return context.response(reply)

    async def _list(self, context: RequestContext) -> ASGIResponse:
        operation = context.operation
        known = None if operation.access is Access.USER else await self._authorize(context)
        if known is not None and LIMIT.name not in known.query:
            return self._stream(context, known)

        def read(tx: Transaction) -> tuple[ReadContext, Reply[Any] | None]:
            shop = self.shop.within(tx)
            given = context.authorize(shop) if known is None else attrs.evolve(known, shop=shop)
            if LIMIT.name in given.query:
                return given, context.call_handler(given)
            # Most lists of one user are short. Those need none of the few threads that stream lists.
            with context.span():
                return given, whole_if_short(operation.handler(given, **context.ids), given.query)

        def answer() -> ASGIResponse:
            given, reply = self.shop.store.read(read)
            return self._stream(context, given) if reply is None else context.response(reply)

        return await self.executor.run(answer, operation.workload, context.log_entry)

    async def _authorize(self, context: RequestContext) -> ReadContext:
        """Checks the caller's rights in a transaction of its own, before work that takes longer: receiving a body,
        waiting for a thread, writing. The shop of the result must not be used.
        """
        if context.claims is None:
            return context.authorize(self.shop)
        return await self.executor.read(lambda tx: context.authorize(self.shop.within(tx)), context.log_entry)

    def _stream(self, context: RequestContext, given: ReadContext) -> ASGIResponse:
        def work(tx: Transaction, send_chunk: SendChunk) -> None:
            within = attrs.evolve(given, shop=self.shop.within(tx))
            with context.span():
                send_all(context.operation.handler(within, **context.ids), given.query, send_chunk)

        return self.streams.response(work, context.privacy_headers)

    def _stream_document(self, context: RequestContext, given: ReadContext) -> ASGIResponse:
        def work(tx: Transaction, send_chunk: SendChunk) -> None:
            within = attrs.evolve(given, shop=self.shop.within(tx))
            with context.span():
                send_document(context.operation.handler(within, **context.ids), send_chunk)

        return self.streams.response(work, context.privacy_headers, b"]}")

    async def _write(self, context: RequestContext, request: Request[Any, Any, Any]) -> JsonResponse:
        operation, entry = context.operation, context.log_entry
        given = cast(WriteContext, attrs.evolve(await self._authorize(context), shop=self.shop))
        content = await request.body() if operation.body is not None else b""
        if operation.workload is Workload.HASH:
            return await self._hash(given, context, await self._count(given, context, content))

        def work(store: Store) -> JsonResponse:
            over = attrs.evolve(given, shop=attrs.evolve(self.shop, store=store))
            return self._carry_out(over, context, self._admit(over, context, content))

        calls_provider = operation.workload is Workload.PROVIDER
        if calls_provider or self.limiter.waits(operation.limits) or len(content) > _SMALL_BODY:
            workload = Workload.PROVIDER if calls_provider else Workload.WRITE
            return await self.executor.run(partial(work, self.shop.store), workload, entry)
        return await self.executor.write(work, entry)

    async def _upload(self, context: RequestContext, upload: Upload, request: Request[Any, Any, Any]) -> JsonResponse:
        """Checks the caller's rights and the object's existence, then the file."""
        entry = context.log_entry

        def check(tx: Transaction) -> HandlerContext[Any]:
            allowed = context.authorize(self.shop.within(tx))
            upload.check(allowed, **context.ids)
            return allowed

        given: WriteContext = attrs.evolve(await self.executor.read(check, entry), shop=self.shop)
        headers = context.scope["headers"]
        types, codings = header_values(headers, "content-type"), header_values(headers, "content-encoding")
        media_type = upload.media_type(types, codings)
        content = await request.body()

        def work() -> JsonResponse:
            body = upload.store(given, content, media_type, **context.ids)
            return self._carry_out(given, context, ({"body": body}, ()))

        workload = Workload.UPLOAD if context.operation.workload is Workload.WRITE else context.operation.workload
        return await self.executor.run(work, workload, entry)

    async def _count(self, given: WriteContext, context: RequestContext, content: bytes) -> _Attempt:
        """Counts an attempt before it waits for a thread that hashes. An attempt far over its limit is refused on the
        event loop, unless its body is large.
        """
        limits, entry = context.operation.limits, context.log_entry
        if len(content) > _SMALL_BODY:
            return await self.executor.run(lambda: self._admit(given, context, content), Workload.WRITE, entry)
        body = _body(context, content)
        sent = {**context.ids, **body}
        self.limiter.refuse_known(limits, given, sent)
        return await self.executor.run(lambda: (body, self.limiter.count(limits, given, sent)), Workload.WRITE, entry)

    async def _hash(self, given: WriteContext, context: RequestContext, attempt: _Attempt) -> JsonResponse:
        begun = False

        def work() -> JsonResponse:
            nonlocal begun
            begun = True
            return self._carry_out(given, context, attempt)

        try:
            return await self.executor.run(work, Workload.HASH, context.log_entry)
        except (ClientBusy, Unavailable):
            if not begun:
                await self.executor.run(
                    lambda: self.limiter.take_back(attempt[1], given), Workload.WRITE, context.log_entry
                )
            raise

    def _admit(self, given: WriteContext, context: RequestContext, content: bytes) -> _Attempt:
        """Reads the body and counts the attempt."""
        body = _body(context, content)
        return body, self.limiter.count(context.operation.limits, given, {**context.ids, **body})

    def _carry_out(self, given: WriteContext, context: RequestContext, attempt: _Attempt) -> JsonResponse:
        body, counted = attempt
        with self.limiter.settled(counted, given):
            key = given.idempotency_key if context.operation.repeatable else None
            reply = context.call_handler(given, **body) if key is None else _once(given, context, key, body)
        return context.response(reply)


def _body(context: RequestContext, content: bytes) -> Mapping[str, Any]:
    """The handler's argument `body`. Empty: the operation has no body."""
    if context.operation.body is None:
        return {}
    headers = context.scope["headers"]
    types, codings = header_values(headers, "content-type"), header_values(headers, "content-encoding")
    is_patch = context.operation.method == "PATCH"
    limits = context.operation.body_limits
    return {"body": read_body(context.operation.body, content, types, codings, is_patch=is_patch, limits=limits)}


def _once(given: WriteContext, context: RequestContext, key: str, body: Mapping[str, Any]) -> Reply[Any]:
    """The reply of the first request with an idempotency key."""
    described = msgspec.json.encode([context.operation.method, context.operation.path, context.ids, body])

    def work(tx: Transaction, _: User) -> bytes:
        reply = context.call_handler(attrs.evolve(given, shop=given.shop.inside(tx)), **body)
        return msgspec.json.encode(context.with_tag(reply))

    fingerprint = hashlib.sha256(described).hexdigest()
    about, sent = context.operation.about, {**context.ids, **body}
    about_user = None if about is None else lambda tx: about(tx, sent)
    return _decode_reply(answer_once(given.shop, given.user_id, key, fingerprint, work, about_user))
