"""Products kept in process, made of rows already, for transactions that only read.

To make products of rows is most of what a cart or a wishlist costs. What was read of the catalogue stays so as long as
its version does, and whoever reads asks for the version in the same snapshot; so what is kept is never older than what
would have been read instead. Transactions that write read everything themselves.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Final, TypeVar

import attrs
from sqlalchemy import select

from sellout_adapters.sql.tables import catalogue
from sellout_core.catalogue import Card, Product
from sellout_core.values import ProductId

T = TypeVar("T")

VERSION: Final = select(catalogue.c.version)
MOST: Final = 4096
"""How many products are kept, and as many cards."""


@attrs.frozen(eq=False)
class Kept:
    """What is kept of one version of the catalogue: products, and cards as nobody in particular sees them."""

    version: int
    products: dict[ProductId, Product] = attrs.field(factory=dict)
    cards: dict[ProductId, Card] = attrs.field(factory=dict)


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


def found(
    kept: dict[ProductId, T],
    product_ids: Collection[ProductId],
    read: Callable[[Collection[ProductId]], Mapping[ProductId, T]],
) -> dict[ProductId, T]:
    """Those that are kept, and those that are not as they are read, which are kept from then on."""
    known = {product_id: kept[product_id] for product_id in product_ids if product_id in kept}
    missing = [product_id for product_id in product_ids if product_id not in known]
    if missing:
        fresh = read(missing)
        known.update(fresh)
        if len(kept) + len(fresh) <= MOST:
            kept.update(fresh)
    return known
