"""Writes the mails about orders (docs/operations.md#mail). The shop itself subscribes to events of orders.

The mails of an event are written in the transaction that deletes its delivery, so each is written once.
"""

from collections import defaultdict
from collections.abc import Sequence
from functools import partial

from sellout_core.events.event import Event
from sellout_core.events.order_mails import MAILED_EVENTS, order_mails
from sellout_core.events.subscriptions import ORDER_MAIL, Lane
from sellout_core.people.accounts import Actor
from sellout_core.ports.store import Transaction
from sellout_core.shop import Shop
from sellout_core.use_cases.events.dispatching import dispatch_events, settle_lane, take_lane
from sellout_core.use_cases.events.services import subscribe_service
from sellout_core.use_cases.people.identity import post_mail
from sellout_core.values import OrderId, UserId

__all__ = ["subscribe_order_mail", "write_order_mails"]


def subscribe_order_mail(shop: Shop, actor: Actor) -> None:
    """Makes buyers get mail about what happens to their orders from now on. For the operator. The subscription does not
    count towards the maximum.

    Raises:
        Forbidden: the actor is not the operator.
    """
    subscribe_service(shop, actor, ORDER_MAIL, MAILED_EVENTS)


def write_order_mails(shop: Shop, actor: Actor) -> int:
    """Writes the mails about what has happened to orders to the outbox: those of a buyer with a verified address, to
    that address. Returns the number of events. For the operator. Any number of processes may do so at once.

    Raises:
        Forbidden: the actor is not the operator.
    """
    dispatch_events(shop, actor)
    now = shop.clock()
    if not shop.store.read(
        lambda tx: any(each.service == ORDER_MAIL and each.is_due(now) for each in tx.subscriptions.all())
    ):
        return 0
    lane = take_lane(shop, actor, ORDER_MAIL)
    if lane is None:
        return 0
    by_subject = defaultdict[str, list[Event]](list)
    for delivery in lane.deliveries:
        by_subject[delivery.event.subject].append(delivery.event)
    handled = sum(shop.store.write(partial(_write, shop, lane=lane, events=events)) for events in by_subject.values())
    settle_lane(shop, actor, lane, {delivery.id: None for delivery in lane.deliveries})
    return handled


def _write(shop: Shop, tx: Transaction, *, lane: Lane, events: Sequence[Event]) -> int:
    """Writes the mails about events of one order, unless another process has taken the lane since. Returns the number
    of events.
    """
    buyer_id = UserId(events[0].data["buyer_id"])
    # As in every change of an order, the buyer is locked first. A deletion of the buyer would miss a later mail.
    buyer = tx.users.for_update(buyer_id)
    current = tx.subscriptions.for_update(lane.subscription.id)
    if current is None or current.lease != lane.subscription.lease:
        return 0
    tx.deliveries.save([event.id for event in events], (), current.id)
    email, order_id = tx.emails.of(buyer_id), OrderId(events[0].data["order_id"])
    order, fulfilment = tx.orders.get(order_id), tx.fulfilments.get(order_id)
    if buyer is not None and email.address is not None and order is not None and fulfilment is not None:
        for template, parameters in order_mails(order, fulfilment, events):
            words = {"username": buyer.username, **parameters}
            post_mail(shop, tx, template, email.address, email.language, user_id=buyer_id, **words)
    return len(events)
