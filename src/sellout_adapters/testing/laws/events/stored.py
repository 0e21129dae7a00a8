"""Events, subscriptions and deliveries, as stores keep them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import attrs

from sellout_adapters.testing.harness import pytest
from sellout_adapters.testing.laws.races import RACERS, racing
from sellout_core.errors import EmailTaken
from sellout_core.events.event import Event, NewEvent
from sellout_core.events.subscriptions import Delivery, NewSubscription, Subscription
from sellout_core.ports.store import Store, Transaction
from sellout_core.values import EventId, SubscriptionId, UserId

NOW = datetime(2026, 3, 1, 12, 0, 0, 5, UTC)
MINUTE = timedelta(minutes=1)


def new_event(subject: str = "order/1", **other: Any) -> NewEvent:
    """An event. `other` overrides the defaults."""
    plain = NewEvent(
        name="order.placed",
        version=1,
        subject=subject,
        occurred_at=NOW,
        data={"order_id": 1, "lines": [{"amount": 10**15}], "currency": "₽", "none": None, "true": True},
    )
    return attrs.evolve(plain, **other)


def add(store: Store, *events: NewEvent) -> list[Event]:
    """Stores events. Returns them."""
    before = store.read(lambda tx: tx.events.after(0, 1_000))
    store.write(lambda tx: tx.events.add(events))
    return list(store.read(lambda tx: tx.events.after(before[-1].id if before else 0, 1_000)))


def dispatched(store: Store, *events: NewEvent) -> list[Event]:
    """Stores events, and notes that they were dispatched."""
    added = add(store, *events)
    while store.write(lambda tx: tx.events.take_undispatched(1_000)):
        pass
    return added


def subscribed(store: Store, service: str | None = None, **other: Any) -> Subscription:
    """Stores a subscription."""
    url = "https://erp.example/hook" if service is None else None
    new = NewSubscription(url=url, service=service, secret="whsec_x", created_at=NOW)  # noqa: S106 - made up
    return store.write(lambda tx: tx.subscriptions.add(attrs.evolve(new, **other)))


def deliver(store: Store, subscription: Subscription, *events: Event, **other: Any) -> list[Delivery]:
    """Stores deliveries of events. Returns them."""
    plain = [Delivery(subscription_id=subscription.id, event=event, due_at=NOW) for event in events]
    deliveries = [attrs.evolve(delivery, **other) for delivery in plain]
    store.write(lambda tx: tx.deliveries.add(deliveries))
    return deliveries


def due(store: Store, subscription: Subscription, now: datetime = NOW, limit: int = 9) -> list[EventId]:
    """The events of the deliveries that are due."""
    return [each.id for each in store.read(lambda tx: tx.deliveries.due(subscription.id, now, limit))]


def deliveries_of(store: Store, subscription: Subscription) -> list[Delivery]:
    """All deliveries of a subscription."""
    return list(store.read(lambda tx: tx.deliveries.after(subscription.id, 0, 1_000)))


def wake(store: Store, subscription: Subscription, **changes: Any) -> Subscription:
    """Writes a subscription whose lane is due, with changes."""
    woken = attrs.evolve(subscription, **{"next_at": NOW, **changes})
    store.write(lambda tx: tx.subscriptions.save(woken))
    return woken


def take(store: Store, now: datetime = NOW, service: str | None = None) -> Subscription | None:
    """Takes a lane for a minute."""
    return store.write(lambda tx: tx.deliveries.take_lane(now, now + MINUTE, service))


class StoredEventLaws:
    """Events."""

    def test_an_event_comes_back_as_stored_in_the_order_of_ids(self, store: Store) -> None:
        events = [new_event(), new_event("user/2", name="user.registered", version=2, buyer_id=UserId(7), data={})]
        added = add(store, *events)
        assert [attrs.asdict(event, recurse=False) for event in added] == [
            {**attrs.asdict(event, recurse=False), "id": stored.id} for event, stored in zip(events, added, strict=True)
        ]
        assert added[0].id < added[1].id < add(store, *[new_event()] * 30)[0].id
        assert store.read(lambda tx: tx.events.after(added[0].id, 1)) == added[1:]
        assert store.read(lambda tx: tx.events.after(2**60, 1)) == []

    def test_an_event_is_rolled_back_with_the_change_it_tells_about(self, store: Store) -> None:
        def work(tx: Transaction) -> None:
            tx.events.add([new_event()])
            raise EmailTaken

        with pytest.raises(EmailTaken):
            store.write(work)
        assert store.read(lambda tx: (tx.events.after(0, 9), tx.events.has_undispatched())) == ([], False)

    def test_events_are_dispatched_once_and_in_order(self, store: Store) -> None:
        added = add(store, *(new_event() for _ in range(5)))

        def fail(tx: Transaction) -> None:
            assert tx.events.take_undispatched(9) == added
            raise EmailTaken

        with pytest.raises(EmailTaken):
            store.write(fail)
        assert store.write(lambda tx: tx.events.take_undispatched(2)) == added[:2]
        assert store.read(lambda tx: tx.events.has_undispatched())
        assert store.write(lambda tx: tx.events.take_undispatched(9)) == added[2:]
        assert not store.read(lambda tx: tx.events.has_undispatched())
        assert store.write(lambda tx: tx.events.take_undispatched(9)) == []

    def test_concurrent_processes_dispatch_each_event_once(self, store: Store) -> None:
        added = add(store, *(new_event(f"order/{number}") for number in range(3 * RACERS)))

        def take_all(_: int) -> list[Event]:
            taken: list[Event] = []
            while found := store.write(lambda tx: tx.events.take_undispatched(2)):
                taken += found
            return taken

        taken = [event for some in racing(RACERS, take_all) for event in some]
        assert sorted(taken, key=lambda event: event.id) == added

    def test_events_of_buyers_are_found_after_each_ones_last(self, store: Store) -> None:
        anna, boris = UserId(1), UserId(2)
        added = add(store, *(new_event(buyer_id=buyer) for buyer in (anna, boris, None, anna, UserId(3), boris)))

        def of(after: dict[UserId, int], limit: int = 9) -> list[EventId]:
            return [event.id for event in store.read(lambda tx: tx.events.of_buyers(after, limit))]

        assert of({anna: 0}) == [added[0].id, added[3].id]
        assert of({anna: 0, boris: 0}, 3) == [added[0].id, added[1].id, added[3].id]
        assert of({anna: added[0].id, boris: added[5].id}) == [added[3].id]
        assert of({}) == of({UserId(9): 0}) == of({anna: 2**60}) == []
        latest = store.read(lambda tx: [tx.events.last_of(who) for who in (boris, UserId(9))])
        assert latest == [added[5].id, 0]

    def test_delivered_events_are_deleted_in_batches_the_oldest_first(self, store: Store) -> None:
        old = [new_event(occurred_at=NOW - number * MINUTE) for number in range(4)]
        added = dispatched(store, *old)
        assert store.write(lambda tx: tx.events.delete_delivered(NOW - MINUTE, 2)) == 2
        assert store.read(lambda tx: tx.events.after(0, 9)) == added[:2]
        assert store.write(lambda tx: tx.events.delete_delivered(NOW - MINUTE, 2)) == 1
        assert store.write(lambda tx: tx.events.delete_delivered(NOW - MINUTE, 2)) == 0
        assert store.read(lambda tx: tx.events.after(0, 9)) == added[:1]

    def test_an_event_that_is_still_to_be_delivered_is_not_deleted(self, store: Store) -> None:
        one, other, idle = subscribed(store), subscribed(store), subscribed(store, active=False)
        waiting, dead, stopped, undispatched = (
            *dispatched(store, *(new_event(f"order/{number}") for number in range(3))),
            *add(store, new_event("order/4")),
        )
        deliver(store, one, waiting)
        deliver(store, other, waiting, dead, dead_at=NOW)
        deliver(store, idle, dead, stopped)
        assert store.write(lambda tx: tx.events.delete_delivered(NOW, 9)) == 2
        assert store.read(lambda tx: tx.events.after(0, 9)) == [waiting, undispatched]
        assert [each.id for each in deliveries_of(store, other)] == [waiting.id]
        assert deliveries_of(store, idle) == []


class SubscriptionLaws:
    """Subscriptions and their lanes."""

    def test_a_subscription_comes_back_as_stored(self, store: Store) -> None:
        one = subscribed(store, events=("order.placed", "user.registered"), active=False)
        other = subscribed(store, "warehouse")
        assert store.read(lambda tx: tx.subscriptions.all()) == [one, other]
        assert store.write(lambda tx: tx.subscriptions.all()) == [one, other]
        assert store.read(lambda tx: tx.subscriptions.get(other.id)) == other
        changed = attrs.evolve(
            one, url="https://crm.example", secret="", events=(), active=True, failures=3, next_at=NOW, lease=7
        )
        replaced = {"previous_secret": "whsec_y", "previous_until": NOW + 2 * MINUTE}
        changed = attrs.evolve(changed, leased_until=NOW + MINUTE, **replaced)  # type: ignore[arg-type]
        store.write(lambda tx: tx.subscriptions.save(changed))
        assert store.write(lambda tx: tx.subscriptions.for_update(one.id)) == changed
        store.write(lambda tx: tx.subscriptions.save(attrs.evolve(changed, next_at=None, leased_until=None)))
        assert store.read(lambda tx: tx.subscriptions.get(one.id)) == attrs.evolve(
            changed, next_at=None, leased_until=None
        )

    def test_a_deleted_subscription_is_gone_with_its_deliveries(self, store: Store) -> None:
        one, other = subscribed(store), subscribed(store)
        [event] = dispatched(store, new_event())
        deliver(store, one, event)
        kept = deliver(store, other, event)
        store.write(lambda tx: tx.subscriptions.delete(one.id))
        assert store.read(lambda tx: tx.subscriptions.all()) == [other]
        assert store.write(lambda tx: tx.subscriptions.for_update(one.id)) is None
        assert deliveries_of(store, one) == []
        assert deliveries_of(store, other) == kept
        assert subscribed(store).id > other.id
        assert store.read(lambda tx: tx.subscriptions.get(SubscriptionId(2**60))) is None

    def test_a_lane_is_taken_by_one_process_until_its_lease_ends(self, store: Store) -> None:
        woken = wake(store, subscribed(store))
        assert take(store, NOW - MINUTE) is None
        taken = take(store)
        assert taken == attrs.evolve(woken, lease=1, leased_until=NOW + MINUTE)
        assert take(store) is None
        assert take(store, NOW + MINUTE) == attrs.evolve(woken, lease=2, leased_until=NOW + 2 * MINUTE)

    def test_the_lane_that_is_due_for_longest_is_taken_first(self, store: Store) -> None:
        subscribed(store)
        late, early = wake(store, subscribed(store)), wake(store, subscribed(store), next_at=NOW - MINUTE)
        wake(store, subscribed(store), active=False)
        service = wake(store, subscribed(store, "warehouse"))
        assert [getattr(take(store), "id", None) for _ in range(3)] == [early.id, late.id, None]
        assert take(store, service="shelf") is None
        assert getattr(take(store, service="warehouse"), "id", None) == service.id
        assert take(store, service="warehouse") is None

    def test_no_two_processes_take_one_lane(self, store: Store) -> None:
        lanes = [wake(store, subscribed(store)).id for _ in range(RACERS)]

        def take_all(_: int) -> list[SubscriptionId]:
            found = []
            while (taken := take(store)) is not None:
                found.append(taken.id)
            return found

        assert sorted(each for some in racing(RACERS, take_all) for each in some) == lanes


class DeliveryOfEventLaws:
    """Deliveries."""

    def test_a_delivery_comes_back_as_stored_and_once(self, store: Store) -> None:
        one = subscribed(store)
        first, second = dispatched(store, new_event(), new_event("order/2", buyer_id=UserId(3)))
        stored = deliver(store, one, second, attempts=3, due_at=NOW + MINUTE, dead_at=NOW, last_error="HTTP 500 «я»")
        more = deliver(store, one, first)
        deliver(store, one, first, second)
        assert deliveries_of(store, one) == [*more, *stored]
        assert store.read(lambda tx: tx.deliveries.after(one.id, first.id, 1)) == stored
        assert store.read(lambda tx: tx.deliveries.after(one.id, 2**60, 1)) == []

    def test_a_delivery_waits_for_the_earlier_one_of_its_subject(self, store: Store) -> None:
        one, other = subscribed(store), subscribed(store)
        a1, b1, a2, b2 = dispatched(store, *(new_event(subject) for subject in ("a", "b", "a", "b")))
        [held] = deliver(store, one, a1, due_at=NOW + MINUTE)
        deliver(store, one, a2, b1, b2)
        deliver(store, other, a2)
        assert due(store, one) == [b1.id, b2.id]
        assert due(store, one, limit=1) == [b1.id]
        assert due(store, one, NOW - MINUTE) == []
        assert due(store, one, NOW + MINUTE) == [a1.id, b1.id, a2.id, b2.id]
        assert due(store, other) == [a2.id]
        dead = attrs.evolve(held, dead_at=NOW, attempts=1, last_error="HTTP 500")
        store.write(lambda tx: tx.deliveries.save([b1.id], [dead], one.id))
        assert due(store, one) == [a2.id, b2.id]
        assert deliveries_of(store, one)[0] == dead

    def test_the_next_due_time_is_of_the_first_delivery_of_a_subject(self, store: Store) -> None:
        one = subscribed(store)
        a1, a2, b1, c1 = dispatched(store, *(new_event(subject) for subject in ("a", "a", "b", "c")))

        def next_due() -> datetime | None:
            return store.read(lambda tx: tx.deliveries.next_due(one.id))

        assert next_due() is None
        deliver(store, one, a1, due_at=NOW + 5 * MINUTE)
        deliver(store, one, a2, due_at=NOW)
        deliver(store, one, c1, due_at=NOW, dead_at=NOW)
        assert next_due() == NOW + 5 * MINUTE
        deliver(store, one, b1, due_at=NOW + 4 * MINUTE)
        assert next_due() == NOW + 4 * MINUTE

    def test_results_are_saved_for_one_subscription(self, store: Store) -> None:
        one, other = subscribed(store), subscribed(store)
        first, second = dispatched(store, new_event(), new_event())
        deliver(store, one, first, second)
        kept = deliver(store, other, first, second)
        failed = attrs.evolve(kept[1], subscription_id=one.id, attempts=2, due_at=NOW + MINUTE, last_error="refused")
        store.write(lambda tx: tx.deliveries.save([first.id], [failed], one.id))
        assert deliveries_of(store, one) == [failed]
        assert deliveries_of(store, other) == kept
        store.write(lambda tx: tx.deliveries.save([], [], one.id))

    def test_deliveries_of_old_events_are_given_up_and_revived(self, store: Store) -> None:
        one, other = subscribed(store), subscribed(store)
        old, new = dispatched(store, new_event(occurred_at=NOW - MINUTE), new_event())
        first, second = deliver(store, one, old, new, attempts=4, due_at=NOW + MINUTE)
        kept = deliver(store, other, old)
        store.write(lambda tx: tx.deliveries.give_up(one.id, NOW - MINUTE, NOW, "too old"))
        assert deliveries_of(store, one) == [attrs.evolve(first, dead_at=NOW, last_error="too old"), second]
        assert store.write(lambda tx: tx.deliveries.revive(one.id, NOW)) == 1
        assert store.write(lambda tx: tx.deliveries.revive(one.id, NOW)) == 0
        assert deliveries_of(store, one) == [attrs.evolve(first, attempts=0, due_at=NOW, last_error="too old"), second]
        assert deliveries_of(store, other) == kept
