"""A search ends at its time limit and when its caller has left. Its connection serves the next one."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Executable, Integer, column, text

from sellout_adapters.sql import SqlStore, Timeouts
from sellout_adapters.sql.session.errors import SearchStopped
from sellout_core.errors import Unavailable
from sellout_core.ports.store import Transaction
from tests.contract.conftest import PERSISTENT


def statement(sql: str) -> Executable:
    return text(sql).columns(column("value", Integer))


ENDLESS = {
    "sqlite": statement("WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) AS i FROM n"),
    "postgresql": statement("SELECT 1 AS i FROM pg_sleep(3600)"),
}
RUNNING = statement(
    "SELECT count(*) FROM pg_stat_activity"
    " WHERE state = 'active' AND datname = current_database() AND query LIKE '%pg_sleep(3600)%'"
)
ONE = statement("SELECT 1 AS i")
SHORT_SLEEP = statement("SELECT 1 AS i FROM pg_sleep(0.02)")
STATEMENT_LIMIT = statement("SELECT setting::int AS i FROM pg_settings WHERE name = 'statement_timeout'")

OpenStore = Callable[[float], SqlStore]


@pytest.fixture(params=PERSISTENT)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def open_store(kind: str, tmp_path: Path) -> Iterator[OpenStore]:
    """Opens a store whose searches have this time limit in seconds."""
    opened = []

    def open_with(seconds: float) -> SqlStore:
        with PERSISTENT[kind](tmp_path):
            url = (
                f"sqlite:///{tmp_path / 'sellout.db'}"
                if kind == "sqlite"
                else (tmp_path / "postgresql.url").read_text()
            )
        opened.append(SqlStore.open(url, connections=1, timeouts=Timeouts(lock=3600, search=seconds)))
        return opened[-1]

    yield open_with
    for store in opened:
        store.close()


def value(tx: Any, asked: Executable) -> int:
    found: int = tx.session.rows(asked)[0].value
    return found


def test_a_search_over_its_limit_ends(kind: str, open_store: OpenStore) -> None:
    store = open_store(0.05)
    for _ in range(3):
        with pytest.raises(Unavailable) as refused:
            store.search(lambda tx: value(tx, ENDLESS[kind]), Future())
        assert isinstance(refused.value.__cause__, SearchStopped)
        # The store has only one connection.
        assert store.read(lambda tx: value(tx, ONE)) == 1


def test_the_limit_holds_for_all_statements_of_a_search(open_store: OpenStore) -> None:
    store = open_store(0.05)

    def search(tx: Transaction) -> None:
        for _ in range(100_000):
            value(tx, ONE)

    with pytest.raises(Unavailable) as refused:
        store.search(search, Future())
    assert isinstance(refused.value.__cause__, SearchStopped)


@pytest.mark.parametrize("kind", ["postgresql"])
def test_a_statement_of_a_search_has_the_remaining_time(open_store: OpenStore) -> None:
    """On SQLite it ends at the deadline of the search, which needs no limit of a statement."""
    store = open_store(3600)

    def search(tx: Transaction) -> tuple[int, int, int]:
        limits = value(tx, STATEMENT_LIMIT), value(tx, STATEMENT_LIMIT)
        value(tx, SHORT_SLEEP)
        return *limits, value(tx, STATEMENT_LIMIT)

    first, second, later = store.search(search, Future())
    # A limit for each statement would be a message for each.
    assert first == second == 3_600_000
    assert 0 < later <= 3_599_980
    assert store.read(lambda tx: value(tx, STATEMENT_LIMIT)) == 30_000


def test_a_search_waits_for_a_connection_until_its_limit(open_store: OpenStore) -> None:
    """Other transactions wait for an hour."""
    store = open_store(0.05)
    with ThreadPoolExecutor(1) as threads:

        def search(_: Transaction) -> None:
            searching = threads.submit(store.search, lambda tx: value(tx, ONE), Future())
            with pytest.raises(Unavailable) as refused:
                searching.result(60)
            assert isinstance(refused.value.__cause__, SearchStopped)

        # This transaction has the only connection.
        store.read(search)
    assert store.read(lambda tx: value(tx, ONE)) == 1


def test_only_searches_have_that_limit(kind: str, open_store: OpenStore) -> None:
    store = open_store(0.05)
    longer = {
        "sqlite": statement(
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 500000) SELECT max(i) FROM n"
        ),
        "postgresql": statement("SELECT 500000 FROM pg_sleep(0.2)"),
    }
    with suppress(Unavailable):  # on a slow machine
        store.search(lambda tx: value(tx, ONE), Future())
    assert store.read(lambda tx: value(tx, longer[kind])) == 500_000


def test_a_search_ends_when_its_caller_leaves(kind: str, open_store: OpenStore) -> None:
    store = open_store(3600)
    for _ in range(3):
        left: Future[None] = Future()
        with ThreadPoolExecutor(1) as threads, watched(kind, open_store) as until_running:
            begun = threading.Event()

            def search(tx: Transaction, begun: threading.Event = begun) -> int:
                begun.set()
                return value(tx, ENDLESS[kind])

            searching = threads.submit(store.search, search, left)
            assert begun.wait(60)
            until_running()
            left.set_result(None)
            with pytest.raises(Unavailable) as refused:
                searching.result(60)
        assert isinstance(refused.value.__cause__, SearchStopped)
        assert store.search(lambda tx: value(tx, ONE), Future()) == 1


def test_a_search_whose_caller_has_left_does_not_run(kind: str, open_store: OpenStore) -> None:
    store = open_store(3600)
    left: Future[None] = Future()
    left.set_result(None)
    with pytest.raises(Unavailable):
        store.search(lambda tx: value(tx, ENDLESS[kind]), left)
    assert store.search(lambda tx: value(tx, ONE), Future()) == 1


def test_a_caller_who_leaves_later_disturbs_no_other(open_store: OpenStore) -> None:
    store = open_store(3600)
    left: Future[None] = Future()
    assert store.search(lambda tx: value(tx, ONE), left) == 1

    def leave(tx: Transaction) -> int:
        left.set_result(None)
        return value(tx, ONE)

    assert store.read(leave) == 1


@contextmanager
def watched(kind: str, open_store: OpenStore) -> Iterator[Callable[[], None]]:
    """Yields a function that waits until PostgreSQL runs the endless statement. A cancellation before that has no
    effect.
    """
    if kind == "sqlite":
        yield lambda: None
        return
    watcher = open_store(3600)

    def until_running() -> None:
        while not watcher.read(lambda tx: value(tx, RUNNING) > 1):
            pass

    yield until_running
