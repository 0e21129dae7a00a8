"""Reads and changes the delivery tariffs."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

import attrs

from sellout_core.audit import audited
from sellout_core.catalogue.products import Named
from sellout_core.catalogue.references import ReferenceKind
from sellout_core.errors import FieldCode, InvalidField, InvalidFields, Stale
from sellout_core.people.accounts import Actor
from sellout_core.ports.store import Transaction
from sellout_core.shop import ReadingShop, Shop
from sellout_core.shopping.delivery import DeliveryKind, DeliveryTariff, DeliveryTariffs
from sellout_core.values import CurrencyId

__all__ = ["AUDIT_IDS", "DeliveryTariffsView", "change_delivery_tariffs", "read_delivery_tariffs"]

AUDIT_IDS: Final[Mapping[DeliveryKind, int]] = MappingProxyType(
    {DeliveryKind.PICK_UP_POINT: 1, DeliveryKind.COURIER: 2}
)
"""The id of each tariff in the audit, where its kind is `delivery_tariff`."""


@attrs.frozen
class DeliveryTariffsView:
    """The delivery tariffs, and currencies of the shop: at least theirs."""

    tariffs: DeliveryTariffs
    currencies: Mapping[CurrencyId, Named]


def read_delivery_tariffs(shop: ReadingShop, actor: Actor) -> DeliveryTariffsView:  # noqa: ARG001 - any actor may
    """The delivery tariffs. Any actor may read them."""
    return shop.store.read(
        lambda tx: DeliveryTariffsView(tx.delivery_tariffs.all(), tx.references.snapshot().currencies)
    )


def change_delivery_tariffs(
    shop: Shop,
    actor: Actor,
    change: Mapping[DeliveryKind, DeliveryTariff | None],
    is_current: Callable[[DeliveryTariffsView], bool],
) -> DeliveryTariffsView:
    """Changes delivery tariffs. For staff. Every checkout that begins later has the change; orders keep their fee.

    Args:
        shop: The shop.
        actor: The actor.
        change: The new tariffs. None: the shop no longer offers this kind of delivery.
        is_current: Returns whether the tariffs have the version that the change is based on.

    Raises:
        Unauthenticated, Forbidden: the actor is not staff.
        Stale: the tariffs have another version.
        InvalidFields: a currency does not exist.
    """
    actor.require_staff()
    now = shop.clock()

    def work(tx: Transaction) -> DeliveryTariffsView:
        currencies = tx.references.for_update(ReferenceKind.CURRENCY).currencies
        before = DeliveryTariffsView(tx.delivery_tariffs.all(), currencies)
        if not is_current(before):
            raise Stale
        _require_currencies(change, currencies)
        known = before.tariffs
        changed = {kind: tariff for kind, tariff in change.items() if tariff != known.get(kind)}
        for kind, tariff in changed.items():
            tx.delivery_tariffs.save(kind, tariff)
        tx.audit.add(
            [
                audited(actor, now, "delivery_tariff", AUDIT_IDS[kind], before=known.get(kind), after=tariff)
                for kind, tariff in changed.items()
            ]
        )
        after = {kind: tariff for kind, tariff in {**known, **changed}.items() if tariff is not None}
        return DeliveryTariffsView(after, currencies)

    return shop.store.write(work)


def _require_currencies(
    change: Mapping[DeliveryKind, DeliveryTariff | None], currencies: Mapping[CurrencyId, Named]
) -> None:
    faults = tuple(
        InvalidField(f"{kind.value}_currency", "must be the id of a currency", FieldCode.NOT_ONE_OF)
        for kind, tariff in change.items()
        if tariff is not None and tariff.currency_id not in currencies
    )
    if faults:
        raise InvalidFields(faults)
