"""A payment provider in memory, for tests. The test plays the buyer."""

import threading
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import attrs

from sellout_adapters.payments.signed import payment_of, require_signed
from sellout_core.fulfilment.money import CommandKind, NewPayment, OnlinePayment, ProviderCommand, ProviderPayment
from sellout_core.ports.payments import PaymentPage, ProviderFailed, RefundRefused
from sellout_core.values import Money

__all__ = ["Bank"]


@attrs.define(eq=False)
class Bank:
    """`ports.PaymentProvider` in memory.

    Attributes:
        captures_in_parts: As in the port.
        failure: The error of every call. None: the bank works.
        refusal: Why it refuses for good to pay anything back. None: it does not.
        key: The key that signs its notices.
        loses_answers: Whether commands are carried out, and their answers are lost.
        commands: The commands that were carried out, by key.
    """

    captures_in_parts: bool = True
    failure: str | None = None
    refusal: str | None = None
    loses_answers: bool = False
    key: str = "a key of the bank, thirty-two bytes or more"
    commands: dict[str, ProviderCommand] = attrs.field(factory=dict)
    _payments: dict[str, ProviderPayment] = attrs.field(factory=dict, init=False)
    _lock: threading.Lock = attrs.field(factory=threading.Lock, init=False)

    @property
    def name(self) -> str:
        """The name."""
        return "bank"

    def start(self, payment: NewPayment, key: str) -> PaymentPage:
        """Starts a payment. Its key is its reference."""
        self._require_up()
        known = ProviderPayment(
            reference=key, order_id=payment.order_id, amount=payment.amount, currency=payment.currency
        )
        with self._lock:
            self._payments.setdefault(key, known)
        return PaymentPage(key, f"https://bank.example/{key}")

    def read(self, payment: OnlinePayment) -> ProviderPayment:
        """The payment as it is now."""
        self._require_up()
        return self._payments[payment.reference]

    def carry_out(self, payment: OnlinePayment, command: ProviderCommand) -> ProviderPayment:
        """Carries a command out, once for each key."""
        self._require_up()
        if self.refusal is not None and command.kind is CommandKind.REFUND:
            raise RefundRefused(self.refusal)
        with self._lock:
            found = self._payments[payment.reference]
            if command.key not in self.commands:
                self.commands[command.key] = command
                total = max(payment.total_after(command), getattr(found, command.kind.total))
                found = self._payments[payment.reference] = self._after(found, command, total)
        if self.loses_answers:
            raise ProviderFailed("a timeout")
        return found

    def notice(self, headers: Mapping[str, Sequence[str]], content: bytes, now: datetime) -> ProviderPayment:
        """A notice that `key` has signed."""
        require_signed([self.key], headers, content, now)
        return payment_of(content)

    def change(self, payment: OnlinePayment, **changes: Any) -> ProviderPayment:
        """Changes a payment as the buyer or the bank does, and returns it."""
        with self._lock:
            found = attrs.evolve(self._payments[payment.reference], **changes)
            self._payments[payment.reference] = found
        return found

    def _after(self, found: ProviderPayment, command: ProviderCommand, total: int) -> ProviderPayment:
        match command.kind:
            case CommandKind.CAPTURE:
                closed = not self.captures_in_parts
                released = Money(found.authorised - total) if closed else found.released
                return attrs.evolve(found, captured=Money(total), released=released, closed=closed)
            case CommandKind.RELEASE:
                is_over = found.captured + total == found.authorised
                return attrs.evolve(found, released=Money(total), closed=is_over)
            case CommandKind.REFUND:
                return attrs.evolve(found, refunded=Money(total))

    def _require_up(self) -> None:
        if self.failure is not None:
            raise ProviderFailed(self.failure)
