"""Encoded catalogue documents, cached for one version of the catalogue.

A process sees a new version at once after its own change, and within a second after a change of another process
(`ServedStore.recent_catalogue_version`).
"""

from collections.abc import Mapping, Sequence
from functools import cached_property
from threading import Lock
from typing import Final

import attrs
from cachetools import LRUCache

from sellout_core.shopping.wishlist import WishedProducts
from sellout_core.values import ProductId
from sellout_http.runtime.asgi import Headers, header_values
from sellout_http.runtime.etags import etag_of, matches_etag

Key = tuple[str, str, bytes]
"""The API prefix, path and query of a request."""

_MAX_QUERY: Final = 512
_OVERHEAD: Final = 1024
"""The approximate memory of a cached document besides its body, in bytes."""

_NOT_WISHED: Final = b'"in_wishlist":false,"wishlist_unit_ids":[]'
_WISHED: Final = '"in_wishlist":true,"wishlist_unit_ids":[{}]'


@attrs.frozen(slots=False)
class Document:
    """The encoded document for an anonymous caller.

    Attributes:
        body: The document as JSON.
        route: The path of the operation, for the log.
        cards: The product ids of the cards in the document, in order.
        headers: The document's own response headers.
        status: 200, or the status of a redirect.
    """

    body: bytes
    route: str = ""
    cards: tuple[ProductId, ...] = ()
    headers: Mapping[str, str] = attrs.field(factory=dict)
    status: int = 200

    @cached_property
    def etag(self) -> str:
        """The entity tag, equal for equal bytes in every process (RFC 9110, section 8.8.3)."""
        return etag_of(self.body)

    def is_known_to(self, headers: Headers) -> bool:
        """Whether a client that sends these request headers has the document. A redirect has no precondition."""
        return self.status == 200 and matches_etag(self.etag, header_values(headers, "if-none-match"))

    @cached_property
    def public_headers(self) -> Mapping[str, str]:
        """The headers for an anonymous caller. `no-cache` makes HTTP caches revalidate the document each time."""
        return {"cache-control": "no-cache", "vary": "authorization", "etag": self.etag, **self.headers}

    @cached_property
    def raw_headers(self) -> Sequence[tuple[bytes, bytes]]:
        """The headers of a response with the body, as ASGI sends them."""
        sent = {**self.public_headers, "content-type": "application/json", "content-length": str(len(self.body))}
        return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in sent.items()]

    def personalised(self, wished: WishedProducts) -> bytes:
        """The document for a caller with these products on their wishlist, each with the ids of its units."""
        if wished.keys().isdisjoint(self.cards):
            return self.body
        # JSON escapes a quote inside a text as \", so no text equals the members. The parts are not cached: they take
        # as much memory as the document.
        first, *rest = self.body.split(_NOT_WISHED)
        marks = [
            _WISHED.format(",".join(map(str, wished[product_id]))).encode() if product_id in wished else _NOT_WISHED
            for product_id in self.cards
        ]
        return first + b"".join(mark + part for mark, part in zip(marks, rest, strict=True))


class DocumentCache:
    """An LRU cache of the documents of one version of the catalogue. It is thread-safe.

    Args:
        max_bytes: The maximum size of the cache. 0 disables it.

    Attributes:
        hits: How often a document was found.
        misses: How many documents were read from the store.
    """

    def __init__(self, max_bytes: int) -> None:
        self.hits = self.misses = 0
        self._lock = Lock()
        self._version: int | None = None
        self._documents: LRUCache[Key, Document] = LRUCache(max_bytes, getsizeof=_memory)

    def find(self, key: Key, version: int | None) -> Document | None:
        """The cached document of a version of the catalogue. None: it is not cached, or the version is unknown."""
        with self._lock:
            document = self._documents.get(key) if version == self._version else None
            if document is not None:
                self.hits += 1
            return document

    def add(self, key: Key, version: int, document: Document) -> None:
        """Caches a document that was read at that version of the catalogue or a later one."""
        with self._lock:
            self.misses += 1
        if len(key[-1]) > _MAX_QUERY or _memory(document) > self._documents.maxsize:
            return
        with self._lock:
            if self._version is not None and version < self._version:
                return
            if version != self._version:
                self._version = version
                self._documents.clear()
            self._documents[key] = document


def _memory(document: Document) -> int:
    return len(document.body) + _OVERHEAD
