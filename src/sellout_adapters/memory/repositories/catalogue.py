"""The catalogue in memory."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence

import attrs

from sellout_adapters.memory.repositories.base import Repository, rows_after, rows_of
from sellout_adapters.memory.repositories.references import ReferenceTables
from sellout_core.catalogue.pages import CardPage
from sellout_core.catalogue.pictures import NewPicture, Picture
from sellout_core.catalogue.products import (
    NO_SIZE,
    Card,
    NewProduct,
    NewProductUnit,
    NewSize,
    Product,
    ProductUnit,
    Size,
)
from sellout_core.catalogue.search import (
    EVERYTHING,
    CatalogueQuery,
    FacetCounts,
    Listing,
    Wanted,
    count_facets,
    listing,
    matches,
    sort_key,
    wanted,
)
from sellout_core.catalogue.slugs import keeps_slug, own_slug, slug_of
from sellout_core.catalogue.suggestions import TypedWords
from sellout_core.shopping.wishlist import wished_products
from sellout_core.values import Money, PictureId, ProductId, ProductUnitId, SizeId, UserId


class Slugs(Repository):
    """`ports.Slugs`."""

    def find(self, slug: str) -> ProductId | None:
        """The product that a slug stands for."""
        return self._tables.slugs.get(slug)

    def write(self, product: Product) -> None:
        """Gives the product the slug of its name and brands, unless it has that slug."""
        slug = slug_of(product.name, (self._tables.brands[brand_id].name for brand_id in product.brand_ids))
        if keeps_slug(self._tables.present_slugs.get(product.id), slug, product.id):
            return
        if self._tables.slugs.get(slug, product.id) != product.id:
            slug = own_slug(slug, product.id)
        self._tables.slugs.put(slug, product.id)
        self._tables.present_slugs.put(product.id, slug)

    def delete(self, product_id: ProductId) -> None:
        """Deletes the slugs of a product."""
        self._tables.present_slugs.drop(product_id)
        for slug in [slug for slug, owner in self._tables.slugs.items() if owner == product_id]:
            self._tables.slugs.drop(slug)


class Products(Repository):
    """`ports.Products`."""

    def get_many(self, product_ids: Collection[ProductId]) -> Mapping[ProductId, Product]:
        """The products of those ids."""
        return rows_of(self._tables.products, product_ids)

    def after(self, product_id: int, limit: int) -> Sequence[Product]:
        """The next products by id."""
        return rows_after(self._tables.products, product_id, limit)

    def by_sku(self, skus: Collection[str]) -> Mapping[str, Product]:
        """The products with those skus."""
        return {sku: self._tables.products[product_id] for sku, product_id in rows_of(self._tables.skus, skus).items()}

    def add_many(self, products: Sequence[NewProduct]) -> Sequence[ProductId]:
        """Stores new products."""
        product_ids = []
        self._count_catalogue_change(products)
        for new in products:
            product_id = ProductId(self._tables.products.next_id())
            self._tables.products.put(product_id, Product(id=product_id, **attrs.asdict(new, recurse=False)))
            self._tables.skus.put(new.sku, product_id)
            Slugs(self._live).write(self._tables.products[product_id])
            product_ids.append(product_id)
        return product_ids

    def save_many(self, products: Sequence[Product]) -> None:
        """Writes existing products."""
        self._count_catalogue_change(products)
        for product in sorted(products, key=lambda product: product.id):
            self._tables.products.put(product.id, product)
            Slugs(self._live).write(product)

    def delete(self, product_id: ProductId) -> Collection[str]:
        """Deletes a product if nothing refers to it."""
        tables = self._tables
        unit_ids, size_ids = set(tables.units_of.get(product_id, ())), set(tables.sizes_of.get(product_id, ()))
        referrers = {
            "carts": any(not unit_ids.isdisjoint(held) for _, held in tables.carts.values()),
            "wishlists": any(unit.size.id in size_ids for unit in tables.wishlist_units.values()),
            "orders": any(line.unit.id in unit_ids for order in tables.orders.values() for line in order.lines),
        }
        if any(referrers.values()):
            return [name for name, refers in referrers.items() if refers]
        for movement_id, movement in list(tables.stock_movements.items()):
            if movement.unit_id in unit_ids:
                tables.stock_movements.drop(movement_id)
        for unit_id in unit_ids:
            tables.units.drop(unit_id)
        for size_id in size_ids:
            tables.sizes.drop(size_id)
        for picture_id, picture in list(tables.pictures.items()):
            if picture.product_id == product_id:
                tables.pictures.drop(picture_id)
        tables.units_of.drop(product_id)
        tables.sizes_of.drop(product_id)
        tables.skus.drop(tables.products[product_id].sku)
        tables.products.drop(product_id)
        Slugs(self._live).delete(product_id)
        self._count_catalogue_change([product_id])
        return ()


class Cards(Repository):
    """`ports.Cards`."""

    def get_many(self, product_ids: Collection[ProductId], wishlist_of: UserId | None) -> Mapping[ProductId, Card]:
        """The cards of those products."""
        products = rows_of(self._tables.products, product_ids)
        return {card.product.id: card for card in self._cards(list(products.values()), wishlist_of)}

    def page(self, offset: int, limit: int, wishlist_of: UserId | None) -> CardPage:
        """Cards of listed products, by id."""
        listed = [product for product in self._tables.products.values() if product.available]
        return CardPage(self._cards(listed[offset : offset + limit], wishlist_of), len(listed))

    def search(self, query: CatalogueQuery, offset: int, limit: int, wishlist_of: UserId | None) -> CardPage:
        """Cards of listed products that match the query, in its order."""
        found = sorted(self._matching(query), key=sort_key(query.sort, self._wanted(query)))
        shown = [each.product for each in found[offset : offset + limit]]
        return CardPage(self._cards(shown, wishlist_of), len(found))

    def suggest(self, typed: TypedWords, limit: int) -> Sequence[Card]:
        """The first cards of products with the typed words."""
        found = [each.product for each in self._matching(EVERYTHING) if typed.are_in(each.words)]
        return self._cards(found[:limit], None)

    def related(self, product: Product, limit: int) -> Sequence[Card]:
        """The cards of related listed products, the most viewed first."""
        views = Counter(self._tables.views.values())
        found = [other for other in self._tables.products.values() if other.available and other.is_related_to(product)]
        found.sort(key=lambda other: (views[other.id], other.id), reverse=True)
        return self._cards(found[:limit], None)

    def facets(self, query: CatalogueQuery) -> FacetCounts:
        """The counts of all listed products that match the query."""
        return count_facets(self._matching(query))

    def _matching(self, query: CatalogueQuery) -> list[Listing]:
        references, filters = ReferenceTables(self._live).snapshot(), self._wanted(query)
        listed = (
            listing(product, self._units(product), references)
            for product in self._tables.products.values()
            if product.available
        )
        return [each for each in listed if matches(each, query, filters)]

    def _wanted(self, query: CatalogueQuery) -> Wanted:
        return wanted(query, ReferenceTables(self._live).snapshot())

    def _cards(self, products: Sequence[Product], wishlist_of: UserId | None) -> list[Card]:
        units = self._tables.wishlist_units.values()
        wished = wished_products((unit.product_id, unit.id) for unit in units if unit.user_id == wishlist_of)
        slugs = self._tables.present_slugs
        return [
            Card(product, self._min_price(product), wished.get(product.id, ()), slugs[product.id])
            for product in products
        ]

    def _min_price(self, product: Product) -> Money | None:
        return min((unit.price for unit in self._units(product) if unit.available), default=None)

    def _units(self, product: Product) -> list[ProductUnit]:
        return [self._tables.units[unit_id] for unit_id in self._tables.units_of.get(product.id, ())]


class Sizes(Repository):
    """`ports.Sizes`."""

    def get_many(self, size_ids: Collection[SizeId]) -> Mapping[SizeId, Size]:
        """The sizes of those ids."""
        return rows_of(self._tables.sizes, size_ids)

    def of_products(self, product_ids: Collection[ProductId]) -> Sequence[Size]:
        """Every size of those products, by id."""
        size_ids = {size_id for ids in rows_of(self._tables.sizes_of, product_ids).values() for size_id in ids}
        return [self._tables.sizes[size_id] for size_id in sorted(size_ids)]

    def add_many(self, sizes: Sequence[NewSize]) -> Sequence[Size]:
        """Stores new sizes."""
        stored = []
        for new in sizes:
            size = Size(SizeId(self._tables.sizes.next_id()), new.product_id, new.grid)
            self._tables.sizes.put(size.id, size)
            self._tables.sizes_of.put(size.product_id, (*self._tables.sizes_of.get(size.product_id, ()), size.id))
            stored.append(size)
        return stored


class Units(Repository):
    """`ports.Units`."""

    def get_many(self, unit_ids: Collection[ProductUnitId]) -> Mapping[ProductUnitId, ProductUnit]:
        """The units of those ids."""
        return rows_of(self._tables.units, unit_ids)

    def of_products(self, product_ids: Collection[ProductId]) -> Sequence[ProductUnit]:
        """Every unit of those products, by id."""
        unit_ids = {unit_id for ids in rows_of(self._tables.units_of, product_ids).values() for unit_id in ids}
        return [self._tables.units[unit_id] for unit_id in sorted(unit_ids)]

    def cheapest(self, size_ids: Collection[SizeId]) -> Mapping[SizeId, ProductUnit]:
        """The cheapest available unit for each size."""
        found = {}
        for size in rows_of(self._tables.sizes, size_ids).values():
            candidates = [
                unit
                for unit in self.of_products([size.product_id])
                if unit.available and (size.grid == NO_SIZE or unit.size_id == size.id)
            ]
            if candidates:
                found[size.id] = min(candidates, key=lambda unit: (unit.price, unit.id))
        return found

    def add_many(self, units: Sequence[NewProductUnit]) -> Sequence[ProductUnitId]:
        """Stores new units."""
        self._count_catalogue_change(units)
        unit_ids = []
        for new in units:
            unit_id = ProductUnitId(self._tables.units.next_id())
            self._tables.units.put(unit_id, ProductUnit.of(unit_id, self._tables.sizes[new.size_id], new))
            known = self._tables.units_of.get(new.product_id, ())
            self._tables.units_of.put(new.product_id, (*known, unit_id))
            unit_ids.append(unit_id)
        return unit_ids

    def save_many(self, units: Sequence[ProductUnit]) -> None:
        """Writes existing units."""
        self._count_catalogue_change(units)
        for unit in units:
            self._tables.units.put(unit.id, unit)

    def take(self, units: Collection[ProductUnit]) -> Mapping[ProductUnitId, ProductUnit]:
        """Takes one piece of each available unit. There is one writer at a time."""
        taken = {}
        for unit in rows_of(self._tables.units, sorted(unit.id for unit in units)).values():
            if not unit.available or unit.stock == 0:
                continue
            left = None if unit.stock is None else unit.stock - 1
            after = attrs.evolve(unit, stock=left, sold=unit.sold + 1, available=left != 0)
            taken[unit.id] = self._tables.units.put(unit.id, after)
            if left == 0:
                self._count_catalogue_change([unit])
        return taken


class Pictures(Repository):
    """`ports.Pictures`."""

    def of_products(self, product_ids: Collection[ProductId]) -> Sequence[Picture]:
        """All pictures of those products."""
        found = (picture for picture in self._tables.pictures.values() if picture.product_id in product_ids)
        return sorted(found, key=lambda picture: (picture.product_id, picture.position))

    def add(self, new: NewPicture) -> PictureId:
        """Stores a new picture."""
        picture_id = PictureId(self._tables.pictures.next_id())
        self._tables.pictures.put(picture_id, Picture(id=picture_id, **attrs.asdict(new)))
        return picture_id

    def replace(self, product_id: ProductId, pictures: Sequence[Picture]) -> None:
        """Replaces all pictures of a product."""
        for picture in self.of_products([product_id]):
            self._tables.pictures.drop(picture.id)
        for picture in pictures:
            self._tables.pictures.put(picture.id, picture)

    def used(self, digests: Collection[str]) -> Collection[str]:
        """Those of the digests that a picture has."""
        return {picture.digest for picture in self._tables.pictures.values()}.intersection(digests)
