"""Streams a long list from a thread to the client: the thread reads in one transaction, encodes a batch, and goes on
when the client has taken it. So memory holds one batch, and the client gets one state of the shop.
"""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import CancelledError, Future
from contextlib import suppress
from time import monotonic
from typing import Any, Final

from litestar.response.base import ASGIResponse

from sellout_core.errors import Unavailable
from sellout_http.runtime import outage_log
from sellout_http.runtime.asgi import BODILESS, Receive, Scope, Send
from sellout_http.runtime.logging import fields, log

Give = Callable[[bytes], None]
"""Takes the next piece of a body."""

WAITING: Final = 8
"""How many lists wait for a thread before the next one is told to come back."""

LONGEST: Final = 900.0
"""How many seconds all of a list may take."""


class Lists:
    """The lists that are streamed now.

    Args:
        run: Runs work in a thread of those that there are for lists.
        seconds: How long a client may take for a piece.
    """

    def __init__(self, run: Callable[[Callable[[], None]], Awaitable[None]], seconds: float) -> None:
        self._run = run
        self._seconds = seconds
        self._under_way: set[_Handover] = set()

    def response(self, work: Callable[[Give], None], headers: Mapping[str, str]) -> ASGIResponse:
        """A response of what `work` gives away, from a thread. It begins with the first piece: what `work` raises
        before, the response raises; what it raises later breaks the connection, so that nobody takes the half for all.
        """
        return _Streamed(self._answer, work, headers)

    def stop(self) -> None:
        """Breaks all of them off."""
        for handover in tuple(self._under_way):
            handover.stop()

    async def _answer(
        self, work: Callable[[Give], None], headers: Mapping[str, str], scope: Scope, receive: Receive, send: Send
    ) -> None:
        handover = _Handover(send, headers, self._seconds, bodiless=BODILESS in scope)
        self._under_way.add(handover)
        working = asyncio.ensure_future(self._run(lambda: handover.give_all_of(work)))
        leaving = asyncio.ensure_future(_left(receive))
        try:
            await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if not working.done():
                handover.stop()
                if not handover.begun:
                    working.cancel()
                # A thread that has begun soon notices, and knows then what it asked of the store.
                await asyncio.wait({working})
            error = _Stopped() if working.cancelled() else working.exception()
            if error is None:
                # The end comes last, when all is known that the request's line says.
                error = await handover.ended()
        finally:
            self._under_way.discard(handover)
            handover.stop()
            leaving.cancel()
            working.cancel()
        if isinstance(error, _Stopped):
            # Nobody is there to be told anything, unless the request's own body was at fault.
            error = leaving.exception() if leaving.done() else None
        if error is not None and not handover.started:
            raise Unavailable if isinstance(error, _TooSlow) else error
        _report(error, scope)


class _Streamed(ASGIResponse):
    def __init__(self, answer: Callable[..., Awaitable[None]], work: Callable[[Give], None], headers: Any) -> None:
        self._answer = answer
        self._arguments = work, headers

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self._answer(*self._arguments, scope, receive, send)


class _Stopped(Exception):
    """Nobody wants the rest."""


class _Enough(Exception):
    """The first piece has shown that there is an answer, and more than that is not asked."""


class _TooSlow(Exception):
    """The client took too long."""


class _Handover:
    """Pieces of a body on their way from a thread to the client, one at a time."""

    def __init__(self, send: Send, headers: Mapping[str, str], seconds: float, *, bodiless: bool) -> None:
        self._send = send
        self._headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
        self._seconds = seconds
        self._bodiless = bodiless
        self._loop = asyncio.get_running_loop()
        self._lock = threading.Lock()
        self._stopped = False
        self._sending: Future[None] | None = None
        self._begun_at = 0.0
        self.begun = False
        self.started = False

    def give_all_of(self, work: Callable[[Give], None]) -> None:
        """Passes on what `work` gives, from the thread.

        Raises:
            _Stopped: nobody wants the rest.
            _TooSlow: the client did not take it in time.
        """
        self.begun = True
        self._begun_at = monotonic()
        with suppress(_Enough):
            work(self._give)

    async def ended(self) -> "_TooSlow | None":
        """Passes on the end of the array, and says whether the client did not take it in time."""
        try:
            async with asyncio.timeout(self._seconds):
                await self._pass_on(b"]", more=False)
        except TimeoutError:
            return _TooSlow()
        return None

    def stop(self) -> None:
        """Lets no more through. Whoever waits is told at once, even if the event loop does not run any more."""
        with self._lock:
            self._stopped = True
            if self._sending is not None:
                self._sending.cancel()

    def _give(self, piece: bytes) -> None:
        with self._lock:
            if self._stopped:
                raise _Stopped
            self._sending = asyncio.run_coroutine_threadsafe(self._pass_on(piece, more=True), self._loop)
        try:
            self._sending.result(max(0.0, min(self._seconds, self._begun_at + LONGEST - monotonic())))
        except CancelledError:
            raise _Stopped from None
        except TimeoutError:
            self.stop()
            raise _TooSlow from None
        if self._bodiless:
            raise _Enough

    async def _pass_on(self, piece: bytes, *, more: bool) -> None:
        if not self.started:
            self.started = True
            headers = [(b"content-type", b"application/json"), *self._headers]
            await self._send({"type": "http.response.start", "status": 200, "headers": headers})
        await self._send({"type": "http.response.body", "body": piece, "more_body": more})


async def _left(receive: Receive) -> None:
    """Returns when the client has gone away."""
    while (await receive())["type"] != "http.disconnect":
        pass


def _report(error: BaseException | None, scope: Scope) -> None:
    """Notes why a list was broken off, unless its client went away."""
    match error:
        case None:
            pass
        case _TooSlow():
            log.warning("too slow", **fields(scope))
        case Unavailable():
            outage_log.OUTAGES.note(error, scope, is_in_request_line=False)
        case _:
            log.error("failed", exc_info=error, **fields(scope))
