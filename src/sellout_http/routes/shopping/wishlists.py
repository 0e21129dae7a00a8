"""Wishlists."""

from typing import Final

from sellout_core.errors import AlreadyInWishlist, LimitReached, SizeOfAnotherProduct
from sellout_core.use_cases.shopping import wishlists
from sellout_core.values import ProductId, SizeId, UserId, WishlistUnitId
from sellout_core.views import WishlistUnitView
from sellout_http.api.handler_context import ReadContext, WriteContext
from sellout_http.api.operations import Access, Group, Reply
from sellout_http.schemas import responses, samples, serializers

group = Group("Wishlists", "The products, with sizes, that users wish for.")
_CARD: Final = samples.answer("GET", "/wishlist/{user_id}")[0]


@group.read("/wishlist/{user_id}", Access.USER)
def show_wishlist(context: ReadContext, user_id: UserId) -> tuple[responses.WishlistUnit, ...]:
    """A user's wishlist, in order of entry."""
    return tuple(map(serializers.wishlist_unit, wishlists.read_wishlist(context.shop, context.actor, user_id)))


@group.write(
    "POST",
    "/wishlist/add/{user_id}/{product_id}/{size_id}",
    Access.USER,
    statuses=(201, 200),
    errors=(SizeOfAnotherProduct, LimitReached),
    reply_example=_CARD,
)
def add_to_wishlist(
    context: WriteContext, user_id: UserId, product_id: ProductId, size_id: SizeId
) -> Reply[responses.WishlistUnit]:
    """Add a product in a size to the wishlist.

    If the wishlist has it already, the response is the existing card with status 200.
    """
    return _added(*wishlists.add_to_wishlist(context.shop, context.actor, user_id, product_id, size_id))


@group.write("DELETE", "/wishlist/delete/{wishlist_unit_id}", Access.USER, reply_example=_CARD)
def delete_from_wishlist(context: WriteContext, wishlist_unit_id: WishlistUnitId) -> responses.WishlistUnit:
    """Delete a card from the wishlist and return it."""
    return serializers.wishlist_unit(wishlists.delete_from_wishlist(context.shop, context.actor, wishlist_unit_id))


@group.write(
    "POST",
    "/wishlist/add_no_size/{user_id}/{product_id}",
    Access.USER,
    statuses=(201, 200),
    errors=(LimitReached,),
    reply_example=_CARD,
)
def add_to_wishlist_without_size(
    context: WriteContext, user_id: UserId, product_id: ProductId
) -> Reply[responses.WishlistUnit]:
    """Add a product to the wishlist without a size.

    If the wishlist has it already, the response is the existing card with status 200.
    """
    return _added(*wishlists.add_to_wishlist(context.shop, context.actor, user_id, product_id, None))


@group.write(
    "POST",
    "/wishlist/change_size/{user_id}/{wishlist_unit_id}/{size_id}",
    Access.USER,
    errors=(SizeOfAnotherProduct, AlreadyInWishlist),
    reply_example=_CARD,
)
def change_size(
    context: WriteContext, user_id: UserId, wishlist_unit_id: WishlistUnitId, size_id: SizeId
) -> responses.WishlistUnit:
    """Change the size of a card to another size of its product."""
    return serializers.wishlist_unit(
        wishlists.change_size(context.shop, context.actor, user_id, wishlist_unit_id, size_id)
    )


def _added(view: WishlistUnitView, new: bool) -> Reply[responses.WishlistUnit]:
    return Reply(serializers.wishlist_unit(view), 201 if new else 200)
