"""A made-up bank, for a demo: its page has buttons instead of a card, and no money moves.

The bank has no books of its own: what it knows of a payment is what the shop has stored. So it survives a restart, and
several processes are one bank.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Literal, NoReturn

import attrs

from sellout_core.fulfilment.money import CommandKind, NewPayment, OnlinePayment, ProviderCommand, ProviderPayment
from sellout_core.fulfilment.refusals import BadNotice
from sellout_core.ports.payments import PaymentPage
from sellout_core.shop import Shop
from sellout_core.use_cases.payments import apply_report
from sellout_core.values import MAX_ID, OrderId

__all__ = ["PAGES", "Button", "SandboxBank", "SandboxPages"]

PAGES: Final = "/sandbox"
"""The path of the bank's pages."""

Button = Literal["pay", "refuse"]

_REFERENCE: Final = re.compile(r"([1-9][0-9]{0,15})-[1-9][0-9]{0,5}-[0-9a-f]{32}")


@attrs.frozen
class SandboxBank:
    """`ports.PaymentProvider` without a bank. `key` makes the addresses of its pages unpredictable."""

    key: str = attrs.field(repr=False)
    captures_in_parts: bool = True

    @property
    def name(self) -> str:
        """The name."""
        return "sandbox"

    def start(self, payment: NewPayment, key: str) -> PaymentPage:
        """Starts a payment. The address of its page has a secret, which a browser must know to press a button."""
        secret = hmac.new(self.key.encode(), f"sandbox {key}".encode(), hashlib.sha256).hexdigest()[:32]
        reference = f"{payment.order_id}-{payment.number}-{secret}"
        return PaymentPage(reference, f"{PAGES}/{reference}")

    def read(self, payment: OnlinePayment) -> ProviderPayment:
        """The payment as the shop knows it."""
        return _report(payment)

    def carry_out(self, payment: OnlinePayment, command: ProviderCommand) -> ProviderPayment:
        """The payment as the shop knows it, after the command. So a repetition does nothing more."""
        totals = {command.kind.total: payment.total_after(command)}
        is_over = command.kind is CommandKind.RELEASE and command.amount == payment.held
        return _report(payment, **totals, closed=payment.closed or is_over)

    def notice(self, headers: Mapping[str, Sequence[str]], content: bytes, now: datetime) -> NoReturn:  # noqa: ARG002 - the port's
        """Refuses: this bank sends no notices."""
        raise BadNotice


@attrs.frozen
class SandboxPages:
    """What the pages of a `SandboxBank` show and do, for the shop whose provider it is."""

    shop: Shop

    def find(self, reference: str) -> OnlinePayment | None:
        """The payment with that reference. None: there is none."""
        match = _REFERENCE.fullmatch(reference)
        if match is None or int(match[1]) > MAX_ID:
            return None
        order_id = OrderId(int(match[1]))
        found = self.shop.store.read(lambda tx: tx.fulfilments.get(order_id))
        payments = () if found is None else found.online
        own = (each for each in payments if each.provider == self.shop.payment_provider.name)
        return next((each for each in own if hmac.compare_digest(each.reference, reference)), None)

    def press(self, payment: OnlinePayment, button: Button) -> None:
        """Holds the amount, or refuses. Does nothing if the buyer has decided already."""
        if payment.is_pending:
            decided: dict[str, Any] = {"authorised": payment.amount} if button == "pay" else {"closed": True}
            apply_report(self.shop, _report(payment, **decided))


def _report(payment: OnlinePayment, **changes: Any) -> ProviderPayment:
    known = {field.name: getattr(payment, field.name) for field in attrs.fields(ProviderPayment)}
    return ProviderPayment(**known | changes)
