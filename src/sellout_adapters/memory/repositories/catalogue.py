"""The catalogue in memory."""

from collections.abc import Collection, Mapping, Sequence

import attrs

from sellout_adapters.memory.repositories.base import Id, Repository, rows_after, rows_of
from sellout_adapters.memory.tables import Table
from sellout_core.catalogue import (
    NO_SIZE,
    Card,
    Named,
    NewProduct,
    NewProductUnit,
    NewSize,
    Platform,
    Product,
    ProductUnit,
    ReferenceNames,
    References,
    Size,
)
from sellout_core.search import (
    CatalogueQuery,
    FacetCounts,
    Listing,
    Wanted,
    count_facets,
    listing,
    matches,
    place,
    wanted,
)
from sellout_core.values import (
    Money,
    PlatformId,
    ProductId,
    ProductUnitId,
    SizeId,
    UserId,
)


class ReferenceTables(Repository):
    """`ports.ReferenceTables`."""

    def snapshot(self) -> References:
        """The small tables, which a fork keeps as they are."""
        tables = self._tables
        return References(
            brands=tables.brands,
            categories=tables.categories,
            tags=tables.tags,
            genders=tables.genders,
            platforms=tables.platforms,
            delivery_types=tables.delivery_types,
            currencies=tables.currencies,
            statuses=tables.statuses,
        )

    def ensure(self, names: ReferenceNames) -> References:
        """Adds the names that are not there."""
        tables = self._tables
        _ensure_named(tables.brands, names.brands)
        _ensure_named(tables.categories, names.categories)
        _ensure_named(tables.tags, names.tags)
        _ensure_named(tables.genders, names.genders)
        _ensure_named(tables.delivery_types, names.delivery_types)
        _ensure_named(tables.currencies, names.currencies)
        known = {(platform.name, platform.site) for platform in tables.platforms.values()}
        for name, site in sorted(names.platforms - known):
            platform_id = PlatformId(tables.platforms.next_id())
            tables.platforms.put(platform_id, Platform(platform_id, name, site))
        return self.snapshot()


def _ensure_named(table: Table[Id, Named], names: frozenset[str]) -> None:
    for name in sorted(names - {row.name for row in table.values()}):
        row_id: Id = table.next_id()  # type: ignore[assignment]  # an id is its number
        table.put(row_id, Named(row_id, name))


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
        self._look_different(products)
        for new in products:
            product_id = ProductId(self._tables.products.next_id())
            self._tables.products.put(product_id, Product(id=product_id, **attrs.asdict(new, recurse=False)))
            self._tables.skus.put(new.sku, product_id)
            product_ids.append(product_id)
        return product_ids

    def save_many(self, products: Sequence[Product]) -> None:
        """Writes existing products."""
        self._look_different(products)
        for product in products:
            self._tables.products.put(product.id, product)


class Cards(Repository):
    """`ports.Cards`."""

    def get_many(self, product_ids: Collection[ProductId], wishlist_of: UserId | None) -> Mapping[ProductId, Card]:
        """The cards of those products."""
        products = rows_of(self._tables.products, product_ids)
        return {card.product.id: card for card in self._cards(list(products.values()), wishlist_of)}

    def page(self, offset: int, limit: int, wishlist_of: UserId | None) -> Sequence[Card]:
        """Cards of listed products, by id."""
        listed = [product for product in self._tables.products.values() if product.available]
        return self._cards(listed[offset : offset + limit], wishlist_of)

    def search(self, query: CatalogueQuery, offset: int, limit: int, wishlist_of: UserId | None) -> Sequence[Card]:
        """Cards of listed products that match the query, in its order."""
        found = sorted(self._matching(query), key=place(query.sort, self._wanted(query)))
        return self._cards([each.product for each in found[offset : offset + limit]], wishlist_of)

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
        wished = {unit.product_id for unit in self._tables.wishlist_units.values() if unit.user_id == wishlist_of}
        return [Card(product, self._min_price(product), product.id in wished) for product in products]

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
        self._look_different(units)
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
        self._look_different(units)
        for unit in units:
            self._tables.units.put(unit.id, unit)

    def take(self, units: Collection[ProductUnit]) -> Mapping[ProductUnitId, ProductUnit]:
        """Takes one piece of each unit that is for sale. There is one writer at a time."""
        taken = {}
        for unit in rows_of(self._tables.units, sorted(unit.id for unit in units)).values():
            if not unit.available or unit.stock == 0:
                continue
            left = None if unit.stock is None else unit.stock - 1
            after = attrs.evolve(unit, stock=left, sold=unit.sold + 1, available=left != 0)
            taken[unit.id] = self._tables.units.put(unit.id, after)
            if left == 0:
                self._look_different([unit])
        return taken
