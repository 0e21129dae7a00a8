"""The fixtures of contract tests. This is the only module that names the kinds of stores."""

import io
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx2
import pytest
import structlog

from sellout_adapters.memory import MemoryStore
from sellout_adapters.sql import SqlStore
from sellout_adapters.testing.scene import HeldClock
from sellout_core.ports.store import Store
from sellout_http.command import main
from sellout_http.runtime import logging, outage_log
from sellout_http.runtime.outage_log import Outages
from tests.contract.support.command import Run, environment, start_command
from tests.contract.support.secrecy import RECORDER
from tests.contract.support.shop import Served, demo_shop, serving_demo, serving_shop
from tests.servers import postgres
from tests.servers.postgres import Databases


@contextmanager
def memory_store(folder: Path) -> Iterator[Store]:  # noqa: ARG001 - the others need a folder
    """An empty store in memory."""
    yield MemoryStore()


@cache
def empty_shop() -> bytes:
    """An SQLite file with the tables of a shop. Copying it is much faster than running all migrations."""
    with TemporaryDirectory() as folder:
        file = Path(folder, "sellout.db")
        SqlStore.open(f"sqlite:///{file}").close()
        return file.read_bytes()


@contextmanager
def sqlite_store(folder: Path) -> Iterator[SqlStore]:
    """A store in the SQLite file of a folder. It is empty if the file did not exist."""
    file = folder / "sellout.db"
    if not file.exists():
        file.write_bytes(empty_shop())
    store = SqlStore.open(f"sqlite:///{file}")
    try:
        yield store
    finally:
        store.close()


@cache
def databases() -> tuple[Databases, str]:
    """The PostgreSQL server of this run, and the URL of a database that holds the tables of a shop and serves as a
    template.
    """
    server = SESSION_STACK.enter_context(postgres.databases())
    template = server.create()
    SqlStore.open(template, migrate=True).close()
    return server, template


@contextmanager
def postgresql_store(folder: Path) -> Iterator[SqlStore]:
    """A store in the PostgreSQL database of a folder. It is empty if the database did not exist."""
    note = folder / "postgresql.url"
    if not note.exists():
        server, template = databases()
        note.write_text(server.create(template))
    store = SqlStore.open(note.read_text())
    try:
        yield store
    finally:
        store.close()


STORES: dict[str, Callable[[Path], AbstractContextManager[Store]]] = {
    "memory": memory_store,
    "sqlite": sqlite_store,
    "postgresql": postgresql_store,
}
PERSISTENT: dict[str, Callable[[Path], AbstractContextManager[SqlStore]]] = {
    "sqlite": sqlite_store,
    "postgresql": postgresql_store,
}
"""The stores that can be closed and opened again."""

SESSION_STACK = ExitStack()


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--deep` runs the long forms instead of the short ones."""
    parser.addoption(
        "--deep",
        action="store_true",
        help="run what the short form leaves out: long forms of tests, `deep` tests, and HTTP tests on the databases",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Registers the marks."""
    config.addinivalue_line("markers", "deep: the test takes long and runs with --deep alone")
    config.addinivalue_line(
        "markers", "http: the behaviour does not depend on the store; without --deep the test runs on memory alone"
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Selects the short forms, or the long ones with `--deep`. The short form leaves out `http` tests on SQLite and
    PostgreSQL: the contract of stores proves that all stores return the same. A test that has both forms takes the
    fixture `deep`.
    """
    if config.getoption("--deep"):
        left_out = [item for item in items if not _runs_deep(item) and "deep" not in _fixtures_of(item)]
    else:
        left_out = [item for item in items if _runs_deep(item)]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in set(left_out)]


def _runs_deep(item: pytest.Item) -> bool:
    if item.get_closest_marker("deep"):
        return True
    return bool(item.get_closest_marker("http")) and _store_of(item) in PERSISTENT


def _fixtures_of(item: pytest.Item) -> list[str]:
    return item.fixturenames if isinstance(item, pytest.Function) else []


def _store_of(item: pytest.Item) -> object:
    parameters = item.callspec.params if isinstance(item, pytest.Function) and hasattr(item, "callspec") else {}
    return next((parameters[name] for name in ("make_store", "shared", "fragile") if name in parameters), None)


@pytest.fixture(scope="session")
def deep(request: pytest.FixtureRequest) -> bool:
    """Whether `--deep` was given."""
    return bool(request.config.getoption("--deep"))


def pytest_unconfigure() -> None:
    """Stops the PostgreSQL server if it was started."""
    SESSION_STACK.close()


@pytest.fixture(scope="session", autouse=True)
def no_secrets_logged() -> Iterator[None]:
    """Asserts at the end that no test logged a secret or personal data."""
    yield
    assert RECORDER.found == []


@pytest.fixture(params=STORES)
def make_store(request: pytest.FixtureRequest) -> Callable[[Path], AbstractContextManager[Store]]:
    """Makes one kind of store in a folder."""
    return STORES[request.param]


@pytest.fixture
def store(make_store: Callable[[Path], AbstractContextManager[Store]], tmp_path: Path) -> Iterator[Store]:
    """An empty store."""
    with make_store(tmp_path) as made:
        yield made


@pytest.fixture
def served(store: Store) -> Iterator[Served]:
    """The demo shop, served for one test."""
    with serving_demo(store) as served:
        yield served


@pytest.fixture
def client(served: Served) -> httpx2.Client:
    """A client of `served`."""
    return served.client


@pytest.fixture
def logged(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[MutableMapping[str, Any]]]:
    """What the application logs during a test, without the lines of requests. Exceptions are described as in the real
    log. The outages of earlier tests are forgotten.
    """
    monkeypatch.setattr(outage_log, "OUTAGES", Outages())
    with structlog.testing.capture_logs([_without_requests, logging.with_description]) as events:
        yield events


def _without_requests(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    if event["event"] == "request":
        raise structlog.DropEvent
    return event


@pytest.fixture
def clock() -> HeldClock:
    """A clock that the test sets. It starts a quarter of a second past noon."""
    return HeldClock()


@pytest.fixture
def timed(store: Store, clock: HeldClock) -> Iterator[Served]:
    """The demo shop with that clock, served for one test."""
    with serving_shop(demo_shop(store, clock)) as served:
        yield served


@pytest.fixture
def sellout(tmp_path: Path) -> Run:
    """Runs the command in an empty folder until it ends."""

    def run(*arguments: str, stdin: str | bytes = "", **variables: str) -> subprocess.CompletedProcess[str]:
        process = start_command(tmp_path, *arguments, variables=variables)
        sent = stdin.encode() if isinstance(stdin, str) else stdin
        stdout, stderr = process.communicate(sent, timeout=60)
        return subprocess.CompletedProcess(arguments, process.returncode, stdout.decode(), stderr.decode())

    return run


@pytest.fixture
def invoke(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Run]:
    """Runs the command as `sellout` does, but in this process, which is faster."""

    def run(*arguments: str, stdin: str | bytes = "", **variables: str) -> subprocess.CompletedProcess[str]:
        sent = stdin.encode() if isinstance(stdin, str) else stdin
        with monkeypatch.context() as changed:
            changed.chdir(tmp_path)
            changed.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(sent)))
            for name in set(os.environ) - set(environment()):
                changed.delenv(name)
            for name, value in variables.items():
                changed.setenv(name, value)
            with pytest.raises(SystemExit) as exited:
                main.main(arguments)
        shown = capsys.readouterr()
        code = exited.value.code
        return subprocess.CompletedProcess(arguments, code if isinstance(code, int) else -1, shown.out, shown.err)

    before = signal.getsignal(signal.SIGTERM)
    yield run
    signal.signal(signal.SIGTERM, before)


@pytest.fixture(scope="module", params=STORES)
def shared(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The demo shop, served once for all tests of a module. Those tests change nothing."""
    with STORES[request.param](tmp_path_factory.mktemp("shared")) as store, serving_demo(store) as served:
        yield served
