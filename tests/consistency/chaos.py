"""Faults while the buyers send requests: one in a round, then recovery."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence

import attrs

from tests.consistency.deployment import DEADLINE, Broken, Deployment
from tests.consistency.history import History
from tests.consistency.proxy import Proxy

_STEP = 0.05


@attrs.define
class Chaos:
    """Causes faults in a deployment, as the seed decides, and waits for its recovery."""

    past: History
    deployment: Deployment
    proxies: Sequence[Proxy]
    done: Counter[str] = attrs.field(factory=Counter)

    async def rounds(self, number: int, pause: Callable[[random.Random], float]) -> None:
        """Causes this number of faults, with a pause before each. No kind of fault repeats before all kinds
        occurred.
        """
        chance = random.Random(f"{self.past.seed} chaos")  # noqa: S311 - the choice must be seeded
        kinds: list[Callable[[random.Random], Awaitable[None]]] = []
        for _ in range(number):
            await asyncio.sleep(pause(chance))
            if not kinds:
                kinds = list(self._kinds())
                chance.shuffle(kinds)
            await self.fault(kinds.pop(), chance)

    async def fault(self, kind: Callable[[random.Random], Awaitable[None]], chance: random.Random) -> None:
        """Causes a fault and waits for the recovery."""
        name = kind.__name__
        begun = time.monotonic()
        self.past.faults.append((name, begun, float("inf")))
        await kind(chance)
        await self.recovered()
        self.past.faults[-1] = (name, begun, time.monotonic())
        self.done[name] += 1

    async def recovered(self) -> None:
        """Starts all stopped servers and waits until they are ready.

        Raises:
            Broken: it does not become ready.
        """
        end = time.monotonic() + DEADLINE
        await asyncio.to_thread(self.deployment.start_servers)
        while not await asyncio.to_thread(self.deployment.ready):
            if time.monotonic() > end:
                raise Broken(f"not ready after {DEADLINE} s: {self.past.faults[-1:]}")
            await asyncio.sleep(_STEP)

    def _kinds(self) -> Sequence[Callable[[random.Random], Awaitable[None]]]:
        kinds = [self.server_killed, self.server_told_to_end, self.replies_lost, self.all_servers_killed]
        if self.deployment.postgres is not None:
            kinds += [self.backend_killed, self.database_stopped, self.server_killed]
        return kinds

    async def server_killed(self, chance: random.Random) -> None:
        """Sends SIGKILL to a server and its workers."""
        await asyncio.to_thread(self.deployment.kill, chance.randrange(self.deployment.servers))

    async def all_servers_killed(self, chance: random.Random) -> None:  # noqa: ARG002 - every kind takes it
        """Sends SIGKILL to all servers."""
        for number in range(self.deployment.servers):
            await asyncio.to_thread(self.deployment.kill, number)

    async def server_told_to_end(self, chance: random.Random) -> None:
        """Sends SIGTERM under load. The server must exit with code 0."""
        number = chance.randrange(self.deployment.servers)
        self.deployment.terminate(number)
        end = time.monotonic() + DEADLINE
        while not self.deployment.ended(number):
            if time.monotonic() > end:
                raise Broken("a server does not end after SIGTERM")
            await asyncio.sleep(_STEP)

    async def replies_lost(self, chance: random.Random) -> None:
        """For a short time, requests are executed and their responses are dropped."""
        for proxy in self.proxies:
            proxy.dropping = True
        await asyncio.sleep(chance.uniform(0.2, 0.6))
        for proxy in self.proxies:
            proxy.dropping = False

    async def backend_killed(self, chance: random.Random) -> None:  # noqa: ARG002 - every kind takes it
        """Sends SIGKILL to a process of PostgreSQL, which then restarts all others and recovers."""
        assert self.deployment.postgres is not None
        await asyncio.to_thread(self.deployment.postgres.kill_backend)

    async def database_stopped(self, chance: random.Random) -> None:
        """Stops PostgreSQL as a crash does, and starts it again after a pause."""
        postgres = self.deployment.postgres
        assert postgres is not None
        await asyncio.to_thread(postgres.stop, immediately=True)
        await asyncio.sleep(chance.uniform(0, 0.5))
        await asyncio.to_thread(postgres.start)

    async def last_crash(self) -> None:
        """Kills all processes at once and starts them again."""
        begun = time.monotonic()
        self.past.faults.append(("last_crash", begun, float("inf")))
        postgres = self.deployment.postgres
        if postgres is not None:
            await asyncio.to_thread(postgres.stop, immediately=True)
        for number in range(self.deployment.servers):
            await asyncio.to_thread(self.deployment.kill, number)
        if postgres is not None:
            await asyncio.to_thread(postgres.start)
        await self.recovered()
        self.past.faults[-1] = ("last_crash", begun, time.monotonic())
