"""The scene of unit tests: the shared scene on a store in memory, with one-line helpers for users and products."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import attrs

from sellout_adapters.memory import MemoryStore
from sellout_adapters.passwords import Argon2Passwords
from sellout_adapters.pictures.memory import MemoryPictures
from sellout_adapters.pictures.rendering import render_picture
from sellout_adapters.testing.scene import KEY, checkout_request, product_entry
from sellout_adapters.testing.scene import Scene as AnyScene
from sellout_adapters.tokens import JwtTokens
from sellout_core.catalogue.products import NO_SIZE, ProductUnit, SizeGrid
from sellout_core.people.accounts import Actor, User
from sellout_core.shop import Policy
from sellout_core.shopping.ordering import Checkout, PromoCode
from sellout_core.use_cases.catalogue.importing.entries import UnitEntry
from sellout_core.values import ProductId, ProductUnitId, SizeId, UserId

# A PNG of one pixel.
PICTURE: Final = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de"
    "0000000c49444154789c63f8cfc0000003010100c9fe92ef0000000049454e44ae426082"
)


class Person(NamedTuple):
    """A registered user, and the actor that stands for them."""

    id: UserId
    actor: Actor


class Goods(NamedTuple):
    """An imported product. Its units are in the order of the entry."""

    product_id: ProductId
    unit_ids: tuple[ProductUnitId, ...]
    size_ids: Mapping[SizeGrid, SizeId]

    @property
    def unit_id(self) -> ProductUnitId:
        """The id of the first unit."""
        return self.unit_ids[0]

    @property
    def no_size(self) -> SizeId:
        """The id of the product's "no size"."""
        return self.size_ids[NO_SIZE]


class Scene(AnyScene):
    """A shop in memory."""

    def __init__(self, policy: Policy | None = None) -> None:
        super().__init__(MemoryStore(), policy)
        passwords, tokens = Argon2Passwords(time_cost=1, memory_kib=8), JwtTokens(KEY, self.clock)
        self.shop = attrs.evolve(
            self.shop,
            passwords=passwords,
            tokens=tokens,
            picture_storage=MemoryPictures(self.clock),
            render_picture=render_picture,
        )

    def person(self, username: str = "anna", **changes: Any) -> Person:
        """Registers a user, then changes the user's row."""
        user_id = self.user(username)
        if changes:
            self.change_user(user_id, **changes)
        return Person(user_id, Actor(user_id, bool(changes.get("is_staff"))))

    def staff(self) -> Person:
        """Registers a member of staff."""
        return self.person("boss", is_staff=True)

    def goods(self, sku: str, *units: UnitEntry, **other: Any) -> Goods:
        """Imports a product."""
        product, stored = self.sell(product_entry(sku, *units, **other))
        sizes = self.store.read(lambda tx: tx.sizes.of_products([product.id]))
        return Goods(product.id, tuple(unit.id for unit in stored), {size.grid: size.id for size in sizes})

    def ready(self, buyer: Person, *unit_ids: ProductUnitId, **other: Any) -> Checkout:
        """Puts units into the buyer's cart, adds an address, and returns a checkout of the units."""
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
        """The units in the stored cart of the user."""
        cart = self.store.read(lambda tx: tx.carts.of(user_id))
        assert cart is not None
        return cart.unit_ids


def storage_of(scene: Scene) -> MemoryPictures:
    """The storage of the shop's pictures."""
    storage = scene.shop.picture_storage
    assert isinstance(storage, MemoryPictures)
    return storage
