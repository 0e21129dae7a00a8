"""The workers of a served shop: a dead one is replaced, and none outlives its parent."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx2
import pytest

from tests.contract.support.command import start_command
from tests.servers.ports import free_port


@contextmanager
def running_server(folder: Path, workers: int, **variables: str) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """A running server whose stderr the test reads, and its URL."""
    port = free_port()
    arguments = ("serve", "--port", str(port), "--workers", str(workers))
    process = start_command(folder, *arguments, variables=variables, start_new_session=True)
    try:
        assert process.stdout is not None
        while b"Database" not in process.stdout.readline():
            assert process.poll() is None
        yield process, f"http://127.0.0.1:{port}"
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def workers_of(process: subprocess.Popen[bytes]) -> list[int]:
    return [int(pid) for pid in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()]


def wait_until_logged(process: subprocess.Popen[bytes], text: bytes) -> bytes:
    """Reads the log up to the first line that has the text, and returns the line."""
    assert process.stderr is not None
    while text not in (line := process.stderr.readline()):
        assert process.poll() is None
    return line


def kill_first_worker_repeatedly(process: subprocess.Popen[bytes]) -> None:
    """Kills the first of two workers until its replacement waits for five seconds."""
    for seconds in (0, 1, 2, 5):
        worker = workers_of(process)[0 if seconds == 0 else -1]
        os.kill(worker, signal.SIGKILL)
        wait_until_logged(process, b'"worker":1,"deaths":')
        if seconds < 5:
            wait_until_logged(process, b"worker replaced")


def readiness(url: str) -> httpx2.Response:
    """Waits until the server listens and returns its response."""
    while True:
        try:
            return httpx2.get(f"{url}/readyz", timeout=60)
        except httpx2.TransportError:
            continue


@pytest.mark.deep
def test_a_dead_worker_is_replaced_however_often_it_dies(tmp_path: Path) -> None:
    """The log counts the deaths."""
    with running_server(tmp_path, 1) as (process, url):
        for deaths in (1, 2, 3):
            (worker,) = workers_of(process)
            os.kill(worker, signal.SIGKILL)
            wait_until_logged(process, f'"deaths":{deaths},'.encode())
            assert readiness(url).status_code == 200
        process.terminate()
        process.communicate(timeout=60)
        assert process.returncode == 0


def test_a_server_stops_while_it_waits_to_replace_a_worker(tmp_path: Path) -> None:
    with running_server(tmp_path, 1) as (process, url):
        for deaths in (1, 2):
            (worker,) = workers_of(process)
            os.kill(worker, signal.SIGKILL)
            wait_until_logged(process, f'"deaths":{deaths},'.encode())
            if deaths == 1:
                readiness(url)
        process.terminate()
        process.communicate(timeout=60)
        assert process.returncode == 0


@pytest.mark.deep
def test_a_worker_that_keeps_dying_delays_no_other(tmp_path: Path) -> None:
    with running_server(tmp_path, 2) as (process, _):
        kill_first_worker_repeatedly(process)
        (steady,) = workers_of(process)
        os.kill(steady, signal.SIGKILL)
        assert b'"worker":2,"deaths":5,"replaced_after_seconds":0' in wait_until_logged(process, b"worker died")
        # The second worker is replaced first, although the first one died earlier.
        assert b'"worker":2,' in wait_until_logged(process, b"worker replaced")
        assert b'"worker":1,' in wait_until_logged(process, b"worker replaced")
        assert len(workers_of(process)) == 2


@pytest.mark.deep
def test_a_server_drains_while_a_worker_waits_to_be_replaced(tmp_path: Path) -> None:
    with running_server(tmp_path, 2, SELLOUT_DRAIN_DELAY="300") as (process, url):
        kill_first_worker_repeatedly(process)
        process.terminate()
        while readiness(url).status_code != 503:
            assert len(workers_of(process)) == 1
        assert httpx2.get(f"{url}/product/all/1", timeout=60).status_code == 200
        os.killpg(process.pid, signal.SIGINT)
        process.communicate(timeout=60)
        assert process.returncode == 0


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGQUIT])
def test_no_worker_outlives_its_parent(tmp_path: Path, how: signal.Signals) -> None:
    """`communicate` returns after the last process with the streams has ended."""
    with running_server(tmp_path, 2) as (process, _):
        assert len(workers_of(process)) == 2
        process.send_signal(how)
        process.communicate(timeout=60)
