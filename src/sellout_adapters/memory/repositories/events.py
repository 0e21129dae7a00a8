"""Events, subscriptions and deliveries in memory."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from heapq import nsmallest
from itertools import islice

import attrs

from sellout_adapters.memory.repositories.base import Repository, rows_after
from sellout_core.events.event import Event, NewEvent
from sellout_core.events.subscriptions import Delivery, NewSubscription, Subscription
from sellout_core.values import EventId, SubscriptionId, UserId


class Events(Repository):
    """`ports.Events`."""

    def add(self, events: Sequence[NewEvent]) -> None:
        """Stores new events."""
        for new in events:
            event_id = EventId(self._tables.events.next_id())
            self._tables.events.put(event_id, Event(id=event_id, **attrs.asdict(new, recurse=False)))
            self._tables.undispatched.put(event_id, None)

    def has_undispatched(self) -> bool:
        """Whether there is an event that was not dispatched."""
        return bool(self._tables.undispatched)

    def take_undispatched(self, limit: int) -> Sequence[Event]:
        """Takes the first ones."""
        taken = list(islice(self._tables.undispatched, limit))
        for event_id in taken:
            self._tables.undispatched.drop(event_id)
        return [self._tables.events[event_id] for event_id in taken]

    def after(self, event_id: int, limit: int) -> Sequence[Event]:
        """The next events by id."""
        return rows_after(self._tables.events, event_id, limit)

    def of_buyers(self, after: Mapping[UserId, int], limit: int) -> Sequence[Event]:
        """The next events of those buyers by id."""
        events = self._tables.events.values()
        wanted = (
            event for event in events if event.buyer_id is not None and event.id > after.get(event.buyer_id, event.id)
        )
        return list(islice(wanted, limit))

    def last_of(self, buyer_id: UserId) -> int:
        """The buyer's latest event."""
        return max((event.id for event in self._tables.events.values() if event.buyer_id == buyer_id), default=0)

    def delete_delivered(self, occurred_by: datetime, limit: int) -> int:
        """Deletes old events."""
        tables = self._tables
        kept = {event_id for _, event_id in still_due(tables.deliveries.values(), tables.subscriptions)}
        kept |= set(tables.undispatched)
        old = (event for event in tables.events.values() if event.occurred_at <= occurred_by and event.id not in kept)
        gone = {event.id for event in nsmallest(limit, old, lambda event: event.occurred_at)}
        for key in [key for key in tables.deliveries if key[1] in gone]:
            tables.deliveries.drop(key)
        for event_id in gone:
            tables.events.drop(event_id)
        return len(gone)


class Subscriptions(Repository):
    """`ports.Subscriptions`."""

    def all(self) -> Sequence[Subscription]:
        """All of them."""
        return list(self._tables.subscriptions.values())

    def get(self, subscription_id: SubscriptionId) -> Subscription | None:
        """One of them."""
        return self._tables.subscriptions.get(subscription_id)

    for_update = get

    def add(self, new: NewSubscription) -> Subscription:
        """Stores a new one."""
        subscription_id = SubscriptionId(self._tables.subscriptions.next_id())
        return self._tables.subscriptions.put(subscription_id, Subscription.of(subscription_id, new))

    def save(self, subscription: Subscription) -> None:
        """Writes one."""
        self._tables.subscriptions.put(subscription.id, subscription)

    def delete(self, subscription_id: SubscriptionId) -> None:
        """Deletes one with its deliveries."""
        for key in [key for key in self._tables.deliveries if key[0] == subscription_id]:
            self._tables.deliveries.drop(key)
        self._tables.subscriptions.drop(subscription_id)


class Deliveries(Repository):
    """`ports.Deliveries`."""

    def add(self, deliveries: Sequence[Delivery]) -> None:
        """Stores those that do not exist."""
        for new in deliveries:
            if (new.subscription_id, new.id) not in self._tables.deliveries:
                self._put(new)

    def take_lane(self, now: datetime, leased_until: datetime, service: str | None) -> Subscription | None:
        """Takes the lane that has been due for longest."""
        subscriptions = self._tables.subscriptions
        due = [each for each in subscriptions.values() if each.is_due(now) and each.service == service]
        if not due:
            return None
        first = min(due, key=lambda each: (each.next_at, each.id))
        return subscriptions.put(first.id, attrs.evolve(first, lease=first.lease + 1, leased_until=leased_until))

    def due(self, subscription_id: SubscriptionId, now: datetime, limit: int) -> Sequence[Delivery]:
        """The first ones that are due."""
        found: list[Delivery] = []
        held: set[str] = set()
        for delivery in self._of(subscription_id):
            if delivery.dead_at is not None or delivery.event.subject in held:
                continue
            if delivery.due_at > now:
                held.add(delivery.event.subject)
            elif len(found) < limit:
                found.append(delivery)
        return found

    def next_due(self, subscription_id: SubscriptionId) -> datetime | None:
        """The earliest time among the first deliveries of all subjects."""
        first: dict[str, datetime] = {}
        for delivery in self._of(subscription_id):
            if delivery.dead_at is None:
                first.setdefault(delivery.event.subject, delivery.due_at)
        return min(first.values(), default=None)

    def save(self, delivered: Collection[EventId], failed: Sequence[Delivery], subscription_id: SubscriptionId) -> None:
        """Writes the results."""
        for event_id in delivered:
            self._tables.deliveries.drop((subscription_id, event_id))
        for delivery in failed:
            self._put(delivery)

    def give_up(self, subscription_id: SubscriptionId, occurred_by: datetime, now: datetime, reason: str) -> None:
        """Makes deliveries of old events dead."""
        for delivery in self._of(subscription_id):
            if delivery.dead_at is None and delivery.event.occurred_at <= occurred_by:
                self._put(attrs.evolve(delivery, dead_at=now, last_error=reason))

    def after(self, subscription_id: SubscriptionId, event_id: int, limit: int) -> Sequence[Delivery]:
        """The next ones by event."""
        return [delivery for delivery in self._of(subscription_id) if delivery.id > event_id][:limit]

    def revive(self, subscription_id: SubscriptionId, now: datetime) -> int:
        """Makes dead deliveries due."""
        dead = [delivery for delivery in self._of(subscription_id) if delivery.dead_at is not None]
        for delivery in dead:
            self._put(attrs.evolve(delivery, dead_at=None, attempts=0, due_at=now))
        return len(dead)

    def _put(self, delivery: Delivery) -> None:
        self._tables.deliveries.put((delivery.subscription_id, delivery.id), delivery)

    def _of(self, subscription_id: SubscriptionId) -> Sequence[Delivery]:
        """All deliveries of a subscription, by event."""
        own = [delivery for key, delivery in self._tables.deliveries.items() if key[0] == subscription_id]
        return sorted(own, key=lambda delivery: delivery.id)


def still_due(
    deliveries: Iterable[Delivery], subscriptions: Mapping[SubscriptionId, Subscription]
) -> Iterable[tuple[SubscriptionId, EventId]]:
    """The keys of deliveries that are still to be made."""
    return (
        (each.subscription_id, each.id)
        for each in deliveries
        if each.dead_at is None and subscriptions[each.subscription_id].active
    )
