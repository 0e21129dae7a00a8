"""The measured servers, each a process on a free port of 127.0.0.1, and their memory."""

import http.client
import json
import os
import secrets
import signal
import subprocess
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import attrs
import click
from tests.contract.support.command import CODE, SOURCES, start_command
from tests.servers.ports import free_port

from benchmarks.load import Request
from sellout_adapters.testing.scene import KEY

_ROOT: Final = Path(__file__).parents[1]
_FIXED: Final = "from benchmarks.fixed import main; main()"
_START_SECONDS: Final = 60
_STOP_SECONDS: Final = 20
_LONGEST: Final = 900
_USUAL: Final = 3
"""The how-manieth request is as all that follow."""


@attrs.frozen
class Server:
    """A running server: its port and its worker process."""

    port: int
    worker: int
    _log: Path | None = None

    def ask(self, request: Request, more_headers: Mapping[str, str] | None = None) -> bytes:
        """Sends a request and returns the body of the response."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=_LONGEST)
        body = None if request.body is None else json.dumps(request.body)
        connection.request(request.method, request.path, body, {**request.headers(), **(more_headers or {})})
        response = connection.getresponse()
        document = response.read()
        connection.close()
        if response.status >= 300:
            raise click.ClickException(f"{request.method} {request.path}: {response.status} {document[:500]!r}")
        return document

    def download(self, request: Request) -> int:
        """Reads a response without keeping it, and returns its length in bytes."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=_LONGEST)
        connection.request(request.method, request.path, headers=request.headers())
        response = connection.getresponse()
        if response.status != 200:
            raise click.ClickException(f"{request.method} {request.path}: {response.status}")
        length = 0
        while part := response.read(64 * 1024):
            length += len(part)
        connection.close()
        return length

    def statements(self, request: Request, *, once: bool = False) -> int:
        """The number of statements of a request, from the server's log. The request is sent twice, unless `once`,
        because the first one may fill caches.
        """
        if self._log is None:
            raise ValueError("this server's log is not kept")
        for _ in range(1 if once else _USUAL):
            request_id = secrets.token_hex(16)
            self.ask(request, {"X-Request-ID": request_id})
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            for line in self._log.read_text().splitlines():
                if request_id in line:
                    return int(json.loads(line)["statements"])
            time.sleep(0.01)
        raise click.ClickException("the server logs no requests")

    def resident_mib(self) -> float:
        """The memory of the worker, in MiB."""
        return self._memory("VmRSS")

    def forget_peak(self) -> None:
        """Resets the peak memory (proc(5), clear_refs)."""
        Path(f"/proc/{self.worker}/clear_refs").write_text("5")

    def peak_mib(self) -> float:
        """The peak memory since the last reset, in MiB."""
        return self._memory("VmHWM")

    def _memory(self, field: str) -> float:
        status = Path(f"/proc/{self.worker}/status").read_text()
        lines = dict(line.split(":", 1) for line in status.splitlines())
        return int(lines[field].split()[0]) / 1024


@contextmanager
def shop_server(folder: Path, url: str, *, logging: bool = False, **variables: str) -> Iterator[Server]:
    """Runs `sellout serve` with one worker on a database. The log goes to a file or to /dev/null."""
    port = free_port()
    settings = {
        "SELLOUT_PORT": str(port),
        "SELLOUT_DATABASE_URL": url,
        "SELLOUT_SECRET_KEY": KEY,
        "SELLOUT_LOG_STYLE": "json",
        "SELLOUT_CLIENT_SHARE": "100",  # all clients have one address
        **variables,
    }
    log = folder / f"{port}.log" if logging else None
    with _running(port, folder, CODE, ["serve"], settings, "/livez", log) as server:
        yield server


@contextmanager
def fixed_server(folder: Path, sizes: Iterable[int]) -> Iterator[Server]:
    """Runs the server with fixed responses of these sizes."""
    port = free_port()
    paths = {"PYTHONPATH": f"{SOURCES}:{_ROOT}"}
    arguments = list(map(str, [port, *sizes]))
    with _running(port, folder, _FIXED, arguments, paths, f"/{arguments[1]}", None) as server:
        yield server


@contextmanager
def _running(
    port: int,
    folder: Path,
    code: str,
    arguments: Sequence[str],
    variables: dict[str, str],
    path: str,
    log: Path | None,
) -> Iterator[Server]:
    with (log or Path("/dev/null")).open("wb") as stream:
        streams: Any = {"stdin": subprocess.DEVNULL, "stdout": stream, "stderr": stream}
        process = start_command(folder, *arguments, code=code, variables=variables, start_new_session=True, **streams)
    try:
        _await_answer(process, port, path)
        yield Server(port, _worker(process.pid), log)
    finally:
        process.send_signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(_STOP_SECONDS)
        if process.poll() is None:
            # In its own session, so that only its processes are signalled.
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _await_answer(process: subprocess.Popen[bytes], port: int, path: str) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise click.ClickException(f"the server ended with {process.returncode} before it answered")
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        with suppress(OSError):
            connection.request("GET", path)
            if connection.getresponse().status == 200:
                return
        connection.close()
        time.sleep(0.05)
    raise click.ClickException(f"the server did not answer within {_START_SECONDS} seconds")


def _worker(pid: int) -> int:
    """The child process with the most memory: the other children wait for its end."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return max(map(int, children), key=lambda child: Path(f"/proc/{child}/statm").read_text().split()[1].zfill(12))
