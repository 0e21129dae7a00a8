"""Decides which mails the buyer of an order gets about its events. It reads and writes nothing."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, Final

import attrs

from sellout_core.catalogue.products import NO_SIZE, UnitView
from sellout_core.events.event import Event
from sellout_core.fulfilment.lifecycle import LineState
from sellout_core.fulfilment.progress import Fulfilment
from sellout_core.mail import MailTemplate
from sellout_core.shopping.ordering import Order
from sellout_core.values import ProductUnitId

__all__ = ["MAILED_EVENTS", "OrderChange"]

MAILED_EVENTS: Final = (
    "order.placed",
    "order.line_moved",
    "order.parcel_shipped",
    "order.cancelled",
    "order.refund_done",
)
"""The events that a mail may follow from."""

_IN_TRANSIT: Final = (LineState.IN_TRANSIT_HUB.value, LineState.IN_TRANSIT_MOSCOW.value)
_SHIPPED: Final = frozenset({LineState.HANDED_OVER, LineState.DELIVERED})

_Data = Mapping[str, Any]
_Written = tuple[MailTemplate, Mapping[str, str]]


@attrs.frozen
class OrderChange:
    """One change of an order.

    Attributes:
        order: The order.
        fulfilment: Its fulfilment now.
        events: The events of the change.
    """

    order: Order
    fulfilment: Fulfilment
    events: Sequence[Event]

    def mails(self) -> Iterator[_Written]:
        """The templates and parameters of the mails about the change: one of each kind, and one for each parcel."""
        if self._data("order.placed"):
            all_units = [line.unit.id for line in self.order.lines]
            yield self._mail(MailTemplate.ORDER_ACCEPTED, all_units, amount=self._amount(self.order.total))
        if on_their_way := self._moved(lambda move: move["to"] in _IN_TRANSIT and move["from"] not in _IN_TRANSIT):
            yield self._mail(MailTemplate.ORDER_ON_ITS_WAY, on_their_way)
        for shipped in self._data("order.parcel_shipped"):
            yield self._shipped(shipped)
        if cancelled := self._moved(lambda move: move["to"] == LineState.CANCELLED.value):
            is_whole = bool(self._data("order.cancelled"))
            template = MailTemplate.ORDER_CANCELLED if is_whole else MailTemplate.ORDER_PARTLY_CANCELLED
            yield self._mail(template, cancelled)
        if refunds := self._data("order.refund_done"):
            amount = self._amount(sum(refund["amount"] for refund in refunds))
            yield self._mail(MailTemplate.ORDER_REFUNDED, amount=amount)

    def _shipped(self, shipped: _Data) -> _Written:
        parcels = self.fulfilment.parcels
        parcel = next(parcel for parcel in parcels if parcel.number == shipped["parcel"])
        is_last = parcel == parcels[-1] and all(line.state in _SHIPPED for line in self.fulfilment.live)
        return self._mail(
            MailTemplate.ORDER_SHIPPED if is_last else MailTemplate.ORDER_PARTLY_SHIPPED,
            shipped["unit_ids"],
            carrier=parcel.carrier,
            tracking_number=parcel.tracking_number,
        )

    def _mail(self, template: MailTemplate, unit_ids: Collection[ProductUnitId] = (), **parameters: str) -> _Written:
        units = "; ".join(_words(line.unit) for line in self.order.lines if line.unit.id in unit_ids)
        return template, {"order": str(self.order.id), "units": units, **parameters}

    def _amount(self, amount: int) -> str:
        return f"{amount:,} {self.order.lines[0].unit.currency.name}".replace(",", " ")

    def _moved(self, matches: Callable[[_Data], bool]) -> list[ProductUnitId]:
        return [move["unit_id"] for move in self._data("order.line_moved") if matches(move)]

    def _data(self, name: str) -> Sequence[_Data]:
        return [event.data for event in self.events if event.name == name]


def _words(unit: UnitView) -> str:
    """The name of a unit's product, and its size if it has one."""
    name, grid = unit.product.product.name, unit.size.grid
    return name if grid == NO_SIZE else f"{name} (EU {grid.eu})"
