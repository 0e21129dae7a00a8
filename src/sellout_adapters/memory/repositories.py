"""The core's ports over tables in memory."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import islice
from typing import TypeVar

import attrs

from sellout_adapters.memory.tables import Table, Tables
from sellout_core.accounts import Actor, Address, Credentials, NewAddress, NewUser, Session, User
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
from sellout_core.errors import PromoCodeTaken, UsernameTaken
from sellout_core.named import UnitView
from sellout_core.ordering import Cart, NewOrder, NewPromoCode, Order, PromoCode
from sellout_core.ports import Count, KeptAnswer
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
    AddressId,
    CartId,
    Money,
    OrderId,
    PlatformId,
    ProductId,
    ProductUnitId,
    PromoCodeId,
    SessionId,
    SizeId,
    UserId,
    WishlistUnitId,
    fold,
)
from sellout_core.wishlist import Wishlist, WishlistUnit

K = TypeVar("K")
V = TypeVar("V")
Id = TypeVar("Id", bound=int)


class Live:
    """The state a transaction works on, until the transaction ends."""

    def __init__(self, tables: Tables) -> None:
        """Takes the state."""
        self._tables: Tables | None = tables

    @property
    def tables(self) -> Tables:
        """The state."""
        if self._tables is None:
            raise RuntimeError("the transaction has ended")
        return self._tables

    def end(self) -> None:
        """Makes the state unreachable."""
        self._tables = None


@attrs.frozen
class _Repository:
    _live: Live

    @property
    def _tables(self) -> Tables:
        return self._live.tables

    def _look_different(self, written: Collection[object]) -> None:
        if written:
            self._tables.catalogue_versions.next_id()


def _some(table: Table[K, V], keys: Collection[K]) -> dict[K, V]:
    return {key: table[key] for key in keys if key in table}


def _after(table: Table[Id, V], after: int, limit: int) -> list[V]:
    """The next rows by id; ids are given in ascending order, so the order of entry is theirs."""
    return list(islice((row for key, row in table.items() if key > after), limit))


class Users(_Repository):
    """`ports.Users`; credentials are kept by folded username."""

    def add(self, user: NewUser, password_hash: str) -> User:
        """Stores a new user."""
        key = fold(user.username)
        if key in self._tables.credentials:
            raise UsernameTaken
        stored = User.of(UserId(self._tables.users.next_id()), user)
        self._tables.credentials.put(key, Credentials(stored.id, password_hash, stored.is_active))
        return self._tables.users.put(stored.id, stored)

    def get_many(self, user_ids: Collection[UserId]) -> Mapping[UserId, User]:
        """The users of those ids."""
        return _some(self._tables.users, user_ids)

    def after(self, user_id: int, limit: int) -> Sequence[User]:
        """The next users by id."""
        return _after(self._tables.users, user_id, limit)

    def for_update(self, user_id: UserId) -> User | None:
        """The user; writers run one after another anyway."""
        return self._tables.users.get(user_id)

    def save(self, user: User) -> None:
        """Writes a user, but not the address book."""
        before = self._tables.users[user.id]
        old, key = fold(before.username), fold(user.username)
        if key != old and key in self._tables.credentials:
            raise UsernameTaken
        secret = self._tables.credentials[old].password_hash
        self._tables.credentials.drop(old)
        self._tables.credentials.put(key, Credentials(user.id, secret, user.is_active))
        self._tables.users.put(user.id, attrs.evolve(user, addresses=before.addresses))


class Views(_Repository):
    """`ports.Views`."""

    def note(self, views: Iterable[tuple[UserId, ProductId]]) -> None:
        """Notes views."""
        for user_id, product_id in views:
            user = self._tables.users.get(user_id)
            if user is not None:
                self._tables.users.put(user_id, user.having_viewed(product_id))

    def free(self, user_ids: Collection[UserId]) -> Collection[UserId]:
        """Everybody who exists; nobody else writes meanwhile."""
        return _some(self._tables.users, user_ids)


class CredentialsOfUsers(_Repository):
    """`ports.CredentialsOfUsers`."""

    def by_username(self, username: str) -> Credentials | None:
        """The credentials of the user of that name."""
        return self._tables.credentials.get(fold(username))

    def of(self, user_id: UserId) -> Credentials | None:
        """The user's credentials."""
        user = self._tables.users.get(user_id)
        return None if user is None else self.by_username(user.username)

    def save(self, user_id: UserId, password_hash: str) -> None:
        """Writes another hash."""
        key = fold(self._tables.users[user_id].username)
        self._tables.credentials.put(key, attrs.evolve(self._tables.credentials[key], password_hash=password_hash))


class Addresses(_Repository):
    """`ports.Addresses`; the addresses themselves stand in their users."""

    def add(self, user_id: UserId, address: NewAddress) -> Address:
        """Appends an address."""
        stored = Address(AddressId(self._tables.addresses.next_id()), address.address, address.post_index)
        self._tables.addresses.put(stored.id, user_id)
        self._replace(user_id, (*self._tables.users[user_id].addresses, stored))
        return stored

    def save(self, address: Address) -> None:
        """Writes an existing address."""
        owner = self._tables.addresses[address.id]
        book = self._tables.users[owner].addresses
        self._replace(owner, tuple(address if known.id == address.id else known for known in book))

    def delete(self, address_id: AddressId) -> None:
        """Deletes an address."""
        owner = self._tables.addresses[address_id]
        self._tables.addresses.drop(address_id)
        book = self._tables.users[owner].addresses
        self._replace(owner, tuple(known for known in book if known.id != address_id))

    def _replace(self, user_id: UserId, book: tuple[Address, ...]) -> None:
        users = self._tables.users
        users.put(user_id, attrs.evolve(users[user_id], addresses=book))


class Sessions(_Repository):
    """`ports.Sessions`."""

    def add(self, session: Session) -> None:
        """Stores a new session."""
        self._tables.sessions.put(session.id, session)

    def actor(self, session_id: SessionId, user_id: UserId) -> Actor | None:
        """Who acts in that session."""
        session = self._tables.sessions.get(session_id)
        user = self._tables.users.get(user_id)
        if session is None or session.user_id != user_id or user is None or not user.is_active:
            return None
        return Actor(user_id, user.is_staff)

    def for_update(self, session_id: SessionId) -> Session | None:
        """The session."""
        return self._tables.sessions.get(session_id)

    def save(self, session: Session) -> None:
        """Writes an existing session."""
        self._tables.sessions.put(session.id, session)

    def delete(self, session_id: SessionId) -> None:
        """Revokes a session."""
        self._tables.sessions.drop(session_id)

    def delete_of(self, user_id: UserId, expired_by: datetime | None = None) -> None:
        """Revokes the user's sessions."""
        for session in list(self._tables.sessions.values()):
            if session.user_id == user_id and (expired_by is None or session.expires_at <= expired_by):
                self._tables.sessions.drop(session.id)


class ReferenceTables(_Repository):
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


class Products(_Repository):
    """`ports.Products`."""

    def get_many(self, product_ids: Collection[ProductId]) -> Mapping[ProductId, Product]:
        """The products of those ids."""
        return _some(self._tables.products, product_ids)

    def after(self, product_id: int, limit: int) -> Sequence[Product]:
        """The next products by id."""
        return _after(self._tables.products, product_id, limit)

    def by_sku(self, skus: Collection[str]) -> Mapping[str, Product]:
        """The products with those skus."""
        return {sku: self._tables.products[product_id] for sku, product_id in _some(self._tables.skus, skus).items()}

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


class Cards(_Repository):
    """`ports.Cards`."""

    def get_many(self, product_ids: Collection[ProductId], wishlist_of: UserId | None) -> Mapping[ProductId, Card]:
        """The cards of those products."""
        products = _some(self._tables.products, product_ids)
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


class Sizes(_Repository):
    """`ports.Sizes`."""

    def get_many(self, size_ids: Collection[SizeId]) -> Mapping[SizeId, Size]:
        """The sizes of those ids."""
        return _some(self._tables.sizes, size_ids)

    def of_products(self, product_ids: Collection[ProductId]) -> Sequence[Size]:
        """Every size of those products, by id."""
        size_ids = {size_id for ids in _some(self._tables.sizes_of, product_ids).values() for size_id in ids}
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


class Units(_Repository):
    """`ports.Units`."""

    def get_many(self, unit_ids: Collection[ProductUnitId]) -> Mapping[ProductUnitId, ProductUnit]:
        """The units of those ids."""
        return _some(self._tables.units, unit_ids)

    def of_products(self, product_ids: Collection[ProductId]) -> Sequence[ProductUnit]:
        """Every unit of those products, by id."""
        unit_ids = {unit_id for ids in _some(self._tables.units_of, product_ids).values() for unit_id in ids}
        return [self._tables.units[unit_id] for unit_id in sorted(unit_ids)]

    def cheapest(self, size_ids: Collection[SizeId]) -> Mapping[SizeId, ProductUnit]:
        """The cheapest available unit for each size."""
        found = {}
        for size in _some(self._tables.sizes, size_ids).values():
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
        """Takes one piece of each unit that can be had; nobody else writes meanwhile."""
        taken = {}
        for unit in _some(self._tables.units, sorted(unit.id for unit in units)).values():
            if not unit.available or unit.stock == 0:
                continue
            left = None if unit.stock is None else unit.stock - 1
            after = attrs.evolve(unit, stock=left, sold=unit.sold + 1, available=left != 0)
            taken[unit.id] = self._tables.units.put(unit.id, after)
            if left == 0:
                self._look_different([unit])
        return taken


class Carts(_Repository):
    """`ports.Carts`; a cart is kept as its id and its units'."""

    def create(self, user_id: UserId) -> None:
        """Stores an empty cart."""
        self._tables.carts.put(user_id, (CartId(self._tables.carts.next_id()), ()))

    def of(self, user_id: UserId) -> Cart | None:
        """The user's cart."""
        if user_id not in self._tables.carts:
            return None
        cart_id, unit_ids = self._tables.carts[user_id]
        return Cart(cart_id, user_id, tuple(self._tables.units[unit_id] for unit_id in unit_ids))

    def add(self, user_id: UserId, unit_id: ProductUnitId) -> bool:
        """Puts a product unit into the cart."""
        cart_id, unit_ids = self._tables.carts[user_id]
        if unit_id in unit_ids:
            return False
        self._tables.carts.put(user_id, (cart_id, (*unit_ids, unit_id)))
        return True

    def remove(self, user_id: UserId, unit_ids: Collection[ProductUnitId]) -> Collection[ProductUnitId]:
        """Takes units out of the cart."""
        cart_id, held = self._tables.carts[user_id]
        self._tables.carts.put(user_id, (cart_id, tuple(unit_id for unit_id in held if unit_id not in unit_ids)))
        return [unit_id for unit_id in held if unit_id in unit_ids]


class Wishlists(_Repository):
    """`ports.Wishlists`."""

    def of(self, user_id: UserId) -> Wishlist:
        """The user's wishlist."""
        units = (unit for unit in self._tables.wishlist_units.values() if unit.user_id == user_id)
        return Wishlist(user_id, tuple(units))

    def unit(self, wishlist_unit_id: WishlistUnitId) -> WishlistUnit | None:
        """One wishlist unit."""
        return self._tables.wishlist_units.get(wishlist_unit_id)

    def add(self, user_id: UserId, size: Size) -> WishlistUnit:
        """Appends a size."""
        unit_id = WishlistUnitId(self._tables.wishlist_units.next_id())
        return self._tables.wishlist_units.put(unit_id, WishlistUnit(unit_id, user_id, size))

    def save(self, unit: WishlistUnit) -> None:
        """Writes an existing unit's size."""
        self._tables.wishlist_units.put(unit.id, unit)

    def delete(self, wishlist_unit_id: WishlistUnitId) -> None:
        """Deletes a wishlist unit."""
        self._tables.wishlist_units.drop(wishlist_unit_id)

    def products_of(self, user_id: UserId) -> Collection[ProductId]:
        """The products on the user's wishlist."""
        return {unit.product_id for unit in self.of(user_id).units}


class PromoCodes(_Repository):
    """`ports.PromoCodes`."""

    def add(self, promo_code: NewPromoCode) -> PromoCode:
        """Stores a new promo code."""
        key = fold(promo_code.code)
        if key in self._tables.promo_code_ids:
            raise PromoCodeTaken
        stored = PromoCode.of(PromoCodeId(self._tables.promo_codes.next_id()), promo_code)
        self._tables.promo_code_ids.put(key, stored.id)
        return self._tables.promo_codes.put(stored.id, stored)

    def by_code(self, code: str) -> PromoCode | None:
        """The promo code of that name."""
        promo_code_id = self._tables.promo_code_ids.get(fold(code))
        return None if promo_code_id is None else self._tables.promo_codes[promo_code_id]

    def activate(self, promo_code_id: PromoCodeId) -> PromoCode | None:
        """Counts one activation."""
        promo_code = self._tables.promo_codes[promo_code_id]
        if promo_code.activation_count >= promo_code.max_activation_count:
            return None
        return self._tables.promo_codes.put(promo_code_id, promo_code.activated())


class Orders(_Repository):
    """`ports.Orders`."""

    def add(self, order: NewOrder) -> Order:
        """Stores a new order. Its lines share the stored units and products that are equal to theirs."""
        stored = Order.of(
            OrderId(self._tables.orders.next_id()),
            attrs.evolve(order, lines=tuple(attrs.evolve(line, unit=self._shared(line.unit)) for line in order.lines)),
        )
        return self._tables.orders.put(stored.id, stored)

    def _shared(self, unit: UnitView) -> UnitView:
        known = self._tables.agreed_units.get(unit)
        if known is not None:
            return known
        products = self._tables.agreed_products
        product = products.get(unit.product) or products.put(unit.product, unit.product)
        shared = attrs.evolve(unit, product=product)
        return self._tables.agreed_units.put(shared, shared)

    def get(self, order_id: OrderId) -> Order | None:
        """One order."""
        return self._tables.orders.get(order_id)

    def of(self, user_id: UserId) -> Sequence[Order]:
        """The orders of one buyer, by id."""
        return [order for order in self._tables.orders.values() if order.buyer_id == user_id]

    def after(self, order_id: int, limit: int) -> Sequence[Order]:
        """The next orders by id."""
        return _after(self._tables.orders, order_id, limit)


class Answers(_Repository):
    """`ports.Answers`."""

    def find(self, user_id: UserId, key: str, kept_after: datetime) -> KeptAnswer | None:
        """The answer kept under the key."""
        kept, at = self._tables.answers.get((user_id, key), (None, kept_after))
        return kept if at > kept_after else None

    def keep(self, user_id: UserId, key: str, kept: KeptAnswer, now: datetime) -> None:
        """Keeps an answer."""
        self._tables.answers.put((user_id, key), (kept, now))

    def delete_older(self, user_id: UserId, kept_after: datetime) -> None:
        """Drops the user's old answers."""
        for owner, key in list(self._tables.answers):
            if owner == user_id and self._tables.answers[owner, key][1] <= kept_after:
                self._tables.answers.drop((owner, key))


class Counters(_Repository):
    """`ports.Counters`."""

    def add(self, key: str, now: datetime, window: timedelta) -> Count:
        """Counts one more."""
        running = self._tables.counters.get(key)
        # One that ends later than any begun lately is from before the clock was set back.
        if running is None or not now < running.ends_at <= now + 2 * window:
            running = Count(0, now + window)
        return self._tables.counters.put(key, attrs.evolve(running, number=running.number + 1))

    def take_back(self, key: str, count: Count) -> None:
        """Counts one less."""
        running = self._tables.counters.get(key)
        if running is not None and running.ends_at == count.ends_at:
            self._tables.counters.put(key, attrs.evolve(running, number=running.number - 1))

    def delete_ended(self, now: datetime) -> None:
        """Drops the counts that are over."""
        for key, count in list(self._tables.counters.items()):
            if count.ends_at <= now:
                self._tables.counters.drop(key)
