"""Converts the fulfilment of orders to documents."""

from sellout_core.errors import SellOutError
from sellout_core.fulfilment.lifecycle import LineState
from sellout_core.fulfilment.progress import Fulfilment, HistoryEntry, LineProgress
from sellout_core.use_cases.shopping.tracking import TrackingView
from sellout_core.values import OrderId
from sellout_http.problems.details import problem_of
from sellout_http.schemas import responses, serializers


def tracking(view: TrackingView) -> responses.OrderTracking:
    """The fulfilment of an order."""
    found = view.fulfilment
    return responses.OrderTracking(
        order_id=found.order_id,
        status=serializers.named(view.status),
        payment=responses.OrderPayment(found.payment, found.due, found.captured, found.refunded),
        product_unit=tuple(_unit(found, line, view.possible[line.unit_id]) for line in found.lines),
        parcels=tuple(responses.OrderParcel(each.number, each.carrier, each.tracking_number) for each in found.parcels),
    )


def _unit(found: Fulfilment, line: LineProgress, possible: tuple[str, ...]) -> responses.TrackedUnit:
    refund = found.refund_of(line.unit_id)
    return responses.TrackedUnit(
        id=line.unit_id,
        amount=line.amount,
        state=line.state,
        moved_at=line.moved_at,
        parcel=line.parcel_number,
        return_requested=line.return_requested,
        refund=None if refund is None else responses.UnitRefund(refund.amount, refund.state),
        possible=tuple(map(LineState, possible)),
    )


def history_entry(entry: HistoryEntry) -> responses.OrderHistoryEntry:
    """A history entry."""
    return responses.OrderHistoryEntry(
        id=entry.id,
        at=entry.at,
        user_id=entry.actor_id,
        event=entry.event,
        product_unit=entry.unit_id,
        source=entry.source,
        target=entry.target,
        amount=entry.amount,
        note=entry.note,
    )


def moved_order(order_id: OrderId, result: TrackingView | SellOutError) -> responses.MovedOrder:
    """The result of one of several moves."""
    if isinstance(result, SellOutError):
        return responses.MovedOrder(order_id, None, problem_of(result))
    return responses.MovedOrder(order_id, tracking(result), None)
