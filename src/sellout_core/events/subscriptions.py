"""Subscriptions to events, and the deliveries to them."""

import base64
import binascii
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import attrs

from sellout_core import values
from sellout_core.errors import Fault, FieldCode, LimitReached
from sellout_core.events.event import Event, NewEvent
from sellout_core.events.kinds import KINDS, PING
from sellout_core.values import EventId, SubscriptionId, ruled

__all__ = [
    "LEASE",
    "MAX_AGE",
    "MAX_ERROR",
    "MAX_SUBSCRIPTIONS",
    "ORDER_MAIL",
    "OVERLAP",
    "Delivery",
    "Lane",
    "NewSubscription",
    "Subscription",
    "delivery_delay",
    "kind_names",
    "lane_delay",
    "new_secret",
    "require_place",
    "secret",
    "secret_bytes",
    "service_name",
]

MAX_SUBSCRIPTIONS: Final = 100
"""The maximum number of subscriptions, without the shop's own."""

ORDER_MAIL: Final = "order-mail"
"""The service name of the shop's own subscription, from whose events the mails about orders follow."""

MAX_ERROR: Final = 300
"""The maximum length of the reason of a failure, in characters."""

LEASE: Final = timedelta(minutes=2)
"""How long a process may take for the deliveries that it has taken before another one takes them."""

OVERLAP: Final = timedelta(days=1)
"""How long a replaced secret still signs beside the new one."""

MAX_AGE: Final = timedelta(days=4)
"""The age of an event after which it is no more sent to a subscriber that does not answer."""

_SECRET_PREFIX: Final = "whsec_"  # noqa: S105 - the prefix of Standard Webhooks
_SERVICE_NAME: Final = 50

_DELAYS: Final[Sequence[timedelta]] = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
"""The delays of Standard Webhooks ("Deliverability and reliability")."""

_FIRST_PAUSE: Final = timedelta(seconds=1)
_LONGEST_PAUSE: Final = timedelta(minutes=5)
_JITTER: Final = 0.2


def kind_names(names: Collection[str]) -> Fault | None:
    """A rule for names of kinds of events, without repeats. None at all stands for every kind."""

    def known(name: str) -> Fault | None:
        return None if name in KINDS else Fault("must be names of events", FieldCode.NOT_ONE_OF)

    return values.each(known, len(KINDS))(names)


def service_name(value: str) -> Fault | None:
    """A rule for names of services. Digits alone would be the id of a webhook."""
    if value.isdecimal():
        return Fault("must not be a number", FieldCode.MALFORMED)
    return values.one_line(_SERVICE_NAME, minimum=1)(value)


def secret(value: str) -> Fault | None:
    """A rule for secrets: `whsec_` and 24 to 64 bytes in Base64 (Standard Webhooks, "Symmetric")."""
    try:
        length = len(secret_bytes(value))
    except binascii.Error:
        length = 0
    well_formed = value.startswith(_SECRET_PREFIX) and 24 <= length <= 64
    return None if well_formed else Fault("must be whsec_ and 24 to 64 bytes in Base64", FieldCode.MALFORMED)


def secret_bytes(value: str) -> bytes:
    """The key within a secret.

    Raises:
        binascii.Error: it is not Base64.
    """
    try:
        return base64.b64decode(value.removeprefix(_SECRET_PREFIX), validate=True)
    except ValueError as error:
        raise binascii.Error from error


def new_secret(key: bytes) -> str:
    """The secret of a key."""
    return _SECRET_PREFIX + base64.b64encode(key).decode()


@attrs.frozen(kw_only=True)
class NewSubscription:
    """A subscription without an id: a webhook, or a Python service that gets its events in process.

    Attributes:
        url: The address that events are sent to. None: the subscriber is a service.
        service: The name of the service. None: the subscriber is a webhook.
        secret: The key of the signatures. Empty for a service.
        previous_secret: The key before. Empty: there was none.
        previous_until: Until when it also signs. None: it does not.
        events: The names of the kinds of events. Empty: all.
        active: Whether it gets events.
        created_at: The time.

    Raises:
        InvalidFields: names every field that breaks a rule.
    """

    url: str | None = None
    service: str | None = ruled(values.optional(service_name), default=None)
    secret: str = attrs.field(default="", repr=False)
    previous_secret: str = attrs.field(default="", repr=False)
    previous_until: datetime | None = None
    events: tuple[str, ...] = ruled(kind_names, default=())
    active: bool = True
    created_at: datetime

    def __attrs_post_init__(self) -> None:
        """Checks the limits."""
        values.enforce(self)


@attrs.frozen(kw_only=True)
class Subscription(NewSubscription):
    """A subscription, and the state of its lane: the deliveries that one process at a time makes.

    Attributes:
        id: The id.
        failures: The number of takings in a row that all failed.
        next_at: When the lane has something to do. None: it has nothing.
        lease: Counts the takings of the lane.
        leased_until: Until when a process has the lane. None: no process has.
    """

    id: SubscriptionId
    failures: int = 0
    next_at: datetime | None = None
    lease: int = 0
    leased_until: datetime | None = None

    @classmethod
    def of(cls, subscription_id: SubscriptionId, new: NewSubscription) -> "Subscription":
        """A subscription with an id and the values of `new`."""
        return cls(id=subscription_id, **attrs.asdict(new, recurse=False))

    def wants(self, event: NewEvent) -> bool:
        """Whether the event is delivered to it. A ping is for one webhook."""
        if event.name == PING:
            return self.active and event.subject == f"webhook/{self.id}"
        return self.active and (not self.events or event.name in self.events)

    def keys(self, now: datetime) -> tuple[str, ...]:
        """The secrets that sign at that time, the present one first."""
        is_kept = self.previous_until is not None and now < self.previous_until
        return (self.secret, self.previous_secret) if is_kept else (self.secret,)

    def is_due(self, now: datetime) -> bool:
        """Whether a process may take the lane."""
        is_free = self.leased_until is None or self.leased_until <= now
        return self.active and is_free and self.next_at is not None and self.next_at <= now

    def after_new_deliveries(self, now: datetime) -> "Subscription":
        """The subscription with new deliveries. One that fails keeps its pause."""
        wakes = self.next_at is None or (not self.failures and self.next_at > now)
        return attrs.evolve(self, next_at=now) if wakes else self


@attrs.frozen(kw_only=True)
class Delivery:
    """The delivery of an event to a subscription. It is deleted when it succeeds.

    Attributes:
        subscription_id: The subscription.
        event: The event.
        attempts: The number of failures.
        due_at: When the next attempt may begin. Deliveries of one subject wait for earlier ones.
        dead_at: When the shop gave up. None: it has not. A dead delivery holds no later one back.
        last_error: Why the last attempt failed. Empty: there was none.
    """

    subscription_id: SubscriptionId
    event: Event
    attempts: int = 0
    due_at: datetime
    dead_at: datetime | None = None
    last_error: str = ""

    @property
    def id(self) -> EventId:
        """The id of the event, by which lists of deliveries are sorted."""
        return self.event.id

    def failed(self, reason: str, now: datetime, chance: float) -> "Delivery":
        """The delivery after a failure: due again after 5 seconds, 5 minutes and so on up to a day, or dead after the
        tenth one.

        Args:
            reason: The reason.
            now: The time.
            chance: A random number from 0 to 1.
        """
        attempts = self.attempts + 1
        delay = delivery_delay(attempts, chance)
        changes: dict[str, Any] = {"dead_at": now} if delay is None else {"due_at": now + delay}
        return attrs.evolve(self, attempts=attempts, last_error=reason[:MAX_ERROR], **changes)


@attrs.frozen
class Lane:
    """Deliveries that a process has taken: those of one subscription that are due, by event. Those of one subject are
    made in this order, and a failure ends those of its subject.
    """

    subscription: Subscription
    deliveries: Sequence[Delivery]


def delivery_delay(attempts: int, chance: float) -> timedelta | None:
    """The delay after that many failures of a delivery, with up to a fifth less by chance. None: no attempt follows."""
    return None if attempts > len(_DELAYS) else _DELAYS[attempts - 1] * (1 - _JITTER * chance)


def require_place(known: Collection[Subscription]) -> None:
    """Checks that the shop may have another subscription.

    Raises:
        LimitReached: it has 100.
    """
    if sum(each.service != ORDER_MAIL for each in known) >= MAX_SUBSCRIPTIONS:
        raise LimitReached(MAX_SUBSCRIPTIONS)


def lane_delay(failures: int, chance: float) -> timedelta:
    """The pause of a subscription of which nothing succeeds: 1, 2, 4 seconds and so on up to 5 minutes, and up to a
    fifth less by chance.
    """
    return min(_FIRST_PAUSE * (1 << min(failures - 1, 10)), _LONGEST_PAUSE) * (1 - _JITTER * chance)
