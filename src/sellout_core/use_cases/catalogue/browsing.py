"""Reads the catalogue: pages, facets, products, cards and product units. Records views."""

from collections.abc import Callable, Sequence

import attrs

from sellout_core import values
from sellout_core.catalogue.products import Card, Product, ProductView, UnitView, product_view, unit_view
from sellout_core.catalogue.search import EVERYTHING, CatalogueQuery
from sellout_core.errors import InvalidField, InvalidFields, NotFound
from sellout_core.people.accounts import Actor
from sellout_core.ports.lists import WHOLE, Part, in_batches
from sellout_core.ports.store import Transaction
from sellout_core.shop import ReadingShop, Shop
from sellout_core.values import ProductId, UserId
from sellout_core.views import CardView, Facets, Page, card_view, facets_view

__all__ = [
    "ViewEvent",
    "found_card",
    "found_product",
    "note_view",
    "note_views",
    "read_card",
    "read_facets",
    "read_page",
    "read_product",
    "read_products",
    "read_units",
    "view_card",
]


def read_page(
    shop: ReadingShop, actor: Actor, number: int, size: int = values.PAGE_SIZE, query: CatalogueQuery = EVERYTHING
) -> Page:
    """A page of `size` (1 to 100) listed products that match a query, in its order. A page after the last one is empty.
    Any actor may read it.

    Raises:
        InvalidFields: the size is out of its limits.
        NotFound: the number is not from 1 to 2^53-1.
    """
    if fault := values.between(1, values.MAX_PAGE_SIZE)(size):
        raise InvalidFields((InvalidField("page_size", fault.reason, fault.code),))
    if not 1 <= number <= values.MAX_ID:
        raise NotFound

    def work(tx: Transaction) -> Page:
        window = ((number - 1) * size, size + 1, actor.user_id)
        found = tx.cards.page(*window) if query == EVERYTHING else tx.cards.search(query, *window)
        references = tx.references.snapshot()
        cards = tuple(card_view(card, references) for card in found.cards[:size])
        return Page(number, cards, len(found.cards) > size, found.last(size))

    return shop.store.read(work)


def read_facets(shop: ReadingShop, actor: Actor, query: CatalogueQuery = EVERYTHING) -> Facets:  # noqa: ARG001 - any actor may
    """The facets of the listed products that match a query. Any actor may read them."""
    return shop.store.read(lambda tx: facets_view(tx.cards.facets(query), tx.references.snapshot()))


def read_products(
    shop: ReadingShop, actor: Actor, sink: Callable[[Sequence[ProductView]], None], part: Part = WHOLE
) -> int | None:
    """Passes products, listed or not, to `sink` in batches, by id, from one state of the shop. For staff.

    Returns:
        The last id of the part if more entries follow, otherwise None.

    Raises:
        Unauthenticated, Forbidden: the actor is not staff.
    """
    actor.require_staff()

    def work(tx: Transaction) -> int | None:
        def show(products: Sequence[Product]) -> None:
            references = tx.references.snapshot()
            sink(tuple(product_view(product, references) for product in products))

        return in_batches(part, tx.products.after, show)

    return shop.store.read(work)


def read_product(shop: ReadingShop, actor: Actor, product_id: ProductId) -> ProductView:
    """One product, listed or not. For staff.

    Raises:
        Unauthenticated, Forbidden: the actor is not staff.
        NotFound: there is no such product.
    """
    actor.require_staff()

    def work(tx: Transaction) -> ProductView:
        return product_view(found_product(tx, actor, product_id), tx.references.snapshot())

    return shop.store.read(work)


def read_units(shop: ReadingShop, actor: Actor, product_id: ProductId) -> tuple[UnitView, ...]:
    """All product units of a product, by id, including unavailable ones. Any actor may read them.

    Raises:
        NotFound: there is no such product, or it is not listed and the actor is not staff.
    """

    def work(tx: Transaction) -> tuple[UnitView, ...]:
        products = {product_id: found_product(tx, actor, product_id)}
        units = tx.units.of_products([product_id])
        references = tx.references.snapshot()
        return tuple(unit_view(unit, products, references) for unit in units)

    return shop.store.read(work)


def read_card(shop: ReadingShop, actor: Actor, product_id: ProductId) -> CardView:
    """A product's card for an anonymous user. Any actor may read it.

    Raises:
        NotFound: there is no such product, or it is not listed and the actor is not staff.
    """

    def work(tx: Transaction) -> CardView:
        return card_view(found_card(tx, actor, product_id, None), tx.references.snapshot())

    return shop.store.read(work)


def view_card(shop: Shop, actor: Actor, product_id: ProductId, user_id: UserId | None) -> CardView:
    """A product's card for a user. Records that the user viewed the product. If `user_id` is None, if the user does not
    exist, or if the actor is neither that user nor staff, it is the card for an anonymous user.

    Raises:
        NotFound: there is no such product, or it is not listed and the actor is not staff.
    """
    if user_id is None or not actor.may_see(user_id):
        return read_card(shop, actor, product_id)

    def work(tx: Transaction) -> CardView:
        card = found_card(tx, actor, product_id, user_id)
        _note(tx, user_id, product_id)
        return card_view(card, tx.references.snapshot())

    return shop.store.write(work)


@attrs.frozen
class ViewEvent:
    """A user viewed a product. `actor` is the caller that reports it."""

    actor: Actor
    user_id: UserId
    product_id: ProductId


def note_view(shop: Shop, view: ViewEvent) -> None:
    """Records a view. May wait for a lock. Ignores a user who does not exist.

    Raises:
        Unauthenticated, Forbidden: the actor is neither that user nor staff.
    """
    view.actor.require_user(view.user_id)
    shop.store.write(lambda tx: _note(tx, view.user_id, view.product_id))


def note_views(shop: Shop, views: Sequence[ViewEvent]) -> Sequence[ViewEvent]:
    """Records views, in the order given. It never waits for a lock. Returns the views that it did not record, because
    their users are locked or do not exist.

    Raises:
        Unauthenticated, Forbidden: an actor is neither that user nor staff. No view is recorded.
    """
    for view in views:
        view.actor.require_user(view.user_id)

    def work(tx: Transaction) -> Sequence[ViewEvent]:
        skipped = tx.view_history.note([(view.user_id, view.product_id) for view in views])
        return [view for view in views if view.user_id in skipped]

    return shop.store.write(work)


def _note(tx: Transaction, user_id: UserId, product_id: ProductId) -> None:
    if tx.users.for_update(user_id) is not None:
        tx.view_history.note([(user_id, product_id)])


def found_product(tx: Transaction, actor: Actor, product_id: ProductId) -> Product:
    """The product, if the actor may see it.

    Raises:
        NotFound: there is no such product, or it is not listed and the actor is not staff.
    """
    product = tx.products.get_many([product_id]).get(product_id)
    if product is None or not (product.available or actor.is_staff):
        raise NotFound
    return product


def found_card(tx: Transaction, actor: Actor, product_id: ProductId, wishlist_of: UserId | None) -> Card:
    """The card, if the actor may see it. `wishlist_of` is as for `ports.Cards`.

    Raises:
        NotFound: there is no such product, or it is not listed and the actor is not staff.
    """
    card = tx.cards.get_many([product_id], wishlist_of).get(product_id)
    if card is None or not (card.product.available or actor.is_staff):
        raise NotFound
    return card
