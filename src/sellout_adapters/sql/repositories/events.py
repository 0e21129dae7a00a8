"""Events."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

import attrs
from sqlalchemy import BindParameter, bindparam, column, delete, exists, func, select, text, update

from sellout_adapters.sql.schema.functions import AMONG_IDS, CUSTOM_PLAN, among, numbered_ids
from sellout_adapters.sql.schema.tables.events import event_deliveries, event_subscriptions, events
from sellout_adapters.sql.schema.types import Id, IdPairs, UtcTime, askable_after
from sellout_adapters.sql.session.compiled import Row
from sellout_adapters.sql.session.session import DatabaseSession, by_column
from sellout_core.events.event import Event, NewEvent
from sellout_core.values import UserId

_BY: Final = bindparam("by", type_=UtcTime())
_LIMIT: Final[BindParameter[int]] = bindparam("limit")
EVENT_COLUMNS: Final = [each for each in events.c if each.name != "dispatched"]
"""The columns of an event."""

# As the indexes have it.
_UNDISPATCHED: Final = text("NOT events.dispatched")

_FIRST_UNDISPATCHED: Final = select(events.c.id).where(_UNDISPATCHED).order_by(events.c.id).limit(_LIMIT)
_TAKE_UNDISPATCHED: Final = (
    update(events)
    .where(events.c.id.in_(select(_FIRST_UNDISPATCHED.with_for_update().cte("first"))))
    .values(dispatched=True)
    .returning(*EVENT_COLUMNS)
    .execution_options(**CUSTOM_PLAN)
)
_AFTER: Final = select(*EVENT_COLUMNS).where(events.c.id > bindparam("after")).order_by(events.c.id).limit(_LIMIT)
_seen: Final = numbered_ids(bindparam("pairs", type_=IdPairs())).table_valued(column("id", Id), column("number", Id))
_OF_BUYERS: Final = (
    select(*EVENT_COLUMNS)
    .join(_seen, (events.c.buyer_id == _seen.c.id) & (events.c.id > _seen.c.number))
    .order_by(events.c.id)
    .limit(_LIMIT)
)
_LAST_OF: Final = select(func.max(events.c.id).label("last")).where(events.c.buyer_id == bindparam("buyer", type_=Id()))
_waiting: Final = (
    exists()
    .where(
        event_deliveries.c.event_id == events.c.id,
        event_deliveries.c.dead_at.is_(None),
        event_deliveries.c.subscription_id == event_subscriptions.c.id,
        event_subscriptions.c.active,
    )
    .correlate(events)
)
_OLD: Final = (
    select(events.c.id)
    .where(text("events.dispatched"), events.c.occurred_at <= _BY, ~_waiting)
    .order_by(events.c.occurred_at)
    .limit(_LIMIT)
    .with_for_update(skip_locked=True)
    .execution_options(**CUSTOM_PLAN)
)
_DELETE_DEAD: Final = delete(event_deliveries).where(
    among(event_deliveries.c.event_id, AMONG_IDS),
    event_deliveries.c.dead_at.is_not(None)
    | event_deliveries.c.subscription_id.in_(select(event_subscriptions.c.id).where(~event_subscriptions.c.active)),
)
_DELETE_EVENTS: Final = (
    delete(events)
    .where(among(events.c.id, AMONG_IDS), ~exists().where(event_deliveries.c.event_id == events.c.id))
    .returning(events.c.id)
)


@attrs.frozen
class SqlEvents:
    """`ports.Events`."""

    _session: DatabaseSession

    def add(self, new: Sequence[NewEvent]) -> None:
        """One statement."""
        columns = by_column(new, [field.name for field in attrs.fields(NewEvent)])
        columns["data"] = [dict(event.data) for event in new]
        self._session.add(events, {**columns, "dispatched": [False] * len(new)})

    def has_undispatched(self) -> bool:
        """One statement."""
        return self._session.row(_FIRST_UNDISPATCHED, {"limit": 1}) is not None

    def take_undispatched(self, limit: int) -> Sequence[Event]:
        """One statement. An event of a subject is visible only after all earlier ones of it, so a call that has waited
        for another one returns events later than those.
        """
        rows = self._session.rows(_TAKE_UNDISPATCHED, {"limit": limit})
        return sorted(map(event_of, rows), key=lambda event: event.id)

    def after(self, event_id: int, limit: int) -> Sequence[Event]:
        """One statement."""
        return list(map(event_of, self._session.rows(_AFTER, {"after": askable_after(event_id), "limit": limit})))

    def of_buyers(self, after: Mapping[UserId, int], limit: int) -> Sequence[Event]:
        """One statement."""
        return list(map(event_of, self._session.rows(_OF_BUYERS, {"pairs": list(after.items()), "limit": limit})))

    def last_of(self, buyer_id: UserId) -> int:
        """One statement."""
        [row] = self._session.rows(_LAST_OF, {"buyer": buyer_id})
        return int(row.last or 0)

    def delete_delivered(self, occurred_by: datetime, limit: int) -> int:
        """Three statements. An event stays if a dead delivery of it was revived meanwhile."""
        old = [row.id for row in self._session.rows(_OLD, {"by": occurred_by, "limit": limit})]
        self._session.rows_among(_DELETE_DEAD, old)
        return len(self._session.rows_among(_DELETE_EVENTS, old))


def event_of(row: Row) -> Event:
    """The event of a row with `EVENT_COLUMNS`."""
    return Event(**{column.name: getattr(row, column.name) for column in EVENT_COLUMNS})
