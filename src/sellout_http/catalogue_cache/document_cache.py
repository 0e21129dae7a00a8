"""Documents of the catalogue, encoded once for everybody who reads them, and kept while the catalogue stays as it is.

What is kept belongs to a version of the catalogue. A process that changes the catalogue knows at once; what others
change it sees within a second (`Store.recent_catalogue_version`).
"""

import hashlib
from collections import OrderedDict
from collections.abc import Collection, Mapping, Sequence
from functools import cached_property
from threading import Lock
from typing import Final

import attrs

Key = tuple[str, str, tuple[int, ...], bytes]
"""A document's prefix, route, ids and query."""

_LONGEST_KEY: Final = 512
_OVERHEAD: Final = 1024
"""About how many bytes a document takes beside its own."""

_NOT_WISHED: Final = b'"in_wishlist":false'
_WISHED: Final = b'"in_wishlist":true'


@attrs.frozen(slots=False)
class Document:
    """An encoded document that nobody in particular reads; `cards` are the products of the cards in it, in order."""

    body: bytes
    cards: tuple[int, ...] = ()
    headers: Mapping[str, str] = attrs.field(factory=dict)

    @cached_property
    def etag(self) -> str:
        """The same for the same bytes, in every process (RFC 9110, section 8.8.3)."""
        return f'"{hashlib.blake2b(self.body, digest_size=16).hexdigest()}"'

    @cached_property
    def public_headers(self) -> Mapping[str, str]:
        """What tells caches to ask whether it is still so, each time."""
        return {"cache-control": "no-cache", "vary": "authorization", "etag": self.etag, **self.headers}

    @cached_property
    def raw_headers(self) -> Sequence[tuple[bytes, bytes]]:
        """The same as they are sent, for the document whole."""
        sent = {**self.public_headers, "content-type": "application/json", "content-length": str(len(self.body))}
        return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in sent.items()]

    @cached_property
    def _parts(self) -> Sequence[bytes]:
        # A quote within a text is written as \", so nothing else in the document reads like the member.
        return self.body.split(_NOT_WISHED)

    def for_reader(self, wished: Collection[int]) -> bytes:
        """The document as somebody reads it who wishes for those products."""
        if not any(product_id in wished for product_id in self.cards):
            return self.body
        first, *rest = self._parts
        marks = [_WISHED if product_id in wished else _NOT_WISHED for product_id in self.cards]
        return first + b"".join(mark + part for mark, part in zip(marks, rest, strict=True))

    def matches(self, tags: Sequence[str]) -> bool:
        """Whether one of the entity tags of an `If-None-Match` is its (RFC 9110, section 13.1.2)."""
        sent = [tag.strip() for line in tags for tag in line.split(",")]
        return "*" in sent or any(tag.removeprefix("W/") == self.etag for tag in sent)


class Documents:
    """At most so many bytes of documents, those that were asked for longest ago going first; 0 keeps none. Any number
    of threads may use it.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._lock = Lock()
        self._bytes = 0
        self._version: int | None = None
        self._kept: OrderedDict[Key, Document] = OrderedDict()

    def find(self, key: Key, version: int) -> Document | None:
        """The document that was kept for a version of the catalogue."""
        with self._lock:
            document = self._kept.get(key) if version == self._version else None
            if document is not None:
                self._kept.move_to_end(key)
            return document

    def keep(self, key: Key, version: int, document: Document) -> None:
        """Keeps a document that was read when the catalogue had that version or a later one."""
        size = len(document.body) + _OVERHEAD
        if len(key[-1]) > _LONGEST_KEY or size > self._max_bytes:
            return
        with self._lock:
            if self._version is not None and version < self._version:
                return
            if version != self._version:
                self._version, self._kept, self._bytes = version, OrderedDict(), 0
            if key not in self._kept:
                self._kept[key] = document
                self._bytes += size
            while self._bytes > self._max_bytes:
                _, dropped = self._kept.popitem(last=False)
                self._bytes -= len(dropped.body) + _OVERHEAD
