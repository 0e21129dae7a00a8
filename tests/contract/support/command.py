"""The `sellout` command as a process, and as a server that is up."""

import http.client
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sellout_http
from sellout_http.server.process import DRAIN_SECONDS
from tests.contract.support.secrecy import RECORDER
from tests.servers.ports import free_port

CODE = "from sellout_http.command import main; main()"
# Getting hold of the terminal first, as a login shell does: passwords are asked for on /dev/tty.
ON_A_TERMINAL = f"import os; os.open(os.ttyname(0), os.O_RDWR); {CODE}"
SOURCES = str(Path(sellout_http.__file__).parents[1])

UNLIMITED = {
    f"SELLOUT_{name}": "0"
    for name in ("LOGINS_PER_ACCOUNT", "LOGINS_PER_ADDRESS", "REGISTRATIONS_PER_ADDRESS", "REFUSED_PROMO_CODES")
}
"""Tests try everything often, and from one address."""

# What granian may say of a server that is well. While it stops, the thread that watches a worker may collect the ended
# process just before the thread that waits for it; on a busy machine the latter then takes the worker for alive. (See
# `_stop_workers` in granian/server/common.py.) The second is about a machine with one core.
GRANIANS_OWN = ("Killing worker-", "Configured number of workers appears to be higher")

Run = Callable[..., subprocess.CompletedProcess[str]]

# A shell that starts the tests in the background has them ignore Ctrl-C, which every process they start would inherit.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def environment(**variables: str) -> dict[str, str]:
    ours = {name: value for name, value in os.environ.items() if not name.startswith("SELLOUT_")}
    return {**ours, "PYTHONPATH": SOURCES, "SELLOUT_DRAIN_DELAY": "0", **UNLIMITED, **variables}


def start(
    folder: Path, *arguments: str, code: str = CODE, variables: dict[str, str] | None = None, **options: Any
) -> subprocess.Popen[bytes]:
    """The command in that directory, with pipes for streams unless `options` says otherwise."""
    streams: dict[str, Any] = {**dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE), **options}
    process: subprocess.Popen[bytes] = subprocess.Popen(  # noqa: S603 - the command under test
        [sys.executable, "-c", code, *arguments], cwd=folder, env=environment(**(variables or {})), **streams
    )
    return process


def says_nothing(logged: str) -> bool:
    """Whether a line of a server's log is one request's, or one of granian's that is no complaint."""
    event = json.loads(logged)["event"] if logged.startswith("{") else ""
    return event == "request" or event.startswith(GRANIANS_OWN)


class Server:
    """`sellout serve`, up and answering."""

    def __init__(self, folder: Path, *arguments: str, **variables: str) -> None:
        self.port = free_port()
        self._log = folder / f"server-{self.port}.log"
        with self._log.open("wb") as log:
            self.process = start(
                folder,
                "serve",
                "--port",
                str(self.port),
                *arguments,
                variables=variables,
                start_new_session=True,
                stderr=log,
            )

    def announced(self) -> str:
        """What it says once it is up; the last line of that is about the demo, if there is one."""
        assert self.process.stdout is not None
        last = "password|not loaded" if "--demo" in str(self.process.args) else "Database"
        shown = ""
        while text := self.process.stdout.readline():
            shown += text.decode()
            if re.search(last, shown):
                return shown
        raise AssertionError(self.ended())

    def stop(self, how: signal.Signals = signal.SIGTERM) -> tuple[int, str]:
        """Sends the signal to every process of the server, as a terminal does; its exit code and what it complained."""
        os.killpg(self.process.pid, how)
        return self.ended()

    def log(self) -> str:
        """All that it logged by now."""
        return self._log.read_text()

    def ended(self) -> tuple[int, str]:
        """Its exit code, once it has one, and what it complained: all that it logged but requests' lines and what says
        nothing about the shop. Fails if a worker does not stop: granian waits longer than this before it kills one.
        """
        self.process.communicate(timeout=DRAIN_SECONDS - 1)
        logged = self.log()
        RECORDER.heard(logged)
        lines = logged.splitlines(keepends=True)
        return self.process.returncode, "".join(line for line in lines if not says_nothing(line))

    def ask(self, method: str, path: str, body: Any = None, token: str = "") -> tuple[int, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        response = connection.getresponse()
        document = json.loads(response.read())
        connection.close()
        return response.status, document

    def log_in(self, username: str, password: str) -> str:
        status, pair = self.ask("POST", "/user/login", {"username": username, "password": password})
        assert status == 200
        access: str = pair["access"]
        return access


@contextmanager
def serving(folder: Path, *arguments: str, **variables: str) -> Iterator[tuple[Server, str]]:
    server = Server(folder, *arguments, **variables)
    try:
        yield server, server.announced()
    finally:
        if server.process.poll() is None:
            server.stop(signal.SIGKILL)


def line(number: int, **members: Any) -> str:
    product = {"sku": f"sku-{number}", "name": "Name", "gender": "M", "add_date": "2023-04-07", **members}
    return json.dumps(product) + "\n"


def assert_fails(done: subprocess.CompletedProcess[str], message: str, code: int = 2) -> None:
    """It failed with one line on stderr that says why, and nothing else."""
    assert done.returncode == code
    assert message in done.stderr
    assert done.stderr.startswith("sellout: ")
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""
