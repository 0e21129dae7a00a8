"""Converts the fulfilment and the deliveries of orders to documents."""

import attrs
from msgspec.structs import asdict

from sellout_core.errors import SellOutError
from sellout_core.fulfilment.lifecycle import LineState
from sellout_core.fulfilment.money import OnlinePayment, Refund
from sellout_core.fulfilment.progress import Fulfilment, HistoryEntry, LineProgress
from sellout_core.shopping.delivery import Delivery, DeliveryKind, Recipient
from sellout_core.use_cases.delivery_tariffs import DeliveryTariffsView
from sellout_core.use_cases.shopping.tracking import ShownTracking, TrackingView
from sellout_core.values import OrderId
from sellout_http.problems.details import problem_of
from sellout_http.schemas import responses, serializers


def tracking(view: TrackingView) -> responses.OrderTracking:
    """The fulfilment of an order."""
    found = view.fulfilment
    return responses.OrderTracking(
        order_id=found.order_id,
        status=serializers.named(view.status),
        payment=responses.OrderPayment(
            state=found.payment,
            amount_due=found.due,
            held=found.held,
            captured=found.captured,
            refunded=found.refunded,
            delivery_fee=found.delivery_fee,
            delivery_refund=_refund(found.refund_of(None)),
        ),
        product_unit=tuple(_unit(found, line, view.possible[line.unit_id]) for line in found.lines),
        parcels=tuple(responses.OrderParcel(each.number, each.carrier, each.tracking_number) for each in found.parcels),
    )


def _unit(found: Fulfilment, line: LineProgress, possible: tuple[str, ...]) -> responses.TrackedUnit:
    return responses.TrackedUnit(
        id=line.unit_id,
        amount=line.amount,
        state=line.state,
        moved_at=line.moved_at,
        parcel=line.parcel_number,
        return_requested=line.return_requested,
        refund=_refund(found.refund_of(line.unit_id)),
        possible=tuple(map(LineState, possible)),
    )


def _refund(refund: Refund | None) -> responses.UnitRefund | None:
    return None if refund is None else responses.UnitRefund(refund.amount, refund.state)


def shown_tracking(view: ShownTracking) -> responses.ShownTracking:
    """The fulfilment and the delivery of an order."""
    return responses.ShownTracking(
        **asdict(tracking(view)),
        online_payments=tuple(map(_online, view.online)),
        recipient=_recipient(view.order.recipient),
        delivery=_delivery(view.order.delivery),
        planned_parcels=tuple(map(tuple, view.planned)),
    )


def _online(payment: OnlinePayment) -> responses.OnlinePayment:
    names = (name for name in responses.OnlinePayment.__struct_fields__ if name != "asked_at")
    return responses.OnlinePayment(asked_at=payment.due_at, **{name: getattr(payment, name) for name in names})


def delivery_tariffs(view: DeliveryTariffsView) -> responses.DeliveryTariffs:
    """The delivery tariffs."""
    shown = {
        kind.value: responses.DeliveryTariff(
            tariff.price, tariff.fee, serializers.named(view.currencies[tariff.currency_id])
        )
        for kind, tariff in view.tariffs.items()
    }
    return responses.DeliveryTariffs(**{kind.value: shown.get(kind.value) for kind in DeliveryKind})


def _recipient(found: Recipient | None) -> responses.OrderRecipient | None:
    if found is None:
        return None
    return responses.OrderRecipient(**attrs.asdict(found) | {"email": found.email or None})


def _delivery(found: Delivery | None) -> responses.OrderDelivery | None:
    if found is None:
        return None
    place = found.address
    return responses.OrderDelivery(
        kind=found.kind,
        pick_up_point=found.pick_up_point or None,
        address=None if place is None else responses.DeliveryAddress(place.address, place.post_index),
        one_parcel=found.one_parcel,
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
