"""From a request to its operation's answer."""

from collections.abc import Callable
from typing import Any, Final, Protocol

import attrs
from litestar import Request
from litestar.response.base import ASGIResponse

from sellout_core.accounts import ANONYMOUS
from sellout_core.ports.store import Transaction
from sellout_core.shop import Shop
from sellout_http.api.operations import Operation
from sellout_http.api.pagination import give_all
from sellout_http.api.rate_limits import Limiter
from sellout_http.api.request_context import Answer, Asked, Call, JsonResponse, header, path_ids, within
from sellout_http.runtime.executor import Hands
from sellout_http.runtime.logging import ENTRY, Entry
from sellout_http.runtime.streaming import Give, Lists
from sellout_http.schemas.json_body import read_body

_SMALL_BODY: Final = 4096
"""How many bytes are read on the event loop at most: those made up to be slow take a millisecond for some hundreds."""


class CatalogueResponder(Protocol):
    """Answers the operations whose documents are cached."""

    async def answer(self, asked: Asked, entry: Entry) -> Answer:
        """The answer to a request for an operation with a `catalogue`.

        Raises:
            SellOutError: the request is refused.
        """


@attrs.frozen
class Dispatcher:
    """Answers requests of a shop: `hands` does the work, `showing` the catalogue's documents, `lists` long lists."""

    shop: Shop
    hands: Hands
    limiter: Limiter
    showing: CatalogueResponder
    lists: Lists

    async def answer(self, operation: Operation, request: Request[Any, Any, Any]) -> ASGIResponse:
        """The answer to a request for an operation.

        Raises:
            SellOutError, Refused: whatever stands against it.
        """
        scope: Any = request.scope
        asked = Asked.of(self.shop, operation, path_ids(operation, request.path_params), scope)
        if operation.body is not None:
            asked = attrs.evolve(asked, content=await request.body())
        if asked.streamed:
            return self.lists.response(self._streaming(asked, scope[ENTRY]), asked.privacy)
        return JsonResponse(*await self.answered(asked, scope[ENTRY]))

    def _streaming(self, asked: Asked, entry: Entry) -> Callable[[Give], None]:
        """What reads a list, in the transaction in which its session was found."""

        def work(tx: Transaction, give: Give) -> None:
            call = asked.let_through(within(self.shop, tx))
            give_all(asked.operation.handler(call, **asked.ids), call.query, give)

        return lambda give: self.hands.counted(lambda: self.hands.store.read(lambda tx: work(tx, give)), entry)()

    async def answered(self, asked: Asked, entry: Entry) -> Answer:
        """The answer to what is neither streamed nor has a body that was not read.

        Raises:
            SellOutError, Refused: whatever stands against it.
        """
        operation = asked.operation
        if operation.catalogue is not None:
            return await self.showing.answer(asked, entry)
        if operation.method == "GET":
            status, headers, body = await self.hands.read(
                lambda tx: asked.carried_out(asked.let_through(within(self.shop, tx))), entry, short=operation.short
            )
        else:
            # Whoever writes has enough to do.
            actor = ANONYMOUS
            if asked.claims is None:
                asked.require_known_parameters()
            else:
                actor = await self.hands.read(lambda tx: asked.let_in(within(self.shop, tx)), entry, short=True)
            call = asked.call(self.shop, actor)
            if operation.hashes_passwords:
                answered = self.hands.run(lambda: self._carry_out(asked, call), entry, hashes=True)
            else:
                waits = len(asked.content) > _SMALL_BODY or self.limiter.waits(operation.limits)
                answered = self.hands.write(lambda: self._carry_out(asked, call), entry, waits=waits)
            status, headers, body = await answered
        return status, {**asked.privacy, **headers}, body

    def _carry_out(self, asked: Asked, call: Call) -> Answer:
        body: dict[str, Any] = {}
        if asked.operation.body is not None:
            types, codings = header(asked.headers, "content-type"), header(asked.headers, "content-encoding")
            body["body"] = read_body(asked.operation.body, asked.content, types, codings)
        with self.limiter.held_to(asked.operation.limits, call, {**asked.ids, **body}):
            return asked.carried_out(call, **body)
