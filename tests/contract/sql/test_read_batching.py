"""Read batching: each read gets the same rows as alone, and equal statements run once for all reads."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import attrs
import psycopg
import pytest
from sqlalchemy import literal_column, select, text

from sellout_adapters.sql import SqlStore
from sellout_adapters.sql.concurrency import read_batching
from sellout_adapters.sql.concurrency.read_batching import ReadBatcher
from sellout_adapters.sql.engines.postgres.batched_reads import PostgresReadConnection
from sellout_adapters.testing.laws.people.accounts import new_user
from sellout_adapters.testing.scene import Scene, product_entry, shoe_size, unit_entry
from sellout_core.errors import NotFound, Unavailable
from sellout_core.people.accounts import OPERATOR
from sellout_core.ports.store import Transaction
from sellout_core.use_cases.catalogue import browsing
from sellout_core.use_cases.shopping import carts, wishlists
from sellout_core.values import ProductId, UserId
from tests.contract.conftest import postgresql_store

T = TypeVar("T")
READERS = 16


@attrs.frozen
class Stage:
    """A store with readers, whose carts and wishlists have different sizes."""

    scene: Scene
    store: SqlStore
    readers: list[UserId]

    def all_of(self, use: Callable[[ReadBatcher], Awaitable[T]]) -> T:
        """Runs `use` on a new event loop."""

        async def run() -> T:
            reads = self.store.reads(OverflowError)
            assert reads is not None
            try:
                return await use(reads)
            finally:
                await reads.close()

        return asyncio.run(run())


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with postgresql_store(tmp_path) as store:
        scene = Scene(store)
        readers = []
        for number in range(READERS):
            user_id = scene.user(f"reader{number}")
            goods = [unit_entry(10 + n, shoe_size(str(36 + n))) for n in range(1 + number % 4)]
            product, units = scene.sell(product_entry(f"p{number}", *goods))
            scene.fill_cart(user_id, *(unit.id for unit in units))
            wishlists.add_to_wishlist(scene.shop, OPERATOR, user_id, product.id, None)
            browsing.note_views(
                scene.shop, [browsing.ViewEvent(OPERATOR, user_id, ProductId(n + 1)) for n in range(number)]
            )
            readers.append(user_id)
        yield Stage(scene, store, readers)


def ignored(_: int) -> None:
    """Ignores the number of statements."""


def reading(stage: Stage, use_case: Callable[..., T], *arguments: Any) -> Callable[[Transaction], T]:
    """A use case as work within a transaction."""
    return lambda tx: use_case(stage.scene.shop.within(tx), OPERATOR, *arguments)


def test_each_read_sees_what_it_would_see_alone(stage: Stage) -> None:
    """The reads run at the same time. Some use the same statements, others do not."""
    works = [
        reading(stage, use_case, user_id)
        for user_id in stage.readers
        for use_case in (carts.read_cart, wishlists.read_wishlist, wishlists.read_wished)
    ]
    works += [reading(stage, browsing.read_page, 1), reading(stage, browsing.read_units, ProductId(1))]
    alone = [stage.store.read(work) for work in works]

    async def together(reads: ReadBatcher) -> list[Any]:
        return await asyncio.gather(*(reads.read(work, ignored) for work in works))

    assert stage.all_of(together) == alone


def test_a_read_that_is_refused_leaves_the_others_alone(stage: Stage) -> None:
    works = [reading(stage, carts.read_cart, user_id) for user_id in (stage.readers[0], 999, stage.readers[1])]

    async def together(reads: ReadBatcher) -> list[Any]:
        return await asyncio.gather(*(reads.read(work, ignored) for work in works), return_exceptions=True)

    first, second, third = stage.all_of(together)
    assert (first.user.user.id, third.user.user.id) == tuple(stage.readers[:2])
    assert isinstance(second, NotFound)


def test_each_transaction_reads_what_was_written_before_it(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """One transaction ends with the first statement of the next one. A row that is written meanwhile is not in the
    first one.
    """
    monkeypatch.setattr(read_batching, "MAX_TASKS", 1)
    chained: list[str] = []
    pipelined = PostgresReadConnection._pipelined

    async def noted(self: Any, first: str, *arguments: Any) -> Any:
        chained.append(first)
        return await pipelined(self, first, *arguments)

    monkeypatch.setattr(PostgresReadConnection, "_pipelined", noted)

    def number(tx: Transaction) -> int:
        return len(tx.users.after(0, 1_000))

    def first(tx: Transaction) -> tuple[int, int]:
        before = number(tx)
        stage.store.write(lambda other: other.users.add(new_user("meanwhile"), "hash"))
        return before, number(tx)

    async def all_at_once(reads: ReadBatcher) -> list[Any]:
        reads._max_workers = 1
        return await asyncio.gather(*(reads.read(work, ignored) for work in (first, number, number)))

    assert stage.all_of(all_at_once) == [(READERS, READERS), READERS + 1, READERS + 1]
    assert [words.split()[0] for words in chained] == ["BEGIN", "COMMIT", "COMMIT"]


def test_what_the_server_prepared_once_stays_prepared(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """The end of a transaction keeps prepared statements. No statement uses a name that the server has dropped."""
    monkeypatch.setattr(read_batching, "MAX_TASKS", 1)
    prepared: list[list[str]] = []
    end = PostgresReadConnection.end

    async def noted(self: Any) -> None:
        await end(self)
        cursor = await self._connection.execute("SELECT name FROM pg_prepared_statements ORDER BY name", prepare=False)
        prepared.append([name for (name,) in await cursor.fetchall()])

    monkeypatch.setattr(PostgresReadConnection, "end", noted)

    def users(tx: Transaction) -> int:
        return len(tx.users.after(0, 1_000))

    def promo_codes_and_users_twice(tx: Transaction) -> int:
        tx.promo_codes.after(0, 1_000)
        return users(tx) + users(tx)

    async def together(reads: ReadBatcher) -> list[int]:
        reads._max_workers = 1
        works = (users, promo_codes_and_users_twice, users)
        once = await asyncio.gather(*(reads.read(work, ignored) for work in works))
        return once + await asyncio.gather(*(reads.read(work, ignored) for work in works))

    assert stage.all_of(together) == [READERS, 2 * READERS, READERS] * 2
    first, second = prepared
    assert len(first) > 1
    assert first == second


def test_what_the_server_prepared_stays_prepared_for_threads_too(stage: Stage) -> None:
    for _ in range(10):
        stage.store.read(lambda tx: tx.users.after(0, 1_000))
    with pytest.raises(NotFound):
        browsing.view_card(stage.scene.shop, OPERATOR, ProductId(999), None)
    with stage.store.engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM pg_prepared_statements"))


def test_a_thread_is_told_of_a_connection_that_breaks_in_the_middle(stage: Stage) -> None:
    def breaking(tx: Transaction) -> None:
        tx.users.get_many([stage.readers[0]])
        _hang_up(stage.store)
        tx.users.get_many([stage.readers[0]])

    with pytest.raises(Unavailable):
        stage.store.read(breaking)
    assert len(stage.store.read(lambda tx: tx.users.get_many([stage.readers[0]]))) == 1


def test_many_take_as_many_statements_as_one(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    counted: list[int] = []
    execute = PostgresReadConnection.execute

    async def noted(self: Any, statement: Any, parameters: Any) -> Any:
        asked.append(statement.sql)
        return await execute(self, statement, parameters)

    monkeypatch.setattr(PostgresReadConnection, "execute", noted)

    def statements(users: list[UserId]) -> int:
        async def together(reads: ReadBatcher) -> None:
            asked.clear()
            await asyncio.gather(
                *(reads.read(reading(stage, carts.read_cart, user_id), counted.append) for user_id in users)
            )

        stage.all_of(together)
        return len(asked)

    # The first run also reads what is cached afterwards.
    assert statements(stage.readers) == 4
    counted.clear()
    assert statements(stage.readers[:1]) == statements(stage.readers) == 3
    assert counted == [3] * (1 + READERS)


def test_one_read_is_of_one_state(stage: Stage) -> None:
    """Another transaction writes between two statements of the read."""

    def work(tx: Transaction) -> tuple[int, int]:
        before = len(tx.users.get_many([UserId(n) for n in range(1, 99)]))
        stage.store.write(lambda other: other.users.add(new_user("late"), "hash"))
        return before, len(tx.users.get_many([UserId(n) for n in range(1, 99)]))

    async def once(reads: ReadBatcher) -> tuple[int, int]:
        return await reads.read(work, ignored)

    before, after = stage.all_of(once)
    assert before == after == len(stage.store.read(lambda tx: tx.users.after(0, 999))) - 1


def test_a_connection_that_broke_while_it_was_idle_is_replaced(stage: Stage) -> None:
    work = reading(stage, carts.read_cart, stage.readers[0])

    async def twice(reads: ReadBatcher) -> list[Any]:
        first = await reads.read(work, ignored)
        _hang_up(stage.store)
        return [first, await reads.read(work, ignored)]

    first, second = stage.all_of(twice)
    assert first == second


def test_a_connection_that_breaks_in_the_middle_fails_its_reads(stage: Stage) -> None:
    """All reads of the transaction are unavailable, and later ones use another connection."""

    def breaking(tx: Transaction) -> None:
        tx.users.get_many([stage.readers[0]])
        _hang_up(stage.store)
        tx.users.get_many([stage.readers[0]])

    def work(tx: Transaction) -> int:
        tx.users.get_many([stage.readers[1]])
        return len(tx.users.get_many([stage.readers[1]]))

    async def some(reads: ReadBatcher) -> tuple[list[Any], int]:
        broken = [reads.read(breaking, ignored), reads.read(work, ignored)]
        return await asyncio.gather(*broken, return_exceptions=True), await reads.read(work, ignored)

    told, later = stage.all_of(some)
    assert [type(error) for error in told] == [Unavailable] * 2
    assert later == 1


def test_a_cancelled_read_leaves_the_others_alone(stage: Stage) -> None:
    work = reading(stage, carts.read_cart, stage.readers[0])

    async def some(reads: ReadBatcher) -> Any:
        tasks = [asyncio.ensure_future(reads.read(work, ignored)) for _ in range(3)]
        await asyncio.sleep(0)
        tasks[0].cancel()
        return await asyncio.gather(*tasks, return_exceptions=True)

    gone, *others = stage.all_of(some)
    assert isinstance(gone, asyncio.CancelledError)
    assert others == [stage.store.read(work)] * 2


def over_and_over(stage: Stage, reads: ReadBatcher, seen: Callable[[], bool]) -> Awaitable[list[int]]:
    """Three tasks that read until `seen` returns true, then 40 more times."""
    work = reading(stage, carts.read_cart, stage.readers[0])

    async def one() -> int:
        while not seen():
            await reads.read(work, ignored)
        return len([await reads.read(work, ignored) for _ in range(40)])

    return asyncio.wait_for(asyncio.gather(*(one() for _ in range(3))), 120)


def connecting(reads: ReadBatcher, monkeypatch: pytest.MonkeyPatch, most: int = 99) -> list[Any]:
    """The connections that are opened from now on. After `most` of them, opening fails."""
    opened: list[Any] = []
    connect = reads._connect

    async def noted() -> Any:
        if len(opened) == most:
            raise OSError("no more connections")
        connection = await connect()
        opened.append(connection)
        return connection

    monkeypatch.setattr(reads, "_connect", noted)
    return opened


@pytest.mark.parametrize("workers", [1, 2])
def test_a_read_that_arrives_as_others_end_is_served(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, workers: int
) -> None:
    """Each worker opens one connection and serves the queue until it is empty."""

    async def some(reads: ReadBatcher) -> tuple[list[int], int]:
        reads._max_workers = workers
        opened = connecting(reads, monkeypatch)
        return await over_and_over(stage, reads, lambda: len(opened) >= workers), len(opened)

    assert stage.all_of(some) == ([40] * 3, workers)


class Slow:
    """Delays the first statement until `wanted` is set."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked, self.wanted = asyncio.Event(), asyncio.Event()
        execute = PostgresReadConnection.execute

        async def noted(connection: PostgresReadConnection, statement: Any, parameters: Any) -> Any:
            if not self.asked.is_set():
                self.asked.set()
                await self.wanted.wait()
            return await execute(connection, statement, parameters)

        monkeypatch.setattr(PostgresReadConnection, "execute", noted)


def test_too_many_are_sent_away(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read_batching, "MAX_WAITING", 3)
    work = reading(stage, carts.read_cart, stage.readers[0])

    async def together(reads: ReadBatcher) -> list[Any]:
        return await asyncio.gather(*(reads.read(work, ignored) for _ in range(5)), return_exceptions=True)

    outcomes = stage.all_of(together)
    assert outcomes[:3] == [stage.store.read(work)] * 3
    assert [type(outcome) for outcome in outcomes[3:]] == [Unavailable] * 2


def test_reads_do_not_wait_for_a_slow_one(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    work = reading(stage, carts.read_cart, stage.readers[0])

    async def some(reads: ReadBatcher) -> bool:
        slow = Slow(monkeypatch)
        first = asyncio.ensure_future(reads.read(work, ignored))
        await slow.asked.wait()
        others = [asyncio.ensure_future(reads.read(work, ignored)) for _ in range(3)]
        done, _ = await asyncio.wait(others, timeout=60)
        slow.wanted.set()
        await first
        return done == set(others)

    assert stage.all_of(some)


def test_where_there_is_no_other_connection_they_wait_for_the_slow_one(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = reading(stage, carts.read_cart, stage.readers[0])

    async def some(reads: ReadBatcher) -> list[Any]:
        slow = Slow(monkeypatch)
        opened = connecting(reads, monkeypatch, most=1)
        refused = asyncio.Event()
        connect = reads._connect

        async def noted() -> Any:
            if opened:
                refused.set()
            return await connect()

        monkeypatch.setattr(reads, "_connect", noted)
        everyone = [asyncio.ensure_future(reads.read(work, ignored))]
        await slow.asked.wait()
        everyone += [asyncio.ensure_future(reads.read(work, ignored)) for _ in range(3)]
        await asyncio.wait_for(refused.wait(), 60)
        slow.wanted.set()
        return await asyncio.gather(*everyone)

    assert stage.all_of(some) == [stage.store.read(work)] * 4


def test_reads_that_wait_at_the_end_are_served(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that is opened during the close serves them, too. None stays open."""
    work = reading(stage, carts.read_cart, stage.readers[0])

    async def some(reads: ReadBatcher) -> tuple[bool, list[bool]]:
        slow = Slow(monkeypatch)
        opened = connecting(reads, monkeypatch)
        first = asyncio.ensure_future(reads.read(work, ignored))
        await slow.asked.wait()
        [serving] = reads._workers
        closing = asyncio.ensure_future(reads.close())
        execute = PostgresReadConnection.execute

        async def after_the_first(connection: PostgresReadConnection, statement: Any, parameters: Any) -> Any:
            if connection is not opened[0]:
                slow.wanted.set()
                await asyncio.wait([serving, asyncio.ensure_future(asyncio.wait_for(asyncio.shield(closing), 0.1))])
            return await execute(connection, statement, parameters)

        monkeypatch.setattr(PostgresReadConnection, "execute", after_the_first)
        second = asyncio.ensure_future(reads.read(work, ignored))
        await closing
        return first.done() and second.done(), [each._connection.closed for each in opened]

    assert stage.all_of(some) == (True, [True, True])


def test_a_connection_that_breaks_between_two_transactions_is_replaced(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(read_batching, "MAX_TASKS", 1)

    def last(tx: Transaction) -> int:
        found = len(tx.users.get_many([stage.readers[0]]))
        _hang_up(stage.store)
        return found

    async def some(reads: ReadBatcher) -> list[int]:
        reads._max_workers = 1
        works = (last, lambda tx: len(tx.users.get_many(stage.readers[:2])))
        return await asyncio.gather(*(reads.read(work, ignored) for work in works))

    assert stage.all_of(some) == [1, 2]


@pytest.mark.parametrize("before", [0, 1])
def test_a_statement_that_fails_is_told_and_the_next_is_answered(stage: Stage, before: int) -> None:
    def failing(tx: Any) -> None:
        for _ in range(before):
            tx.users.get_many([stage.readers[0]])
        tx.users._session.rows(select(literal_column("1 / 0").label("nothing")))

    async def some(reads: ReadBatcher) -> tuple[Any, int]:
        [told] = await asyncio.gather(reads.read(failing, ignored), return_exceptions=True)
        return told, await reads.read(lambda tx: len(tx.users.get_many([stage.readers[0]])), ignored)

    told, later = stage.all_of(some)
    assert isinstance(told, Unavailable)
    assert isinstance(told.__cause__, psycopg.errors.DivisionByZero)
    assert later == 1


def _hang_up(store: SqlStore) -> None:
    """Ends all other sessions of the database."""
    with store.engine.begin() as connection:
        connection.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        )
