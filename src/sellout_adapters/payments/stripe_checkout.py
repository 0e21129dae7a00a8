"""What Stripe has about a payment: a Checkout Session, its PaymentIntent and its refunds, in the shop's terms."""

import re
from collections.abc import Sequence
from typing import Any, Final

import attrs

from sellout_adapters.extras import naming_extras
from sellout_core.fulfilment.money import ProviderPayment
from sellout_core.fulfilment.refusals import PaymentMismatch
from sellout_core.ports.payments import ProviderFailed
from sellout_core.values import MAX_ID, Money, OrderId

with naming_extras():
    import stripe

__all__ = ["Checkout", "checkout_of", "currency_code", "minor_units"]

_CODE: Final = re.compile(r"[A-Z]{3}")
_ID: Final = re.compile(r"[1-9][0-9]{0,15}")
_TOTAL: Final = re.compile(r"[1-9][0-9]{0,19}")

_NO_DECIMALS: Final = frozenset(
    ["BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF"]
)
_THREE_DECIMALS: Final = frozenset(["BHD", "JOD", "KWD", "OMR", "TND"])
"""https://docs.stripe.com/currencies. All others have two, also those with whole amounts only, such as ISK."""

_CONTRADICTORY: Final = frozenset({"UGX"})
"""Stripe's page lists it among the currencies without decimals, and demands two decimals elsewhere."""

_ENDED: Final = frozenset({None, "requires_payment_method", "requires_confirmation"})
"""The states of a PaymentIntent in which nothing more happens when its session has expired."""


@attrs.frozen(kw_only=True)
class Checkout:
    """A payment at Stripe. Amounts are in minor units.

    Attributes:
        reference: The id of the session.
        order_id: The order. None: the session is not the shop's.
        amount, currency: The amount, and the currency's code in capitals.
        status: The state of the session: `open`, `complete` or `expired`.
        intent: The id of the PaymentIntent. None: the buyer has entered no card yet.
        intent_status: Its state.
        capturable: What is held on the card.
        captured: What was captured.
        was_held: Whether the last charge held the amount and was not captured.
        paid_back: What was paid back.
        coming: What is being paid back.
        failed: The totals of the shop's refunds that have failed.
    """

    reference: str
    order_id: OrderId | None
    amount: int
    currency: str
    status: str
    intent: str | None = None
    intent_status: str | None = None
    capturable: int = 0
    captured: int = 0
    was_held: bool = False
    paid_back: int = 0
    coming: int = 0
    failed: frozenset[int] = frozenset()

    @property
    def is_open(self) -> bool:
        """Whether the buyer can still pay."""
        return self.status == "open"

    @property
    def report(self) -> ProviderPayment:
        """What the port returns.

        Raises:
            ProviderFailed: the session is not the shop's.
            PaymentMismatch: an amount is no whole currency unit, or the amounts contradict each other.
        """
        if self.order_id is None:
            raise ProviderFailed("the answer is not a payment")
        authorised, released, closed = self.capturable, 0, False
        if self.intent_status == "succeeded":
            authorised, released, closed = self.amount, self.amount - self.captured, True
        elif self.intent_status == "canceled":
            authorised = released = self.amount if self.was_held else 0
            closed = True
        elif self.intent_status in _ENDED:
            closed = self.status == "expired"
        factor = _factor(self.currency)
        totals = self.amount, authorised, self.captured, released
        if any(total % factor for total in totals):
            raise PaymentMismatch
        amount, authorised, captured, released = (Money(total // factor) for total in totals)
        return ProviderPayment(
            reference=self.reference,
            order_id=self.order_id,
            amount=amount,
            currency=self.currency,
            authorised=Money(authorised),
            captured=captured,
            released=Money(released),
            # Staff may have paid back a part of a unit on Stripe's pages.
            refunded=Money(self.paid_back // factor),
            closed=closed,
        )


def checkout_of(client: stripe.StripeClient, reference: str) -> Checkout:
    """Reads a payment.

    Raises:
        stripe.StripeError: it could not be read.
        ProviderFailed: the answer is no payment.
    """
    expand = ["payment_intent.latest_charge"]
    session: Any = client.v1.checkout.sessions.retrieve(reference, {"expand": expand})
    try:
        found = _checkout(session)
        if found.reference != reference:
            raise ProviderFailed("the answer is another payment")
        if found.intent is None or found.captured == 0:
            return found
        refunds = list(client.v1.refunds.list({"payment_intent": found.intent, "limit": 100}).auto_paging_iter())
        return attrs.evolve(found, **_refunds(refunds))
    except (AttributeError, TypeError, ValueError):
        raise ProviderFailed("the answer is not a payment") from None


def currency_code(name: str) -> str:
    """The ISO 4217 code of a currency of the shop, which must be its name.

    Raises:
        ProviderFailed: the name is no such code, or Stripe's amounts in the currency are ambiguous.
    """
    if _CODE.fullmatch(name) is None or name in _CONTRADICTORY:
        raise ProviderFailed("the name of the currency is no ISO 4217 code that the shop can use with Stripe")
    return name


def minor_units(amount: int, currency: str) -> int:
    """An amount in whole currency units as Stripe wants it. `currency` is the code of a currency."""
    return amount * _factor(currency)


def _factor(currency: str) -> int:
    if currency in _NO_DECIMALS:
        return 1
    return 1000 if currency in _THREE_DECIMALS else 100


def _checkout(session: Any) -> Checkout:
    order_id = _mark(session, "order_id")
    known = Checkout(
        reference=_text(session.id),
        order_id=OrderId(int(order_id)) if _ID.fullmatch(order_id) and int(order_id) <= MAX_ID else None,
        amount=_number(session.amount_total),
        currency=_text(session.currency).upper(),
        status=_text(session.status),
    )
    intent = session.payment_intent
    if intent is None:
        return known
    charge = intent.latest_charge
    return attrs.evolve(
        known,
        amount=_number(intent.amount),
        currency=_text(intent.currency).upper(),
        intent=_text(intent.id),
        intent_status=_text(intent.status),
        capturable=_number(intent.amount_capturable) if intent.status == "requires_capture" else 0,
        captured=_number(intent.amount_received),
        was_held=charge is not None and charge.status == "succeeded" and not charge.captured,
    )


def _refunds(refunds: Sequence[Any]) -> dict[str, Any]:
    paid_back, coming, failed = 0, 0, set[int]()
    for refund in refunds:
        total = _mark(refund, "total")
        if refund.status in {"pending", "requires_action"}:
            coming += _number(refund.amount)
        elif refund.status in {"failed", "canceled"}:
            failed |= {int(total)} if _TOTAL.fullmatch(total) else set()
        # A partial capture is listed as a refund of the rest, which moved no money and has no transaction.
        elif total or refund.balance_transaction is not None:
            paid_back += _number(refund.amount)
    return {"paid_back": paid_back, "coming": coming, "failed": frozenset(failed)}


def _mark(thing: Any, name: str) -> str:
    """A value that the shop has put on an object of Stripe. Empty: it has not."""
    metadata = thing.metadata
    value = None if metadata is None else metadata.to_dict().get(name)
    return value if isinstance(value, str) else ""


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _number(value: object) -> int:
    if type(value) is not int or value < 0:
        raise TypeError
    return value
