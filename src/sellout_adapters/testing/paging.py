"""What holds for pages, as tests that any store must pass: part of `contract.StoreContract`."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from sellout_adapters.testing.races import RACERS, racing
from sellout_adapters.testing.scene import product_entry
from sellout_core.ports.store import Store, Transaction
from sellout_core.use_cases.importing.changes import ImportCounts
from sellout_core.use_cases.importing.writing import write_entries
from sellout_core.values import ProductId

NOW = datetime(2024, 5, 6, 7, 8, 9, 123456, UTC)
EVERYTHING = 10_000


def write(tx: Transaction, listed: Mapping[int, bool]) -> ImportCounts:
    """Lists and unlists products, new ones if there are none of those numbers."""
    entries = [product_entry(f"p{number}", available_flag=flag) for number, flag in listed.items()]
    return write_entries(tx, entries, NOW).counts


def listed_in(tx: Transaction) -> Sequence[ProductId]:
    """The ids of all listed products, found without pages."""
    return [product.id for product in tx.products.after(0, EVERYTHING) if product.available]


def page_in(tx: Transaction, offset: int, limit: int) -> Sequence[ProductId]:
    """The ids on a page."""
    return [card.product.id for card in tx.cards.page(offset, limit, None)]


class PageContract:
    """A page is what counting through all listed products would find."""

    def test_importers_at_once_miscount_nothing(self, store: Store) -> None:
        """They add products, and list and unlist others with ids between each other's."""

        def call(number: int) -> list[ImportCounts]:
            done = []
            for turn in range(4):
                new = {1000 + number * 100 + turn * 20 + n: (n + number) % 3 > 0 for n in range(20)}
                known = {n * RACERS + number: (n + turn) % 3 > 0 for n in range(12)}
                done.append(store.write(lambda tx, listed=new | known: write(tx, listed)))  # type: ignore[misc]
            return done

        store.write(lambda tx: write(tx, dict.fromkeys(range(12 * RACERS), True)))
        results = racing(RACERS, call)
        assert [sum(counts.created for counts in done) for done in results] == [80] * RACERS

        def compare(tx: Transaction) -> None:
            expected = listed_in(tx)
            assert len(expected) > 400
            for offset in range(0, len(expected) + 5, 5):
                assert page_in(tx, offset, 5) == expected[offset : offset + 5]

        store.read(compare)
