"""The ports of the core: Protocols that adapters implement. Each docstring states a contract.

A method that reads takes any number of ids and runs one statement; its result omits ids that do not exist. A method
that writes is safe under concurrency; its result tells whether it lost a race. Any method of a store may raise
`errors.Unavailable`.
"""

from sellout_core.ports.audit import Audit
from sellout_core.ports.catalogue.pictures import PictureRenderer, Pictures, PictureStorage
from sellout_core.ports.catalogue.products import Cards, Products, ReferenceTables, Sizes, Units
from sellout_core.ports.catalogue.slugs import Slugs
from sellout_core.ports.catalogue.stock import StockLedger
from sellout_core.ports.events import Deliveries, EventHandler, Events, Subscriptions
from sellout_core.ports.mail import Mailer, Outbox
from sellout_core.ports.payments import PaymentProvider
from sellout_core.ports.people.accounts import Addresses, CredentialsOfUsers, Sessions, Users, ViewHistory
from sellout_core.ports.people.identity import AccountEmails, SingleUseTokens
from sellout_core.ports.people.personal_data import PersonalData
from sellout_core.ports.people.second_factors import SecondFactors
from sellout_core.ports.shopping.delivery import DeliveryTariffTable
from sellout_core.ports.shopping.fulfilment import Fulfilments, OrderHistory
from sellout_core.ports.shopping.guest_carts import GuestCarts
from sellout_core.ports.shopping.orders import (
    Carts,
    IdempotencyStore,
    Orders,
    PromoCodes,
    Sales,
    StoredResponse,
    Wishlists,
)
from sellout_core.ports.store import Count, Counters, Store, Transaction
from sellout_core.ports.system import OneTimeCodes, Passwords, Randomness, Tokens

__all__ = [
    "AccountEmails",
    "Addresses",
    "Audit",
    "Cards",
    "Carts",
    "Count",
    "Counters",
    "CredentialsOfUsers",
    "Deliveries",
    "DeliveryTariffTable",
    "EventHandler",
    "Events",
    "Fulfilments",
    "GuestCarts",
    "IdempotencyStore",
    "Mailer",
    "OneTimeCodes",
    "OrderHistory",
    "Orders",
    "Outbox",
    "Passwords",
    "PaymentProvider",
    "PersonalData",
    "PictureRenderer",
    "PictureStorage",
    "Pictures",
    "Products",
    "PromoCodes",
    "Randomness",
    "ReferenceTables",
    "Sales",
    "SecondFactors",
    "Sessions",
    "SingleUseTokens",
    "Sizes",
    "Slugs",
    "StockLedger",
    "Store",
    "StoredResponse",
    "Subscriptions",
    "Tokens",
    "Transaction",
    "Units",
    "Users",
    "ViewHistory",
    "Wishlists",
]
