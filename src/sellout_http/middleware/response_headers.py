"""Adds headers to every response: security headers, `Vary` for CORS, and HSTS over TLS."""

from typing import Final

import attrs

from sellout_http.runtime.asgi import CLIENT, Application, Message, Receive, Scope, Send

_POLICY: Final = b"content-security-policy"
# For responses that are not pages.
_NO_CONTENT: Final = (_POLICY, b"default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
_SECURITY: Final = [
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
]
_VARY: Final = (b"vary", b"origin")
_TLS_ONLY: Final = (b"strict-transport-security", b"max-age=31536000; includeSubDomains")


@attrs.frozen
class ResponseHeadersMiddleware:
    """Adds headers to each response. With `cors`, responses depend on the request's origin."""

    _app: Application
    _cors: bool

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes an HTTP request on."""
        added = [*_SECURITY, *([_VARY] if self._cors else []), *([_TLS_ONLY] if scope[CLIENT].secure else [])]

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = [*message["headers"], *added]
                if _POLICY not in dict(headers):
                    headers.append(_NO_CONTENT)
                message["headers"] = headers
            await send(message)

        await self._app(scope, receive, send_with_headers)
