"""Bugs of outboxes and of webhooks, planted into a server, to test that the laws of events find them."""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import attrs

from sellout_adapters.sql.repositories.events import SqlEvents
from sellout_adapters.sql.repositories.subscriptions import SqlDeliveries
from sellout_adapters.webhooks import client, signing
from sellout_core.events.event import Event, NewEvent
from sellout_core.events.kinds import PING
from sellout_core.events.making import of_fulfilment, of_order
from sellout_core.events.subscriptions import Delivery, Lane, Subscription
from sellout_core.fulfilment import lifecycle
from sellout_core.fulfilment.progress import FulfilmentChange, Mover, MoveRequest
from sellout_core.people.accounts import Actor
from sellout_core.ports.store import Transaction
from sellout_core.shop import Shop
from sellout_core.shopping.ordering import Order
from sellout_core.use_cases.events import dispatching
from sellout_core.use_cases.shopping import checkout, fulfilment
from sellout_core.use_cases.shopping.tracking import TrackingView
from sellout_core.values import EventId, OrderId, SubscriptionId
from sellout_http import event_delivery
from tests.consistency.planted_staff import planted
from tests.consistency.receivers import ELSEWHERE


def event_before_commit() -> None:
    """The events of a move are written before the shop decides whether it is possible."""
    move = fulfilment.move_order

    def move_after_events(shop: Shop, actor: Actor, order_id: OrderId, request: MoveRequest) -> TrackingView:
        def write(tx: Transaction) -> None:
            before, _ = fulfilment.locked_fulfilment(tx, actor, order_id)
            now = shop.clock()
            mover = Mover(actor.user_id, frozenset({lifecycle.Role.STAFF}), now)
            entries = tuple(
                mover.entry(
                    before,
                    lifecycle.Event.LINE_MOVED,
                    unit_id=line.unit_id,
                    source=line.state.value,
                    target=request.target.value,
                )
                for line in before.wanted(request.unit_ids)
            )
            tx.events.add(of_fulfilment(FulfilmentChange(before, before, entries), now))

        if actor.is_staff:
            shop.store.write(write)
        return move(shop, actor, order_id, request)

    planted(fulfilment, "move_order", move_after_events)


def events_after_commit() -> None:
    """Events wait in memory until they are dispatched, and end with their process."""
    add, take = SqlEvents.add, SqlEvents.take_undispatched
    has = SqlEvents.has_undispatched
    waiting: list[NewEvent] = []

    def take_with_waiting(self: SqlEvents, limit: int) -> Sequence[Event]:
        new, waiting[:] = list(waiting), []
        add(self, new)
        return take(self, limit)

    planted(SqlEvents, "add", lambda _, new: waiting.extend(new))
    planted(SqlEvents, "has_undispatched", lambda self: bool(waiting) or has(self))
    planted(SqlEvents, "take_undispatched", take_with_waiting)


def lost_on_retry() -> None:
    """A delivery that failed is deleted as one that succeeded."""
    settle = dispatching.settle_lane

    def settle_all(shop: Shop, actor: Actor, lane: Lane, results: Mapping[EventId, str | None]) -> None:
        settle(shop, actor, lane, dict.fromkeys(results))

    planted(event_delivery, "settle_lane", settle_all)


def dead_after_one_failure() -> None:
    """A delivery that failed is never tried again."""
    planted(
        Delivery,
        "failed",
        lambda self, reason, now, _: attrs.evolve(self, attempts=self.attempts + 1, last_error=reason, dead_at=now),
    )


def out_of_order_after_failure() -> None:
    """A failure does not hold back the later events of its subject."""

    async def send_all(sender: event_delivery.Sender, lane: Lane, results: dict[EventId, str | None]) -> None:
        for delivery in lane.deliveries:
            results[delivery.id] = await sender.send(lane.subscription, delivery.event)

    def due(self: SqlDeliveries, subscription_id: SubscriptionId, now: datetime, limit: int) -> Sequence[Delivery]:
        waiting = self.after(subscription_id, 0, limit)
        return [each for each in waiting if each.dead_at is None and each.due_at <= now]

    planted(event_delivery, "_send_all", send_all)
    planted(SqlDeliveries, "due", due)


def sent_for_ever() -> None:
    """A delivery that succeeded stays due."""
    save = SqlDeliveries.save

    def save_failures(
        self: SqlDeliveries, _: Collection[EventId], failed: Sequence[Delivery], subscription_id: SubscriptionId
    ) -> None:
        save(self, (), failed, subscription_id)

    planted(SqlDeliveries, "save", save_failures)


def address_in_event() -> None:
    """The event of an order has the e-mail address of the buyer."""

    def with_address(order: Order) -> NewEvent:
        made = of_order(order)
        return attrs.evolve(made, data={**made.data, "email": order.email})

    planted(checkout, "of_order", with_address)


def signature_over_parsed_body() -> None:
    """The signature is that of the document as another library would write it."""
    sign = signing.signed_headers

    def sign_parsed(secrets: Sequence[str], message_id: str, at: datetime, content: bytes) -> dict[str, str]:
        return sign(secrets, message_id, at, json.dumps(json.loads(content)).encode())

    planted(client, "signed_headers", sign_parsed)


def first_event_alone() -> None:
    """A change of an order has its first event alone."""
    planted(fulfilment, "of_fulfilment", lambda change, at: of_fulfilment(change, at)[:1])


def batch_cut_short() -> None:
    """Of the events that are dispatched at once, a webhook gets the first one alone."""
    add = dispatching._add

    def add_one(tx: Transaction, subscription: Subscription, events: Sequence[Event], now: datetime) -> bool:
        return add(tx, subscription, list(filter(subscription.wants, events))[:1], now)

    planted(dispatching, "_add", add_one)


def unwanted_kinds() -> None:
    """A webhook gets the events of all kinds."""
    wants = Subscription.wants

    def wants_all(self: Subscription, event: Any) -> bool:
        return wants(self, event) or event.name != PING

    planted(Subscription, "wants", wants_all)


def followed_redirect() -> None:
    """Redirects are followed."""
    post = client.WebhookClient._post

    async def follow(self: client.WebhookClient, subscription: Subscription, event: Event) -> int:
        status = await post(self, subscription, event)
        if not 300 <= status < 400:
            return status
        return await post(
            self, attrs.evolve(subscription, url=str(subscription.url).replace("/hook", ELSEWHERE)), event
        )

    planted(client.WebhookClient, "_post", follow)


EVENT_BUGS: Final[dict[str, Callable[[], None]]] = {
    bug.__name__: bug
    for bug in (
        event_before_commit,
        events_after_commit,
        lost_on_retry,
        dead_after_one_failure,
        out_of_order_after_failure,
        sent_for_ever,
        address_in_event,
        signature_over_parsed_body,
        first_event_alone,
        batch_cut_short,
        unwanted_kinds,
        followed_redirect,
    )
}
