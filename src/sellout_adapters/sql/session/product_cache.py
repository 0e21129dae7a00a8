"""The product cache: products and cards in process, for transactions that only read.

Most of the time that a cart or a wishlist takes goes into making products of rows. A product stays the same as long as
the version of the catalogue does. A transaction reads the version in its own snapshot, so a cached product is never
older than the one that it would read. Transactions that write do not use the cache.
"""

from collections.abc import Callable, Collection, Mapping
from threading import Lock
from typing import Final, Generic, TypeVar

import attrs
from cachetools import LRUCache
from sqlalchemy import select

from sellout_adapters.sql.schema.catalogue_tables import catalogue
from sellout_core.catalogue import Card, Product
from sellout_core.values import ProductId

T = TypeVar("T")

VERSION: Final = select(catalogue.c.version)
MAX_CHARACTERS: Final = 8 * 2**20
"""About how many characters of products are cached at most, and as many of cards."""

_OVERHEAD: Final = 1000


class _EntityCache(Generic[T]):
    """Products or cards by id, up to `MAX_CHARACTERS`; the least recently used ones are removed first.

    Args:
        product_of: The product of an entity.
    """

    def __init__(self, product_of: Callable[[T], Product]) -> None:
        self._lock = Lock()
        self._entities: LRUCache[ProductId, T] = LRUCache(
            MAX_CHARACTERS, getsizeof=lambda entity: _size(product_of(entity))
        )

    def find(
        self, product_ids: Collection[ProductId], read: Callable[[Collection[ProductId]], Mapping[ProductId, T]]
    ) -> dict[ProductId, T]:
        """The entities of those ids. `read` gives the missing ones, which are cached."""
        with self._lock:
            found = {
                product_id: self._entities[product_id] for product_id in product_ids if product_id in self._entities
            }
        missing = [product_id for product_id in product_ids if product_id not in found]
        if missing:
            fresh = read(missing)
            found.update(fresh)
            with self._lock:
                self._entities.update(fresh)
        return found


def _size(product: Product) -> int:
    return len(product.description) + len(product.name) + len(product.bucket_link) + _OVERHEAD


@attrs.frozen(eq=False)
class CachedCatalogue:
    """The cached products of one version of the catalogue, and its cards as an anonymous caller gets them."""

    version: int
    products: _EntityCache[Product] = attrs.field(factory=lambda: _EntityCache[Product](lambda product: product))
    cards: _EntityCache[Card] = attrs.field(factory=lambda: _EntityCache[Card](lambda card: card.product))


class ProductCache:
    """The product cache of a store, of the latest version that a transaction saw. Any number of threads may use it."""

    def __init__(self) -> None:
        self._latest = CachedCatalogue(-1)

    def of(self, version: int) -> CachedCatalogue:
        """The cache of a version. That of an older version is empty and not shared."""
        latest = self._latest
        if latest.version < version:
            latest = self._latest = CachedCatalogue(version)
        return latest if latest.version == version else CachedCatalogue(version)
