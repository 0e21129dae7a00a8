"""The stores that every contract test runs on, and the one place that names them."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from sellout_adapters.memory import MemoryStore
from sellout_adapters.sql import SqlStore
from sellout_core.ports import Store


@contextmanager
def memory_store(folder: Path) -> Iterator[Store]:  # noqa: ARG001 - the others need a folder
    """An empty store in memory."""
    yield MemoryStore()


@contextmanager
def sqlite_store(folder: Path) -> Iterator[Store]:
    """An empty store in a new SQLite file."""
    store = SqlStore.open(f"sqlite:///{folder / 'sellout.db'}")
    try:
        yield store
    finally:
        store.close()


STORES: dict[str, Callable[[Path], AbstractContextManager[Store]]] = {
    "memory": memory_store,
    "sqlite": sqlite_store,
}


@pytest.fixture(params=STORES)
def make_store(request: pytest.FixtureRequest) -> Callable[[Path], AbstractContextManager[Store]]:
    """How to make one kind of store in a folder."""
    return STORES[request.param]


@pytest.fixture
def store(make_store: Callable[[Path], AbstractContextManager[Store]], tmp_path: Path) -> Iterator[Store]:
    """An empty shop."""
    with make_store(tmp_path) as made:
        yield made
