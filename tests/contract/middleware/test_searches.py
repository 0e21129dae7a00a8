"""A search is cancelled when its client disconnects. Other requests are answered meanwhile."""

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import ExitStack
from typing import Any, TypeVar

import pytest

from sellout_adapters.memory import MemoryStore
from sellout_core.errors import Unavailable
from sellout_core.ports.store import Transaction
from sellout_http.runtime.served_store import ThreadedStore
from sellout_http.runtime.threads import SEARCH_THREADS
from tests.contract.support.shop import Served, demo_shop, problem_of, serving_shop

T = TypeVar("T")


class SlowSearches(ThreadedStore):
    """A store whose searches wait until their caller has left, or until `may_end` is set."""

    def __init__(self, store: MemoryStore) -> None:
        super().__init__(store)
        self.begun = threading.Semaphore(0)
        self.ended = threading.Semaphore(0)
        self.may_end = threading.Event()

    def search(self, work: Callable[[Transaction], T], left: Future[None]) -> T:
        left.add_done_callback(self._end)
        self.begun.release()
        assert self.may_end.wait(60)
        self.ended.release()
        if left.done():
            raise Unavailable
        return self.read(work)

    def _end(self, _: Future[None]) -> None:
        # Fails in a thread: all threads may be busy, so the end of a search must not wait for one.
        asyncio.get_running_loop()
        self.may_end.set()


@pytest.fixture
def store() -> SlowSearches:
    return SlowSearches(MemoryStore())


class Answered:
    """A log of requests. `searches` counts the lines of searches."""

    def __init__(self) -> None:
        self.searches = threading.Semaphore(0)

    def info(self, event: str, **members: Any) -> None:  # noqa: ARG002 - the log's
        if members["route"] == "/product/facets":
            self.searches.release()


@pytest.fixture
def answered() -> Answered:
    return Answered()


@pytest.fixture
def served(store: SlowSearches, answered: Answered) -> Iterator[Served]:
    with serving_shop(demo_shop(store), log=answered) as served:
        yield served
        store.may_end.set()


def leave_after_asking(served: Served, path: str) -> socket.socket:
    url = served.client.base_url
    connection = socket.create_connection((url.host, url.port))
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: {url.host}\r\n\r\n".encode())
    return connection


@pytest.mark.parametrize("path", ["/product/facets", "/product/all/1?q=air"])
def test_a_search_ends_when_its_client_leaves(served: Served, store: SlowSearches, path: str) -> None:
    with leave_after_asking(served, path):
        assert store.begun.acquire(timeout=60)
        # Other requests are answered.
        assert served.client.get("/product/all/1").status_code == 200
        assert not store.may_end.is_set()
    assert store.ended.acquire(timeout=60)


def test_a_search_that_waits_is_dropped_when_its_client_leaves(
    served: Served, store: SlowSearches, answered: Answered
) -> None:
    with ExitStack() as running:
        for number in range(SEARCH_THREADS):
            running.enter_context(leave_after_asking(served, f"/product/all/{number + 1}?q=air"))
            assert store.begun.acquire(timeout=60)
        # The server forgets a request without a line if its client leaves before the request is read.
        for _ in range(600):
            leave_after_asking(served, "/product/facets?q=air").close()
            if answered.searches.acquire(timeout=0.1):
                break
        else:
            raise AssertionError("no search was dropped")
    for _ in range(SEARCH_THREADS):
        assert store.ended.acquire(timeout=60)
    store.may_end.set()
    assert served.client.get("/product/facets").status_code == 200
    # This search ran, and no other one.
    assert store.begun.acquire(timeout=60)
    assert not store.begun.acquire(blocking=False)


def test_a_search_that_was_ended_is_a_503(served: Served, store: SlowSearches, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(work: Callable[[Transaction], T], left: Future[None]) -> T:  # noqa: ARG001 - the store's
        raise Unavailable

    monkeypatch.setattr(store, "search", refuse)
    response = served.client.get("/product/facets")
    problem_of(response, 503, "unavailable_now")
    assert response.headers["retry-after"] == "1"
    assert served.client.get("/product/all/1").status_code == 200
