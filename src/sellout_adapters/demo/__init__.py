"""The demo data: the documented sample, and further products in `catalogue.jsonl`."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from importlib import resources
from typing import Final

from sellout_adapters.catalogue_file import codec
from sellout_core.catalogue.products import NO_SIZE, PENDING, Product, ProductUnit, products_of
from sellout_core.errors import UsernameTaken
from sellout_core.people.accounts import OPERATOR, Address, NewAddress, NewUser, User
from sellout_core.ports.store import Transaction
from sellout_core.shop import Shop
from sellout_core.shopping.delivery import DeliveryKind, DeliveryTariff
from sellout_core.shopping.ordering import NewOrder, NewPromoCode, agreed_lines, quote
from sellout_core.use_cases.catalogue.importing.entries import ProductEntry
from sellout_core.use_cases.catalogue.importing.writing import write_entries
from sellout_core.values import Money, Percentage

__all__ = ["CUSTOMER", "PASSWORD", "PROMO_CODE", "STAFF", "load", "read_catalogue"]

STAFF: Final = "artem"
CUSTOMER: Final = "noadmin"
PASSWORD: Final = "sellout-demo"  # noqa: S105 - printed when the demo starts
PROMO_CODE: Final = "SALE"
_ADDRESS: Final = NewAddress("Проспект Мира 111", "308033")
_DELIVERY_PRICES: Final = {DeliveryKind.PICK_UP_POINT: Money(290), DeliveryKind.COURIER: Money(451)}
_DOCUMENTED_UPDATES: Final = (
    datetime(2023, 4, 7, 15, 28, 17, tzinfo=UTC),
    datetime(2023, 4, 7, 15, 59, 39, tzinfo=UTC),
)
"""When the sample's two products, the first in the file, were changed last."""


def load(shop: Shop) -> bool:
    """Fills an empty shop, all at once; does nothing and says False if it holds any product or user."""
    entries = read_catalogue()
    password_hash = shop.passwords.hash(PASSWORD)
    now = shop.clock()

    def work(tx: Transaction) -> bool:
        if tx.products.after(0, 1) or tx.users.after(0, 1):
            return False
        # The sample's brand, category and the like are the first of their kind, so they go in before any other.
        for entry, updated_at in zip(entries, _DOCUMENTED_UPDATES, strict=False):
            write_entries(tx, [entry], updated_at, OPERATOR)
        write_entries(tx, entries[len(_DOCUMENTED_UPDATES) :], now, OPERATOR)
        products = tx.products.after(0, len(_DOCUMENTED_UPDATES))
        units = tx.units.of_products([product.id for product in products])
        staff = _add_user(tx, _staff(products), password_hash)
        customer = _add_user(tx, _customer(products), password_hash)
        tx.addresses.add(staff.id, _ADDRESS)
        address = tx.addresses.add(customer.id, _ADDRESS)
        for unit in units:
            tx.carts.add(staff.id, unit.id)
        tx.carts.add(customer.id, units[0].id)
        _wish(tx, staff, products[0])
        tx.promo_codes.add(_promo_code(staff))
        tx.orders.add(_order(tx, customer, address, units, now))
        for kind, price in _DELIVERY_PRICES.items():
            tx.delivery_tariffs.save(kind, DeliveryTariff(price=price, currency_id=units[0].currency_id))
        return True

    try:
        return shop.store.write(work)
    except UsernameTaken:  # another process loaded it at the same moment
        return False


def read_catalogue() -> Sequence[ProductEntry]:
    """The packaged products, the documented ones first."""
    content = resources.files(__name__).joinpath("catalogue.jsonl").read_bytes()
    return [codec.decode(line) for line in content.splitlines()]


def _add_user(tx: Transaction, new: NewUser, password_hash: str) -> User:
    user = tx.users.add(new, password_hash)
    tx.carts.create(user.id)
    return user


def _staff(viewed: Sequence[Product]) -> NewUser:
    return NewUser(
        username=STAFF,
        first_name="",
        last_name="",
        email="arten@mail.ru",
        is_staff=True,
        is_superuser=True,
        joined_at=datetime(2023, 4, 7, 15, 26, 38, tzinfo=UTC),
        last_login=datetime(2023, 4, 12, 15, 14, 50, 148633, tzinfo=UTC),
        last_viewed=tuple(product.id for product in viewed),
    )


def _customer(viewed: Sequence[Product]) -> NewUser:
    return NewUser(
        username=CUSTOMER,
        first_name="no",
        last_name="admin",
        email="noadmin@mail.ru",
        joined_at=datetime(2023, 4, 12, 10, 7, 34, tzinfo=UTC),
        last_login=datetime(2023, 4, 12, 10, 7, 7, tzinfo=UTC),
        last_viewed=tuple(product.id for product in viewed),
    )


def _wish(tx: Transaction, user: User, product: Product) -> None:
    tx.users.for_update(user.id)
    no_size = next(size for size in tx.sizes.of_products([product.id]) if size.grid == NO_SIZE)
    tx.wishlists.add(user.id, no_size)


def _promo_code(owner: User) -> NewPromoCode:
    return NewPromoCode(
        code=PROMO_CODE,
        owner_id=owner.id,
        discount_percentage=Percentage(15),
        activation_count=5,
        max_activation_count=10,
        active_until=date(2099, 12, 31),
    )


def _order(
    tx: Transaction, buyer: User, address: Address, units: Sequence[ProductUnit], placed_at: datetime
) -> NewOrder:
    price = quote(units, buyer.personal_discount)
    products = tx.products.get_many(products_of(units))
    return NewOrder(
        buyer_id=buyer.id,
        placed_at=placed_at,
        total=price.total,
        email="sh@mail.ru",
        telephone="7777777777777",
        first_name="artem",
        last_name="sh",
        address=address,
        promo_code=None,
        status_id=PENDING,
        paid=False,
        lines=agreed_lines(price, {unit.id: unit for unit in units}, products, tx.references.snapshot()),
    )
