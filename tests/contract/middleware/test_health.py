"""The health checks for load balancers, in one process."""

import asyncio
import threading
from collections.abc import Iterator, MutableMapping
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from sellout_adapters.sql import SqlStore
from sellout_adapters.sql.engines import migration
from sellout_core.errors import Unavailable
from sellout_http.site.health import Health
from tests.contract.conftest import PERSISTENT
from tests.contract.support.shop import Served, problem_of, serving_demo

NO_REQUEST: Any = None
"""The handlers ignore the request."""

Watched = tuple[Served, SqlStore, Health]


@pytest.fixture(params=PERSISTENT)
def watched(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Watched]:
    """The demo shop on each database, and its health checks."""
    with PERSISTENT[request.param](tmp_path) as store, serving_demo(store) as served:
        yield served, store, served.app.health


def move_to_step(store: SqlStore, step: str) -> None:
    with store.engine.begin() as connection:
        connection.execute(text("UPDATE sellout_version SET version_num = :step"), {"step": step})


def test_alive_and_ready(watched: Watched) -> None:
    served, _, _ = watched
    for path in ("/livez", "/readyz", "/readyz/", "/api/v1/readyz"):
        response = served.client.get(path)
        assert (response.status_code, response.json()) == (200, {"status": "ok"})
        assert response.headers["cache-control"] == "no-store"


def test_another_schema_is_not_ready_until_it_is_current(
    watched: Watched, logged: list[MutableMapping[str, Any]]
) -> None:
    """The log states the cause once."""
    served, store, _ = watched
    move_to_step(store, "0000")
    for _ in range(2):
        refused = served.client.get("/readyz")
        problem_of(refused, 503, "unavailable_now")
        assert refused.headers["retry-after"] == "1"
        assert served.client.get("/livez").status_code == 200
    move_to_step(store, migration.CURRENT)
    assert served.client.get("/readyz").status_code == 200
    (event,) = logged
    assert event["event"] == "not ready: the database cannot be used"
    assert "the schema is at step 0000" in event["exception"]


def test_who_drains_is_alive_and_not_ready_and_answers(watched: Watched) -> None:
    served, _, health = watched
    health.drain()
    problem_of(served.client.get("/readyz"), 503, "unavailable_now")
    assert served.client.get("/livez").status_code == 200
    assert served.client.get("/product/all/1").status_code == 200


def test_many_who_ask_at_once_cause_one_check() -> None:
    """A cancelled request does not cancel the check for others."""
    checks = 0
    go_on = threading.Event()

    def check() -> None:
        nonlocal checks
        checks += 1
        go_on.wait()

    async def main() -> list[int]:
        health = Health(check)
        asking = [asyncio.ensure_future(health.ready(NO_REQUEST)) for _ in range(20)]
        await asyncio.sleep(0)
        asking.pop(0).cancel()
        go_on.set()
        answers = await asyncio.gather(*asking)
        answers.append(await health.ready(NO_REQUEST))
        health.close()
        return [answer.status_code for answer in answers]

    assert asyncio.run(main()) == [200] * 20
    assert checks == 2


def test_all_who_ask_are_told_that_it_is_not_ready() -> None:
    def check() -> None:
        raise Unavailable

    async def main() -> list[object]:
        health = Health(check)
        return await asyncio.gather(*(health.ready(NO_REQUEST) for _ in range(20)), return_exceptions=True)

    assert [type(answer) for answer in asyncio.run(main())] == [Unavailable] * 20
