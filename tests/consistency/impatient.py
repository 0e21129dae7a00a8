"""The command `sellout` with short delays of webhooks, so that a run of seconds sees what takes hours otherwise."""

from datetime import timedelta

from sellout_core.events import subscriptions
from sellout_core.use_cases.events import dispatching
from sellout_http import event_delivery
from sellout_http.command import main as sellout
from tests.consistency.planted_staff import planted


def shorten() -> None:
    """Shortens the delays. A process has a lane for longer than it delivers, as without this."""
    second = timedelta(seconds=1)
    planted(dispatching, "LEASE", 5 * second)
    planted(event_delivery, "_LANE_SECONDS", 2)
    planted(subscriptions, "_DELAYS", (second,) * 9)
    planted(subscriptions, "_LONGEST_PAUSE", second)


def main() -> None:
    """Runs the command `sellout`."""
    shorten()
    sellout()
