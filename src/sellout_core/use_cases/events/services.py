"""Subscribers in this process: Python services that import the core, and the shop itself, which sends mails about
orders.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

import attrs

from sellout_core.errors import FieldCode, InvalidField, InvalidFields, NotFound
from sellout_core.events.event import Event
from sellout_core.events.order_mails import MAILED_EVENTS
from sellout_core.events.subscriptions import ORDER_MAIL, NewSubscription, Subscription, require_place
from sellout_core.people.accounts import Actor
from sellout_core.ports.events import EventHandler
from sellout_core.ports.store import Transaction
from sellout_core.shop import Shop
from sellout_core.use_cases.events.dispatching import dispatch_events, settle_lane, take_lane
from sellout_core.values import EventId

__all__ = ["deliver_to_service", "subscribe_order_mail", "subscribe_service", "unsubscribe_service"]

_HANDLING: Final = timedelta(minutes=1)
"""How long a service handles events before it notes the results. It is less than a lease."""


def subscribe_service(shop: Shop, actor: Actor, name: str, events: Sequence[str] = ()) -> Subscription:
    """Subscribes a service to events. It gets those that occur from now on, also while it does not run. If it is
    subscribed, changes what it is subscribed to. For the operator.

    Args:
        shop: The shop.
        actor: The actor.
        name: The name of the service, of at most 50 characters, neither a number nor `order-mail`.
        events: The names of the kinds of events. Empty: all.

    Raises:
        Forbidden: the actor is not the operator.
        InvalidFields: the name or the kinds break a rule.
        LimitReached: the shop has 100 subscriptions.
    """
    actor.require_operator()
    _require_foreign(name)
    return _subscribe(shop, actor, name, tuple(events))


def subscribe_order_mail(shop: Shop, actor: Actor) -> None:
    """Subscribes the shop to the events that mails about orders follow from. Writes nothing if it is. For the operator.

    Raises:
        Forbidden: the actor is not the operator.
    """
    actor.require_operator()
    known = shop.store.read(lambda tx: tx.subscriptions.all())
    if not any((each.service, each.events) == (ORDER_MAIL, MAILED_EVENTS) for each in known):
        _subscribe(shop, actor, ORDER_MAIL, MAILED_EVENTS)


def _subscribe(shop: Shop, actor: Actor, name: str, events: tuple[str, ...]) -> Subscription:
    # The subscriber gets no event that has occurred before and is not dispatched yet.
    dispatch_events(shop, actor)
    new = NewSubscription(service=name, events=events, created_at=shop.clock())

    def work(tx: Transaction) -> Subscription:
        known = tx.subscriptions.all()
        found = next((each for each in known if each.service == name), None)
        if found is not None:
            changed = attrs.evolve(found, events=new.events)
            tx.subscriptions.save(changed)
            return changed
        if name != ORDER_MAIL:
            require_place(known)
        return tx.subscriptions.add(new)

    return shop.store.write(work)


def unsubscribe_service(shop: Shop, actor: Actor, name: str) -> None:
    """Ends the subscription of a service. What it has not got yet is lost to it, and no longer keeps events. For the
    operator.

    Raises:
        Forbidden: the actor is not the operator.
        NotFound: no such service is subscribed.
    """
    actor.require_operator()

    def work(tx: Transaction) -> None:
        found = next((each for each in tx.subscriptions.all() if each.service == name), None)
        if found is None:
            raise NotFound
        tx.subscriptions.delete(found.id)

    shop.store.write(work)


def deliver_to_service(shop: Shop, actor: Actor, name: str, handle: EventHandler) -> int:
    """Passes the events that are due for a service to its handler: at least once, and in order for each subject. An
    exception of the handler makes it get the event again later. Returns the number of handled events. For the operator.

    Raises:
        Forbidden: the actor is not the operator.
        InvalidFields: the name is that of the shop's own subscription.
    """
    actor.require_operator()
    _require_foreign(name)
    dispatch_events(shop, actor)
    lane = take_lane(shop, actor, name)
    if lane is None:
        return 0
    results: dict[EventId, str | None] = {}
    failed: set[str] = set()
    until = shop.clock() + _HANDLING
    for delivery in lane.deliveries:
        if shop.clock() > until:
            break
        if delivery.event.subject not in failed:
            results[delivery.id] = reason = _failure(handle, delivery.event)
            failed |= set() if reason is None else {delivery.event.subject}
    settle_lane(shop, actor, lane, results)
    return sum(reason is None for reason in results.values())


def _require_foreign(name: str) -> None:
    if name == ORDER_MAIL:
        fault = InvalidField("service", f"must not be {ORDER_MAIL}, the shop's own subscription", FieldCode.NOT_ONE_OF)
        raise InvalidFields((fault,))


def _failure(handle: EventHandler, event: Event) -> str | None:
    """The type of the exception of a handler: its text may have personal data. None: it has handled the event."""
    try:
        handle(event)
    except Exception as error:  # noqa: BLE001 - the service's own
        return f"the service raised {type(error).__name__}"
    return None
