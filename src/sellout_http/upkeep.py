"""Work that no request asks for. Server processes do it at intervals."""

import threading
from typing import Final

from sellout_core.people.accounts import OPERATOR
from sellout_core.shop import Shop
from sellout_core.use_cases.shopping.fulfilment import expire_unpaid_orders
from sellout_http.runtime.logging import log

UPKEEP_SECONDS: Final = 60.0
"""The time between two rounds of upkeep."""


def needs_upkeep(shop: Shop) -> bool:
    """Whether the policy of the shop asks for upkeep."""
    return shop.policy.unpaid_order_lifetime is not None


def keep_up(shop: Shop, stopped: threading.Event, seconds: float = UPKEEP_SECONDS) -> None:
    """Lets unpaid orders expire, at once and then at intervals, until `stopped` is set. Several processes may do so at
    once. An error is logged, and the next round tries again.

    Args:
        shop: The shop.
        stopped: Ends the work.
        seconds: The time between two rounds.
    """
    while True:
        try:
            expire_unpaid_orders(shop, OPERATOR)
        except Exception as error:  # noqa: BLE001 - the next round may succeed
            log.error("failed", exc_info=error)
        if stopped.wait(seconds):
            return
