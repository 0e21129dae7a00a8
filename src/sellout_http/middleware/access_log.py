"""Gives each request an id, measures it, and writes one log line for it."""

import re
import secrets
from time import perf_counter
from typing import Final

import attrs

from sellout_http.middleware.request_timings import METHODS, RequestTimings
from sellout_http.runtime.asgi import (
    CLIENT,
    LOG_ENTRY,
    Application,
    Headers,
    Message,
    Receive,
    Scope,
    Send,
    header_values,
)
from sellout_http.runtime.logging import RequestLog, RequestLogEntry

_NAME: Final = "x-request-id"
_RAW_NAME: Final = _NAME.encode()
_WELL_FORMED: Final = re.compile(r"[A-Za-z0-9._-]{1,128}")


@attrs.frozen
class AccessLogMiddleware:
    """Adds `X-Request-ID` to each response. Counts the request and writes its line to the
    log when the response is complete.
    """

    _app: Application
    _log: RequestLog | None
    _timings: RequestTimings | None
    _log_addresses: bool

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes an HTTP request on."""
        started = perf_counter()
        entry = RequestLogEntry(_request_id(scope["headers"]), scope[CLIENT].network)
        status = None

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (_RAW_NAME, entry.request_id.encode())]
            await send(message)

        try:
            await self._app({**scope, LOG_ENTRY: entry}, receive, send_with_id)
        finally:
            seconds = perf_counter() - started
            if self._timings is not None:
                self._timings.note(scope["method"], entry.route, status, seconds)
            if self._log is not None:
                self._log.info(
                    "request",
                    method=scope["method"] if scope["method"] in METHODS else None,
                    route=entry.route,
                    status=status,
                    milliseconds=round(seconds * 1000, 1),
                    request_id=entry.request_id,
                    user_id=entry.user_id,
                    statements=entry.statements,
                    **({"client": scope[CLIENT].address} if self._log_addresses else {}),
                )


def _request_id(headers: Headers) -> str:
    """The `X-Request-ID` of the request if it has exactly one and that is well-formed, otherwise a new id."""
    sent = header_values(headers, _NAME)
    return sent[0] if len(sent) == 1 and _WELL_FORMED.fullmatch(sent[0]) else secrets.token_hex(16)
