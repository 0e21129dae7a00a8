"""The users of the measured shop, with their carts, wishlists, addresses and promo codes."""

from collections.abc import Sequence
from datetime import date
from typing import Final

import attrs
from sqlalchemy import insert, select

from benchmarks import catalogue
from benchmarks.load import Request
from sellout_adapters.passwords import Argon2Passwords
from sellout_adapters.sql import SqlStore
from sellout_adapters.sql.schema.tables.shop import cart_units
from sellout_adapters.sql.schema.tables.shop import carts as cart_rows
from sellout_adapters.system import assemble
from sellout_adapters.testing.scene import KEY, PASSWORD, product_entry
from sellout_core.catalogue.products import ProductUnit
from sellout_core.people.accounts import OPERATOR, NewAddress, Registration
from sellout_core.ports.store import Transaction
from sellout_core.shop import Shop
from sellout_core.shopping.ordering import NewPromoCode
from sellout_core.use_cases.catalogue import browsing
from sellout_core.use_cases.catalogue.importing import writing
from sellout_core.use_cases.people import registration, sessions, users
from sellout_core.use_cases.shopping import carts, promo_codes, wishlists
from sellout_core.values import AddressId, Percentage, ProductId, ProductUnitId, UserId

READERS: Final = 16
BUYERS: Final = 64
VIEWED: Final = 20
"""The number of products that the readers read repeatedly."""

HOT: Final = "HOT"
_HELD: Final = 5
_AMPLE: Final = 1_000_000_000


@attrs.frozen
class Person:
    """A user with an account and a token."""

    user_id: UserId
    token: str
    session_id: str


@attrs.frozen
class Buyer(Person):
    """A buyer of units that no other buyer buys."""

    address_id: AddressId
    cart_id: int
    product_id: ProductId
    unit_ids: Sequence[ProductUnitId]
    code: str
    username: str

    def checkout(self, unit_id: ProductUnitId, key: str, code: str = "") -> Request:
        """The request that orders a unit of the cart."""
        body = {
            "product_unit": [unit_id],
            "email": "mail@mail.ru",
            "tel": "79990001122",
            "first_name": "Anna",
            "last_name": "K.",
            "address_id": self.address_id,
            **({"promo_code": code} if code else {}),
        }
        return Request(f"/order/checkout/{self.user_id}", self.token, "POST", body, key)


@attrs.frozen
class People:
    """All users, the products that they read, and the number of listed products."""

    staff: Person
    readers: Sequence[Person]
    buyers: Sequence[Buyer]
    product_ids: Sequence[ProductId]
    listed: int


def shop_over(store: SqlStore) -> Shop:
    """A shop with the signing key of the measured server and cheap hashes."""
    return assemble(store, KEY, passwords=Argon2Passwords(time_cost=1, memory_kib=8))


def furnish(store: SqlStore, shop: Shop, products: int, units: int) -> People:
    """Adds the users to a shop with this number of products. Each buyer can buy `units` units."""
    registration.create_admin(shop, OPERATOR, Registration("staff", PASSWORD))
    staff = _person(shop, sessions.log_in(shop, "staff", PASSWORD).access)
    product_ids = shop.store.read(lambda tx: [product.id for product in tx.products.after(0, VIEWED)])
    everything = _units(shop, product_ids)
    readers = [_reader(shop, number, product_ids, everything) for number in range(READERS)]
    _promo_code(shop, HOT, staff.user_id)
    return People(
        staff,
        readers,
        [_buyer(store, shop, number, units, staff.user_id) for number in range(BUYERS)],
        product_ids,
        products + BUYERS,
    )


def fill_carts(store: SqlStore, buyers: Sequence[Buyer], units: int) -> None:
    """Puts this number of units into the empty cart of each buyer, directly in the database."""
    rows = [{"cart_id": buyer.cart_id, "unit_id": unit_id} for buyer in buyers for unit_id in buyer.unit_ids[:units]]
    with store.engine.begin() as connection:
        connection.execute(insert(cart_units), rows)


def _person(shop: Shop, token: str) -> Person:
    claims = sessions.read_token(shop, token, "access")
    return Person(claims.user_id, token, claims.session_id)


def register(shop: Shop, name: str) -> Person:
    """Registers and logs in a user."""
    return _person(shop, registration.register(shop, Registration(name, PASSWORD)).access)


def _reader(shop: Shop, number: int, product_ids: Sequence[ProductId], units: Sequence[ProductUnit]) -> Person:
    person = register(shop, f"reader{number}")
    browsing.note_views(shop, [browsing.ViewEvent(OPERATOR, person.user_id, product_id) for product_id in product_ids])
    for unit in units[:_HELD]:
        carts.add_to_cart(shop, OPERATOR, person.user_id, unit.id)
        wishlists.add_to_wishlist(shop, OPERATOR, person.user_id, unit.product_id, unit.size_id)
    return person


def _buyer(store: SqlStore, shop: Shop, number: int, units: int, owner_id: UserId) -> Buyer:
    username = f"buyer{number}"
    person = register(shop, username)
    sku = f"bought-{number}"
    sold = [catalogue.unit(36 + index, 10_000, _AMPLE) for index in range(units)]
    writing.import_products(shop, OPERATOR, [product_entry(sku, *sold, brands=catalogue.BRANDS[:1])])
    product_id = shop.store.read(lambda tx: tx.products.by_sku([sku])[sku].id)
    address = users.add_address(shop, OPERATOR, person.user_id, NewAddress("Prospekt Mira 111", "308033"))
    with store.engine.begin() as connection:
        cart_id = connection.execute(select(cart_rows.c.id).where(cart_rows.c.user_id == person.user_id)).scalar_one()
    code = f"code{number}"
    _promo_code(shop, code, owner_id)
    return Buyer(
        person.user_id,
        person.token,
        person.session_id,
        address.id,
        cart_id,
        product_id,
        [unit.id for unit in _units(shop, [product_id])],
        code,
        username,
    )


def _promo_code(shop: Shop, code: str, owner_id: UserId) -> None:
    new = NewPromoCode(
        code=code,
        owner_id=owner_id,
        discount_percentage=Percentage(10),
        max_activation_count=_AMPLE,
        active_until=date(2099, 12, 31),
    )
    promo_codes.create_promo_code(shop, OPERATOR, new)


def _units(shop: Shop, product_ids: Sequence[ProductId]) -> Sequence[ProductUnit]:
    def work(tx: Transaction) -> Sequence[ProductUnit]:
        return tx.units.of_products(product_ids)

    return shop.store.read(work)
