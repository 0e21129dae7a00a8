"""What people would like to have: one wishlist a user, holding products in sizes."""

import attrs

from sellout_core.catalogue import Size
from sellout_core.values import ProductId, SizeId, UserId, WishlistUnitId


@attrs.frozen
class WishlistUnit:
    """A product in a size on a wishlist."""

    id: WishlistUnitId
    user_id: UserId
    size: Size

    @property
    def product_id(self) -> ProductId:
        """The product wished for."""
        return self.size.product_id


@attrs.frozen
class Wishlist:
    """A user's wishlist, in order of entry, never holding a size twice."""

    user_id: UserId
    units: tuple[WishlistUnit, ...]

    def holding(self, size_id: SizeId) -> WishlistUnit | None:
        """The unit in that size, if there is one."""
        return next((unit for unit in self.units if unit.size.id == size_id), None)
