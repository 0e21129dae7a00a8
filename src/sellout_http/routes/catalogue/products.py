"""The catalogue: products, pages of cards, and product units."""

from functools import partial
from typing import Final

from sellout_core import values
from sellout_core.errors import InvalidFields, NotFound
from sellout_core.shopping.wishlist import WishedProducts
from sellout_core.use_cases.catalogue import browsing
from sellout_core.use_cases.catalogue.browsing import ViewEvent
from sellout_core.use_cases.shopping import wishlists
from sellout_core.values import ProductId, UserId
from sellout_http.api.handler_context import ReadContext
from sellout_http.api.operations import Access, Catalogue, Group, Reply
from sellout_http.api.preconditions import whole
from sellout_http.api.queries import catalogue_query
from sellout_http.api.queries.query_parameters import Parameter
from sellout_http.runtime.executor import Workload
from sellout_http.schemas import responses, serializers
from sellout_http.schemas.responses.long_lists import LongList

group = Group("Products", "The catalogue.")

_PAGE_SIZE: Final = Parameter(
    "query",
    "page_size",
    "The number of products on a page.",
    {"type": "integer", "minimum": 1, "maximum": values.MAX_PAGE_SIZE, "default": values.PAGE_SIZE},
)


@group.read("/product", Access.ADMIN)
def list_products(context: ReadContext) -> LongList[responses.Product]:
    """All products, by id, listed or not."""
    return LongList(partial(browsing.read_products, context.shop, context.actor), serializers.product)


@group.read("/product/{product_id}", Access.ADMIN, tagged=whole)
def show_product(context: ReadContext, product_id: ProductId) -> responses.Product:
    """One product, listed or not."""
    return serializers.product(browsing.read_product(context.shop, context.actor, product_id))


def _wished_by_caller(context: ReadContext, num_page: int) -> WishedProducts:  # noqa: ARG001 - the path's id
    return wishlists.read_wished(context.shop, context.actor, context.user_id)


@group.read(
    "/product/all/{num_page}",
    Access.ANON,
    errors=(InvalidFields,),
    parameters=(_PAGE_SIZE, *catalogue_query.PARAMETERS),
    catalogue=Catalogue(
        workload=catalogue_query.workload,
        cards=lambda page: tuple(card.id for card in page.items),
        wished=_wished_by_caller,
    ),
    reply_headers={
        "Link": 'The previous (rel="prev"), the next (rel="next") and the last page (rel="last"), if they exist and are'
        " known.",
        "X-Total-Pages": "The number of pages. Always sent without a search; with one, if the server has the count.",
    },
)
def show_page(context: ReadContext, num_page: int) -> Reply[responses.ProductPage]:
    """A page of listed products, by default sorted by id.

    The first page is 1. A page after the last one is empty. `in_wishlist` refers to the wishlist of the caller. Each
    product satisfies all filters. A filter with a value that does not exist matches nothing.
    """
    sent = context.query.get(_PAGE_SIZE.name, ())
    query = catalogue_query.read_query(context)
    page = browsing.read_page(context.shop, context.actor, num_page, _PAGE_SIZE.number(sent) or values.PAGE_SIZE, query)
    linked = [
        ("prev", num_page - 1, num_page > 1),
        ("next", num_page + 1, page.has_next),
        ("last", page.last, page.last is not None),
    ]
    query_string = catalogue_query.link_query(context, _PAGE_SIZE)
    links = ", ".join(
        f'<{context.prefix}/product/all/{number}{query_string}>; rel="{rel}"' for rel, number, there in linked if there
    )
    total = {} if page.last is None else {"x-total-pages": str(page.last)}
    return Reply(serializers.page(page), 200, ({"link": links} if links else {}) | total)


@group.read(
    "/product/facets",
    Access.ANON,
    errors=(InvalidFields,),
    parameters=catalogue_query.PARAMETERS,
    catalogue=Catalogue(workload=lambda _: Workload.SEARCH),
    reply_example={
        "count": 2,
        "brands": [{"id": 1, "name": "Nike", "count": 2}],
        "categories": [{"id": 1, "name": "Sport", "count": 1}],
        "genders": [{"id": 1, "name": "M", "count": 2}],
        "sizes": [{"size": "EU:42", "count": 2}],
        "prices": [{"price_min": 100, "price_max": 199, "count": 2}],
        "tags": [{"id": 1, "name": "New", "count": 1}],
    },
)
def show_facets(context: ReadContext) -> responses.Facets:
    """The number of listed products that match a search, in all and for each brand, category, gender, size, price
    band and tag.

    The parameters are those of `/product/all/{num_page}`; `sort` has no effect. Each list has at most 100 entries, the
    most frequent first; `sizes` has at most 100 for each column. `sizes` and `prices` have the values that the
    parameters take.
    """
    return serializers.facets(browsing.read_facets(context.shop, context.actor, catalogue_query.read_query(context)))


@group.read("/product_unit/product/{product_id}", Access.ANON, catalogue=Catalogue())
def list_units(context: ReadContext, product_id: ProductId) -> tuple[responses.ProductUnit, ...]:
    """All product units of a product, by id, including unavailable ones."""
    return tuple(map(serializers.unit, browsing.read_units(context.shop, context.actor, product_id)))


def _wished_by_user(context: ReadContext, product_id: ProductId, user_id: UserId) -> WishedProducts:  # noqa: ARG001 - the path's id
    if not user_id or not context.actor.may_see(user_id):
        return {}
    try:
        return wishlists.read_wished(context.shop, context.actor, user_id)
    except NotFound:
        # For a user who does not exist, staff get the anonymous card.
        return {}


def _view(context: ReadContext, product_id: ProductId, user_id: UserId) -> ViewEvent | None:
    return ViewEvent(context.actor, user_id, product_id) if user_id and context.actor.may_see(user_id) else None


@group.read(
    "/product_unit/product_main/{product_id}/{user_id}",
    Access.ANON,
    catalogue=Catalogue(cards=lambda card: (card.id,), wished=_wished_by_user, view=_view),
)
def show_card(context: ReadContext, product_id: ProductId, user_id: UserId) -> responses.ProductCard:  # noqa: ARG001 - the path's id
    """A product's card.

    For the user of the token, and for staff, the card is personal, and the user's view of the product is recorded. For
    other callers, and with `user_id` 0, it is the card for an anonymous user.
    """
    return serializers.product_card(browsing.read_card(context.shop, context.actor, product_id))
