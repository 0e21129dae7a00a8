"""Ports of the catalogue."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Protocol

from sellout_core.catalogue.pages import CardPage
from sellout_core.catalogue.products import (
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
from sellout_core.catalogue.references import NewReference, Reference, ReferenceKind
from sellout_core.catalogue.search import CatalogueQuery, FacetCounts
from sellout_core.catalogue.suggestions import TypedWords
from sellout_core.values import ProductId, ProductUnitId, SizeId, UserId

__all__ = ["Cards", "Products", "ReferenceTables", "Sizes", "Units"]


class ReferenceTables(Protocol):
    """The reference tables. A new store has the genders `M` (1) and `F` (2) and the order status `pending` (1)."""

    def snapshot(self) -> References:
        """The rows of the reference tables: at least those to which rows refer that this transaction has read."""

    def ensure(
        self, names: ReferenceNames, added: Callable[[ReferenceKind, Reference], None] = lambda _, __: None
    ) -> References:
        """Adds the missing names and returns all rows. New ids ascend in alphabetical order. Calls `added` with each
        new row. Of concurrent transactions, one adds a row.
        """

    def for_update(self, kind: ReferenceKind) -> References:
        """The reference tables, with the rows of one locked until this transaction ends. Of two transactions that lock
        the same table, the later one reads what the earlier one wrote.
        """

    def add(self, kind: ReferenceKind, new: NewReference) -> Reference:
        """Stores a new row of a table obtained from `for_update`. It has no row with that name (and site)."""

    def save(self, kind: ReferenceKind, row: Reference) -> None:
        """Writes an existing row of a table obtained from `for_update`. No other row has its name (and site). Searches
        find products by the new name, and by the category's new place in the tree.
        """

    def merge(self, kind: ReferenceKind, row_id: int, into_id: int) -> None:
        """Replaces a row by another one wherever it is referred to, and deletes it. The table is obtained from
        `for_update`. Orders keep their copies.
        """


class Products(Protocol):
    """Products as they are stored."""

    def get_many(self, product_ids: Collection[ProductId]) -> Mapping[ProductId, Product]:
        """The products with those ids."""

    def after(self, product_id: int, limit: int) -> Sequence[Product]:
        """The first `limit` products with ids above `product_id`, by id, listed or not."""

    def by_sku(self, skus: Collection[str]) -> Mapping[str, Product]:
        """The products with those skus. In `Store.write` they are locked until the transaction ends."""

    def add_many(self, products: Sequence[NewProduct]) -> Sequence[ProductId]:
        """Stores new products, whose skus must not exist. Returns their ids, which ascend in the order given. Each gets
        the slug of its name and brands (`slugs.slug_of`), or its `slugs.own_slug` if that one stands for another
        product; of products with one slug, the lowest id has it.
        """

    def save_many(self, products: Sequence[Product]) -> None:
        """Writes existing products. As `add_many`, gives a new slug to those whose name or brands make another one
        (`slugs.keeps_slug`). The one before still stands for the product.
        """

    def delete(self, product_id: ProductId) -> Collection[str]:
        """Deletes a product obtained from `by_sku`, with its sizes, units, stock movements and pictures. If carts,
        wishlists or orders refer to it, deletes nothing and returns which of `carts`, `wishlists` and `orders` do.
        """


class Cards(Protocol):
    """Product cards. `wishlist_unit_ids` are those of the wishlist of `wishlist_of`. None: there are none."""

    def get_many(self, product_ids: Collection[ProductId], wishlist_of: UserId | None) -> Mapping[ProductId, Card]:
        """The cards of those products, listed or not."""

    def page(self, offset: int, limit: int, wishlist_of: UserId | None) -> CardPage:
        """Up to `limit` cards of listed products, by id, without the first `offset`. The total is known."""

    def search(self, query: CatalogueQuery, offset: int, limit: int, wishlist_of: UserId | None) -> CardPage:
        """Up to `limit` cards of listed products that match the query (`search.matches`), in its order
        (`search.sort_key`), without the first `offset`. The total is known on the last page, and otherwise only if it
        takes no count. A name that is not cached may take another statement.
        """

    def suggest(self, typed: TypedWords, limit: int) -> Sequence[Card]:
        """The first `limit` cards, by id, of listed products whose words (`search.Listing`) include the typed ones, for
        no reader. Words of few products may take two statements.
        """

    def related(self, product: Product, limit: int) -> Sequence[Card]:
        """The cards of up to `limit` listed products that are related to a product (`Product.is_related_to`), for no
        reader. Those with the most of the last `values.COUNTED_VIEWS` counted views come first, and of equal ones those
        with the highest ids. Of the products without such a view, a store may consider only the 1,000 with the highest
        ids of the brands.
        """

    def facets(self, query: CatalogueQuery) -> FacetCounts:
        """The counts (`search.count_facets`) of all listed products that match. Statements: as for `search`."""


class Sizes(Protocol):
    """Sizes of products."""

    def get_many(self, size_ids: Collection[SizeId]) -> Mapping[SizeId, Size]:
        """The sizes with those ids."""

    def of_products(self, product_ids: Collection[ProductId]) -> Sequence[Size]:
        """All sizes of those products, by id."""

    def add_many(self, sizes: Sequence[NewSize]) -> Sequence[Size]:
        """Stores new sizes, in the order given. The grids of a product are unique."""


class Units(Protocol):
    """Product units."""

    def get_many(self, unit_ids: Collection[ProductUnitId]) -> Mapping[ProductUnitId, ProductUnit]:
        """The units with those ids."""

    def of_products(self, product_ids: Collection[ProductId]) -> Sequence[ProductUnit]:
        """All units of those products, by id. In `Store.write` they are locked until the transaction ends."""

    def cheapest(self, size_ids: Collection[SizeId]) -> Mapping[SizeId, ProductUnit]:
        """The cheapest available unit by size; of equal prices, the one with the lowest id. For a "no size", units of
        all sizes of the product count. Sizes without such a unit are omitted.
        """

    def add_many(self, units: Sequence[NewProductUnit]) -> Sequence[ProductUnitId]:
        """Stores new units. Returns their ids, which ascend in the order given."""

    def save_many(self, units: Sequence[ProductUnit]) -> None:
        """Writes existing units."""

    def take(self, units: Collection[ProductUnit]) -> Mapping[ProductUnitId, ProductUnit]:
        """Takes one piece of each available unit, in ascending order of id. Returns the updated units.

        `sold` rises by one. Limited stock falls by one, never below zero; a unit without stock becomes unavailable. If
        a price has changed since this transaction read it, the work is run again.
        """
