"""The fulfilments of orders, their history, and the delivery tariffs in memory."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from itertools import islice

import attrs

from sellout_adapters.memory.repositories.base import Repository
from sellout_core.catalogue.products import PENDING
from sellout_core.fulfilment.progress import Fulfilment, HistoryEntry, NewHistoryEntry
from sellout_core.shopping.delivery import DeliveryKind, DeliveryTariff, DeliveryTariffs
from sellout_core.values import HistoryEntryId, OrderId


class Fulfilments(Repository):
    """`ports.Fulfilments`."""

    def get(self, order_id: OrderId) -> Fulfilment | None:
        """The fulfilment of one order."""
        order = self._tables.orders.get(order_id)
        return None if order is None else self._tables.fulfilments.get(order_id) or Fulfilment.of(order)

    def get_many(self, order_ids: Collection[OrderId]) -> Mapping[OrderId, Fulfilment]:
        """The fulfilments of orders."""
        found = {order_id: self.get(order_id) for order_id in order_ids}
        return {order_id: fulfilment for order_id, fulfilment in found.items() if fulfilment is not None}

    def save(self, before: Fulfilment, after: Fulfilment) -> None:
        """Writes the fulfilment, and the status and the payment of its order."""
        order = self._tables.orders[before.order_id]
        self._tables.fulfilments.put(order.id, after)
        self._tables.orders.put(order.id, attrs.evolve(order, status_id=after.status_id, paid=after.settled))

    def unpaid(self, placed_by: datetime, limit: int) -> Sequence[OrderId]:
        """Unpaid orders by id."""
        pending = (order for order in self._tables.orders.values() if order.status_id == PENDING and order.total)
        unpaid = (order for order in pending if order.placed_at <= placed_by and not self._captured(order.id))
        return [order.id for order in islice(unpaid, limit)]

    def payments_due(self, now: datetime, limit: int) -> Sequence[OrderId]:
        """Orders with a due payment, by its time."""
        payments = (payment for found in self._tables.fulfilments.values() for payment in found.online)
        times = [(each.due_at, each.order_id) for each in payments if each.due_at is not None and each.due_at <= now]
        return list(dict.fromkeys(order_id for _, order_id in sorted(times)))[:limit]

    def _captured(self, order_id: OrderId) -> int:
        saved = self._tables.fulfilments.get(order_id)
        return 0 if saved is None else saved.captured


class OrderHistory(Repository):
    """`ports.OrderHistory`."""

    def add(self, entries: Sequence[NewHistoryEntry]) -> None:
        """Stores new entries."""
        table = self._tables.order_history
        for new in entries:
            entry_id = HistoryEntryId(table.next_id())
            table.put(entry_id, HistoryEntry(id=entry_id, **attrs.asdict(new, recurse=False)))

    def after(self, order_id: OrderId, entry_id: int, limit: int) -> Sequence[HistoryEntry]:
        """The next entries of an order by id."""
        own = (one for one in self._tables.order_history.values() if one.order_id == order_id and one.id > entry_id)
        return list(islice(own, limit))

    def of_orders(self, order_ids: Collection[OrderId]) -> Sequence[HistoryEntry]:
        """The entries of orders by id."""
        wanted = set(order_ids)
        return [one for one in self._tables.order_history.values() if one.order_id in wanted]


class DeliveryTariffTable(Repository):
    """`ports.DeliveryTariffTable`."""

    def all(self) -> DeliveryTariffs:
        """All tariffs."""
        return dict(self._tables.delivery_tariffs)

    def save(self, kind: DeliveryKind, tariff: DeliveryTariff | None) -> None:
        """Writes or deletes a tariff."""
        if tariff is None:
            self._tables.delivery_tariffs.drop(kind)
        else:
            self._tables.delivery_tariffs.put(kind, tariff)
