"""Sends cached catalogue documents before Litestar, whose request and response classes take longer than sending."""

from contextlib import suppress

import attrs
from litestar import Litestar
from litestar.exceptions import HTTPException

from sellout_core.errors import SellOutError
from sellout_http.api.operations import Operation
from sellout_http.api.request_context import JsonResponse
from sellout_http.catalogue_cache.document_cache import Document
from sellout_http.catalogue_cache.responder import CatalogueResponder
from sellout_http.problems.details import Refused
from sellout_http.runtime.asgi import LOG_ENTRY, PREFIX, Application, Receive, Scope, Send


@attrs.frozen
class CatalogueCacheMiddleware:
    """Sends cached documents, personalised for a caller with a token. Passes on every other request. With `cors`, also
    passes on requests with an `Origin` header, because their responses depend on it.
    """

    _app: Application
    _router: Litestar
    _responder: CatalogueResponder
    _cors: bool

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers an HTTP request, or passes it on."""
        headers = dict(scope["headers"])
        if scope["method"] != "GET" or (self._cors and b"origin" in headers):
            await self._app(scope, receive, send)
        elif b"authorization" in headers:
            app = await self._personal(scope) or self._app
            await app(scope, receive, send)
        elif document := self._responder.find_cached(scope[PREFIX], scope["path"], scope["query_string"]):
            await _send(document, scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _personal(self, scope: Scope) -> Application | None:
        # The request is passed on, and Litestar raises the same error.
        with suppress(HTTPException, SellOutError, Refused):
            _, handler, _, ids, template = self._router.asgi_router.handle_routing(path=scope["path"], method="GET")
            operation: Operation | None = handler.opt.get("operation")
            if operation is not None and operation.catalogue is not None:
                routed = {**scope, "path_params": ids, "path_template": template}
                return await self._responder.answer_cached(operation, routed)
        return None


async def _send(document: Document, scope: Scope, receive: Receive, send: Send) -> None:
    scope[LOG_ENTRY].route = document.route
    if document.is_known_to(scope["headers"]):
        await JsonResponse(304, document.public_headers, b"")(scope, receive, send)
        return
    await send({"type": "http.response.start", "status": document.status, "headers": document.raw_headers})
    await send({"type": "http.response.body", "body": document.body})
