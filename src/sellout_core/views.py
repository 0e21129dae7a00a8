"""The read models: frozen documents, and the pure functions that assemble them from rows that a store loaded.

Names of brands, categories and tags come from `References`. A product has one of three shapes
(docs/http-contract.md#documents): the flat `Product` with ids, the expanded `ProductView` with names, or the
`CardView`.
"""

from collections.abc import Iterable, Mapping
from typing import Final, TypeVar

import attrs

from sellout_core.accounts import Actor, User
from sellout_core.catalogue import (
    Card,
    Named,
    Product,
    Products,
    ProductUnit,
    ProductView,
    References,
    Size,
    UnitView,
    product_view,
    unit_view,
)
from sellout_core.ordering import Order, PromoCode, Quote
from sellout_core.search import COLUMNS, FacetCounts, SizeValue, band_end
from sellout_core.values import CartId, Money, UserId, WishlistUnitId
from sellout_core.wishlist import WishlistUnit

__all__ = [
    "MAX_COUNTED",
    "CardView",
    "CartView",
    "CountedBand",
    "CountedName",
    "CountedSize",
    "Facets",
    "OrderView",
    "Page",
    "PromoCodeView",
    "QuoteView",
    "UserView",
    "WishlistUnitView",
    "card_view",
    "facets_view",
    "order_view",
    "user_view",
    "wishlist_unit_view",
]

Id = TypeVar("Id", bound=int)

MAX_COUNTED: Final = 100
"""How many entries a facet has at most; a column of a size is one facet."""


@attrs.frozen
class CardView:
    """A product as a list shows it."""

    product: ProductView
    min_price: Money | None
    in_wishlist: bool


@attrs.frozen
class Page:
    """A page of the catalogue; `number` counts from 1."""

    number: int
    items: tuple[CardView, ...]
    has_next: bool


@attrs.frozen
class CountedName:
    """A brand, category or gender, and how many products of a search have it."""

    row: Named
    count: int


@attrs.frozen
class CountedSize:
    """A size's value, and how many products of a search can be had in it."""

    size: SizeValue
    count: int


@attrs.frozen
class CountedBand:
    """A band of prices, both ends included, and how many products of a search begin at one."""

    price_min: Money
    price_max: Money
    count: int


@attrs.frozen
class Facets:
    """What the products that match a query have: the most frequent first, then by id or name; bands by price."""

    products: int
    brands: tuple[CountedName, ...]
    categories: tuple[CountedName, ...]
    genders: tuple[CountedName, ...]
    sizes: tuple[CountedSize, ...]
    bands: tuple[CountedBand, ...]


@attrs.frozen
class WishlistUnitView:
    """A wishlist's card: the product, the chosen size, and the cheapest available unit in it."""

    id: WishlistUnitId
    card: CardView
    size: Size
    unit: UnitView | None


@attrs.frozen
class UserView:
    """A user as they and staff see them. `gender` is named; `last_viewed` is latest first."""

    user: User
    gender: Named | None
    last_viewed: tuple[Product, ...]


@attrs.frozen
class CartView:
    """A cart with today's prices, units that became unavailable included."""

    id: CartId
    user: UserView
    units: tuple[UnitView, ...]


@attrs.frozen
class PromoCodeView:
    """A promo code; its owner as the reader may see them: None in place of what is personal."""

    promo_code: PromoCode
    owner_id: UserId
    owner: UserView | None


@attrs.frozen
class OrderView:
    """An order; the people in it as they are now."""

    order: Order
    user: UserView
    promo_code: PromoCodeView | None
    status: Named

    @property
    def units(self) -> tuple[UnitView, ...]:
        """The units as they were agreed."""
        return tuple(line.unit for line in self.order.lines)


@attrs.frozen
class QuoteView:
    """What a promo code would save on some units of a cart."""

    promo_code: PromoCode
    full: Quote
    discounted: Quote

    @property
    def saving(self) -> Money:
        """How much less the order would cost."""
        return Money(self.full.total - self.discounted.total)


def card_view(card: Card, references: References) -> CardView:
    """A card with its product's names."""
    return CardView(product_view(card.product, references), card.min_price, card.in_wishlist)


def facets_view(counts: FacetCounts, references: References) -> Facets:
    """Counts with their names, cut to the most frequent ones."""
    return Facets(
        counts.products,
        _counted(counts.brands, references.brands),
        _counted(counts.categories, references.categories),
        _counted(counts.genders, references.genders),
        tuple(size for column in COLUMNS for size in _counted_sizes(column, counts.sizes)),
        tuple(CountedBand(start, band_end(start), count) for start, count in sorted(counts.bands.items())),
    )


def _counted(counts: Mapping[Id, int], rows: Mapping[Id, Named]) -> tuple[CountedName, ...]:
    often = sorted(counts.items(), key=lambda counted: (-counted[1], counted[0]))
    return tuple(CountedName(rows[row_id], count) for row_id, count in often[:MAX_COUNTED])


def _counted_sizes(column: str, counts: Mapping[SizeValue, int]) -> Iterable[CountedSize]:
    own = (CountedSize(size, count) for size, count in counts.items() if size.column == column)
    return sorted(own, key=lambda counted: (-counted.count, counted.size))[:MAX_COUNTED]


def wishlist_unit_view(
    unit: WishlistUnit, card: Card, cheapest: ProductUnit | None, references: References
) -> WishlistUnitView:
    """A wishlist's card."""
    products = {card.product.id: card.product}
    return WishlistUnitView(
        unit.id,
        card_view(card, references),
        unit.size,
        None if cheapest is None else unit_view(cheapest, products, references),
    )


def user_view(user: User, products: Products, references: References) -> UserView:
    """A user with the products they viewed last."""
    return UserView(
        user,
        None if user.gender_id is None else references.genders[user.gender_id],
        tuple(products[product_id] for product_id in user.last_viewed if product_id in products),
    )


def order_view(
    order: Order, people: Mapping[UserId, User], products: Products, references: References, reader: Actor
) -> OrderView:
    """An order as this reader may see it. `people` holds its buyer and, if the reader may see them, its promo code's
    owner; `products` those that these viewed last.
    """

    def shown(user_id: UserId) -> UserView:
        return user_view(people[user_id], products, references)

    code = order.promo_code
    return OrderView(
        order,
        shown(order.buyer_id),
        None
        if code is None
        else PromoCodeView(code, code.owner_id, shown(code.owner_id) if reader.may_see(code.owner_id) else None),
        references.statuses[order.status_id],
    )
