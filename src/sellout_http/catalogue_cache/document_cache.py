"""Encoded catalogue documents, cached for one version of the catalogue.

A process that changes the catalogue sees the new version at once, other processes see it within a second
(`ServedStore.recent_catalogue_version`).
"""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from functools import cached_property
from threading import Lock
from typing import Final

import attrs
from cachetools import LRUCache

Key = tuple[str, str, bytes]
"""A document's API prefix, path and query."""

_MAX_QUERY: Final = 512
_OVERHEAD: Final = 1024
"""About how many bytes a document takes beside its own."""

_NOT_WISHED: Final = b'"in_wishlist":false'
_WISHED: Final = b'"in_wishlist":true'


@attrs.frozen(slots=False)
class Document:
    """An encoded document as an anonymous caller gets it.

    Attributes:
        body: The document as JSON.
        route: The path of its operation, for the log.
        cards: The product of each card in the document, in order.
        headers: The headers that are the document's own.
    """

    body: bytes
    route: str = ""
    cards: tuple[int, ...] = ()
    headers: Mapping[str, str] = attrs.field(factory=dict)

    @cached_property
    def etag(self) -> str:
        """The same for the same bytes, in every process (RFC 9110, section 8.8.3)."""
        return f'"{hashlib.blake2b(self.body, digest_size=16).hexdigest()}"'

    @cached_property
    def public_headers(self) -> Mapping[str, str]:
        """The headers for an anonymous caller: HTTP caches ask each time whether the document changed."""
        return {"cache-control": "no-cache", "vary": "authorization", "etag": self.etag, **self.headers}

    @cached_property
    def raw_headers(self) -> Sequence[tuple[bytes, bytes]]:
        """The same as ASGI sends them with the whole document."""
        sent = {**self.public_headers, "content-type": "application/json", "content-length": str(len(self.body))}
        return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in sent.items()]

    @cached_property
    def _parts(self) -> Sequence[bytes]:
        # JSON escapes a quote inside a text as \", so nothing else in the document equals the member.
        return self.body.split(_NOT_WISHED)

    def with_wishes(self, wished: Collection[int]) -> bytes:
        """The document for a caller whose wishlist holds those products."""
        if not any(product_id in wished for product_id in self.cards):
            return self.body
        first, *rest = self._parts
        marks = [_WISHED if product_id in wished else _NOT_WISHED for product_id in self.cards]
        return first + b"".join(mark + part for mark, part in zip(marks, rest, strict=True))


class DocumentCache:
    """The documents of one version of the catalogue, the least recently used ones dropped. Safe to use from threads.

    Args:
        max_bytes: How many bytes the documents take at most; 0 caches none.
    """

    def __init__(self, max_bytes: int) -> None:
        self._lock = Lock()
        self._version: int | None = None
        self._documents: LRUCache[Key, Document] = LRUCache(max_bytes, getsizeof=_size)

    def find(self, key: Key, version: int | None) -> Document | None:
        """The document that was cached for a version of the catalogue; None also if the version is not known."""
        with self._lock:
            return self._documents.get(key) if version == self._version else None

    def add(self, key: Key, version: int, document: Document) -> None:
        """Caches a document that was read when the catalogue had that version or a later one."""
        if len(key[-1]) > _MAX_QUERY or _size(document) > self._documents.maxsize:
            return
        with self._lock:
            if self._version is not None and version < self._version:
                return
            if version != self._version:
                self._version = version
                self._documents.clear()
            self._documents[key] = document


def _size(document: Document) -> int:
    return len(document.body) + _OVERHEAD
