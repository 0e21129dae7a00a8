"""A checkout on PostgreSQL that loses a race or its connection, at every statement, is one order."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from sellout_adapters.sql import SqlStore
from sellout_adapters.sql.session.errors import TRIES
from sellout_core import errors
from sellout_core.people.accounts import OPERATOR
from sellout_core.use_cases.shopping.checkout import check_out
from tests.contract.conftest import postgresql_store
from tests.contract.support.checkout_scene import CheckoutScene, checkout_scene

CONTENTION = {"serialisation failure": "40001", "deadlock": "40P01"}
RAISE = "DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '{}'; END $$"
HANG_UP = "SELECT pg_terminate_backend(pg_backend_pid())"


@pytest.fixture
def buying(tmp_path: Path) -> Iterator[CheckoutScene]:
    """A buyer before a checkout on PostgreSQL."""
    with postgresql_store(tmp_path) as store:
        yield checkout_scene(store)


@contextmanager
def before_statement(store: SqlStore, number: int, sabotage: str) -> Iterator[list[str]]:
    """Runs a further statement right before the statement with this number, once. Numbers begin at 1, and the commit
    counts. Yields the list of statements.
    """
    seen: list[str] = []

    def note(statement: str, run: Callable[[str], Any]) -> None:
        seen.append(statement)
        if len(seen) == number:
            run(sabotage)

    def execute(cursor: Any, statement: str, *_: Any) -> None:
        note(statement, cursor.execute)

    def commit(connection: Any) -> None:
        note("COMMIT", connection.exec_driver_sql)

    listeners: list[tuple[str, Callable[..., None]]] = [("do_execute", execute), ("commit", commit)]
    # The further statement is recorded, too, so the same number does not occur twice.
    for name, listener in listeners:
        event.listen(store.engine, name, listener)
    try:
        yield seen
    finally:
        for name, listener in listeners:
            event.remove(store.engine, name, listener)


def statements_of_checkout(buying: CheckoutScene) -> int:
    """The number of statements of a checkout, with its commit."""
    with before_statement(buying.store, 0, "") as seen:
        buying.check_out()
    assert seen[0].startswith("BEGIN")
    assert seen[-1] == "COMMIT"
    return len(seen)


STATEMENTS = 19
"""The number of statements of a checkout, from BEGIN to COMMIT."""


def test_every_statement_is_covered(buying: CheckoutScene) -> None:
    assert statements_of_checkout(buying) == STATEMENTS


@pytest.mark.parametrize("number", range(1, STATEMENTS + 1))
@pytest.mark.parametrize("code", CONTENTION.values(), ids=CONTENTION)
def test_a_checkout_that_loses_at_any_statement_is_run_again(buying: CheckoutScene, number: int, code: str) -> None:
    with before_statement(buying.store, number, RAISE.format(code)) as seen:
        answer = buying.check_out()
    assert len(seen) > STATEMENTS
    buying.require_one_order()
    assert buying.check_out() == answer
    buying.require_one_order()


@pytest.mark.parametrize("number", range(1, STATEMENTS))
def test_a_checkout_whose_connection_breaks_is_run_again_on_another(buying: CheckoutScene, number: int) -> None:
    with before_statement(buying.store, number, HANG_UP) as seen:
        buying.check_out()
    assert len(seen) > STATEMENTS
    buying.require_one_order()


def test_a_connection_that_breaks_during_the_commit_leaves_it_to_the_key(buying: CheckoutScene) -> None:
    with before_statement(buying.store, STATEMENTS, HANG_UP) as seen, pytest.raises(errors.Unavailable):
        buying.check_out()
    assert len(seen) >= STATEMENTS
    buying.check_out()
    buying.require_one_order()


def test_a_reply_that_is_lost_after_the_commit_leaves_it_to_the_key(buying: CheckoutScene) -> None:
    """The transaction is committed, but the client does not get the reply."""

    def commit_and_hang_up(connection: Any) -> None:
        connection.exec_driver_sql("COMMIT")
        connection.exec_driver_sql(HANG_UP)

    event.listen(buying.store.engine, "commit", commit_and_hang_up)
    with pytest.raises(errors.Unavailable):
        buying.check_out()
    event.remove(buying.store.engine, "commit", commit_and_hang_up)
    buying.require_one_order()
    answer = buying.check_out()
    buying.require_one_order()
    assert answer == b"%d" % buying.store.read(lambda tx: tx.orders.after(0, 1_000))[0].id


@pytest.mark.parametrize("code", CONTENTION.values(), ids=CONTENTION)
def test_who_always_loses_is_told_so_in_the_end(buying: CheckoutScene, code: str) -> None:
    tries: list[str] = []

    def lose(cursor: Any, statement: str, *_: Any) -> None:
        if statement.startswith("INSERT INTO orders"):
            tries.append(statement)
            cursor.execute(RAISE.format(code))

    event.listen(buying.store.engine, "do_execute", lose)
    with pytest.raises(errors.Unavailable):
        check_out(buying.scene.shop, OPERATOR, buying.buyer, buying.ask)
    event.remove(buying.store.engine, "do_execute", lose)
    assert len(tries) == TRIES
    assert buying.store.read(lambda tx: tx.orders.after(0, 1_000)) == []
    buying.check_out()
    buying.require_one_order()


def test_idle_connections_that_the_server_closed_are_replaced_unnoticed(buying: CheckoutScene) -> None:
    """The server may have restarted. The next read and the next write succeed."""
    for use in (lambda: buying.store.read(lambda tx: tx.users.after(0, 1_000)), buying.check_out):
        buying.store.read(lambda tx: tx.users.after(0, 1_000))
        with buying.store.engine.connect() as connection:
            pid = connection.connection.dbapi_connection.info.backend_pid  # type: ignore[union-attr]
        other = SqlStore.open(buying.store.engine.url.render_as_string(hide_password=False))
        with other.engine.begin() as connection:
            connection.exec_driver_sql(f"SELECT pg_terminate_backend({pid})")
        other.close()
        assert use()
    buying.require_one_order()
