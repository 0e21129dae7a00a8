"""Wishlists: each user has one, with products in sizes."""

from collections import defaultdict
from collections.abc import Iterable, Mapping

import attrs

from sellout_core.catalogue.products import Size
from sellout_core.values import ProductId, SizeId, UserId, WishlistUnitId


@attrs.frozen
class WishlistUnit:
    """A product in a size on a wishlist."""

    id: WishlistUnitId
    user_id: UserId
    size: Size

    @property
    def product_id(self) -> ProductId:
        """The id of the product."""
        return self.size.product_id


WishedProducts = Mapping[ProductId, tuple[WishlistUnitId, ...]]
"""The products of a wishlist, each with the ids of its units in ascending order."""


@attrs.frozen
class Wishlist:
    """A user's wishlist, in order of entry. It has each size once."""

    user_id: UserId
    units: tuple[WishlistUnit, ...]

    def holding(self, size_id: SizeId) -> WishlistUnit | None:
        """The unit in that size. None: there is none."""
        return next((unit for unit in self.units if unit.size.id == size_id), None)


def wished_products(units: Iterable[tuple[ProductId, WishlistUnitId]]) -> WishedProducts:
    """The products of some units of a wishlist, which are given as pairs of a product and the unit's id."""
    unit_ids: defaultdict[ProductId, list[WishlistUnitId]] = defaultdict(list)
    for product_id, unit_id in units:
        unit_ids[product_id].append(unit_id)
    return {product_id: tuple(sorted(ids)) for product_id, ids in unit_ids.items()}
