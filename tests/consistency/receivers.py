"""The receivers of webhooks during a run, and what arrives at them."""

import random
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Final

import attrs
from standardwebhooks import WebhookVerificationError

from tests.consistency.history import Arrival
from tests.contract.support.receiver import Behaviour, Receiver, served, verify

_REFUSALS: Final[tuple[Behaviour, ...]] = ("failing", "hanging", "redirecting", "dying")
ELSEWHERE: Final = "/elsewhere"
_REFUSED: Final = 0.1
"""The share of the events that a moody receiver refuses."""

KINDS: Final = ("order.placed", "order.line_moved", "order.cancelled", "user.registered")
"""The events that the moody receiver wants."""


@attrs.define
class Listener(Receiver):
    """A receiver that notes all arrivals. A moody one refuses some events once, until it is calm. Redirects lead to
    `ELSEWHERE`, where nothing may arrive.
    """

    name: str = ""
    chance: random.Random | None = None
    arrivals: list[Arrival] = attrs.field(factory=list)
    refused: set[int] = attrs.field(factory=set)

    def take(self, headers: dict[str, str], body: dict[str, Any]) -> Behaviour:
        """Notes an arrival, and accepts or refuses it."""
        if headers["path"] == ELSEWHERE:
            self.arrivals.append(Arrival("elsewhere", body, True, True))
            return "good"
        behaviour: Behaviour = "good"
        if self.chance is not None and body["id"] not in self.refused and self.chance.random() < _REFUSED:
            self.refused.add(body["id"])
            behaviour = self.chance.choice(_REFUSALS)
        try:
            verify(headers)
        except WebhookVerificationError:
            is_signed = False
        else:
            is_signed = True
        self.arrivals.append(Arrival(self.name, body, is_signed, behaviour == "good"))
        return behaviour

    def calm(self) -> None:
        """Refuses nothing from now on."""
        self.chance = None


@attrs.frozen
class Receivers:
    """A receiver that accepts everything, a moody one, and an address where none listens."""

    good: Listener
    moody: Listener
    nowhere: str

    @property
    def arrivals(self) -> list[Arrival]:
        """All arrivals so far."""
        return [*self.good.arrivals, *self.moody.arrivals]


@contextmanager
def receivers(seed: int) -> Iterator[Receivers]:
    """Runs the receivers of a run."""
    chance = random.Random(f"{seed} receivers")  # noqa: S311 - the choice must be seeded
    # It has a port and does not listen.
    closed = socket.socket()
    closed.bind(("127.0.0.1", 0))
    found = Receivers(
        Listener(name="good"),
        Listener(name="moody", chance=chance),
        f"http://127.0.0.1:{closed.getsockname()[1]}/",
    )
    with ExitStack() as stack:
        stack.enter_context(closed)
        stack.enter_context(served(found.good))
        stack.enter_context(served(found.moody))
        found.moody.location = found.moody.url.replace("/hook", ELSEWHERE)
        yield found
