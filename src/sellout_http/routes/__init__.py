"""The handlers, one module for each group of operations, and the table of all operations.

A handler calls a use case with the path's ids and the body, and makes the document of its result.
"""

from typing import Final

from sellout_http.api.operations import Group, Operation
from sellout_http.routes import accounts, addresses, orders, products, wishlists

GROUPS: Final[tuple[Group, ...]] = (
    accounts.group,
    addresses.group,
    products.group,
    wishlists.group,
    orders.group,
)
OPERATIONS: Final[tuple[Operation, ...]] = tuple(operation for group in GROUPS for operation in group.operations)
