"""The documents of the stock ledger and of batches of changes."""

from typing import Annotated

from msgspec import Meta, Struct

from sellout_http.problems.details import Problem
from sellout_http.schemas.responses.common import Id, Time


class StockMovement(Struct, frozen=True, gc=False):
    """A change of the number of pieces of a unit, other than a sale."""

    id: Id
    at: Annotated[Time, Meta(description="The time of the movement.")]
    user_id: Annotated[int | None, Meta(description="The id of the user who entered the movement. Null: the operator.")]
    kind: Annotated[str, Meta(description="`received`, `counted` or `imported`.")]
    change: Annotated[
        int, Meta(description="The number of pieces that were added. It is negative if pieces were removed.")
    ]
    reason: Annotated[str, Meta(description="The reason. May be empty.")]


class UnitStock(Struct, frozen=True):
    """The stock of a product unit. `stock` is the sum of the changes of all movements, less `sold`."""

    product_unit: Annotated[int, Meta(description="The id of the unit.")]
    stock: Annotated[int | None, Meta(description="The number of pieces left. Null: bought to order.")]
    sold: Annotated[int, Meta(description="The number of pieces sold.")]
    availability: Annotated[bool, Meta(description="Whether buyers can order the unit.")]
    movements: Annotated[tuple[StockMovement, ...], Meta(description="The last 1,000 movements, the latest first.")]


class BatchResult(Struct, frozen=True):
    """The result of one change of a batch."""

    status: Annotated[int, Meta(description="The status that the single operation would have.")]
    id: Annotated[int | None, Meta(description="The id of the product or unit. Null: the change is refused.")]
    etag: Annotated[
        str | None, Meta(description="The new `ETag` of the product or unit. Null: of stock, or the change is refused.")
    ]
    problem: Annotated[Problem | None, Meta(description="Why the change is refused. Null: it was carried out.")]


class BatchReply(Struct, frozen=True):
    """The results of a batch."""

    results: Annotated[tuple[BatchResult, ...], Meta(description="The result of each change, in their order.")]
