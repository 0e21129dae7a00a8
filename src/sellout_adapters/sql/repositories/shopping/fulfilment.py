"""The fulfilments of orders and their history."""

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from itertools import groupby, starmap
from operator import attrgetter, itemgetter
from typing import Any, Final

import attrs
from sqlalchemy import and_, bindparam, exists, func, insert, select, update
from sqlalchemy.dialects.postgresql import Insert

from sellout_adapters.sql.schema.functions import AMONG_IDS, among, collected
from sellout_adapters.sql.schema.inserts import insert_or
from sellout_adapters.sql.schema.tables.fulfilment import (
    delivery_refunds,
    line_progress,
    online_payments,
    order_history,
    parcels,
    payments,
    refunds,
)
from sellout_adapters.sql.schema.tables.shop import order_lines, orders
from sellout_adapters.sql.schema.types import Id, UtcTime, askable_after
from sellout_adapters.sql.session.compiled import Row
from sellout_adapters.sql.session.session import DatabaseSession
from sellout_core.catalogue.products import PENDING
from sellout_core.fulfilment.lifecycle import Event, LineState, PaymentState, RefundState
from sellout_core.fulfilment.money import OnlinePayment, Refund
from sellout_core.fulfilment.progress import (
    Fulfilment,
    HistoryEntry,
    LineProgress,
    NewHistoryEntry,
    Parcel,
)
from sellout_core.values import Money, OrderId


def _changed(upsert: Insert) -> dict[str, Any]:
    """The columns of a refund that change."""
    return {name: upsert.excluded[name] for name in ("amount", "state", "payment_number")}


_PROGRESS: Final = ("state", "moved_at", "cost", "parcel_number", "return_requested")
"""The columns of a line that its moves change."""

_ONLINE: Final = tuple(field.name for field in attrs.fields(OnlinePayment) if field.name != "order_id")
"""The columns of an online payment beside the order."""

_FULFILMENT: Final = (
    select(
        orders.c.id.label("order_id"),
        orders.c.buyer_id,
        orders.c.placed_at,
        orders.c.promo_code_id,
        orders.c.delivery_fee,
        delivery_refunds.c.amount.label("returned_fee"),
        delivery_refunds.c.state.label("returned_fee_state"),
        delivery_refunds.c.payment_number.label("returned_fee_payment"),
        payments.c.state.label("payment"),
        payments.c.captured,
        select(collected(refunds.c.unit_id, refunds.c.amount, refunds.c.state, refunds.c.payment_number))
        .where(refunds.c.order_id == orders.c.id)
        .scalar_subquery()
        .label("refunds"),
        select(collected(parcels.c.number, parcels.c.carrier, parcels.c.tracking_number))
        .where(parcels.c.order_id == orders.c.id)
        .scalar_subquery()
        .label("parcels"),
        select(collected(*(online_payments.c[name] for name in _ONLINE)))
        .where(online_payments.c.order_id == orders.c.id)
        .scalar_subquery()
        .label("online"),
        order_lines.c.unit_id,
        order_lines.c.amount,
        *(line_progress.c[name] for name in _PROGRESS),
    )
    .join_from(orders, order_lines, order_lines.c.order_id == orders.c.id)
    .join(
        line_progress,
        and_(line_progress.c.order_id == order_lines.c.order_id, line_progress.c.unit_id == order_lines.c.unit_id),
        isouter=True,
    )
    .join(payments, payments.c.order_id == orders.c.id, isouter=True)
    .join(delivery_refunds, delivery_refunds.c.order_id == orders.c.id, isouter=True)
    .where(among(orders.c.id, AMONG_IDS))
    .order_by(orders.c.id, order_lines.c.position)
)

_upsert_line = insert_or(line_progress)
_SAVE_LINE: Final = _upsert_line.on_conflict_do_update(
    index_elements=["order_id", "unit_id"], set_={name: _upsert_line.excluded[name] for name in _PROGRESS}
)
_upsert_payment = insert_or(payments)
_SAVE_PAYMENT: Final = _upsert_payment.on_conflict_do_update(
    index_elements=["order_id"],
    set_={name: _upsert_payment.excluded[name] for name in ("state", "captured")},
)
_upsert_refund = insert_or(refunds)
_SAVE_REFUND: Final = _upsert_refund.on_conflict_do_update(
    index_elements=["order_id", "unit_id"], set_=_changed(_upsert_refund)
)
_upsert_delivery_refund = insert_or(delivery_refunds)
_SAVE_DELIVERY_REFUND: Final = _upsert_delivery_refund.on_conflict_do_update(
    index_elements=["order_id"], set_=_changed(_upsert_delivery_refund)
)
_upsert_online = insert_or(online_payments)
_SAVE_ONLINE: Final = _upsert_online.on_conflict_do_update(
    index_elements=["order_id", "number"], set_={name: _upsert_online.excluded[name] for name in _ONLINE}
)
_ADD_PARCEL: Final = insert(parcels)
_SAVE_ORDER: Final = update(orders).where(orders.c.id == bindparam("order"))
_UNPAID: Final = (
    select(orders.c.id)
    .where(
        orders.c.status_id == PENDING,
        orders.c.total > 0,
        orders.c.placed_at <= bindparam("placed_by", type_=UtcTime()),
        ~exists().where(payments.c.order_id == orders.c.id, payments.c.captured > 0),
    )
    .order_by(orders.c.id)
    .limit(bindparam("limit"))
)
_PAYMENTS_DUE: Final = (
    select(online_payments.c.order_id)
    .where(online_payments.c.due_at <= bindparam("now", type_=UtcTime()))
    .group_by(online_payments.c.order_id)
    .order_by(func.min(online_payments.c.due_at), online_payments.c.order_id)
    .limit(bindparam("limit"))
)
_HISTORY_AFTER: Final = (
    select(order_history)
    .where(order_history.c.order_id == bindparam("order_id", type_=Id()), order_history.c.id > bindparam("after"))
    .order_by(order_history.c.id)
    .limit(bindparam("limit"))
)
_HISTORIES: Final = select(order_history).where(among(order_history.c.order_id, AMONG_IDS)).order_by(order_history.c.id)


def _fulfilment(rows: Sequence[Row]) -> Fulfilment:
    first = rows[0]
    known = [
        Refund(unit_id, amount, RefundState(state), payment)
        for unit_id, amount, state, payment in sorted(first.refunds, key=itemgetter(0))
    ]
    if first.returned_fee is not None:
        state = RefundState(first.returned_fee_state)
        known.append(Refund(None, first.returned_fee, state, first.returned_fee_payment))
    return Fulfilment(
        order_id=first.order_id,
        buyer_id=first.buyer_id,
        placed_at=first.placed_at,
        promo_code_id=first.promo_code_id,
        lines=tuple(
            LineProgress(
                unit_id=row.unit_id,
                amount=row.amount,
                state=LineState.PLACED if row.state is None else LineState(row.state),
                moved_at=row.moved_at,
                cost=row.cost,
                parcel_number=row.parcel_number,
                return_requested=bool(row.return_requested),
            )
            for row in rows
        ),
        payment=PaymentState.DUE if first.payment is None else PaymentState(first.payment),
        delivery_fee=first.delivery_fee,
        captured=Money(first.captured or 0),
        refunds=tuple(known),
        parcels=tuple(starmap(Parcel, sorted(first.parcels))),
        online=tuple(_online(first.order_id, payment) for payment in sorted(first.online, key=itemgetter(0))),
    )


def _online(order_id: OrderId, row: Sequence[Any]) -> OnlinePayment:
    """An online payment of JSON. SQLite has numbers for its flags, and times without a zone."""
    values = dict(zip(_ONLINE, row, strict=True))
    moment = None if values["due_at"] is None else datetime.fromisoformat(values["due_at"])
    if moment is not None:
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    flags = {name: bool(values[name]) for name in ("closed", "in_parts")}
    return OnlinePayment(**{**values, **flags, "order_id": order_id, "due_at": moment})


@attrs.frozen
class SqlFulfilments:
    """`ports.Fulfilments`. Lines and payments that have not changed since checkout have no rows."""

    _session: DatabaseSession

    def get(self, order_id: OrderId) -> Fulfilment | None:
        """One statement, which returns a row for each line."""
        return self.get_many([order_id]).get(order_id)

    def get_many(self, order_ids: Collection[OrderId]) -> Mapping[OrderId, Fulfilment]:
        """One statement, which returns a row for each line, order by order."""
        rows = self._session.rows_among(_FULFILMENT, order_ids, key="order_id")
        return {order_id: _fulfilment(list(own)) for order_id, own in groupby(rows, attrgetter("order_id"))}

    def save(self, before: Fulfilment, after: Fulfilment) -> None:
        """One statement for each table with a difference."""
        order_id = before.order_id
        lines = [line for line in after.lines if line not in before.lines]
        self._session.run_many(
            _SAVE_LINE,
            [
                {"order_id": order_id, "unit_id": line.unit_id}
                | {name: getattr(line, name) for name in _PROGRESS}
                | {"state": line.state.value}
                for line in lines
            ],
        )
        if (before.payment, before.captured) != (after.payment, after.captured):
            paid = {"order_id": order_id, "state": after.payment.value, "captured": after.captured}
            self._session.run(_SAVE_PAYMENT, paid)
        moved = [
            {"order_id": order_id, **attrs.asdict(refund, recurse=False), "state": refund.state.value}
            for refund in after.refunds
            if refund not in before.refunds
        ]
        self._session.run_many(_SAVE_REFUND, [refund for refund in moved if refund["unit_id"] is not None])
        for refund in moved:
            if refund.pop("unit_id") is None:
                self._session.run(_SAVE_DELIVERY_REFUND, refund)
        asked = [attrs.asdict(payment) for payment in after.online if payment not in before.online]
        self._session.run_many(_SAVE_ONLINE, asked)
        new_parcels = after.parcels[len(before.parcels) :]
        self._session.run_many(_ADD_PARCEL, [{"order_id": order_id, **attrs.asdict(parcel)} for parcel in new_parcels])
        if (before.status_id, before.settled) != (after.status_id, after.settled):
            stored = {"order": order_id, "status_id": after.status_id, "paid": after.settled}
            self._session.run(_SAVE_ORDER, stored)

    def unpaid(self, placed_by: datetime, limit: int) -> Sequence[OrderId]:
        """One statement."""
        return [row.id for row in self._session.rows(_UNPAID, {"placed_by": placed_by, "limit": limit})]

    def payments_due(self, now: datetime, limit: int) -> Sequence[OrderId]:
        """One statement."""
        return [row.order_id for row in self._session.rows(_PAYMENTS_DUE, {"now": now, "limit": limit})]


@attrs.frozen
class SqlOrderHistory:
    """`ports.OrderHistory`."""

    _session: DatabaseSession

    def add(self, entries: Sequence[NewHistoryEntry]) -> None:
        """One statement for the ids, and one for the rows."""
        columns: dict[str, Sequence[Any]] = {
            field.name: [getattr(entry, field.name) for entry in entries] for field in attrs.fields(NewHistoryEntry)
        }
        columns["event"] = [entry.event.value for entry in entries]
        self._session.add_with_ids(order_history, columns)

    def after(self, order_id: OrderId, entry_id: int, limit: int) -> Sequence[HistoryEntry]:
        """One statement."""
        parameters = {"order_id": order_id, "after": askable_after(entry_id), "limit": limit}
        return list(map(_entry, self._session.rows(_HISTORY_AFTER, parameters)))

    def of_orders(self, order_ids: Collection[OrderId]) -> Sequence[HistoryEntry]:
        """One statement."""
        return list(map(_entry, self._session.rows_among(_HISTORIES, order_ids, key="order_id")))


def _entry(row: Row) -> HistoryEntry:
    return HistoryEntry(**row._asdict() | {"event": Event(row.event)})
