"""The payment provider Stripe, by its own SDK: the buyer pays on a page of Stripe Checkout, and the amount is held.

A payment is a Checkout Session, and its PaymentIntent once the buyer has entered a card. docs/payments.md describes how
to set it up.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Final

import attrs

from sellout_adapters.extras import naming_extras
from sellout_adapters.payments.documents import object_of, page_of
from sellout_adapters.payments.signed import TOLERANCE
from sellout_adapters.payments.stripe_checkout import Checkout, checkout_of, currency_code, minor_units
from sellout_core.errors import FieldCode, InvalidField, InvalidFields
from sellout_core.fulfilment.money import CommandKind, NewPayment, OnlinePayment, ProviderCommand, ProviderPayment
from sellout_core.fulfilment.refusals import BadNotice
from sellout_core.ports.payments import PaymentPage, ProviderFailed, RefundRefused

with naming_extras():
    import requests
    import stripe

__all__ = ["SIGNATURE", "StripeProvider"]

# Telemetry would write a file to the home folder, and send the platform and the durations of earlier requests.
stripe.enable_telemetry = False

SIGNATURE: Final = "stripe-signature"
_SECONDS: Final = re.compile(r"[0-9]{1,12}")
_WORD: Final = re.compile(r"[A-Za-z0-9_]{1,60}")
_SESSION: Final = re.compile(r"cs_[A-Za-z0-9_]{1,250}")
_INTENT: Final = re.compile(r"pi_[A-Za-z0-9_]{1,250}")
_TRY_LATER: Final = frozenset({"balance_insufficient", "lock_timeout", "rate_limit"})
"""The codes of refusals that end by themselves. https://docs.stripe.com/error-codes."""


@attrs.frozen
class StripeProvider:
    """`ports.PaymentProvider` over Stripe. Any number of threads may use it, and any number of shops in one process.

    Attributes:
        secret_key: The secret key of the account, or a restricted one.
        webhook_secret: The signing secret of the webhook endpoint.
        return_url: The address to which the buyer returns. `order_id` is added as a parameter.
        seconds: The time limit of each step of a request.
        address: The address of Stripe's API.
        prefix: What the idempotency keys of new payments begin with. Another shop with the account, or the shop with
            another database, starts payments for orders with the same ids.
    """

    secret_key: str = attrs.field(repr=False)
    webhook_secret: str = attrs.field(repr=False)
    return_url: str
    seconds: float = 10
    address: str = "https://api.stripe.com"
    prefix: str = ""
    captures_in_parts: bool = attrs.field(default=False, init=False)
    """Several captures of a hold are a feature of some accounts and cards only."""

    @property
    def name(self) -> str:
        """The name."""
        return "stripe"

    def start(self, payment: NewPayment, key: str) -> PaymentPage:
        """Makes a Checkout Session. Stripe knows the key for a day, and a session is open for a day."""
        metadata = {"order_id": str(payment.order_id), "number": str(payment.number)}
        title = f"Order {payment.order_id}"
        currency = currency_code(payment.currency)
        amount = minor_units(payment.amount, currency)
        back = f"{self.return_url}?order_id={payment.order_id}"
        session: Any
        with self._asking("start") as client:
            session = client.v1.checkout.sessions.create(
                {
                    "mode": "payment",
                    # Other methods hold nothing, or pay days later.
                    "allowed_payment_method_types": ["card"],
                    "line_items": [
                        {
                            "price_data": {
                                "currency": currency.lower(),
                                "unit_amount": amount,
                                "product_data": {"name": title},
                            },
                            "quantity": 1,
                        }
                    ],
                    "payment_intent_data": {"capture_method": "manual", "description": title, "metadata": metadata},
                    # Stripe would let the buyer pay another amount in another currency.
                    "adaptive_pricing": {"enabled": False},
                    "client_reference_id": str(payment.order_id),
                    "metadata": metadata,
                    "success_url": back,
                    "cancel_url": back,
                },
                {"idempotency_key": f"{self.prefix}{key}"},
            )
            page = page_of(getattr(session, "id", None), getattr(session, "url", None))
        if _SESSION.fullmatch(page.reference) is None:
            raise ProviderFailed("the answer is not the start of a payment")
        return page

    def read(self, payment: OnlinePayment) -> ProviderPayment:
        """The payment as Stripe has it now."""
        with self._asking("read") as client:
            return checkout_of(client, payment.reference).report

    def carry_out(self, payment: OnlinePayment, command: ProviderCommand) -> ProviderPayment:
        """Does what is missing until the total of the command is reached, also when Stripe has forgotten its key."""
        with self._asking(command.kind.value) as client:
            found = checkout_of(client, payment.reference)
            if not _carried_out(client, found, payment, command):
                return found.report
            return checkout_of(client, payment.reference).report

    def notice(self, headers: Mapping[str, Sequence[str]], content: bytes, now: datetime) -> ProviderPayment | None:
        """The payment of an event as Stripe has it now: the event itself may be old. None: the event is about another
        integration of the account, or about no payment.
        """
        _require_signed(self.webhook_secret, headers, content, now)
        event = object_of(content)
        data = event.get("data")
        subject = data.get("object") if isinstance(data, dict) else None
        if not isinstance(subject, dict):
            raise InvalidFields((InvalidField("data.object", "must be an object", FieldCode.WRONG_TYPE),))
        with self._asking("notice") as client:
            reference = _session_of(client, subject)
            found = None if reference is None else checkout_of(client, reference)
        return None if found is None or found.order_id is None else found.report

    @contextmanager
    def _asking(self, action: str) -> Iterator[stripe.StripeClient]:
        """A client for one action. The SDK keeps nothing of it, and does not repeat its requests.

        Raises:
            ProviderFailed: Stripe did not answer, or refused. The message has none of Stripe's sentences, which may
                show a part of the key.
        """
        with requests.Session() as session:
            session.max_redirects = 0
            http_client = stripe.RequestsClient(timeout=self.seconds, session=session)
            try:
                yield stripe.StripeClient(
                    self.secret_key,
                    http_client=http_client,
                    max_network_retries=0,
                    base_addresses={"api": self.address},
                )
            except stripe.StripeError as error:
                raise ProviderFailed(f"{action}: {_reason(error)}") from None
            except UnicodeDecodeError:
                raise ProviderFailed(f"{action}: the answer is not UTF-8") from None


def _carried_out(
    client: stripe.StripeClient, found: Checkout, payment: OnlinePayment, command: ProviderCommand
) -> bool:
    """Sends a command, unless it is done already or cannot be done any more. Returns whether it was sent."""
    amount, reference = minor_units(command.amount, payment.currency), payment.reference
    if command.kind is CommandKind.REFUND:
        return _refunded(client, found, payment, minor_units(payment.total_after(command), payment.currency))
    if command.kind is CommandKind.RELEASE and amount == 0:
        if found.is_open:
            client.v1.checkout.sessions.expire(reference, {}, {"idempotency_key": f"{reference}-expire"})
        return found.is_open
    if found.intent is None or found.capturable == 0:
        return False
    if command.kind is CommandKind.CAPTURE:
        key = f"{reference}-capture-{amount}"
        client.v1.payment_intents.capture(found.intent, {"amount_to_capture": amount}, {"idempotency_key": key})
        return True
    if amount != found.capturable:
        raise ProviderFailed("a hold is released as a whole")
    client.v1.payment_intents.cancel(found.intent, {}, {"idempotency_key": f"{reference}-cancel"})
    return True


def _refunded(client: stripe.StripeClient, found: Checkout, payment: OnlinePayment, total: int) -> bool:
    """Pays back until a total is reached. Returns whether a refund was made: none if Stripe refuses it and has paid
    back more than the shop knows, which may be a part of it.

    Raises:
        RefundRefused: Stripe refuses it, the refund of that total has failed, or an earlier refund came back, so that
            the total would pay it again.
        ProviderFailed: Stripe refuses it while an earlier refund is on its way.
    """
    known = found.paid_back + found.coming
    if found.intent is None or known >= total:
        return False
    if known < minor_units(payment.refunded, payment.currency):
        raise RefundRefused("refund: an earlier one came back")
    if total in found.failed:
        raise RefundRefused("refund: failed")
    metadata = {"order_id": str(payment.order_id), "total": str(total)}
    try:
        refund = client.v1.refunds.create(
            {"payment_intent": found.intent, "amount": total - known, "metadata": metadata},
            {"idempotency_key": f"{payment.reference}-refund-{known}-{total}"},
        )
    except (stripe.InvalidRequestError, stripe.CardError) as error:
        if error.http_status not in {400, 402} or error.code in _TRY_LATER:
            raise
        if found.report.refunded > payment.refunded:
            return False
        if found.coming:
            raise ProviderFailed(f"refund: {_reason(error)}") from None
        raise RefundRefused(f"refund: {_reason(error)}") from None
    if getattr(refund, "status", None) in {"failed", "canceled"}:
        raise RefundRefused(f"refund: {_word(getattr(refund, 'failure_reason', None)) or 'failed'}")
    return True


def _session_of(client: stripe.StripeClient, subject: Mapping[str, Any]) -> str | None:
    """The id of the Checkout Session that an object of an event belongs to. None: it belongs to none."""
    kind = subject.get("object")
    if kind == "checkout.session":
        return _id(_SESSION, subject.get("id"))
    intent = _id(_INTENT, subject.get("id" if kind == "payment_intent" else "payment_intent"))
    if intent is None:
        return None
    found: Any = client.v1.checkout.sessions.list({"payment_intent": intent, "limit": 1})
    try:
        return next((each.id for each in found.data), None)
    except (AttributeError, TypeError):
        raise ProviderFailed("notice: the answer is no list") from None


def _require_signed(secret: str, headers: Mapping[str, Sequence[str]], content: bytes, now: datetime) -> None:
    """Checks that Stripe has signed the body within the last 300 seconds, or the next.

    https://docs.stripe.com/webhooks/signature. The SDK compares with the system's clock and allows any future, so the
    time is checked here.

    Raises:
        BadNotice: it has not.
    """
    values = headers.get(SIGNATURE, ())
    if len(values) != 1 or not values[0].isascii():
        raise BadNotice
    try:
        stripe.WebhookSignature.verify_header(content, values[0], secret)
    except (stripe.SignatureVerificationError, UnicodeDecodeError):
        raise BadNotice from None
    seconds = next(item.removeprefix("t=") for item in values[0].split(",") if item.startswith("t="))
    if _SECONDS.fullmatch(seconds) is None or abs(int(seconds) - now.timestamp()) > TOLERANCE:
        raise BadNotice


def _reason(error: stripe.StripeError) -> str:
    """The code of an error, or its kind, and the HTTP status."""
    cause = error.__cause__ or error
    word = _word(error.code) or type(cause).__name__
    return word if error.http_status is None else f"{word}, HTTP {error.http_status}"


def _word(value: object) -> str:
    return value if isinstance(value, str) and _WORD.fullmatch(value) is not None else ""


def _id(pattern: re.Pattern[str], value: object) -> str | None:
    return value if isinstance(value, str) and pattern.fullmatch(value) is not None else None
