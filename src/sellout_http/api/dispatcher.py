"""From a routed request to its operation's response."""

from typing import Any, Final

import attrs
from litestar import Request
from litestar.response.base import ASGIResponse

from sellout_core.accounts import Actor
from sellout_core.ports.store import Store, Transaction
from sellout_core.shop import Shop
from sellout_http.api.operations import Operation, Reply
from sellout_http.api.pagination import send_all
from sellout_http.api.query_parameters import LIMIT
from sellout_http.api.rate_limits import Limiter
from sellout_http.api.request_context import JsonResponse, RequestContext
from sellout_http.runtime.asgi import header_values
from sellout_http.runtime.executor import Executor, Workload
from sellout_http.runtime.streaming import ListStreams, SendPiece
from sellout_http.schemas.json_body import read_body

_SMALL_BODY: Final = 4096
"""How many bytes of a body the event loop parses at most: the slowest to parse take a millisecond for some hundreds."""


@attrs.frozen
class Dispatcher:
    """Answers requests of a shop, those for cached catalogue documents apart."""

    shop: Shop
    executor: Executor
    limiter: Limiter
    streams: ListStreams

    async def answer(self, operation: Operation, request: Request[Any, Any, Any]) -> ASGIResponse:
        """The response to a request for an operation.

        Raises:
            SellOutError, Refused, TooManyRequests: the request is refused.
        """
        scope: Any = request.scope
        context = RequestContext.of(self.shop, operation, scope)
        if operation.method != "GET":
            return await self._write(context, await request.body() if operation.body is not None else b"")
        if operation.is_list and LIMIT.name not in context.query:
            return self._stream(context)
        return await self._read(context)

    async def _read(self, context: RequestContext) -> JsonResponse:
        def work(tx: Transaction) -> Reply[Any]:
            shop = self.shop.within(tx)
            return context.call_handler(context.for_handler(shop, context.authorize(shop)))

        return context.response(await self.executor.read(work, context.operation.workload, context.log_entry))

    def _stream(self, context: RequestContext) -> ASGIResponse:
        def work(tx: Transaction, send_piece: SendPiece) -> None:
            shop = self.shop.within(tx)
            given = context.for_handler(shop, context.authorize(shop))
            send_all(context.operation.handler(given, **context.ids), given.query, send_piece)

        return self.streams.response(work, context.privacy_headers)

    async def _write(self, context: RequestContext, content: bytes) -> JsonResponse:
        operation, entry = context.operation, context.log_entry
        if context.claims is None:
            actor = context.authorize(self.shop)
        else:
            # A short read of its own keeps the transaction that writes short.
            actor = await self.executor.read(
                lambda tx: context.authorize(self.shop.within(tx)), Workload.SHORT_READ, entry
            )
        workload = operation.workload
        if workload is Workload.WRITE and (len(content) > _SMALL_BODY or self.limiter.waits(operation.limits)):
            workload = Workload.SLOW_WRITE
        return await self.executor.write(lambda store: self._carry_out(store, context, actor, content), workload, entry)

    def _carry_out(self, store: Store, context: RequestContext, actor: Actor, content: bytes) -> JsonResponse:
        operation = context.operation
        given = context.for_handler(attrs.evolve(self.shop, store=store), actor)
        body: dict[str, Any] = {}
        if operation.body is not None:
            headers = context.scope["headers"]
            types, codings = header_values(headers, "content-type"), header_values(headers, "content-encoding")
            body["body"] = read_body(operation.body, content, types, codings)
        with self.limiter.counted(operation.limits, given, {**context.ids, **body}):
            reply = context.call_handler(given, **body)
        return context.response(reply)
