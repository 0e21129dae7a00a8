"""The rows of the in-memory store: tables of frozen values that fork in constant time."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Generic, Self, TypeVar

import attrs

from sellout_core.accounts import Credentials, Session, User
from sellout_core.catalogue import (
    FEMALE,
    MALE,
    PENDING,
    Named,
    Platform,
    Product,
    ProductUnit,
    ProductView,
    Size,
    UnitView,
)
from sellout_core.ordering import Order, PromoCode
from sellout_core.ports.shopping import KeptAnswer
from sellout_core.ports.store import Count
from sellout_core.values import (
    AddressId,
    BrandId,
    CartId,
    CategoryId,
    CurrencyId,
    DeliveryTypeId,
    GenderId,
    OrderId,
    PlatformId,
    ProductId,
    ProductUnitId,
    PromoCodeId,
    SessionId,
    SizeId,
    StatusId,
    TagId,
    UserId,
    WishlistUnitId,
)
from sellout_core.wishlist import WishlistUnit

K = TypeVar("K")
V = TypeVar("V")


class Table(Mapping[K, V], Generic[K, V]):
    """Rows by key, in order of entry. A fork shares the rows until it first writes, and never writes to its parent's;
    the last id ever given travels along, so that no id is given twice.
    """

    def __init__(self, rows: dict[K, V] | None = None, last_id: int = 0, *, shared: bool = False) -> None:
        """Takes the first rows, the highest id among them, and whether they are another table's too."""
        self._rows = {} if rows is None else rows
        self._last_id = last_id
        self._shared = shared

    def fork(self) -> Self:
        """An independent table with the same rows."""
        return type(self)(self._rows, self._last_id, shared=True)

    def __getitem__(self, key: K) -> V:
        return self._rows[key]

    def __iter__(self) -> Iterator[K]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)

    def next_id(self) -> int:
        """An id above all that were ever given."""
        self._last_id += 1
        return self._last_id

    @property
    def last_id(self) -> int:
        """The highest id ever given."""
        return self._last_id

    def put(self, key: K, value: V) -> V:
        """Writes a row and returns it."""
        self._own()[key] = value
        return value

    def drop(self, key: K) -> bool:
        """Deletes a row; False if it was not there."""
        return self._own().pop(key, None) is not None

    def _own(self) -> dict[K, V]:
        if self._shared:
            self._rows = dict(self._rows)
            self._shared = False
        return self._rows


@attrs.frozen
class Tables:
    """One state of a shop."""

    users: Table[UserId, User] = attrs.Factory(Table)
    credentials: Table[str, Credentials] = attrs.Factory(Table)
    addresses: Table[AddressId, UserId] = attrs.Factory(Table)
    sessions: Table[SessionId, Session] = attrs.Factory(Table)
    products: Table[ProductId, Product] = attrs.Factory(Table)
    skus: Table[str, ProductId] = attrs.Factory(Table)
    sizes: Table[SizeId, Size] = attrs.Factory(Table)
    sizes_of: Table[ProductId, tuple[SizeId, ...]] = attrs.Factory(Table)
    units: Table[ProductUnitId, ProductUnit] = attrs.Factory(Table)
    units_of: Table[ProductId, tuple[ProductUnitId, ...]] = attrs.Factory(Table)
    carts: Table[UserId, tuple[CartId, tuple[ProductUnitId, ...]]] = attrs.Factory(Table)
    wishlist_units: Table[WishlistUnitId, WishlistUnit] = attrs.Factory(Table)
    promo_codes: Table[PromoCodeId, PromoCode] = attrs.Factory(Table)
    promo_code_ids: Table[str, PromoCodeId] = attrs.Factory(Table)
    orders: Table[OrderId, Order] = attrs.Factory(Table)
    agreed_products: Table[ProductView, ProductView] = attrs.Factory(Table)
    agreed_units: Table[UnitView, UnitView] = attrs.Factory(Table)
    answers: Table[tuple[UserId, str], tuple[KeptAnswer, datetime]] = attrs.Factory(Table)
    counters: Table[str, Count] = attrs.Factory(Table)
    catalogue_versions: Table[int, None] = attrs.Factory(Table)
    brands: Table[BrandId, Named] = attrs.Factory(Table)
    categories: Table[CategoryId, Named] = attrs.Factory(Table)
    tags: Table[TagId, Named] = attrs.Factory(Table)
    genders: Table[GenderId, Named] = attrs.Factory(
        lambda: Table({MALE: Named(MALE, "M"), FEMALE: Named(FEMALE, "F")}, FEMALE)
    )
    platforms: Table[PlatformId, Platform] = attrs.Factory(Table)
    delivery_types: Table[DeliveryTypeId, Named] = attrs.Factory(Table)
    currencies: Table[CurrencyId, Named] = attrs.Factory(Table)
    statuses: Table[StatusId, Named] = attrs.Factory(lambda: Table({PENDING: Named(PENDING, "pending")}, PENDING))

    def fork(self) -> Self:
        """An independent state that starts as this one."""
        return type(self)(*(getattr(self, field.name).fork() for field in attrs.fields(Tables)))
