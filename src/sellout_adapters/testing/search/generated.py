"""Laws on data that Hypothesis generates. They need `sellout[testing]`."""

import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from sellout_adapters.extras import naming_extras
from sellout_adapters.testing.laws.catalogue.lists import ALL_ROWS, listed_in, page_in, write_products
from sellout_adapters.testing.scene import Scene, product_entry, unit_entry
from sellout_adapters.testing.search.laws import NAMES, SIZE_GRIDS, UNUSUAL_TEXTS, WORDS, require_definition
from sellout_core.catalogue.search import CatalogueQuery, SizeValue, Sort
from sellout_core.people.accounts import OPERATOR
from sellout_core.ports.store import Store, Transaction
from sellout_core.use_cases.catalogue.importing.entries import ProductEntry
from sellout_core.use_cases.catalogue.importing.writing import import_products

with naming_extras():
    from hypothesis import HealthCheck, given, settings
    from hypothesis import strategies as st

listed_numbers = st.dictionaries(st.integers(0, 400), st.booleans(), min_size=1, max_size=100) | st.builds(
    lambda first, count, listed: dict.fromkeys(range(first, first + count), listed),
    st.integers(0, 400),
    st.integers(1, 150),
    st.booleans(),
)
"""Whether the product of each number is listed: for scattered numbers, or for a range."""


def _texts(choices: Sequence[str]) -> st.SearchStrategy[str]:
    return st.lists(st.sampled_from(choices), min_size=1, max_size=3).map(" ".join)


def _units() -> st.SearchStrategy[Any]:
    return st.builds(
        lambda price, grid, stock, availability: unit_entry(price, grid, stock=stock, availability=availability),
        st.integers(0, 9),
        st.sampled_from(SIZE_GRIDS),
        st.sampled_from([None, 0, 1]),
        st.booleans(),
    )


def _entry(number: int) -> st.SearchStrategy[ProductEntry]:
    names = st.lists(st.sampled_from(NAMES), max_size=2, unique=True).map(tuple)
    return st.builds(
        lambda units, **other: product_entry(other.pop("sku") + f" {number}", *units, **other),
        st.lists(_units(), max_size=3, unique_by=lambda unit: unit.size),
        sku=st.sampled_from(WORDS),
        name=_texts([*WORDS, *UNUSUAL_TEXTS]).map(lambda name: name[:300]),
        brands=names,
        categories=names,
        tags=names,
        gender=st.sampled_from(["M", "F", "U"]),
        available_flag=st.sampled_from([True, True, True, False]),
        add_date=st.integers(0, 3).map(lambda days: date(2026, 1, 1) + timedelta(days)),
    )


def catalogues() -> st.SearchStrategy[Sequence[ProductEntry]]:
    """Up to eight products with many equal values."""
    return st.integers(0, 8).flatmap(lambda count: st.tuples(*map(_entry, range(count))))


def queries() -> st.SearchStrategy[CatalogueQuery]:
    """Queries for values of such products, and for similar values."""
    choices = st.lists(st.sampled_from([*NAMES, "nike", "none", 1, 2, 3, 10**30]), max_size=2).map(tuple)
    held = [SizeValue(column, value) for column in ("eu", "international") for value in ("42", "M", "0")]
    beginnings = [word[:length] for word in WORDS for length in (1, 2, 9)]
    return st.builds(
        lambda bounds, **other: CatalogueQuery(price_min=bounds[0], price_max=bounds[1], **other),
        st.sampled_from([(None, None), (None, None), (3, None), (None, 5), (2, 6), (4, 4)]),
        text=st.one_of(st.just(""), _texts(beginnings), _texts([text[:60] for text in UNUSUAL_TEXTS])),
        brands=choices,
        categories=st.one_of(st.just(()), choices),
        tags=st.one_of(st.just(()), choices),
        genders=st.lists(st.sampled_from(["M", "f", 3]), max_size=2).map(tuple),
        sizes=st.lists(st.sampled_from(held), max_size=2).map(tuple),
        available=st.sampled_from([None, None, True, False]),
        sort=st.sampled_from(Sort),
    )


def search_law(make_store: Callable[[Path], AbstractContextManager[Store]], examples: int) -> None:
    """Asserts that a store's searches equal the definition, for any catalogue and query."""

    @settings(max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck))
    @given(catalogues(), catalogues(), st.lists(queries(), min_size=1, max_size=12))
    def check(entries: Sequence[ProductEntry], later: Sequence[ProductEntry], asked: Sequence[CatalogueQuery]) -> None:
        with tempfile.TemporaryDirectory() as folder, make_store(Path(folder)) as store:
            scene = Scene(store)
            for batch in (entries, later):
                import_products(scene.shop, OPERATOR, batch)
                for query in asked:
                    store.read(lambda tx, q=query: require_definition(tx, q, [(0, 20), (1, 2), (2**53, 1)]))  # type: ignore[misc]

    check()


class GeneratedLaws:
    """A page is a slice of all listed products."""

    @settings(
        max_examples=25,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.differing_executors],
    )
    @given(
        listed=listed_numbers,
        pages=st.lists(st.tuples(st.integers(0, 500), st.integers(0, 100)), min_size=1, max_size=8),
        kept=st.booleans(),
    )
    def test_pages_follow_changes_of_the_listing(
        self, store: Store, listed: Mapping[int, bool], pages: Sequence[tuple[int, int]], kept: bool
    ) -> None:
        """Also in the transaction of the change, and after a rollback. All examples use one store."""

        class Stop(Exception):
            pass

        def compare(tx: Transaction) -> None:
            expected = listed_in(tx)
            for offset, limit in [(0, ALL_ROWS), (len(expected), 1), *pages]:
                assert page_in(tx, offset, limit) == expected[offset : offset + limit]

        def work(tx: Transaction) -> None:
            numbers = sorted(listed)
            for some in (numbers[::2], numbers[1::2]):
                write_products(tx, {number: listed[number] for number in some})
                compare(tx)
            if not kept:
                raise Stop

        try:
            store.write(work)
        except Stop:
            assert not kept
        store.read(compare)
