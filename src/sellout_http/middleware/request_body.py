"""Limits the time in which a request's body arrives, and reads the rest of a body that the application did not read.

Without that, the server would close a connection silently if a response were complete before its request.
"""

import asyncio
from typing import Final

import attrs

from sellout_http.problems.details import Refused
from sellout_http.runtime.asgi import Application, Headers, Message, Receive, Scope, Send
from sellout_http.schemas.json_body import MAX_BYTES

_DRAIN_SECONDS: Final = 1
"""How long a response waits for the rest of the body."""

_CLOSE: Final = (b"connection", b"close")


@attrs.frozen
class RequestBodyMiddleware:
    """Gives each body so many seconds to arrive. The next application's `receive` raises `Refused` after that."""

    _app: Application
    _seconds: float

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes an HTTP request on. A response closes the connection if the rest of the body stays unread."""
        body = _Body(scope["headers"], receive, self._seconds)

        async def send_after_body(message: Message) -> None:
            if (
                message["type"] == "http.response.start"
                and _CLOSE not in message["headers"]
                and not (body.complete or await body.drain())
            ):
                message["headers"] = [*message["headers"], _CLOSE]
            await send(message)

        await self._app(scope, body.receive, send_after_body)


class _Body:
    def __init__(self, headers: Headers, receive: Receive, seconds: float) -> None:
        sent = dict(headers)
        announced = int(sent.get(b"content-length", b"0"))
        self._may_drain = b"expect" not in sent and announced <= MAX_BYTES
        self._receive = receive
        self._seconds = seconds
        self._deadline: float | None = None
        self._receiving = False
        self.complete = not announced and b"transfer-encoding" not in sent

    async def receive(self) -> Message:
        """As ASGI's.

        Raises:
            Refused: the body is late.
        """
        if self.complete:
            # What follows the body is the client's disconnect, which has no deadline.
            return await self._receive()
        self._deadline = self._deadline or asyncio.get_running_loop().time() + self._seconds
        self._receiving = True
        try:
            async with asyncio.timeout_at(self._deadline):
                message = await self._receive()
        except TimeoutError:
            raise Refused("request_timeout") from None
        finally:
            self._receiving = False
        self.complete = not message.get("more_body", False)
        return message

    async def drain(self) -> bool:
        """Reads and drops the rest of the body, and returns whether another request can follow on the connection.

        Reads nothing if the body is too long, if its client waits for permission to send it (RFC 9110, section
        10.1.1), or if the application is just receiving it.
        """
        left = MAX_BYTES if self._may_drain and not self._receiving else -1
        soon = asyncio.get_running_loop().time() + _DRAIN_SECONDS
        self._deadline = min(self._deadline or soon, soon)
        try:
            while left >= 0 and not self.complete:
                left -= len((await self.receive()).get("body", b""))
        except Refused:
            return False
        return self.complete
