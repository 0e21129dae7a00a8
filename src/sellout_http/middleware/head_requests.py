"""Answers HEAD as GET without the body."""

import attrs

from sellout_http.runtime.asgi import WITHOUT_BODY, Application, Message, Receive, Scope, Send


@attrs.frozen
class HeadMiddleware:
    """Passes HEAD on as GET. Sends the status and all headers of the response, and an empty body."""

    _app: Application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes an HTTP request on."""
        if scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return

        async def send_without_body(message: Message) -> None:
            if message["type"] == "http.response.start":
                await send(message)
            elif message["type"] == "http.response.body" and not message.get("more_body", False):
                await send({"type": "http.response.body", "body": b"", "more_body": False})

        await self._app({**scope, "method": "GET", WITHOUT_BODY: True}, receive, send_without_body)
