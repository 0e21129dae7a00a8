"""The statuses of orders, which follow from the states of their lines."""

from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Final

from sellout_core.catalogue.products import PENDING
from sellout_core.fulfilment.lifecycle import DEAD, LineState
from sellout_core.values import StatusId

__all__ = ["STATUSES", "status_of"]

_PARTLY: Final = {LineState.ARRIVED: "partly_arrived", LineState.HANDED_OVER: "partly_handed_over"}
STATUSES: Final[Mapping[StatusId, str]] = MappingProxyType(
    {
        StatusId(number): name
        for number, name in enumerate(("pending", *(state.value for state in LineState), *_PARTLY.values()), PENDING)
    }
)
"""The statuses of orders: `pending`, one for each state of a line, and two for orders that are partly ahead."""

_STATUS_IDS: Final = {name: status_id for status_id, name in STATUSES.items()}
_ORDER: Final = tuple(LineState)


def status_of(states: Collection[LineState], *, covered: bool) -> StatusId:
    """The status of an order.

    Without a live line it is `returned` if a line was returned, else `cancelled`. Until the payment covers the live
    lines it is `pending`. Then it is the state of the least advanced live line, or `partly_arrived` or
    `partly_handed_over` if other lines have reached these states.

    Args:
        states: The states of all lines.
        covered: Whether what is captured and held covers the live lines, or nothing was due.
    """
    live = sorted((state for state in states if state not in DEAD), key=_ORDER.index)
    if not live:
        dead = LineState.RETURNED if LineState.RETURNED in states else LineState.CANCELLED
        return _STATUS_IDS[dead.value]
    if not covered:
        return PENDING
    least, most = (_ORDER.index(state) for state in (live[0], live[-1]))
    for milestone in (LineState.HANDED_OVER, LineState.ARRIVED):
        if least < _ORDER.index(milestone) <= most:
            return _STATUS_IDS[_PARTLY[milestone]]
    return _STATUS_IDS[live[0].value]
