"""Documents of the catalogue, encoded once for everybody who reads them, and kept while the catalogue stays as it is.

What is kept belongs to a version of the catalogue. A process that changes the catalogue knows at once; what others
change it sees within a second (`Store.recent_catalogue_version`).
"""

import hashlib
from collections import OrderedDict
from collections.abc import Collection, Mapping, Sequence
from functools import cached_property
from threading import Lock
from typing import Any, Final

import attrs

from sellout_core.ports import Store
from sellout_http.edge import PREFIX, Application, Receive, Scope, Send
from sellout_http.logs import ENTRY

Key = tuple[str, str, bytes]
"""A document's prefix, path and query."""

_LONGEST_KEY: Final = 512
_OVERHEAD: Final = 1024
"""About how many bytes a document takes beside its own."""

_TELLING: Final = (b"authorization", b"origin")
"""Headers on which an answer may depend."""

_NOT_WISHED: Final = b'"in_wishlist":false'
_WISHED: Final = b'"in_wishlist":true'


@attrs.frozen(slots=False)
class Document:
    """An encoded document that nobody in particular reads; `cards` are the products of the cards in it, in order."""

    route: str
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

    @property
    def enabled(self) -> bool:
        """Whether anything is kept."""
        return self._max_bytes > 0

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
        if len(key[1]) + len(key[2]) > _LONGEST_KEY or size > self._max_bytes:
            return
        with self._lock:
            if version != self._version:
                self._version, self._kept, self._bytes = version, OrderedDict(), 0
            if key not in self._kept:
                self._kept[key] = document
                self._bytes += size
            while self._bytes > self._max_bytes:
                _, dropped = self._kept.popitem(last=False)
                self._bytes -= len(dropped.body) + _OVERHEAD


class CachedAnswers:
    """An ASGI application in front of the routed one, which answers from what is kept when nobody says who asks."""

    def __init__(self, app: Application, documents: Documents, store: Store) -> None:
        self._app = app
        self._documents = documents
        self._store = store

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers, or passes the request on."""
        document = self._found(scope)
        if document is None:
            await self._app(scope, receive, send)
            return
        scope[ENTRY].route = document.route
        tags = [value.decode("latin-1") for name, value in scope["headers"] if name == b"if-none-match"]
        if tags and document.matches(tags):
            headers = [(name.encode(), value.encode()) for name, value in document.public_headers.items()]
            await send({"type": "http.response.start", "status": 304, "headers": headers})
            await send({"type": "http.response.body", "body": b""})
            return
        await send({"type": "http.response.start", "status": 200, "headers": document.raw_headers})
        await send({"type": "http.response.body", "body": document.body})

    def _found(self, scope: Scope) -> Document | None:
        if scope["type"] != "http" or scope["method"] != "GET":
            return None
        version = self._store.recent_catalogue_version()
        if version is None or any(name in _TELLING for name, _ in scope["headers"]):
            return None
        return self._documents.find(key_of(scope), version)


def key_of(scope: Mapping[str, Any]) -> Key:
    """What a request's document is kept under."""
    return scope[PREFIX], scope["path"], scope["query_string"]
