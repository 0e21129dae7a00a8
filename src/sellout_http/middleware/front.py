"""What every request is held to and every answer carries, whatever happens further in: a name, time to send the body,
security headers, and a line in the log.
"""

import asyncio
import re
import secrets
from collections.abc import Sequence
from time import perf_counter
from typing import Any, Final

from sellout_http.middleware.forwarded_headers import Client, Proxies
from sellout_http.problems.details import Refused
from sellout_http.runtime.asgi import CLIENT, Application, Message, Receive, Scope, Send
from sellout_http.runtime.logging import ENTRY, Entry, RequestLog
from sellout_http.schemas.json_body import MAX_BYTES

_REQUEST_ID: Final = b"x-request-id"
_WELL_FORMED: Final = re.compile(rb"[A-Za-z0-9._-]{1,128}")
_METHODS: Final = {"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"}
_POLICY: Final = b"content-security-policy"
_SECURITY: Final = [
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
]
# For documents that are no pages.
_NO_CONTENT: Final = (_POLICY, b"default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
_UNWANTED_SECONDS: Final = 1
"""How long an answer waits for a body that nobody reads."""

_CLOSE: Final = (b"connection", b"close")
_TLS_ONLY: Final = (b"strict-transport-security", b"max-age=31536000; includeSubDomains")


class Front:
    """An ASGI application in front of the routed one.

    Args:
        app: What answers.
        proxies: The proxies whose word on their clients is taken.
        body_seconds: How long a request's body may take to arrive.
        log: Where requests' lines go; None: nowhere.
        varying: Whether answers depend on the origin that asks.
        log_addresses: Whether a request's line has the client's IP address.
    """

    def __init__(
        self,
        app: Application,
        proxies: Proxies,
        body_seconds: float,
        log: RequestLog | None,
        *,
        varying: bool,
        log_addresses: bool,
    ) -> None:
        self._app = app
        self._proxies = proxies
        self._body_seconds = body_seconds
        self._log = log
        self._log_addresses = log_addresses
        self._headers = [*_SECURITY, *([(b"vary", b"origin")] if varying else [])]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on; anything that is not HTTP as it is."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = perf_counter()
        client = self._proxies.client(scope)
        entry = Entry(_request_id(scope))
        more = self._more_headers(client, entry)
        body = _Body(scope["headers"], receive, self._body_seconds)
        status = 0

        async def send_complete(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                sent = list(message["headers"])
                if _POLICY not in [name for name, _ in sent]:
                    sent.append(_NO_CONTENT)
                if _CLOSE not in sent and not await body.passed():
                    sent.append(_CLOSE)
                message = {**message, "headers": sent + more}
            await send(message)

        try:
            await self._app({**scope, ENTRY: entry, CLIENT: client}, body.receive, send_complete)
        finally:
            if self._log is not None:
                self._log.info(
                    "request",
                    method=scope["method"] if scope["method"] in _METHODS else None,
                    route=entry.route,
                    status=status or None,
                    milliseconds=round((perf_counter() - started) * 1000, 1),
                    request_id=entry.request_id,
                    user_id=entry.user_id,
                    statements=entry.statements,
                    **({"client": client.address} if self._log_addresses else {}),
                )

    def _more_headers(self, client: Client, entry: Entry) -> list[tuple[bytes, bytes]]:
        more = [*self._headers, (_REQUEST_ID, entry.request_id.encode())]
        return [*more, _TLS_ONLY] if client.secure else more


class _Body:
    """A request's body on its way in: it has its time to arrive, and what nobody asks for is taken off the connection,
    which the server would close without a word if an answer were complete before its request is.
    """

    def __init__(self, headers: Sequence[tuple[bytes, bytes]], receive: Receive, seconds: float) -> None:
        self._headers = headers
        self._receive = receive
        self._seconds = seconds
        self._deadline: float | None = None
        self._asking = False
        self._complete = False

    async def receive(self) -> Message:
        """As ASGI's.

        Raises:
            Refused: it took too long.
        """
        if self._complete:
            # What comes after the body is the client's going away, which may take as long as it likes.
            return await self._receive()
        self._deadline = self._deadline or asyncio.get_running_loop().time() + self._seconds
        self._asking = True
        try:
            async with asyncio.timeout_at(self._deadline):
                message = await self._receive()
        except TimeoutError:
            raise Refused("request_timeout") from None
        finally:
            self._asking = False
        self._complete = not message.get("more_body", False)
        return message

    async def passed(self) -> bool:
        """Whether another request can follow this one on its connection, once what is left of the body is read and
        dropped. What is too long or slow, or waits to be sent for (RFC 9110, section 10.1.1), is left where it is, and
        what somebody else waits for is left to them.
        """
        if self._complete:
            return True
        sent = dict(self._headers)
        announced = int(sent.get(b"content-length", b"0"))
        if not announced and b"transfer-encoding" not in sent:
            return True
        left = -1 if self._asking or b"expect" in sent or announced > MAX_BYTES else MAX_BYTES
        soon = asyncio.get_running_loop().time() + _UNWANTED_SECONDS
        self._deadline = min(self._deadline or soon, soon)
        try:
            while left >= 0 and not self._complete:
                left -= len((await self.receive()).get("body", b""))
        except Refused:
            return False
        return self._complete


def _request_id(scope: dict[str, Any]) -> str:
    """The id that the request came with, if it is one; else a new one."""
    sent = [value for name, value in scope["headers"] if name.lower() == _REQUEST_ID]
    if len(sent) == 1 and _WELL_FORMED.fullmatch(sent[0]):
        return str(sent[0], "ascii")
    return secrets.token_hex(16)
