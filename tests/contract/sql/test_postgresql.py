"""The command on PostgreSQL: migrations, several servers on one database, and draining."""

import http.client
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from sellout_adapters.sql.engines.postgres.database import _MIGRATING
from tests.contract.conftest import databases
from tests.contract.support.command import (
    Run,
    ServerProcess,
    assert_fails,
    catalogue_line,
    running_server,
    start_command,
)

KEY = "a key that every server of a shop has"
FIRST_LINE = "0001 The first tables, and the rows that every shop begins with."
DEADLINE = 60


@pytest.fixture
def variables() -> dict[str, str]:
    """The settings of a shop in an empty PostgreSQL database."""
    return {"SELLOUT_DATABASE_URL": databases()[0].create(), "SELLOUT_SECRET_KEY": KEY}


@pytest.fixture
def migrated() -> dict[str, str]:
    """The settings of a shop in a migrated PostgreSQL database."""
    server, template = databases()
    return {"SELLOUT_DATABASE_URL": server.create(template), "SELLOUT_SECRET_KEY": KEY}


def until(happened: object) -> Iterator[None]:
    """Iterates until the deadline, for a loop that waits for an event."""
    end = time.monotonic() + DEADLINE
    while time.monotonic() < end:
        yield
    raise AssertionError(f"{happened} did not happen")


def waiting_for_a_lock(connection: psycopg.Connection[tuple[object, ...]]) -> bool:
    """Whether a session of this database waits for a lock. The server may have other databases."""
    return bool(
        connection.execute(
            "SELECT 1 FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database"
            " WHERE NOT granted AND datname = current_database()"
        ).fetchall()
    )


def test_migrating_says_what_it_did_and_then_that_nothing_is_left(invoke: Run, variables: dict[str, str]) -> None:
    for sqlite in (False, True):
        url = {"SELLOUT_DATABASE_URL": "sqlite:///new.db"} if sqlite else variables
        done = invoke("migrate", **url)
        assert (done.returncode, done.stderr) == (0, "")
        lines = done.stdout.splitlines()
        assert (lines[0], lines[-1]) == (FIRST_LINE, "The schema is current.")
        again = invoke("migrate", **url)
        assert (again.returncode, again.stdout) == (0, "The schema was current already.\n")


def test_nothing_but_migrating_touches_a_database_without_tables(invoke: Run, variables: dict[str, str]) -> None:
    for arguments in (["serve"], ["export"], ["import", "-"], ["create-admin", "--username", "boss"]):
        done = invoke(*arguments, stdin="long enough", **variables)
        assert_fails(done, "The database has no tables of the shop yet: run 'sellout migrate'.")


@pytest.mark.deep
def test_a_migration_that_is_stopped_is_run_again(invoke: Run, tmp_path: Path, variables: dict[str, str]) -> None:
    with psycopg.connect(variables["SELLOUT_DATABASE_URL"], autocommit=True) as other:
        other.execute("SELECT pg_advisory_lock(%s)", (_MIGRATING,))
        for how, code in ((signal.SIGINT, 130), (signal.SIGKILL, -9)):
            # The server notices that its client was killed only after the wait for the lock.
            process = start_command(tmp_path, "migrate", variables={**variables, "SELLOUT_LOCK_TIMEOUT": "3"})
            for _ in until("waiting for the lock"):
                if waiting_for_a_lock(other):
                    break
            process.send_signal(how)
            stdout, stderr = process.communicate(timeout=DEADLINE)
            assert (process.returncode, stdout) == (code, b"")
            if how is signal.SIGINT:
                assert stderr == b"sellout: stopped; run it again to bring the tables to the current schema\n"
            for _ in until("the end of its session"):
                if not waiting_for_a_lock(other):
                    break
    assert invoke("migrate", **variables).stdout.startswith(FIRST_LINE)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("postgresql://user:hush-hush@127.0.0.1:1/shop", "The database cannot be reached"),
        ("postgresql://user:hush-hush@127.0.0.1:1/shop?nonsense=1", "nonsense"),
        ("postgresql://user:hush-hush@[::1/shop", "The database URL cannot be read"),
    ],
)
def test_a_server_that_is_not_there_is_one_line_without_a_password(invoke: Run, url: str, message: str) -> None:
    for command in ("serve", "migrate", "export"):
        done = invoke(command, SELLOUT_DATABASE_URL=url, SELLOUT_SECRET_KEY=KEY)
        assert_fails(done, message)
        assert "hush-hush" not in done.stderr


@pytest.mark.deep
def test_several_servers_on_one_database_are_one_shop(sellout: Run, tmp_path: Path, migrated: dict[str, str]) -> None:
    with running_server(tmp_path, **migrated) as (first, said), running_server(tmp_path, **migrated) as (second, _):
        assert "postgresql" in said
        assert sellout("import", "-", stdin=catalogue_line(1, brands=["New"]), **migrated).returncode == 0
        for server in (first, second):
            assert server.request("GET", "/product/all/1")[1]["items"][0]["brands"] == [{"id": 1, "name": "New"}]
            assert server.request("GET", "/readyz") == (200, {"status": "ok"})
        status, pair = first.request(
            "POST", "/user/register", {"username": "new@shop.example", "password": "long enough"}
        )
        assert status == 201
        assert second.request("GET", "/order/cart/1", token=pair["access"])[0] == 200
        assert first.stop() == (0, "")
        assert second.access_token("new@shop.example", "long enough")
        assert second.stop() == (0, "")
    assert sellout("export", **migrated).stdout.count("\n") == 1


def ready(server: ServerProcess) -> int:
    return server.request("GET", "/readyz")[0]


def test_sigterm_drains_before_it_stops(tmp_path: Path) -> None:
    """The server is not ready at once, but answers until the drain delay is over. The delay is longer than
    this test.
    """
    with running_server(tmp_path, "--workers", "2", SELLOUT_DRAIN_DELAY="300") as (server, _):
        assert ready(server) == 200
        kept = http.client.HTTPConnection("127.0.0.1", server.port, timeout=DEADLINE)
        kept.request("GET", "/product/all/1")
        kept.getresponse().read()
        os.kill(server.process.pid, signal.SIGTERM)
        for _ in until("draining"):
            if [ready(server) for _ in range(8)] == [503] * 8:
                break
        assert server.request("GET", "/product/all/1")[0] == 200
        assert server.request("GET", "/livez")[0] == 200
        kept.request("GET", "/product/all/1")
        assert kept.getresponse().status == 200
        kept.close()
        assert server.stop(signal.SIGINT) == (0, "")


def test_sigterm_stops_once_the_load_balancer_has_had_its_time(tmp_path: Path) -> None:
    with running_server(tmp_path, SELLOUT_DRAIN_DELAY="1") as (server, _):
        os.kill(server.process.pid, signal.SIGTERM)
        assert server.wait_for_end() == (0, "")


def test_ctrl_c_does_not_wait_for_load_balancers(tmp_path: Path) -> None:
    with running_server(tmp_path, SELLOUT_DRAIN_DELAY="300") as (server, _):
        assert server.stop(signal.SIGINT) == (0, "")


def test_ctrl_c_ends_the_wait(tmp_path: Path) -> None:
    with running_server(tmp_path, SELLOUT_DRAIN_DELAY="300") as (server, _):
        os.kill(server.process.pid, signal.SIGTERM)
        for _ in until("draining"):
            if ready(server) == 503:
                break
        with pytest.raises(subprocess.TimeoutExpired):
            server.process.wait(timeout=0)
        assert server.stop(signal.SIGINT) == (0, "")
