"""A Python service that gets the events of orders in its own process.

    python examples/events_in_process.py sqlite:///sellout.db

It shares the database with the shop's servers. The events that occur while it does not run wait for it.
"""

# ruff: noqa: INP001, S106, T201 - a script, which prints, and whose key opens nothing

import sys
import time

from sellout_adapters.sql import SqlStore
from sellout_adapters.system import assemble
from sellout_core.events.event import Event
from sellout_core.people.accounts import OPERATOR
from sellout_core.use_cases.events.services import deliver_to_service, subscribe_service


def handle(event: Event) -> None:
    """Does what the service is for. It may get an event twice."""
    print(event.id, event.name, event.subject, dict(event.data), flush=True)


shop = assemble(SqlStore.open(sys.argv[1]), secret_key="this service signs no tokens, so any key will do")
subscribe_service(shop, OPERATOR, "warehouse", ["order.placed", "order.parcel_shipped", "order.cancelled"])
print("ready", flush=True)
while True:
    if not deliver_to_service(shop, OPERATOR, "warehouse", handle):
        time.sleep(0.5)
