"""The documents of the fulfilment of orders and its history, and of deliveries."""

from typing import Annotated

from msgspec import Meta, Struct

from sellout_core.fulfilment.lifecycle import Event, LineState, PaymentState, RefundState
from sellout_core.shopping.delivery import DeliveryKind
from sellout_http.problems.details import Problem
from sellout_http.schemas.responses.common import Id, NamedReference, Time


class UnitRefund(Struct, frozen=True, gc=False):
    """The refund of a unit or of the delivery fee."""

    amount: Annotated[int, Meta(description="The amount, in whole currency units.")]
    state: Annotated[RefundState, Meta(description="The state of the refund.")]


class TrackedUnit(Struct, frozen=True, gc=False):
    """A unit of an order, and its progress."""

    id: Id
    amount: Annotated[int, Meta(description="Its share of the order's total, in whole currency units.")]
    state: Annotated[LineState, Meta(description="The state of the unit.")]
    moved_at: Annotated[Time | None, Meta(description="The time of its last move. Null: it has not moved.")]
    parcel: Annotated[int | None, Meta(description="The number of its parcel. Null: it is in none.")]
    return_requested: Annotated[bool, Meta(description="Whether the buyer has asked to return it.")]
    refund: Annotated[UnitRefund | None, Meta(description="Its refund, if there is one.")]
    possible: Annotated[
        tuple[LineState, ...],
        Meta(description="The states that the caller can move it to now."),
    ]


class StartedPayment(Struct, frozen=True, gc=False):
    """A payment that the buyer can make."""

    order_id: Id
    amount: Annotated[int, Meta(description="The amount, in whole currency units.")]
    currency: Annotated[str, Meta(description="The name of the currency.")]
    page: Annotated[str, Meta(description="The address of the page on which the buyer pays.")]


class KnownNotice(Struct, frozen=True, gc=False):
    """The shop knows what a notice says."""

    known: Annotated[bool, Meta(description="Always true.")]


class OnlinePayment(Struct, frozen=True, gc=False):
    """A payment of an order with a payment provider. Amounts are in whole currency units."""

    number: Annotated[int, Meta(description="The number of the payment in the order, from 1.")]
    provider: Annotated[str, Meta(description="The name of the provider.")]
    reference: Annotated[str, Meta(description="The id of the payment at the provider.")]
    amount: Annotated[int, Meta(description="The amount of the payment, in whole currency units.")]
    authorised: Annotated[int, Meta(description="What was held on the buyer's card.")]
    captured: Annotated[int, Meta(description="What was captured of it.")]
    released: Annotated[int, Meta(description="What was released of it.")]
    refunded: Annotated[int, Meta(description="What was paid back of the captured amount.")]
    closed: Annotated[bool, Meta(description="Whether nothing more can be held or captured.")]
    asked_at: Annotated[
        Time | None, Meta(description="When the provider is asked next. Null: there is nothing to ask.")
    ]
    attempts: Annotated[int, Meta(description="How often the provider was asked without success.")]
    last_error: Annotated[str, Meta(description="Why the last attempt failed. Empty: it did not.")]


class OrderPayment(Struct, frozen=True):
    """The payment of an order. Amounts are in whole units of the order's currency."""

    state: Annotated[PaymentState, Meta(description="The state of the payment.")]
    amount_due: Annotated[int, Meta(description="The amount that can still be paid, in whole currency units.")]
    held: Annotated[int, Meta(description="The amount that is on hold on the buyer's card.")]
    captured: Annotated[int, Meta(description="The amount that was captured.")]
    refunded: Annotated[int, Meta(description="The sum of all refunds, also of those that are not done.")]
    delivery_fee: Annotated[int, Meta(description="The delivery fee, a part of the total, in whole currency units.")]
    delivery_refund: Annotated[UnitRefund | None, Meta(description="The refund of the delivery fee, if there is one.")]


class OrderParcel(Struct, frozen=True, gc=False):
    """Units that were handed over to the delivery service together."""

    number: Annotated[int, Meta(description="The number of the parcel in the order, from 1.")]
    carrier: Annotated[str, Meta(description="The carrier.")]
    tracking_number: Annotated[str, Meta(description="The tracking number of the carrier.")]


class OrderRecipient(Struct, frozen=True, gc=False):
    """The person to whom the delivery service hands an order."""

    name: Annotated[str, Meta(description="The first name.")]
    surname: Annotated[str, Meta(description="The last name.")]
    patronymic: Annotated[str, Meta(description="The patronymic. May be empty.")]
    telephone: Annotated[str, Meta(description="The telephone number.")]
    email: Annotated[str | None, Meta(description="The e-mail address, if any.")]
    comment: Annotated[str, Meta(description="The comment for the delivery service. May be empty.")]


class DeliveryAddress(Struct, frozen=True, gc=False):
    """The address to which a courier goes."""

    address: Annotated[str, Meta(description="Town, street, house, flat.")]
    post_index: Annotated[str, Meta(description="The postal code. May be empty.")]


class OrderDelivery(Struct, frozen=True, gc=False):
    """Where the delivery service hands an order over."""

    kind: Annotated[DeliveryKind, Meta(description="The kind of the delivery.")]
    pick_up_point: Annotated[str | None, Meta(description="The code of the pick-up point. Null: a courier.")]
    address: Annotated[DeliveryAddress | None, Meta(description="The address. Null: a pick-up point.")]
    one_parcel: Annotated[bool, Meta(description="Whether all units travel as one parcel.")]


class OrderTracking(Struct, frozen=True):
    """Where an order is: its units, its payment and its parcels."""

    order_id: Id
    status: Annotated[NamedReference, Meta(description="The status of the order.")]
    payment: Annotated[OrderPayment, Meta(description="The payment.")]
    product_unit: Annotated[tuple[TrackedUnit, ...], Meta(description="The units, as in the order.")]
    parcels: Annotated[tuple[OrderParcel, ...], Meta(description="The parcels, by number.")]


class ShownTracking(OrderTracking, frozen=True):
    """Where an order is, and where it goes."""

    online_payments: Annotated[
        tuple[OnlinePayment, ...], Meta(description="The payments with a payment provider, for staff.")
    ]
    recipient: Annotated[OrderRecipient | None, Meta(description="The recipient. Null: the buyer.")]
    delivery: Annotated[OrderDelivery | None, Meta(description="The delivery. Null: none is agreed.")]
    planned_parcels: Annotated[
        tuple[tuple[int, ...], ...],
        Meta(description="The ids of the units of each planned parcel, of the units that are in no parcel yet."),
    ]


class DeliveryTariff(Struct, frozen=True, gc=False):
    """What the delivery of one order costs. Amounts are in whole units of the currency."""

    price: Annotated[int, Meta(description="The carrier's price, in whole currency units.")]
    fee: Annotated[
        int,
        Meta(description="What the buyer pays, in whole currency units: the price, rounded up to a multiple of 50."),
    ]
    currency: Annotated[NamedReference, Meta(description="The currency. Units of other currencies are not delivered.")]


class DeliveryTariffs(Struct, frozen=True):
    """The delivery tariffs, by kind of delivery."""

    pick_up_point: Annotated[DeliveryTariff | None, Meta(description="To a pick-up point. Null: it is not offered.")]
    courier: Annotated[DeliveryTariff | None, Meta(description="By courier. Null: it is not offered.")]


class OrderHistoryEntry(Struct, frozen=True, gc=False):
    """Something that happened to an order."""

    id: Id
    at: Annotated[Time, Meta(description="The time.")]
    user_id: Annotated[
        int | None, Meta(description="The id of the user who did it. Null: the shop. Buyers see only their own.")
    ]
    event: Annotated[Event, Meta(description="What happened.")]
    product_unit: Annotated[int | None, Meta(description="The id of the unit, if the entry is about one.")]
    source: Annotated[str | None, Meta(description="The state before. Null: there was none.")]
    target: Annotated[str, Meta(description="The state after.")]
    amount: Annotated[
        int | None,
        Meta(
            description="What was captured or is refunded, or, for staff, what the unit cost, in whole currency units."
        ),
    ]
    note: Annotated[str, Meta(description="The reason, or the carrier and the tracking number. May be empty.")]


class MovedOrder(Struct, frozen=True):
    """The result of one of several moves. Exactly one of `tracking` and `problem` is not null."""

    order_id: Id
    tracking: Annotated[OrderTracking | None, Meta(description="The order after the move.")]
    problem: Annotated[Problem | None, Meta(description="The reason why the order was not moved.")]
