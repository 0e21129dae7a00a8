"""Ports of events: what happened, who gets to know it, and what is still to be delivered."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from sellout_core.events.event import Event, NewEvent
from sellout_core.events.subscriptions import Delivery, NewSubscription, Subscription
from sellout_core.values import EventId, SubscriptionId, UserId

__all__ = ["Deliveries", "EventHandler", "Events", "Subscriptions"]


class Events(Protocol):
    """Events. They are written in the transaction of the change that they tell about, and do not change."""

    def add(self, events: Sequence[NewEvent]) -> None:
        """Stores new events in one statement, whatever their number. Their ids ascend in the order given. The ids of
        one subject ascend in the order of commits, if its transactions lock what the subject is.
        """

    def has_undispatched(self) -> bool:
        """Whether `take_undispatched` would return an event."""

    def take_undispatched(self, limit: int) -> Sequence[Event]:
        """The first `limit` events that were not dispatched, by id, locked until this transaction ends. They are
        dispatched if it commits. A concurrent call waits, and returns others.
        """

    def after(self, event_id: int, limit: int) -> Sequence[Event]:
        """The first `limit` events with ids above `event_id`, by id."""

    def of_buyers(self, after: Mapping[UserId, int], limit: int) -> Sequence[Event]:
        """The first `limit` events, by id, of the orders of those buyers, each with an id above the buyer's number."""

    def last_of(self, buyer_id: UserId) -> int:
        """The highest id of the events of a buyer's orders. 0: there is none."""

    def delete_delivered(self, occurred_by: datetime, limit: int) -> int:
        """Deletes up to `limit` events that occurred at that time or before, the oldest first, with their dead
        deliveries and those to inactive subscriptions. Leaves those that were not dispatched, or that still have
        another delivery. Skips events that another transaction has locked. Returns their number.
        """


class Subscriptions(Protocol):
    """Subscriptions with the state of their lanes."""

    def all(self) -> Sequence[Subscription]:
        """All subscriptions, by id. In `Store.write` they are locked until the transaction ends."""

    def get(self, subscription_id: SubscriptionId) -> Subscription | None:
        """The subscription."""

    def for_update(self, subscription_id: SubscriptionId) -> Subscription | None:
        """The subscription, locked until this transaction ends."""

    def add(self, new: NewSubscription) -> Subscription:
        """Stores a new subscription. The name of its service, if it has one, is not taken."""

    def save(self, subscription: Subscription) -> None:
        """Writes a subscription that this transaction has locked."""

    def delete(self, subscription_id: SubscriptionId) -> None:
        """Deletes a subscription obtained from `for_update`, with its deliveries."""


class Deliveries(Protocol):
    """Deliveries. Those of a subscription are changed by the transaction that has locked it."""

    def add(self, deliveries: Sequence[Delivery]) -> None:
        """Stores deliveries, without those that exist."""

    def take_lane(self, now: datetime, leased_until: datetime, service: str | None) -> Subscription | None:
        """Takes the lane of a webhook that is due (`Subscription.is_due`), the longest due first, or that of a service
        with that name if it is due. Adds one to its `lease`. Concurrent transactions take different lanes.
        """

    def due(self, subscription_id: SubscriptionId, now: datetime, limit: int) -> Sequence[Delivery]:
        """The first `limit` deliveries of a subscription that are due at `now`, by event, without those of a subject
        of which an earlier one is neither due nor dead.
        """

    def next_due(self, subscription_id: SubscriptionId) -> datetime | None:
        """When the first of the deliveries is due that are not dead and have no earlier one of their subject that is
        not dead. None: there is none.
        """

    def save(self, delivered: Collection[EventId], failed: Sequence[Delivery], subscription_id: SubscriptionId) -> None:
        """Deletes the deliveries that succeeded, and writes those that failed."""

    def give_up(self, subscription_id: SubscriptionId, occurred_by: datetime, now: datetime, reason: str) -> None:
        """Makes all deliveries dead whose events occurred at that time or before."""

    def after(self, subscription_id: SubscriptionId, event_id: int, limit: int) -> Sequence[Delivery]:
        """The first `limit` deliveries of a subscription with event ids above `event_id`, by event."""

    def revive(self, subscription_id: SubscriptionId, now: datetime) -> int:
        """Makes the dead deliveries of a subscription due at `now`, without attempts. Returns their number."""


class EventHandler(Protocol):
    """A subscriber in this process."""

    def __call__(self, event: Event, /) -> None:
        """Handles an event. It may get one twice if the process ends before the shop has noted it. An exception makes
        it get the event again later.
        """
