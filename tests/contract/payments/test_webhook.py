"""The provider behind a program of the operator, against a server that speaks its protocol."""

import json
import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import attrs
import pytest

from sellout_adapters.memory import MemoryStore
from sellout_adapters.payments.signed import payment_of, require_signed, signed
from sellout_adapters.payments.webhook import WebhookProvider
from sellout_adapters.sql import SqlStore
from sellout_adapters.testing.bank import Bank
from sellout_adapters.testing.laws.fulfilment.fulfilment import CONFIRM, bought, cancel, move, stored, units_of
from sellout_adapters.testing.laws.fulfilment.payments import settled_by
from sellout_adapters.testing.scene import Scene
from sellout_core.fulfilment.lifecycle import PaymentState, RefundState
from sellout_core.fulfilment.money import CommandKind, NewPayment, OnlinePayment, ProviderCommand, ProviderPayment
from sellout_core.fulfilment.refusals import BadNotice, PaymentMismatch
from sellout_core.people.accounts import OPERATOR
from sellout_core.ports.payments import ProviderFailed, RefundRefused
from sellout_core.use_cases import payments
from sellout_core.values import Money, OrderId
from tests.contract.support.command import Run

KEYS = ("a new key of thirty-two bytes or more", "an old key of thirty-two bytes or more")
MOST = 64 * 1024


def document(payment: ProviderPayment) -> bytes:
    return json.dumps(attrs.asdict(payment)).encode()


@attrs.define
class Program:
    """The operator's program, over the bank of the laws. `answer` replaces its next answers: a status and a body."""

    bank: Bank = attrs.field(factory=Bank)
    answer: tuple[int, bytes] | None = None
    address: str = ""
    asked: list[dict[str, Any]] = attrs.field(factory=list)

    def reply(self, headers: dict[str, list[str]], content: bytes) -> tuple[int, bytes]:
        require_signed(KEYS[:1], headers, content, datetime.now(UTC))
        sent = json.loads(content)
        self.asked.append(sent)
        if self.answer is not None:
            return self.answer
        if sent["action"] == "start":
            names = ("order_id", "number", "amount", "currency")
            page = self.bank.start(NewPayment(**{name: sent[name] for name in names}), sent["key"])
            return 200, json.dumps({"reference": page.reference, "page": page.address}).encode()
        known: OnlinePayment = attrs.evolve(PAYMENT, reference=sent["reference"])
        if sent["action"] == "read":
            return 200, document(self.bank.read(known))
        command = ProviderCommand(CommandKind(sent["action"]), Money(sent["amount"]), sent["key"])
        before: dict[str, Any] = {command.kind.total: sent["total"] - sent["amount"]}
        return 200, document(self.bank.carry_out(attrs.evolve(known, **before), command))


PAYMENT = OnlinePayment(
    order_id=OrderId(1),
    number=1,
    amount=Money(1000),
    currency="RUB",
    provider="webhook",
    reference="a",
    page="",
    in_parts=True,
)


@pytest.fixture
def program() -> Iterator[Program]:
    program = Program()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name.lower(): [value] for name, value in self.headers.items()}
            status, answer = program.reply(headers, content)
            self.send_response(status)
            self.send_header("Content-Length", str(len(answer)))
            self.send_header("Location", "/elsewhere")
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    program.address = f"http://127.0.0.1:{server.server_port}/shop"
    yield program
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("way", ["up", "down"])
def test_the_command_asks_the_provider(program: Program, invoke: Run, tmp_path: Path, way: str) -> None:
    """`sellout work` captures what staff have confirmed while no server ran."""
    with closing(SqlStore.open(f"sqlite:///{tmp_path / 'sellout.db'}")) as store:
        scene = Scene(store)
        scene.clock.now = datetime.now(UTC)
        scene.shop = attrs.evolve(scene.shop, payment_provider=WebhookProvider(program.address, KEYS))
        order = bought(scene)
        paid = payments.start_payment(scene.shop, OPERATOR, order.id).payment
        payments.apply_report(scene.shop, program.bank.change(paid, authorised=order.total))
        move(scene, order, CONFIRM)
        program.answer = None if way == "up" else (500, b"")
        done = invoke(
            "work",
            "--once",
            SELLOUT_PAYMENT_PROVIDER="webhook",
            SELLOUT_PAYMENT_URL=program.address,
            SELLOUT_PAYMENT_KEYS=",".join(KEYS),
        )
        result = "1 done" if way == "up" else "1 postponed"
        assert (done.returncode, done.stdout) == (
            0,
            f"0 unpaid orders have expired.\nThe payment provider was asked: {result}.\n",
        )
        assert [asked["action"] for asked in program.asked] == ["start", "capture"]
        found = stored(scene, order.id)
        if way == "up":
            assert (found.payment, found.captured) == (PaymentState.CAPTURED, order.total)
        else:
            assert (found.payment, found.captured, found.held) == (PaymentState.AUTHORISED, 0, order.total)
            assert (found.online[0].attempts, found.online[0].last_error) == (1, "capture: HTTP 500")


@pytest.fixture
def provider(program: Program) -> WebhookProvider:
    return WebhookProvider(program.address, KEYS)


def test_an_order_is_held_captured_released_and_paid_back(program: Program, provider: WebhookProvider) -> None:
    scene = Scene(MemoryStore())
    scene.clock.now = datetime.now(UTC)
    scene.shop = attrs.evolve(scene.shop, payment_provider=provider)
    order = bought(scene)
    one, two = units_of(order)
    started = payments.start_payment(scene.shop, OPERATOR, order.id).payment
    assert started.page == f"https://bank.example/{started.reference}"
    content = document(program.bank.change(started, authorised=order.total))
    headers = {name: [value] for name, value in signed(KEYS[1], scene.clock.now, content).items()}
    payments.take_notice(scene.shop, "webhook", headers, content)
    assert stored(scene, order.id).payment is PaymentState.AUTHORISED
    move(scene, order, CONFIRM, one)
    cancel(scene, order, two)
    assert settled_by(scene) == [CommandKind.CAPTURE, CommandKind.RELEASE]
    cancel(scene, order, one)
    assert settled_by(scene) == [CommandKind.REFUND]
    found = stored(scene, order.id)
    assert [(refund.unit_id, refund.state) for refund in found.refunds] == [(one, RefundState.DONE)]
    assert [asked["action"] for asked in program.asked] == ["start", "capture", "release", "refund"]
    assert [asked.get("amount") for asked in program.asked] == [1000, 700, 300, 700]
    assert [asked.get("total") for asked in program.asked] == [None, 700, 300, 700]
    assert len({asked["key"] for asked in program.asked}) == 4


def test_a_payment_is_read(program: Program, provider: WebhookProvider) -> None:
    new = NewPayment(order_id=OrderId(1), number=1, amount=Money(1000), currency="RUB")
    page = provider.start(new, "key")
    assert provider.start(new, "key") == page
    known = attrs.evolve(PAYMENT, reference=page.reference)
    program.bank.change(known, authorised=Money(1000))
    assert provider.read(known).authorised == 1000


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (500, b""),
        (404, b""),
        (302, b""),
        (201, b"{}"),
        (200, b""),
        (200, b"\xff"),
        (200, b"[]"),
        (200, b"{}"),
        (200, b"[" * 60_000),
        (200, b" " * (MOST + 1)),
        (200, json.dumps({"reference": "", "page": "https://a.example", "amount": 1}).encode()),
        (200, json.dumps({"reference": "a", "page": "http://a.example"}).encode()),
        (200, json.dumps({"reference": "a", "page": "https://a.example/\n"}).encode()),
        (200, json.dumps({"reference": "a", "page": "https://" + "a" * 2000}).encode()),
        (200, json.dumps({"reference": 1, "page": "https://a.example"}).encode()),
    ],
    ids=range(15),
)
def test_a_bad_answer_is_a_failure(program: Program, provider: WebhookProvider, status: int, body: bytes) -> None:
    program.answer = status, body
    new = NewPayment(order_id=OrderId(1), number=1, amount=Money(1000), currency="RUB")
    with pytest.raises(ProviderFailed) as start:
        provider.start(new, "key")
    with pytest.raises(ProviderFailed) as read:
        provider.read(PAYMENT)
    assert not any(key in str(failure.value) for key in KEYS for failure in (start, read))
    assert len(program.asked) == 2


def test_only_a_refund_is_refused_for_good(program: Program, provider: WebhookProvider) -> None:
    program.answer = 422, b""
    for kind, error in {
        CommandKind.REFUND: RefundRefused,
        CommandKind.CAPTURE: ProviderFailed,
        CommandKind.RELEASE: ProviderFailed,
    }.items():
        with pytest.raises(ProviderFailed, match=f"{kind.value}: HTTP 422") as failure:
            provider.carry_out(PAYMENT, ProviderCommand(kind, Money(1), "key"))
        assert type(failure.value) is error


def test_an_answer_whose_amounts_contradict_each_other_is_refused(program: Program, provider: WebhookProvider) -> None:
    program.answer = 200, json.dumps({**attrs.asdict(payment_of(document(_report()))), "captured": 1}).encode()
    with pytest.raises(PaymentMismatch):
        provider.read(PAYMENT)


def test_a_program_that_is_not_there_is_a_failure() -> None:
    with pytest.raises(ProviderFailed, match="read: ConnectionRefusedError"):
        WebhookProvider("http://127.0.0.1:9", KEYS).read(PAYMENT)
    assert KEYS[0] not in repr(WebhookProvider("http://127.0.0.1:9", KEYS))


def test_a_notice_may_be_five_minutes_old_and_signed_with_any_key() -> None:
    now = datetime(2026, 3, 1, tzinfo=UTC)
    provider, content = WebhookProvider("https://pay.example", KEYS), document(_report())
    for key in KEYS:
        for seconds in (-300, 0, 300):
            headers = _headers(key, now + timedelta(seconds=seconds), content)
            assert provider.notice(headers, content, now) == _report()
        for seconds in (-301, 301):
            with pytest.raises(BadNotice):
                provider.notice(_headers(key, now + timedelta(seconds=seconds), content), content, now)


def _report() -> ProviderPayment:
    return ProviderPayment(reference="a", order_id=OrderId(1), amount=Money(1000), currency="RUB")


def _headers(key: str, at: datetime, content: bytes) -> dict[str, list[str]]:
    return {name: [value] for name, value in signed(key, at, content).items()}
