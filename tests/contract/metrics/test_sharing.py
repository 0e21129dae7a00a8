"""The figures of the workers of one server: their sums, and what becomes of them when a worker dies."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from sellout_http.metrics.figures import Figures, Load, Totals
from sellout_http.metrics.sharing import Place, read_figures
from sellout_http.middleware.request_timings import RequestTimings, Timing
from sellout_http.runtime.threads import PoolDepth

BUSY: Final = Load({"hash": PoolDepth(3, 1, 2)}, {"read": 1, "write": 0}, (2, 9))

# A worker that counts ten requests, and dies without a word.
DYING: Final = """
import os, signal, sys
from pathlib import Path
from sellout_http.metrics.figures import Figures, Load, Totals
from sellout_http.metrics.sharing import Place
from sellout_http.middleware.request_timings import Timing
timing = Timing("GET", "/brand", 200, [10] + [0] * 13, 2.5)
place = Place.take(Path(sys.argv[1]))
place.write(Figures(Totals([timing], 1, 2, {"logins_per_account": 3}), Load({}, {}, None)))
os.kill(os.getpid(), signal.SIGKILL)
"""


def counted(*requests: tuple[str, str, int]) -> Figures:
    """The figures of a worker with these requests, of two seconds each."""
    timings = RequestTimings()
    for method, route, status in requests:
        timings.note(method, route, status, 2.0)
    return Figures(Totals(timings.all(), 1, 2, {"logins_per_account": 3}), BUSY)


def numbers(totals: Totals) -> dict[tuple[str, str, int], tuple[int, float]]:
    return {(each.method, each.route, each.status): (sum(each.buckets), each.seconds) for each in totals.timings}


def test_the_sums_are_those_of_all_workers(tmp_path: Path) -> None:
    one, other = Place.take(tmp_path), Place.take(tmp_path)
    assert read_figures(tmp_path) == (Totals(), [])
    one.write(counted(("GET", "/brand", 200), ("GET", "/brand", 404)))
    other.write(counted(("GET", "/brand", 200), ("POST", "/brand", 201)))
    totals, loads = read_figures(tmp_path)
    assert numbers(totals) == {
        ("GET", "/brand", 200): (2, 4.0),
        ("GET", "/brand", 404): (1, 2.0),
        ("POST", "/brand", 201): (1, 2.0),
    }
    assert (totals.cache_hits, totals.cache_misses, totals.refused) == (2, 4, {"logins_per_account": 6})
    assert (totals.restarts, loads) == (0, [BUSY, BUSY])
    one.leave()
    other.leave()


def test_a_replacement_continues_the_counts_of_a_dead_worker(tmp_path: Path) -> None:
    living = Place.take(tmp_path)
    living.write(counted(("GET", "/brand", 200)))
    for deaths in (1, 2):
        died = subprocess.run([sys.executable, "-c", DYING, tmp_path], check=False)  # noqa: S603 - code of this test
        assert died.returncode == -9
        totals, loads = read_figures(tmp_path)
        assert numbers(totals) == {("GET", "/brand", 200): (1 + 10 * deaths, 2.0 + 2.5 * deaths)}
        # The dead have no load, and the first of them replaced none.
        assert (totals.restarts, loads) == (deaths - 1, [BUSY])
    replacement = Place.take(tmp_path)
    replacement.write(counted(("GET", "/brand", 200)))
    totals, loads = read_figures(tmp_path)
    assert numbers(totals) == {("GET", "/brand", 200): (22, 9.0)}
    assert (totals.restarts, loads, totals.cache_hits) == (2, [BUSY, BUSY], 4)
    living.leave()
    replacement.leave()


def test_a_process_of_another_user_is_no_worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may have the id of a dead worker."""
    place = Place.take(tmp_path)
    place.write(counted())

    def refuse(pid: int, number: int) -> None:
        raise PermissionError(pid, number)

    monkeypatch.setattr(os, "kill", refuse)
    assert read_figures(tmp_path)[1] == []
    place.leave()


def test_a_request_counts_in_the_bucket_of_its_duration() -> None:
    """A bound belongs to its bucket, as Prometheus' `le` says."""
    timings = RequestTimings()
    for seconds in (0, 0.001, 0.0011, 10, 10.5):
        timings.note("GET", None, None, seconds)
    timings.note("BREW", "/brand", 200, 1)
    timings.note("BREW2", "/brand", 200, 1)
    unrouted, other = timings.all()
    assert unrouted == Timing("GET", "", 0, [2, 1, *[0] * 10, 1, 1], 20.5021)
    assert (other.method, sum(other.buckets)) == ("", 2)
