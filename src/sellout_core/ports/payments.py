"""The port of a payment provider."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NoReturn, Protocol

import attrs

from sellout_core.fulfilment.money import NewPayment, OnlinePayment, ProviderCommand, ProviderPayment
from sellout_core.fulfilment.refusals import PaymentsDisabled

__all__ = ["NoPaymentProvider", "PaymentPage", "PaymentProvider", "ProviderFailed", "RefundRefused"]


class ProviderFailed(Exception):
    """A provider did not answer, or refused. What it was asked to do may or may not be done. The message has no secret
    and no personal data.
    """


class RefundRefused(ProviderFailed):
    """A provider refuses for good to pay back the amount of a command. It has paid back nothing of it, and will not."""


@attrs.frozen
class PaymentPage:
    """A payment that a provider has started: its id at the provider, of at most 255 characters, and the address of the
    page on which the buyer pays, of at most 2,000.
    """

    reference: str
    address: str


class PaymentProvider(Protocol):
    """A payment provider. It holds an amount on the buyer's card, captures and releases it, and pays it back. No method
    is called inside a transaction, and each ends within a time limit.
    """

    @property
    def name(self) -> str:
        """The name, in the address of its notices and in the rows of its payments."""

    @property
    def captures_in_parts(self) -> bool:
        """Whether a hold is captured and released in parts. Otherwise its first capture releases the rest."""

    def start(self, payment: NewPayment, key: str) -> PaymentPage:
        """Starts a payment, which will hold its amount. The same key returns the same payment.

        Raises:
            ProviderFailed: it was not started.
        """

    def read(self, payment: OnlinePayment) -> ProviderPayment:
        """The payment as the provider has it now.

        Raises:
            ProviderFailed: it could not be read.
            PaymentMismatch: the provider's answer contradicts itself.
        """

    def carry_out(self, payment: OnlinePayment, command: ProviderCommand) -> ProviderPayment:
        """Captures, releases or pays back what is missing until `payment.total_after(command)` is reached, and returns
        the payment after that. That is the amount of the command, or less if the answer to an earlier one was lost. The
        same key does it once.

        Raises:
            RefundRefused: the provider refuses for good to pay the amount back.
            ProviderFailed: it is unknown whether it is done.
            PaymentMismatch: the provider's answer contradicts itself.
        """

    def notice(self, headers: Mapping[str, Sequence[str]], content: bytes, now: datetime) -> ProviderPayment | None:
        """The payment that a notice is about: as a signed notice has it, or as the provider has it now. None: the
        notice is about no payment of a shop.

        Args:
            headers: All values of each header, by its name in lower case.
            content: The bytes of the body.
            now: The time.

        Raises:
            BadNotice: the notice is not signed by the provider, or was signed too long ago.
            InvalidFields: the notice is signed and is not such a document.
            PaymentMismatch: its amounts contradict each other.
            ProviderFailed: the provider could not be asked.
        """


@attrs.frozen
class NoPaymentProvider:
    """The provider of a shop whose staff enter payments by hand."""

    name: str = "manual"
    captures_in_parts: bool = True

    def start(self, payment: NewPayment, key: str) -> NoReturn:  # noqa: ARG002 - the port's
        """Refuses."""
        raise PaymentsDisabled

    def read(self, payment: OnlinePayment) -> NoReturn:  # noqa: ARG002 - the port's
        """Fails: the payment is another provider's."""
        raise ProviderFailed("the shop has no payment provider")

    def carry_out(self, payment: OnlinePayment, command: ProviderCommand) -> NoReturn:  # noqa: ARG002 - the port's
        """Fails: the payment is another provider's."""
        raise ProviderFailed("the shop has no payment provider")

    def notice(self, headers: Mapping[str, Sequence[str]], content: bytes, now: datetime) -> NoReturn:  # noqa: ARG002 - the port's
        """Refuses."""
        raise PaymentsDisabled
