"""Converts the views of product pages to the documents of the HTTP API."""

from sellout_core.catalogue.prices import SizePrice
from sellout_core.catalogue.suggestions import Suggestions
from sellout_http.schemas import responses
from sellout_http.schemas.serializers import named, size


def size_price(view: SizePrice) -> responses.SizePrice:
    """The lowest price in a size."""
    return responses.SizePrice(size(view.size), view.min_price)


def suggestions(view: Suggestions) -> responses.Suggestions:
    """Brands and products that a reader may mean."""
    products = (
        responses.SuggestedProduct(card.product.id, card.product.name, card.slug, card.min_price)
        for card in view.products
    )
    return responses.Suggestions(tuple(map(named, view.brands)), tuple(products))
