"""Carts, promo codes and orders."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from functools import cache
from operator import attrgetter
from typing import Any, Final

import attrs
from sqlalchemy import Select, bindparam, delete, insert, select, update

from sellout_adapters.sql.repositories.catalogue.units import UNIT_COLUMNS, units_of
from sellout_adapters.sql.repositories.shopping import agreed_units, order_search
from sellout_adapters.sql.repositories.shopping.delivery_tariffs import delivery_of, delivery_values, recipient_of
from sellout_adapters.sql.schema.functions import AMONG_IDS, CUSTOM_PLAN, among, collected
from sellout_adapters.sql.schema.inserts import insert_missing
from sellout_adapters.sql.schema.tables.catalogue import sizes, units
from sellout_adapters.sql.schema.tables.shop import cart_units, carts, order_lines, orders, promo_codes
from sellout_adapters.sql.schema.types import Id, askable_after, lookup_key
from sellout_adapters.sql.session.compiled import Row
from sellout_adapters.sql.session.session import DatabaseSession, by_column
from sellout_core.catalogue.products import UnitView
from sellout_core.errors import PromoCodeTaken
from sellout_core.people.accounts import Address
from sellout_core.shopping.order_search import EVERY_ORDER, OrderQuery
from sellout_core.shopping.ordering import Cart, NewOrder, NewPromoCode, Order, OrderLine, PromoCode, PromoCodeUse
from sellout_core.values import OrderId, ProductUnitId, PromoCodeId, UserId, fold

_CREATE_CART: Final = insert(carts)
_CARTS: Final = (
    select(carts.c.id.label("cart_id"), carts.c.user_id, *UNIT_COLUMNS)
    .join_from(carts, cart_units, cart_units.c.cart_id == carts.c.id, isouter=True)
    .join(units, units.c.id == cart_units.c.unit_id, isouter=True)
    .join(sizes, sizes.c.id == units.c.size_id, isouter=True)
    .where(among(carts.c.user_id, AMONG_IDS))
    .order_by(cart_units.c.id)
)
_ADD_TO_CART: Final = (
    insert_missing(cart_units)
    .from_select(
        ["cart_id", "unit_id"],
        select(carts.c.id, bindparam("unit_id", type_=Id())).where(carts.c.user_id == bindparam("user_id")),
    )
    .returning(cart_units.c.id)
)
_REMOVE_FROM_CART: Final = (
    delete(cart_units)
    .where(
        cart_units.c.cart_id == select(carts.c.id).where(carts.c.user_id == bindparam("user_id")).scalar_subquery(),
        among(cart_units.c.unit_id, AMONG_IDS),
    )
    .returning(cart_units.c.unit_id)
)


@attrs.frozen
class SqlCarts:
    """`ports.Carts`. The units of a cart are sorted by the id of their row."""

    _session: DatabaseSession

    def create(self, user_id: UserId) -> None:
        """One statement."""
        self._session.run(_CREATE_CART, {"user_id": user_id})

    def of(self, user_id: UserId) -> Cart | None:
        """One statement. It returns one row without a unit for an empty cart."""
        rows = self._session.rows_among(_CARTS, [user_id], key="user_id")
        if not rows:
            return None
        units = () if rows[0].id is None else tuple(units_of(self._session, rows))
        return Cart(rows[0].cart_id, user_id, units)

    def add(self, user_id: UserId, unit_id: ProductUnitId) -> bool:
        """One statement. It writes nothing if the cart contains the unit."""
        return self._session.row(_ADD_TO_CART, {"user_id": user_id, "unit_id": unit_id}) is not None

    def add_many(self, cart: Cart, unit_ids: Sequence[ProductUnitId]) -> None:
        """One statement."""
        columns = {"cart_id": [cart.id] * len(unit_ids), "unit_id": unit_ids}
        self._session.add(cart_units, columns, missing=True)

    def remove(self, user_id: UserId, unit_ids: Collection[ProductUnitId]) -> Collection[ProductUnitId]:
        """One statement, which returns the deleted rows."""
        rows = self._session.rows_among(_REMOVE_FROM_CART, unit_ids, {"user_id": user_id})
        return {row.unit_id for row in rows}


_TERMS: Final = tuple(attrs.fields_dict(NewPromoCode))
_QUOTED: Final = attrgetter("discount_percentage", "discount_absolute", "active", "active_until")
"""The terms that a checkout relies on before it activates the promo code."""
_PROMO_CODE_COLUMNS: Final = (promo_codes.c.id, *(promo_codes.c[name] for name in _TERMS))
_ADD_PROMO_CODE: Final = insert_missing(promo_codes).returning(promo_codes.c.id)
_BY_CODE: Final = select(*_PROMO_CODE_COLUMNS).where(promo_codes.c.code_key == bindparam("key"))
_PROMO_CODES: Final = select(*_PROMO_CODE_COLUMNS).where(among(promo_codes.c.id, AMONG_IDS))
_PROMO_CODES_AFTER: Final = (
    select(*_PROMO_CODE_COLUMNS)
    .where(promo_codes.c.id > bindparam("after"))
    .order_by(promo_codes.c.id)
    .limit(bindparam("limit"))
)
_LOCK_PROMO_CODE: Final = select(promo_codes.c.id).where(promo_codes.c.id == bindparam("promo_code_id", type_=Id()))
_SAVE_PROMO_CODE: Final = update(promo_codes).where(promo_codes.c.id == bindparam("promo_code_id"))
_ACTIVATE: Final = (
    update(promo_codes)
    .where(
        promo_codes.c.id == bindparam("promo_code_id"),
        promo_codes.c.activation_count < promo_codes.c.max_activation_count,
    )
    .values(activation_count=promo_codes.c.activation_count + 1)
    .returning(*_PROMO_CODE_COLUMNS)
)


@attrs.frozen
class SqlPromoCodes:
    """`ports.PromoCodes`."""

    _session: DatabaseSession

    def add(self, promo_code: NewPromoCode) -> PromoCode:
        """If the code is taken, nothing is written and no statement fails."""
        values = {name: getattr(promo_code, name) for name in _TERMS}
        row = self._session.row(_ADD_PROMO_CODE, values | {"code_key": fold(promo_code.code)})
        if row is None:
            raise PromoCodeTaken
        return PromoCode.of(row.id, promo_code)

    def by_code(self, code: str) -> PromoCode | None:
        """One statement, by the folded code."""
        row = self._session.row(_BY_CODE, {"key": lookup_key(code)})
        return None if row is None else PromoCode(**row._asdict())

    def get(self, promo_code_id: PromoCodeId) -> PromoCode | None:
        """One statement."""
        rows = self._session.rows_among(_PROMO_CODES, [promo_code_id])
        return PromoCode(**rows[0]._asdict()) if rows else None

    def after(self, promo_code_id: int, limit: int) -> Sequence[PromoCode]:
        """One statement."""
        rows = self._session.rows(_PROMO_CODES_AFTER, {"after": askable_after(promo_code_id), "limit": limit})
        return [PromoCode(**row._asdict()) for row in rows]

    def for_update(self, promo_code_id: PromoCodeId) -> PromoCode | None:
        """Locks the row, then reads it."""
        self._session.lock(_LOCK_PROMO_CODE, {"promo_code_id": promo_code_id})
        return self.get(promo_code_id)

    def save(self, promo_code: PromoCode) -> None:
        """One statement."""
        values = {name: getattr(promo_code, name) for name in _TERMS if name != "code"}
        self._session.run(_SAVE_PROMO_CODE, values | {"promo_code_id": promo_code.id})

    def activate(self, promo_code: PromoCode) -> PromoCode | None:
        """One conditional UPDATE, so concurrent transactions cannot exceed the maximum."""
        row = self._session.row(_ACTIVATE, {"promo_code_id": promo_code.id})
        if row is None:
            return None
        activated = PromoCode(**row._asdict())
        if _QUOTED(activated) != _QUOTED(promo_code):
            self._session.run_again()
        return activated


_OTHER_FIELDS: Final = {"address", "promo_code", "lines", "recipient", "delivery"}
_PLAIN_FIELDS: Final = tuple(name for name in attrs.fields_dict(NewOrder) if name not in _OTHER_FIELDS)
# Maps fields of the promo code to columns of the order.
_TERM_COLUMNS: Final = {"id": "promo_code_id", "code": "promo_code"} | {
    name: f"promo_{name.removeprefix('promo_')}" for name in _TERMS if name != "code"
}

_ADD_ORDER: Final = insert(orders).returning(orders.c.id)

_ORDER: Final = select(
    *orders.c,
    select(collected(order_lines.c.position, order_lines.c.unit_digest, order_lines.c.amount))
    .where(order_lines.c.order_id == orders.c.id)
    .scalar_subquery()
    .label("lines"),
).order_by(orders.c.id)
_ORDERS_BY_ID: Final = _ORDER.where(among(orders.c.id, AMONG_IDS))
_ORDERS_AFTER: Final = _ORDER.where(orders.c.id > bindparam("after")).limit(bindparam("limit"))
_USES_AFTER: Final = (
    select(orders.c.id, orders.c.buyer_id, orders.c.placed_at)
    .where(orders.c.promo_code_id == bindparam("promo_code_id"), orders.c.id > bindparam("after"))
    .order_by(orders.c.id)
    .limit(bindparam("limit"))
)


@cache
def _matching_after(fields: frozenset[str]) -> Select[Any]:
    """The statement for a query with those filters. How many orders match decides which index is best."""
    return _ORDERS_AFTER.where(*order_search.conditions(fields)).execution_options(**CUSTOM_PLAN)


_ORDERS_OF_BUYER: Final = _ORDERS_AFTER.where(orders.c.buyer_id == bindparam("user_id"))


def _order(row: Row, units: Mapping[agreed_units.Digest, UnitView]) -> Order:
    promo_code = None
    if row.promo_code_id is not None:
        promo_code = PromoCode(**{field: getattr(row, column) for field, column in _TERM_COLUMNS.items()})
    return Order(
        id=row.id,
        buyer_id=row.buyer_id,
        placed_at=row.placed_at,
        total=row.total,
        email=row.email,
        telephone=row.telephone,
        first_name=row.first_name,
        last_name=row.last_name,
        address=Address(row.address_id, row.address, row.post_index),
        promo_code=promo_code,
        status_id=row.status_id,
        paid=row.paid,
        lines=tuple(OrderLine(units[digest], amount) for _, digest, amount in sorted(row.lines)),
        recipient=recipient_of(row),
        delivery=delivery_of(row),
        delivery_fee=row.delivery_fee,
    )


def _order_values(order: NewOrder) -> dict[str, Any]:
    values = {name: getattr(order, name) for name in _PLAIN_FIELDS}
    values |= {
        "address_id": order.address.id,
        "address": order.address.address,
        "post_index": order.address.post_index,
        **delivery_values(order),
    }
    return values | {column: getattr(order.promo_code, field, None) for field, column in _TERM_COLUMNS.items()}


@attrs.frozen
class SqlOrders:
    """`ports.Orders`."""

    _session: DatabaseSession

    def add(self, order: NewOrder) -> Order:
        """Four statements: the order, missing products, missing units, the lines."""
        [row] = self._session.rows(_ADD_ORDER, _order_values(order))
        order_id: OrderId = row.id
        lines = order.lines
        digests = agreed_units.write(self._session, [line.unit for line in lines])
        self._session.add(
            order_lines,
            {
                "order_id": [order_id] * len(lines),
                "position": range(len(lines)),
                "unit_id": [line.unit.id for line in lines],
                "unit_digest": digests,
                **by_column(lines, ["amount"]),
            },
        )
        added = Order.of(order_id, order)
        self._refer([added])
        return added

    def get(self, order_id: OrderId) -> Order | None:
        """Two statements."""
        return next(iter(self._orders(self._session.rows_among(_ORDERS_BY_ID, [order_id]))), None)

    def of_buyer_after(self, user_id: UserId, order_id: int, limit: int) -> Sequence[Order]:
        """Two statements."""
        parameters = {"user_id": user_id, "after": askable_after(order_id), "limit": limit}
        return self._orders(self._session.rows(_ORDERS_OF_BUYER, parameters))

    def after(self, order_id: int, limit: int, query: OrderQuery = EVERY_ORDER) -> Sequence[Order]:
        """Two statements."""
        given = order_search.parameters(query)
        window = {"after": askable_after(order_id), "limit": limit}
        return self._orders(self._session.rows(_matching_after(frozenset(given)), given | window))

    def span(self, since: datetime | None, until: datetime | None) -> tuple[OrderId, OrderId] | None:
        """One statement."""
        given = order_search.parameters(OrderQuery(since=since, until=until))
        [row] = self._session.rows(order_search.span(frozenset(given)), given)
        return (row.first, row.last) if row.number else None

    def uses_after(self, promo_code_id: PromoCodeId, order_id: int, limit: int) -> Sequence[PromoCodeUse]:
        """One statement."""
        parameters = {"promo_code_id": promo_code_id, "after": askable_after(order_id), "limit": limit}
        return [
            PromoCodeUse(row.id, row.buyer_id, row.placed_at) for row in self._session.rows(_USES_AFTER, parameters)
        ]

    def _orders(self, rows: Sequence[Row]) -> list[Order]:
        """Converts rows to orders, and reads the units of all of them by one statement."""
        units = agreed_units.read(self._session, list({digest: None for row in rows for _, digest, _ in row.lines}))
        found = [_order(row, units) for row in rows]
        self._refer(found)
        return found

    def _refer(self, found: Sequence[Order]) -> None:
        self._session.note_references("statuses", (order.status_id for order in found))
