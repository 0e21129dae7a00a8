"""Delivers events to webhooks, in a thread with an event loop of its own. Leases settle which of several processes has
the lane of a subscription.

A subscriber that hangs keeps a task waiting, and no thread. So it delays no other one.
"""

import asyncio
import threading
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager
from typing import Final, Protocol, TypeVar

from sellout_core.errors import Unavailable
from sellout_core.events.event import Event
from sellout_core.events.subscriptions import Delivery, Lane, Subscription
from sellout_core.people.accounts import OPERATOR
from sellout_core.shop import Shop
from sellout_core.use_cases.events.dispatching import (
    delete_delivered_events,
    dispatch_events,
    has_work,
    settle_lane,
    take_lane,
)
from sellout_core.values import EventId
from sellout_http.runtime.logging import log
from sellout_http.runtime.threads import EVENT_THREADS

__all__ = ["OpenSender", "Sender", "deliver_events", "deliver_until"]

T = TypeVar("T")

_IDLE_SECONDS: Final = 0.25
_AFTER_ERROR_SECONDS: Final = 10
_DELETION_SECONDS: Final = 60
_LANE_SECONDS: Final = 20
"""How long a process sends before it notes the results. With the time of a request it is less than a lease."""

_AT_ONCE: Final = 8
"""The maximum number of concurrent requests to one subscriber."""


class Sender(Protocol):
    """Sends events to webhooks."""

    async def send(self, subscription: Subscription, event: Event) -> str | None:
        """Sends an event. Returns the reason of a failure, or None. Ends within a time limit."""


OpenSender = Callable[[], AbstractAsyncContextManager[Sender]]
"""Opens a sender in the running event loop."""


def deliver_until(shop: Shop, open_sender: OpenSender, stopped: threading.Event) -> None:
    """Delivers events to webhooks, and deletes old events, until `stopped` is set. Notes then what was delivered."""
    asyncio.run(_Deliveries(shop, stopped).run(open_sender))


def deliver_events(shop: Shop, open_sender: OpenSender, stopped: threading.Event) -> Counter[str]:
    """Delivers the events that are due to webhooks, until none is or `stopped` is set, and deletes old events. Returns
    the number of deliveries by their result.

    Raises:
        Unavailable: the store failed.
    """
    deliveries = _Deliveries(shop, stopped)
    asyncio.run(deliveries.run_once(open_sender))
    return deliveries.results


class _Deliveries:
    """The lanes that this process has taken."""

    def __init__(self, shop: Shop, stopped: threading.Event) -> None:
        self.results = Counter[str]()
        self._shop = shop
        self._stopped = stopped
        self._threads = ThreadPoolExecutor(EVENT_THREADS, "events")
        self._lanes: set[asyncio.Task[None]] = set()

    async def run(self, open_sender: OpenSender) -> None:
        """Delivers until the process stops."""
        loop = asyncio.get_running_loop()
        begin_at = deletion_at = loop.time()
        with self._threads:
            async with open_sender() as sender:
                while not self._stopped.is_set():
                    try:
                        if begin_at <= loop.time():
                            await self._begin(sender)
                        if max(begin_at, deletion_at) <= loop.time():
                            deletion_at = loop.time() + _DELETION_SECONDS
                            await self._in_thread(lambda: delete_delivered_events(self._shop, OPERATOR))
                    except Unavailable:
                        begin_at = loop.time() + _AFTER_ERROR_SECONDS
                    except Exception as error:  # noqa: BLE001 - the next round may succeed
                        log.error("failed", exc_info=error)
                        begin_at = loop.time() + _AFTER_ERROR_SECONDS
                    await asyncio.sleep(_IDLE_SECONDS)
                await asyncio.gather(*self._lanes)

    async def run_once(self, open_sender: OpenSender) -> None:
        """Delivers until nothing is due."""
        with self._threads:
            async with open_sender() as sender:
                while await self._begin(sender) and not self._stopped.is_set():
                    await asyncio.wait(self._lanes, return_when=asyncio.FIRST_COMPLETED)
                await asyncio.gather(*self._lanes)
            await self._in_thread(lambda: delete_delivered_events(self._shop, OPERATOR))

    async def _begin(self, sender: Sender) -> bool:
        """Dispatches events and begins with all lanes that are due. Returns whether any is being delivered."""
        if await self._in_thread(lambda: has_work(self._shop, OPERATOR)):
            await self._in_thread(lambda: dispatch_events(self._shop, OPERATOR))
            while (lane := await self._in_thread(lambda: take_lane(self._shop, OPERATOR))) is not None:
                task = asyncio.create_task(self._deliver(sender, lane))
                self._lanes.add(task)
                task.add_done_callback(self._lanes.discard)
        return bool(self._lanes)

    async def _deliver(self, sender: Sender, lane: Lane) -> None:
        results: dict[EventId, str | None] = {}
        sending = asyncio.create_task(_send_all(sender, lane, results))
        try:
            until = asyncio.get_running_loop().time() + _LANE_SECONDS
            while not sending.done() and not self._stopped.is_set() and until > asyncio.get_running_loop().time():
                await asyncio.wait({sending}, timeout=_IDLE_SECONDS)
            sending.cancel()
            await asyncio.wait({sending})
            await self._in_thread(lambda: settle_lane(self._shop, OPERATOR, lane, results))
            self._note(lane, results)
        except Unavailable:
            # The lane is taken again when its lease ends.
            pass
        except Exception as error:  # noqa: BLE001 - one lane must not end the others
            log.error("failed", exc_info=error)

    def _note(self, lane: Lane, results: dict[EventId, str | None]) -> None:
        """Counts the results, and logs the failures."""
        for event_id, reason in results.items():
            self.results["delivered" if reason is None else "failed"] += 1
            if reason is not None:
                log.warning("webhook", subscription=lane.subscription.id, of_event=event_id, reason=reason)

    def _in_thread(self, work: Callable[[], T]) -> Awaitable[T]:
        return asyncio.get_running_loop().run_in_executor(self._threads, work)


async def _send_all(sender: Sender, lane: Lane, results: dict[EventId, str | None]) -> None:
    """Sends the deliveries of a lane, those of a subject one after the other. Ends early if the first ones all fail."""
    by_subject = defaultdict[str, list[Delivery]](list)
    for delivery in lane.deliveries:
        by_subject[delivery.event.subject].append(delivery)
    places = asyncio.Semaphore(_AT_ONCE)

    async def send(deliveries: Sequence[Delivery]) -> None:
        async with places:
            for delivery in deliveries:
                if results and all(reason is not None for reason in results.values()):
                    return
                reason = await sender.send(lane.subscription, delivery.event)
                results[delivery.id] = reason
                if reason is not None:
                    return

    await asyncio.gather(*map(send, by_subject.values()))
