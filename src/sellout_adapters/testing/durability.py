"""Laws of durable stores. A durable store can be reopened.

Subclass `DurabilityContract` in a test module, beside `contract.StoreContract`, and give it a fixture `reopenable`: a
function that opens the same store at each call. These laws do not apply to a store in memory.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from typing import Final

from sellout_adapters.testing.harness import pytest
from sellout_adapters.testing.scene import Scene, checkout_request, product_entry, unit_entry
from sellout_core import errors
from sellout_core.people.accounts import Actor, NewAddress, Session
from sellout_core.ports.store import Store, Transaction
from sellout_core.use_cases.shopping.checkout import check_out_once
from sellout_core.use_cases.shopping.wishlists import add_to_wishlist
from sellout_core.values import SessionId, UserId

__all__ = ["DurabilityContract", "Reopenable"]

_NOW: Final = datetime(2026, 3, 1, 12, tzinfo=UTC)
_HOUR: Final = timedelta(hours=1)

Reopenable = Callable[[], AbstractContextManager[Store]]
"""Opens a store: empty at the first call, later with all committed data. Leaving the context closes it."""


class DurabilityContract:
    """A reopened store contains the committed data and nothing else."""

    def test_a_reopened_store_has_all_committed_data(self, reopenable: Reopenable) -> None:
        with reopenable() as store:
            scene = Scene(store)
            buyer = scene.user("anna")
            _, [unit] = scene.sell(product_entry("one", unit_entry(7, stock=3)))
            scene.fill_cart(buyer, unit.id)
            code = scene.promo_code("SALE", buyer)
            wanted = checkout_request(scene.address(buyer), unit.id, promo_code=code.code)
            check_out_once(scene.shop, Actor(buyer), buyer, wanted, "key", lambda view: str(view.order.id).encode())
            scene.fill_cart(buyer, unit.id)
            add_to_wishlist(scene.shop, Actor(buyer), buyer, unit.product_id, None)
            session = Session(SessionId("0123456789abcdef"), buyer, "fingerprint", _NOW + _HOUR)
            store.write(lambda tx: tx.sessions.add(session))
            store.write(lambda tx: tx.counters.add("tries", _NOW, _HOUR))
            before = store.read(lambda tx: _state(tx, buyer))
        with reopenable() as store:
            assert store.read(lambda tx: _state(tx, buyer)) == before
            assert store.write(lambda tx: tx.counters.add("tries", _NOW, _HOUR)).number == 2
            # The same line updates the same product: its sku is known.
            assert Scene(store).sell(product_entry("one", unit_entry(7, stock=3)))[0].id == unit.product_id

    def test_a_reopened_store_has_no_rolled_back_data(self, reopenable: Reopenable) -> None:
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

    def test_a_reopened_store_can_be_written(self, reopenable: Reopenable) -> None:
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
        "wishlist": tx.wishlists.of(buyer),
        "session": tx.sessions.actor(SessionId("0123456789abcdef"), buyer),
        "answer": tx.idempotency.find(buyer, "key", datetime.min.replace(tzinfo=UTC)),
        "references": tx.references.snapshot(),
    }
