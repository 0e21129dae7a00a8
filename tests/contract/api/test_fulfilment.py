"""Orders that move, over HTTP."""

import re
from collections.abc import Iterable, Iterator
from contextlib import closing
from datetime import timedelta
from enum import Enum
from pathlib import Path
from threading import Event
from typing import Any

import attrs
import pytest

from sellout_adapters.memory import MemoryStore
from sellout_adapters.sql import SqlStore
from sellout_adapters.testing.scene import HeldClock
from sellout_core.fulfilment.lifecycle import LINE_MOVES, PAYMENT_MOVES, REFUND_MOVES
from sellout_core.fulfilment.statuses import STATUSES
from sellout_core.values import OrderId
from sellout_http.upkeep import keep_up
from tests.contract.support.buyer import Buyer, noadmin
from tests.contract.support.command import Run
from tests.contract.support.requests import MOVE, TO_THE_BUYER
from tests.contract.support.shop import Served, demo_shop, log_in, problem_of, serving_shop

NO_FEE = {"delivery_fee": 0, "delivery_refund": None}
FULFILMENT_PAGE = Path(__file__).parents[3] / "docs" / "fulfilment.md"


@attrs.frozen
class Desk:
    """The buyer and the staff of a served shop."""

    served: Served
    buyer: Buyer
    staff: dict[str, str]

    def post(self, what: str, body: Any, *, order: int = 1, staff: bool = True, key: str | None = None) -> Any:
        """Sends a request about an order."""
        path = f"/order/{what}/{order}" if order else f"/order/{what}"
        headers = {**(self.staff if staff else self.buyer.headers), **({} if key is None else {"Idempotency-Key": key})}
        return self.served.client.post(path, json=body, headers=headers)

    def moved(self, to: str, *units: int, **more: Any) -> Any:
        """Moves units as staff and returns the tracking document."""
        body = {**MOVE, "to": to, "product_unit": list(units) or None, **more}
        response = self.post("move", body)
        assert response.status_code == 200, response.text
        return response.json()

    def get(self, path: str, *, staff: bool = False) -> Any:
        """Reads a document."""
        response = self.served.client.get(path, headers=self.staff if staff else self.buyer.headers)
        assert response.status_code == 200, response.text
        return response.json()


@pytest.fixture
def desk() -> Iterator[Desk]:
    with serving_shop(demo_shop(MemoryStore())) as served:
        yield Desk(served, noadmin(served.client), log_in(served.client, "artem"))


def test_an_order_is_paid_bought_delivered_and_partly_given_back(desk: Desk) -> None:
    assert desk.get("/order/info/1")[0]["fact_of_payment"] is False
    problem = problem_of(desk.post("move", {"to": "confirmed"}), 409, "move_impossible")
    assert problem["possible"] == [{"product_unit": unit, "to": ["cancelled"]} for unit in (1, 2)]
    assert desk.post("payment", {"captured": 100}).json()["payment"] == {
        "state": "captured",
        "amount_due": 7,
        "held": 0,
        "captured": 100,
        "refunded": 0,
        **NO_FEE,
    }
    assert problem_of(desk.post("payment", {"captured": 8}), 409, "above_amount_due")["amount_due"] == 7
    assert desk.post("payment", {"captured": 7}).json()["status"] == {"id": 2, "name": "placed"}
    [order] = desk.get("/order/info/1")
    assert (order["fact_of_payment"], order["status"], order["total_amount"]) == (
        True,
        {"id": 2, "name": "placed"},
        107,
    )
    assert order["user"]["all_purchase_amount"] == 107
    desk.moved("confirmed")
    cancelled = desk.post("cancel", {"product_unit": [2], "reason": "sold out"}).json()
    assert cancelled["payment"]["refunded"] == 100
    assert [unit["state"] for unit in cancelled["product_unit"]] == ["confirmed", "cancelled"]
    assert cancelled["product_unit"][1]["refund"] == {"amount": 100, "state": "due"}
    assert desk.post("refund", {"to": "done"}).json()["product_unit"][1]["refund"]["state"] == "done"
    for state in ("purchased", *TO_THE_BUYER):
        assert desk.moved(state)["status"]["name"] == state
    tracking = desk.get("/order/tracking/1")
    assert tracking["parcels"] == [{"number": 1, "carrier": "CDEK", "tracking_number": "1234"}]
    assert [unit["parcel"] for unit in tracking["product_unit"]] == [1, None]
    asked = desk.post("return", {"product_unit": [1], "reason": "too small"}, staff=False).json()
    assert asked["product_unit"][0]["return_requested"] is True
    assert desk.moved("returned", 1)["status"]["name"] == "returned"
    desk.post("refund", {"to": "done"})
    [order] = desk.get("/order/info/1")
    assert (order["status"]["name"], order["user"]["all_purchase_amount"]) == ("returned", 0)
    assert [unit["id"] for unit in order["product_unit"]] == [1, 2]
    history = desk.get("/order/history/1")
    assert [(entry["event"], entry["product_unit"], entry["target"]) for entry in history][:3] == [
        ("payment_moved", None, "captured"),
        ("payment_moved", None, "captured"),
        ("line_moved", 1, "confirmed"),
    ]
    assert {entry["user_id"] for entry in history} == {None, 2}
    assert len(desk.get("/order/history/1?limit=5")) == 5
    staffs = desk.get("/order/history/1", staff=True)
    assert [entry["amount"] for entry in staffs if entry["target"] == "purchased"] == [5]
    assert [entry["amount"] for entry in history if entry["target"] == "purchased"] == [None]


def test_an_idempotency_key_makes_a_payment_once(desk: Desk) -> None:
    first, second = (desk.post("payment", {"captured": 50}, key="one") for _ in range(2))
    assert first.content == second.content
    assert desk.get("/order/tracking/1")["payment"]["captured"] == 50
    problem_of(desk.post("payment", {"captured": 51}, key="one"), 422, "idempotency_key_reused")


def test_a_buyer_cancels_the_whole_order_until_it_is_confirmed(desk: Desk) -> None:
    cancelled = desk.post("cancel", {}, staff=False).json()
    assert (cancelled["status"]["name"], cancelled["payment"]["state"]) == ("cancelled", "voided")
    problem_of(desk.post("cancel", {}, staff=False), 409, "move_impossible")
    problem_of(desk.post("payment", {"captured": 1}), 409, "above_amount_due")


def test_several_orders_move_each_with_its_own_result(desk: Desk) -> None:
    for unit_id in (1, 2):
        desk.buyer.request("POST", f"/order/cart_add/{{me}}/{unit_id}")
    second = desk.buyer.check_out(1).json()["id"]
    desk.post("payment", {"captured": 107})
    moves = [{"order": order, "to": "confirmed"} for order in (second, 999, 1)]
    for key in (None, "a key", "a key"):
        response = desk.post("moves", {"moves": moves}, order=0, key=key)
        assert response.status_code == 200, response.text
        results = response.json()
        assert [result["order_id"] for result in results] == [second, 999, 1]
        assert [result["problem"] and result["problem"]["code"] for result in results][:2] == [
            "move_impossible",
            "not_found",
        ]
    assert {unit["state"] for unit in desk.get("/order/tracking/1")["product_unit"]} == {"confirmed"}
    assert {unit["state"] for unit in desk.get(f"/order/tracking/{second}")["product_unit"]} == {"placed"}
    missing = desk.post("moves", {"moves": [{"order": 1, "to": "purchased"}]}, order=0).json()
    assert missing[0]["problem"]["fields"][0]["pointer"] == "#/cost"


def test_a_retry_of_several_moves_moves_no_order_twice_and_tries_the_refused_ones_again(desk: Desk) -> None:
    desk.buyer.request("POST", "/order/cart_add/{me}/1")
    second = desk.buyer.check_out(1).json()["id"]
    desk.post("payment", {"captured": 107})
    moves = {"moves": [{"order": order, "to": "confirmed"} for order in (second, 1)]}

    def send(body: Any) -> Any:
        return desk.post("moves", body, order=0, key="a key")

    first = send(moves).json()
    assert [result["problem"] and result["problem"]["code"] for result in first] == ["move_impossible", None]
    history = desk.get("/order/history/1")
    due = desk.get(f"/order/tracking/{second}")["payment"]["amount_due"]
    desk.post("payment", {"captured": due}, order=second)
    again = send(moves)
    assert [result["problem"] for result in again.json()] == [None, None]
    assert again.json()[1] == first[1]
    assert send(moves).content == again.content
    assert desk.get("/order/history/1") == history
    problem_of(send({"moves": moves["moves"][:1]}), 422, "idempotency_key_reused")


@pytest.mark.parametrize(
    ("what", "body", "status", "code"),
    [
        ("move", {"to": "confirmed", "product_unit": [3]}, 422, "invalid_fields"),
        ("move", {"to": "placed", "product_unit": [1]}, 409, "move_impossible"),
        ("move", {"to": "delivered"}, 409, "move_impossible"),
        ("refund", {"to": "done", "product_unit": [1]}, 409, "move_impossible"),
        ("refund", {"to": "done"}, 409, "move_impossible"),
        ("return", {}, 409, "move_impossible"),
        ("payment", {"captured": 108}, 409, "above_amount_due"),
        ("payment", {"captured": 2**63}, 422, "invalid_fields"),
    ],
)
def test_what_cannot_be_changes_nothing(desk: Desk, what: str, body: Any, status: int, code: str) -> None:
    before = desk.get("/order/tracking/1", staff=True)
    problem_of(desk.post(what, body), status, code)
    assert desk.get("/order/tracking/1", staff=True) == before
    assert desk.get("/order/history/1") == []


def test_a_server_lets_unpaid_orders_expire() -> None:
    """The demo's order is older than the lifetime."""
    shop = demo_shop(MemoryStore())
    shop = attrs.evolve(shop, policy=attrs.evolve(shop.policy, unpaid_order_lifetime=timedelta(microseconds=1)))
    with serving_shop(shop, upkeep_seconds=0.01) as served:
        buyer = noadmin(served.client)
        for _ in range(10_000):
            tracking = buyer.request("GET", "/order/tracking/1").json()
            if tracking["payment"]["state"] == "expired":
                break
        assert tracking["status"]["name"] == "cancelled"


def test_upkeep_goes_on_after_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    shop = demo_shop(MemoryStore())
    shop = attrs.evolve(shop, policy=attrs.evolve(shop.policy, unpaid_order_lifetime=timedelta(microseconds=1)))
    stopped, rounds = Event(), list[int]()
    write = shop.store.write

    def write_or_fail(work: Any) -> Any:
        rounds.append(len(rounds))
        if len(rounds) == 1:
            raise OSError("the disk is full")
        stopped.set()
        return write(work)

    monkeypatch.setattr(shop.store, "write", write_or_fail)
    keep_up(shop, stopped, 0)
    assert rounds == [0, 1]
    order = shop.store.read(lambda tx: tx.fulfilments.get(OrderId(1)))
    assert order is not None
    assert order.live == ()


def test_the_command_lets_unpaid_orders_expire(invoke: Run, tmp_path: Path) -> None:
    """The demo was loaded by a clock in the past."""
    with closing(SqlStore.open(f"sqlite:///{tmp_path / 'sellout.db'}")) as store:
        demo_shop(store, HeldClock())
    for expired in (1, 0):
        done = invoke("work", "--once", SELLOUT_UNPAID_ORDER_LIFETIME="60")
        assert (done.returncode, done.stdout) == (0, f"{expired} unpaid orders have expired.\n")


def names(members: Iterable[Enum]) -> list[str]:
    """The sorted values of members of an enumeration."""
    return sorted(str(member.value) for member in members)


def test_the_page_has_the_tables_of_the_core() -> None:
    text = FULFILMENT_PAGE.read_text(encoding="utf-8")
    tables = [
        [re.findall(r"`([^`]+)`", line) for line in table.splitlines() if line.startswith("| `")]
        for table in text.split("\n## ")[1:4]
    ]
    lines = [
        [
            move.source.value,
            move.target.value,
            *(name for part in (move.roles, move.guards, move.effects) for name in names(part)),
        ]
        for move in LINE_MOVES
    ]
    others = [
        [[move.source.value, move.target.value, *names(move.roles)] for move in table]
        for table in (PAYMENT_MOVES, REFUND_MOVES)
    ]
    assert tables == [lines, *others]
    statuses = dict(re.findall(r"^\| (\d+) \| `(\w+)` \|$", text, re.MULTILINE))
    assert {int(status_id): name for status_id, name in statuses.items()} == STATUSES
