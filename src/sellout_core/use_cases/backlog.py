"""The backlog of the shop, for monitoring."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

import attrs

from sellout_core.fulfilment.statuses import STATUSES
from sellout_core.people.accounts import Actor
from sellout_core.ports.backlog import Waiting
from sellout_core.ports.store import Transaction
from sellout_core.shop import ReadingShop

__all__ = ["MAX_COUNT", "BacklogFigures", "Queue", "read_backlog"]

MAX_COUNT: Final = 100_000
"""The highest number that is counted. Larger numbers are reported as this one."""


@attrs.frozen
class Queue:
    """Things that wait: their number, and for how long the first of them has waited."""

    number: int
    age: timedelta


@attrs.frozen
class BacklogFigures:
    """The backlog.

    Attributes:
        orders: The number of orders of each status, by its name. Every status has one.
        mails: The mails of the outbox.
        payments_due: The payments about which the provider is to be asked.
        events: The events that are not dispatched.
        deliveries: The deliveries of events that have neither succeeded nor died.
        dead_deliveries: The number of dead deliveries.
    """

    orders: Mapping[str, int]
    mails: Queue
    payments_due: Queue
    events: Queue
    deliveries: Queue
    dead_deliveries: int


def read_backlog(shop: ReadingShop, actor: Actor) -> BacklogFigures:
    """The backlog at this moment, from one snapshot. For the operator.

    Raises:
        Forbidden: the actor is not the operator.
    """
    actor.require_operator()
    now = shop.clock()

    def work(tx: Transaction) -> BacklogFigures:
        orders = tx.backlog.orders(MAX_COUNT)
        return BacklogFigures(
            orders={name: orders.get(status_id, 0) for status_id, name in STATUSES.items()},
            mails=_queue(tx.backlog.mails(MAX_COUNT), now),
            payments_due=_queue(tx.backlog.payments_due(now, MAX_COUNT), now),
            events=_queue(tx.backlog.events(MAX_COUNT), now),
            deliveries=_queue(tx.backlog.deliveries(MAX_COUNT), now),
            dead_deliveries=tx.backlog.dead_deliveries(MAX_COUNT),
        )

    return shop.store.read(work)


def _queue(waiting: Waiting, now: datetime) -> Queue:
    """The clocks of servers differ, so a mail may be a little younger than `now`."""
    age = timedelta() if waiting.since is None else now - waiting.since
    return Queue(waiting.number, max(timedelta(), age))
