"""The table of all kinds of events. Documentation, the OpenAPI document and tests read it.

A name and a version never change their meaning. A version may get more members. Another change is another version.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import attrs

from sellout_core.fulfilment.lifecycle import LINE_MOVES, PAYMENT_MOVES, LineState, PaymentState, RefundState
from sellout_core.values import MAX_ID, MAX_PRICE, MAX_TOTAL

__all__ = ["KINDS", "PING", "EventKind", "Member", "kind_of"]

PING: Final = "webhook.pinged"
"""The name of the event that staff send to one webhook to test it."""

_Schema = Mapping[str, Any]


@attrs.frozen
class Member:
    """A member of the data of an event: its name, its JSON schema and its description."""

    name: str
    schema: _Schema
    description: str


@attrs.frozen
class EventKind:
    """A kind of event.

    Attributes:
        name: The name: the kind of the subject, and what happened to it.
        cause: What happened.
        members: The members of the data. All are always present.
        version: The version.
    """

    name: str
    cause: str
    members: tuple[Member, ...]
    version: int = 1

    @property
    def subject(self) -> str:
        """The kind of the subject, such as `order`."""
        return self.name.partition(".")[0]


_ID: Final[_Schema] = {"type": "integer", "minimum": 1, "maximum": MAX_ID}
_PRICE: Final[_Schema] = {"type": "integer", "minimum": 0, "maximum": MAX_PRICE}
_TOTAL: Final[_Schema] = {"type": "integer", "minimum": 0, "maximum": MAX_TOTAL}
_TEXT: Final[_Schema] = {"type": "string"}


def _or_null(schema: _Schema) -> _Schema:
    return {**schema, "type": [schema["type"], "null"]}


def _state(states: Sequence[str]) -> _Schema:
    return {"type": "string", "enum": list(states)}


def _states(kind: type[LineState] | type[PaymentState] | type[RefundState]) -> _Schema:
    return _state([state.value for state in kind])


_USER: Final = Member("user_id", _ID, "The user.")
_UNIT: Final = Member("unit_id", _ID, "The product unit.")
_PRODUCT: Final = Member("product_id", _ID, "The product of the unit.")
_ORDER: Final = (Member("order_id", _ID, "The order."), Member("buyer_id", _ID, "The buyer."))
_LINE: Final[_Schema] = {
    "type": "object",
    "properties": {"unit_id": _ID, "product_id": _ID, "amount": _TOTAL},
    "required": ["unit_id", "product_id", "amount"],
    "additionalProperties": False,
}
_CURRENCY: Final = Member("currency", _TEXT, "The name of the currency.")

_PAYMENT_CAUSES: Final[Mapping[PaymentState, str]] = {
    PaymentState.AUTHORISED: "An amount is held on the buyer's card.",
    PaymentState.CAPTURED: "The payment was captured, whole or in part.",
    PaymentState.WAIVED: "Nothing is due for the order any more.",
    PaymentState.VOIDED: "The order was cancelled before anything was captured.",
    PaymentState.FAILED: "The payment was refused, or its hold ended.",
    PaymentState.EXPIRED: "The order was not paid in time.",
}
_REFUND_CAUSES: Final[Mapping[RefundState, str]] = {
    RefundState.DUE: "A refund is due, or its amount has grown.",
    RefundState.SENT: "A refund was sent.",
    RefundState.DONE: "A refund has arrived.",
    RefundState.FAILED: "A refund came back, or the payment provider refuses it for good.",
}

_ALL: Final[Sequence[EventKind]] = (
    EventKind("user.registered", "A user was created.", (_USER,)),
    EventKind("user.deleted", "A user was deleted with all personal data.", (_USER,)),
    EventKind(
        "product_unit.price_changed",
        "The price or the currency of a unit changed.",
        (
            _UNIT,
            _PRODUCT,
            Member("price", _PRICE, "The price, in whole currency units."),
            _CURRENCY,
            Member("previous_price", _PRICE, "The price before."),
            Member("previous_currency", _TEXT, "The currency before."),
        ),
    ),
    EventKind("product_unit.back_in_stock", "An unavailable unit became available.", (_UNIT, _PRODUCT)),
    EventKind("product_unit.out_of_stock", "An available unit became unavailable.", (_UNIT, _PRODUCT)),
    EventKind(
        "order.placed",
        "A buyer placed an order.",
        (
            *_ORDER,
            Member("total", _TOTAL, "What the order costs, in whole currency units."),
            Member("delivery_fee", _TOTAL, "The part of the total that is the delivery."),
            _CURRENCY,
            Member("lines", {"type": "array", "items": _LINE}, "The units, with their shares of the total."),
        ),
    ),
    EventKind(
        "order.line_moved",
        "A line of an order moved to another state.",
        (
            *_ORDER,
            _UNIT,
            Member("from", _state(list(dict.fromkeys(move.source.value for move in LINE_MOVES))), "The state before."),
            Member("to", _state(list(dict.fromkeys(move.target.value for move in LINE_MOVES))), "The state now."),
        ),
    ),
    EventKind(
        "order.parcel_shipped",
        "Units of an order were handed over to a carrier together.",
        (
            *_ORDER,
            Member("parcel", {"type": "integer", "minimum": 1}, "The number of the parcel in its order."),
            Member("unit_ids", {"type": "array", "items": _ID}, "The units in it."),
        ),
    ),
    EventKind("order.cancelled", "The last line of an order was cancelled, and no line was delivered.", _ORDER),
    EventKind("order.return_requested", "The buyer asks to return a unit.", (*_ORDER, _UNIT)),
    *(
        EventKind(
            f"order.payment_{state.value}",
            cause,
            (
                *_ORDER,
                Member("from", _states(PaymentState), "The state before."),
                Member("to", _state([state.value]), "The state now."),
                Member("amount", _or_null(_TOTAL), "The amount of this step. Null: it has none."),
            ),
        )
        for state, cause in _PAYMENT_CAUSES.items()
        if any(move.target is state for move in PAYMENT_MOVES)
    ),
    *(
        EventKind(
            f"order.refund_{state.value}",
            cause,
            (
                *_ORDER,
                Member("unit_id", _or_null(_ID), "The unit. Null: the delivery fee."),
                Member("to", _state([state.value]), "The state now."),
                Member("amount", _TOTAL, "The amount of the refund."),
            ),
        )
        for state, cause in _REFUND_CAUSES.items()
    ),
    EventKind(
        "order.overpaid",
        "More arrived than the order can cost. The provider pays it back.",
        (*_ORDER, Member("amount", _TOTAL, "What is paid back.")),
    ),
    EventKind(PING, "Staff test a webhook. No other webhook gets it.", (Member("webhook_id", _ID, "The webhook."),)),
)

KINDS: Final[Mapping[str, EventKind]] = {kind.name: kind for kind in _ALL}
"""All kinds by name."""


def kind_of(name: str) -> EventKind:
    """The kind with that name, which exists."""
    return KINDS[name]
