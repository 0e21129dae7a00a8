"""The catalogue: products, pages of cards, and product units."""

from collections.abc import Collection
from functools import partial
from typing import Final

from sellout_core import values
from sellout_core.errors import InvalidFields, NotFound
from sellout_core.use_cases import browsing, wishlists
from sellout_core.use_cases.browsing import View
from sellout_core.values import ProductId, UserId
from sellout_http.api import catalogue_query
from sellout_http.api.handler_context import ReadContext
from sellout_http.api.operations import Access, Catalogue, Group, LongList, Reply
from sellout_http.api.query_parameters import Parameter
from sellout_http.schemas import responses, serializers

group = Group("Products", "The catalogue.")

_PAGE_SIZE: Final = Parameter(
    "query",
    "page_size",
    "How many products a page holds.",
    {"type": "integer", "minimum": 1, "maximum": values.MAX_PAGE_SIZE, "default": values.PAGE_SIZE},
)


@group.read("/product", Access.ADMIN)
def list_products(context: ReadContext) -> LongList[responses.Product]:
    """Every product, by id, listed or not."""
    return LongList(partial(browsing.read_products, context.shop, context.actor), serializers.product)


@group.read("/product/{product_id}", Access.ADMIN)
def show_product(context: ReadContext, product_id: ProductId) -> responses.Product:
    """One product, listed or not."""
    return serializers.product(browsing.read_product(context.shop, context.actor, product_id))


def _callers_wishes(context: ReadContext, num_page: int) -> Collection[int]:  # noqa: ARG001 - the path's id
    return wishlists.read_wished(context.shop, context.actor, context.user_id)


@group.read(
    "/product/all/{num_page}",
    Access.ANON,
    errors=(InvalidFields,),
    parameters=(_PAGE_SIZE, *catalogue_query.PARAMETERS),
    catalogue=Catalogue(
        is_search=catalogue_query.is_search,
        cards=lambda page: tuple(card.id for card in page.items),
        wished=_callers_wishes,
    ),
    reply_headers={"Link": 'The pages before (rel="prev") and after (rel="next") this one, where there are any.'},
)
def show_page(context: ReadContext, num_page: int) -> Reply[responses.ProductPage]:
    """A page of listed products, by id unless asked for otherwise.

    Pages count from 1; one past the end is empty. A token decides `in_wishlist`. A product satisfies all filters that
    are given; what does not exist is found nowhere.
    """
    sent = context.query(_PAGE_SIZE.name)
    query = catalogue_query.read_query(context)
    page = browsing.read_page(context.shop, context.actor, num_page, _PAGE_SIZE.number(sent) or values.PAGE_SIZE, query)
    neighbours = [("prev", num_page - 1, num_page > 1), ("next", num_page + 1, page.has_next)]
    query_string = catalogue_query.query_of_links(context, _PAGE_SIZE)
    links = ", ".join(
        f'<{context.prefix}/product/all/{number}{query_string}>; rel="{rel}"'
        for rel, number, there in neighbours
        if there
    )
    return Reply(serializers.page(page), 200, {"link": links} if links else {})


@group.read(
    "/product/facets",
    Access.ANON,
    errors=(InvalidFields,),
    parameters=catalogue_query.PARAMETERS,
    catalogue=Catalogue(is_search=lambda _: True),
    reply_example={
        "count": 2,
        "brands": [{"id": 1, "name": "Nike", "count": 2}],
        "categories": [{"id": 1, "name": "Sport", "count": 1}],
        "genders": [{"id": 1, "name": "M", "count": 2}],
        "sizes": [{"size": "EU:42", "count": 2}],
        "prices": [{"price_min": 100, "price_max": 199, "count": 2}],
    },
)
def show_facets(context: ReadContext) -> responses.Facets:
    """How many listed products match a search, and how many of them there are of each brand, category, gender, size
    and band of prices.

    Parameters are as for `/product/all/{num_page}`; the order makes no difference. What most products have
    comes first, at most 100 of each kind, and of each column of a size; `sizes` and `prices` are written as the
    parameters want them.
    """
    return serializers.facets(browsing.read_facets(context.shop, context.actor, catalogue_query.read_query(context)))


@group.read("/product_unit/product/{product_id}", Access.ANON, catalogue=Catalogue())
def list_units(context: ReadContext, product_id: ProductId) -> tuple[responses.ProductUnit, ...]:
    """Every product unit of a product, by id, unavailable ones included."""
    return tuple(map(serializers.unit, browsing.read_units(context.shop, context.actor, product_id)))


def _wished(context: ReadContext, product_id: ProductId, user_id: UserId) -> Collection[int]:  # noqa: ARG001 - the path's id
    if not user_id or not context.actor.may_see(user_id):
        return ()
    try:
        return wishlists.read_wished(context.shop, context.actor, user_id)
    except NotFound:
        # Staff who ask for a user who does not exist get the anonymous card.
        return ()


def _view(context: ReadContext, product_id: ProductId, user_id: UserId) -> View | None:
    return View(context.actor, user_id, product_id) if user_id and context.actor.may_see(user_id) else None


@group.read(
    "/product_unit/product_main/{product_id}/{user_id}",
    Access.ANON,
    catalogue=Catalogue(cards=lambda card: (card.id,), wished=_wished, view=_view),
)
def show_card(context: ReadContext, product_id: ProductId, user_id: UserId) -> responses.ProductCard:  # noqa: ARG001 - the path's id
    """A product's card.

    With user_id 0 it is anonymous. For the user of the token, and for staff, it is personal and counts as that user's
    view; for anybody else it is as for 0.
    """
    return serializers.product_card(browsing.read_card(context.shop, context.actor, product_id))
