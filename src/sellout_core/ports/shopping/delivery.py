"""The port of the delivery tariffs."""

from typing import Protocol

from sellout_core.shopping.delivery import DeliveryKind, DeliveryTariff, DeliveryTariffs

__all__ = ["DeliveryTariffTable"]


class DeliveryTariffTable(Protocol):
    """The delivery tariffs of the shop, at most one for each kind of delivery. A new shop has none."""

    def all(self) -> DeliveryTariffs:
        """All tariffs."""

    def save(self, kind: DeliveryKind, tariff: DeliveryTariff | None) -> None:
        """Writes the tariff of a kind, or deletes it. The transaction has locked the currencies, to which tariffs
        refer, by `ReferenceTables.for_update`.
        """
