"""The wishlist: read, add, add without a size, change the size, delete."""

from collections.abc import Collection, Sequence

import attrs

from sellout_core import values
from sellout_core.accounts import Actor
from sellout_core.catalogue import NO_SIZE, Size
from sellout_core.errors import AlreadyInWishlist, LimitReached, NotFound, SizeOfAnotherProduct
from sellout_core.ports.store import Transaction
from sellout_core.shop import ReadingShop, Shop
from sellout_core.use_cases.browsing import found_product
from sellout_core.use_cases.users import held_user, require_user_there
from sellout_core.values import ProductId, SizeId, UserId, WishlistUnitId
from sellout_core.views import WishlistUnitView, wishlist_unit_view
from sellout_core.wishlist import WishlistUnit

__all__ = ["add_to_wishlist", "change_size", "delete_from_wishlist", "read_wished", "read_wishlist"]


def read_wishlist(shop: ReadingShop, actor: Actor, user_id: UserId) -> tuple[WishlistUnitView, ...]:
    """The user's wishlist, in order of entry.

    Raises:
        Unauthenticated, Forbidden: the actor is neither that user nor staff.
        NotFound: there is no such user.
    """
    actor.require_user(user_id)

    def work(tx: Transaction) -> tuple[WishlistUnitView, ...]:
        require_user_there(tx, actor, user_id)
        return _views(tx, tx.wishlists.of(user_id).units)

    return shop.store.read(work)


def read_wished(shop: ReadingShop, actor: Actor, user_id: UserId) -> Collection[ProductId]:
    """The products that the user's wishlist holds, in whatever sizes.

    Raises:
        Unauthenticated, Forbidden: the actor is neither that user nor staff.
        NotFound: there is no such user.
    """
    actor.require_user(user_id)

    def work(tx: Transaction) -> Collection[ProductId]:
        require_user_there(tx, actor, user_id)
        return tx.wishlists.products_of(user_id)

    return shop.store.read(work)


def add_to_wishlist(
    shop: Shop, actor: Actor, user_id: UserId, product_id: ProductId, size_id: SizeId | None
) -> tuple[WishlistUnitView, bool]:
    """Puts a product in a size (None: in no size) on the wishlist; says whether it was not there before.

    Raises:
        Unauthenticated, Forbidden: the actor is neither that user nor staff.
        NotFound: there is no such user, product or size.
        SizeOfAnotherProduct: the size is not one of the product's.
        LimitReached: the wishlist is full.
    """
    actor.require_user(user_id)

    def work(tx: Transaction) -> tuple[WishlistUnitView, bool]:
        held_user(tx, user_id)
        found_product(tx, product_id)
        size = _no_size(tx, product_id) if size_id is None else _found_size(tx, size_id, product_id)
        wishlist = tx.wishlists.of(user_id)
        unit = wishlist.holding(size.id)
        if unit is None and len(wishlist.units) >= values.MAX_WISHLIST:
            raise LimitReached(values.MAX_WISHLIST)
        card = unit or tx.wishlists.add(user_id, size)
        return _views(tx, [card])[0], unit is None

    return shop.store.write(work)


def change_size(
    shop: Shop, actor: Actor, user_id: UserId, wishlist_unit_id: WishlistUnitId, size_id: SizeId
) -> WishlistUnitView:
    """Puts another size of the same product in the place of a wishlist unit's size.

    Raises:
        Unauthenticated, Forbidden: the actor is neither that user nor staff.
        NotFound: that wishlist has no such unit, or there is no such size.
        SizeOfAnotherProduct: the size is not one of the product's.
        AlreadyInWishlist: another unit of the wishlist is in that size.
    """
    actor.require_user(user_id)

    def work(tx: Transaction) -> WishlistUnitView:
        held_user(tx, user_id)
        unit = tx.wishlists.unit(wishlist_unit_id)
        if unit is None or unit.user_id != user_id:
            raise NotFound
        holder = tx.wishlists.of(user_id).holding(size_id)
        changed = attrs.evolve(unit, size=_found_size(tx, size_id, unit.product_id))
        if holder is not None and holder.id != unit.id:
            raise AlreadyInWishlist
        tx.wishlists.save(changed)
        return _views(tx, [changed])[0]

    return shop.store.write(work)


def delete_from_wishlist(shop: Shop, actor: Actor, wishlist_unit_id: WishlistUnitId) -> WishlistUnitView:
    """Takes a unit off its wishlist and returns its card as it was.

    Raises:
        Unauthenticated: the actor is anonymous.
        NotFound: there is no such unit on a wishlist of the actor's (any wishlist, for staff).
    """
    actor.require_known()

    def work(tx: Transaction) -> WishlistUnitView:
        found = tx.wishlists.unit(wishlist_unit_id)
        if found is None or not actor.may_see(found.user_id):
            raise NotFound
        held_user(tx, found.user_id)
        # Whose it is shows only once it is loaded; who deletes it is settled only once the owner is held.
        unit = tx.wishlists.unit(wishlist_unit_id)
        if unit is None:
            raise NotFound
        card = _views(tx, [unit])[0]
        tx.wishlists.delete(wishlist_unit_id)
        return card

    return shop.store.write(work)


def _found_size(tx: Transaction, size_id: SizeId, product_id: ProductId) -> Size:
    size = tx.sizes.get_many([size_id]).get(size_id)
    if size is None:
        raise NotFound
    if size.product_id != product_id:
        raise SizeOfAnotherProduct
    return size


def _no_size(tx: Transaction, product_id: ProductId) -> Size:
    return next(size for size in tx.sizes.of_products([product_id]) if size.grid == NO_SIZE)


def _views(tx: Transaction, units: Sequence[WishlistUnit]) -> tuple[WishlistUnitView, ...]:
    """Cards of one wishlist's units."""
    # The wishlist of the cards' owner holds them.
    found = tx.cards.get_many({unit.product_id for unit in units}, None)
    cards = {product_id: attrs.evolve(card, in_wishlist=True) for product_id, card in found.items()}
    cheapest = tx.units.cheapest({unit.size.id for unit in units})
    references = tx.references.snapshot()
    return tuple(
        wishlist_unit_view(unit, cards[unit.product_id], cheapest.get(unit.size.id), references) for unit in units
    )
