"""Whether the time of a log-in reveals usernames, and what 200 simultaneous log-ins cost other clients.

    python -m benchmarks.logins [--tries N] [--at-once N]

Starts a server on a new SQLite file with the default settings, but without rate limits. Prints the median time of
refused log-ins of an unknown user, of a wrong password and of a deactivated user, which alternate. Then prints the
server's memory and the 99th percentile of a catalogue page, idle and during many log-ins.
"""

import http.client
import json
import multiprocessing
import os
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import attrs
import click
from tests.contract.support.command import ServerProcess, running_server

from sellout_adapters import demo
from sellout_adapters.sql import SqlStore
from sellout_core.ports.store import Transaction

KINDS: Final = {
    "unknown user": ("no such user", "wrong"),
    "wrong password": (demo.CUSTOMER, "wrong"),
    "deactivated user": (demo.STAFF, demo.PASSWORD),
}


def log_in(server: ServerProcess, username: str, password: str) -> int:
    """Logs in and returns the status."""
    return server.request("POST", "/user/login", {"username": username, "password": password})[0]


def resident_mib(server: ServerProcess) -> float:
    """The memory of all processes of the server, in MiB."""
    kib = 0
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            lines = dict(line.split(":", 1) for line in status.read_text().splitlines())
        except OSError:
            continue
        if int(status.parent.name) == server.process.pid or int(lines["PPid"]) == server.process.pid:
            kib += int(lines["VmRSS"].split()[0])
    return kib / 1024


def percentile_99(server: ServerProcess, going_on: Callable[[], bool]) -> float:
    """The 99th percentile of a catalogue page in milliseconds, requested repeatedly on one connection while `going_on`
    is true.
    """
    connection = http.client.HTTPConnection("127.0.0.1", server.port)
    taken = []
    while going_on():
        started = time.perf_counter()
        connection.request("GET", "/product/all/1")
        connection.getresponse().read()
        taken.append((time.perf_counter() - started) * 1000)
    connection.close()
    return statistics.quantiles(taken, n=100)[98]


def rush(port: int, at_once: int, queue: Any) -> None:
    """Sends many log-ins at the same time, five times. Puts a note at the beginning and the statuses at the end into
    the queue.
    """
    os.nice(19)
    statuses: Counter[int] = Counter()
    body = json.dumps({"username": demo.CUSTOMER, "password": demo.PASSWORD})

    def log_in_once(_: int) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", port)
        connection.request("POST", "/user/login", body, {"Content-Type": "application/json"})
        status = connection.getresponse().status
        connection.close()
        return status

    with ThreadPoolExecutor(at_once) as pool:
        queue.put("ready")
        for _ in range(5):
            statuses.update(pool.map(log_in_once, range(at_once)))
    queue.put(dict(statuses))


def deactivate(url: str, username: str) -> None:
    """Deactivates a user."""

    def work(tx: Transaction) -> None:
        credentials = tx.credentials.by_username(username)
        assert credentials is not None
        user = tx.users.for_update(credentials.user_id)
        assert user is not None
        tx.users.save(attrs.evolve(user, is_active=False))

    store = SqlStore.open(url)
    store.write(work)
    store.close()


@click.command()
@click.option("--tries", default=500, type=click.IntRange(10, 10_000), help="Refused log-ins of each kind. [500]")
@click.option("--at-once", default=200, type=click.IntRange(2, 1000), help="Log-ins at the same time. [200]")
def main(tries: int, at_once: int) -> None:
    """Measure, and print the results."""
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as made, running_server(Path(made), "--demo") as (server, _):
        before = resident_mib(server)
        taken: dict[str, list[float]] = {kind: [] for kind in KINDS}
        deactivate(f"sqlite:///{made}/sellout.db", demo.STAFF)
        for _ in range(tries):
            for kind, (username, password) in KINDS.items():
                started = time.perf_counter()
                assert log_in(server, username, password) == 401
                taken[kind].append((time.perf_counter() - started) * 1000)
        medians = {kind: statistics.median(times) for kind, times in taken.items()}
        for kind, median in medians.items():
            click.echo(f"{kind:>17}: {median:6.2f} ms, median of {tries}")
        click.echo(f"{'slowest':>17}: {max(medians.values()) / min(medians.values()):6.3f} times the fastest")

        end = time.monotonic() + 5
        idle = percentile_99(server, lambda: time.monotonic() < end)
        # A process with low priority, because the server is measured and not its clients.
        context = multiprocessing.get_context("spawn")
        queue: Any = context.Queue()
        crowd = context.Process(target=rush, args=(server.port, at_once, queue))
        crowd.start()
        queue.get()
        highest = [before]

        def crowded() -> bool:
            if len(highest) % 50 == 0:
                highest.append(resident_mib(server))
            highest.append(highest[-1])
            return bool(crowd.is_alive())

        under_load = percentile_99(server, crowded)
        statuses = queue.get()
        click.echo(f"{at_once} at once: {statuses}; memory {before:.0f} MiB, then {max(highest):.0f} MiB")
        click.echo(f"catalogue page, 99th percentile: {idle:.2f} ms idle, {under_load:.2f} ms meanwhile")


if __name__ == "__main__":
    main()
