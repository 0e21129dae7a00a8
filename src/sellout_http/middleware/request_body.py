"""Limits the time in which a request's body arrives, and reads the rest of a body that the application did not read.

The server closes a connection without notice if the response is complete before the request.
"""

import asyncio
from typing import Final

import attrs

from sellout_http.problems.details import Refused
from sellout_http.runtime.asgi import Application, Headers, Message, Receive, Scope, Send
from sellout_http.schemas.json_body import MAX_BYTES

_DRAIN_SECONDS: Final = 1
"""The maximum time that a response waits for the rest of the body."""

_CLOSE: Final = (b"connection", b"close")


@attrs.frozen
class RequestBodyMiddleware:
    """Limits the time of each body. After that, the application's `receive` raises `Refused`."""

    _app: Application
    _seconds: float

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes an HTTP request on. The response closes the connection if the rest of the body was not read."""
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
        """As `receive` of ASGI.

        Raises:
            Refused: the body did not arrive in time.
        """
        if self.complete:
            # The next message is the client's disconnect, which has no deadline.
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
        """Reads and drops the rest of the body. Returns whether another request can follow on the connection.

        Reads nothing if the body is too long, if the client expects a 100 before it sends the body (RFC 9110, section
        10.1.1), or if the application is receiving the body at the moment.
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
