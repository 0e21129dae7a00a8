"""The backlog, counted by indexes. Each count ends at its limit."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import attrs
from sqlalchemy import ColumnElement, Select, bindparam, func, literal_column, select, text, union_all

from sellout_adapters.sql.schema.tables.events import event_deliveries, event_subscriptions, events
from sellout_adapters.sql.schema.tables.fulfilment import online_payments
from sellout_adapters.sql.schema.tables.identity import outbox
from sellout_adapters.sql.schema.tables.shop import orders
from sellout_adapters.sql.schema.types import UtcTime
from sellout_adapters.sql.session.session import DatabaseSession
from sellout_core.fulfilment.statuses import STATUSES
from sellout_core.ports.backlog import Waiting
from sellout_core.values import StatusId


def _with_status(status_id: StatusId) -> Select[Any]:
    """The number of orders of a status, up to the limit. The status is a constant, so PostgreSQL knows how frequent it
    is: it finds the orders of a rare one by the index. Of a frequent one it soon has enough.
    """
    constant: ColumnElement[int] = literal_column(str(status_id))
    found = select(orders.c.id).where(orders.c.status_id == constant).limit(bindparam("limit")).subquery()
    return select(constant.label("id"), select(func.count()).select_from(found).scalar_subquery().label("number"))


_ORDERS: Final = union_all(*map(_with_status, STATUSES))
_mails = select(outbox.c.created_at).order_by(outbox.c.id).limit(bindparam("limit")).subquery("mails")
_MAILS: Final = select(func.count().label("number"), func.min(_mails.c.created_at, type_=UtcTime()).label("since"))
_due = (
    select(online_payments.c.due_at)
    .where(online_payments.c.due_at <= bindparam("now", type_=UtcTime()))
    .order_by(online_payments.c.due_at)
    .limit(bindparam("limit"))
    .subquery("due")
)
_PAYMENTS: Final = select(func.count().label("number"), func.min(_due.c.due_at, type_=UtcTime()).label("since"))


_undispatched = (
    select(events.c.occurred_at)
    .where(text("NOT events.dispatched"))
    .order_by(events.c.id)
    .limit(bindparam("limit"))
    .subquery("undispatched")
)
_EVENTS: Final = select(
    func.count().label("number"), func.min(_undispatched.c.occurred_at, type_=UtcTime()).label("since")
)
# As the index has it.
_LIVE: Final = text("event_deliveries.dead_at IS NULL")
_live = (
    select(event_deliveries.c.event_id)
    .join(event_subscriptions, event_subscriptions.c.id == event_deliveries.c.subscription_id)
    .where(_LIVE, event_subscriptions.c.active)
    .limit(bindparam("limit"))
    .subquery("live")
)
_first = (
    select(
        select(func.min(event_deliveries.c.event_id))
        .where(_LIVE, event_deliveries.c.subscription_id == event_subscriptions.c.id)
        .correlate(event_subscriptions)
        .scalar_subquery()
        .label("event_id")
    )
    .where(event_subscriptions.c.active)
    .subquery("first")
)
_DELIVERIES: Final = select(
    select(func.count()).select_from(_live).scalar_subquery().label("number"),
    select(events.c.occurred_at)
    .where(events.c.id == select(func.min(_first.c.event_id)).scalar_subquery())
    .scalar_subquery()
    .label("since"),
)
_dead = (
    select(event_deliveries.c.event_id)
    .where(text("event_deliveries.dead_at IS NOT NULL"))
    .limit(bindparam("limit"))
    .subquery("dead")
)
_DEAD: Final = select(func.count().label("number")).select_from(_dead)


@attrs.frozen
class SqlBacklog:
    """`ports.Backlog`."""

    _session: DatabaseSession

    def orders(self, limit: int) -> Mapping[StatusId, int]:
        """One statement."""
        return {row.id: row.number for row in self._session.rows(_ORDERS, {"limit": limit})}

    def mails(self, limit: int) -> Waiting:
        """One statement. Ids ascend with time, so it reads the oldest mails."""
        [row] = self._session.rows(_MAILS, {"limit": limit})
        return Waiting(row.number, row.since)

    def payments_due(self, now: datetime, limit: int) -> Waiting:
        """One statement."""
        [row] = self._session.rows(_PAYMENTS, {"now": now, "limit": limit})
        return Waiting(row.number, row.since)

    def events(self, limit: int) -> Waiting:
        """One statement. Ids ascend with time, so it reads the oldest events."""
        [row] = self._session.rows(_EVENTS, {"limit": limit})
        return Waiting(row.number, row.since)

    def deliveries(self, limit: int) -> Waiting:
        """One statement. It reads the first event of each subscription."""
        [row] = self._session.rows(_DELIVERIES, {"limit": limit})
        return Waiting(row.number, row.since)

    def dead_deliveries(self, limit: int) -> int:
        """One statement."""
        [row] = self._session.rows(_DEAD, {"limit": limit})
        return int(row.number)
