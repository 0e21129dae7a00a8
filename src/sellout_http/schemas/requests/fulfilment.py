"""The bodies of requests that move orders."""

from collections.abc import Mapping
from typing import Annotated, Any, Final

import attrs
from msgspec import Meta
from msgspec.structs import asdict

from sellout_core import values
from sellout_core.errors import FieldCode, InvalidField, InvalidFields
from sellout_core.fulfilment.lifecycle import LineState, RefundState
from sellout_core.fulfilment.progress import MAX_CARRIER, MAX_REASON, MAX_TRACKING_NUMBER, LineRequest, MoveRequest
from sellout_core.use_cases.shopping.fulfilment import MAX_MOVED_ORDERS
from sellout_core.values import Money, OrderId, ProductUnitId
from sellout_http.schemas.requests.common import Body, Id

_UnitIds = Annotated[list[Id], Meta(min_length=1, max_length=values.MAX_CART, extra_json_schema={"uniqueItems": True})]
Units = Annotated[
    _UnitIds | None,
    Meta(description="Ids of units of the order. Null: all units that can be moved."),
]
LiveUnits = Annotated[
    _UnitIds | None,
    Meta(description="Ids of units of the order. Null: the whole order."),
]
RefundedUnits = Annotated[
    _UnitIds | None,
    Meta(description="Ids of units of the order. Null: none with `delivery`, otherwise all whose refund can be moved."),
]
Reason = Annotated[str, Meta(max_length=MAX_REASON, description="A reason. The buyer can read it.")]
Cost = Annotated[
    Annotated[int, Meta(ge=0, le=values.MAX_PRICE)] | None,
    Meta(description="What each of the units cost the shop, for `purchased`, in whole currency units."),
]
Carrier = Annotated[str, Meta(max_length=MAX_CARRIER, description="The carrier, for `handed_over`.")]
TrackingNumber = Annotated[
    str, Meta(max_length=MAX_TRACKING_NUMBER, description="The tracking number, for `handed_over`.")
]
Target = Annotated[LineState, Meta(description="The state to move the units to.")]
_MEMBERS: Final = {"unit_ids": "product_unit"}


class MoveOrderRequest(Body, frozen=True):
    """Units of an order, and the state to move them to."""

    to: Target
    product_unit: Units = None
    reason: Reason = ""
    cost: Cost = None
    carrier: Carrier = ""
    tracking_number: TrackingNumber = ""

    def move(self) -> MoveRequest:
        """Converts the body to the core's value.

        Raises:
            InvalidFields: a member breaks a rule of the core.
        """
        members = {name: value for name, value in asdict(self).items() if name != "order"}
        return MoveRequest(target=members.pop("to"), unit_ids=_ids(members.pop("product_unit")), **members)


class OrderMove(MoveOrderRequest, frozen=True, kw_only=True):
    """A move of units of one of several orders."""

    order: Annotated[Id, Meta(description="The id of the order.")]


class MoveOrdersRequest(Body, frozen=True):
    """Moves of several orders."""

    moves: Annotated[
        list[OrderMove],
        Meta(min_length=1, max_length=MAX_MOVED_ORDERS, description="The moves, at most one of each order."),
    ]

    def requests(self) -> Mapping[OrderId, MoveRequest]:
        """The moves by order.

        Raises:
            InvalidFields: a member breaks a rule of the core, or an order has two moves.
        """
        requests: dict[OrderId, MoveRequest] = {}
        for number, each in enumerate(self.moves):
            if each.order in requests:
                place = f"#/moves/{number}/order"
                raise InvalidFields((InvalidField(place, "must not be repeated", FieldCode.REPEATED),))
            try:
                requests[OrderId(each.order)] = each.move()
            except InvalidFields as error:
                names = (_MEMBERS.get(fault.name, fault.name) for fault in error.fields)
                faults = zip(error.fields, names, strict=True)
                raise InvalidFields(
                    tuple(attrs.evolve(fault, name=f"#/moves/{number}/{name}") for fault, name in faults)
                ) from None
        return requests


class CancelOrderRequest(Body, frozen=True):
    """Units of an order to cancel."""

    product_unit: LiveUnits = None
    reason: Reason = ""

    def lines(self) -> LineRequest:
        """Converts the body to the core's value.

        Raises:
            InvalidFields: a member breaks a rule of the core.
        """
        return LineRequest(unit_ids=_ids(self.product_unit), reason=self.reason)


class ReturnRequest(CancelOrderRequest, frozen=True):
    """Delivered units of an order to return."""


class PaymentRequest(Body, frozen=True):
    """A payment that was received."""

    captured: Annotated[
        int, Meta(ge=1, le=values.MAX_TOTAL, description="The amount, in whole units of the order's currency.")
    ]

    def amount(self) -> Money:
        """The amount."""
        return Money(self.captured)


class RefundRequest(CancelOrderRequest, frozen=True, kw_only=True):
    """Units of an order, and the state to move their refunds to. Neither units nor `delivery`: all refunds."""

    to: Annotated[RefundState, Meta(description="The state to move the refunds to.")]
    product_unit: RefundedUnits = None
    delivery: Annotated[bool, Meta(description="Whether the refund of the delivery fee is moved, too.")] = False


def _ids(given: Any) -> tuple[ProductUnitId, ...] | None:
    return None if given is None else tuple(map(ProductUnitId, given))
