"""The delivery tariffs, and the columns of the deliveries of orders."""

from typing import Any, Final

import attrs
from sqlalchemy import bindparam, delete, select

from sellout_adapters.sql.schema.inserts import insert_or
from sellout_adapters.sql.schema.tables.fulfilment import delivery_tariffs
from sellout_adapters.sql.session.compiled import Row
from sellout_adapters.sql.session.session import DatabaseSession
from sellout_core.people.accounts import NewAddress
from sellout_core.shopping.delivery import Delivery, DeliveryKind, DeliveryTariff, DeliveryTariffs, Recipient
from sellout_core.shopping.ordering import NewOrder

_ALL: Final = select(delivery_tariffs)
_upsert: Final = insert_or(delivery_tariffs)
_SAVE: Final = _upsert.on_conflict_do_update(
    index_elements=["kind"], set_={name: _upsert.excluded[name] for name in ("price", "currency_id")}
)
_DELETE: Final = delete(delivery_tariffs).where(delivery_tariffs.c.kind == bindparam("kind"))


@attrs.frozen
class SqlDeliveryTariffs:
    """`ports.DeliveryTariffTable`."""

    _session: DatabaseSession

    def all(self) -> DeliveryTariffs:
        """One statement."""
        rows = self._session.rows(_ALL)
        self._session.note_references("currencies", (row.currency_id for row in rows))
        return {DeliveryKind(row.kind): DeliveryTariff(price=row.price, currency_id=row.currency_id) for row in rows}

    def save(self, kind: DeliveryKind, tariff: DeliveryTariff | None) -> None:
        """One statement."""
        if tariff is None:
            self._session.run(_DELETE, {"kind": kind.value})
        else:
            self._session.run(_SAVE, {"kind": kind.value, **attrs.asdict(tariff)})


def delivery_values(order: NewOrder) -> dict[str, Any]:
    """The columns of an order that has a recipient or a delivery."""
    recipient, delivery = order.recipient, order.delivery
    return {
        "recipient": None if recipient is None else attrs.asdict(recipient),
        "delivery": None if delivery is None else {**attrs.asdict(delivery), "kind": delivery.kind.value},
    }


def recipient_of(row: Row) -> Recipient | None:
    """The recipient in the row of an order."""
    return None if row.recipient is None else Recipient(**row.recipient)


def delivery_of(row: Row) -> Delivery | None:
    """The delivery in the row of an order."""
    if row.delivery is None:
        return None
    address = row.delivery["address"]
    return Delivery(
        **row.delivery
        | {
            "kind": DeliveryKind(row.delivery["kind"]),
            "address": None if address is None else NewAddress(**address),
        }
    )
