"""Group commit: each writer is atomic, and gets its outcome after the commit, or an error if the commit fails."""

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from sellout_adapters.sql import SqlStore, Timeouts
from sellout_adapters.sql.concurrency.group_commit import MAX_WRITERS
from sellout_adapters.testing.laws.people.accounts import new_user
from sellout_core import errors
from sellout_core.ports.store import Transaction


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStore]:
    """An empty store in a SQLite file."""
    # A lock that does not time out on a slow machine.
    with closing(SqlStore.open(f"sqlite:///{tmp_path / 'sellout.db'}", timeouts=Timeouts(lock=60))) as store:
        yield store


class Writer(threading.Thread):
    """A thread that writes, and its outcome."""

    def __init__(self, store: SqlStore, work: Callable[[Transaction], Any]) -> None:
        super().__init__(daemon=True)
        self._store, self._work = store, work
        self.outcome: Any = None
        self.start()

    def run(self) -> None:
        try:
            self.outcome = self._store.write(self._work)
        except BaseException as error:  # noqa: BLE001 - the test checks it
            self.outcome = error


def adding(name: str) -> Callable[[Transaction], Any]:
    """Work that adds a user and returns the username."""
    return lambda tx: tx.users.add(new_user(name), "hash").username


def waiting(store: SqlStore) -> int:
    """The number of writers that wait for the lock."""
    return len(store._database.group_commit._lock._waiting)  # type: ignore[union-attr]


def together(store: SqlStore, *works: Callable[[Transaction], Any]) -> list[Any]:
    """The outcomes of writers that begin to wait, in this order, while another writer has the lock."""
    writers: list[Writer] = []

    def hold(_: Transaction) -> None:
        for number, work in enumerate(works, 1):
            writers.append(Writer(store, work))
            while waiting(store) < number:
                pass

    first = Writer(store, hold)
    first.join()
    for writer in writers:
        writer.join()
    return [first.outcome, *(writer.outcome for writer in writers)]


def names(store: SqlStore) -> list[str]:
    """The usernames in the store."""
    return [user.username for user in store.read(lambda tx: tx.users.after(0, 1_000))]


def counting_commits(store: SqlStore) -> list[Any]:
    """A list to which each commit adds an entry."""
    commits: list[Any] = []
    event.listen(store.engine, "commit", commits.append)
    return commits


def test_writers_who_wait_go_in_order_and_share_a_commit(store: SqlStore) -> None:
    commits = counting_commits(store)
    outcomes = together(store, *(adding(f"user{n}") for n in range(20)))
    assert outcomes[1:] == [f"user{n}" for n in range(20)] == names(store)
    assert len(commits) == 1


def test_a_commit_is_shared_by_so_many_at_most(store: SqlStore) -> None:
    commits = counting_commits(store)
    together(store, *(adding(f"user{n}") for n in range(MAX_WRITERS)))
    assert len(names(store)) == MAX_WRITERS
    assert len(commits) == 2


def test_no_writer_learns_its_outcome_before_the_commit(store: SqlStore) -> None:
    """While the second writer works, the first one still waits, and its row is not visible."""
    seen: list[Any] = []
    writers: list[Writer] = []

    def look(_: Transaction) -> None:
        seen.append((writers[0].outcome, writers[0].is_alive()))
        with closing(sqlite3.connect(str(store.engine.url.database))) as file:
            seen.append(file.execute("SELECT count(*) FROM users").fetchone())

    def hold(_: Transaction) -> None:
        for number, work in enumerate([adding("anna"), look], 1):
            writers.append(Writer(store, work))
            while waiting(store) < number:
                pass

    store.write(hold)
    for writer in writers:
        writer.join()
    assert seen == [(None, True), (0,)]
    assert (writers[0].outcome, names(store)) == ("anna", ["anna"])


def test_a_writer_that_is_refused_leaves_the_others_alone(store: SqlStore) -> None:
    def refused(tx: Transaction) -> None:
        tx.users.add(new_user("unknown"), "hash")
        raise errors.NotFound

    outcomes = together(store, adding("anna"), refused, adding("boris"), adding("ANNA"))
    assert (outcomes[1], outcomes[3]) == ("anna", "boris")
    assert isinstance(outcomes[2], errors.NotFound)
    assert isinstance(outcomes[4], errors.UsernameTaken)
    assert names(store) == ["anna", "boris"]


def test_a_commit_that_fails_fails_every_writer_and_unlocks_the_file(store: SqlStore) -> None:
    """A writer that was refused because of an uncommitted row fails as well."""

    def fail(_: Any) -> None:
        event.remove(store.engine, "commit", fail)
        raise sqlite3.OperationalError("disk I/O error")

    event.listen(store.engine, "commit", fail)
    outcomes = together(store, adding("anna"), adding("ANNA"))
    assert [type(outcome) for outcome in outcomes] == [errors.Unavailable] * 3
    assert names(store) == []
    assert store.write(adding("anna")) == "anna"
    with closing(sqlite3.connect(str(store.engine.url.database), timeout=0.1)) as other:
        other.execute("BEGIN IMMEDIATE").close()


def test_a_database_that_rolls_back_by_itself_fails_all_whose_work_it_took(store: SqlStore) -> None:
    def broken(tx: Any) -> None:
        tx.users.add(new_user("unknown"), "hash")
        tx.users._session._connection.exec_driver_sql("ROLLBACK")
        raise errors.NotFound

    outcomes = together(store, adding("anna"), broken, adding("boris"))
    assert [type(outcome) for outcome in outcomes] == [errors.Unavailable] * 3 + [str]
    assert names(store) == ["boris"]


def test_who_waits_too_long_leaves_and_the_rest_goes_on(tmp_path: Path) -> None:
    store = SqlStore.open(f"sqlite:///{tmp_path / 'shop.db'}", timeouts=Timeouts(lock=0.3))
    late: list[Writer] = []

    def hold(_: Transaction) -> None:
        late.append(Writer(store, adding("late")))
        late[0].join()

    store.write(hold)
    assert isinstance(late[0].outcome, errors.Unavailable)
    assert store.write(adding("anna")) == "anna"
    assert names(store) == ["anna"]
    store.close()


def test_no_writer_is_forgotten(store: SqlStore) -> None:
    """Many threads write many times, and each write happens once."""
    with store.engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE counted (n INTEGER)")

    def count(tx: Any) -> None:
        tx.users._session._connection.exec_driver_sql("INSERT INTO counted SELECT count(*) FROM counted")

    def run() -> None:
        for _ in range(50):
            store.write(count)

    threads = [threading.Thread(target=run) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert not any(thread.is_alive() for thread in threads)
    with store.engine.begin() as connection:
        rows = connection.exec_driver_sql("SELECT n FROM counted ORDER BY rowid").scalars().all()
    assert rows == list(range(800))
