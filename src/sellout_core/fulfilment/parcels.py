"""The parcels in which the units of an order will travel."""

from sellout_core.fulfilment.progress import Fulfilment
from sellout_core.shopping.ordering import Order
from sellout_core.values import DeliveryTypeId, ProductUnitId

__all__ = ["planned_parcels"]


def planned_parcels(order: Order, found: Fulfilment) -> tuple[tuple[ProductUnitId, ...], ...]:
    """The units of each parcel, of the live units that are in no parcel yet.

    Units that arrive together travel as one parcel. The shop does not know the days to arrival, so units arrive
    together if they have the same delivery type, as it was agreed. The buyer may have chosen one parcel for all.

    Args:
        order: The order.
        found: Its fulfilment.
    """
    is_one = order.delivery is not None and order.delivery.one_parcel
    waiting = {line.unit_id for line in found.live if line.parcel_number is None}
    parcels: dict[DeliveryTypeId | None, list[ProductUnitId]] = {}
    for line in order.lines:
        if line.unit.id in waiting:
            together = None if is_one else DeliveryTypeId(line.unit.delivery_type.id)
            parcels.setdefault(together, []).append(line.unit.id)
    return tuple(map(tuple, parcels.values()))
