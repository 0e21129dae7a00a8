"""The product cache: products and cards in process, for read-only transactions; and the cached reference tables.

Most of the time of a cart or a wishlist is spent on converting rows to products. Products of one catalogue version do
not change. A transaction reads the version in its own snapshot, so the cache never returns stale products. Transactions
that write do not use the cache.
"""

import time
from collections.abc import Callable, Collection, Mapping
from threading import Lock
from typing import Final, Generic, TypeVar

import attrs
from cachetools import LRUCache
from sqlalchemy import func, select

from sellout_adapters.sql.schema.tables.catalogue import catalogue, catalogue_changes
from sellout_core.catalogue.products import Card, Product, References
from sellout_core.values import ProductId

T = TypeVar("T")
_LAST_VERSION: Final = select(func.max(catalogue_changes.c.version)).scalar_subquery()
VERSIONS: Final = select(
    func.coalesce(_LAST_VERSION, catalogue.c.version).label("version"), catalogue.c.references_version
)
"""The catalogue's version, and the version of its reference tables. Each change of their rows changes both."""

MAX_CHARACTERS: Final = 8 * 2**20
"""The approximate maximum number of cached characters of products, and the same of cards."""

_OVERHEAD: Final = 1000

_RECENT: Final = 1.0
"""How long a version is recent after it was read, in seconds."""


class _EntityCache(Generic[T]):
    """An LRU cache of products or cards by id, of up to `MAX_CHARACTERS`.

    Args:
        product_of: Returns the product of an entity.
    """

    def __init__(self, product_of: Callable[[T], Product]) -> None:
        self._lock = Lock()
        self._entities: LRUCache[ProductId, T] = LRUCache(
            MAX_CHARACTERS, getsizeof=lambda entity: _characters(product_of(entity))
        )

    def find(
        self, product_ids: Collection[ProductId], read: Callable[[Collection[ProductId]], Mapping[ProductId, T]]
    ) -> dict[ProductId, T]:
        """The entities with those ids. `read` returns missing ones, which are then cached."""
        found, missing = dict[ProductId, T](), []
        with self._lock:
            for product_id in product_ids:
                if product_id in self._entities:
                    found[product_id] = self._entities[product_id]
                else:
                    missing.append(product_id)
        if missing:
            fresh = read(missing)
            found.update(fresh)
            with self._lock:
                self._entities.update(fresh)
        return found


def _characters(product: Product) -> int:
    return len(product.description) + len(product.name) + len(product.bucket_link) + _OVERHEAD


@attrs.frozen(eq=False)
class CachedCatalogue:
    """The cached products of one version of the catalogue, and the cards for anonymous callers."""

    version: int
    products: _EntityCache[Product] = attrs.field(factory=lambda: _EntityCache[Product](lambda product: product))
    cards: _EntityCache[Card] = attrs.field(factory=lambda: _EntityCache[Card](lambda card: card.product))


@attrs.frozen(eq=False)
class CachedReferences:
    """The reference tables at a version. A version does not tell which rows have been added to it."""

    version: int
    rows: References = References({}, {}, {}, {}, {}, {}, {}, {}, {})

    def is_newer(self, other: "CachedReferences") -> bool:
        """Whether these rows replace the others: they are of a later version, or there are more."""
        return (self.version, _size(self.rows)) > (other.version, _size(other.rows))


UNREAD: Final = CachedReferences(-1)


def _size(references: References) -> int:
    return sum(map(len, attrs.astuple(references, recurse=False)))


class ProductCache:
    """The product cache of a store, for the latest version read. Any number of threads may use it."""

    def __init__(self) -> None:
        self._latest = CachedCatalogue(-1)

    def of(self, version: int) -> CachedCatalogue:
        """The cache of a version. For an older version it is empty and not shared."""
        latest = self._latest
        if latest.version < version:
            latest = self._latest = CachedCatalogue(version)
        return latest if latest.version == version else CachedCatalogue(version)


class RecentVersion:
    """The catalogue version that was read last. Any number of threads may use it."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._expirations = 0
        self._known: tuple[int, float] | None = None

    def version(self) -> int | None:
        """The version if it is recent, otherwise None. Runs no statement."""
        known = self._known
        return known[0] if known is not None and time.monotonic() < known[1] else None

    def refresh(self, read: Callable[[], int]) -> int:
        """Returns the version from `read`, and caches it unless `expire` was called meanwhile. Its age counts from the
        start of the call.
        """
        begun, expirations = time.monotonic(), self._expirations
        version = read()
        with self._lock:
            if expirations == self._expirations:
                self._known = version, begun + _RECENT
        return version

    def expire(self) -> None:
        """Discards the version: this process may have changed it."""
        with self._lock:
            self._expirations += 1
            self._known = None
