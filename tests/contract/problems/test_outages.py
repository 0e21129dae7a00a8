"""The log while the database fails: one line for each failed request, and one traceback each minute."""

import sqlite3
from collections.abc import MutableMapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from sellout_adapters import demo
from sellout_core.errors import Unavailable
from sellout_http.runtime import outage_log
from sellout_http.runtime.outage_log import Outages
from tests.contract.conftest import sqlite_store
from tests.contract.support.shop import demo_shop, log_in, problem_of, serving_shop

Events = list[MutableMapping[str, Any]]


class Seconds:
    """A clock that the test sets."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def failure(cause: BaseException | None) -> Unavailable:
    error = Unavailable()
    error.__cause__ = cause
    return error


def test_a_cause_is_logged_with_its_traceback_once_a_minute(logged: Events) -> None:
    clock = Seconds()
    log = Outages(clock)
    for second in (0, 1, 59.9, 60, 61, 120):
        clock.now = 1000 + second
        log.note(failure(OSError()), {}, is_in_request_line=True)
    assert ["exception" in event for event in logged] == [True] * 3


def test_each_kind_of_cause_has_a_minute_of_its_own(logged: Events) -> None:
    log = Outages(Seconds())
    for cause in (OSError(), TimeoutError(), OSError(), None):
        log.note(failure(cause), {}, is_in_request_line=True)
    assert [event["event"] for event in logged] == ["unavailable"] * 2


def test_a_failure_that_no_request_line_tells_is_one_line(logged: Events) -> None:
    log = Outages(Seconds())
    for _ in range(3):
        log.note(failure(OSError()), {}, is_in_request_line=False)
    assert ["exception" in event for event in logged] == [True, False, False]


def test_an_outage_is_one_traceback_however_many_requests_fail(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, logged: Events
) -> None:
    clock = Seconds()
    monkeypatch.setattr(outage_log, "OUTAGES", Outages(clock))
    with sqlite_store(tmp_path) as store, serving_shop(demo_shop(store)) as served:
        headers = log_in(served.client, demo.STAFF)
        with closing(sqlite3.connect(tmp_path / "sellout.db")) as file, file:
            file.execute("UPDATE products SET added_on = 'xx23-04-07' WHERE id = 30")
        for _ in range(5):
            problem_of(served.client.get("/product", headers=headers), 503, "unavailable_now")
        assert [("exception" in event, event["route"]) for event in logged] == [(True, "/product")]
        clock.now += 60
        problem_of(served.client.get("/product", headers=headers), 503, "unavailable_now")
        assert len(logged) == 2
