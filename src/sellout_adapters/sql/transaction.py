"""The transaction of the core: the repositories over one session."""

from collections.abc import Callable
from typing import Generic, TypeVar

import attrs

from sellout_adapters.sql.repositories.audit import SqlAudit
from sellout_adapters.sql.repositories.backlog import SqlBacklog
from sellout_adapters.sql.repositories.catalogue.cards import SqlCards
from sellout_adapters.sql.repositories.catalogue.pictures import SqlPictures
from sellout_adapters.sql.repositories.catalogue.products import SqlProducts
from sellout_adapters.sql.repositories.catalogue.references import SqlReferenceTables
from sellout_adapters.sql.repositories.catalogue.slugs import SqlSlugs
from sellout_adapters.sql.repositories.catalogue.stock import SqlStockLedger
from sellout_adapters.sql.repositories.catalogue.units import SqlSizes, SqlUnits
from sellout_adapters.sql.repositories.catalogue.view_history import SqlViewHistory
from sellout_adapters.sql.repositories.counters import SqlCounters
from sellout_adapters.sql.repositories.events import SqlEvents
from sellout_adapters.sql.repositories.idempotency import SqlIdempotencyStore
from sellout_adapters.sql.repositories.outbox import SqlOutbox
from sellout_adapters.sql.repositories.people.accounts import (
    SqlAddresses,
    SqlCredentials,
    SqlSessions,
    SqlUsers,
)
from sellout_adapters.sql.repositories.people.identity import SqlAccountEmails, SqlSingleUseTokens
from sellout_adapters.sql.repositories.people.personal_data import SqlPersonalData
from sellout_adapters.sql.repositories.people.second_factors import SqlSecondFactors
from sellout_adapters.sql.repositories.shopping.delivery_tariffs import SqlDeliveryTariffs
from sellout_adapters.sql.repositories.shopping.fulfilment import SqlFulfilments, SqlOrderHistory
from sellout_adapters.sql.repositories.shopping.guest_carts import SqlGuestCarts
from sellout_adapters.sql.repositories.shopping.orders import SqlCarts, SqlOrders, SqlPromoCodes
from sellout_adapters.sql.repositories.shopping.sales import SqlSales
from sellout_adapters.sql.repositories.shopping.wishlists import SqlWishlists
from sellout_adapters.sql.repositories.subscriptions import SqlDeliveries, SqlSubscriptions
from sellout_adapters.sql.search.facet_index import FacetIndex
from sellout_adapters.sql.search.query import SearchSql
from sellout_adapters.sql.session.session import DatabaseSession

T = TypeVar("T")


class _Repository(Generic[T]):
    """A repository of a transaction, made when it is used: most transactions use few."""

    def __init__(self, make: Callable[[DatabaseSession], T]) -> None:
        self._make = make

    def __get__(self, transaction: "SqlTransaction", _: type) -> T:
        return self._make(transaction.session)


@attrs.frozen
class SqlTransaction:
    """`ports.Transaction` over a session."""

    session: DatabaseSession
    _search: SearchSql
    _facet_index: FacetIndex

    users = _Repository(SqlUsers)
    view_history = _Repository(SqlViewHistory)
    credentials = _Repository(SqlCredentials)
    addresses = _Repository(SqlAddresses)
    sessions = _Repository(SqlSessions)
    idempotency = _Repository(SqlIdempotencyStore)
    references = _Repository(SqlReferenceTables)
    slugs = _Repository(SqlSlugs)
    sizes = _Repository(SqlSizes)
    units = _Repository(SqlUnits)
    pictures = _Repository(SqlPictures)
    wishlists = _Repository(SqlWishlists)
    carts = _Repository(SqlCarts)
    guest_carts = _Repository(SqlGuestCarts)
    promo_codes = _Repository(SqlPromoCodes)
    orders = _Repository(SqlOrders)
    fulfilments = _Repository(SqlFulfilments)
    order_history = _Repository(SqlOrderHistory)
    counters = _Repository(SqlCounters)
    audit = _Repository(SqlAudit)
    personal_data = _Repository(SqlPersonalData)
    stock = _Repository(SqlStockLedger)
    emails = _Repository(SqlAccountEmails)
    single_use_tokens = _Repository(SqlSingleUseTokens)
    second_factors = _Repository(SqlSecondFactors)
    outbox = _Repository(SqlOutbox)
    sales = _Repository(SqlSales)
    delivery_tariffs = _Repository(SqlDeliveryTariffs)
    backlog = _Repository(SqlBacklog)
    events = _Repository(SqlEvents)
    subscriptions = _Repository(SqlSubscriptions)
    deliveries = _Repository(SqlDeliveries)

    @property
    def products(self) -> SqlProducts:
        """The products, whose deletion changes the index of the database's own SQL."""
        return SqlProducts(self.session, self._search)

    @property
    def cards(self) -> SqlCards:
        """The cards, which searches find by the database's own SQL."""
        return SqlCards(self.session, self._search, self._facet_index)
