"""Streams a long list from a thread to the client.

The thread reads in one transaction. It encodes a batch, sends it, and continues when the client has received it. So
memory holds one batch, and the client gets one state of the shop.
"""

import asyncio
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import CancelledError, Future
from contextlib import suppress
from typing import Any

from litestar.response.base import ASGIResponse

from sellout_core.errors import Unavailable
from sellout_core.ports.store import Transaction
from sellout_http.runtime import outage_log
from sellout_http.runtime.asgi import LOG_ENTRY, WITHOUT_BODY, Receive, Scope, Send
from sellout_http.runtime.executor import Executor, Workload, client_left
from sellout_http.runtime.logging import fields, log
from sellout_http.runtime.served_store import ServedStore

SendChunk = Callable[[bytes], None]
"""Sends the next chunk of a body, and returns when the client has received it."""

ListWork = Callable[[Transaction, SendChunk], None]
"""Reads a list in a transaction and sends its JSON array without the closing bracket."""


class ListStreams:
    """The lists that are being streamed.

    Args:
        store: The store of the lists.
        executor: Runs their work.
        seconds: The maximum time that a client takes for a chunk.
    """

    def __init__(self, store: ServedStore, executor: Executor, seconds: float) -> None:
        self._store = store
        self._executor = executor
        self._seconds = seconds
        self._streams: set[_ListStream] = set()

    def response(self, work: ListWork, headers: Mapping[str, str], end: bytes = b"]") -> ASGIResponse:
        """A response with the list that `work` reads in a thread, and the end of its document. An error before the
        first chunk is raised by the response. A later error breaks the connection, so that the client notices that the
        list is incomplete.
        """
        return _ListResponse(self, work, headers, end)

    def stop(self) -> None:
        """Cancels all lists."""
        for stream in tuple(self._streams):
            stream.stop()

    async def answer(
        self, work: ListWork, headers: Mapping[str, str], end: bytes, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Answers one request.

        Raises:
            Exception: the work failed before its first chunk was sent.
        """
        stream = _ListStream(send, headers, self._seconds, without_body=WITHOUT_BODY in scope)
        self._streams.add(stream)
        working = asyncio.ensure_future(
            self._executor.run(
                lambda: stream.run(lambda send_chunk: self._store.read(lambda tx: work(tx, send_chunk))),
                Workload.LIST,
                scope[LOG_ENTRY],
            )
        )
        leaving = asyncio.ensure_future(client_left(receive))
        try:
            await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if not working.done():
                stream.stop()
                if not stream.begun:
                    working.cancel()
                # A running thread ends soon, and only then is the number of its statements known.
                await asyncio.wait({working})
            error = _Stopped() if working.cancelled() else working.exception()
            if error is None:
                # The end is sent last, when all values of the request's log line are known.
                error = await stream.finish(end)
        finally:
            self._streams.discard(stream)
            stream.stop()
            leaving.cancel()
            working.cancel()
        if isinstance(error, _Stopped):
            # The client has disconnected, or receiving the rest of its body failed.
            error = leaving.exception() if leaving.done() else None
        if error is not None and not stream.started:
            raise Unavailable if isinstance(error, _TooSlow) else error
        _report(error, scope)


class _ListResponse(ASGIResponse):
    def __init__(self, streams: ListStreams, work: ListWork, headers: Mapping[str, str], end: bytes) -> None:
        self._streams = streams
        self._work = work
        self._list_headers = headers
        self._end = end

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self._streams.answer(self._work, self._list_headers, self._end, scope, receive, send)


class _Stopped(Exception):
    """The stream was stopped: the client has disconnected or the server shuts down."""


class _HeadersSent(Exception):
    """The headers have been sent, and the request is a HEAD."""


class _TooSlow(Exception):
    """The client did not receive a chunk in time."""


class _ListStream:
    """Sends the chunks of one body from a thread, one at a time."""

    def __init__(self, send: Send, headers: Mapping[str, str], seconds: float, *, without_body: bool) -> None:
        self._send = send
        self._headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
        self._seconds = seconds
        self._without_body = without_body
        self._loop = asyncio.get_running_loop()
        self._lock = threading.Lock()
        self._stopped = False
        self._sending: Future[None] | None = None
        self.begun = False
        self.started = False

    def run(self, work: Callable[[SendChunk], None]) -> None:
        """Runs the work in the calling thread and sends its chunks.

        Raises:
            _Stopped: the stream was stopped.
            _TooSlow: the client did not receive a chunk in time.
        """
        self.begun = True
        with suppress(_HeadersSent):
            work(self._send_chunk)

    async def finish(self, end: bytes) -> "_TooSlow | None":
        """Sends the end of the document. Returns an error if the client did not receive it in time."""
        try:
            async with asyncio.timeout(self._seconds):
                await self._send_body(end, more=False)
        except TimeoutError:
            return _TooSlow()
        return None

    def stop(self) -> None:
        """Stops sending. Wakes a thread that waits for the client, also after the event loop has ended."""
        with self._lock:
            self._stopped = True
            if self._sending is not None:
                self._sending.cancel()

    def _send_chunk(self, chunk: bytes) -> None:
        with self._lock:
            if self._stopped:
                raise _Stopped
            self._sending = asyncio.run_coroutine_threadsafe(self._send_body(chunk, more=True), self._loop)
        try:
            self._sending.result(self._seconds)
        except CancelledError:
            raise _Stopped from None
        except TimeoutError:
            self.stop()
            raise _TooSlow from None
        if self._without_body:
            raise _HeadersSent

    async def _send_body(self, chunk: bytes, *, more: bool) -> None:
        if not self.started:
            self.started = True
            headers = [(b"content-type", b"application/json"), *self._headers]
            await self._send({"type": "http.response.start", "status": 200, "headers": headers})
        await self._send({"type": "http.response.body", "body": chunk, "more_body": more})


def _report(error: BaseException | None, scope: Scope) -> None:
    """Logs the error of an incomplete list, unless its client has disconnected."""
    match error:
        case None:
            pass
        case _TooSlow():
            log.warning("too slow", **fields(scope))
        case Unavailable():
            outage_log.OUTAGES.note(error, scope, is_in_request_line=False)
        case _:
            log.error("failed", exc_info=error, **fields(scope))
