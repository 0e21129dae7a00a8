"""Subscriptions to events, and deliveries."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import attrs
from sqlalchemy import BindParameter, Select, bindparam, delete, exists, func, insert, select, update

from sellout_adapters.sql.repositories.events import EVENT_COLUMNS, event_of
from sellout_adapters.sql.schema.functions import AMONG_IDS, CUSTOM_PLAN, among
from sellout_adapters.sql.schema.tables.events import event_deliveries, event_subscriptions, events
from sellout_adapters.sql.schema.types import Id, UtcTime, askable_after
from sellout_adapters.sql.session.compiled import Row
from sellout_adapters.sql.session.session import DatabaseSession, by_column
from sellout_core.events.subscriptions import Delivery, NewSubscription, Subscription
from sellout_core.values import EventId, SubscriptionId

_NOW: Final = bindparam("now", type_=UtcTime())
_BY: Final = bindparam("by", type_=UtcTime())
_LIMIT: Final[BindParameter[int]] = bindparam("limit")
_SUBSCRIPTION: Final = bindparam("subscription", type_=Id())
_ALL: Final = select(event_subscriptions).order_by(event_subscriptions.c.id)
_ONE: Final = select(event_subscriptions).where(event_subscriptions.c.id == _SUBSCRIPTION)
_ADD: Final = insert(event_subscriptions).returning(event_subscriptions.c.id)
_SAVE: Final = update(event_subscriptions).where(event_subscriptions.c.id == _SUBSCRIPTION)
_DELETE: Final = delete(event_subscriptions).where(event_subscriptions.c.id == _SUBSCRIPTION)
_DELETE_DELIVERIES: Final = delete(event_deliveries).where(event_deliveries.c.subscription_id == _SUBSCRIPTION)


@attrs.frozen
class SqlSubscriptions:
    """`ports.Subscriptions`."""

    _session: DatabaseSession

    def all(self) -> Sequence[Subscription]:
        """One statement, which locks the rows."""
        return list(map(_subscription, self._read(_ALL, {})))

    def get(self, subscription_id: SubscriptionId) -> Subscription | None:
        """One statement."""
        row = self._session.row(_ONE, {"subscription": subscription_id})
        return None if row is None else _subscription(row)

    def for_update(self, subscription_id: SubscriptionId) -> Subscription | None:
        """One statement, which locks the row."""
        return next(iter(map(_subscription, self._read(_ONE, {"subscription": subscription_id}))), None)

    def add(self, new: NewSubscription) -> Subscription:
        """One statement."""
        values = attrs.asdict(new, recurse=False) | {"events": list(new.events), "failures": 0, "lease": 0}
        row = self._session.row(_ADD, values)
        assert row is not None  # noqa: S101 - for the type alone
        return Subscription.of(row.id, new)

    def save(self, subscription: Subscription) -> None:
        """One statement."""
        values = attrs.asdict(subscription, recurse=False) | {"events": list(subscription.events)}
        self._session.run(_SAVE, {"subscription": values.pop("id"), **values})

    def delete(self, subscription_id: SubscriptionId) -> None:
        """Two statements."""
        for statement in (_DELETE_DELIVERIES, _DELETE):
            self._session.run(statement, {"subscription": subscription_id})

    def _read(self, statement: Select[Any], parameters: Mapping[str, Any]) -> Sequence[Row]:
        session = self._session
        return session.lock(statement, parameters) if session.locking else session.rows(statement, parameters)


_lanes: Final = event_subscriptions.c
_DUE_LANES: Final = (
    select(_lanes.id)
    .where(
        _lanes.active,
        _lanes.next_at <= _NOW,
        _lanes.leased_until.is_(None) | (_lanes.leased_until <= _NOW),
    )
    .order_by(_lanes.next_at, _lanes.id)
    .limit(1)
    .with_for_update(skip_locked=True)
)


def _taking(due: Select[Any]) -> Any:
    return (
        update(event_subscriptions)
        .where(_lanes.id.in_(select(due.cte("due"))))
        .values(lease=_lanes.lease + 1, leased_until=bindparam("until", type_=UtcTime()))
        .returning(event_subscriptions)
        .execution_options(**CUSTOM_PLAN)
    )


_TAKE_WEBHOOK: Final = _taking(_DUE_LANES.where(_lanes.url.is_not(None)))
_TAKE_SERVICE: Final = _taking(_DUE_LANES.where(_lanes.service == bindparam("named")))
_earlier = event_deliveries.alias("earlier")
_is_live: Final = event_deliveries.c.dead_at.is_(None)
_an_earlier_one: Final = (
    _earlier.c.subscription_id == event_deliveries.c.subscription_id,
    _earlier.c.subject == event_deliveries.c.subject,
    _earlier.c.event_id < event_deliveries.c.event_id,
    _earlier.c.dead_at.is_(None),
)
_own: Final = event_deliveries.c.subscription_id == _SUBSCRIPTION
_STATE: Final = ("attempts", "due_at", "dead_at", "last_error")
"""The columns of a delivery that change."""

_WITH_EVENT: Final = (
    select(
        event_deliveries.c.subscription_id,
        *(event_deliveries.c[name] for name in _STATE),
        *EVENT_COLUMNS,
    )
    .join(events, events.c.id == event_deliveries.c.event_id)
    .order_by(event_deliveries.c.event_id)
    .limit(_LIMIT)
)
_DUE: Final = _WITH_EVENT.where(
    _own,
    _is_live,
    event_deliveries.c.due_at <= _NOW,
    ~exists().where(*_an_earlier_one, _earlier.c.due_at > _NOW),
).execution_options(**CUSTOM_PLAN)
_NEXT_DUE: Final = (
    select(func.min(event_deliveries.c.due_at, type_=UtcTime()).label("due_at"))
    .where(_own, _is_live, ~exists().where(*_an_earlier_one))
    .execution_options(**CUSTOM_PLAN)
)
_DELIVERED: Final = delete(event_deliveries).where(_own, among(event_deliveries.c.event_id, AMONG_IDS))
_FAILED: Final = (
    update(event_deliveries)
    .where(_own, event_deliveries.c.event_id == bindparam("event", type_=Id()))
    .values({name: bindparam(f"new_{name}") for name in _STATE})
)
_GIVE_UP: Final = (
    update(event_deliveries)
    .where(
        _own,
        _is_live,
        exists().where(events.c.id == event_deliveries.c.event_id, events.c.occurred_at <= _BY),
    )
    .values(dead_at=_NOW, last_error=bindparam("reason"))
    .execution_options(**CUSTOM_PLAN)
)
_DELIVERIES_AFTER: Final = _WITH_EVENT.where(_own, event_deliveries.c.event_id > bindparam("after"))
_REVIVE: Final = (
    update(event_deliveries)
    .where(_own, event_deliveries.c.dead_at.is_not(None))
    .values(dead_at=None, attempts=0, due_at=_NOW)
)


@attrs.frozen
class SqlDeliveries:
    """`ports.Deliveries`."""

    _session: DatabaseSession

    def add(self, deliveries: Sequence[Delivery]) -> None:
        """One statement."""
        columns: dict[str, Sequence[Any]] = {
            **by_column(deliveries, ("subscription_id", *_STATE)),
            "event_id": [delivery.id for delivery in deliveries],
            "subject": [delivery.event.subject for delivery in deliveries],
        }
        self._session.add(event_deliveries, columns, missing=True)

    def take_lane(self, now: datetime, leased_until: datetime, service: str | None) -> Subscription | None:
        """One statement, which skips lanes that another transaction has locked."""
        if service is None:
            row = self._session.row(_TAKE_WEBHOOK, {"now": now, "until": leased_until})
        else:
            row = self._session.row(_TAKE_SERVICE, {"now": now, "until": leased_until, "named": service})
        return None if row is None else _subscription(row)

    def due(self, subscription_id: SubscriptionId, now: datetime, limit: int) -> Sequence[Delivery]:
        """One statement."""
        rows = self._session.rows(_DUE, {"subscription": subscription_id, "now": now, "limit": limit})
        return list(map(_delivery, rows))

    def next_due(self, subscription_id: SubscriptionId) -> datetime | None:
        """One statement."""
        [row] = self._session.rows(_NEXT_DUE, {"subscription": subscription_id})
        found: datetime | None = row.due_at
        return found

    def save(self, delivered: Collection[EventId], failed: Sequence[Delivery], subscription_id: SubscriptionId) -> None:
        """One statement for all deliveries that succeeded, and one for all that failed."""
        self._session.rows_among(_DELIVERED, delivered, {"subscription": subscription_id})
        self._session.run_many(
            _FAILED,
            [
                {
                    "subscription": subscription_id,
                    "event": each.id,
                    **{f"new_{name}": getattr(each, name) for name in _STATE},
                }
                for each in failed
            ],
        )

    def give_up(self, subscription_id: SubscriptionId, occurred_by: datetime, now: datetime, reason: str) -> None:
        """One statement."""
        self._session.run(_GIVE_UP, {"subscription": subscription_id, "by": occurred_by, "now": now, "reason": reason})

    def after(self, subscription_id: SubscriptionId, event_id: int, limit: int) -> Sequence[Delivery]:
        """One statement."""
        window = {"after": askable_after(event_id), "limit": limit}
        return list(map(_delivery, self._session.rows(_DELIVERIES_AFTER, {"subscription": subscription_id, **window})))

    def revive(self, subscription_id: SubscriptionId, now: datetime) -> int:
        """One statement."""
        return self._session.run(_REVIVE, {"subscription": subscription_id, "now": now})


def _subscription(row: Row) -> Subscription:
    return Subscription(**row._asdict() | {"events": tuple(row.events)})


def _delivery(row: Row) -> Delivery:
    state = {name: getattr(row, name) for name in ("subscription_id", *_STATE)}
    return Delivery(event=event_of(row), **state)
