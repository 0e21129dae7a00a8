"""Limits the memory of large responses that clients do not receive."""

from collections import Counter
from typing import Final

import msgspec

from sellout_http.problems.details import problem
from sellout_http.problems.handlers import RETRY_AFTER_SECONDS
from sellout_http.runtime.asgi import CLIENT, Application, Message, Receive, Scope, Send

CHUNK_BYTES: Final = 64 * 1024
"""The size of a chunk. The server sends the next chunk of a body when the client has received this one."""

REFUSAL: Final = msgspec.json.encode(problem("too_many_requests"))
REFUSAL_HEADERS: Final = [
    (b"content-type", b"application/problem+json"),
    (b"content-length", str(len(REFUSAL)).encode()),
    (b"cache-control", b"no-store"),
    (b"retry-after", str(RETRY_AFTER_SECONDS).encode()),
]


class LargeResponseMiddleware:
    """Sends large bodies in chunks. A large response to a GET is a 429 if it would bring the client's untaken bytes,
    those that the client has not received yet, above a maximum. The only large response of a client is always sent.

    Args:
        app: The next application.
        max_untaken: The maximum number of untaken bytes of one client.
    """

    def __init__(self, app: Application, max_untaken: int) -> None:
        self._app = app
        self._max_untaken = max_untaken
        self._untaken: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes an HTTP request on."""
        client: str = scope[CLIENT].network
        start: Message | None = None
        refused = False

        async def send_in_chunks(message: Message) -> None:
            nonlocal start, refused
            if message["type"] != "http.response.body":
                start = message
                return
            size = len(message.get("body", b""))
            # Only for a GET: a write has been committed, so its response is sent.
            if (
                start is not None
                and scope["method"] == "GET"
                and client
                and size > CHUNK_BYTES
                and self._untaken[client]
            ):
                refused = self._untaken[client] + size > self._max_untaken
            if refused:
                if start is not None:
                    cors = [field for field in start["headers"] if field[0].startswith(b"access-control-")]
                    await send({"type": "http.response.start", "status": 429, "headers": [*REFUSAL_HEADERS, *cors]})
                    await send({"type": "http.response.body", "body": REFUSAL})
            else:
                if start is not None:
                    await send(start)
                await (send(message) if size <= CHUNK_BYTES else self._send_chunks(client, message, send))
            start = None

        await self._app(scope, receive, send_in_chunks)

    async def _send_chunks(self, client: str, message: Message, send: Send) -> None:
        body, more = message["body"], message.get("more_body", False)
        self._untaken[client] += len(body)
        try:
            for begin in range(0, len(body), CHUNK_BYTES):
                end = begin + CHUNK_BYTES
                await send({**message, "body": body[begin:end], "more_body": more or end < len(body)})
        finally:
            self._untaken[client] -= len(body)
            if not self._untaken[client]:
                del self._untaken[client]
