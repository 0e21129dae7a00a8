"""The rows of the in-memory store: tables of frozen values that fork in constant time."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Generic, Self, TypeVar

import attrs

from sellout_core.audit import AuditEntry
from sellout_core.catalogue.pictures import Picture
from sellout_core.catalogue.products import (
    FEMALE,
    MALE,
    Named,
    Platform,
    Product,
    ProductUnit,
    ProductView,
    Size,
    UnitView,
)
from sellout_core.catalogue.stock import StockMovement
from sellout_core.events.event import Event
from sellout_core.events.subscriptions import Delivery, Subscription
from sellout_core.fulfilment.progress import Fulfilment, HistoryEntry
from sellout_core.fulfilment.statuses import STATUSES
from sellout_core.mail import Mail
from sellout_core.people.accounts import Credentials, Session, User
from sellout_core.people.identity import AccountEmail, SingleUseToken
from sellout_core.people.second_factors import SecondFactor
from sellout_core.ports.shopping.orders import StoredResponse
from sellout_core.ports.store import Count
from sellout_core.shopping.delivery import DeliveryKind, DeliveryTariff
from sellout_core.shopping.guest_carts import GuestCart
from sellout_core.shopping.ordering import Order, PromoCode
from sellout_core.shopping.wishlist import WishlistUnit
from sellout_core.values import (
    AddressId,
    AuditEntryId,
    BrandId,
    CartId,
    CategoryId,
    CurrencyId,
    DeliveryTypeId,
    EventId,
    GenderId,
    HistoryEntryId,
    MailId,
    OrderId,
    PictureId,
    PlatformId,
    ProductId,
    ProductUnitId,
    PromoCodeId,
    SessionId,
    SizeId,
    StatusId,
    StockMovementId,
    SubscriptionId,
    TagId,
    UserId,
    WishlistUnitId,
)

K = TypeVar("K")
V = TypeVar("V")


class Table(Mapping[K, V], Generic[K, V]):
    """Rows by key, in order of insertion. A fork copies the rows at its first write, and never assigns an id that its
    parent has assigned.
    """

    def __init__(self, rows: dict[K, V] | None = None, last_id: int = 0, *, shared: bool = False) -> None:
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
        """Assigns an id, higher than all assigned before."""
        self._last_id += 1
        return self._last_id

    @property
    def last_id(self) -> int:
        """The highest id that was assigned."""
        return self._last_id

    def put(self, key: K, value: V) -> V:
        """Writes a row and returns it."""
        self._own()[key] = value
        return value

    def drop(self, key: K) -> bool:
        """Deletes a row. False: it did not exist."""
        return self._own().pop(key, None) is not None

    def _own(self) -> dict[K, V]:
        if self._shared:
            self._rows = dict(self._rows)
            self._shared = False
        return self._rows


@attrs.frozen
class StoredMail:
    """A mail, and when it is due."""

    mail: Mail
    due_at: datetime


@attrs.frozen
class Tables:
    """One state of a shop."""

    users: Table[UserId, User] = attrs.Factory(Table)
    credentials: Table[str, Credentials] = attrs.Factory(Table)
    addresses: Table[AddressId, UserId] = attrs.Factory(Table)
    sessions: Table[SessionId, Session] = attrs.Factory(Table)
    products: Table[ProductId, Product] = attrs.Factory(Table)
    skus: Table[str, ProductId] = attrs.Factory(Table)
    slugs: Table[str, ProductId] = attrs.Factory(Table)
    present_slugs: Table[ProductId, str] = attrs.Factory(Table)
    views: Table[int, ProductId] = attrs.Factory(Table)
    sizes: Table[SizeId, Size] = attrs.Factory(Table)
    sizes_of: Table[ProductId, tuple[SizeId, ...]] = attrs.Factory(Table)
    units: Table[ProductUnitId, ProductUnit] = attrs.Factory(Table)
    units_of: Table[ProductId, tuple[ProductUnitId, ...]] = attrs.Factory(Table)
    pictures: Table[PictureId, Picture] = attrs.Factory(Table)
    carts: Table[UserId, tuple[CartId, tuple[ProductUnitId, ...]]] = attrs.Factory(Table)
    guest_carts: Table[str, GuestCart] = attrs.Factory(Table)
    wishlist_units: Table[WishlistUnitId, WishlistUnit] = attrs.Factory(Table)
    promo_codes: Table[PromoCodeId, PromoCode] = attrs.Factory(Table)
    promo_code_ids: Table[str, PromoCodeId] = attrs.Factory(Table)
    orders: Table[OrderId, Order] = attrs.Factory(Table)
    fulfilments: Table[OrderId, Fulfilment] = attrs.Factory(Table)
    delivery_tariffs: Table[DeliveryKind, DeliveryTariff] = attrs.Factory(Table)
    order_history: Table[HistoryEntryId, HistoryEntry] = attrs.Factory(Table)
    agreed_products: Table[ProductView, ProductView] = attrs.Factory(Table)
    agreed_units: Table[UnitView, UnitView] = attrs.Factory(Table)
    stored_responses: Table[tuple[UserId, str], tuple[StoredResponse, datetime]] = attrs.Factory(Table)
    counters: Table[str, Count] = attrs.Factory(Table)
    stock_movements: Table[StockMovementId, StockMovement] = attrs.Factory(Table)
    audit: Table[AuditEntryId, AuditEntry] = attrs.Factory(Table)
    emails: Table[UserId, AccountEmail] = attrs.Factory(Table)
    single_use_tokens: Table[str, SingleUseToken] = attrs.Factory(Table)
    second_factors: Table[UserId, SecondFactor] = attrs.Factory(Table)
    recovery_codes: Table[tuple[UserId, str], bool] = attrs.Factory(Table)
    outbox: Table[MailId, StoredMail] = attrs.Factory(Table)
    events: Table[EventId, Event] = attrs.Factory(Table)
    undispatched: Table[EventId, None] = attrs.Factory(Table)
    subscriptions: Table[SubscriptionId, Subscription] = attrs.Factory(Table)
    deliveries: Table[tuple[SubscriptionId, EventId], Delivery] = attrs.Factory(Table)
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
    parents: Table[CategoryId, CategoryId] = attrs.Factory(Table)
    statuses: Table[StatusId, Named] = attrs.Factory(
        lambda: Table({status_id: Named(status_id, name) for status_id, name in STATUSES.items()}, len(STATUSES))
    )

    def fork(self) -> Self:
        """An independent copy of this state."""
        return type(self)(*(getattr(self, field.name).fork() for field in attrs.fields(Tables)))
