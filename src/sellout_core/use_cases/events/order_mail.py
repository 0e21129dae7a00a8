"""Writes the mails about orders (docs/operations.md#mail). The shop is a subscriber of its own events.

The mails about a change of an order are written in the transaction that deletes the deliveries of its events, so each
is written once.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Final

from sellout_core.errors import Unavailable
from sellout_core.events.event import Event
from sellout_core.events.order_mails import OrderChange
from sellout_core.events.subscriptions import ORDER_MAIL, Delivery, Lane
from sellout_core.mail import GIVEN_UP_AFTER
from sellout_core.people.accounts import Actor
from sellout_core.ports.store import Transaction
from sellout_core.shop import Shop
from sellout_core.use_cases.events.dispatching import dispatch_events, settle_lane, take_lane
from sellout_core.use_cases.people.identity import post_mail
from sellout_core.values import EventId, OrderId, UserId

__all__ = ["write_order_mails"]

_FURTHER: Final = 400
"""More deliveries than the events of one change of an order, which has at most 100 units."""


def write_order_mails(shop: Shop, actor: Actor) -> Sequence[str | None]:
    """Writes the mails about changes of orders to the outbox: those of a buyer with a verified address, to that
    address. What happened over three days ago has no mail. A change whose mails cannot be written is tried again later,
    as a delivery that failed. For the operator. Any number of processes may do so at once.

    Returns:
        For each change the reason why it failed, or None. Empty: nothing was due.

    Raises:
        Forbidden: the actor is not the operator.
    """
    dispatch_events(shop, actor)
    now = shop.clock()
    if not shop.store.read(partial(_is_due, now=now)):
        return ()
    lane = take_lane(shop, actor, ORDER_MAIL)
    if lane is None:
        return ()
    whole = Lane(lane.subscription, shop.store.read(partial(_whole_changes, lane=lane, now=now)))
    outcomes: list[str | None] = []
    results: dict[EventId, str | None] = {}
    failed: set[str] = set()
    for events in _changes(whole.deliveries):
        # A change that failed holds back the later ones of its order.
        if events[0].subject not in failed:
            reason = _failure(shop, lane, events)
            outcomes.append(reason)
            results |= dict.fromkeys((event.id for event in events), reason)
            failed |= set() if reason is None else {events[0].subject}
    settle_lane(shop, actor, whole, results)
    return outcomes


def _is_due(tx: Transaction, *, now: datetime) -> bool:
    """Whether events wait. Usually none does, and nothing is written."""
    return any(each.service == ORDER_MAIL and each.is_due(now) for each in tx.subscriptions.all())


def _whole_changes(tx: Transaction, *, lane: Lane, now: datetime) -> Sequence[Delivery]:
    """The deliveries of a lane, with those of the rest of the last changes."""
    taken = {_change_of(delivery) for delivery in lane.deliveries}
    last_id = max((delivery.id for delivery in lane.deliveries), default=0)
    further = tx.deliveries.after(lane.subscription.id, last_id, _FURTHER)
    rest = [each for each in further if each.dead_at is None and each.due_at <= now and _change_of(each) in taken]
    return [*lane.deliveries, *rest]


def _change_of(delivery: Delivery) -> tuple[str, datetime]:
    """What the events of one change have in common."""
    return delivery.event.subject, delivery.event.occurred_at


def _changes(deliveries: Sequence[Delivery]) -> Iterable[Sequence[Event]]:
    """The events of each change, by their first ids. So the mails of a buyer of several orders are in order."""
    found: dict[tuple[str, datetime], list[Event]] = {}
    for delivery in deliveries:
        found.setdefault(_change_of(delivery), []).append(delivery.event)
    return found.values()


def _failure(shop: Shop, lane: Lane, events: Sequence[Event]) -> str | None:
    """Writes the mails about a change. Returns the type of the error: its text may have personal data.

    Raises:
        Unavailable: the store failed.
    """
    try:
        shop.store.write(partial(_write, shop, lane=lane, events=events))
    except Unavailable:
        raise
    except Exception as error:  # noqa: BLE001 - one order must not hold back the others
        return f"the mail could not be written: {type(error).__name__}"
    return None


def _write(shop: Shop, tx: Transaction, *, lane: Lane, events: Sequence[Event]) -> None:
    """Writes the mails about a change, unless another process has taken the lane since."""
    about: Mapping[str, int] = events[0].data
    buyer_id, order_id = UserId(about["buyer_id"]), OrderId(about["order_id"])
    # As in every change of an order, the buyer is locked first. A deletion of the buyer would miss a later mail.
    buyer = tx.users.for_update(buyer_id)
    current = tx.subscriptions.for_update(lane.subscription.id)
    if current is None or current.lease != lane.subscription.lease:
        return
    tx.deliveries.save([event.id for event in events], (), current.id)
    email = tx.emails.of(buyer_id)
    if buyer is None or email.address is None or shop.clock() - events[0].occurred_at > GIVEN_UP_AFTER:
        return
    order, fulfilment = tx.orders.get(order_id), tx.fulfilments.get(order_id)
    assert order is not None  # noqa: S101 - an order is never deleted
    assert fulfilment is not None  # noqa: S101 - nor its fulfilment
    for template, parameters in OrderChange(order, fulfilment, events).mails():
        words = {"username": buyer.username, **parameters}
        post_mail(shop, tx, template, email.address, email.language, user_id=buyer_id, **words)
