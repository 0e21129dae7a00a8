"""Reads and changes wishlists."""

from collections.abc import Iterable, Sequence

import attrs

from sellout_core import values
from sellout_core.catalogue.products import NO_SIZE, Size
from sellout_core.errors import AlreadyInWishlist, LimitReached, NotFound, SizeOfAnotherProduct
from sellout_core.people.accounts import Actor
from sellout_core.ports.store import Transaction
from sellout_core.shop import ReadingShop, Shop
from sellout_core.shopping.wishlist import WishedProducts, WishlistUnit, wished_products
from sellout_core.use_cases.catalogue.browsing import found_product
from sellout_core.use_cases.people.users import locked_user, require_existing_user
from sellout_core.values import ProductId, SizeId, UserId, WishlistUnitId
from sellout_core.views import WishlistUnitView, wishlist_unit_view

__all__ = ["add_to_wishlist", "change_size", "delete_from_wishlist", "read_wished", "read_wishlist"]


def read_wishlist(shop: ReadingShop, actor: Actor, user_id: UserId) -> tuple[WishlistUnitView, ...]:
    """The user's wishlist, in order of entry.

    Raises:
        Unauthenticated, Forbidden: the actor is neither that user nor staff.
        NotFound: there is no such user.
    """
    actor.require_user(user_id)

    def work(tx: Transaction) -> tuple[WishlistUnitView, ...]:
        require_existing_user(tx, actor, user_id)
        wishlist = tx.wishlists.of(user_id)
        return _views(tx, wishlist.units, wishlist.units)

    return shop.store.read(work)


def read_wished(shop: ReadingShop, actor: Actor, user_id: UserId) -> WishedProducts:
    """The products on the user's wishlist.

    Raises:
        Unauthenticated, Forbidden: the actor is neither that user nor staff.
        NotFound: there is no such user.
    """
    actor.require_user(user_id)

    def work(tx: Transaction) -> WishedProducts:
        require_existing_user(tx, actor, user_id)
        return tx.wishlists.products_of(user_id)

    return shop.store.read(work)


def add_to_wishlist(
    shop: Shop, actor: Actor, user_id: UserId, product_id: ProductId, size_id: SizeId | None
) -> tuple[WishlistUnitView, bool]:
    """Adds a product in a size to the wishlist. Returns the unit, and whether the wishlist did not have it before.

    `size_id` None stands for the product's "no size".

    Raises:
        Unauthenticated, Forbidden: the actor is neither that user nor staff.
        NotFound: there is no such user, product or size, or the product is not listed and the actor is not staff.
        SizeOfAnotherProduct: the size belongs to another product.
        LimitReached: the wishlist is full.
    """
    actor.require_user(user_id)

    def work(tx: Transaction) -> tuple[WishlistUnitView, bool]:
        locked_user(tx, user_id)
        found_product(tx, actor, product_id)
        size = _no_size(tx, product_id) if size_id is None else _found_size(tx, size_id, product_id)
        wishlist = tx.wishlists.of(user_id)
        unit = wishlist.holding(size.id)
        if unit is None and len(wishlist.units) >= values.MAX_WISHLIST:
            raise LimitReached(values.MAX_WISHLIST)
        card = unit or tx.wishlists.add(user_id, size)
        return _views(tx, [card], {*wishlist.units, card})[0], unit is None

    return shop.store.write(work)


def change_size(
    shop: Shop, actor: Actor, user_id: UserId, wishlist_unit_id: WishlistUnitId, size_id: SizeId
) -> WishlistUnitView:
    """Changes the size of a wishlist unit to another size of its product.

    Raises:
        Unauthenticated, Forbidden: the actor is neither that user nor staff.
        NotFound: the user's wishlist has no such unit, or there is no such size.
        SizeOfAnotherProduct: the size belongs to another product.
        AlreadyInWishlist: another unit of the wishlist has that size.
    """
    actor.require_user(user_id)

    def work(tx: Transaction) -> WishlistUnitView:
        locked_user(tx, user_id)
        unit = tx.wishlists.unit(wishlist_unit_id)
        if unit is None or unit.user_id != user_id:
            raise NotFound
        wishlist = tx.wishlists.of(user_id)
        holder = wishlist.holding(size_id)
        changed = attrs.evolve(unit, size=_found_size(tx, size_id, unit.product_id))
        if holder is not None and holder.id != unit.id:
            raise AlreadyInWishlist
        tx.wishlists.save(changed)
        return _views(tx, [changed], wishlist.units)[0]

    return shop.store.write(work)


def delete_from_wishlist(shop: Shop, actor: Actor, wishlist_unit_id: WishlistUnitId) -> WishlistUnitView:
    """Deletes a unit from its wishlist and returns it.

    Raises:
        Unauthenticated: the actor is anonymous.
        NotFound: there is no such unit, or it belongs to another user and the actor is not staff.
    """
    actor.require_known()

    def work(tx: Transaction) -> WishlistUnitView:
        found = tx.wishlists.unit(wishlist_unit_id)
        if found is None or not actor.may_see(found.user_id):
            raise NotFound
        locked_user(tx, found.user_id)
        # The owner is known after the unit was read. A concurrent transaction may have deleted it before the lock.
        held = {unit.id: unit for unit in tx.wishlists.of(found.user_id).units}
        if wishlist_unit_id not in held:
            raise NotFound
        card = _views(tx, [held[wishlist_unit_id]], held.values())[0]
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


def _views(
    tx: Transaction, units: Sequence[WishlistUnit], held: Iterable[WishlistUnit]
) -> tuple[WishlistUnitView, ...]:
    """The views of units of one wishlist, which has the units `held`. Their cards are those for its owner."""
    found = tx.cards.get_many({unit.product_id for unit in units}, None)
    wished = wished_products((unit.product_id, unit.id) for unit in held)
    cards = {product_id: attrs.evolve(card, wishlist_unit_ids=wished[product_id]) for product_id, card in found.items()}
    cheapest = tx.units.cheapest({unit.size.id for unit in units})
    references = tx.references.snapshot()
    return tuple(
        wishlist_unit_view(unit, cards[unit.product_id], cheapest.get(unit.size.id), references) for unit in units
    )
