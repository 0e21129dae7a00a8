"""What holds for pages, as tests that any store must pass: part of `contract.StoreContract`."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sellout_adapters.testing.races import RACERS, racing
from sellout_adapters.testing.scene import product_entry
from sellout_core.ports import Store, Transaction
from sellout_core.use_cases.importing import ImportCounts, write_entries
from sellout_core.values import ProductId

NOW = datetime(2024, 5, 6, 7, 8, 9, 123456, UTC)
EVERYTHING = 10_000

listings = st.dictionaries(st.integers(0, 400), st.booleans(), min_size=1, max_size=100) | st.builds(
    lambda first, count, listed: dict.fromkeys(range(first, first + count), listed),
    st.integers(0, 400),
    st.integers(1, 150),
    st.booleans(),
)
"""Which products of those numbers are to be listed: some here and there, or many in a row."""


def write(tx: Transaction, listed: Mapping[int, bool]) -> ImportCounts:
    """Lists and unlists products, new ones if there are none of those numbers."""
    entries = [product_entry(f"p{number}", available_flag=flag) for number, flag in listed.items()]
    return write_entries(tx, entries, NOW)


def listed_in(tx: Transaction) -> Sequence[ProductId]:
    """The ids of all listed products, found without pages."""
    return [product.id for product in tx.products.after(0, EVERYTHING) if product.available]


def page_in(tx: Transaction, offset: int, limit: int) -> Sequence[ProductId]:
    """The ids on a page."""
    return [card.product.id for card in tx.cards.page(offset, limit, None)]


class PageContract:
    """A page is what counting through all listed products would find."""

    @settings(
        max_examples=25,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.differing_executors],
    )
    @given(
        listed=listings,
        pages=st.lists(st.tuples(st.integers(0, 500), st.integers(0, 100)), min_size=1, max_size=8),
        kept=st.booleans(),
    )
    def test_pages_follow_whatever_is_listed_and_unlisted(
        self, store: Store, listed: Mapping[int, bool], pages: Sequence[tuple[int, int]], kept: bool
    ) -> None:
        """Also in the transaction that does it, and when it is taken back. The shop goes on from example to example."""

        class Stop(Exception):
            pass

        def compare(tx: Transaction) -> None:
            expected = listed_in(tx)
            for offset, limit in [(0, EVERYTHING), (len(expected), 1), *pages]:
                assert page_in(tx, offset, limit) == expected[offset : offset + limit]

        def work(tx: Transaction) -> None:
            numbers = sorted(listed)
            for some in (numbers[::2], numbers[1::2]):
                write(tx, {number: listed[number] for number in some})
                compare(tx)
            if not kept:
                raise Stop

        try:
            store.write(work)
        except Stop:
            assert not kept
        store.read(compare)

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
