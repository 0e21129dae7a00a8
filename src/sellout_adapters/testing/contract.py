"""The laws of `sellout_core.ports`, as pytest tests.

Subclass `StoreContract` in a test module and give it a fixture `store`, an empty shop for each test.
"""

from sellout_adapters.extras import MissingExtra
from sellout_adapters.testing.laws.audit import AuditLaws
from sellout_adapters.testing.laws.backlog import BacklogLaws
from sellout_adapters.testing.laws.catalogue.agreed_orders import AgreedOrderLaws
from sellout_adapters.testing.laws.catalogue.catalogue import CatalogueLaws
from sellout_adapters.testing.laws.catalogue.finding import FindingLaws
from sellout_adapters.testing.laws.catalogue.lists import ListLaws, PageLaws
from sellout_adapters.testing.laws.catalogue.pictures import PictureLaws
from sellout_adapters.testing.laws.catalogue.products import ProductChangeLaws, StockLedgerLaws, UnitChangeLaws
from sellout_adapters.testing.laws.catalogue.references import CategoryTreeLaws, ReferenceLaws
from sellout_adapters.testing.laws.catalogue.stock import StockLaws
from sellout_adapters.testing.laws.counters import CounterLaws
from sellout_adapters.testing.laws.events.delivered import EventLaws
from sellout_adapters.testing.laws.events.order_mail import OrderMailLaws
from sellout_adapters.testing.laws.events.stored import DeliveryOfEventLaws, StoredEventLaws, SubscriptionLaws
from sellout_adapters.testing.laws.fulfilment.fulfilment import FulfilmentLaws
from sellout_adapters.testing.laws.fulfilment.payments import PaymentLaws
from sellout_adapters.testing.laws.fulfilment.personal_orders import PersonalOrderLaws
from sellout_adapters.testing.laws.fulfilment.unpaid_orders import UnpaidOrderLaws
from sellout_adapters.testing.laws.people.accounts import AccountLaws
from sellout_adapters.testing.laws.people.deleted_buyers import DeletedBuyerLaws
from sellout_adapters.testing.laws.people.deletion import DeletionLaws
from sellout_adapters.testing.laws.people.identity import EmailLaws, OutboxLaws, SingleUseTokenLaws
from sellout_adapters.testing.laws.people.own_account import ProfileLaws
from sellout_adapters.testing.laws.people.second_factors import SecondFactorLaws
from sellout_adapters.testing.laws.people.sessions import SessionListLaws
from sellout_adapters.testing.laws.people.user_management import UserManagementLaws
from sellout_adapters.testing.laws.people.user_search import UserSearchLaws
from sellout_adapters.testing.laws.races import RaceLaws
from sellout_adapters.testing.laws.shopping.delivery import DeliveryLaws
from sellout_adapters.testing.laws.shopping.delivery_tariffs import DeliveryTariffLaws
from sellout_adapters.testing.laws.shopping.guest_carts import GuestCartLaws
from sellout_adapters.testing.laws.shopping.order_search import OrderSearchLaws
from sellout_adapters.testing.laws.shopping.orders import ShoppingLaws
from sellout_adapters.testing.laws.shopping.promo_codes import PromoCodeLaws
from sellout_adapters.testing.laws.shopping.sales import SalesLaws
from sellout_adapters.testing.laws.transactions import TransactionLaws
from sellout_adapters.testing.search.laws import SearchLaws

try:
    from sellout_adapters.testing.search.generated import GeneratedLaws
except MissingExtra as error:
    missing = error

    class GeneratedLaws:  # type: ignore[no-redef]
        """Fails instead of the laws on generated data, which need Hypothesis."""

        def test_laws_on_generated_data(self) -> None:
            raise missing


__all__ = ["StoreContract"]


class StoreContract(
    AgreedOrderLaws,
    AuditLaws,
    BacklogLaws,
    CategoryTreeLaws,
    ReferenceLaws,
    PictureLaws,
    ProductChangeLaws,
    UnitChangeLaws,
    StockLedgerLaws,
    EventLaws,
    DeliveryOfEventLaws,
    StoredEventLaws,
    OrderMailLaws,
    SubscriptionLaws,
    FulfilmentLaws,
    GeneratedLaws,
    RaceLaws,
    CounterLaws,
    EmailLaws,
    FindingLaws,
    GuestCartLaws,
    ListLaws,
    OutboxLaws,
    OrderSearchLaws,
    PageLaws,
    PaymentLaws,
    DeletedBuyerLaws,
    DeletionLaws,
    DeliveryLaws,
    DeliveryTariffLaws,
    ProfileLaws,
    PersonalOrderLaws,
    PromoCodeLaws,
    SalesLaws,
    SearchLaws,
    SecondFactorLaws,
    SessionListLaws,
    SingleUseTokenLaws,
    StockLaws,
    TransactionLaws,
    UnpaidOrderLaws,
    UserManagementLaws,
    UserSearchLaws,
    AccountLaws,
    CatalogueLaws,
    ShoppingLaws,
):
    """The contract of `sellout_core.ports`. Each test gets an empty store."""
