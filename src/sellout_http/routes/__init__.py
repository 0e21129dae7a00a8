"""The handlers, a module for each group of operations, and the table of them all.

A handler says in HTTP's words what a use case says in the core's: it passes on ids and body and presents the answer.
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
