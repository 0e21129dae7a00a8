"""A client put straight to an application, which takes an answer piece by piece as a test asks for them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from sellout_http.runtime.asgi import Application, Message


class Held:
    """One request. The application waits with each message until it is taken."""

    def __init__(self, app: Application, path: str, token: str, method: str = "GET") -> None:
        self._left = asyncio.Event()
        self._taken = asyncio.Semaphore(0)
        self._messages: asyncio.Queue[Message] = asyncio.Queue()
        self._next: Message | None = None
        self._asked = False
        path, _, query = path.partition("?")
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "headers": [(b"host", b"shop"), (b"authorization", f"Bearer {token}".encode())],
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 80),
            "state": {},
        }
        self.answering = asyncio.ensure_future(app(scope, self._receive, self._send))

    async def _receive(self) -> Message:
        if not self._asked:
            self._asked = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await self._left.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Message) -> None:
        await self._messages.put(message)
        await self._taken.acquire()

    async def offered(self) -> Message:
        """The next message, with which the application waits."""
        if self._next is None:
            taking = asyncio.ensure_future(self._messages.get())
            await asyncio.wait({taking, self.answering}, return_when=asyncio.FIRST_COMPLETED)
            if not taking.done():
                taking.cancel()
                raise AssertionError("there is no more to take") from self.answering.exception()
            self._next = taking.result()
        return self._next

    async def take(self) -> Message:
        """The next message, and lets the application go on."""
        message, self._next = await self.offered(), None
        self._taken.release()
        return message

    async def status(self) -> int:
        """How the answer starts."""
        message = await self.take()
        assert message["type"] == "http.response.start"
        return int(message["status"])

    async def rest(self) -> bytes:
        """What is left of the body, to its end."""
        body, more = b"", True
        while more:
            message = await self.take()
            body, more = body + message["body"], message.get("more_body", False)
        await self.answering
        return body

    def leave(self) -> None:
        """Goes away."""
        self._left.set()


@asynccontextmanager
async def running(app: Application) -> AsyncIterator[None]:
    """An application from its start to its shutdown, in this event loop."""
    told: asyncio.Queue[str] = asyncio.Queue()
    heard: asyncio.Queue[str] = asyncio.Queue()

    async def receive() -> Message:
        return {"type": await told.get()}

    async def send(message: Message) -> None:
        await heard.put(message["type"])

    scope: dict[str, Any] = {"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}
    living = asyncio.ensure_future(app(scope, receive, send))
    await told.put("lifespan.startup")
    assert await heard.get() == "lifespan.startup.complete"
    try:
        yield
    finally:
        await told.put("lifespan.shutdown")
        assert await heard.get() == "lifespan.shutdown.complete"
        await living
