"""What is read most is answered before the framework's routing, which takes longer than the rest of many an answer."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from litestar.response.base import ASGIResponse

from sellout_core.errors import NotFound
from sellout_http.api.dispatcher import Dispatcher
from sellout_http.api.operations import Operation
from sellout_http.api.request_context import Asked, JsonResponse, header, path_ids
from sellout_http.catalogue_cache.document_cache import Document
from sellout_http.catalogue_cache.responder import Showing
from sellout_http.problems.handlers import refusal
from sellout_http.runtime.asgi import Application, Receive, Scope, Send
from sellout_http.runtime.logging import ENTRY


class Shortcut:
    """An ASGI application in front of the routed one, which answers short reads, and documents that are kept.

    Args:
        app: The routed one. It answers everything else.
        dispatcher: What answers, for that one too.
        showing: What answers with cached documents.
        operations: All there are.
        varying: Whether answers depend on the origin that asks, which the routed one sees to.
    """

    def __init__(
        self,
        app: Application,
        dispatcher: Dispatcher,
        showing: Showing,
        operations: Sequence[Operation],
        *,
        varying: bool,
    ) -> None:
        self._app = app
        self._dispatcher = dispatcher
        self._showing = showing
        self._varying = varying
        self._routes = [
            (_pattern(operation), operation)
            for operation in operations
            if operation.short or operation.catalogue is not None
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers, or passes the request on."""
        response = await self._response(scope)
        await (response or self._app)(scope, receive, send)

    async def _response(self, scope: Scope) -> Application | None:
        if scope["type"] != "http" or scope["method"] != "GET":
            return None
        if self._varying and any(name == b"origin" for name, _ in scope["headers"]):
            return None
        for pattern, operation in self._routes:
            match = pattern.fullmatch(scope["path"])
            if match is not None:
                return await self._answered(operation, match.groupdict(), scope)
        return None

    async def _answered(self, operation: Operation, sent: Mapping[str, str], scope: Scope) -> Application | None:
        try:
            ids = path_ids(operation, sent)
        except NotFound:
            # The path may be another operation's.
            return None
        try:
            asked = Asked.of(self._dispatcher.shop, operation, ids, scope)
            if operation.catalogue is None:
                return JsonResponse(*await self._dispatcher.answered(asked, scope[ENTRY]))
            document = self._showing.kept(asked)
            if document is None:
                return None
            if asked.claims is None and not header(asked.headers, "if-none-match"):
                return _Whole(document)
            return JsonResponse(*await self._showing.shown(document, asked, scope[ENTRY]))
        except Exception as error:  # noqa: BLE001 - answered as the routed one does
            return refusal(scope, error)


class _Whole(ASGIResponse):
    """A document as nobody in particular gets it: most answers of most shops, so its headers are ready too."""

    def __init__(self, document: Document) -> None:
        self._document = document

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:  # noqa: ARG002 - ASGI's
        await send({"type": "http.response.start", "status": 200, "headers": self._document.raw_headers})
        await send({"type": "http.response.body", "body": self._document.body})


_ID: Final = re.compile(r"\{(\w+)\}")


def _pattern(operation: Operation) -> re.Pattern[str]:
    return re.compile(_ID.sub(r"(?P<\1>[0-9]+)", operation.path))
