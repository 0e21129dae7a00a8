"""A payment provider behind a program of the operator, which translates between the shop and any bank.

The shop sends it signed questions and commands as JSON, and it sends signed notices. docs/payments.md has the protocol.
"""

import http.client
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlsplit

import attrs

from sellout_adapters.payments.documents import object_of, page_of
from sellout_adapters.payments.signed import payment_of, require_signed, signed
from sellout_core.errors import InvalidFields
from sellout_core.fulfilment.money import CommandKind, NewPayment, OnlinePayment, ProviderCommand, ProviderPayment
from sellout_core.ports.payments import PaymentPage, ProviderFailed, RefundRefused

__all__ = ["WebhookProvider"]

_MOST: Final = 64 * 1024
"""The maximum size of an answer, in bytes."""


@attrs.frozen
class WebhookProvider:
    """`ports.PaymentProvider` over HTTP.

    Attributes:
        url: The address of the operator's program.
        keys: The keys of notices. The first one signs what the shop sends.
        seconds: The time limit of each step of a request.
        clock: Returns the time.
    """

    url: str
    keys: Sequence[str] = attrs.field(repr=False)
    seconds: float = 10
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    captures_in_parts: bool = True

    @property
    def name(self) -> str:
        """The name."""
        return "webhook"

    def start(self, payment: NewPayment, key: str) -> PaymentPage:
        """Starts a payment."""
        answer = self._ask("start", key, **attrs.asdict(payment))
        try:
            document = object_of(answer)
        except InvalidFields:
            raise ProviderFailed("the answer is not the start of a payment") from None
        return page_of(document.get("reference"), document.get("page"))

    def read(self, payment: OnlinePayment) -> ProviderPayment:
        """The payment as the program has it."""
        return _payment(self._ask("read", "", order_id=payment.order_id, reference=payment.reference))

    def carry_out(self, payment: OnlinePayment, command: ProviderCommand) -> ProviderPayment:
        """Sends the command."""
        about = {"order_id": payment.order_id, "reference": payment.reference, "currency": payment.currency}
        total = payment.total_after(command)
        return _payment(self._ask(command.kind.value, command.key, **about, amount=command.amount, total=total))

    def notice(self, headers: Mapping[str, Sequence[str]], content: bytes, now: datetime) -> ProviderPayment:
        """The payment of a notice that one of the keys has signed."""
        require_signed(self.keys, headers, content, now)
        return payment_of(content)

    def _ask(self, action: str, key: str, **members: Any) -> bytes:
        """The body of a successful answer. Redirects are not followed.

        Raises:
            RefundRefused: the program refuses for good to pay back.
            ProviderFailed: there is none.
        """
        content = json.dumps({"action": action, "key": key, **members}).encode()
        parts = urlsplit(self.url)
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        connection = kind(parts.hostname or "", parts.port, timeout=self.seconds)
        headers = {"Content-Type": "application/json", **signed(self.keys[0], self.clock(), content)}
        try:
            connection.request("POST", parts.path or "/", content, headers)
            response = connection.getresponse()
            answer = response.read(_MOST + 1)
        except (OSError, http.client.HTTPException) as error:
            raise ProviderFailed(f"{action}: {type(error).__name__}") from error
        finally:
            connection.close()
        if response.status == http.client.UNPROCESSABLE_ENTITY and action == CommandKind.REFUND.value:
            raise RefundRefused(f"{action}: HTTP {response.status}")
        if response.status != http.client.OK:
            raise ProviderFailed(f"{action}: HTTP {response.status}")
        if len(answer) > _MOST:
            raise ProviderFailed(f"{action}: the answer is too long")
        return answer


def _payment(answer: bytes) -> ProviderPayment:
    try:
        return payment_of(answer)
    except InvalidFields:
        raise ProviderFailed("the answer is not a payment") from None
