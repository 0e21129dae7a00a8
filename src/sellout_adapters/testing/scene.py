"""A small shop for tests, with a clock that the test sets, and functions that fill the shop by use cases."""

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import attrs

from sellout_adapters.system import random_id
from sellout_adapters.testing.credentials import SceneCodes, ScenePasswords, SceneTokens
from sellout_core.catalogue.products import NO_SIZE, Product, ProductUnit, SizeGrid
from sellout_core.people.accounts import OPERATOR, Actor, NewAddress, Registration
from sellout_core.ports.store import Store
from sellout_core.shop import Policy, Shop
from sellout_core.shopping.ordering import Checkout, NewPromoCode, PromoCode
from sellout_core.use_cases.catalogue.importing.entries import ProductEntry, UnitEntry
from sellout_core.use_cases.catalogue.importing.writing import import_products
from sellout_core.use_cases.people.registration import register
from sellout_core.use_cases.people.sessions import read_token
from sellout_core.use_cases.people.users import add_address
from sellout_core.use_cases.shopping.carts import add_to_cart
from sellout_core.values import AddressId, Money, Percentage, ProductId, ProductUnitId, UserId

__all__ = [
    "KEY",
    "PASSWORD",
    "HeldClock",
    "Scene",
    "checkout_request",
    "product_entry",
    "shoe_size",
    "unit_entry",
    "whole_list",
]

PASSWORD = "a password of some length"  # noqa: S105 - the password of all users of a scene
KEY = "a key of the scene, thirty-two bytes or more"


class HeldClock:
    """A clock that tests set."""

    def __init__(self, now: datetime = datetime(2026, 3, 1, 12, 0, 0, 250_000, UTC)) -> None:
        self.now = now

    def __call__(self) -> datetime:
        """The current time."""
        return self.now

    def advance(self, **duration: float) -> None:
        """Moves the clock by a `timedelta` with these arguments. It may be negative."""
        self.now += timedelta(**duration)


def shoe_size(number: str) -> SizeGrid:
    """A size with the same number in all six grids."""
    return SizeGrid(number, number, number, number, number, number)


def unit_entry(price: int, size: SizeGrid = NO_SIZE, **other: Any) -> UnitEntry:
    """An import entry of a product unit. `other` overrides the defaults."""
    entry = UnitEntry(
        size=size,
        final_price=Money(price),
        currency="RUB",
        delivery_type="Самолёт",
        platform="Poizon",
        site="/poizon",
        availability=True,
        stock=None,
    )
    return attrs.evolve(entry, **other)


def product_entry(sku: str, *units: UnitEntry, **other: Any) -> ProductEntry:
    """An import entry of a product. `other` overrides the defaults."""
    entry = ProductEntry(
        sku=sku,
        name=f"The {sku}",
        description="",
        bucket_link="/buck",
        brands=("Nike",),
        categories=("Sport",),
        tags=("Style",),
        gender="M",
        fit=0,
        rel_num=0,
        available_flag=True,
        add_date=date(2026, 1, 31),
        units=units,
    )
    return attrs.evolve(entry, **other)


class Scene:
    """A shop over a store, with fast password hashing and a `HeldClock`.

    Args:
        store: An empty store.
        policy: The policy of the shop.
    """

    def __init__(self, store: Store, policy: Policy | None = None) -> None:
        self.store = store
        self.clock = HeldClock()
        self.shop = Shop(
            store=store,
            passwords=ScenePasswords(),
            tokens=SceneTokens(KEY, self.clock),
            one_time_codes=SceneCodes(),
            clock=self.clock,
            random_id=random_id,
            policy=policy or Policy(),
        )

    def user(self, username: str) -> UserId:
        """Registers a user and returns the id."""
        pair = register(self.shop, Registration(username, PASSWORD))
        return read_token(self.shop, pair.access, "access").user_id

    def actor(self, username: str, *, is_staff: bool = False) -> tuple[UserId, Actor]:
        """Registers a user and returns the id and the actor."""
        user_id = self.user(username)
        if is_staff:
            self.change_user(user_id, is_staff=True)
        return user_id, Actor(user_id, is_staff)

    def change_user(self, user_id: UserId, **changes: Any) -> None:
        """Changes the row of a user."""

        def change(tx: Any) -> None:
            tx.users.save(attrs.evolve(tx.users.for_update(user_id), **changes))

        self.store.write(change)

    def sell(self, entry: ProductEntry) -> tuple[Product, Sequence[ProductUnit]]:
        """Imports a product and returns it with its units."""
        import_products(self.shop, OPERATOR, [entry])

        def find(tx: Any) -> tuple[Product, Sequence[ProductUnit]]:
            product = tx.products.by_sku([entry.sku])[entry.sku]
            return product, tx.units.of_products([product.id])

        return self.store.read(find)

    def sold(self, product_id: ProductId) -> tuple[Product, Sequence[ProductUnit]]:
        """A product and its units as they are now."""
        return self.store.read(
            lambda tx: (tx.products.get_many([product_id])[product_id], tx.units.of_products([product_id]))
        )

    def unit(self, sku: str, price: int, size: SizeGrid = NO_SIZE, **other: Any) -> ProductUnitId:
        """Imports a new product with one unit and returns the unit's id."""
        return self.sell(product_entry(sku, unit_entry(price, size, **other)))[1][0].id

    def promo_code(self, code: str, owner_id: UserId, percentage: int = 15, **other: Any) -> PromoCode:
        """Stores a promo code that is valid until the end of 2026, for ten activations. `other` overrides the defaults,
        also with values that `create_promo_code` refuses.
        """
        new = NewPromoCode(
            code=code,
            owner_id=owner_id,
            discount_percentage=Percentage(percentage),
            max_activation_count=10,
            active_until=date(2026, 12, 31),
        )
        return self.store.write(lambda tx: tx.promo_codes.add(attrs.evolve(new, **other)))

    def address(self, user_id: UserId) -> AddressId:
        """Adds an address and returns its id."""
        return add_address(self.shop, OPERATOR, user_id, NewAddress("Проспект Мира 111", "308033")).id

    def fill_cart(self, user_id: UserId, *unit_ids: ProductUnitId) -> None:
        """Adds units to a cart."""
        for unit_id in unit_ids:
            add_to_cart(self.shop, OPERATOR, user_id, unit_id)


def checkout_request(address_id: AddressId, *unit_ids: ProductUnitId, **other: Any) -> Checkout:
    """A checkout of those units."""
    ask = Checkout(
        unit_ids=unit_ids,
        email="mail@mail.ru",
        telephone="77777777777",
        first_name="Имя",
        last_name="Фамилия",
        address_id=address_id,
    )
    return attrs.evolve(ask, **other)


def whole_list(read: Callable[..., object], *arguments: object) -> list[Any]:
    """The whole list that a use case such as `orders.read_orders` passes to its sink in batches."""
    found: list[Any] = []
    read(*arguments, found.extend)
    return found
