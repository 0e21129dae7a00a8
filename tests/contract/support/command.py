"""Runs the `sellout` command as a process, and as a server."""

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
# Opens the terminal first, as a login shell does: the command asks for passwords on /dev/tty.
ON_A_TERMINAL = f"import os; os.open(os.ttyname(0), os.O_RDWR); {CODE}"
SOURCES = str(Path(sellout_http.__file__).parents[1])

UNLIMITED = {
    f"SELLOUT_{name}": "0"
    for name in (
        "LOGINS_PER_ACCOUNT",
        "LOGINS_PER_ADDRESS",
        "REGISTRATIONS_PER_ADDRESS",
        "REFUSED_PROMO_CODES",
        "MAILS_PER_ADDRESS",
        "MAILS_PER_ACCOUNT",
        "GUEST_CARTS_PER_ADDRESS",
    )
} | {"SELLOUT_CLIENT_SHARE": "100", "SELLOUT_CLIENT_CONNECTIONS": "4096"}
"""Limits are off: tests send many requests from one address."""

# Lines that granian logs although nothing is wrong. First: while granian stops, the thread that watches a worker may
# collect the ended process just before the thread that waits for it, which then takes the worker for alive. (See
# `_stop_workers` in granian/server/common.py.) Second: the machine has one processor.
HARMLESS = ("Killing worker-", "Configured number of workers appears to be higher")

Run = Callable[..., subprocess.CompletedProcess[str]]

# A shell that starts the tests in the background makes them ignore these, and the processes that they start, too.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if signal.getsignal(signal.SIGQUIT) is signal.SIG_IGN:
    signal.signal(signal.SIGQUIT, signal.SIG_DFL)


def environment(**variables: str) -> dict[str, str]:
    ours = {name: value for name, value in os.environ.items() if not name.startswith("SELLOUT_")}
    return {**ours, "PYTHONPATH": SOURCES, "SELLOUT_DRAIN_DELAY": "0", **UNLIMITED, **variables}


def start_command(
    folder: Path, *arguments: str, code: str = CODE, variables: dict[str, str] | None = None, **options: Any
) -> subprocess.Popen[bytes]:
    """Starts the command in a folder. Its streams are pipes unless `options` says otherwise."""
    streams: dict[str, Any] = {**dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE), **options}
    process: subprocess.Popen[bytes] = subprocess.Popen(  # noqa: S603 - the command under test
        [sys.executable, "-c", code, *arguments], cwd=folder, env=environment(**(variables or {})), **streams
    )
    return process


def is_harmless(logged: str) -> bool:
    """Whether a line of a server's log is a request's or a mail's, or one that granian logs although nothing is
    wrong.
    """
    event = json.loads(logged)["event"] if logged.startswith("{") else ""
    return event in {"request", "mail"} or event.startswith(HARMLESS)


class ServerProcess:
    """A running `sellout serve`."""

    def __init__(self, folder: Path, *arguments: str, **variables: str) -> None:
        self.port = free_port()
        self._log = folder / f"server-{self.port}.log"
        with self._log.open("wb") as log:
            self.process = start_command(
                folder,
                "serve",
                "--port",
                str(self.port),
                *arguments,
                variables=variables,
                start_new_session=True,
                stderr=log,
            )

    def startup_output(self) -> str:
        """Waits until the server is up and returns its output. With `--demo`, the last line is about the demo."""
        assert self.process.stdout is not None
        last = "password|not loaded" if "--demo" in str(self.process.args) else "Database"
        shown = ""
        while text := self.process.stdout.readline():
            shown += text.decode()
            if re.search(last, shown):
                return shown
        raise AssertionError(self.wait_for_end())

    def stop(self, how: signal.Signals = signal.SIGTERM) -> tuple[int, str]:
        """Sends the signal to every process of the server, as a terminal does. Returns what `wait_for_end` returns."""
        os.killpg(self.process.pid, how)
        return self.wait_for_end()

    def log(self) -> str:
        """The log up to now."""
        return self._log.read_text()

    def wait_for_end(self) -> tuple[int, str]:
        """Waits for the end. Returns the exit code and the complaints: the log without lines of requests and harmless
        lines of granian. Fails if a worker does not stop, because granian waits longer than this before it kills one.
        """
        self.process.communicate(timeout=DRAIN_SECONDS - 1)
        logged = self.log()
        RECORDER.search(logged)
        lines = logged.splitlines(keepends=True)
        return self.process.returncode, "".join(line for line in lines if not is_harmless(line))

    def request(self, method: str, path: str, body: Any = None, token: str = "") -> tuple[int, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        response = connection.getresponse()
        document = json.loads(response.read())
        connection.close()
        return response.status, document

    def access_token(self, username: str, password: str) -> str:
        status, pair = self.request("POST", "/user/login", {"username": username, "password": password})
        assert status == 200
        access: str = pair["access"]
        return access


@contextmanager
def running_server(folder: Path, *arguments: str, **variables: str) -> Iterator[tuple[ServerProcess, str]]:
    server = ServerProcess(folder, *arguments, **variables)
    try:
        yield server, server.startup_output()
    finally:
        if server.process.poll() is None:
            server.stop(signal.SIGKILL)


def catalogue_line(number: int, **members: Any) -> str:
    product = {"sku": f"sku-{number}", "name": "Name", "gender": "M", "add_date": "2023-04-07", **members}
    return json.dumps(product) + "\n"


def assert_fails(done: subprocess.CompletedProcess[str], message: str, code: int = 2) -> None:
    """Asserts that the command failed with one line on stderr that contains the message, and printed nothing else."""
    assert done.returncode == code
    assert message in done.stderr
    assert done.stderr.startswith("sellout: ")
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""
