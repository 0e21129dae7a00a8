"""Streams events of orders to their buyers as server-sent events (HTML, section 9.2).

A stream has no thread. One task reads the new events of all streams of the process once a second, with one statement.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

import attrs
from litestar.response.base import ASGIResponse

from sellout_core.errors import Unavailable
from sellout_core.events.event import Event, document_of, encoded
from sellout_core.people.accounts import OPERATOR
from sellout_core.shop import Shop
from sellout_core.use_cases.events.order_events import read_followed
from sellout_core.values import UserId
from sellout_http.runtime.asgi import CLIENT, WITHOUT_BODY, Receive, Scope, Send
from sellout_http.runtime.executor import Executor, Workload, client_left
from sellout_http.runtime.logging import RequestLogEntry, log
from sellout_http.runtime.threads import ClientBusy

__all__ = ["MEDIA_TYPE", "LiveEvents", "LiveStream", "live_events_of"]

MEDIA_TYPE: Final = "text/event-stream"

_POLL_SECONDS: Final = 1
_HEARTBEAT_SECONDS: Final = 15
_SEND_SECONDS: Final = 30
"""The maximum time that a client takes for a chunk."""

_MOST: Final = 1000
_MOST_OF_USER: Final = 10
_MOST_OF_CLIENT: Final = 100
_RETRY: Final = b"retry: 3000\n"
_HEARTBEAT: Final = b":\n\n"

ReadEvents = Callable[[Mapping[UserId, int]], Awaitable[Sequence[Event]]]
"""Reads the next events of the orders of users, each with an id above the user's number."""


@attrs.frozen
class LiveStream:
    """The document of an operation that streams: the events of a user's orders after an id."""

    user_id: UserId
    after: int


@attrs.define(eq=False)
class _Stream:
    """One stream. `pending` are events that are to be sent. It gets no others until they are."""

    user_id: UserId
    client: str
    after: int
    pending: list[Event] = attrs.field(factory=list)
    changed: asyncio.Event = attrs.field(factory=asyncio.Event)


class LiveEvents:
    """The streams of a process.

    Args:
        read: Reads events.
        is_draining: Returns whether the process shuts down. The streams end then, and clients connect to another one.
        seconds: The maximum time of a stream. Its client connects again, and its rights are checked again.
    """

    def __init__(self, read: ReadEvents, is_draining: Callable[[], bool], seconds: float) -> None:
        self._read = read
        self._is_draining = is_draining
        self._seconds = seconds
        self._streams: set[_Stream] = set()
        self._polling: asyncio.Task[None] | None = None

    def response(self, stream: LiveStream, headers: Mapping[str, str]) -> ASGIResponse:
        """A response with a stream. Its start raises `ClientBusy` if the user or the client has too many, and
        `Unavailable` if the process has.
        """
        return _LiveResponse(self, stream, headers)

    async def answer(
        self, wanted: LiveStream, headers: Mapping[str, str], scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Answers one request.

        Raises:
            ClientBusy, Unavailable: there are too many streams.
        """
        stream = _Stream(wanted.user_id, scope[CLIENT].network, wanted.after)
        self._require_place(stream)
        self._streams.add(stream)
        if self._polling is None:
            self._polling = asyncio.create_task(self._poll())
        leaving = asyncio.ensure_future(client_left(receive))
        try:
            fields = {"content-type": MEDIA_TYPE, "x-accel-buffering": "no", **headers}
            raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in fields.items()]
            await send({"type": "http.response.start", "status": 200, "headers": raw})
            if WITHOUT_BODY not in scope:
                # A client that gets no event before its connection breaks goes on after this id.
                last = b"id: %d\n" % stream.after if stream.after else b""
                await _send(send, _RETRY + last + b"\n")
                await self._follow(stream, leaving, send)
            await _send(send, b"", more=False)
        except TimeoutError:
            # The server closes the connection of a response without an end.
            pass
        finally:
            self._streams.discard(stream)
            leaving.cancel()

    def stop(self) -> None:
        """Ends all streams."""
        self._seconds = 0
        if self._polling is not None:
            self._polling.cancel()
        for stream in self._streams:
            stream.changed.set()

    async def _follow(self, stream: _Stream, leaving: "asyncio.Future[Any]", send: Send) -> None:
        """Sends events until the time is over, the process shuts down or the client leaves."""
        loop = asyncio.get_running_loop()
        begun = loop.time()
        while not leaving.done() and not self._is_draining() and (left := begun + self._seconds - loop.time()) > 0:
            waiting: asyncio.Future[Any] = asyncio.ensure_future(stream.changed.wait())
            await asyncio.wait(
                {waiting, leaving},
                timeout=min(left, _HEARTBEAT_SECONDS),
                return_when=asyncio.FIRST_COMPLETED,
            )
            waiting.cancel()
            stream.changed.clear()
            blocks = [_block(event) for event in stream.pending]
            await _send(send, b"".join(blocks) or _HEARTBEAT)
            # Others may have come while the client took these.
            del stream.pending[: len(blocks)]

    def _require_place(self, stream: _Stream) -> None:
        users, clients = Counter(each.user_id for each in self._streams), Counter(each.client for each in self._streams)
        if users[stream.user_id] >= _MOST_OF_USER or (stream.client and clients[stream.client] >= _MOST_OF_CLIENT):
            raise ClientBusy
        if len(self._streams) >= _MOST:
            raise Unavailable

    async def _poll(self) -> None:
        """Reads the events of all streams until there is none."""
        try:
            while self._streams:
                await asyncio.sleep(min(_POLL_SECONDS, self._seconds))
                if self._is_draining():
                    self.stop()
                    return
                try:
                    await self._read_once()
                except Unavailable:
                    pass
                except Exception as error:  # noqa: BLE001 - the next round may succeed
                    log.error("failed", exc_info=error)
        finally:
            self._polling = None

    async def _read_once(self) -> None:
        ready = [stream for stream in self._streams if not stream.pending]
        after: dict[UserId, int] = {}
        for stream in ready:
            after[stream.user_id] = min(stream.after, after.get(stream.user_id, stream.after))
        events = await self._read(after) if after else ()
        for stream in ready:
            stream.pending = [e for e in events if e.buyer_id == stream.user_id and e.id > stream.after]
            if stream.pending:
                stream.after = stream.pending[-1].id
                stream.changed.set()


def live_events_of(shop: Shop, executor: Executor, is_draining: Callable[[], bool], seconds: float) -> LiveEvents:
    """The streams of a shop's events, which are read in the threads of long reads."""

    async def read(after: Mapping[UserId, int]) -> Sequence[Event]:
        entry = RequestLogEntry("", "")
        return await executor.run(lambda: read_followed(shop, OPERATOR, after), Workload.LONG_READ, entry)

    return LiveEvents(read, is_draining, seconds)


class _LiveResponse(ASGIResponse):
    def __init__(self, streams: LiveEvents, stream: LiveStream, headers: Mapping[str, str]) -> None:
        self._streams = streams
        self._stream = stream
        self._live_headers = headers

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self._streams.answer(self._stream, self._live_headers, scope, receive, send)


async def _send(send: Send, chunk: bytes, *, more: bool = True) -> None:
    async with asyncio.timeout(_SEND_SECONDS):
        await send({"type": "http.response.body", "body": chunk, "more_body": more})


def _block(event: Event) -> bytes:
    return f"id: {event.id}\nevent: {event.name}\ndata: ".encode() + encoded(document_of(event)) + b"\n\n"
