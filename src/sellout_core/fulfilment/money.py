"""Refunds, and the payments of an order with a payment provider."""

import enum
from collections.abc import Collection
from datetime import datetime
from typing import Self

import attrs

from sellout_core.fulfilment.lifecycle import RefundState
from sellout_core.fulfilment.refusals import PaymentMismatch
from sellout_core.values import Money, OrderId, ProductUnitId

__all__ = ["CommandKind", "NewPayment", "OnlinePayment", "ProviderCommand", "ProviderPayment", "Refund"]


@attrs.frozen
class Refund:
    """The refund of a line that was cancelled or returned. Without a unit it is the refund of the delivery fee.

    `payment_number` is the online payment whose provider pays the money back. None: staff pay it back. A provider pays
    what is `due`. What it has refused for good, `failed` or `sent`, is paid back by staff, with the provider or without
    it.
    """

    unit_id: ProductUnitId | None
    amount: Money
    state: RefundState
    payment_number: int | None = None


@attrs.frozen(kw_only=True)
class ProviderPayment:
    """What a provider says about a payment. Amounts are totals in whole currency units, and none of them ever falls. So
    neither the order nor the repetition of such reports matters.

    Attributes:
        reference: The provider's id of the payment.
        order_id: The order.
        amount: The amount of the payment.
        currency: The currency, as the shop named it.
        authorised: What was held on the buyer's card.
        captured: What was captured of it.
        released: What was given free of it.
        refunded: What was paid back of the captured amount.
        closed: Whether nothing more can be held or captured.

    Raises:
        PaymentMismatch: the amounts contradict each other.
    """

    reference: str
    order_id: OrderId
    amount: Money
    currency: str
    authorised: Money = Money(0)
    captured: Money = Money(0)
    released: Money = Money(0)
    refunded: Money = Money(0)
    closed: bool = False

    def __attrs_post_init__(self) -> None:
        """Compares the amounts."""
        held = 0 <= self.captured + self.released <= self.authorised <= self.amount
        if not held or not 0 <= self.refunded <= self.captured or self.released < 0:
            raise PaymentMismatch


class CommandKind(enum.Enum):
    """What a provider is asked to do."""

    CAPTURE = "capture"
    RELEASE = "release"
    REFUND = "refund"

    @property
    def total(self) -> str:
        """The name of the total of a payment that such a command raises."""
        return {"capture": "captured", "release": "released", "refund": "refunded"}[self.value]


@attrs.frozen
class ProviderCommand:
    """What a provider is asked to do with a payment.

    Attributes:
        kind: What to do.
        amount: The amount, in whole currency units. To release 0 is to cancel a payment that the buyer has not made.
        key: The idempotency key. A command that is sent again has the same one.
    """

    kind: CommandKind
    amount: Money
    key: str


@attrs.frozen(kw_only=True)
class NewPayment:
    """A payment that a provider is asked to start. `currency` is the name of the order's currency."""

    order_id: OrderId
    number: int
    amount: Money
    currency: str


@attrs.frozen(kw_only=True)
class OnlinePayment(NewPayment):
    """A payment of an order with a provider.

    Attributes:
        number: Counts the payments of the order from 1.
        provider: The name of the provider.
        reference: The provider's id of the payment.
        page: The address of the page on which the buyer pays.
        in_parts: Whether a hold is captured and released in parts. Otherwise its first capture releases the rest.
        authorised, captured, released, refunded, closed: What the provider has said so far, as in `ProviderPayment`.
        credited: What was captured and counts for the order. The rest was more than the order can cost.
        due_at: When the provider is asked next. None: there is nothing to ask.
        attempts: How often it was asked without success.
        last_error: Why the last attempt failed. Empty: it did not.
    """

    provider: str
    reference: str
    page: str
    in_parts: bool
    authorised: Money = Money(0)
    captured: Money = Money(0)
    released: Money = Money(0)
    refunded: Money = Money(0)
    closed: bool = False
    credited: Money = Money(0)
    due_at: datetime | None = None
    attempts: int = 0
    last_error: str = ""

    @property
    def held(self) -> int:
        """What is on hold: neither captured nor released."""
        return 0 if self.closed else max(0, self.authorised - self.captured - self.released)

    @property
    def is_pending(self) -> bool:
        """Whether the buyer has neither paid nor refused yet."""
        return not self.closed and self.authorised == 0

    def refundable(self, refunds: Collection[Refund]) -> int:
        """What was credited and belongs to none of the refunds."""
        return self.credited - sum(each.amount for each in refunds if each.payment_number == self.number)

    def total_after(self, command: ProviderCommand) -> Money:
        """What is captured, released or refunded in all after a command, by its kind."""
        return Money(getattr(self, command.kind.total) + command.amount)

    def after(self, report: ProviderPayment) -> Self:
        """The payment after a report.

        Raises:
            PaymentMismatch: the report is about another order, reference, amount or currency.
        """
        names = ("reference", "order_id", "amount", "currency")
        if any(getattr(self, name) != getattr(report, name) for name in names):
            raise PaymentMismatch
        totals = {
            name: max(getattr(self, name), getattr(report, name))
            for name in ("authorised", "captured", "released", "refunded")
        }
        return attrs.evolve(self, closed=self.closed or report.closed, **totals)
