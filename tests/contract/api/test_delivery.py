"""Recipients, deliveries and tariffs over HTTP."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Final

import attrs
import pytest

from sellout_adapters.memory import MemoryStore
from tests.contract.support.buyer import Buyer, newcomer, noadmin, staff
from tests.contract.support.requests import COURIER, DELIVERY, RECIPIENT
from tests.contract.support.shop import Served, demo_shop, everything_in, problem_of, serving_shop

pytestmark = pytest.mark.http

LEAST: Final = {"name": "Имя", "surname": "Фамилия", "telephone": 79990001122}
TEXTS: Final = ("Отчество", "домофон", "MSK-5", '"recipient"', '"delivery"', "one_parcel")
"""What no documented document of an order has."""


@attrs.frozen
class Counter:
    """A buyer with unit 1 of the demo in the cart, and the staff of a served shop."""

    served: Served
    buyer: Buyer
    staff: Buyer

    def order(self, **members: Any) -> Any:
        """Asserts that the checkout of unit 1 succeeds and returns the order's document."""
        self.buyer.request("POST", "/order/cart_add/{me}/1")
        return self.buyer.order(1, **members)

    def tracking(self, order_id: int) -> Any:
        """What the buyer sees of an order."""
        return self.buyer.get(f"/order/tracking/{order_id}")

    def change(self, body: Any, tag: str = "*") -> Any:
        """Changes the tariffs as staff."""
        return self.staff.request("PATCH", "/delivery_tariffs", json=body, headers={"If-Match": tag})


@pytest.fixture
def counter() -> Iterator[Counter]:
    with serving_shop(demo_shop(MemoryStore())) as served:
        yield Counter(served, noadmin(served.client), staff(served.client))


def test_the_documents_of_an_order_show_its_total_alone(counter: Counter) -> None:
    plain = counter.order()
    order = counter.order(recipient=RECIPIENT, delivery=DELIVERY)
    assert set(order) == set(plain)
    assert (plain["total_amount"], order["total_amount"]) == (7, 307)
    assert (order["name"], order["surname"], order["tel"]) == (plain["name"], plain["surname"], plain["tel"])
    documents = [
        order,
        counter.buyer.get(f"/order/info/{order['id']}"),
        counter.buyer.get("/order/user_orders"),
        counter.staff.get("/order/orders"),
        counter.buyer.get(f"/order/history/{order['id']}"),
    ]
    text = json.dumps(documents, ensure_ascii=False)
    assert [word for word in TEXTS if word in text] == []
    assert [unit["final_price"] for unit in order["product_unit"]] == [7]


def test_tracking_shows_where_an_order_goes_to_its_buyer_and_staff_alone(counter: Counter) -> None:
    order = counter.order(recipient=RECIPIENT, delivery=DELIVERY)
    shown = counter.tracking(order["id"])
    assert shown == counter.staff.get(f"/order/tracking/{order['id']}") | {"product_unit": shown["product_unit"]}
    assert shown["recipient"] == RECIPIENT
    assert shown["delivery"] == DELIVERY
    assert shown["planned_parcels"] == [[1]]
    assert shown["payment"] == {
        "state": "due",
        "amount_due": 307,
        "held": 0,
        "captured": 0,
        "refunded": 0,
        "delivery_fee": 300,
        "delivery_refund": None,
    }
    stranger = newcomer(counter.served.client, "stranger")
    problem_of(stranger.request("GET", f"/order/tracking/{order['id']}"), 404, "not_found")
    least = counter.tracking(counter.order(recipient=LEAST, delivery=COURIER)["id"])
    assert least["recipient"] == {
        **LEAST,
        "telephone": "79990001122",
        "patronymic": "",
        "email": None,
        "comment": "",
    }
    assert least["delivery"] == {**COURIER, "pick_up_point": None, "one_parcel": False}
    plain = counter.tracking(counter.order(recipient=None, delivery=None)["id"])
    assert (plain["recipient"], plain["delivery"], plain["payment"]["delivery_fee"]) == (None, None, 0)


def test_documents_of_moves_do_not_show_where_an_order_goes(counter: Counter) -> None:
    """Staff's stored responses outlive the deletion of the buyer."""
    order = counter.order(recipient=RECIPIENT, delivery=DELIVERY)
    path = f"/order/payment/{order['id']}"
    response = counter.staff.request("POST", path, json={"captured": 307}, headers={"Idempotency-Key": "key"})
    assert response.status_code == 200
    assert response.json()["payment"]["delivery_fee"] == 300
    assert [word for word in ("Отчество", "домофон", "MSK-5") if word in response.text] == []


def test_a_fee_is_paid_and_comes_back(counter: Counter) -> None:
    order = counter.order(delivery=COURIER)
    assert order["total_amount"] == 507
    place = f"{order['id']}"
    too_much = counter.staff.request("POST", f"/order/payment/{place}", json={"captured": 508})
    assert problem_of(too_much, 409, "above_amount_due")["amount_due"] == 507
    for captured in (7, 500):
        counter.staff.request("POST", f"/order/payment/{place}", json={"captured": captured}).raise_for_status()
    cancelled = counter.buyer.request("POST", f"/order/cancel/{place}", json={}).json()
    assert cancelled["payment"] == {
        "state": "captured",
        "amount_due": 0,
        "held": 0,
        "captured": 507,
        "refunded": 507,
        "delivery_fee": 500,
        "delivery_refund": {"amount": 500, "state": "due"},
    }
    refund = {"to": "sent", "delivery": True}
    sent = counter.staff.request("POST", f"/order/refund/{place}", json=refund).json()
    assert sent["payment"]["delivery_refund"] == {"amount": 500, "state": "sent"}
    assert sent["product_unit"][0]["refund"] == {"amount": 7, "state": "due"}
    again = counter.staff.request("POST", f"/order/refund/{place}", json=refund)
    assert problem_of(again, 409, "move_impossible")["possible"] == [{"product_unit": None, "to": ["done", "failed"]}]
    done = counter.staff.request("POST", f"/order/refund/{place}", json={"to": "done"}).json()
    assert done["payment"]["delivery_refund"]["state"] == done["product_unit"][0]["refund"]["state"] == "done"
    told = [(one["event"], one["amount"]) for one in counter.buyer.get(f"/order/history/{place}")]
    assert told.count(("refund_moved", 500)) == 3


def test_the_ceiling_covers_the_fee(counter: Counter) -> None:
    before = everything_in(counter.served.shop)
    response = counter.buyer.check_out(1, delivery=DELIVERY, total_amount=306)
    assert problem_of(response, 409, "price_changed")["total_amount"] == 307
    assert everything_in(counter.served.shop) == before
    assert counter.order(delivery=DELIVERY, total_amount=307)["total_amount"] == 307


def test_a_retry_gets_the_first_answer(counter: Counter) -> None:
    counter.buyer.request("POST", "/order/cart_add/{me}/1")
    first = counter.buyer.check_out(1, key="key", recipient=RECIPIENT, delivery=DELIVERY)
    counter.change({"pick_up_point": None}).raise_for_status()
    again = counter.buyer.check_out(1, key="key", recipient=RECIPIENT, delivery=DELIVERY)
    assert (first.status_code, again.content) == (201, first.content)
    other = counter.buyer.check_out(1, key="key", recipient={**RECIPIENT, "comment": ""}, delivery=DELIVERY)
    problem_of(other, 422, "idempotency_key_reused")


def test_a_delivery_that_is_not_offered_changes_nothing(counter: Counter) -> None:
    counter.change({"courier": None}).raise_for_status()
    before = everything_in(counter.served.shop)
    response = counter.buyer.check_out(1, delivery=COURIER)
    assert problem_of(response, 422, "invalid_fields")["fields"] == [
        {"detail": "is not offered for these units", "code": "not_one_of", "pointer": "#/delivery/kind"}
    ]
    assert everything_in(counter.served.shop) == before


def test_staff_change_the_tariffs(counter: Counter) -> None:
    client = counter.served.client
    shown = client.get("/delivery_tariffs")
    rub = {"id": 1, "name": "RUB"}
    assert shown.json() == {
        "pick_up_point": {"price": 290, "fee": 300, "currency": rub},
        "courier": {"price": 451, "fee": 500, "currency": rub},
    }
    body = {"courier": {"price": 500, "currency": 1}}
    problem_of(counter.staff.request("PATCH", "/delivery_tariffs", json=body), 428, "precondition_required")
    problem_of(
        counter.buyer.request("PATCH", "/delivery_tariffs", json=body, headers={"If-Match": "*"}), 403, "forbidden"
    )
    changed = counter.change(body, shown.headers["etag"])
    assert changed.json() == {**shown.json(), "courier": {"price": 500, "fee": 500, "currency": rub}}
    problem_of(counter.change({"pick_up_point": None}, shown.headers["etag"]), 412, "precondition_failed")
    assert counter.change({}, changed.headers["etag"]).json() == changed.json()
    without = counter.change({"pick_up_point": None}, changed.headers["etag"])
    assert without.json()["pick_up_point"] is None
    later = client.get("/delivery_tariffs")
    assert (later.json(), later.headers["etag"]) == (without.json(), without.headers["etag"])
    entries = counter.staff.get("/audit?kind=delivery_tariff")
    assert [(one["action"], one["object_id"], one["user_id"]) for one in entries] == [
        ("update", 2, 1),
        ("delete", 1, 1),
    ]


def test_the_export_has_recipients_and_deliveries(counter: Counter) -> None:
    order = counter.order(recipient=RECIPIENT, delivery=COURIER)
    exported = {one["id"]: one["tracking"] for one in counter.buyer.get("/user/export/{me}")["orders"]}
    delivered = exported.pop(order["id"])
    assert delivered["recipient"] == RECIPIENT
    assert delivered["delivery"] == {**COURIER, "pick_up_point": None, "one_parcel": False}
    assert all((one["recipient"], one["delivery"]) == (None, None) for one in exported.values())


def test_a_report_of_sales_does_not_count_fees(counter: Counter) -> None:
    counter.order(delivery=COURIER)
    today = counter.served.shop.clock().date()
    first, end = today - timedelta(days=1), today + timedelta(days=2)
    [totals] = counter.staff.get(f"/report/sales?from={first}&to={end}&by=day")["totals"]
    assert totals["revenue"] + 500 == sum(order["total_amount"] for order in counter.staff.get("/order/orders"))
