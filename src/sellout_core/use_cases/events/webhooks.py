"""How staff read, create, change and test webhooks."""

from collections.abc import Callable, Sequence
from functools import partial

import attrs

from sellout_core import values
from sellout_core.audit import audited
from sellout_core.errors import InvalidField, InvalidFields, NotFound, Stale
from sellout_core.events.addresses import target_fault
from sellout_core.events.making import of_ping
from sellout_core.events.subscriptions import (
    OVERLAP,
    Delivery,
    NewSubscription,
    Subscription,
    kind_names,
    new_secret,
    require_place,
    secret,
)
from sellout_core.people.accounts import Actor
from sellout_core.ports.lists import WHOLE, Part, in_batches
from sellout_core.ports.store import Transaction
from sellout_core.shop import ReadingShop, Shop
from sellout_core.values import UNCHANGED, SubscriptionId, Unchanged, changed, ruled

__all__ = [
    "NewWebhook",
    "WebhookChange",
    "WebhookSecret",
    "change_webhook",
    "create_webhook",
    "delete_webhook",
    "ping_webhook",
    "read_deliveries",
    "read_webhook",
    "read_webhooks",
    "replace_secret",
]

_Check = Callable[[Subscription], bool]


@attrs.frozen(kw_only=True)
class WebhookSecret:
    """The secret of a webhook: `whsec_` and 24 to 64 bytes in Base64. None: the shop makes one.

    Raises:
        InvalidFields: the secret is no such text.
    """

    secret: str | None = ruled(values.optional(secret), default=None, repr=False)

    def __attrs_post_init__(self) -> None:
        """Checks the limits."""
        values.enforce(self)


@attrs.frozen(kw_only=True)
class NewWebhook(WebhookSecret):
    """A webhook that does not exist yet: the address, the names of the kinds of events (none: all), and the secret."""

    url: str
    events: tuple[str, ...] = ruled(kind_names, default=())


@attrs.frozen(kw_only=True)
class WebhookChange:
    """A change of a webhook.

    Raises:
        InvalidFields: the kinds of events break a rule.
    """

    url: str | Unchanged = UNCHANGED
    events: tuple[str, ...] | Unchanged = ruled(values.perhaps(kind_names), default=UNCHANGED)
    active: bool | Unchanged = UNCHANGED

    def __attrs_post_init__(self) -> None:
        """Checks the limits."""
        values.enforce(self)


@attrs.frozen
class _Audited:
    """What the audit has of a webhook."""

    url: str | None
    events: str
    active: bool

    @classmethod
    def of(cls, webhook: Subscription) -> "_Audited":
        return cls(webhook.url, ", ".join(webhook.events), webhook.active)


def read_webhooks(shop: ReadingShop, actor: Actor) -> Sequence[Subscription]:
    """All webhooks, by id. For staff.

    Raises:
        Unauthenticated, Forbidden: the actor is not staff.
    """
    actor.require_staff()
    return shop.store.read(lambda tx: [each for each in tx.subscriptions.all() if each.url is not None])


def read_webhook(shop: ReadingShop, actor: Actor, webhook_id: SubscriptionId) -> Subscription:
    """A webhook. For staff.

    Raises:
        Unauthenticated, Forbidden: the actor is not staff.
        NotFound: there is no such webhook.
    """
    actor.require_staff()
    return shop.store.read(lambda tx: _webhook(tx.subscriptions.get(webhook_id)))


def read_deliveries(
    shop: ReadingShop,
    actor: Actor,
    webhook_id: SubscriptionId,
    sink: Callable[[Sequence[Delivery]], None],
    part: Part = WHOLE,
) -> int | None:
    """Passes the deliveries to a webhook that have not succeeded to `sink` in batches, by event, from one state of the
    shop. For staff.

    Returns:
        The last id of the part if more entries follow, otherwise None.

    Raises:
        Unauthenticated, Forbidden: the actor is not staff.
        NotFound: there is no such webhook.
    """
    actor.require_staff()

    def work(tx: Transaction) -> int | None:
        _webhook(tx.subscriptions.get(webhook_id))
        return in_batches(part, partial(tx.deliveries.after, webhook_id), sink)

    return shop.store.read(work)


def create_webhook(shop: Shop, actor: Actor, new: NewWebhook) -> Subscription:
    """Creates a webhook, which gets the events that occur from now on. For staff.

    Raises:
        Unauthenticated, Forbidden: the actor is not staff.
        InvalidFields: the shop sends no events to the address.
        LimitReached: the shop has 100 subscriptions.
    """
    actor.require_staff()
    _require_target(shop, new.url)
    now = shop.clock()
    wanted = NewSubscription(url=new.url, events=new.events, secret=_secret(shop, new), created_at=now)

    def work(tx: Transaction) -> Subscription:
        require_place(tx.subscriptions.all())
        added = tx.subscriptions.add(wanted)
        tx.audit.add([audited(actor, now, "webhook", added.id, after=_Audited.of(added))])
        return added

    return shop.store.write(work)


def change_webhook(
    shop: Shop, actor: Actor, webhook_id: SubscriptionId, change: WebhookChange, is_current: _Check
) -> Subscription:
    """Changes a webhook. One that becomes active is tried at once, with what it has not got yet. For staff.

    Raises:
        Unauthenticated, Forbidden: the actor is not staff.
        NotFound: there is no such webhook.
        Stale: the webhook has another version.
        InvalidFields: the shop sends no events to the address.
    """
    actor.require_staff()
    if not isinstance(change.url, Unchanged):
        _require_target(shop, change.url)
    now = shop.clock()

    def work(tx: Transaction) -> Subscription:
        before = _current(tx, webhook_id, is_current)
        after = changed(before, change)
        if after != before:
            after = attrs.evolve(after, failures=0, next_at=now)
            tx.subscriptions.save(after)
            _audit(tx, actor, shop, before, after)
        return after

    return shop.store.write(work)


def replace_secret(shop: Shop, actor: Actor, webhook_id: SubscriptionId, new: WebhookSecret) -> Subscription:
    """Replaces the secret of a webhook. The one before signs beside it for a day. For staff.

    Raises:
        Unauthenticated, Forbidden: the actor is not staff.
        NotFound: there is no such webhook.
    """
    actor.require_staff()
    wanted, now = _secret(shop, new), shop.clock()

    def work(tx: Transaction) -> Subscription:
        before = _webhook(tx.subscriptions.for_update(webhook_id))
        after = attrs.evolve(before, secret=wanted, previous_secret=before.secret, previous_until=now + OVERLAP)
        tx.subscriptions.save(after)
        _audit(tx, actor, shop, before, after, "replace_secret")
        return after

    return shop.store.write(work)


def delete_webhook(shop: Shop, actor: Actor, webhook_id: SubscriptionId, is_current: _Check) -> Subscription:
    """Deletes a webhook with what it has not got yet, and returns it. For staff.

    Raises:
        Unauthenticated, Forbidden: the actor is not staff.
        NotFound: there is no such webhook.
        Stale: the webhook has another version.
    """
    actor.require_staff()

    def work(tx: Transaction) -> Subscription:
        webhook = _current(tx, webhook_id, is_current)
        tx.subscriptions.delete(webhook_id)
        _audit(tx, actor, shop, webhook, None)
        return webhook

    return shop.store.write(work)


def ping_webhook(shop: Shop, actor: Actor, webhook_id: SubscriptionId) -> Subscription:
    """Sends the event `webhook.pinged` to a webhook, if it is active. For staff.

    Raises:
        Unauthenticated, Forbidden: the actor is not staff.
        NotFound: there is no such webhook.
    """
    actor.require_staff()

    def work(tx: Transaction) -> Subscription:
        webhook = _webhook(tx.subscriptions.for_update(webhook_id))
        tx.events.add([of_ping(webhook_id, shop.clock())])
        return webhook

    return shop.store.write(work)


def _webhook(found: Subscription | None) -> Subscription:
    if found is None or found.url is None:
        raise NotFound
    return found


def _current(tx: Transaction, webhook_id: SubscriptionId, is_current: _Check) -> Subscription:
    webhook = _webhook(tx.subscriptions.for_update(webhook_id))
    if not is_current(webhook):
        raise Stale
    return webhook


def _require_target(shop: Shop, url: str) -> None:
    if fault := target_fault(url, allow_private=shop.policy.private_webhooks):
        raise InvalidFields((InvalidField("url", fault.reason, fault.code),))


def _secret(shop: Shop, new: WebhookSecret) -> str:
    return new.secret or new_secret(bytes.fromhex("".join(shop.random_id() for _ in range(4))))


def _audit(
    tx: Transaction, actor: Actor, shop: Shop, before: Subscription, after: Subscription | None, action: str = ""
) -> None:
    becomes = None if after is None else _Audited.of(after)
    entry = audited(actor, shop.clock(), "webhook", before.id, before=_Audited.of(before), after=becomes, action=action)
    tx.audit.add([entry])
