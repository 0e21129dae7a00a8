"""Ports of the catalogue."""

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from sellout_core.catalogue import (
    Card,
    NewProduct,
    NewProductUnit,
    NewSize,
    Product,
    ProductUnit,
    ReferenceNames,
    References,
    Size,
)
from sellout_core.search import CatalogueQuery, FacetCounts
from sellout_core.values import (
    ProductId,
    ProductUnitId,
    SizeId,
    UserId,
)

__all__ = ["Cards", "Products", "ReferenceTables", "Sizes", "Units"]


class ReferenceTables(Protocol):
    """The small tables. A new store holds the genders `M` (1) and `F` (2) and the order status `pending` (1)."""

    def snapshot(self) -> References:
        """The small tables, at least every row that anything loaded in this transaction refers to."""

    def ensure(self, names: ReferenceNames) -> References:
        """The small tables after adding the names that were not there; new ids go up in alphabetical order."""


class Products(Protocol):
    """Products as they are stored."""

    def get_many(self, product_ids: Collection[ProductId]) -> Mapping[ProductId, Product]:
        """The products of those ids."""

    def after(self, product_id: int, limit: int) -> Sequence[Product]:
        """The first `limit` products with ids above `product_id`, by id, listed or not."""

    def by_sku(self, skus: Collection[str]) -> Mapping[str, Product]:
        """The products with those skus. No other transaction changes what
        `Store.write` reads here before it ends.
        """

    def add_many(self, products: Sequence[NewProduct]) -> Sequence[ProductId]:
        """Stores new products; the ids, going up, in the order given. No sku may exist."""

    def save_many(self, products: Sequence[Product]) -> None:
        """Writes existing products."""


class Cards(Protocol):
    """Products as readers see them in lists. The wishlist of `wishlist_of` decides `in_wishlist`; None: false."""

    def get_many(self, product_ids: Collection[ProductId], wishlist_of: UserId | None) -> Mapping[ProductId, Card]:
        """The cards of those products, listed or not."""

    def page(self, offset: int, limit: int, wishlist_of: UserId | None) -> Sequence[Card]:
        """Up to `limit` cards of listed products, by id, after leaving out the first `offset`."""

    def search(self, query: CatalogueQuery, offset: int, limit: int, wishlist_of: UserId | None) -> Sequence[Card]:
        """Up to `limit` cards of listed products that match the query (`search.matches`), in its order
        (`search.place`), after leaving out the first `offset`. A name that the store does not know yet may take another
        statement.
        """

    def facets(self, query: CatalogueQuery) -> FacetCounts:
        """The counts (`search.count_facets`) of all listed products that match; statements as for `search`."""


class Sizes(Protocol):
    """Sizes of products."""

    def get_many(self, size_ids: Collection[SizeId]) -> Mapping[SizeId, Size]:
        """The sizes of those ids."""

    def of_products(self, product_ids: Collection[ProductId]) -> Sequence[Size]:
        """Every size of those products, by id."""

    def add_many(self, sizes: Sequence[NewSize]) -> Sequence[Size]:
        """Stores new sizes, in the order given. A product never has two sizes of one grid."""


class Units(Protocol):
    """Product units."""

    def get_many(self, unit_ids: Collection[ProductUnitId]) -> Mapping[ProductUnitId, ProductUnit]:
        """The units of those ids."""

    def of_products(self, product_ids: Collection[ProductId]) -> Sequence[ProductUnit]:
        """Every unit of those products, by id. No other transaction changes or sells what `Store.write` reads here
        before it ends.
        """

    def cheapest(self, size_ids: Collection[SizeId]) -> Mapping[SizeId, ProductUnit]:
        """For each size its product's cheapest available unit in that size, the lowest id among equals; in any size,
        for a "no size". Sizes without such a unit are left out.
        """

    def add_many(self, units: Sequence[NewProductUnit]) -> Sequence[ProductUnitId]:
        """Stores new units; the ids, going up, in the order given."""

    def save_many(self, units: Sequence[ProductUnit]) -> None:
        """Writes existing units."""

    def take(self, units: Collection[ProductUnit]) -> Mapping[ProductUnitId, ProductUnit]:
        """Takes one piece of each unit, in ascending order of id, and returns those it got, as they are after it.
        Limited stock goes down by one and never below zero; what reaches zero becomes unavailable. `sold` goes up by
        one in the same step, for units bought to order too. An unavailable unit is not got. If a unit's price is no
        longer what this transaction read, its work is run again.
        """
