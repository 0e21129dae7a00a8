"""The command `sellout` with short delays of webhooks, so that a run of seconds sees what takes hours otherwise."""

from datetime import timedelta
from typing import Final

from sellout_core.events import subscriptions
from sellout_core.use_cases.events import dispatching
from sellout_http import event_delivery
from sellout_http.command import main as sellout
from tests.consistency.planted_staff import planted

LONGEST: Final = 5
"""The maximum time between an event and its next attempt, in seconds, also if a process is killed."""


def shorten() -> None:
    """Shortens the delays. A process has a lane for longer than it delivers, as without this."""
    second = timedelta(seconds=1)
    planted(dispatching, "LEASE", LONGEST * second)
    planted(event_delivery, "_LANE_SECONDS", 2)
    planted(subscriptions, "_DELAYS", (second,) * 9)
    planted(subscriptions, "_LONGEST_PAUSE", second)


def main() -> None:
    """Runs the command `sellout`."""
    shorten()
    sellout()
