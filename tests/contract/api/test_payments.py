"""Payments by a provider, over HTTP: starting them, signed notices, the sandbox's page, and what staff see."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import attrs
import httpx2
import pytest

from sellout_adapters.memory import MemoryStore
from sellout_adapters.payments.sandbox import SandboxBank, SandboxPages
from sellout_adapters.payments.signed import SIGNATURE, TIMESTAMP, signed
from sellout_adapters.testing.bank import Bank
from sellout_adapters.testing.scene import HeldClock
from sellout_core.people.accounts import OPERATOR
from sellout_core.ports.payments import NoPaymentProvider
from sellout_core.use_cases.payments import settle_next_payment
from sellout_core.values import OrderId
from tests.contract.support.buyer import Buyer, noadmin
from tests.contract.support.secrecy import KEY
from tests.contract.support.shop import Served, demo_shop, log_in, problem_of, serving_shop

NOTICE = {"reference": "order-1-1-start-107", "order_id": 1, "amount": 107, "currency": "RUB"}
HELD = {**NOTICE, "authorised": 107}


@attrs.frozen
class Till:
    """The demo's unpaid order, its buyer, staff, and the bank."""

    served: Served
    buyer: Buyer
    staff: dict[str, str]
    bank: Bank
    clock: HeldClock

    def pay(self) -> httpx2.Response:
        return self.served.client.post("/order/pay/1", headers=self.buyer.headers)

    def notify(self, document: Any, *, key: str | None = None, provider: str = "bank", **more: str) -> httpx2.Response:
        """Sends a notice, signed now with the bank's key."""
        content = document if isinstance(document, bytes) else json.dumps(document).encode()
        headers = {**signed(key or self.bank.key, self.clock.now, content), "Content-Type": "application/json", **more}
        return self.served.client.post(f"/payment/notice/{provider}", content=content, headers=headers)

    def post(self, what: str, body: Any) -> Any:
        response = self.served.client.post(f"/order/{what}/1", json=body, headers=self.staff)
        assert response.status_code == 200, response.text
        return response.json()

    def tracking(self, *, staff: bool = True) -> Any:
        headers = self.staff if staff else self.buyer.headers
        return self.served.client.get("/order/tracking/1", headers=headers).json()

    def state(self) -> Any:
        """Everything about the order, as stored."""
        order = OrderId(1)
        return self.served.shop.store.read(
            lambda tx: (tx.fulfilments.get(order), tx.order_history.after(order, 0, 99), tx.orders.get(order))
        )

    def settle(self) -> None:
        while settle_next_payment(self.served.shop, OPERATOR) is not None:
            pass


@pytest.fixture
def till() -> Iterator[Till]:
    clock = HeldClock(datetime.now(UTC))
    shop = demo_shop(MemoryStore(), clock)
    # The test itself asks the bank.
    with serving_shop(shop, upkeep_seconds=3600) as served:
        bank = shop.payment_provider
        assert isinstance(bank, Bank)
        yield Till(served, noadmin(served.client), log_in(served.client, "artem"), bank, clock)


def test_a_buyer_starts_a_payment_once(till: Till) -> None:
    first, again = till.pay(), till.pay()
    assert (first.status_code, again.status_code) == (201, 200)
    page = f"https://bank.example/{NOTICE['reference']}"
    assert first.json() == again.json() == {"order_id": 1, "amount": 107, "currency": "RUB", "page": page}
    [shown] = till.tracking()["online_payments"]
    assert (shown["provider"], shown["amount"], shown["authorised"]) == ("bank", 107, 0)
    assert till.tracking(staff=False)["online_payments"] == []
    till.post("payment", {"captured": 107})
    problem_of(till.pay(), 409, "nothing_due")


def test_a_hold_is_captured_and_what_is_cancelled_is_paid_back(till: Till) -> None:
    till.pay()
    held = till.bank.change(till.state()[0].online[0], authorised=107)
    assert till.notify({**NOTICE, "authorised": held.authorised}).json() == {"known": True}
    payment = till.tracking()["payment"]
    assert (payment["state"], payment["held"], payment["amount_due"]) == ("authorised", 107, 0)
    assert till.tracking()["status"]["name"] == "placed"
    till.post("move", {"to": "confirmed"})
    till.settle()
    payment = till.tracking()["payment"]
    assert (payment["state"], payment["held"], payment["captured"]) == ("captured", 0, 107)
    [order] = till.served.client.get("/order/info/1", headers=till.staff).json()
    assert (order["fact_of_payment"], order["user"]["all_purchase_amount"]) == (True, 107)
    till.post("cancel", {"product_unit": [2], "reason": "sold out"})
    assert till.served.client.post("/order/refund/1", json={"to": "done"}, headers=till.staff).status_code == 409
    till.settle()
    unit = till.tracking()["product_unit"][1]
    assert unit["refund"] == {"amount": 100, "state": "done"}
    [order] = till.served.client.get("/order/info/1", headers=till.staff).json()
    assert order["user"]["all_purchase_amount"] == 7


def test_a_repeated_notice_is_one_transition(till: Till) -> None:
    till.pay()
    till.notify(HELD)
    once = till.state()
    assert [till.notify(HELD).status_code for _ in range(20)] == [200] * 20
    assert till.notify(NOTICE).status_code == 200
    assert till.state() == once
    assert len(once[1]) == 1


BAD_NOTICES: tuple[tuple[Any, int, str], ...] = (
    (b"not JSON", 400, "malformed_json"),
    (b"\xff", 400, "malformed_json"),
    (b"[" * 60_000, 400, "malformed_json"),
    (b"[]", 422, "invalid_fields"),
    (b"", 400, "malformed_json"),
    ({}, 422, "invalid_fields"),
    ({**HELD, "authorised": "107"}, 422, "invalid_fields"),
    ({**HELD, "authorised": True}, 422, "invalid_fields"),
    ({**HELD, "authorised": 10**16}, 422, "invalid_fields"),
    ({**HELD, "captured": -1}, 422, "invalid_fields"),
    ({**HELD, "closed": 1}, 422, "invalid_fields"),
    ({**HELD, "reference": "x" * 256}, 422, "invalid_fields"),
    ({**HELD, "order_id": 0}, 422, "invalid_fields"),
    ({**HELD, "currency": "USD"}, 422, "payment_mismatch"),
    ({**HELD, "amount": 108}, 422, "payment_mismatch"),
    ({**HELD, "authorised": 108}, 422, "payment_mismatch"),
    ({**HELD, "captured": 108}, 422, "payment_mismatch"),
    ({**HELD, "reference": "another"}, 404, "not_found"),
    ({**HELD, "order_id": 2}, 404, "not_found"),
    ({**HELD, "order_id": 2**53 - 1}, 404, "not_found"),
)


def test_a_bad_notice_changes_nothing(till: Till) -> None:
    till.pay()
    before = till.state()
    for document, status, code in BAD_NOTICES:
        problem_of(till.notify(document), status, code)
        assert till.state() == before


def test_a_notice_is_signed_by_the_provider_and_recent(till: Till) -> None:
    till.pay()
    before, now = till.state(), till.clock.now
    content = json.dumps(HELD).encode()
    good = signed(till.bank.key, now, content)
    yesterday = signed(till.bank.key, now.replace(year=now.year - 1), content)
    other_time = {**good, TIMESTAMP: str(int(good[TIMESTAMP]) + 1)}
    for bad in (
        signed("another key of thirty-two bytes or more", now, content),
        signed(till.bank.key, now, content + b" "),
        yesterday,
        other_time,
        {**good, TIMESTAMP: "now"},
        {**good, SIGNATURE: "\u00e4".encode("latin-1").decode("latin-1") * 64},
        {**good, SIGNATURE: ""},
    ):
        raw = [(name.encode(), value.encode("latin-1")) for name, value in bad.items()]
        raw.append((b"Content-Type", b"application/json"))
        response = till.served.client.post("/payment/notice/bank", content=content, headers=raw)
        problem_of(response, 401, "bad_signature")
    for lacking in ({}, {TIMESTAMP: good[TIMESTAMP]}, {SIGNATURE: good[SIGNATURE]}):
        headers = {**lacking, "Content-Type": "application/json"}
        response = till.served.client.post("/payment/notice/bank", content=content, headers=headers)
        problem_of(response, 401, "bad_signature")
    repeated = [*good.items(), (SIGNATURE, good[SIGNATURE]), ("Content-Type", "application/json")]
    problem_of(till.served.client.post("/payment/notice/bank", content=content, headers=repeated), 401, "bad_signature")
    problem_of(till.notify(HELD, provider="another"), 404, "not_found")
    problem_of(till.notify(HELD, **{"Content-Type": "text/plain"}), 415, "unsupported_media_type")
    problem_of(till.notify(b"x" * 65_537), 413, "body_too_large")
    assert till.state() == before
    assert till.notify(HELD, **{"Content-Type": "application/json; charset=utf-8"}).status_code == 200


def test_a_provider_that_is_down_leaves_the_order_and_staff_see_why(till: Till) -> None:
    before = till.state()
    till.bank.failure = "a timeout"
    response = till.pay()
    problem_of(response, 503, "unavailable_now")
    assert till.state() == before
    till.bank.failure = None
    till.pay()
    till.notify(HELD)
    till.post("move", {"to": "confirmed"})
    till.bank.failure = "HTTP 500"
    till.settle()
    shown = till.tracking()
    assert (shown["payment"]["captured"], shown["payment"]["held"]) == (0, 107)
    [payment] = shown["online_payments"]
    assert (payment["attempts"], payment["last_error"]) == (1, "HTTP 500")
    assert payment["asked_at"] is not None


def test_a_shop_whose_staff_enter_payments_starts_none() -> None:
    shop = attrs.evolve(demo_shop(MemoryStore()), payment_provider=NoPaymentProvider())
    with serving_shop(shop) as served:
        buyer = noadmin(served.client)
        problem_of(served.client.post("/order/pay/1", headers=buyer.headers), 409, "payments_disabled")


@pytest.fixture
def sandbox() -> Iterator[Served]:
    shop = attrs.evolve(demo_shop(MemoryStore()), payment_provider=SandboxBank(KEY))
    with serving_shop(shop, sandbox=SandboxPages(shop), upkeep_seconds=3600) as served:
        served.client.event_hooks = {}
        yield served


def payment_state(served: Served) -> str:
    found = served.shop.store.read(lambda tx: tx.fulfilments.get(OrderId(1)))
    assert found is not None
    return found.payment.value


@pytest.mark.parametrize(("button", "state"), [("pay", "authorised"), ("refuse", "failed")])
def test_a_buyer_presses_a_button_of_the_sandbox(sandbox: Served, button: str, state: str) -> None:
    client = sandbox.client
    page = client.post("/order/pay/1", headers=noadmin(client).headers).json()["page"]
    shown = client.get(page)
    assert (shown.status_code, "Order 1: 107 RUB" in shown.text) == (200, True)
    assert shown.headers["cache-control"] == "no-store"
    policy = shown.headers["content-security-policy"]
    assert "form-action 'self'" in policy
    assert "default-src 'none'" in policy
    for _ in range(2):
        pressed = client.post(f"{page}/{button}", follow_redirects=False)
        assert (pressed.status_code, pressed.headers["location"]) == (303, page)
        assert payment_state(sandbox) == state
    # The buyer has decided.
    client.post(f"{page}/{'refuse' if button == 'pay' else 'pay'}", follow_redirects=False)
    assert payment_state(sandbox) == state
    assert "<button>" not in client.get(page).text


def test_a_buyer_who_goes_away_may_pay_later(sandbox: Served) -> None:
    client = sandbox.client
    headers = noadmin(client).headers
    page = client.post("/order/pay/1", headers=headers).json()["page"]
    client.get(page)
    assert payment_state(sandbox) == "due"
    assert client.post("/order/pay/1", headers=headers).json()["page"] == page


def test_only_a_known_address_of_the_sandbox_has_buttons(sandbox: Served) -> None:
    client = sandbox.client
    page = client.post("/order/pay/1", headers=noadmin(client).headers).json()["page"]
    secret = page.rsplit("-", 1)[1]
    for path in (
        f"{page[:-1]}{'0' if page[-1] != '0' else '1'}",
        f"/sandbox/2-1-{secret}",
        f"/sandbox/1-2-{secret}",
        f"/sandbox/9999999999999999-1-{secret}",
        "/sandbox/x",
    ):
        problem_of(client.get(path), 404, "not_found")
        problem_of(client.post(f"{path}/pay"), 404, "not_found")
    problem_of(client.post(f"{page}/leave"), 404, "not_found")
    problem_of(client.get(f"{page}/pay"), 405, "method_not_allowed")
    problem_of(
        client.post("/payment/notice/sandbox", content=b"{}", headers={"Content-Type": "application/json"}),
        401,
        "bad_signature",
    )
    assert payment_state(sandbox) == "due"


def test_the_sandbox_carries_out_what_the_shop_asks_for(sandbox: Served) -> None:
    client = sandbox.client
    staff = log_in(client, "artem")
    page = client.post("/order/pay/1", headers=noadmin(client).headers).json()["page"]
    client.post(f"{page}/pay", follow_redirects=False)

    def act(what: str, body: Any) -> Any:
        client.post(f"/order/{what}/1", json=body, headers=staff)
        while settle_next_payment(sandbox.shop, OPERATOR) is not None:
            pass
        return client.get("/order/tracking/1", headers=staff).json()["online_payments"][0]

    names = "captured", "released", "refunded", "closed"
    for what, body, expected in (
        ("move", {"to": "confirmed", "product_unit": [1]}, (7, 0, 0, False)),
        ("cancel", {"product_unit": [2], "reason": "sold out"}, (7, 100, 0, True)),
        ("cancel", {"reason": "sold out"}, (7, 100, 7, True)),
    ):
        assert tuple(act(what, body)[name] for name in names) == expected
    assert "Captured: 7. Released: 100. Refunded: 7" in client.get(page).text
