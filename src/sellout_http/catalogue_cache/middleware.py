"""Answers anonymous requests for cached catalogue documents before the routing, which takes longer than the answer."""

import attrs

from sellout_http.api.request_context import JsonResponse
from sellout_http.catalogue_cache.document_cache import Document, DocumentCache
from sellout_http.runtime.asgi import LOG_ENTRY, PREFIX, Application, Receive, Scope, Send, header_values
from sellout_http.runtime.etags import matches_etag
from sellout_http.runtime.served_store import ServedStore


@attrs.frozen
class CatalogueCacheMiddleware:
    """Sends cached documents, and passes every other request on. With `cors`, it also passes on requests with an
    origin, on which their response depends.
    """

    _app: Application
    _store: ServedStore
    _documents: DocumentCache
    _cors: bool

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers an HTTP request, or passes it on."""
        document = self._cached(scope)
        if document is None:
            await self._app(scope, receive, send)
            return
        scope[LOG_ENTRY].route = document.route
        if matches_etag(document.etag, header_values(scope["headers"], "if-none-match")):
            await JsonResponse(304, document.public_headers, b"")(scope, receive, send)
            return
        await send({"type": "http.response.start", "status": 200, "headers": document.raw_headers})
        await send({"type": "http.response.body", "body": document.body})

    def _cached(self, scope: Scope) -> Document | None:
        headers = dict(scope["headers"])
        if scope["method"] != "GET" or b"authorization" in headers or (self._cors and b"origin" in headers):
            return None
        key = scope[PREFIX], scope["path"], scope["query_string"]
        return self._documents.find(key, self._store.recent_catalogue_version())
