"""The backlog in memory."""

from collections import Counter
from collections.abc import Collection, Mapping
from datetime import datetime
from itertools import islice

from sellout_adapters.memory.repositories.base import Repository
from sellout_adapters.memory.repositories.events import still_due
from sellout_core.ports.backlog import Waiting
from sellout_core.values import StatusId


class Backlog(Repository):
    """`ports.Backlog`."""

    def orders(self, limit: int) -> Mapping[StatusId, int]:
        """The number of orders of each status."""
        counts = Counter(order.status_id for order in self._tables.orders.values())
        return {status_id: min(number, limit) for status_id, number in counts.items()}

    def mails(self, limit: int) -> Waiting:
        """The mails of the outbox."""
        return _waiting([stored.mail.created_at for stored in islice(self._tables.outbox.values(), limit)])

    def payments_due(self, now: datetime, limit: int) -> Waiting:
        """The payments that are due."""
        payments = (payment for found in self._tables.fulfilments.values() for payment in found.online)
        return _waiting(sorted(each.due_at for each in payments if each.due_at and each.due_at <= now)[:limit])

    def events(self, limit: int) -> Waiting:
        """The events that are not dispatched."""
        found = sorted(self._tables.undispatched)[:limit]
        return _waiting([self._tables.events[event_id].occurred_at for event_id in found])

    def deliveries(self, limit: int) -> Waiting:
        """The deliveries that are still to be made."""
        tables = self._tables
        kept = [event_id for _, event_id in still_due(tables.deliveries.values(), tables.subscriptions)]
        since = min((tables.events[event_id].occurred_at for event_id in kept), default=None)
        return Waiting(min(len(kept), limit), since)

    def dead_deliveries(self, limit: int) -> int:
        """The dead deliveries."""
        return min(sum(each.dead_at is not None for each in self._tables.deliveries.values()), limit)


def _waiting(times: Collection[datetime]) -> Waiting:
    return Waiting(len(times), min(times, default=None))
