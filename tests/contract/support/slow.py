"""Slow parts under a test's control: a client that takes a response message by message, and hashing of passwords that
waits.
"""

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from sellout_adapters.passwords import Argon2Passwords
from sellout_http.runtime.asgi import Application, Message


class SlowClient:
    """A client that sends one request. The application waits with each message until the client takes it."""

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

    async def next_message(self) -> Message:
        """Waits for the next message of the application, and leaves it untaken."""
        if self._next is None:
            taking = asyncio.ensure_future(self._messages.get())
            try:
                await asyncio.wait({taking, self.answering}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                came = taking.done()
                taking.cancel()
            if not came:
                raise AssertionError("there is no more to take") from self.answering.exception()
            self._next = taking.result()
        return self._next

    async def take(self) -> Message:
        """Takes the next message and lets the application continue."""
        message, self._next = await self.next_message(), None
        self._taken.release()
        return message

    async def status(self) -> int:
        """Takes the start of the response and returns its status."""
        message = await self.take()
        assert message["type"] == "http.response.start"
        return int(message["status"])

    async def rest_of_body(self) -> bytes:
        """Takes the rest of the body and waits until the application has ended."""
        body, more = b"", True
        while more:
            message = await self.take()
            body, more = body + message["body"], message.get("more_body", False)
        await self.answering
        return body

    def disconnect(self) -> None:
        """Disconnects."""
        self._left.set()


@asynccontextmanager
async def lifespan_of(app: Application) -> AsyncIterator[None]:
    """Runs the lifespan of an application in this event loop: its start-up, and at the end its shutdown."""
    to_app: asyncio.Queue[str] = asyncio.Queue()
    from_app: asyncio.Queue[str] = asyncio.Queue()

    async def receive() -> Message:
        return {"type": await to_app.get()}

    async def send(message: Message) -> None:
        await from_app.put(message["type"])

    scope: dict[str, Any] = {"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}
    serving = asyncio.ensure_future(app(scope, receive, send))
    await to_app.put("lifespan.startup")
    assert await from_app.get() == "lifespan.startup.complete"
    try:
        yield
    finally:
        await to_app.put("lifespan.shutdown")
        assert await from_app.get() == "lifespan.shutdown.complete"
        await serving


class SlowPasswords(Argon2Passwords):
    """Hashing that waits until `resume` is set.

    Attributes:
        begun: Set when a thread begins to wait.
    """

    def __init__(self, resume: threading.Event) -> None:
        super().__init__(time_cost=1, memory_kib=8)
        self._resume = resume
        self.begun = threading.Event()

    def hash(self, password: str) -> str:
        self.begun.set()
        self._resume.wait(120)
        return super().hash(password)

    def verify(self, password: str, password_hash: str | None) -> bool:
        self.begun.set()
        self._resume.wait(120)
        return super().verify(password, password_hash)
