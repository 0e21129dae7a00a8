"""The speed of the database drivers: recorded statements, run again without the shop."""

import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from typing import Any, Final

import psycopg
from sqlalchemy import make_url

from benchmarks.load import Sample
from benchmarks.recording import ADDS_ORDER, Statement

_WRITES: Final = "BEGIN IMMEDIATE"


def connect(url: str) -> Any:
    """A connection of the driver with the shop's settings."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "postgresql":
        return psycopg.connect(url, autocommit=True)
    connection = sqlite3.connect(str(parsed.database), isolation_level=None, check_same_thread=False, timeout=60)
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA synchronous = FULL")
    return connection


def reads(url: str, recorded: Sequence[Sequence[Statement]], seconds: float) -> Sample:
    """Runs the statements of the recorded requests one after another in one thread, repeatedly for this duration."""
    latencies: list[float] = []
    with closing(connect(url)) as connection:
        _replay(connection, recorded[0], {})
        begun = time.perf_counter()
        while (now := time.perf_counter()) < begun + seconds:
            _replay(connection, recorded[len(latencies) % len(recorded)], {})
            latencies.append(time.perf_counter() - now)
    return sample(latencies, now - begun)


def checkouts(url: str, recorded: Sequence[Statement], values: Sequence[Sequence[Mapping[str, Any]]]) -> Sample:
    """Runs the statements of a checkout for each of the values of each client. A client is a thread with its own
    connection. On SQLite, clients that write take turns.
    """
    turn = threading.Lock() if any(statement.sql == _WRITES for statement in recorded) else None
    reading, writing = _split(recorded)
    ready = threading.Barrier(len(values) + 1)
    latencies: list[float] = []
    failures: list[BaseException] = []

    def client(wanted: Iterable[Mapping[str, Any]]) -> None:
        try:
            with closing(connect(url)) as connection:
                ready.wait()
                for each in wanted:
                    begun = time.perf_counter()
                    _replay(connection, reading, each)
                    if turn is None:
                        _replay(connection, writing, each)
                    else:
                        with turn:
                            _replay(connection, writing, each)
                    latencies.append(time.perf_counter() - begun)
        except BaseException as error:  # noqa: BLE001 - raised in the caller
            failures.append(error)
            ready.abort()

    threads = [threading.Thread(target=client, args=(wanted,)) for wanted in values]
    for thread in threads:
        thread.start()
    try:
        ready.wait()
    except threading.BrokenBarrierError:
        raise failures[0] from None
    begun = time.perf_counter()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - begun
    if failures:
        raise failures[0]
    return sample(latencies, seconds)


def sample(latencies: Sequence[float], seconds: float) -> Sample:
    """The sample of a measurement, from latencies in seconds."""
    ordered = sorted(latencies)
    last = len(ordered) - 1
    return Sample(len(ordered) / seconds, ordered[last // 2] * 1000, ordered[round(last * 0.99)] * 1000)


def timed(work: Callable[[], object]) -> float:
    """The seconds that the work takes."""
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def _split(recorded: Sequence[Statement]) -> tuple[Sequence[Statement], Sequence[Statement]]:
    """The transactions that only read, which come first, and the transaction that writes."""
    at = max(index for index, statement in enumerate(recorded) if statement.sql.startswith("BEGIN"))
    return recorded[:at], recorded[at:]


def _replay(connection: Any, recorded: Sequence[Statement], values: Mapping[str, Any]) -> None:
    known = dict(values)
    cursor = connection.cursor()
    for statement in recorded:
        if statement.parameters is None:
            cursor.execute(statement.sql)
        else:
            cursor.execute(statement.sql, statement.filled(known))
        if cursor.description is not None:
            rows = cursor.fetchall()
            if statement.sql.startswith(ADDS_ORDER):
                known["order"] = rows[0][0]
    cursor.close()
