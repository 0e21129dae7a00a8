"""Finds a product by its sku or slug, the products related to one, and those that a reader may mean while typing. Reads
the prices of a product's sizes.
"""

from sellout_core.catalogue.prices import SizePrice, size_prices
from sellout_core.catalogue.search import CatalogueQuery
from sellout_core.catalogue.suggestions import MAX_SUGGESTIONS, Suggestions, suggested_brands, typed_words
from sellout_core.errors import NotFound
from sellout_core.people.accounts import Actor
from sellout_core.ports.store import Transaction
from sellout_core.shop import ReadingShop
from sellout_core.use_cases.catalogue.browsing import found_card, found_product
from sellout_core.values import MAX_RELATED, ProductId
from sellout_core.views import CardView, card_view

__all__ = ["read_card_by_sku", "read_card_by_slug", "read_related", "read_size_prices", "suggest"]


def read_card_by_sku(shop: ReadingShop, actor: Actor, sku: str) -> CardView:
    """The card of the product with a sku, for the actor. Any actor may read it.

    Raises:
        NotFound: there is no such product, or it is not listed and the actor is not staff.
    """

    def work(tx: Transaction) -> CardView:
        product = tx.products.by_sku([sku]).get(sku)
        if product is None:
            raise NotFound
        return card_view(found_card(tx, actor, product.id, actor.user_id), tx.references.snapshot())

    return shop.store.read(work)


def read_card_by_slug(shop: ReadingShop, actor: Actor, slug: str) -> CardView:
    """The card of the product that a slug stands for, for the actor. If the slug is an old one, the card has another.
    Any actor may read it.

    Raises:
        NotFound: there is no such slug, or its product is not listed and the actor is not staff.
    """

    def work(tx: Transaction) -> CardView:
        product_id = tx.slugs.find(slug)
        if product_id is None:
            raise NotFound
        return card_view(found_card(tx, actor, product_id, actor.user_id), tx.references.snapshot())

    return shop.store.read(work)


def read_related(shop: ReadingShop, actor: Actor, product_id: ProductId) -> tuple[CardView, ...]:
    """The cards of up to 20 other listed products that share a brand and a category with a product, the most viewed
    first, for an anonymous user. Any actor may read them.

    Raises:
        NotFound: there is no such product, or it is not listed and the actor is not staff.
    """

    def work(tx: Transaction) -> tuple[CardView, ...]:
        cards = tx.cards.related(found_product(tx, actor, product_id), MAX_RELATED)
        references = tx.references.snapshot()
        return tuple(card_view(card, references) for card in cards)

    return shop.store.read(work)


def read_size_prices(shop: ReadingShop, actor: Actor, product_id: ProductId) -> tuple[SizePrice, ...]:
    """The lowest price of a product in each size that a unit has, by the id of the size. Any actor may read them.

    Raises:
        NotFound: there is no such product, or it is not listed and the actor is not staff.
    """

    def work(tx: Transaction) -> tuple[SizePrice, ...]:
        found_product(tx, actor, product_id)
        return size_prices(tx.units.of_products([product_id]))

    return shop.store.read(work)


def suggest(shop: ReadingShop, actor: Actor, text: str) -> Suggestions:  # noqa: ARG001 - any actor may
    """Up to 10 listed products and 10 brands that a reader may mean by a text, whose last word is being typed. A text
    without words has no suggestions. Any actor may read them.

    Raises:
        InvalidFields: the text is out of its limits.
    """
    typed = typed_words(CatalogueQuery(text=text).text)
    if typed is None:
        return Suggestions((), ())

    def work(tx: Transaction) -> Suggestions:
        products = tx.cards.suggest(typed, MAX_SUGGESTIONS)
        return Suggestions(suggested_brands(typed, tx.references.snapshot().brands.values()), products)

    return shop.store.read(work)
