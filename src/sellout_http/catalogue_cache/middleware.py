"""Answers anonymous requests for cached catalogue documents before the routing, which takes longer than the answer."""

from typing import Final

from sellout_http.api.request_context import JsonResponse
from sellout_http.catalogue_cache.document_cache import Document, DocumentCache
from sellout_http.runtime.asgi import LOG_ENTRY, PREFIX, Application, Receive, Scope, Send, header_values
from sellout_http.runtime.etags import matches_etag
from sellout_http.runtime.served_store import ServedStore

_PERSONAL: Final = frozenset({b"authorization"})
_BY_ORIGIN: Final = _PERSONAL | {b"origin"}


class CatalogueCacheMiddleware:
    """Sends cached documents.

    Args:
        app: The next application. It answers every other request.
        store: The store that knows the catalogue's version.
        documents: The cached documents.
        cors: Whether a response depends on the request's origin; a request that has one is then passed on.
    """

    def __init__(self, app: Application, store: ServedStore, documents: DocumentCache, *, cors: bool) -> None:
        self._app = app
        self._store = store
        self._documents = documents
        self._passed_on = _BY_ORIGIN if cors else _PERSONAL

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
        if scope["method"] != "GET" or not self._passed_on.isdisjoint(dict(scope["headers"])):
            return None
        key = scope[PREFIX], scope["path"], scope["query_string"]
        return self._documents.find(key, self._store.recent_catalogue_version())
