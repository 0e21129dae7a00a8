"""The handlers, one module for each group of operations, and the table of all operations.

A handler calls a use case with the path's ids and the body, and converts the result to a document.
"""

from typing import Final

from sellout_http.api.operations import Group, Operation
from sellout_http.routes import audit, reports, webhooks
from sellout_http.routes.catalogue import batches, finding, images, product_changes, products, references
from sellout_http.routes.people import accounts, addresses, identity, own_account, second_factor, sessions
from sellout_http.routes.shopping import (
    delivery_tariffs,
    fulfilment,
    guest_carts,
    order_events,
    orders,
    payments,
    promo_codes,
    wishlists,
)

GROUPS: Final[tuple[Group, ...]] = (
    accounts.group,
    identity.group,
    second_factor.group,
    addresses.group,
    own_account.group,
    sessions.group,
    products.group,
    finding.group,
    product_changes.group,
    batches.group,
    images.group,
    references.group,
    wishlists.group,
    orders.group,
    guest_carts.group,
    delivery_tariffs.group,
    payments.group,
    fulfilment.group,
    order_events.group,
    promo_codes.group,
    webhooks.group,
    reports.group,
    audit.group,
)
OPERATIONS: Final[tuple[Operation, ...]] = tuple(operation for group in GROUPS for operation in group.operations)
