"""Dispatches events to subscriptions, and takes and settles deliveries to webhooks and services.

An event is dispatched in one transaction: each subscription that wants it gets a delivery. A process takes the lane of
a subscription in another one, delivers outside of any, and notes the results in a third one. So each event arrives at
least once, and in order for its subject. A process that ends in between leaves a lane that is taken again when its
lease ends.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Final

import attrs

from sellout_core.errors import NotFound
from sellout_core.events.event import Event
from sellout_core.events.subscriptions import LEASE, MAX_AGE, Delivery, Lane, Subscription, lane_delay
from sellout_core.people.accounts import Actor
from sellout_core.ports.store import Transaction
from sellout_core.shop import Shop
from sellout_core.values import EventId, SubscriptionId

__all__ = ["delete_delivered_events", "dispatch_events", "has_work", "replay_deliveries", "settle_lane", "take_lane"]

_DISPATCHED: Final = 200
"""The maximum number of events that a transaction dispatches."""

_TAKEN: Final = 100
"""The maximum number of deliveries that a process takes."""

_DELETED: Final = 200
"""The maximum number of events that a transaction deletes."""

_TOO_OLD: Final = f"the subscriber did not answer for {MAX_AGE.days} days"


def has_work(shop: Shop, actor: Actor) -> bool:
    """Whether there are events to dispatch, or deliveries to a webhook are due. For the operator.

    Raises:
        Forbidden: the actor is not the operator.
    """
    actor.require_operator()
    now = shop.clock()

    def work(tx: Transaction) -> bool:
        return tx.events.has_undispatched() or any(
            each.url is not None and each.is_due(now) for each in tx.subscriptions.all()
        )

    return shop.store.read(work)


def dispatch_events(shop: Shop, actor: Actor) -> int:
    """Dispatches all events to the subscriptions that want them, in transactions of at most 200. Returns their number.
    For the operator. Any number of processes may do so at once.

    Raises:
        Forbidden: the actor is not the operator.
    """
    actor.require_operator()
    total = 0
    while shop.store.read(lambda tx: tx.events.has_undispatched()):
        total += shop.store.write(lambda tx: _dispatch(shop, tx))
    return total


def take_lane(shop: Shop, actor: Actor, service: str | None = None) -> Lane | None:
    """Takes the deliveries of one subscription that are due: those of a service, or those of a webhook that no process
    has taken. None: there are none. For the operator.

    Raises:
        Forbidden: the actor is not the operator.
    """
    actor.require_operator()

    def work(tx: Transaction) -> Lane | None:
        now = shop.clock()
        taken = tx.deliveries.take_lane(now, now + LEASE, service)
        if taken is None:
            return None
        if taken.failures:
            tx.deliveries.give_up(taken.id, now - MAX_AGE, now, _TOO_OLD)
        # A subscriber that fails is asked with one event whether it works again.
        return Lane(taken, tx.deliveries.due(taken.id, now, 1 if taken.failures else _TAKEN))

    return shop.store.write(work)


def settle_lane(shop: Shop, actor: Actor, lane: Lane, results: Mapping[EventId, str | None]) -> None:
    """Notes what became of deliveries, and frees the lane. Does nothing if another process has taken it since. For
    the operator.

    Args:
        shop: The shop.
        actor: The actor.
        lane: The lane.
        results: By event, the reason of a failure, or None for a success. Deliveries without a result stay due.

    Raises:
        Forbidden: the actor is not the operator.
    """
    actor.require_operator()
    chance = _chance(shop)

    def work(tx: Transaction) -> None:
        now = shop.clock()
        current = tx.subscriptions.for_update(lane.subscription.id)
        if current is None or current.lease != lane.subscription.lease:
            return
        delivered = [event_id for event_id, reason in results.items() if reason is None]
        tx.deliveries.save(delivered, _failed(lane, results, shop), current.id)
        failures = current.failures if not results else 0 if delivered else current.failures + 1
        is_full = len(lane.deliveries) == len(results) == _TAKEN
        next_at = now if is_full else tx.deliveries.next_due(current.id)
        if failures:
            next_at = now + lane_delay(failures, chance)
        tx.subscriptions.save(attrs.evolve(current, failures=failures, next_at=next_at, leased_until=None))

    shop.store.write(work)


def replay_deliveries(shop: Shop, actor: Actor, subscription_id: SubscriptionId, after: int | None = None) -> int:
    """Makes the dead deliveries of a subscription due again. Returns the number of deliveries that became due. For
    staff and the operator.

    Args:
        shop: The shop.
        actor: The actor.
        subscription_id: The webhook or the service.
        after: Also delivers all kept events with ids above this one again that the subscription wants. None: does not.

    Raises:
        Unauthenticated, Forbidden: the actor is not staff.
        NotFound: there is no such subscription.
    """
    actor.require_staff()

    def revive(tx: Transaction) -> int:
        _wake(shop, tx, subscription_id)
        return tx.deliveries.revive(subscription_id, shop.clock())

    def add(tx: Transaction, after: int) -> tuple[int, int | None]:
        found = _wake(shop, tx, subscription_id)
        events = tx.events.after(after, _DISPATCHED)
        _add(tx, found, events, shop.clock())
        return sum(map(found.wants, events)), events[-1].id if events else None

    total = shop.store.write(revive)
    while after is not None:
        added, after = shop.store.write(partial(add, after=after))
        total += added
    return total


def delete_delivered_events(shop: Shop, actor: Actor) -> int:
    """Deletes all delivered events that are older than the policy's `event_retention`, in transactions of at most 200.
    Returns their number. For the operator.

    Raises:
        Forbidden: the actor is not the operator.
    """
    actor.require_operator()
    by = shop.clock() - shop.policy.event_retention
    total = 0
    while deleted := shop.store.write(lambda tx: tx.events.delete_delivered(by, _DELETED)):
        total += deleted
    return total


def _dispatch(shop: Shop, tx: Transaction) -> int:
    now = shop.clock()
    events = tx.events.take_undispatched(_DISPATCHED)
    for subscription in tx.subscriptions.all():
        woken = subscription.after_new_deliveries(now)
        if _add(tx, subscription, events, now) and woken != subscription:
            tx.subscriptions.save(woken)
    return len(events)


def _add(tx: Transaction, subscription: Subscription, events: Sequence[Event], now: datetime) -> bool:
    """Adds the deliveries of the events that a subscription wants. Returns whether it wants any."""
    wanted = [event for event in events if subscription.wants(event)]
    tx.deliveries.add([Delivery(subscription_id=subscription.id, event=event, due_at=now) for event in wanted])
    return bool(wanted)


def _wake(shop: Shop, tx: Transaction, subscription_id: SubscriptionId) -> Subscription:
    """Ends the pause of a subscription, which is then locked."""
    found = tx.subscriptions.for_update(subscription_id)
    if found is None:
        raise NotFound
    woken = attrs.evolve(found, failures=0, next_at=shop.clock())
    tx.subscriptions.save(woken)
    return woken


def _failed(lane: Lane, results: Mapping[EventId, str | None], shop: Shop) -> list[Delivery]:
    """The deliveries that failed, each with a chance of its own."""
    now = shop.clock()
    return [
        delivery.failed(reason, now, _chance(shop))
        for delivery in lane.deliveries
        if (reason := results.get(delivery.id)) is not None
    ]


def _chance(shop: Shop) -> float:
    """A random number from 0 to 1."""
    return int(shop.random_id(), 16) / 16**16
