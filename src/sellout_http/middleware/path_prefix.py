"""Removes the API prefix and a trailing slash from a path, so that each operation has one route."""

from typing import Final
from urllib.parse import quote

import attrs

from sellout_http.runtime.asgi import PREFIX, Application, Receive, Scope, Send

API_PREFIX: Final = "/api/v1"

# No route matches this path.
_UNKNOWN_PATH: Final = "/\0unknown"


@attrs.frozen
class PathPrefixMiddleware:
    """Routes `/api/v1/PATH/` as `/PATH`. A path with an empty segment or an encoded slash is unknown: Litestar would
    route both as a single slash.
    """

    _app: Application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes an HTTP request on."""
        sent, prefix = scope["path"], ""
        if "//" in sent or b"%2f" in (scope.get("raw_path") or b"").lower():
            path = _UNKNOWN_PATH
        else:
            prefix = API_PREFIX if sent == API_PREFIX or sent.startswith(API_PREFIX + "/") else ""
            path = sent.removeprefix(prefix).removesuffix("/") or "/"
        inner = {**scope, PREFIX: prefix}
        if path != sent:
            inner.update(path=path, raw_path=quote(path).encode())
        await self._app(inner, receive, send)
