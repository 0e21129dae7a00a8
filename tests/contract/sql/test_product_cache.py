"""The product cache: a cached product is never older than the product in the transaction's snapshot."""

from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest

from sellout_adapters.sql import SqlStore
from sellout_adapters.testing.scene import Scene, product_entry, unit_entry
from sellout_core.ports.store import Store, Transaction
from sellout_core.values import ProductId
from tests.contract.conftest import PERSISTENT


@attrs.frozen
class Two:
    """A scene on a store, and another store on the same database, like another process."""

    scene: Scene
    other: SqlStore

    def rename(self, sku: str, name: str) -> None:
        """Changes a product through the first store."""
        self.scene.sell(product_entry(sku, unit_entry(len(name)), name=name))


@pytest.fixture(params=PERSISTENT)
def two(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Two]:
    with PERSISTENT[request.param](tmp_path) as store, PERSISTENT[request.param](tmp_path) as other:
        made = Two(Scene(store), other)
        for sku in ("one", "two"):
            made.rename(sku, "old")
        yield made


ONE, TWO = ProductId(1), ProductId(2)


def names(store: Store, *product_ids: ProductId) -> list[tuple[str, int | None]]:
    """The names and lowest prices of products."""
    products = store.read(lambda tx: tx.products.get_many(product_ids))
    cards = store.read(lambda tx: tx.cards.get_many(product_ids, None))
    assert {i: card.product for i, card in cards.items()} == products
    return [(products[i].name, cards[i].min_price) for i in product_ids if i in products]


def test_what_another_process_changes_is_seen_at_once(two: Two) -> None:
    for name in ("first", "second one", "third"):
        assert names(two.other, ONE, TWO) == names(two.scene.store, ONE, TWO)
        two.rename("one", name)
        assert names(two.other, TWO, ONE) == [("old", 3), (name, len(name))]


def test_a_transaction_that_began_before_a_change_does_not_see_it(two: Two) -> None:
    """This holds even after other transactions have read the new version."""

    def work(tx: Transaction) -> list[str]:
        def name(product_id: ProductId) -> str:
            product = tx.products.get_many([product_id])[product_id]
            return str(product.name)

        seen = [name(ONE)]
        two.rename("one", "new")
        two.rename("two", "new")
        assert names(two.other, ONE, TWO) == [("new", 3)] * 2
        return [*seen, name(TWO), name(ONE)]

    assert two.other.read(work) == ["old"] * 3
    assert names(two.other, ONE, TWO) == [("new", 3)] * 2


def test_a_transaction_that_writes_sees_what_it_wrote(two: Two) -> None:
    names(two.other, ONE, TWO)

    def work(tx: Transaction) -> list[str]:
        products = tx.products
        products.save_many([attrs.evolve(products.get_many([ONE])[ONE], name="written")])
        return [products.get_many([ONE])[ONE].name, products.get_many([TWO])[TWO].name]

    assert two.other.write(work) == ["written", "old"]
    assert names(two.other, ONE) == [("written", 3)]


def test_a_change_that_is_taken_back_leaves_no_trace(two: Two) -> None:
    def work(tx: Transaction) -> None:
        products = tx.products
        products.save_many([attrs.evolve(products.get_many([ONE])[ONE], name="undone")])
        products.get_many([ONE])
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        two.other.write(work)
    assert names(two.other, ONE) == [("old", 3)]


def test_more_products_than_are_kept_are_read_all_the_same(two: Two, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sellout_adapters.sql.session.product_cache.MAX_CHARACTERS", 1500)
    for _ in range(2):
        assert names(two.other, ONE, TWO, ProductId(3)) == [("old", 3)] * 2
        assert names(two.other, TWO) == [("old", 3)]
