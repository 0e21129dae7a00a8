"""The search for orders."""

from datetime import datetime
from typing import Final, Self

import attrs

from sellout_core import values
from sellout_core.catalogue.products import References
from sellout_core.errors import FieldCode, InvalidField, InvalidFields
from sellout_core.shopping.ordering import Order, OrderLine
from sellout_core.values import OrderId, StatusId, UserId, ruled

__all__ = ["EVERY_ORDER", "OrderQuery"]


@attrs.frozen(kw_only=True)
class OrderQuery:
    """A query for orders. An order matches if it satisfies every given filter.

    Attributes:
        status_name: The name of the order's status, which `resolved` replaces by its id.
        status_id: The order's status.
        buyer_id: The buyer.
        since: The earliest time of the checkout, included.
        until: The latest time of the checkout, excluded.
        product_sku: The sku of a product in the order.
        last_id: The highest id of the order.

    Raises:
        InvalidFields: a value is outside its limits.
    """

    status_name: str | None = ruled(values.optional(values.text(values.MAX_REFERENCE_NAME, minimum=1)), default=None)
    status_id: StatusId | None = None
    buyer_id: UserId | None = ruled(values.optional(values.identifier), default=None)
    since: datetime | None = ruled(values.optional(values.moment), default=None)
    until: datetime | None = ruled(values.optional(values.moment), default=None)
    product_sku: str | None = ruled(values.optional(values.text(values.MAX_SKU, minimum=1)), default=None)
    last_id: OrderId | None = None

    def __attrs_post_init__(self) -> None:
        """Checks the limits."""
        values.enforce(self)

    @property
    def has_times(self) -> bool:
        """Whether the query limits the time of the checkout."""
        return self.since is not None or self.until is not None

    def up_to(self, last_id: OrderId) -> Self:
        """The query for the matching orders with ids up to `last_id`."""
        return attrs.evolve(self, last_id=last_id)

    def resolved(self, references: References) -> Self:
        """The same query with the id of the status.

        Raises:
            InvalidFields: there is no such status.
        """
        if self.status_name is None:
            return self
        ids = {status.name: status_id for status_id, status in references.statuses.items()}
        if self.status_name not in ids:
            reason = "must be one of " + ", ".join(ids)
            raise InvalidFields((InvalidField("status_name", reason, FieldCode.NOT_ONE_OF),))
        return attrs.evolve(self, status_name=None, status_id=ids[self.status_name])

    def matches(self, order: Order) -> bool:
        """Whether an order matches the resolved query."""
        return (
            self.status_id in (None, order.status_id)
            and self.buyer_id in (None, order.buyer_id)
            and (self.since is None or self.since <= order.placed_at)
            and (self.until is None or order.placed_at < self.until)
            and (self.last_id is None or order.id <= self.last_id)
            and (self.product_sku is None or any(_sku_of(line) == self.product_sku for line in order.lines))
        )


EVERY_ORDER: Final = OrderQuery()


def _sku_of(line: OrderLine) -> str:
    return line.unit.product.product.sku
