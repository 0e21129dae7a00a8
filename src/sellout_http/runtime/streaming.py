"""Streams a long list from a thread to the client. The thread reads in one transaction, encodes a batch, and continues
when the client has taken it. So memory holds one batch, and the client gets one state of the shop.
"""

import asyncio
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import CancelledError, Future
from contextlib import suppress
from time import monotonic
from typing import Any, Final

from litestar.response.base import ASGIResponse

from sellout_core.errors import Unavailable
from sellout_core.ports.store import Transaction
from sellout_http.runtime import outage_log
from sellout_http.runtime.asgi import LOG_ENTRY, WITHOUT_BODY, Receive, Scope, Send
from sellout_http.runtime.executor import Executor, Workload
from sellout_http.runtime.logging import fields, log
from sellout_http.runtime.served_store import ServedStore

SendPiece = Callable[[bytes], None]
"""Sends the next piece of a body, and returns when the client has taken it."""

ListWork = Callable[[Transaction, SendPiece], None]
"""Reads a list in a transaction and sends all of its JSON array but the closing bracket."""

MAX_SECONDS: Final = 900.0
"""How many seconds a whole list may take."""


class ListStreams:
    """The lists that are being streamed.

    Args:
        store: The store that the lists are read from.
        executor: Runs their work.
        seconds: How long a client may take for a piece.
    """

    def __init__(self, store: ServedStore, executor: Executor, seconds: float) -> None:
        self._store = store
        self._executor = executor
        self._seconds = seconds
        self._streams: set[_ListStream] = set()

    def response(self, work: ListWork, headers: Mapping[str, str]) -> ASGIResponse:
        """A response with the list that `work` reads in a thread. It starts with the first piece: an error before that
        is raised by the response; a later one breaks the connection, so that no client takes a part for the whole.
        """
        return _ListResponse(self, work, headers)

    def stop(self) -> None:
        """Breaks off all lists."""
        for stream in tuple(self._streams):
            stream.stop()

    async def answer(
        self, work: ListWork, headers: Mapping[str, str], scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Answers one request.

        Raises:
            Exception: the work failed before its first piece was sent.
        """
        stream = _ListStream(send, headers, self._seconds, without_body=WITHOUT_BODY in scope)
        self._streams.add(stream)
        working = asyncio.ensure_future(
            self._executor.run(
                lambda: stream.run(lambda send_piece: self._store.read(lambda tx: work(tx, send_piece))),
                Workload.LIST,
                scope[LOG_ENTRY],
            )
        )
        leaving = asyncio.ensure_future(_client_left(receive))
        try:
            await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if not working.done():
                stream.stop()
                if not stream.begun:
                    working.cancel()
                # A thread that has begun notices soon, and only then is the number of its statements known.
                await asyncio.wait({working})
            error = _Stopped() if working.cancelled() else working.exception()
            if error is None:
                # The end is sent last, when everything that the request's log line says is known.
                error = await stream.finish()
        finally:
            self._streams.discard(stream)
            stream.stop()
            leaving.cancel()
            working.cancel()
        if isinstance(error, _Stopped):
            # The client has left, unless its body could not be received.
            error = leaving.exception() if leaving.done() else None
        if error is not None and not stream.started:
            raise Unavailable if isinstance(error, _TooSlow) else error
        _report(error, scope)


class _ListResponse(ASGIResponse):
    def __init__(self, streams: ListStreams, work: ListWork, headers: Mapping[str, str]) -> None:
        self._streams = streams
        self._work = work
        self._list_headers = headers

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self._streams.answer(self._work, self._list_headers, scope, receive, send)


class _Stopped(Exception):
    """The stream was stopped: the client left or the server shuts down."""


class _FirstPieceSent(Exception):
    """The client wants the headers alone, and they have been sent."""


class _TooSlow(Exception):
    """The client took too long."""


class _ListStream:
    """The pieces of one body on their way from a thread to the client, one at a time."""

    def __init__(self, send: Send, headers: Mapping[str, str], seconds: float, *, without_body: bool) -> None:
        self._send = send
        self._headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
        self._seconds = seconds
        self._without_body = without_body
        self._loop = asyncio.get_running_loop()
        self._lock = threading.Lock()
        self._stopped = False
        self._sending: Future[None] | None = None
        self._begun_at = 0.0
        self.begun = False
        self.started = False

    def run(self, work: Callable[[SendPiece], None]) -> None:
        """Runs the work in the calling thread and sends its pieces.

        Raises:
            _Stopped: the stream was stopped.
            _TooSlow: the client did not take a piece in time.
        """
        self.begun = True
        self._begun_at = monotonic()
        with suppress(_FirstPieceSent):
            work(self._send_piece)

    async def finish(self) -> "_TooSlow | None":
        """Sends the end of the array, and returns an error if the client did not take it in time."""
        try:
            async with asyncio.timeout(self._seconds):
                await self._pass_on(b"]", more=False)
        except TimeoutError:
            return _TooSlow()
        return None

    def stop(self) -> None:
        """Sends nothing more. A thread that waits for the client is woken, even after the event loop has ended."""
        with self._lock:
            self._stopped = True
            if self._sending is not None:
                self._sending.cancel()

    def _send_piece(self, piece: bytes) -> None:
        seconds = min(self._seconds, self._begun_at + MAX_SECONDS - monotonic())
        if seconds <= 0:
            self.stop()
            raise _TooSlow
        with self._lock:
            if self._stopped:
                raise _Stopped
            self._sending = asyncio.run_coroutine_threadsafe(self._pass_on(piece, more=True), self._loop)
        try:
            self._sending.result(seconds)
        except CancelledError:
            raise _Stopped from None
        except TimeoutError:
            self.stop()
            raise _TooSlow from None
        if self._without_body:
            raise _FirstPieceSent

    async def _pass_on(self, piece: bytes, *, more: bool) -> None:
        if not self.started:
            self.started = True
            headers = [(b"content-type", b"application/json"), *self._headers]
            await self._send({"type": "http.response.start", "status": 200, "headers": headers})
        await self._send({"type": "http.response.body", "body": piece, "more_body": more})


async def _client_left(receive: Receive) -> None:
    """Returns when the client has closed the connection."""
    while (await receive())["type"] != "http.disconnect":
        pass


def _report(error: BaseException | None, scope: Scope) -> None:
    """Logs why a list was broken off, unless its client left."""
    match error:
        case None:
            pass
        case _TooSlow():
            log.warning("too slow", **fields(scope))
        case Unavailable():
            outage_log.OUTAGES.note(error, scope, is_in_request_line=False)
        case _:
            log.error("failed", exc_info=error, **fields(scope))
