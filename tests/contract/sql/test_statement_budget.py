"""How many statements each operation runs: a regression fails here and not in a benchmark.

Staff of the demo shop run all operations, in an order in which all succeed, when the small tables and the version of
the catalogue are cached. A lock on PostgreSQL is one more statement.
"""

from collections.abc import Iterator
from pathlib import Path
from threading import Condition
from typing import Any, Final

import attrs
import httpx2
import pytest

from sellout_adapters import demo
from tests.contract.conftest import PERSISTENT
from tests.contract.support.requests import IN_WORKING_ORDER, OPERATION_NAMES, live_body, path_of
from tests.contract.support.shop import demo_shop, log_in, serving_shop

BUDGET: Final[dict[str, tuple[int, int]]] = {
    "list_users": (2, 2),
    "show_user": (2, 2),
    "show_own_profile": (2, 2),
    "show_profile": (2, 2),
    "register": (4, 4),
    "log_in": (8, 9),
    "refresh_tokens": (5, 6),
    "verify_token": (2, 2),
    "log_out": (3, 3),
    "change_password": (6, 7),
    "list_last_seen": (3, 3),
    "list_addresses": (2, 2),
    "add_address": (3, 4),
    "edit_address": (3, 4),
    "delete_address": (3, 4),
    "list_products": (2, 2),
    "show_product": (1, 1),
    "show_page": (2, 2),
    "show_facets": (1, 1),
    "list_units": (1, 1),
    "show_card": (4, 4),
    "show_wishlist": (3, 3),
    "add_to_wishlist": (7, 8),
    "delete_from_wishlist": (7, 8),
    "add_to_wishlist_without_size": (8, 9),
    "change_size": (8, 9),
    "show_cart": (3, 3),
    "add_to_cart": (6, 7),
    "remove_from_cart": (5, 6),
    "check_promo_code": (6, 6),
    "check_out": (12, 14),
    "list_orders": (4, 4),
    "list_own_orders": (4, 4),
    "list_user_orders": (4, 4),
    "show_order": (4, 4),
}
"""By operation, on SQLite and on PostgreSQL."""

CACHED: Final = ("show_page", "show_facets", "list_units", "show_card")


@attrs.frozen
class Lines:
    """A log of requests in memory."""

    _statements: dict[str, int] = attrs.field(factory=dict)
    _written: Condition = attrs.field(factory=Condition)

    def info(self, _: str, **members: Any) -> None:
        with self._written:
            self._statements[members["request_id"]] = members["statements"]
            self._written.notify_all()

    def statements(self, response: httpx2.Response) -> int:
        """How many statements a response took. Its line may come later."""
        name = response.headers["x-request-id"]
        with self._written:
            assert self._written.wait_for(lambda: name in self._statements, 30)
            return self._statements[name]


@pytest.fixture(params=PERSISTENT)
def measured(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[str, httpx2.Client, Lines]]:
    """A served shop, and the log of its requests."""
    monkeypatch.setattr("sellout_adapters.sql.session.catalogue_version._RECENT", 1e9)
    lines = Lines()
    with PERSISTENT[request.param](tmp_path) as store:
        shop = demo_shop(store)
        with serving_shop(shop, log=lines) as served:
            yield request.param, served.client, lines


def test_every_operation_runs_as_many_statements_as_it_may(measured: tuple[str, httpx2.Client, Lines]) -> None:
    kind, client, lines = measured
    counted = {}
    for operation in IN_WORKING_ORDER:
        staff = log_in(client, demo.STAFF)
        body = live_body(operation, client)
        options: Any = {} if body is None else {"json": body}
        path = path_of(operation)
        if operation.method == "GET":
            # The first time may read what is cached from then on.
            assert client.get(path, headers=staff).status_code == 200
        response = client.request(operation.method, path, headers=staff, **options)
        assert response.is_success, response.text
        counted[operation.handler.__name__] = lines.statements(response)
    assert counted == {name: budget[kind == "postgresql"] for name, budget in BUDGET.items()}


@pytest.mark.parametrize("name", CACHED)
def test_a_cached_document_runs_no_statement(measured: tuple[str, httpx2.Client, Lines], name: str) -> None:
    _, client, lines = measured
    path = path_of(OPERATION_NAMES[name], **({"user_id": 0} if name == "show_card" else {}))
    assert client.get(path).status_code == 200
    assert lines.statements(client.get(path)) == 0


@pytest.mark.parametrize(
    "query", ["q=nike", "brand=nike&brand=1&sort=price", "q=air&sort=relevance", "price_min=1&size=EU:42"]
)
def test_a_search_is_one_statement_whatever_is_asked_for(
    measured: tuple[str, httpx2.Client, Lines], query: str
) -> None:
    _, client, lines = measured
    client.get("/product/facets")
    for path in ("/product/all/1?page_size=7&", "/product/facets?"):
        assert lines.statements(client.get(path + query)) == 1


def test_an_unknown_name_is_one_statement_more(measured: tuple[str, httpx2.Client, Lines]) -> None:
    """Another process may have added it."""
    _, client, lines = measured
    client.get("/product/facets")
    assert lines.statements(client.get("/product/all/1?brand=nike")) == 1
    assert lines.statements(client.get("/product/all/1?brand=nike&brand=nobody")) == 2
