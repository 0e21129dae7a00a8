"""Looking at the catalogue: pages, products, cards and product units."""

from collections.abc import Callable, Sequence

import attrs

from sellout_core import values
from sellout_core.accounts import Actor
from sellout_core.catalogue import Card, Product, ProductView, UnitView, product_view, unit_view
from sellout_core.errors import InvalidField, InvalidFields, NotFound
from sellout_core.ports.lists import WHOLE, Part, in_batches
from sellout_core.ports.store import Transaction
from sellout_core.search import EVERYTHING, CatalogueQuery
from sellout_core.shop import ReadingShop, Shop
from sellout_core.values import ProductId, UserId
from sellout_core.views import CardView, Facets, Page, card_view, facets_view

__all__ = [
    "View",
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
    """A page of the listed products that match a query, in its order, `size` (1 to 100) a page; one past the end is
    empty. For anybody.

    Raises:
        InvalidFields: the page's size is out of its limits.
        NotFound: pages count from 1 to 2^53-1.
    """
    if fault := values.between(1, values.MAX_PAGE_SIZE)(size):
        raise InvalidFields((InvalidField("page_size", fault.reason, fault.code),))
    if not 1 <= number <= values.MAX_ID:
        raise NotFound

    def work(tx: Transaction) -> Page:
        window = ((number - 1) * size, size + 1, actor.user_id)
        cards = tx.cards.page(*window) if query == EVERYTHING else tx.cards.search(query, *window)
        references = tx.references.snapshot()
        return Page(number, tuple(card_view(card, references) for card in cards[:size]), len(cards) > size)

    return shop.store.read(work)


def read_facets(shop: ReadingShop, actor: Actor, query: CatalogueQuery = EVERYTHING) -> Facets:  # noqa: ARG001 - anybody may
    """What the listed products that match a query have: brands, categories, genders, sizes and prices. For anybody."""
    return shop.store.read(lambda tx: facets_view(tx.cards.facets(query), tx.references.snapshot()))


def read_products(
    shop: ReadingShop, actor: Actor, sink: Callable[[Sequence[ProductView]], None], part: Part = WHOLE
) -> int | None:
    """Passes products, listed or not, to `sink` in batches, by id, as one state of the shop; for staff.

    Returns:
        The id after which there are more; None where the part holds the last.

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
    """One product; for staff.

    Raises:
        Unauthenticated, Forbidden: the actor is not staff.
        NotFound: there is no such product.
    """
    actor.require_staff()

    def work(tx: Transaction) -> ProductView:
        return product_view(found_product(tx, product_id), tx.references.snapshot())

    return shop.store.read(work)


def read_units(shop: ReadingShop, actor: Actor, product_id: ProductId) -> tuple[UnitView, ...]:  # noqa: ARG001 - anybody may
    """Every product unit of a product, by id, unavailable ones included; for anybody.

    Raises:
        NotFound: there is no such product.
    """

    def work(tx: Transaction) -> tuple[UnitView, ...]:
        products = {product_id: found_product(tx, product_id)}
        units = tx.units.of_products([product_id])
        references = tx.references.snapshot()
        return tuple(unit_view(unit, products, references) for unit in units)

    return shop.store.read(work)


def read_card(shop: ReadingShop, actor: Actor, product_id: ProductId) -> CardView:  # noqa: ARG001 - anybody may
    """A product's card as an anonymous reader sees it; for anybody.

    Raises:
        NotFound: there is no such product.
    """

    def work(tx: Transaction) -> CardView:
        return card_view(_found_card(tx, product_id, None), tx.references.snapshot())

    return shop.store.read(work)


def view_card(shop: Shop, actor: Actor, product_id: ProductId, user_id: UserId | None) -> CardView:
    """A product's card, for anybody. For users who ask for themselves, and for staff who ask for a user, it is
    personal, and notes that the user viewed the product. For any other actor, and for a user who does not exist, it is
    as for None.

    Raises:
        NotFound: there is no such product.
    """
    if user_id is None or not actor.may_see(user_id):
        return read_card(shop, actor, product_id)

    def work(tx: Transaction) -> CardView:
        card = _found_card(tx, product_id, user_id)
        tx.views.note([(user_id, product_id)])
        return card_view(card, tx.references.snapshot())

    return shop.store.write(work)


@attrs.frozen
class View:
    """A user looked at a product; `actor` says so."""

    actor: Actor
    user_id: UserId
    product_id: ProductId


def note_view(shop: Shop, view: View) -> None:
    """Notes that a user viewed a product, perhaps after waiting for a lock. A user who does not exist is
    passed over.

    Raises:
        Unauthenticated, Forbidden: the actor is neither that user nor staff.
    """
    view.actor.require_user(view.user_id)
    shop.store.write(lambda tx: tx.views.note([(view.user_id, view.product_id)]))


def note_views(shop: Shop, views: Sequence[View]) -> Sequence[View]:
    """Notes many views at once, in the order given. It never waits: it returns the views whose users are locked or do
    not exist, and does not note them.

    Raises:
        Unauthenticated, Forbidden: one of the actors is neither that user nor staff; nothing is noted.
    """
    for view in views:
        view.actor.require_user(view.user_id)

    def work(tx: Transaction) -> Sequence[View]:
        free = tx.views.free({view.user_id for view in views})
        tx.views.note((view.user_id, view.product_id) for view in views if view.user_id in free)
        return [view for view in views if view.user_id not in free]

    return shop.store.write(work)


def found_product(tx: Transaction, product_id: ProductId) -> Product:
    """The product.

    Raises:
        NotFound: there is no such product.
    """
    product = tx.products.get_many([product_id]).get(product_id)
    if product is None:
        raise NotFound
    return product


def _found_card(tx: Transaction, product_id: ProductId, wishlist_of: UserId | None) -> Card:
    card = tx.cards.get_many([product_id], wishlist_of).get(product_id)
    if card is None:
        raise NotFound
    return card
