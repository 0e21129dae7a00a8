"""The laws of `sellout_core.ports`, as tests that every store must pass.

Subclass `StoreContract` in a test module and give it a fixture `store`, an empty shop for each test.
"""

from sellout_adapters.extras import MissingExtra
from sellout_adapters.testing.laws.accounts import AccountLaws
from sellout_adapters.testing.laws.agreed_orders import AgreedOrderLaws
from sellout_adapters.testing.laws.catalogue import CatalogueLaws
from sellout_adapters.testing.laws.counters import CounterLaws
from sellout_adapters.testing.laws.lists import ListLaws, PageLaws
from sellout_adapters.testing.laws.races import RaceLaws
from sellout_adapters.testing.laws.shopping import ShoppingLaws
from sellout_adapters.testing.laws.stock import StockLaws
from sellout_adapters.testing.laws.transactions import TransactionLaws
from sellout_adapters.testing.search.laws import SearchLaws

try:
    from sellout_adapters.testing.search.generated import GeneratedLaws
except MissingExtra as error:
    missing = error

    class GeneratedLaws:  # type: ignore[no-redef]
        """Fails in place of the laws on generated data, which need Hypothesis."""

        def test_laws_on_generated_data(self) -> None:
            raise missing


__all__ = ["StoreContract"]


class StoreContract(
    AgreedOrderLaws,
    GeneratedLaws,
    RaceLaws,
    CounterLaws,
    ListLaws,
    PageLaws,
    SearchLaws,
    StockLaws,
    TransactionLaws,
    AccountLaws,
    CatalogueLaws,
    ShoppingLaws,
):
    """What `ports` promises. Every test gets an empty store and does not know its kind."""
