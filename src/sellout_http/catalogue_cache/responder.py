"""Answers requests for catalogue documents: cached ones as they are, or made personal for a caller with a token."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import attrs
import msgspec
from litestar import Request
from litestar.response.base import ASGIResponse

from sellout_core.accounts import ANONYMOUS
from sellout_core.ports.store import Store, Transaction
from sellout_core.shop import Shop
from sellout_core.use_cases.browsing import View, note_view, note_views
from sellout_http.api.operations import Catalogue, Operation
from sellout_http.api.request_context import JsonResponse, RequestContext
from sellout_http.catalogue_cache.document_cache import Document, DocumentCache, Key
from sellout_http.runtime.asgi import PREFIX, header_values
from sellout_http.runtime.batcher import Batcher
from sellout_http.runtime.etags import matches_etag
from sellout_http.runtime.executor import Executor, Workload
from sellout_http.runtime.logging import RequestLogEntry
from sellout_http.runtime.served_store import ServedStore


class CatalogueResponder:
    """Answers the operations that have a `catalogue`.

    Args:
        shop: The shop.
        store: The shop's store, which knows the catalogue's version.
        executor: Runs the work.
        documents: The cached documents.
    """

    def __init__(self, shop: Shop, store: ServedStore, executor: Executor, documents: DocumentCache) -> None:
        self._shop = shop
        self._store = store
        self._executor = executor
        self._documents = documents
        self._views = Batcher(self._note_views)

    async def answer(self, operation: Operation, request: Request[Any, Any, Any]) -> ASGIResponse:
        """The response to a request for an operation.

        Raises:
            SellOutError, Refused: the request is refused.
        """
        scope: Any = request.scope
        context = RequestContext.of(self._shop, operation, scope)
        document = await self._document(context)
        if context.claims is not None:
            return await self._personal(context, document)
        if matches_etag(document.etag, header_values(scope["headers"], "if-none-match")):
            return JsonResponse(304, document.public_headers, b"")
        return JsonResponse(200, document.public_headers, document.body)

    async def _document(self, context: RequestContext) -> Document:
        """The document as an anonymous caller gets it, cached or read."""
        entry = context.log_entry
        key = _key(context)
        version = self._store.recent_catalogue_version()
        if version is None:
            # Every request reads the version itself: one that comes after a change must not get an older version.
            version = await self._executor.run(self._store.catalogue_version, Workload.DOCUMENT_READ, entry)
        document = self._documents.find(key, version)
        if document is None:
            is_search = _catalogue(context).is_search(context.scope["query_string"])
            workload = Workload.SEARCH if is_search else Workload.DOCUMENT_READ
            document = await self._executor.run(lambda: self._read(context), workload, entry)
            # The version is from before the read, so the document is never cached for a later state than its own.
            if version is not None:
                self._documents.add(key, version, document)
        return document

    def _read(self, context: RequestContext) -> Document:
        # The access check comes first, whether there is such a document or not.
        context.authorize(self._shop)
        anonymous = attrs.evolve(context, ids=_anonymous_ids(context), claims=None)
        reply = anonymous.call_handler(anonymous.for_handler(self._shop, ANONYMOUS))
        cards = _catalogue(context).cards(reply.document)
        return Document(msgspec.json.encode(reply.document), context.operation.path, cards, reply.headers)

    async def _personal(self, context: RequestContext, document: Document) -> JsonResponse:
        catalogue, entry = _catalogue(context), context.log_entry

        def work(tx: Transaction) -> tuple[Collection[int], View | None]:
            shop = self._shop.within(tx)
            given = context.for_handler(shop, context.authorize(shop))
            wished = catalogue.wished(given, **context.ids) if catalogue.wished else ()
            return wished, catalogue.view(given, **context.ids)

        wished, view = await self._executor.read(work, Workload.SHORT_READ, entry)
        if view is not None and not await self._views.submit((view, entry)):
            # Another transaction has locked the user: this view alone waits for it.
            await self._executor.write(lambda store: note_view(self._over(store), view), Workload.WRITE, entry)
        return JsonResponse(200, {**context.privacy_headers, **document.headers}, document.with_wishes(wished))

    async def _note_views(
        self, batch: Sequence[tuple[View, RequestLogEntry]]
    ) -> Sequence[tuple[View, RequestLogEntry]]:
        shared = RequestLogEntry("")
        views = [view for view, _ in batch]
        skipped = await self._executor.write(lambda store: note_views(self._over(store), views), Workload.WRITE, shared)
        for _, entry in batch:
            entry.count(shared.statements)
        return [(view, entry) for view, entry in batch if view in skipped]

    def _over(self, store: Store) -> Shop:
        return attrs.evolve(self._shop, store=store)


def _catalogue(context: RequestContext) -> Catalogue:
    return context.operation.catalogue or Catalogue()


def _anonymous_ids(context: RequestContext) -> Mapping[str, int]:
    return {name: 0 if name == "user_id" else number for name, number in context.ids.items()}


def _key(context: RequestContext) -> Key:
    path = context.operation.path.format_map(_anonymous_ids(context))
    return context.scope[PREFIX], path, context.scope["query_string"]
