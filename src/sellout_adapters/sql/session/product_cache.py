"""Products kept in process, made of rows already, for transactions that only read.

To make products of rows is most of what a cart or a wishlist costs. What was read of the catalogue stays so as long as
its version does, and whoever reads asks for the version in the same snapshot; so what is kept is never older than what
would have been read instead. Transactions that write read everything themselves.
"""

from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping
from threading import Lock
from typing import Final, Generic, TypeVar

import attrs
from sqlalchemy import select

from sellout_adapters.sql.schema.catalogue_tables import catalogue
from sellout_core.catalogue import Card, Product
from sellout_core.values import ProductId

T = TypeVar("T")

VERSION: Final = select(catalogue.c.version)
MOST: Final = 8 * 2**20
"""About how many characters of products are kept, and as many of cards."""

_OVERHEAD: Final = 1000


class Things(Generic[T]):
    """Products or cards by id, no more than fit; those that were asked for longest ago go first.

    Args:
        product_of: The product that a thing shows.
    """

    def __init__(self, product_of: Callable[[T], Product]) -> None:
        self._product_of = product_of
        self._lock = Lock()
        self._things: OrderedDict[ProductId, T] = OrderedDict()
        self._size = 0

    def find(
        self, product_ids: Collection[ProductId], read: Callable[[Collection[ProductId]], Mapping[ProductId, T]]
    ) -> dict[ProductId, T]:
        """Those that are kept, and those that are not as they are read, which are kept from then on."""
        with self._lock:
            known = {product_id: self._things[product_id] for product_id in product_ids if product_id in self._things}
            for product_id in known:
                self._things.move_to_end(product_id)
        missing = [product_id for product_id in product_ids if product_id not in known]
        if missing:
            fresh = read(missing)
            known.update(fresh)
            self._keep(fresh)
        return known

    def _keep(self, fresh: Mapping[ProductId, T]) -> None:
        with self._lock:
            for product_id, thing in fresh.items():
                if product_id not in self._things:
                    self._things[product_id] = thing
                    self._size += self._size_of(thing)
            while self._size > MOST:
                self._size -= self._size_of(self._things.popitem(last=False)[1])

    def _size_of(self, thing: T) -> int:
        product = self._product_of(thing)
        return len(product.description) + len(product.name) + len(product.bucket_link) + _OVERHEAD


@attrs.frozen(eq=False)
class Kept:
    """What is kept of one version of the catalogue: products, and cards as nobody in particular sees them."""

    version: int
    products: Things[Product] = attrs.field(factory=lambda: Things[Product](lambda product: product))
    cards: Things[Card] = attrs.field(factory=lambda: Things[Card](lambda card: card.product))


class Keeper:
    """What a store keeps; any number of threads may use it."""

    def __init__(self) -> None:
        self._kept = Kept(-1)

    def of(self, version: int) -> Kept:
        """What is kept of a version; of one that is past, nothing."""
        kept = self._kept
        if kept.version < version:
            kept = self._kept = Kept(version)
        return kept if kept.version == version else Kept(version)
