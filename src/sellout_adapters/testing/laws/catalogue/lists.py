"""Laws of lists and pages: they contain each row once, by id."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sellout_adapters.testing.laws.races import RACERS, racing
from sellout_adapters.testing.scene import Scene, checkout_request, product_entry
from sellout_core.people.accounts import OPERATOR, Actor
from sellout_core.ports.store import Store, Transaction
from sellout_core.use_cases.catalogue.importing.changes import ImportCounts
from sellout_core.use_cases.catalogue.importing.writing import write_entries
from sellout_core.use_cases.shopping.checkout import check_out
from sellout_core.values import ProductId

NOW = datetime(2024, 5, 6, 7, 8, 9, 123456, UTC)
ALL_ROWS = 10_000


def write_products(tx: Transaction, listed: Mapping[int, bool]) -> ImportCounts:
    """Lists and unlists products by number. Adds the missing ones."""
    entries = [product_entry(f"p{number}", available_flag=is_listed) for number, is_listed in listed.items()]
    return write_entries(tx, entries, NOW, OPERATOR).counts


def listed_in(tx: Transaction) -> Sequence[ProductId]:
    """The ids of all listed products, read without pages."""
    return [product.id for product in tx.products.after(0, ALL_ROWS) if product.available]


def page_in(tx: Transaction, offset: int, limit: int) -> Sequence[ProductId]:
    """The ids on a page."""
    return [card.product.id for card in tx.cards.page(offset, limit, None).cards]


class PageLaws:
    """A page is a slice of all listed products."""

    def test_concurrent_imports_keep_pages_exact(self, store: Store) -> None:
        """Concurrent transactions add, list and unlist products with interleaved ids."""

        def call(number: int) -> list[ImportCounts]:
            done = []
            for turn in range(4):
                new = {1000 + number * 100 + turn * 20 + n: (n + number) % 3 > 0 for n in range(20)}
                known = {n * RACERS + number: (n + turn) % 3 > 0 for n in range(12)}
                done.append(store.write(lambda tx, listed=new | known: write_products(tx, listed)))  # type: ignore[misc]
            return done

        store.write(lambda tx: write_products(tx, dict.fromkeys(range(12 * RACERS), True)))
        results = racing(RACERS, call)
        assert [sum(counts.created for counts in done) for done in results] == [80] * RACERS

        def compare(tx: Transaction) -> None:
            expected = listed_in(tx)
            assert len(expected) > 400
            for offset in range(0, len(expected) + 5, 5):
                assert page_in(tx, offset, 5) == expected[offset : offset + 5]

        store.read(compare)


def require_in_order(after: Callable[[int, int], Sequence[Any]], ids: Sequence[int]) -> None:
    """Asserts that `after` returns each of five rows once, in order, after any id."""
    assert [row.id for row in [*after(0, 2), *after(ids[1], 2), *after(ids[3], 9)]] == list(ids)
    assert [row.id for row in after(ids[2] - 1, 1)] == [ids[2]]
    assert [row.id for row in after(-1, 9)] == [row.id for row in after(-(2**70), 9)] == list(ids)
    for beyond in (ids[-1], 2**53 - 1, 2**53, 2**70):
        assert after(beyond, 9) == []


class ListLaws:
    """Laws of `after` for products, users and orders."""

    def test_products_are_read_after_an_id(self, scene: Scene) -> None:
        ids = [scene.sell(product_entry(f"p{n}", available_flag=n % 2 == 0))[0].id for n in range(5)]
        require_in_order(lambda after, limit: scene.store.read(lambda tx: tx.products.after(after, limit)), ids)

    def test_users_are_read_after_an_id(self, scene: Scene) -> None:
        ids = [scene.user(f"user{n}") for n in range(5)]
        require_in_order(lambda after, limit: scene.store.read(lambda tx: tx.users.after(after, limit)), ids)
        scene.address(ids[1])
        first_three = scene.store.read(lambda tx: tx.users.after(0, 3))
        found = scene.store.read(lambda tx: tx.users.get_many(ids))
        assert first_three == [found[user_id] for user_id in ids[:3]]
        assert [len(user.addresses) for user in first_three] == [0, 1, 0]

    def test_orders_are_read_after_an_id(self, scene: Scene) -> None:
        buyers, unit_id = [scene.user(f"buyer{n % 2}{n}") for n in range(5)], scene.unit("one", 7)
        for buyer in buyers:
            scene.fill_cart(buyer, unit_id)
            check_out(scene.shop, Actor(buyer), buyer, checkout_request(scene.address(buyer), unit_id))
        orders = scene.store.read(
            lambda tx: [each for buyer in buyers for each in tx.orders.of_buyer_after(buyer, 0, 9)]
        )
        ids = [order.id for order in orders]
        require_in_order(lambda after, limit: scene.store.read(lambda tx: tx.orders.after(after, limit)), ids)
        assert scene.store.read(lambda tx: tx.orders.after(0, 5)) == orders
