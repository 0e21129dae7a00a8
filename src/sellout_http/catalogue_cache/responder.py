"""Answers requests for catalogue documents, cached or read, and personalises them for a caller with a token."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import attrs
import msgspec
from litestar import Request
from litestar.response.base import ASGIResponse

from sellout_core.errors import NotFound
from sellout_core.people.accounts import ANONYMOUS
from sellout_core.ports.store import Store, Transaction
from sellout_core.shop import ReadingShop, Shop
from sellout_core.shopping.wishlist import WishedProducts
from sellout_core.use_cases.catalogue.browsing import ViewEvent, note_view, note_views
from sellout_http.api.handler_context import ReadContext
from sellout_http.api.operations import Catalogue, Operation
from sellout_http.api.request_context import JsonResponse, RequestContext
from sellout_http.catalogue_cache.document_cache import Document, DocumentCache, Key
from sellout_http.runtime.asgi import PREFIX, Receive, Scope
from sellout_http.runtime.batcher import Batcher
from sellout_http.runtime.executor import Executor, ReadTooLong, ShortReadStore, Workload
from sellout_http.runtime.logging import RequestLogEntry
from sellout_http.runtime.served_store import ServedStore


class CatalogueResponder:
    """Answers the operations that have a `catalogue`.

    Args:
        shop: The shop.
        store: The shop's store.
        executor: Runs the reads and writes.
        documents: The cache of anonymous documents.
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
        receive: Any = request.receive
        context = RequestContext.of(self._shop, operation, scope)
        if context.claims is not None:
            return await self._personal(context, None, receive)
        document = await self._document(context, context.authorize(self._shop), receive)
        if document.is_known_to(scope["headers"]):
            return JsonResponse(304, document.public_headers, b"")
        return JsonResponse(document.status, document.public_headers, document.body)

    def find_cached(self, prefix: str, path: str, query: bytes) -> Document | None:
        """The cached document for an anonymous caller, at most a second old."""
        return self._documents.find((prefix, path, query), self._store.recent_catalogue_version())

    async def answer_cached(self, operation: Operation, scope: Scope) -> JsonResponse | None:
        """The response to a routed request with a token. None: the document is not cached.

        Raises:
            SellOutError, Refused: the request is refused.
        """
        context = RequestContext.of(self._shop, operation, scope)
        document = self.find_cached(*_key(context))
        return None if document is None else await self._personal(context, document, None)

    async def _document(self, context: RequestContext, given: ReadContext, receive: Receive) -> Document:
        """The document for an anonymous caller, cached or read."""
        entry = context.log_entry
        key = _key(context)
        version = self._store.recent_catalogue_version()
        if version is None:
            # Each request reads the version itself: a request after a change must not get an older version.
            version = await self._executor.run(self._store.catalogue_version, Workload.DOCUMENT_READ, entry)
        document = self._documents.find(key, version)
        if document is None:
            document = await self._read(context, attrs.evolve(given, actor=ANONYMOUS, claims=None), receive)
            # The version was read before the document, so the document is never older than the version.
            if version is not None:
                self._documents.add(key, version, document)
        return document

    async def _read(self, context: RequestContext, given: ReadContext, receive: Receive) -> Document:
        catalogue, ids = _catalogue(context), _anonymous_ids(context)
        anonymous, entry = attrs.evolve(context, ids=ids, claims=None), context.log_entry

        def work(shop: ReadingShop) -> Document:
            reply = anonymous.call_handler(attrs.evolve(given, shop=shop))
            cards = catalogue.cards(reply.document)
            body = msgspec.json.encode(reply.document)
            return Document(body, context.operation.path, cards, reply.headers, reply.status)

        workload = catalogue.workload(context.scope["query_string"])
        if workload is Workload.SEARCH:
            return await self._executor.search(lambda store: work(self._shop.over(store)), entry, receive)
        if workload is Workload.DOCUMENT_READ:
            with suppress(ReadTooLong):
                short = self._shop.over(ShortReadStore(self._store))
                return await self._executor.run(lambda: work(short), workload, entry)
        return await self._executor.run(lambda: work(self._shop), Workload.LONG_READ, entry)

    async def _personal(self, context: RequestContext, document: Document | None, receive: Any) -> JsonResponse:
        catalogue, entry = _catalogue(context), context.log_entry

        def work(tx: Transaction) -> tuple[ReadContext, WishedProducts, ViewEvent | None]:
            given = context.authorize(self._shop.within(tx))
            wished = catalogue.wished(given, **context.ids) if catalogue.wished else {}
            return given, wished, catalogue.view(given, **context.ids)

        given, wished, view = await self._executor.read(work, entry)
        if document is None:
            try:
                document = await self._document(context, given, receive)
            except NotFound:
                if not given.actor.is_staff:
                    raise
                # Staff may see products that are not listed.
                document = await self._read(context, given, receive)
        if view is not None and not await self._views.submit((view, entry)):
            # Another transaction has locked the user. This view waits for it alone.
            await self._executor.write(lambda store: note_view(self._over(store), view), entry)
        tag = {} if context.operation.tagged is None else {"etag": document.etag}
        headers = {**context.privacy_headers, **tag, **document.headers}
        return JsonResponse(document.status, headers, document.personalised(wished))

    async def _note_views(
        self, batch: Sequence[tuple[ViewEvent, RequestLogEntry]]
    ) -> Sequence[tuple[ViewEvent, RequestLogEntry]]:
        shared = RequestLogEntry("")
        views = [view for view, _ in batch]
        skipped = await self._executor.write(lambda store: note_views(self._over(store), views), shared)
        for _, entry in batch:
            entry.add_statements(shared.statements)
        return [(view, entry) for view, entry in batch if view in skipped]

    def _over(self, store: Store) -> Shop:
        return attrs.evolve(self._shop, store=store)


def _catalogue(context: RequestContext) -> Catalogue:
    return context.operation.catalogue or Catalogue()


def _anonymous_ids(context: RequestContext) -> Mapping[str, int]:
    return {**context.ids, "user_id": 0} if "user_id" in context.ids else context.ids


def _key(context: RequestContext) -> Key:
    path = context.operation.path.format_map(_anonymous_ids(context))
    return context.scope[PREFIX], path, context.scope["query_string"]
