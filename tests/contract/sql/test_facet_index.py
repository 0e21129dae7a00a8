"""The facet index has the same counts as the database at every version of the catalogue, without a query."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import attrs
import pytest

from sellout_adapters.sql import SqlStore
from sellout_adapters.sql.search import facet_index, page_index, query
from sellout_adapters.sql.session.errors import SearchStopped
from sellout_adapters.testing.scene import Scene, product_entry, unit_entry
from sellout_adapters.testing.search import generated
from sellout_core.catalogue.search import EVERYTHING, CatalogueQuery, FacetCounts, Sort
from sellout_core.errors import Unavailable
from sellout_core.people.accounts import OPERATOR
from sellout_core.ports.store import Store, Transaction
from sellout_core.use_cases.catalogue.importing.writing import import_products
from sellout_core.values import Money
from tests.contract.conftest import PERSISTENT

OpenStore = Callable[[Path], AbstractContextManager[SqlStore]]


@pytest.fixture(params=PERSISTENT)
def open_store(request: pytest.FixtureRequest) -> OpenStore:
    return PERSISTENT[request.param]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shortens the pauses of the index, and prevents the lock's time limit on a busy machine."""
    monkeypatch.setattr(facet_index, "_LOCK_SECONDS", 60)
    monkeypatch.setattr(facet_index, "_POLL_SECONDS", 0.01)
    monkeypatch.setattr(facet_index, "_STEP_PAUSE_SECONDS", 0)


@pytest.fixture
def by_database(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The threads whose facets were counted by the database."""
    threads: list[int] = []
    count = query.count_facets

    def noted(*arguments: Any) -> FacetCounts:
        threads.append(threading.get_ident())
        return count(*arguments)

    monkeypatch.setattr(query, "count_facets", noted)
    return threads


@contextmanager
def kept(store: SqlStore, by_database: list[int]) -> Iterator[None]:
    """Keeps the facet index of a store. Begins when the index is exact."""
    stopped = threading.Event()
    keeper = threading.Thread(target=store.maintain_facet_index, args=(stopped,))
    keeper.start()
    try:
        until_exact(store, by_database)
        yield
    finally:
        stopped.set()
        keeper.join()


def until_exact(store: Store, by_database: list[int]) -> None:
    asked = True
    while asked:
        by_database.clear()
        counted(store)
        asked = bool(by_database)


def counted(store: Store, query: CatalogueQuery = EVERYTHING) -> FacetCounts:
    return store.read(lambda tx: tx.cards.facets(query))


def put(store: Store, *numbers: int, name: str = "Air", price: int = 100) -> None:
    entries = [product_entry(f"sku-{number}", unit_entry(price), name=name) for number in numbers]
    import_products(Scene(store).shop, OPERATOR, entries)


def test_it_counts_what_the_definition_says(open_store: OpenStore, by_database: list[int]) -> None:
    """The catalogue and the query are generated."""

    @contextmanager
    def make_store(folder: Path) -> Iterator[Store]:
        with open_store(folder) as store, kept(store, by_database):
            yield store

    generated.search_law(make_store, examples=8)


def test_it_asks_the_database_for_words_alone(open_store: OpenStore, by_database: list[int], tmp_path: Path) -> None:
    with open_store(tmp_path) as store:
        put(store, 1, 2)
        with kept(store, by_database):
            for query in (
                EVERYTHING,
                CatalogueQuery(brands=("Nike",)),
                CatalogueQuery(price_min=Money(50), available=True),
            ):
                counted(store, query)
            assert by_database == []
            assert counted(store, CatalogueQuery(text="air")).products == 2
            assert by_database == [threading.get_ident()]


def test_pages_of_searches_have_the_number_of_products(
    open_store: OpenStore, by_database: list[int], tmp_path: Path
) -> None:
    """The index knows it for each page, without a statement, unless the query has words or the index is behind."""

    def total(query: CatalogueQuery) -> tuple[int | None, int]:
        before = store.statements()
        page = store.read(lambda tx: tx.cards.search(query, 0, 2, None))
        return page.total, store.statements() - before

    cheapest, words = CatalogueQuery(sort=Sort.CHEAPEST, brands=("Nike",)), CatalogueQuery(text="air")
    with open_store(tmp_path) as store, open_store(tmp_path) as other:
        put(store, 1, 2, 3)
        # The first search also reads the names that the products have added.
        assert total(cheapest) == (None, 2)
        assert total(cheapest) == (None, 1)
        with kept(store, by_database):
            assert (total(cheapest), total(words)) == ((3, 1), (None, 1))
        put(other, 4)
        assert total(cheapest) == (None, 1)


def test_it_follows_what_another_process_changes(open_store: OpenStore, by_database: list[int], tmp_path: Path) -> None:
    with open_store(tmp_path) as store, open_store(tmp_path) as other, kept(store, by_database):
        for number in range(5):
            put(other, number)
            assert counted(store).products == number + 1
        assert by_database == []


def test_an_older_snapshot_gets_its_own_counts(open_store: OpenStore, by_database: list[int], tmp_path: Path) -> None:
    with open_store(tmp_path) as store, kept(store, by_database):
        put(store, 1)

        def work(tx: Transaction) -> FacetCounts:
            assert tx.cards.facets(EVERYTHING).products == 1
            put(store, 2)
            assert counted(store).products == 2
            return tx.cards.facets(EVERYTHING)

        assert store.read(work).products == 1
        assert counted(store).products == 2


def test_a_transaction_that_writes_sees_what_it_wrote(
    open_store: OpenStore, by_database: list[int], tmp_path: Path
) -> None:
    with open_store(tmp_path) as store, kept(store, by_database):
        put(store, 1)

        def work(tx: Transaction) -> int:
            [product] = tx.products.after(0, 1)
            unit = tx.units.of_products([product.id])[0]
            tx.units.save_many([attrs.evolve(unit, price=Money(7))])
            return tx.cards.facets(CatalogueQuery(price_max=Money(7))).products

        assert store.write(work) == 1
        assert counted(store, CatalogueQuery(price_max=Money(7))).products == 1


def test_a_search_does_not_wait_for_an_index_that_waits_for_the_database(
    open_store: OpenStore, by_database: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database counts instead, within the time limit of a search."""
    monkeypatch.setattr(facet_index, "_LOCK_SECONDS", 0)
    with open_store(tmp_path) as store:
        put(store, 1)
        with kept(store, by_database):
            pass
        by_database.clear()
        assert counted(store).products == 1
        assert not by_database
        with store._facet_index._lock:
            assert counted(store).products == 1
        assert by_database == [threading.get_ident()]


def test_a_search_waits_for_the_index_until_its_limit(
    open_store: OpenStore, by_database: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_store(tmp_path) as store:
        with kept(store, by_database):
            pass
        monkeypatch.setattr(facet_index, "_LOCK_SECONDS", 120)
        with store._facet_index._lock, ThreadPoolExecutor(1) as threads:
            searching = threads.submit(store.search, lambda tx: tx.cards.facets(EVERYTHING), Future())
            with pytest.raises(Unavailable) as refused:
                searching.result(60)
        assert isinstance(refused.value.__cause__, SearchStopped)


def test_it_is_built_anew_when_changes_are_missing(
    open_store: OpenStore, by_database: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page_index, "KEPT_CHANGES", 2)
    monkeypatch.setattr(page_index, "_DELETED_AT_ONCE", 1)
    with open_store(tmp_path) as store:
        put(store, 1)
        with kept(store, by_database):
            pass
        for number in range(2, 8):
            put(store, number)
        assert counted(store).products == 7
        assert by_database
        with kept(store, by_database):
            assert counted(store).products == 7


def test_many_changes_are_followed_in_steps(
    open_store: OpenStore, by_database: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(facet_index, "STEP", 2)
    with open_store(tmp_path) as store:
        with kept(store, by_database):
            pass
        for number in range(6):
            put(store, number)
            put(store, number, price=200)
        assert counted(store).products == 6
        assert by_database
        with kept(store, by_database):
            assert counted(store, CatalogueQuery(price_min=Money(200))).products == 6
            assert by_database == []


def test_what_is_no_longer_listed_is_no_longer_counted(
    open_store: OpenStore, by_database: list[int], tmp_path: Path
) -> None:
    with open_store(tmp_path) as store, kept(store, by_database):
        put(store, 1, 2)
        assert counted(store).products == 2
        import_products(Scene(store).shop, OPERATOR, [product_entry("sku-1", available_flag=False)])
        assert counted(store).products == 1
        assert by_database == []
