"""A buyer with a filled cart, and the rows that a checkout changes."""

from collections.abc import Sequence

import attrs

from sellout_adapters.sql import SqlStore
from sellout_adapters.testing.scene import Scene, checkout_request
from sellout_core.people.accounts import OPERATOR
from sellout_core.ports.store import Transaction
from sellout_core.shopping.ordering import Checkout, Order
from sellout_core.use_cases.shopping.checkout import check_out_once
from sellout_core.values import ProductUnitId, UserId


@attrs.frozen
class CheckoutScene:
    """A buyer with two units in the cart: five pieces of the first, unlimited stock of the second. The promo code is
    good for two orders.
    """

    scene: Scene
    store: SqlStore
    buyer: UserId
    units: tuple[ProductUnitId, ...]
    ask: Checkout

    def check_out(self, key: str = "a key") -> bytes:
        """Checks out under an idempotency key and returns the encoded order."""
        return check_out_once(self.scene.shop, OPERATOR, self.buyer, self.ask, key, lambda view: b"%d" % view.order.id)

    def orders(self) -> Sequence[Order]:
        """All orders of the shop."""
        return self.store.read(lambda tx: tx.orders.after(0, 1_000))

    def rows(self) -> object:
        """All rows that a checkout may change."""

        def work(tx: Transaction) -> object:
            units = tx.units.get_many(self.units)
            return (
                units,
                tx.carts.of(self.buyer),
                tx.promo_codes.by_code("SALE"),
                tx.orders.after(0, 1_000),
                tx.users.after(0, 1_000),
            )

        return self.store.read(work)

    def require_one_order(self) -> None:
        """Asserts that each row shows the changes of exactly one order."""
        [order] = self.orders()
        units = self.store.read(lambda tx: tx.units.get_many(self.units))
        cart = self.store.read(lambda tx: tx.carts.of(self.buyer))
        promo_code = self.store.read(lambda tx: tx.promo_codes.by_code("SALE"))
        assert cart is not None
        assert promo_code is not None
        assert [line.unit.id for line in order.lines] == list(self.units)
        assert [unit.stock for unit in units.values()] == [4, None]
        assert (cart.unit_ids, promo_code.activation_count) == ((), 1)


def checkout_scene(store: SqlStore) -> CheckoutScene:
    """Adds a buyer with a filled cart to an empty store."""
    scene = Scene(store)
    buyer, units = scene.user("anna"), (scene.unit("one", 10, stock=5), scene.unit("two", 90))
    scene.promo_code("SALE", scene.user("owner"), max_activation_count=2)
    scene.fill_cart(buyer, *units)
    return CheckoutScene(scene, store, buyer, units, checkout_request(scene.address(buyer), *units, promo_code="SALE"))
