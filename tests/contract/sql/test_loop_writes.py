"""Loop writes: each behaves as in a thread, many share a transaction, and threads may write at the same time."""

import asyncio
import sqlite3
import threading
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import pytest
from sqlalchemy import event

from sellout_adapters.sql import SqlStore, Timeouts
from sellout_adapters.sql.concurrency import loop_writes as writing_module
from sellout_adapters.sql.concurrency.group_commit import SharedTransaction
from sellout_adapters.sql.concurrency.loop_writes import LoopWrites
from sellout_adapters.testing.laws.people.accounts import new_user
from sellout_core.errors import NotFound, Unavailable
from sellout_core.ports.store import Store, Transaction
from sellout_http.runtime.executor import Executor, Workload
from sellout_http.runtime.logging import RequestLogEntry
from sellout_http.runtime.threads import ThreadPool
from tests.contract.conftest import sqlite_store

T = TypeVar("T")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStore]:
    """An empty store in a SQLite file."""
    with sqlite_store(tmp_path) as store:
        yield store


def on_a_loop(store: SqlStore, use: Callable[[LoopWrites], Awaitable[T]]) -> T:
    """Runs `use` with the loop writes of a store, on a new event loop."""

    async def run() -> T:
        writes = store.writes()
        assert writes is not None
        try:
            return await use(writes)
        finally:
            await writes.close()

    return asyncio.run(run())


def together(store: SqlStore, works: Sequence[Callable[[Store], Any]]) -> list[Any]:
    """Starts all works at the same time, and returns the result or error of each."""

    async def use(writes: LoopWrites) -> list[Any]:
        return await asyncio.gather(*(writes.run(work, ignored) for work in works), return_exceptions=True)

    return on_a_loop(store, use)


def ignored(_: int) -> None:
    """Ignores the number of statements."""


def adding(name: str) -> Callable[[Store], str]:
    """Work that adds a user and returns the username."""
    return lambda store: store.write(lambda tx: tx.users.add(new_user(name), "hash").username)


def names_in(store: Store) -> list[str]:
    return [user.username for user in store.read(lambda tx: tx.users.after(0, 1_000))]


def commits_of(store: SqlStore) -> list[None]:
    """A list to which each later commit adds an entry."""
    commits: list[None] = []
    event.listen(store.engine, "commit", lambda _: commits.append(None))
    return commits


def test_those_who_come_together_share_a_commit(store: SqlStore) -> None:
    names = [f"writer{number}" for number in range(20)]
    commits = commits_of(store)
    assert together(store, [adding(name) for name in names]) == names
    assert names_in(store) == names
    assert len(commits) == 1


def test_a_writer_that_is_refused_leaves_the_others_alone(store: SqlStore) -> None:
    def refused(tx: Transaction) -> None:
        tx.users.add(new_user("refused"), "hash")
        raise NotFound

    works = [adding("first"), lambda store: store.write(refused), adding("second")]
    first, error, second = together(store, works)
    assert (first, second) == ("first", "second")
    assert isinstance(error, NotFound)
    assert names_in(store) == ["first", "second"]


def test_one_piece_of_work_may_write_more_than_once_and_read_what_it_wrote(store: SqlStore) -> None:
    def work(store: Store) -> list[str]:
        adding("early")(store)
        found = names_in(store)
        return [*found, adding("late")(store)]

    assert together(store, [work, adding("other")]) == [["early", "other", "late"], "other"]


def test_what_comes_of_it_may_be_caught_inside(store: SqlStore) -> None:
    """The work continues after the error, as it would in a thread."""

    def work(store: Store) -> str:
        try:
            store.write(lambda _: (_ for _ in ()).throw(NotFound()))
        except NotFound:
            return adding("instead")(store)
        raise AssertionError

    assert together(store, [work]) == ["instead"]


def test_each_writer_counts_its_own_statements(store: SqlStore) -> None:
    """The number does not include the statements of writers that run in between."""
    counted: dict[str, list[int]] = {"one": [], "three": []}

    def three(store: Store) -> None:
        adding("a")(store)
        names_in(store)
        store.write(lambda tx: tx.users.after(0, 1))

    def one(store: Store) -> None:
        store.write(lambda tx: tx.users.after(0, 1))

    def statements(work: Callable[[Store], Any]) -> int:
        before = store.statements()
        work(store)
        return store.statements() - before

    async def use(writes: LoopWrites) -> None:
        await asyncio.gather(
            writes.run(three, counted["three"].append), *(writes.run(one, counted["one"].append) for _ in range(3))
        )

    on_a_loop(store, use)
    assert sum(counted["one"]) == 3 * statements(one)
    assert sum(counted["three"]) == sum(map(statements, (adding("b"), names_in, one)))


def test_threads_write_beside_it(store: SqlStore) -> None:
    """Threads and the event loop take turns, and share commits."""
    names = [f"thread{number}" for number in range(4)]
    start = threading.Barrier(5)

    def write(name: str) -> None:
        start.wait(60)
        for turn in range(10):
            adding(f"{name}.{turn}")(store)

    threads = [threading.Thread(target=write, args=(name,)) for name in names]
    for thread in threads:
        thread.start()

    async def use(writes: LoopWrites) -> None:
        start.wait(60)
        for turn in range(10):
            await asyncio.gather(*(writes.run(adding(f"loop{n}.{turn}"), ignored) for n in range(4)))

    on_a_loop(store, use)
    for thread in threads:
        thread.join(60)
    expected = [f"{name}.{turn}" for name in [*names, *(f"loop{n}" for n in range(4))] for turn in range(10)]
    assert sorted(names_in(store)) == sorted(expected)


def test_a_locked_file_blocks_only_writers_which_fail(tmp_path: Path) -> None:
    """The event loop runs meanwhile. The waiting writers fail, and later ones succeed."""
    store = SqlStore.open(f"sqlite:///{tmp_path / 'sellout.db'}", timeouts=Timeouts(lock=0.3))

    async def use(writes: LoopWrites) -> tuple[list[Any], list[str], Any]:
        with closing(sqlite3.connect(tmp_path / "sellout.db")) as other:
            other.execute("BEGIN IMMEDIATE")
            waiting = [asyncio.ensure_future(writes.run(adding(f"w{n}"), ignored)) for n in range(3)]
            await asyncio.sleep(0)
            seen = names_in(store)
            outcomes = await asyncio.gather(*waiting, return_exceptions=True)
        return outcomes, seen, await writes.run(adding("after"), ignored)

    outcomes, seen, after = on_a_loop(store, use)
    assert [type(outcome) for outcome in outcomes] == [Unavailable] * 3
    assert (seen, after, names_in(store)) == ([], "after", ["after"])
    store.close()


def test_a_commit_that_fails_fails_every_writer_in_it(store: SqlStore) -> None:
    def fail(_: Any) -> None:
        raise sqlite3.OperationalError("the disk is gone")

    event.listen(store.engine, "commit", fail)
    assert {type(outcome) for outcome in together(store, [adding("one"), adding("two")])} == {Unavailable}
    event.remove(store.engine, "commit", fail)
    assert together(store, [adding("three")]) == ["three"]
    assert names_in(store) == ["three"]


def test_an_end_that_fails_fails_every_writer_in_it(store: SqlStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next writer gets the lock."""
    end = SharedTransaction.end

    def fail(transaction: SharedTransaction) -> None:
        end(transaction)
        raise MemoryError

    monkeypatch.setattr(SharedTransaction, "end", fail)
    assert [type(each) for each in together(store, [adding("one"), adding("two")])] == [MemoryError] * 2
    monkeypatch.setattr(SharedTransaction, "end", end)
    assert together(store, [adding("three")]) == ["three"]


def test_a_writer_after_the_end_is_refused(store: SqlStore) -> None:
    async def use(writes: LoopWrites) -> None:
        await writes.close()
        with pytest.raises(Unavailable):
            await writes.run(adding("late"), ignored)

    on_a_loop(store, use)
    assert names_in(store) == []


def test_the_executor_ends_what_needs_the_event_loop_before_their_threads(
    store: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thread may wait for the lock of a transaction on the event loop."""
    monkeypatch.setattr(writing_module, "LOOP_SLICE", -1.0)
    pools = {
        name: ThreadPool(name, 1)
        for name in ("general", "hashes", "lists", "long_reads", "providers", "searches", "uploads")
    }
    executor = Executor(store, **pools)
    entry = RequestLogEntry("")

    async def use() -> list[Any]:
        begun = asyncio.Event()

        def write(name: str, store: Store) -> str:
            def work(tx: Transaction) -> str:
                begun.set()
                return tx.users.add(new_user(name), "hash").username

            return store.write(work)

        on_loop = [asyncio.ensure_future(executor.write(partial(write, f"w{n}"), entry)) for n in range(9)]
        await begun.wait()
        in_thread = asyncio.ensure_future(executor.run(partial(adding("thread"), store), Workload.WRITE, entry))
        await asyncio.sleep(0)
        await executor.close()
        return await asyncio.gather(*on_loop, in_thread)

    assert asyncio.run(use()) == [*(f"w{n}" for n in range(9)), "thread"]


def test_too_many_are_sent_away(store: SqlStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing_module, "MAX_WAITING", 3)
    outcomes = together(store, [adding(f"w{n}") for n in range(5)])
    assert outcomes[:3] == ["w0", "w1", "w2"]
    assert [type(outcome) for outcome in outcomes[3:]] == [Unavailable] * 2


def test_more_than_a_batch_holds_take_several(store: SqlStore) -> None:
    commits = commits_of(store)
    names = [f"w{number}" for number in range(150)]
    assert together(store, [adding(name) for name in names]) == names
    assert len(commits) == 3


def test_the_work_of_a_cancelled_caller_is_done(store: SqlStore) -> None:
    """A cancelled write completes, as it would in a thread."""

    async def use(writes: LoopWrites) -> str:
        left = asyncio.ensure_future(writes.run(adding("left"), ignored))
        await asyncio.sleep(0)
        left.cancel()
        return await writes.run(adding("stayed"), ignored)

    assert on_a_loop(store, use) == "stayed"
    assert names_in(store) == ["left", "stayed"]


def test_others_have_the_event_loop_between_long_works(store: SqlStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing_module, "LOOP_SLICE", -1.0)
    order: list[str] = []

    async def use(writes: LoopWrites) -> None:
        async def other() -> None:
            while order.count("work") < 3:
                order.append("other")
                await asyncio.sleep(0)

        def work(store: Store) -> None:
            store.write(lambda _: order.append("work"))

        writing = [asyncio.ensure_future(writes.run(work, ignored)) for _ in range(3)]
        await asyncio.gather(other(), *writing)

    on_a_loop(store, use)
    assert [each for each in order if each == "work"] == ["work"] * 3
    first, last = order.index("work"), len(order) - 1 - order[::-1].index("work")
    assert "other" in order[first:last]
