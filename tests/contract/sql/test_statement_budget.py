"""The number of statements of each operation, so a regression fails here and not in a benchmark.

Staff of the demo shop run all operations, in an order in which all succeed, while the reference tables and the version
of the catalogue are cached. On PostgreSQL a lock is one more statement.
"""

from collections.abc import Iterator
from pathlib import Path
from threading import Condition
from typing import Any, Final

import attrs
import httpx2
import pytest

from sellout_adapters import demo
from sellout_core.catalogue.references import ReferenceKind
from tests.contract.conftest import PERSISTENT
from tests.contract.support.buyer import noadmin
from tests.contract.support.requests import (
    CHECKOUT,
    COURIER,
    DELIVERY,
    IN_SUCCEEDING_ORDER,
    OPERATION_NAMES,
    RECIPIENT,
    content_of,
    headers_of,
    path_of,
    valid_body_with_token,
)
from tests.contract.support.shop import demo_shop, log_in, serving_shop

BUDGET: Final[dict[str, tuple[int, int]]] = {
    "list_users": (3, 3),
    "show_user": (2, 2),
    "show_own_profile": (2, 2),
    "show_profile": (2, 2),
    "change_user": (7, 9),
    "change_own_profile": (4, 5),
    "list_sessions": (3, 3),
    "end_sessions": (3, 4),
    "end_session": (4, 6),
    "export_account": (18, 18),
    "delete_account": (28, 30),
    "end_other_sessions": (3, 4),
    "register": (5, 5),
    "log_in": (8, 9),
    "refresh_tokens": (4, 5),
    "verify_token": (2, 2),
    "log_out": (3, 3),
    "change_password": (9, 10),
    "show_email": (3, 3),
    "change_email": (7, 8),
    "verify_email": (9, 10),
    "request_password_reset": (2, 2),
    "reset_password": (10, 11),
    "show_second_factor": (3, 3),
    "begin_second_factor": (6, 7),
    "confirm_second_factor": (9, 10),
    "renew_recovery_codes": (11, 12),
    "turn_off_second_factor": (11, 12),
    "reset_second_factor": (9, 10),
    "list_last_seen": (3, 3),
    "list_addresses": (2, 2),
    "add_address": (3, 4),
    "edit_address": (3, 4),
    "delete_address": (4, 5),
    "list_products": (2, 2),
    "show_product": (1, 1),
    "show_page": (2, 2),
    "show_facets": (1, 1),
    "list_units": (1, 1),
    "list_size_prices": (1, 1),
    "suggest": (1, 1),
    "list_related": (2, 2),
    "show_card_by_sku": (2, 2),
    "show_card_by_slug": (2, 2),
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
    # With a delivery. See below.
    "check_out": (14, 16),
    "show_guest_cart": (3, 3),
    "add_to_guest_cart": (5, 5),
    "remove_from_guest_cart": (5, 6),
    "check_guest_promo_code": (5, 5),
    "list_orders": (5, 5),
    "list_own_orders": (4, 4),
    "list_user_orders": (4, 4),
    "show_order": (4, 4),
    "show_delivery_tariffs": (2, 2),
    "change_delivery_tariffs": (7, 8),
    "start_payment": (8, 10),
    "take_notice": (4, 5),
    "show_tracking": (4, 4),
    "show_history": (3, 3),
    # The started payment is to be cancelled.
    "capture_payment": (11, 13),
    "move_order": (8, 10),
    "move_orders": (8, 10),
    "request_return": (8, 10),
    "cancel_order": (18, 20),
    "move_refunds": (8, 10),
    "list_audit": (2, 2),
    "create_product": (24, 29),
    "change_product": (30, 37),
    "delete_product": (24, 26),
    "show_unit": (2, 2),
    "create_unit": (25, 27),
    "change_unit": (18, 20),
    "show_stock": (3, 3),
    "change_stock": (13, 14),
    "change_batch": (13, 14),
    "list_order_events": (2, 2),
    "list_webhooks": (2, 2),
    "show_webhook": (2, 2),
    "list_webhook_deliveries": (3, 3),
    "create_webhook": (5, 5),
    "change_webhook": (5, 5),
    "replace_webhook_secret": (5, 5),
    "ping_webhook": (3, 3),
    "delete_webhook": (6, 6),
    "report_sales": (3, 3),
    "list_images": (1, 1),
    "add_image": (22, 24),
    "order_images": (4, 6),
    "delete_image": (24, 26),
    "list_promo_codes": (4, 4),
    "show_promo_code": (3, 3),
    "list_promo_code_uses": (3, 3),
    "create_promo_code": (7, 8),
    "change_promo_code": (7, 8),
    **{f"list_{kind.value}": (1, 1) for kind in ReferenceKind},
    **{f"show_{kind.noun}": (1, 1) for kind in ReferenceKind},
    **{f"add_{kind.noun}": (8, 9) for kind in ReferenceKind},
    **{f"change_{kind.noun}": (8, 9) for kind in ReferenceKind},
    **{f"merge_{kind.noun}": (10, 12) for kind in ReferenceKind},
    # Search terms contain the names of brands and the places of categories, and the products of these four.
    "change_brand": (13, 14),
    "change_category": (14, 15),
    **dict.fromkeys(("merge_brand", "merge_tag", "merge_gender"), (12, 14)),
    "merge_category": (14, 16),
    # Delivery tariffs refer to currencies.
    "merge_currency": (11, 13),
}
"""The number of statements on SQLite and on PostgreSQL, by operation."""

CACHED: Final = (
    "show_page",
    "show_facets",
    "list_units",
    "list_size_prices",
    "list_related",
    "show_card",
    "show_card_by_slug",
    "suggest",
    "list_images",
)


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
        """The number of statements of a response. Waits for the line in the log."""
        name = response.headers["x-request-id"]
        with self._written:
            assert self._written.wait_for(lambda: name in self._statements, 30)
            return self._statements[name]


@pytest.fixture(params=PERSISTENT)
def measured(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[str, httpx2.Client, Lines]]:
    """A served shop, and the log of its requests."""
    monkeypatch.setattr("sellout_adapters.sql.session.product_cache._RECENT", 1e9)
    lines = Lines()
    with PERSISTENT[request.param](tmp_path) as store:
        shop = demo_shop(store)
        with serving_shop(shop, log=lines) as served:
            yield request.param, served.client, lines


def test_every_operation_runs_as_many_statements_as_it_may(measured: tuple[str, httpx2.Client, Lines]) -> None:
    kind, client, lines = measured
    client.get("/brand/1")  # caches the reference tables
    counted = {}
    for operation in IN_SUCCEEDING_ORDER:
        staff = log_in(client, demo.STAFF)
        body = valid_body_with_token(operation, client)
        options = content_of(operation, body)
        path = path_of(operation)
        headers = {**staff, **headers_of(operation)}
        if operation.method == "GET":
            # The first request fills the caches.
            assert client.get(path, headers=headers).status_code == 200
        response = client.request(operation.method, path, headers=headers, **options)
        assert response.is_success, response.text
        counted[operation.handler.__name__] = lines.statements(response)
    assert counted == {name: budget[kind == "postgresql"] for name, budget in BUDGET.items()}


@pytest.mark.parametrize(
    ("members", "more"),
    [({}, 0), ({"recipient": RECIPIENT}, 0), ({"delivery": DELIVERY}, 1), ({"delivery": COURIER}, 1)],
    ids=["plain", "recipient", "pick-up point", "courier"],
)
def test_a_delivery_is_one_statement_more_and_a_recipient_none(
    measured: tuple[str, httpx2.Client, Lines], members: dict[str, Any], more: int
) -> None:
    kind, client, lines = measured
    client.get("/brand/1")
    operation = OPERATION_NAMES["check_out"]
    response = client.post(path_of(operation), json={**CHECKOUT, **members}, headers=log_in(client, demo.STAFF))
    assert response.status_code == 201
    assert lines.statements(response) == (15 if kind == "postgresql" else 13) + more


def test_an_export_runs_as_many_statements_for_several_orders(measured: tuple[str, httpx2.Client, Lines]) -> None:
    _, client, lines = measured
    buyer, found = noadmin(client), []
    for number in range(4):
        # The first request fills the caches.
        exported = [buyer.request("GET", "/user/export/{me}") for _ in range(2)][1]
        assert len(exported.json()["orders"]) == number + 1
        found.append(lines.statements(exported))
        buyer.request("POST", "/order/cart_add/{me}/1")
        order = buyer.order(1)
        buyer.request("POST", f"/order/cancel/{order['id']}", json={})
    assert len(set(found)) == 1


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
    """The name is looked up again, because another process may have added it."""
    _, client, lines = measured
    client.get("/product/facets")
    assert lines.statements(client.get("/product/all/1?brand=nike")) == 1
    assert lines.statements(client.get("/product/all/1?brand=nike&brand=unknown")) == 2
