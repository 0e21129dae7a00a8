"""How orders move: their lines, payments and refunds."""

from collections.abc import Mapping
from functools import partial
from typing import Any, Final

import msgspec

from sellout_core.errors import Conflict, Invalid, NotFound
from sellout_core.fulfilment.progress import MoveRequest
from sellout_core.fulfilment.refusals import AboveAmountDue, MoveImpossible, ReturnWindowOver
from sellout_core.ports.store import Transaction
from sellout_core.use_cases.shopping import fulfilment
from sellout_core.use_cases.shopping.tracking import buyer_of, read_history, read_tracking
from sellout_core.values import OrderId, UserId
from sellout_http.api.handler_context import ReadContext, WriteContext
from sellout_http.api.operations import Access, Group
from sellout_http.api.queries.query_parameters import IDEMPOTENCY_KEY
from sellout_http.routes.once import Once
from sellout_http.schemas import fulfilment_serializers as serializers
from sellout_http.schemas import responses
from sellout_http.schemas.requests.fulfilment import (
    CancelOrderRequest,
    MoveOrderRequest,
    MoveOrdersRequest,
    PaymentRequest,
    RefundRequest,
    ReturnRequest,
)
from sellout_http.schemas.responses.long_lists import LongList

group = Group("Fulfilment", "The life of an order after checkout: its moves, its payment and its history.")

_UNIT: Final[dict[str, Any]] = {
    "id": 1,
    "amount": 5,
    "state": "confirmed",
    "moved_at": "2026-01-31T12:00:00Z",
    "parcel": None,
    "return_requested": False,
    "refund": None,
    "possible": ["purchased", "cancelled"],
}
_PAYMENT: Final[dict[str, Any]] = {
    "state": "captured",
    "amount_due": 0,
    "held": 0,
    "captured": 5,
    "refunded": 0,
    "delivery_fee": 0,
    "delivery_refund": None,
}
_TRACKING: Final[dict[str, Any]] = {
    "order_id": 1,
    "status": {"id": 3, "name": "confirmed"},
    "payment": _PAYMENT,
    "product_unit": [_UNIT],
    "parcels": [],
}
ENTRY_EXAMPLE: Final[dict[str, Any]] = {
    "id": 1,
    "at": "2026-01-31T12:00:00Z",
    "user_id": 1,
    "event": "line_moved",
    "product_unit": 1,
    "source": "placed",
    "target": "confirmed",
    "amount": None,
    "note": "",
}
_DELIVERED: Final = {**_UNIT, "state": "delivered", "parcel": 1, "possible": []}
_PARCEL: Final = {"number": 1, "carrier": "CDEK", "tracking_number": "1234567890"}
_CANCELLED: Final = {**_UNIT, "state": "cancelled", "refund": {"amount": 5, "state": "due"}, "possible": []}
_REFUNDED: Final = {
    **_TRACKING,
    "status": {"id": 10, "name": "cancelled"},
    "payment": {**_PAYMENT, "refunded": 5},
    "product_unit": [_CANCELLED],
}


SHOWN_EXAMPLE: Final[dict[str, Any]] = {
    **_TRACKING,
    "payment": {**_PAYMENT, "captured": 305, "delivery_fee": 300},
    "online_payments": [
        {
            "number": 1,
            "provider": "sandbox",
            "reference": "1-1-0123456789abcdef0123456789abcdef",
            "amount": 305,
            "authorised": 305,
            "captured": 305,
            "released": 0,
            "refunded": 0,
            "closed": False,
            "asked_at": None,
            "attempts": 0,
            "last_error": "",
        }
    ],
    "recipient": {
        "name": "Anna",
        "surname": "Petrova",
        "patronymic": "",
        "telephone": "+79990001122",
        "email": None,
        "comment": "call before",
    },
    "delivery": {"kind": "pick_up_point", "pick_up_point": "MSK-5", "address": None, "one_parcel": False},
    "planned_parcels": [[1]],
}


def _buyer(tx: Transaction, sent: Mapping[str, Any]) -> UserId | None:
    return buyer_of(tx, sent["order_id"])


@group.read("/order/tracking/{order_id}", Access.USER, reply_example=SHOWN_EXAMPLE)
def show_tracking(context: ReadContext, order_id: OrderId) -> responses.ShownTracking:
    """Where an order is, and where it goes.

    The response has each unit with its state, the payment, the parcels, the states that the caller can move each unit
    to now, the recipient and the delivery. The other operations do not repeat the last two.
    """
    return serializers.shown_tracking(read_tracking(context.shop, context.actor, order_id))


@group.read(
    "/order/history/{order_id}",
    Access.USER,
    reply_example=[ENTRY_EXAMPLE],
)
def show_history(context: ReadContext, order_id: OrderId) -> LongList[responses.OrderHistoryEntry]:
    """What happened to an order, by id. Entries never change, except that a deletion empties notes."""
    read = partial(read_history, context.shop, context.actor, order_id)
    return LongList(read, serializers.history_entry)


@group.write(
    "POST",
    "/order/payment/{order_id}",
    Access.ADMIN,
    errors=(AboveAmountDue,),
    repeatable=True,
    about=_buyer,
    request_example={"captured": 5},
    reply_example=_TRACKING,
)
def capture_payment(context: WriteContext, order_id: OrderId, body: PaymentRequest) -> responses.OrderTracking:
    """Enter a payment that was received: the amount due, or a part of it."""
    return serializers.tracking(fulfilment.capture_payment(context.shop, context.actor, order_id, body.amount()))


@group.write(
    "POST",
    "/order/move/{order_id}",
    Access.ADMIN,
    errors=(MoveImpossible,),
    repeatable=True,
    about=_buyer,
    request_example={"to": "confirmed", "product_unit": [1]},
    reply_example=_TRACKING,
)
def move_order(context: WriteContext, order_id: OrderId, body: MoveOrderRequest) -> responses.OrderTracking:
    """Move units of an order to another state.

    Without `product_unit`, all units that can be moved there are moved. With it, all of them are moved or none.
    """
    return serializers.tracking(fulfilment.move_order(context.shop, context.actor, order_id, body.move()))


@group.write(
    "POST",
    "/order/moves",
    Access.ADMIN,
    parameters=(IDEMPOTENCY_KEY,),
    more_codes=("idempotency_key_reused",),
    request_example={"moves": [{"order": 1, "to": "confirmed"}]},
    reply_example=[{"order_id": 1, "tracking": _TRACKING, "problem": None}],
)
def move_orders(context: WriteContext, body: MoveOrdersRequest) -> tuple[responses.MovedOrder, ...]:
    """Move units of up to 100 orders, each order with its own result.

    A move that is refused does not prevent the others.
    """
    requests, key = body.requests(), context.idempotency_key
    if key is None:
        results = fulfilment.move_orders(context.shop, context.actor, requests)
        return tuple(serializers.moved_order(order_id, result) for order_id, result in results.items())
    once = Once.of(context, key, "/order/moves", body)
    # The key is taken for this body first. Each order has a key of its own, whose response is deleted with its buyer.
    once.answer("", lambda _: None)
    # In order of id, as `move_orders`.
    moved = {order_id: _moved_once(once, order_id, requests[order_id]) for order_id in sorted(requests)}
    return tuple(moved[order_id] for order_id in requests)


def _moved_once(once: Once, order_id: OrderId, request: MoveRequest) -> responses.MovedOrder:
    def move(inside: WriteContext) -> responses.MovedOrder:
        return serializers.moved_order(order_id, fulfilment.move_order(inside.shop, inside.actor, order_id, request))

    try:
        done = once.answer(str(order_id), move, lambda tx: buyer_of(tx, order_id))
    except (Conflict, Invalid, NotFound) as refusal:
        return serializers.moved_order(order_id, refusal)
    return msgspec.json.decode(done, type=responses.MovedOrder)


@group.write(
    "POST",
    "/order/return/{order_id}",
    Access.USER,
    errors=(MoveImpossible, ReturnWindowOver),
    repeatable=True,
    about=_buyer,
    request_example={"product_unit": [1], "reason": "too small"},
    reply_example={
        **_TRACKING,
        "status": {"id": 9, "name": "delivered"},
        "product_unit": [{**_DELIVERED, "return_requested": True}],
        "parcels": [_PARCEL],
    },
)
def request_return(context: WriteContext, order_id: OrderId, body: ReturnRequest) -> responses.OrderTracking:
    """Ask to return delivered units of an order, or all of them.

    Staff decide, and move the units to `returned`. A second request for the same unit changes nothing.
    """
    return serializers.tracking(fulfilment.request_return(context.shop, context.actor, order_id, body.lines()))


@group.write(
    "POST",
    "/order/cancel/{order_id}",
    Access.USER,
    errors=(MoveImpossible,),
    repeatable=True,
    about=_buyer,
    request_example={"product_unit": [1], "reason": "ordered twice"},
    reply_example=_REFUNDED,
)
def cancel_order(context: WriteContext, order_id: OrderId, body: CancelOrderRequest) -> responses.OrderTracking:
    """Cancel units of an order, or the whole order.

    Buyers cancel units that are not confirmed. Staff cancel units that are not handed over, with a reason if they are
    confirmed. What was captured for a unit becomes a refund due.
    """
    return serializers.tracking(fulfilment.cancel_order(context.shop, context.actor, order_id, body.lines()))


@group.write(
    "POST",
    "/order/refund/{order_id}",
    Access.ADMIN,
    errors=(MoveImpossible,),
    repeatable=True,
    about=_buyer,
    request_example={"to": "done", "product_unit": [1]},
    reply_example={**_REFUNDED, "product_unit": [{**_CANCELLED, "refund": {"amount": 5, "state": "done"}}]},
)
def move_refunds(context: WriteContext, order_id: OrderId, body: RefundRequest) -> responses.OrderTracking:
    """Enter that refunds were sent, are done or have failed."""
    moved = fulfilment.move_refunds(
        context.shop, context.actor, order_id, body.lines(), body.to, of_delivery=body.delivery
    )
    return serializers.tracking(moved)
