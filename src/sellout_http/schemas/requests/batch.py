"""The body of a batch of changes of the catalogue."""

import enum
from typing import Annotated, Any, Final

from msgspec import Meta

from sellout_http.schemas.requests.common import Body, Id

MAX_CHANGES: Final = 1000


class ChangeKind(enum.Enum):
    """The operation that a change of a batch stands for."""

    CREATE_PRODUCT = "create_product"
    CHANGE_PRODUCT = "change_product"
    CREATE_UNIT = "create_unit"
    CHANGE_UNIT = "change_unit"
    CHANGE_STOCK = "change_stock"


class BatchChange(Body, frozen=True):
    """One change of a batch."""

    kind: Annotated[ChangeKind, Meta(description="The operation that the change stands for.")]
    body: Annotated[dict[str, Any], Meta(description="The body of that operation.")]
    id: Annotated[Id | None, Meta(description="The id of the product or unit. Null: it is created.")] = None
    if_match: Annotated[
        str | None,
        Meta(description="The `ETag` of the product or unit that the change is based on. `*`: any version."),
    ] = None


class BatchRequest(Body, frozen=True):
    """Changes of products, product units and stock."""

    changes: Annotated[
        tuple[dict[str, Any], ...],
        Meta(
            min_length=1,
            max_length=MAX_CHANGES,
            description="The changes, in the order in which they are carried out.",
            extra_json_schema={"items": {"$ref": "#/components/schemas/BatchChange"}},
        ),
    ]
    atomic: Annotated[
        bool,
        Meta(description="`true`: all changes or none. `false`: each change on its own, with its own result."),
    ]
