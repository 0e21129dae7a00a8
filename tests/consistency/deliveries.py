"""Subscribes the receivers of a run, and waits until all events have arrived."""

import asyncio
import time
from typing import Final

from sellout_core.events.kinds import PING
from tests.consistency.client import Client
from tests.consistency.event_laws import OFTEN, repeated
from tests.consistency.history import Final as End
from tests.consistency.receivers import KINDS, Listener, Receivers
from tests.contract.support.secrecy import WEBHOOK_SECRET

_PATIENCE: Final = 40
"""The time in which all events must arrive, in seconds."""

_STEP: Final = 0.1
_QUIET: Final = 1.5
"""The time in which nothing may arrive afterwards, in seconds: longer than the delays between attempts."""


async def subscribe(admin: Client, listening: Receivers) -> None:
    """Creates the webhooks."""
    for url, names in ((listening.good.url, ()), (listening.moody.url, KINDS), (listening.nowhere, ())):
        body = {"url": url, "events": list(names), "secret": WEBHOOK_SECRET}
        await admin.must("POST", "/webhook", body, allowed=(201,))


async def all_delivered(admin: Client, listening: Receivers, final: End) -> None:
    """Waits until all events have arrived, or for a time, and notes the arrivals. The users are at rest.

    A ping is dispatched after all events before it. A delivery that has arrived may come again until the shop has noted
    it.
    """
    listening.moody.calm()
    webhooks = {webhook["url"]: webhook["id"] for webhook in await admin.must("GET", "/webhook")}
    end = time.monotonic() + _PATIENCE
    for receiver in (listening.good, listening.moody):
        await admin.must("POST", f"/webhook/{webhooks[receiver.url]}/ping", allowed=(202,))
        while not await _has_all(admin, receiver, webhooks[receiver.url]) and time.monotonic() < end:  # noqa: ASYNC110 - servers send
            await asyncio.sleep(_STEP)
    final.arrivals = listening.arrivals
    await asyncio.sleep(_QUIET)
    final.later_arrivals = len(listening.arrivals) - len(final.arrivals)


async def _has_all(admin: Client, receiver: Listener, webhook_id: int) -> bool:
    """Whether no delivery is left. A receiver at which an event arrives again and again has enough."""
    if any(count > OFTEN for count in repeated(receiver.arrivals).values()):
        return True
    if not any(arrival.body["type"] == PING for arrival in receiver.arrivals):
        return False
    left = await admin.must("GET", f"/webhook/{webhook_id}/deliveries")
    return all(delivery["dead_at"] is not None for delivery in left)
