"""Reads for the page of one product."""

from typing import Any, Final
from urllib.parse import urlencode

import attrs

from sellout_core.catalogue.slugs import MAX_SLUG
from sellout_core.errors import InvalidFields, NotFound
from sellout_core.people.accounts import Actor
from sellout_core.shopping.wishlist import WishedProducts
from sellout_core.use_cases.catalogue import finding
from sellout_core.use_cases.shopping import wishlists
from sellout_core.values import MAX_ID, MAX_SKU, ProductId
from sellout_http.api.handler_context import ReadContext
from sellout_http.api.operations import Access, Catalogue, Group, Reply
from sellout_http.api.queries import catalogue_query
from sellout_http.api.queries.query_parameters import Parameter
from sellout_http.runtime.executor import Workload
from sellout_http.schemas import catalogue_serializers, responses, samples, serializers

group = Group("Product pages", "What a page about one product shows and links to.")


_SKU: Final = Parameter(
    "query", "sku", "The sku of the product.", {"type": "string", "maxLength": MAX_SKU}, required=True
)
_SLUG: Final = Parameter(
    "query",
    "slug",
    "The slug of the product, its present one or an old one.",
    {"type": "string", "maxLength": MAX_SLUG + len(f"--{MAX_ID}")},
    required=True,
)
_CARD: Final[Any] = samples.answer("GET", "/product_unit/product_main/{product_id}/{user_id}")


def _wished_by_caller(context: ReadContext) -> WishedProducts:
    return wishlists.read_wished(context.shop, context.actor, context.user_id)


_CATALOGUE: Final = Catalogue(cards=lambda card: (card.id,), wished=_wished_by_caller)


@group.read(
    "/product/suggest",
    Access.ANON,
    errors=(InvalidFields,),
    parameters=(catalogue_query.Q,),
    catalogue=Catalogue(workload=lambda _: Workload.SEARCH),
    reply_example={
        "brands": [{"id": 1, "name": "Nike"}],
        "products": [{"id": 1, "name": "Air Force 1", "slug": "nike-air-force-1", "min_price": 7}],
    },
)
def suggest(context: ReadContext) -> responses.Suggestions:
    """The first products and brands that a reader may mean while typing, at most 10 of each.

    Each word of `q` is a word of the name, the brands or the sku; the last one begins one. Without a word, nothing is
    suggested. Products are sorted by id, brands by name.
    """
    text = catalogue_query.read_query(context).text
    return catalogue_serializers.suggestions(finding.suggest(context.shop, context.actor, text))


@group.read(
    "/product/by_sku",
    Access.ANON,
    errors=(InvalidFields, NotFound),
    parameters=(_SKU,),
    catalogue=_CATALOGUE,
    reply_example=_CARD,
)
def show_card_by_sku(context: ReadContext) -> responses.ProductCard:
    """The card of the product with a sku."""
    return serializers.product_card(
        finding.read_card_by_sku(context.shop, _reader(context), _SKU.text(context.query.get("sku", ()), "known_sku"))
    )


@group.read(
    "/product/by_slug",
    Access.ANON,
    statuses=(200, 301),
    errors=(InvalidFields, NotFound),
    parameters=(_SLUG,),
    catalogue=_CATALOGUE,
    reply_headers={"Location": "Of a 301: this path with the present slug."},
    reply_example=_CARD,
)
def show_card_by_slug(context: ReadContext) -> Reply[responses.ProductCard]:
    """The card of the product with a slug.

    For an old slug the response is a 301 to the present one.
    """
    slug = _SLUG.text(context.query.get("slug", ()), "known_slug")
    card = finding.read_card_by_slug(context.shop, _reader(context), slug)
    document = serializers.product_card(card)
    if card.slug == slug:
        return Reply(document, 200)
    return Reply(document, 301, {"location": f"{context.prefix}/product/by_slug?{urlencode({'slug': card.slug})}"})


def _wished_among_related(context: ReadContext, product_id: ProductId) -> WishedProducts:  # noqa: ARG001 - the path's id
    return _wished_by_caller(context)


@group.read(
    "/product/related/{product_id}",
    Access.ANON,
    catalogue=Catalogue(
        workload=lambda _: Workload.SEARCH,
        cards=lambda cards: tuple(card.id for card in cards),
        wished=_wished_among_related,
    ),
    reply_example=[_CARD],
)
def list_related(context: ReadContext, product_id: ProductId) -> tuple[responses.ProductCard, ...]:
    """Up to 20 other listed products that share a brand and a category with a product, the most viewed first.

    The latest views of all users rank the products; of equal ones, the newest is first. A product without a brand or a
    category has no related products.
    """
    return tuple(map(serializers.product_card, finding.read_related(context.shop, context.actor, product_id)))


@group.read(
    "/product_unit/min_price/{product_id}",
    Access.ANON,
    catalogue=Catalogue(),
    reply_example=[
        {
            "size": {"id": 2, "INT": "M", "US": "8", "UK": "7", "EU": "41", "IT": "41", "RU": "40", "product": 1},
            "min_price": 100,
        }
    ],
)
def list_size_prices(context: ReadContext, product_id: ProductId) -> tuple[responses.SizePrice, ...]:
    """The lowest price of a product in each of its sizes.

    Sizes are sorted by id. A size that no unit has is omitted.
    """
    prices = finding.read_size_prices(context.shop, context.actor, product_id)
    return tuple(map(catalogue_serializers.size_price, prices))


def _reader(context: ReadContext) -> Actor:
    """The caller without a wishlist, which is added to the document afterwards (`Catalogue.wished`)."""
    return attrs.evolve(context.actor, user_id=None)
