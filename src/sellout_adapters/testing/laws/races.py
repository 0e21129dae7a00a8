"""Laws of concurrent transactions."""

import threading
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import attrs

from sellout_adapters.testing.harness import pytest
from sellout_adapters.testing.scene import Scene, checkout_request, product_entry, shoe_size, unit_entry
from sellout_core import errors
from sellout_core.people.accounts import OPERATOR, NewAddress
from sellout_core.ports.store import Store, Transaction
from sellout_core.use_cases.catalogue.importing.entries import ProductEdit
from sellout_core.use_cases.catalogue.importing.writing import import_products
from sellout_core.use_cases.catalogue.products import change_product
from sellout_core.use_cases.shopping.checkout import check_out, check_out_once
from sellout_core.values import Money, ProductId, ProductUnitId

RACERS = 8
"""The number of concurrent calls."""

BLOCKED_SECONDS = 0.2
"""The time after which a concurrent call counts as blocked."""


def racing(count: int, call: Callable[[int], Any]) -> list[Any]:
    """Runs `call` in `count` threads that start together. Returns the results and the shop's errors."""
    start = threading.Barrier(count)

    def run(number: int) -> Any:
        start.wait()
        try:
            return call(number)
        except errors.SellOutError as refusal:
            return refusal

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))


def take(tx: Transaction, *unit_ids: ProductUnitId) -> Collection[ProductUnitId]:
    """Takes one piece of each of those units."""
    return tx.units.take(list(tx.units.get_many(unit_ids).values()))


class ConcurrentCall:
    """A call in another thread while a transaction runs. It ends at once, or the store blocks it until the transaction
    has ended.
    """

    def __init__(self, call: Callable[[], Any]) -> None:
        self._thread: threading.Thread | None = None
        self._call = call

    def has_ended(self) -> bool:
        """Starts the call if it is not running. Returns whether it has ended, and is not blocked."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._call)
            self._thread.start()
            self._thread.join(BLOCKED_SECONDS)
        return not self._thread.is_alive()

    def wait(self) -> None:
        """Waits until the call has ended."""
        assert self._thread is not None
        self._thread.join()


class RaceLaws:
    """Laws of concurrent transactions."""

    @pytest.fixture
    def scene(self, store: Store) -> Scene:
        """A shop over the store."""
        return Scene(store)

    # Concurrent checkouts

    def test_one_of_concurrent_buyers_gets_the_last_piece(self, scene: Scene) -> None:
        unit = scene.unit("one", 10, stock=1)
        buyers = [scene.user(f"buyer{n}") for n in range(RACERS)]
        asks = []
        for buyer in buyers:
            scene.fill_cart(buyer, unit)
            asks.append(checkout_request(scene.address(buyer), unit))
        results = racing(RACERS, lambda n: check_out(scene.shop, OPERATOR, buyers[n], asks[n]))
        refusals = [result for result in results if isinstance(result, errors.UnitsUnavailable)]
        assert [refusal.unit_ids for refusal in refusals] == [(unit,)] * (RACERS - 1)
        assert len(scene.store.read(lambda tx: tx.orders.after(0, 1_000))) == 1
        carts = [scene.store.read(lambda tx, b=buyer: tx.carts.of(b)) for buyer in buyers]  # type: ignore[misc]
        assert sorted(len(cart.unit_ids) for cart in carts) == [0] + [1] * (RACERS - 1)

    def test_a_double_click_orders_once(self, scene: Scene) -> None:
        anna, unit = scene.user("anna"), scene.unit("one", 10)
        scene.fill_cart(anna, unit)
        ask = checkout_request(scene.address(anna), unit)
        results = racing(RACERS, lambda _: check_out(scene.shop, OPERATOR, anna, ask))
        assert sum(isinstance(result, errors.NotInCart) for result in results) == RACERS - 1
        assert len(scene.store.read(lambda tx: tx.orders.after(0, 1_000))) == 1

    def test_one_idempotency_key_is_one_order_and_one_answer(self, scene: Scene) -> None:
        anna, unit = scene.user("anna"), scene.unit("one", 10, stock=9)
        scene.fill_cart(anna, unit)
        ask = checkout_request(scene.address(anna), unit)

        def encode(view: Any) -> bytes:
            return repr(view).encode()

        answers = racing(RACERS, lambda _: check_out_once(scene.shop, OPERATOR, anna, ask, "key", encode))
        assert len(set(answers)) == 1
        assert isinstance(answers[0], bytes)
        assert len(scene.store.read(lambda tx: tx.orders.after(0, 1_000))) == 1
        assert scene.store.read(lambda tx: tx.units.get_many([unit]))[unit].stock == 8

    def test_the_last_activation_goes_to_one_order(self, scene: Scene) -> None:
        unit, owner = scene.unit("one", 10), scene.user("owner")
        scene.promo_code("SALE", owner, max_activation_count=1)
        buyers = [scene.user(f"buyer{n}") for n in range(RACERS)]
        asks = []
        for buyer in buyers:
            scene.fill_cart(buyer, unit)
            asks.append(checkout_request(scene.address(buyer), unit, promo_code="sale"))
        results = racing(RACERS, lambda n: check_out(scene.shop, OPERATOR, buyers[n], asks[n]))
        assert sum(isinstance(result, errors.PromoCodeUsedUp) for result in results) == RACERS - 1
        assert len(scene.store.read(lambda tx: tx.orders.after(0, 1_000))) == 1

    # Conflicting transactions

    def test_a_transaction_that_waited_for_a_user_sees_the_committed_data(self, scene: Scene) -> None:
        anna = scene.user("anna")
        found: list[int] = []

        def look(tx: Transaction) -> None:
            user = tx.users.for_update(anna)
            assert user is not None
            found.append(len(user.addresses))

        other = ConcurrentCall(lambda: scene.store.write(look))

        def work(tx: Transaction) -> None:
            tx.users.for_update(anna)
            tx.addresses.add(anna, NewAddress("street", ""))
            assert not other.has_ended()

        scene.store.write(work)
        other.wait()
        assert found == [1]

    def test_taking_a_unit_with_an_outdated_price_runs_the_work_again(self, scene: Scene) -> None:
        unit = scene.unit("one", 10, stock=5)
        other = ConcurrentCall(lambda: scene.sell(product_entry("one", unit_entry(20, stock=5))))

        def work(tx: Transaction) -> tuple[int, bool]:
            read = tx.units.get_many([unit])[unit]
            import_ended = other.has_ended()
            assert list(tx.units.take([read])) == [unit]
            return read.price, import_ended

        price, import_ended = scene.store.write(work)
        other.wait()
        assert price == (20 if import_ended else 10)
        found = scene.store.read(lambda tx: tx.units.get_many([unit]))[unit]
        assert (found.price, found.stock, found.sold) == (20, 4, 1)

    def test_what_is_sold_during_an_import_stays_sold(self, scene: Scene) -> None:
        product, [unit] = scene.sell(product_entry("one", unit_entry(10, stock=5)))
        other = ConcurrentCall(lambda: scene.store.write(lambda tx: take(tx, unit.id)))

        def work(tx: Transaction) -> None:
            tx.products.by_sku(["one"])
            [read] = tx.units.of_products([product.id])
            other.has_ended()
            tx.units.save_many([attrs.evolve(read, price=Money(20))])

        scene.store.write(work)
        other.wait()
        found = scene.store.read(lambda tx: tx.units.get_many([unit.id]))[unit.id]
        assert (found.price, found.stock) == (20, 4)

    def test_transactions_that_change_the_same_products_in_opposite_order_succeed(self, scene: Scene) -> None:
        """One of them may run again. The products are as the last one left them."""
        first, second = (scene.sell(product_entry(sku))[0].id for sku in ("one", "two"))

        def rename(tx: Transaction, product_id: ProductId, name: str) -> None:
            change_product(scene.shop.inside(tx), OPERATOR, product_id, ProductEdit(name=name), lambda _: True)

        def backwards(tx: Transaction) -> None:
            rename(tx, second, "backwards")
            rename(tx, first, "backwards")

        other = ConcurrentCall(lambda: scene.store.write(backwards))

        def forwards(tx: Transaction) -> None:
            rename(tx, first, "forwards")
            other.has_ended()
            rename(tx, second, "forwards")

        scene.store.write(forwards)
        other.wait()
        names = [scene.sold(product_id)[0].name for product_id in (first, second)]
        assert names in (["forwards"] * 2, ["backwards"] * 2)

    @pytest.mark.parametrize("known", ["nothing", "its names", "the product"])
    def test_concurrent_imports_of_one_sku_create_one_product(self, scene: Scene, known: str) -> None:
        if known != "nothing":
            scene.sell(product_entry("one" if known == "the product" else "other"))
            scene.unit("another", 10)
        before = len(scene.store.read(lambda tx: tx.products.after(0, 10)))
        entries = [product_entry("one", unit_entry(10 + n, shoe_size("41"))) for n in range(RACERS)]
        results = racing(RACERS, lambda n: import_products(scene.shop, OPERATOR, [entries[n]]))
        created = sum(result.counts.created for result in results)
        assert created == (0 if known == "the product" else 1)
        assert len(scene.store.read(lambda tx: tx.products.after(0, 10))) == before + created
        product = scene.store.read(lambda tx: tx.products.by_sku(["one"]))["one"]
        [unit] = scene.store.read(lambda tx: tx.units.of_products([product.id]))
        assert unit.price in range(10, 10 + RACERS)

    def test_an_import_that_unlists_a_product_stops_its_sale(self, scene: Scene) -> None:
        unit = scene.unit("one", 10, stock=RACERS)
        buyers = [scene.user(f"buyer{n}") for n in range(RACERS)]
        asks = []
        for buyer in buyers:
            scene.fill_cart(buyer, unit)
            asks.append(checkout_request(scene.address(buyer), unit))
        unlisted = product_entry("one", unit_entry(10, stock=RACERS, availability=False), available_flag=False)

        def call(n: int) -> Any:
            if n < RACERS:
                return check_out(scene.shop, OPERATOR, buyers[n], asks[n])
            return import_products(scene.shop, OPERATOR, [unlisted])

        results = racing(RACERS + 1, call)
        refusals = {type(result) for result in results if isinstance(result, errors.SellOutError)}
        assert refusals <= {errors.UnitsUnavailable}
        for buyer, ask in zip(buyers, asks, strict=True):
            with pytest.raises((errors.UnitsUnavailable, errors.NotInCart)):
                check_out(scene.shop, OPERATOR, buyer, ask)

    def test_concurrent_checkouts_of_the_same_units_in_any_order_succeed(self, scene: Scene) -> None:
        units = [scene.unit(f"p{n}", 10, stock=RACERS) for n in range(4)]
        buyers = [scene.user(f"buyer{n}") for n in range(RACERS)]
        asks = []
        for n, buyer in enumerate(buyers):
            scene.fill_cart(buyer, *units)
            asks.append(checkout_request(scene.address(buyer), *units[n % 4 :], *units[: n % 4]))
        results = racing(RACERS, lambda n: check_out(scene.shop, OPERATOR, buyers[n], asks[n]))
        assert [len(view.order.lines) for view in results] == [4] * RACERS
        left = scene.store.read(lambda tx: tx.units.get_many(units))
        assert [(unit.stock, unit.available) for unit in left.values()] == [(0, False)] * 4

    def test_concurrent_checkouts_with_promo_codes_of_other_buyers_succeed(self, scene: Scene) -> None:
        unit = scene.unit("one", 10)
        buyers = [scene.user(f"buyer{n}") for n in range(RACERS)]
        asks = []
        for n, buyer in enumerate(buyers):
            scene.fill_cart(buyer, unit)
            scene.promo_code(f"CODE{n}", buyer)
            asks.append(checkout_request(scene.address(buyer), unit, promo_code=f"CODE{n ^ 1}"))
        results = racing(RACERS, lambda n: check_out(scene.shop, OPERATOR, buyers[n], asks[n]))
        assert [view.order.total for view in results] == [9] * RACERS
