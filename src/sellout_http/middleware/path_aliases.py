"""Routes every spelling of a path to one path, and HEAD to GET without a body."""

import re
from collections.abc import Sequence
from typing import Final
from urllib.parse import quote

from sellout_http.runtime.asgi import BODILESS, PREFIX, Application, Message, Receive, Scope, Send

API_PREFIX: Final = "/api/v1"

# No route matches it.
_NOWHERE: Final = "/\0nowhere"

_SPELLINGS: Final[Sequence[tuple[re.Pattern[str], str]]] = (
    (re.compile(r"/cart/(cart_delete/[^/]+/[^/]+)"), r"/order/\1"),
    (re.compile(r"/cart/(checkout/[^/]+)"), r"/order/\1"),
    (re.compile(r"/order/([0-9][^/]*)"), r"/order/info/\1"),
    (re.compile(r"/user/(user_info/[^/]+)"), r"/\1"),
)
"""The index of the documented API spells these differently from its details; the details are what is routed."""

_RESPELT: Final = ("/cart/", "/order/", "/user/")


class Edge:
    """An ASGI application around the routed one."""

    def __init__(self, app: Application) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on under its routed path; anything that is not HTTP as it is."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        prefix, path = routed(scope["path"], scope.get("raw_path") or b"")
        inner = {**scope, PREFIX: prefix}
        if path != scope["path"]:
            inner.update(path=path, raw_path=quote(path).encode())
        if scope["method"] == "HEAD":
            inner.update({"method": "GET", BODILESS: True})
            send = _without_body(send)
        await self._app(inner, receive, send)


def routed(path: str, raw_path: bytes) -> tuple[str, str]:
    """The API's prefix, if the path has it, and the path to route. An empty segment and an encoded slash are part of no
    path here, and would be taken for a plain one further in.
    """
    if "//" in path or b"%2f" in raw_path.lower():
        return "", _NOWHERE
    prefix = API_PREFIX if path == API_PREFIX or path.startswith(API_PREFIX + "/") else ""
    path = path.removeprefix(prefix).removesuffix("/") or "/"
    for pattern, canonical in _SPELLINGS if path.startswith(_RESPELT) else ():
        if (match := pattern.fullmatch(path)) is not None:
            return prefix, match.expand(canonical)
    return prefix, path


def _without_body(send: Send) -> Send:
    """Sends a response's start as it is, Content-Length included, and an empty body."""

    async def send_start(message: Message) -> None:
        if message["type"] == "http.response.start":
            await send(message)
        elif message["type"] == "http.response.body" and not message.get("more_body", False):
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    return send_start
