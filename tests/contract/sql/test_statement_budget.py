"""How many statements each operation asks of the database: a regression fails here and not in a benchmark.

Everything is asked by staff of the demo shop, in an order in which all succeed, when the small tables and the version
of the catalogue are known. What is locked on PostgreSQL takes a statement more.
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

KEPT: Final = ("show_page", "show_facets", "list_units", "show_card")


@attrs.frozen
class Lines:
    """A log of requests that is kept."""

    _statements: dict[str, int] = attrs.field(factory=dict)
    _written: Condition = attrs.field(factory=Condition)

    def info(self, _: str, **members: Any) -> None:
        with self._written:
            self._statements[members["request_id"]] = members["statements"]
            self._written.notify_all()

    def statements(self, response: httpx2.Response) -> int:
        """How many statements an answer took; its line may come after it."""
        name = response.headers["x-request-id"]
        with self._written:
            assert self._written.wait_for(lambda: name in self._statements, 30)
            return self._statements[name]


@pytest.fixture(params=PERSISTENT)
def measured(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[str, httpx2.Client, Lines]]:
    """A served shop, and what its requests asked."""
    monkeypatch.setattr("sellout_adapters.sql.session.catalogue_version._RECENT", 1e9)
    lines = Lines()
    with PERSISTENT[request.param](tmp_path) as store:
        shop = demo_shop(store)
        with serving_shop(shop, log=lines) as served:
            yield request.param, served.client, lines


def test_every_operation_asks_as_many_statements_as_it_may(measured: tuple[str, httpx2.Client, Lines]) -> None:
    kind, client, lines = measured
    asked = {}
    for operation in IN_WORKING_ORDER:
        staff = log_in(client, demo.STAFF)
        body = live_body(operation, client)
        options: Any = {} if body is None else {"json": body}
        path = path_of(operation)
        if operation.method == "GET":
            # The first time may find out what later ones know.
            assert client.get(path, headers=staff).status_code == 200
        response = client.request(operation.method, path, headers=staff, **options)
        assert response.is_success, response.text
        asked[operation.handler.__name__] = lines.statements(response)
    assert asked == {name: budget[kind == "postgresql"] for name, budget in BUDGET.items()}


@pytest.mark.parametrize("name", KEPT)
def test_what_is_kept_asks_nothing(measured: tuple[str, httpx2.Client, Lines], name: str) -> None:
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


def test_a_name_that_nobody_knows_is_one_statement_more(measured: tuple[str, httpx2.Client, Lines]) -> None:
    """Another process may have added it."""
    _, client, lines = measured
    client.get("/product/facets")
    assert lines.statements(client.get("/product/all/1?brand=nike")) == 1
    assert lines.statements(client.get("/product/all/1?brand=nike&brand=nobody")) == 2
