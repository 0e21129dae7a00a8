"""Every statement of short reads can be batched on PostgreSQL.

A statement with parameters but without `among` runs for each request alone. That is slow, but correct, so no other test
finds it.
"""

import importlib
import pkgutil
from pathlib import Path
from typing import Any, Final

import pytest

from sellout_adapters import demo
from sellout_adapters.sql import repositories, session
from sellout_adapters.sql.concurrency.read_batching import BatchedSession, ReadRequest
from tests.contract.conftest import postgresql_store
from tests.contract.support.requests import IN_SUCCEEDING_ORDER, content_of, headers_of, path_of, valid_body_with_token
from tests.contract.support.shop import demo_shop, log_in, serving_shop

ALONE: Final = {
    "stock._LATEST": "few staff read the stock of a unit at once",
    "subscriptions._ONE": "few staff read a webhook at once",
    "events._OF_BUYERS": "streams read the events of all buyers at once, and few clients read lists",
}
"""The statements that are not batched, with the reason for each."""


def named_statements() -> dict[int, str]:
    """The name of each module's statement, by the identity of the statement."""
    names = {}
    for package in (repositories, session):
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            for name, value in vars(importlib.import_module(found.name)).items():
                names[id(value)] = f"{found.name.rpartition('.')[2]}.{name}"
    return names


def test_every_statement_of_short_reads_is_batched_or_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    requests: list[ReadRequest] = []
    suspend = BatchedSession._suspend

    def noted(self: BatchedSession, request: ReadRequest) -> Any:
        requests.append(request)
        return suspend(self, request)

    monkeypatch.setattr(BatchedSession, "_suspend", noted)
    with postgresql_store(tmp_path) as store, serving_shop(demo_shop(store)) as served:
        for operation in IN_SUCCEEDING_ORDER:
            staff = log_in(served.client, demo.STAFF)
            body = valid_body_with_token(operation, served.client)
            options = content_of(operation, body)
            response = served.client.request(
                operation.method, path_of(operation), headers={**staff, **headers_of(operation)}, **options
            )
            assert response.is_success, response.text
    names = named_statements()
    alone = {names[id(each.statement)] for each in requests if each.batch_key is each}
    batched = {names[id(each.statement)] for each in requests if each.batch_key is not each}
    assert len(batched) > 5
    assert alone == set(ALONE)
