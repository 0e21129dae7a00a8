"""A server of Stripe's protocol for tests: Checkout Sessions, PaymentIntents, refunds and signed events.

It keeps books, and demands what https://docs.stripe.com/api documents: the key, the API version, form bodies of known
parameters, and idempotency keys that always come with the same parameters. The test plays the buyer and the bank.
"""

import hashlib
import hmac
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

import attrs

KEY: Final = "sk_test_0123456789abcdefghijklmnop"
SECRET: Final = "whsec_0123456789abcdefghijklmnop"

Document = dict[str, Any]

_PRICE: Final = "line_items[0][price_data]"
_NEW_SESSION: Final = {
    "mode": "payment",
    "allowed_payment_method_types[0]": "card",
    "adaptive_pricing[enabled]": "false",
    "payment_intent_data[capture_method]": "manual",
    "line_items[0][quantity]": "1",
    f"{_PRICE}[currency]": None,
    f"{_PRICE}[unit_amount]": None,
    f"{_PRICE}[product_data][name]": None,
    "payment_intent_data[description]": None,
    "payment_intent_data[metadata][order_id]": None,
    "payment_intent_data[metadata][number]": None,
    "metadata[order_id]": None,
    "metadata[number]": None,
    "client_reference_id": None,
    "success_url": None,
    "cancel_url": None,
}
"""The parameters of a new session: their values, or None if any will do. The shop's payments need those values."""


class Refusal(Exception):
    """An error of the API: its HTTP status, type and code."""

    def __init__(self, status: int, kind: str, code: str | None = None) -> None:
        super().__init__(status, kind, code)
        self.status = status
        # The SDK must not pass the message on: Stripe's may have a part of the key.
        self.document = {"error": {"type": kind, "code": code, "message": f"A sentence with {KEY}"}}


@attrs.define(eq=False)
class StripeServer:
    """Stripe.

    Attributes:
        address: The address of the API.
        answer: Replaces the next answers: a status and a body. None: the server works.
        answered: While it is not set, the server does not answer.
        refund_error: The error of every refund. None: refunds are made.
        refund_status: The status of a new refund.
        asked: The method and path of each request.
        sessions, intents, charges, refunds: The books, by id.
    """

    address: str = ""
    answer: tuple[int, bytes] | None = None
    answered: threading.Event = attrs.field(factory=threading.Event)
    refund_error: Refusal | None = None
    refund_status: str = "succeeded"
    asked: list[str] = attrs.field(factory=list)
    sessions: dict[str, Document] = attrs.field(factory=dict)
    intents: dict[str, Document] = attrs.field(factory=dict)
    charges: dict[str, Document] = attrs.field(factory=dict)
    refunds: dict[str, Document] = attrs.field(factory=dict)
    _keys: dict[str, tuple[Any, int, Document]] = attrs.field(factory=dict)
    _lock: threading.RLock = attrs.field(factory=threading.RLock)

    # The buyer and the bank

    def pay(self, session_id: str) -> Document:
        """The buyer enters a card, and its bank holds the amount. Returns the session."""
        with self._lock:
            session = self.sessions[session_id]
            intent = self._intent(session)
            charge_id = f"ch_{len(self.charges) + 1}"
            self.charges[charge_id] = {
                "id": charge_id,
                "object": "charge",
                "amount": intent["amount"],
                "amount_captured": 0,
                "amount_refunded": 0,
                "captured": False,
                "currency": intent["currency"],
                "paid": True,
                "payment_intent": intent["id"],
                "status": "succeeded",
            }
            intent.update(status="requires_capture", amount_capturable=intent["amount"], latest_charge=charge_id)
            session.update(status="complete", payment_status="unpaid", url=None)
            return session

    def decline(self, session_id: str) -> Document:
        """The bank of the card declines. The buyer may enter another one. Returns the PaymentIntent."""
        with self._lock:
            intent = self._intent(self.sessions[session_id])
            charge_id = f"ch_{len(self.charges) + 1}"
            self.charges[charge_id] = {
                "id": charge_id,
                "object": "charge",
                "amount": intent["amount"],
                "amount_captured": 0,
                "captured": False,
                "payment_intent": intent["id"],
                "status": "failed",
            }
            intent.update(status="requires_payment_method", latest_charge=charge_id)
            return intent

    def expire(self, session_id: str) -> Document:
        """A day is over, or the shop asks for it. Returns the session."""
        with self._lock:
            session = self.sessions[session_id]
            session.update(status="expired", url=None)
            if session["payment_intent"] is not None:
                self.intents[session["payment_intent"]].update(status="canceled")
            return session

    def end_hold(self, session_id: str) -> Document:
        """Seven days are over, or the shop asks for it. Returns the PaymentIntent."""
        with self._lock:
            intent = self.intents[self.sessions[session_id]["payment_intent"]]
            intent.update(status="canceled", amount_capturable=0)
            return intent

    def pay_back(self, session_id: str, amount: int, **metadata: str) -> Document:
        """A refund, by default one that staff make on Stripe's pages. Returns it."""
        with self._lock:
            intent = self.intents[self.sessions[session_id]["payment_intent"]]
            refund = self._refund(intent, amount, self.refund_status, metadata)
            if self.refund_status == "succeeded":
                refund["balance_transaction"] = f"txn_{refund['id']}"
            return refund

    def forget_keys(self) -> None:
        """A day is over."""
        self._keys.clear()

    # Events

    def event(self, kind: str, subject: Document) -> bytes:
        """The body of an event about an object."""
        shown = {"id": f"evt_{hash(kind) % 1000}", "object": "event", "type": kind, "data": {"object": subject}}
        return json.dumps(shown).encode()

    def signed(self, content: bytes, at: datetime, secret: str = SECRET) -> str:
        """The header `Stripe-Signature` of an event that is sent at a time."""
        seconds = int(at.timestamp())
        digest = hmac.new(secret.encode(), f"{seconds}.".encode() + content, hashlib.sha256).hexdigest()
        return f"t={seconds},v1={digest},v0=6ffbb59b2300aae63f272406069a9788598b792a944a07aba816edb039989a39"

    # The API

    def reply(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> tuple[int, bytes]:
        """The answer to a request."""
        self.asked.append(f"{method} {urlsplit(target).path}")
        self.answered.wait()
        if self.answer is not None:
            return self.answer
        try:
            with self._lock:
                return 200, json.dumps(self._answer(method, target, headers, body)).encode()
        except Refusal as refusal:
            return refusal.status, json.dumps(refusal.document).encode()

    def _answer(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Document:
        path = urlsplit(target).path
        if headers.get("Authorization") != f"Bearer {KEY}":
            raise Refusal(401, "invalid_request_error")
        if not headers.get("Stripe-Version"):
            raise Refusal(400, "invalid_request_error")
        if method == "GET":
            return self._read(path, _parameters(urlsplit(target).query))
        if headers.get("Content-Type") != "application/x-www-form-urlencoded" or not headers.get("Idempotency-Key"):
            raise Refusal(400, "invalid_request_error")
        parameters = _parameters(body.decode())
        key, asked = headers["Idempotency-Key"], (path, parameters)
        if key not in self._keys:
            try:
                answer = 200, self._change(path, parameters)
            except Refusal as refusal:
                answer = refusal.status, refusal.document
            # JSON keeps what the answer was.
            self._keys[key] = asked, answer[0], json.loads(json.dumps(answer[1]))
        known, status, document = self._keys[key]
        if known != asked:
            raise Refusal(400, "idempotency_error")
        if status != 200:
            refused = Refusal(status, "")
            refused.document = document
            raise refused
        return document

    def _read(self, path: str, parameters: Mapping[str, str]) -> Document:
        match path.split("/")[2:]:
            case ["checkout", "sessions"]:
                intent = parameters["payment_intent"]
                found = [each for each in self.sessions.values() if each["payment_intent"] == intent]
                return _list(path, found[: int(parameters["limit"])])
            case ["checkout", "sessions", session_id] if session_id in self.sessions:
                return self._expanded(self.sessions[session_id], parameters.get("expand[0]"))
            case ["refunds"]:
                intent = parameters["payment_intent"]
                newest = reversed([each for each in self.refunds.values() if each["payment_intent"] == intent])
                return _list(path, list(newest))
        raise Refusal(404, "invalid_request_error", "resource_missing")

    def _change(self, path: str, parameters: Mapping[str, str]) -> Document:
        match path.split("/")[2:]:
            case ["checkout", "sessions"]:
                return self._new_session(parameters)
            case ["checkout", "sessions", session_id, "expire"] if session_id in self.sessions:
                _require(self.sessions[session_id]["status"] == "open", "checkout_session_not_open")
                return self.expire(session_id)
            case ["payment_intents", intent_id, action] if intent_id in self.intents:
                intent = self.intents[intent_id]
                _require(intent["status"] == "requires_capture", "payment_intent_unexpected_state")
                if action == "cancel":
                    intent.update(status="canceled", amount_capturable=0)
                    return intent
                return self._captured(intent, int(parameters["amount_to_capture"]))
            case ["refunds"]:
                return self._new_refund(parameters)
        raise Refusal(404, "invalid_request_error", "resource_missing")

    def _new_session(self, parameters: Mapping[str, str]) -> Document:
        _require(parameters.keys() == _NEW_SESSION.keys(), "parameter_unknown")
        for name, value in _NEW_SESSION.items():
            _require(value is None or parameters[name] == value, f"parameter_invalid: {name}")
        currency, amount = parameters[f"{_PRICE}[currency]"], parameters[f"{_PRICE}[unit_amount]"]
        _require(currency.islower() and amount.isdecimal(), "parameter_invalid")
        _require(int(amount) <= 99_999_999, "amount_too_large")
        session_id = f"cs_test_{len(self.sessions) + 1}"
        self.sessions[session_id] = {
            "id": session_id,
            "object": "checkout.session",
            "amount_total": int(amount),
            "client_reference_id": parameters["client_reference_id"],
            "currency": currency,
            "livemode": False,
            "metadata": {name: parameters[f"metadata[{name}]"] for name in ("order_id", "number")},
            "mode": "payment",
            "payment_intent": None,
            "payment_status": "unpaid",
            "status": "open",
            "success_url": parameters["success_url"],
            "url": f"https://checkout.stripe.com/c/pay/{session_id}#fragment",
        }
        return self.sessions[session_id]

    def _captured(self, intent: Document, amount: int) -> Document:
        _require(0 < amount <= intent["amount_capturable"], "amount_too_large")
        charge = self.charges[intent["latest_charge"]]
        charge.update(captured=True, amount_captured=amount)
        if amount < intent["amount"]:
            # The rest is released. Stripe shows that as a refund without a transaction.
            self._refund(intent, intent["amount"] - amount, "succeeded", {})
        intent.update(status="succeeded", amount_capturable=0, amount_received=amount)
        return intent

    def _new_refund(self, parameters: Mapping[str, str]) -> Document:
        _require(parameters["payment_intent"] in self.intents, "resource_missing")
        intent, amount = self.intents[parameters["payment_intent"]], int(parameters["amount"])
        if self.refund_error is not None:
            raise self.refund_error
        live = [each for each in self.refunds.values() if each["status"] not in {"failed", "canceled"}]
        own = [each for each in live if each["payment_intent"] == intent["id"] and each["moved"]]
        _require(amount + sum(each["amount"] for each in own) <= intent["amount_received"], "charge_already_refunded")
        metadata = {name[9:-1]: value for name, value in parameters.items() if name.startswith("metadata[")}
        [session] = [each for each in self.sessions.values() if each["payment_intent"] == intent["id"]]
        return self.pay_back(session["id"], amount, **metadata)

    def _refund(self, intent: Document, amount: int, status: str, metadata: dict[str, str]) -> Document:
        refund_id = f"re_{len(self.refunds) + 1}"
        self.refunds[refund_id] = {
            "id": refund_id,
            "object": "refund",
            "amount": amount,
            "balance_transaction": None,
            "charge": intent["latest_charge"],
            "currency": intent["currency"],
            "failure_reason": "lost_or_stolen_card" if status == "failed" else None,
            "metadata": metadata,
            "payment_intent": intent["id"],
            "status": status,
            # Not Stripe's: whether it is one of the captured amount.
            "moved": intent["status"] == "succeeded",
        }
        return self.refunds[refund_id]

    def _intent(self, session: Document) -> Document:
        """The PaymentIntent, which a card makes."""
        assert session["status"] == "open"
        intent_id = session["payment_intent"] or f"pi_{len(self.intents) + 1}"
        if intent_id not in self.intents:
            session["payment_intent"] = intent_id
            self.intents[intent_id] = {
                "id": intent_id,
                "object": "payment_intent",
                "amount": session["amount_total"],
                "amount_capturable": 0,
                "amount_received": 0,
                "capture_method": "manual",
                "currency": session["currency"],
                "latest_charge": None,
                "metadata": session["metadata"],
                "status": "requires_payment_method",
            }
        return self.intents[intent_id]

    def _expanded(self, session: Document, what: str | None) -> Document:
        _require(what == "payment_intent.latest_charge", "parameter_invalid")
        if session["payment_intent"] is None:
            return session
        intent = self.intents[session["payment_intent"]]
        charge = None if intent["latest_charge"] is None else self.charges[intent["latest_charge"]]
        return {**session, "payment_intent": {**intent, "latest_charge": charge}}


def _require(is_right: object, code: str) -> None:
    if not is_right:
        raise Refusal(400, "invalid_request_error", code)


def _list(path: str, documents: list[Document]) -> Document:
    return {"object": "list", "url": path, "has_more": False, "data": documents}


def _parameters(form: str) -> dict[str, str]:
    return dict(parse_qsl(form, keep_blank_values=True, strict_parsing=bool(form)))


@contextmanager
def stripe_server() -> Iterator[StripeServer]:
    """Starts a server on a free port of 127.0.0.1, and stops it at the end."""
    stripe = StripeServer()
    stripe.answered.set()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(b"")

        def do_POST(self) -> None:
            self._answer(self.rfile.read(int(self.headers["Content-Length"] or 0)))

        def _answer(self, body: bytes) -> None:
            status, answer = stripe.reply(self.command, self.path, dict(self.headers.items()), body)
            # A client that has waited too long has left.
            with suppress(ConnectionError):
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(answer)))
                self.send_header("Location", "/v1/elsewhere")
                self.send_header("Request-Id", "req_1")
                self.end_headers()
                self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        # Many notices at once are as many connections.
        request_queue_size = 128

    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=[0.01])
    thread.start()
    stripe.address = f"http://127.0.0.1:{server.server_port}"
    try:
        yield stripe
    finally:
        stripe.answered.set()
        server.shutdown()
        thread.join()
        server.server_close()
