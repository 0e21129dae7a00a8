"""Answering with documents of the catalogue that are kept (`cache`): as they are for everybody, and with what is the
reader's own put into them for whoever shows a token.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from sellout_core.accounts import ANONYMOUS
from sellout_core.ports.store import Transaction
from sellout_core.shop import Shop
from sellout_core.use_cases.browsing import View, note_view, note_views
from sellout_http.api.operations import Catalogue, Reply
from sellout_http.api.request_context import Answer, Asked, encoded, header, within
from sellout_http.catalogue_cache.document_cache import Document, Documents, Key
from sellout_http.runtime.asgi import PREFIX
from sellout_http.runtime.batcher import Together
from sellout_http.runtime.executor import Hands
from sellout_http.runtime.logging import Entry


class Showing:
    """Answers requests for the catalogue's documents.

    Args:
        shop: The shop.
        hands: What does the work.
        documents: Those that are kept.
    """

    def __init__(self, shop: Shop, hands: Hands, documents: Documents) -> None:
        self._shop = shop
        self._hands = hands
        self._documents = documents
        self._views = Together(self._note)

    async def answer(self, asked: Asked, entry: Entry) -> Answer:
        """The answer to a request for an operation with a `catalogue`.

        Raises:
            SellOutError: whatever stands against it.
        """
        document = self.kept(asked)
        if document is None:
            document = await self._made(asked, entry)
        return await self.shown(document, asked, entry)

    def kept(self, asked: Asked) -> Document | None:
        """The document that nobody in particular would read, if it is kept and known to be recent."""
        version = self._shop.store.recent_catalogue_version()
        return None if version is None else self._documents.find(_key(asked), version)

    async def shown(self, document: Document, asked: Asked, entry: Entry) -> Answer:
        """The document as whoever asks is to read it.

        Raises:
            Unauthenticated, Forbidden, NotFound: they may not.
        """
        catalogue = asked.operation.catalogue or Catalogue()
        if asked.claims is None:
            if document.matches(header(asked.headers, "if-none-match")):
                return 304, document.public_headers, b""
            return 200, document.public_headers, document.body

        def own(tx: Transaction) -> tuple[Answer, View | None]:
            call = asked.let_through(within(self._shop, tx))
            wished = catalogue.wished(call, **asked.ids) if catalogue.wished else ()
            answer = 200, {**asked.privacy, **document.headers}, document.for_reader(wished)
            return answer, catalogue.view(call, **asked.ids)

        answer, view = await self._hands.read(own, entry, short=True)
        if view is not None and not await self._views.done((view, entry)):
            # Whoever holds the user keeps nobody else waiting.
            await self._hands.write(lambda: note_view(self._shop, view), entry)
        return answer

    async def _note(self, wanted: Sequence[tuple[View, Entry]]) -> Sequence[tuple[View, Entry]]:
        together = Entry("")
        left = await self._hands.write(lambda: note_views(self._shop, [view for view, _ in wanted]), together)
        for _, entry in wanted:
            entry.count(together.statements)
        return [(view, entry) for view, entry in wanted if view in left]

    async def _made(self, asked: Asked, entry: Entry) -> Document:
        version = await self._version(entry)
        found = self._documents.find(_key(asked), version)
        if found is not None:
            return found
        catalogue = asked.operation.catalogue or Catalogue()
        searches = catalogue.long(asked.scope["query_string"])
        waits = searches or not self._shop.store.reads_never_wait
        return await self._hands.run(lambda: self._read(asked, version), entry, waits=waits, searches=searches)

    def _read(self, asked: Asked, version: int) -> Document:
        """What nobody in particular would read. The version is from before, so that this is never taken for a later
        state than it shows.
        """
        # Whoever may not come in is told so first, whether there is such a document or not.
        asked.let_through(self._shop)
        nobodys = attrs.evolve(asked, ids=_nobodys(asked.ids))
        result = asked.operation.handler(asked.call(self._shop, ANONYMOUS), **nobodys.ids)
        _, headers, body = encoded(asked.operation, result)
        catalogue = asked.operation.catalogue or Catalogue()
        cards = catalogue.cards(result.document if isinstance(result, Reply) else result)
        document = Document(body, cards, headers)
        self._documents.keep(_key(asked), version, document)
        return document

    async def _version(self, entry: Entry) -> int:
        store = self._shop.store
        version = store.recent_catalogue_version()
        if version is None:
            # Each for itself: whoever comes after a change here must not be told what was so before it.
            version = await self._hands.run(store.catalogue_version, entry, waits=not store.reads_never_wait)
        return version


def _nobodys(ids: Mapping[str, int]) -> dict[str, int]:
    return {name: 0 if name == "user_id" else number for name, number in ids.items()}


def _key(asked: Asked) -> Key:
    """What a request's document is kept under."""
    scope: Any = asked.scope
    return scope[PREFIX], asked.operation.path, tuple(_nobodys(asked.ids).values()), scope["query_string"]
