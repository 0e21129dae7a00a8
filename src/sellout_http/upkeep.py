"""Work that no request asks for. Server processes do it at intervals."""

import threading
from collections import Counter
from functools import partial
from time import monotonic
from typing import Any, Final

from sellout_core.people.accounts import OPERATOR
from sellout_core.ports.payments import NoPaymentProvider
from sellout_core.shop import Shop
from sellout_core.use_cases.payments import settle_next_payment
from sellout_core.use_cases.shopping.fulfilment import expire_unpaid_orders
from sellout_http.runtime.logging import log
from sellout_http.tracing import use_case_span

PROVIDER_SECONDS: Final = 1.0
"""The time between two questions whether a payment provider is to be asked."""

UPKEEP_SECONDS: Final = 60.0
"""The time between two rounds of upkeep."""


def needs_upkeep(shop: Shop) -> bool:
    """Whether unpaid orders of the shop expire, or a payment provider is to be asked."""
    return shop.policy.unpaid_order_lifetime is not None or uses_provider(shop)


def uses_provider(shop: Shop) -> bool:
    """Whether the shop has a payment provider."""
    return not isinstance(shop.payment_provider, NoPaymentProvider)


def keep_up(shop: Shop, stopped: threading.Event, seconds: float = UPKEEP_SECONDS) -> None:
    """Lets unpaid orders expire and asks the payment provider, at once and then at intervals, until `stopped` is set.
    Several processes may do so at once. An error is logged, and the next round tries again.

    Args:
        shop: The shop.
        stopped: Ends the work.
        seconds: The time between two rounds. The provider is asked at least once a second.
    """
    jobs: list[tuple[partial[Any], float]] = [(partial(expire_unpaid_orders, shop, OPERATOR), seconds)]
    if uses_provider(shop):
        jobs.append((partial(settle_payments, shop, stopped), min(seconds, PROVIDER_SECONDS)))
    due = [monotonic() for _ in jobs]
    while True:
        for number, (work, pause) in enumerate(jobs):
            if due[number] <= monotonic():
                try:
                    with use_case_span(work.func.__name__):
                        work()
                except Exception as error:  # noqa: BLE001 - the next round may succeed
                    log.error("failed", exc_info=error)
                due[number] = monotonic() + pause
        if stopped.wait(max(0, min(due) - monotonic())):
            return


def settle_payments(shop: Shop, stopped: threading.Event) -> Counter[str]:
    """Asks the payment provider until nothing is due or `stopped` is set, and logs each answer. Returns the number of
    answers by their result.
    """
    results = Counter[str]()
    while not stopped.is_set() and (outcome := settle_next_payment(shop, OPERATOR)) is not None:
        results[outcome.result] += 1
        payment = outcome.payment
        write = log.warning if outcome.reason else log.info
        write(
            "payment",
            order=payment.order_id,
            number=payment.number,
            command=None if outcome.command is None else outcome.command.value,
            attempts=payment.attempts,
            result=outcome.result,
            **({"reason": outcome.reason} if outcome.reason else {}),
        )
    return results
