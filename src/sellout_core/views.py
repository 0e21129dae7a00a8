"""The read models, and pure functions that build them from rows of a store.

Names of brands, categories and tags come from `References`. A product has one of three shapes
(docs/http-contract.md#documents): the flat `Product` with ids, the expanded `ProductView` with names, or the
`CardView`.
"""

from collections.abc import Iterable, Mapping
from typing import Final, TypeVar

import attrs

from sellout_core.catalogue.products import (
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
from sellout_core.catalogue.search import COLUMNS, FacetCounts, SizeValue, band_end
from sellout_core.people.accounts import Actor, User
from sellout_core.shopping.ordering import Order, PromoCode, Quote
from sellout_core.shopping.totals import CartTotals
from sellout_core.shopping.wishlist import WishlistUnit
from sellout_core.values import CartId, Money, UserId, WishlistUnitId

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
    "promo_code_view",
    "user_view",
    "wishlist_unit_view",
]

Id = TypeVar("Id", bound=int)

MAX_COUNTED: Final = 100
"""The maximum number of entries of a facet. Each column of a size is a facet."""


@attrs.frozen
class CardView:
    """A card with the names of its product's references."""

    product: ProductView
    min_price: Money | None
    wishlist_unit_ids: tuple[WishlistUnitId, ...]
    slug: str

    @property
    def in_wishlist(self) -> bool:
        """Whether the reader's wishlist has the product."""
        return bool(self.wishlist_unit_ids)


@attrs.frozen
class Page:
    """A page of the catalogue. The first `number` is 1. `last` is the number of the last page. None: it is unknown."""

    number: int
    items: tuple[CardView, ...]
    has_next: bool
    last: int | None


@attrs.frozen
class CountedName:
    """A brand, category, gender or tag, and the number of matching products with it."""

    row: Named
    count: int


@attrs.frozen
class CountedSize:
    """A size value, and the number of matching products that are available in it."""

    size: SizeValue
    count: int


@attrs.frozen
class CountedBand:
    """A price band, both ends included, and the number of matching products with their lowest price in it."""

    price_min: Money
    price_max: Money
    count: int


@attrs.frozen
class Facets:
    """The facets of a search. The most frequent values come first, equally frequent ones by id or size. Bands are
    sorted by price.
    """

    products: int
    brands: tuple[CountedName, ...]
    categories: tuple[CountedName, ...]
    genders: tuple[CountedName, ...]
    sizes: tuple[CountedSize, ...]
    bands: tuple[CountedBand, ...]
    tags: tuple[CountedName, ...]


@attrs.frozen
class WishlistUnitView:
    """A card of a wishlist: the product, the chosen size, and the cheapest available unit in it."""

    id: WishlistUnitId
    card: CardView
    size: Size
    unit: UnitView | None


@attrs.frozen
class UserView:
    """A user, for the user and for staff. `last_viewed` has the latest product first."""

    user: User
    gender: Named | None
    last_viewed: tuple[Product, ...]


@attrs.frozen
class CartView:
    """A cart with today's prices, including units that have become unavailable."""

    id: CartId
    user: UserView
    units: tuple[UnitView, ...]
    totals: CartTotals | None
    """The price of the units that can be bought now, for the user. None: they have prices in several currencies."""


@attrs.frozen
class PromoCodeView:
    """A promo code with its owner. None: the reader may not see the owner's data."""

    promo_code: PromoCode
    owner_id: UserId
    owner: UserView | None


@attrs.frozen
class OrderView:
    """An order, with the current data of its users."""

    order: Order
    user: UserView
    promo_code: PromoCodeView | None
    status: Named

    @property
    def units(self) -> tuple[UnitView, ...]:
        """The units as they were at checkout."""
        return tuple(line.unit for line in self.order.lines)


@attrs.frozen
class QuoteView:
    """The quotes for units of a cart without and with a promo code."""

    promo_code: PromoCode
    full: Quote
    discounted: Quote

    @property
    def saving(self) -> Money:
        """The difference of the two totals."""
        return Money(self.full.total - self.discounted.total)


def card_view(card: Card, references: References) -> CardView:
    """A card with the names of its product's references."""
    return CardView(product_view(card.product, references), card.min_price, card.wishlist_unit_ids, card.slug)


def facets_view(counts: FacetCounts, references: References) -> Facets:
    """The most frequent counts, with their names."""
    return Facets(
        counts.products,
        _counted(counts.brands, references.brands),
        _counted(counts.categories, references.categories),
        _counted(counts.genders, references.genders),
        tuple(size for column in COLUMNS for size in _counted_sizes(column, counts.sizes)),
        tuple(CountedBand(start, band_end(start), count) for start, count in sorted(counts.bands.items())),
        _counted(counts.tags, references.tags),
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
    """A card of a wishlist."""
    products = {card.product.id: card.product}
    return WishlistUnitView(
        unit.id,
        card_view(card, references),
        unit.size,
        None if cheapest is None else unit_view(cheapest, products, references),
    )


def user_view(user: User, products: Products, references: References) -> UserView:
    """A user with the last viewed products."""
    return UserView(
        user,
        None if user.gender_id is None else references.genders[user.gender_id],
        tuple(filter(None, map(products.get, user.last_viewed))),
    )


def promo_code_view(
    promo_code: PromoCode, people: Mapping[UserId, User], products: Products, references: References, reader: Actor
) -> PromoCodeView:
    """A promo code as this reader may see it. `people` and `products` are as for `order_view`."""
    owner_id = promo_code.owner_id
    shown = user_view(people[owner_id], products, references) if reader.may_see(owner_id) else None
    return PromoCodeView(promo_code, owner_id, shown)


def order_view(
    order: Order, people: Mapping[UserId, User], products: Products, references: References, reader: Actor
) -> OrderView:
    """An order for a reader.

    Args:
        order: The order.
        people: The buyer, and the owner of the promo code if the reader may see the owner's data.
        products: The last viewed products of these users.
        references: The references.
        reader: The caller.
    """
    code = order.promo_code
    return OrderView(
        order,
        user_view(people[order.buyer_id], products, references),
        None if code is None else promo_code_view(code, people, products, references, reader),
        references.statuses[order.status_id],
    )
