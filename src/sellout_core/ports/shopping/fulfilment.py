"""Ports of the fulfilment of orders and its history."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from sellout_core.fulfilment.progress import Fulfilment, HistoryEntry, NewHistoryEntry
from sellout_core.values import OrderId

__all__ = ["Fulfilments", "OrderHistory"]


class Fulfilments(Protocol):
    """The fulfilments of orders. Every order has one, which is that of a new order until it is saved."""

    def get(self, order_id: OrderId) -> Fulfilment | None:
        """The fulfilment of one order, of any buyer."""

    def get_many(self, order_ids: Collection[OrderId]) -> Mapping[OrderId, Fulfilment]:
        """The fulfilments of those orders, of any buyers, by the order's id. Skips orders that do not exist."""

    def save(self, before: Fulfilment, after: Fulfilment) -> None:
        """Writes the differences of two fulfilments, and the status and the payment of their order. The buyer was
        obtained from `Users.for_update`, and `before` was read after that.
        """

    def unpaid(self, placed_by: datetime, limit: int) -> Sequence[OrderId]:
        """The first `limit` orders that were placed at that time or before, are not free, have the status `pending` and
        a payment of which nothing is captured, by id. What a payment covers by a hold is not `pending`.
        """

    def payments_due(self, now: datetime, limit: int) -> Sequence[OrderId]:
        """The first `limit` orders with an online payment that is due at `now`, the longest due first."""


class OrderHistory(Protocol):
    """The history of orders. Its entries do not change."""

    def add(self, entries: Sequence[NewHistoryEntry]) -> None:
        """Stores new entries. Their ids ascend in the order given."""

    def after(self, order_id: OrderId, entry_id: int, limit: int) -> Sequence[HistoryEntry]:
        """The first `limit` entries of an order with ids above `entry_id`, by id."""

    def of_orders(self, order_ids: Collection[OrderId]) -> Sequence[HistoryEntry]:
        """All entries of those orders, by id."""
