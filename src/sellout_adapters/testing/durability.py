"""The laws of stores that can be opened again, for authors whose store says that it is durable.

Subclass `DurabilityContract` in a test module, beside `contract.StoreContract`, and give it a fixture `reopenable`: a
function that opens the same store each time it is called. A store in memory has no such function and no such laws.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager

from sellout_adapters.testing.harness import pytest
from sellout_adapters.testing.scene import Scene, checkout_request, product_entry, unit_entry
from sellout_core import errors
from sellout_core.accounts import Actor, NewAddress
from sellout_core.ports.store import Store, Transaction
from sellout_core.use_cases.checkout import check_out
from sellout_core.values import UserId

__all__ = ["DurabilityContract", "Reopenable"]

Reopenable = Callable[[], AbstractContextManager[Store]]
"""Opens one and the same store: empty at the first call, afterwards with all that was committed. Leaving the context
closes it. The store is open once at a time.
"""


class DurabilityContract:
    """What was committed is there when the store is opened again, and nothing else is."""

    def test_a_shop_is_the_same_when_it_is_opened_again(self, reopenable: Reopenable) -> None:
        with reopenable() as store:
            scene = Scene(store)
            buyer = scene.user("anna")
            _, [unit] = scene.sell(product_entry("one", unit_entry(7, stock=3)))
            scene.fill_cart(buyer, unit.id)
            code = scene.promo_code("SALE", buyer)
            wanted = checkout_request(scene.address(buyer), unit.id, promo_code=code.code)
            check_out(scene.shop, Actor(buyer), buyer, wanted)
            scene.fill_cart(buyer, unit.id)
            before = store.read(lambda tx: _state(tx, buyer))
        with reopenable() as store:
            assert store.read(lambda tx: _state(tx, buyer)) == before

    def test_what_was_rolled_back_is_not_there_when_the_store_is_opened_again(self, reopenable: Reopenable) -> None:
        with reopenable() as store:
            kept = Scene(store).user("anna")

            def work(tx: Transaction) -> None:
                tx.addresses.add(kept, NewAddress("street", ""))
                raise errors.NotFound

            with pytest.raises(errors.NotFound):
                store.write(work)
        with reopenable() as store:
            users = store.read(lambda tx: tx.users.after(0, 9))
            assert [(user.id, user.addresses) for user in users] == [(kept, ())]

    def test_a_store_that_is_opened_again_goes_on(self, reopenable: Reopenable) -> None:
        with reopenable() as store:
            first = Scene(store).user("anna")
        with reopenable() as store:
            second = Scene(store).user("boris")
            assert sorted(store.read(lambda tx: tx.users.get_many([first, second]))) == [first, second]


def _state(tx: Transaction, buyer: UserId) -> dict[str, object]:
    """The parts of a shop that a buyer's order touches."""
    products = tx.products.after(0, 9)
    return {
        "users": tx.users.after(0, 9),
        "credentials": tx.credentials.of(buyer),
        "products": products,
        "units": tx.units.of_products([product.id for product in products]),
        "cart": tx.carts.of(buyer),
        "promo codes": tx.promo_codes.by_code("SALE"),
        "orders": tx.orders.after(0, 9),
        "references": tx.references.snapshot(),
    }
