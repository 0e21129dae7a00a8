"""The shop that unit tests are set in: the shared scene on a store in memory, with people and goods a line each."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import attrs

from sellout_adapters.memory import MemoryStore
from sellout_adapters.passwords import Argon2Passwords
from sellout_adapters.testing.scene import KEY, checkout_request, product_entry
from sellout_adapters.testing.scene import Scene as AnyScene
from sellout_adapters.tokens import JwtTokens
from sellout_core.accounts import Actor, User
from sellout_core.catalogue import NO_SIZE, ProductUnit, SizeGrid
from sellout_core.ordering import Checkout, PromoCode
from sellout_core.shop import Policy
from sellout_core.use_cases.importing.entries import UnitEntry
from sellout_core.values import ProductId, ProductUnitId, SizeId, UserId


class Person(NamedTuple):
    """A registered user and who they act as."""

    id: UserId
    actor: Actor


class Goods(NamedTuple):
    """An imported product: its units in the order given, and its sizes."""

    product_id: ProductId
    unit_ids: tuple[ProductUnitId, ...]
    size_ids: Mapping[SizeGrid, SizeId]

    @property
    def unit_id(self) -> ProductUnitId:
        """The first unit."""
        return self.unit_ids[0]

    @property
    def no_size(self) -> SizeId:
        """The size without a size."""
        return self.size_ids[NO_SIZE]


def listed(read: Callable[..., object], *arguments: Any) -> list[Any]:
    """What a use case that reads a list passes on in all."""
    views: list[Any] = []
    read(*arguments, views.extend)
    return views


class Scene(AnyScene):
    """A shop in memory."""

    def __init__(self, policy: Policy | None = None) -> None:
        super().__init__(MemoryStore(), policy)
        passwords, tokens = Argon2Passwords(time_cost=1, memory_kib=8), JwtTokens(KEY, self.clock)
        self.shop = attrs.evolve(self.shop, passwords=passwords, tokens=tokens)

    def person(self, username: str = "anna", **changes: Any) -> Person:
        """Registers a user, then changes them as an administrator would."""
        user_id = self.user(username)
        if changes:
            self.change_user(user_id, **changes)
        return Person(user_id, Actor(user_id, bool(changes.get("is_staff"))))

    def staff(self) -> Person:
        """Registers a user who is staff."""
        return self.person("boss", is_staff=True)

    def goods(self, sku: str, *units: UnitEntry, **other: Any) -> Goods:
        """Imports a product."""
        product, stored = self.sell(product_entry(sku, *units, **other))
        sizes = self.store.read(lambda tx: tx.sizes.of_products([product.id]))
        return Goods(product.id, tuple(unit.id for unit in stored), {size.grid: size.id for size in sizes})

    def ready(self, buyer: Person, *unit_ids: ProductUnitId, **other: Any) -> Checkout:
        """Fills the buyer's cart with units, adds an address, and gives the checkout that would buy them all."""
        self.fill_cart(buyer.id, *unit_ids)
        return checkout_request(self.address(buyer.id), *unit_ids, **other)

    def user_now(self, user_id: UserId) -> User:
        """The user as stored."""
        return self.store.read(lambda tx: tx.users.get_many([user_id])[user_id])

    def unit_now(self, unit_id: ProductUnitId) -> ProductUnit:
        """The unit as stored."""
        return self.store.read(lambda tx: tx.units.get_many([unit_id])[unit_id])

    def promo_now(self, code: str) -> PromoCode:
        """The promo code as stored."""
        found = self.store.read(lambda tx: tx.promo_codes.by_code(code))
        assert found is not None
        return found

    def in_cart(self, user_id: UserId) -> tuple[ProductUnitId, ...]:
        """What the user's cart holds as stored."""
        cart = self.store.read(lambda tx: tx.carts.of(user_id))
        assert cart is not None
        return cart.unit_ids
