"""The errors of moves of orders, payments and refunds."""

from collections.abc import Mapping
from typing import ClassVar

import attrs

from sellout_core.errors import Conflict, Invalid, Unauthenticated
from sellout_core.values import ProductUnitId


@attrs.frozen
class MoveImpossible(Conflict):
    """Lines of the order, or their refunds, cannot be moved to the requested state now.

    Attributes:
        possible: The states that each of them can be moved to by the caller, by unit. None stands for the refund of the
            delivery fee.
    """

    code: ClassVar[str] = "move_impossible"
    possible: Mapping[ProductUnitId | None, tuple[str, ...]]

    def __str__(self) -> str:
        """A sentence with the possible moves."""
        moves = (
            f"{'delivery' if unit_id is None else f'unit {unit_id}'}: {', '.join(targets) or 'none'}"
            for unit_id, targets in self.possible.items()
        )
        return f"The move is impossible. Possible moves: {'; '.join(moves) or 'none'}."


@attrs.frozen
class AboveAmountDue(Conflict):
    """A payment is above the amount due. `due` is that amount."""

    code: ClassVar[str] = "above_amount_due"
    due: int

    def __str__(self) -> str:
        """A sentence with the amount due."""
        return f"The payment is above the amount due, {self.due}."


class ReturnWindowOver(Conflict):
    """The time within which a buyer may ask to return a unit is over."""

    code = "return_window_over"
    sentence = "The time for returns is over."


class PaymentMismatch(Invalid):
    """A report about a payment contradicts the payment that the shop started. It is not applied."""

    code = "payment_mismatch"
    sentence = "The reported order, reference, amount or currency is not that of the payment."


class BadNotice(Unauthenticated):
    """A notice about a payment is not signed by the provider, or was signed too long ago."""

    code = "bad_signature"
    sentence = "The notice has no valid signature, or its time is too far from the shop's."


class PaymentsDisabled(Conflict):
    """The shop has no payment provider."""

    code = "payments_disabled"
    sentence = "The shop has no payment provider."


class NothingDue(Conflict):
    """Nothing is to be paid for the order: it is paid, held, free or cancelled."""

    code = "nothing_due"
    sentence = "Nothing is to be paid for the order."
