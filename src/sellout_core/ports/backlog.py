"""The port of the backlog: what waits for buyers, staff, the mailer, the payment provider and subscribers."""

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

import attrs

from sellout_core.values import StatusId

__all__ = ["Backlog", "Waiting"]


@attrs.frozen
class Waiting:
    """Things that wait.

    Attributes:
        number: How many wait.
        since: When the first of them began to wait. None: none waits.
    """

    number: int = 0
    since: datetime | None = None


class Backlog(Protocol):
    """Counts for monitoring. No count exceeds `limit`, so none takes longer as the shop grows."""

    def orders(self, limit: int) -> Mapping[StatusId, int]:
        """The number of orders of each status of `fulfilment.statuses`. May leave out statuses without orders."""

    def mails(self, limit: int) -> Waiting:
        """All mails of the outbox, since the oldest was written."""

    def payments_due(self, now: datetime, limit: int) -> Waiting:
        """The online payments about which the provider is to be asked, since the first of them was due."""

    def events(self, limit: int) -> Waiting:
        """The events that are not dispatched, since the first of them occurred."""

    def deliveries(self, limit: int) -> Waiting:
        """The deliveries to active subscriptions that have neither succeeded nor died, since the first of their events
        occurred.
        """

    def dead_deliveries(self, limit: int) -> int:
        """The number of dead deliveries."""
