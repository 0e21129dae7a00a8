"""What is broken while the buyers are busy: one thing a round, then everything is mended."""

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
    """Breaks a deployment, as its seed decides, and mends it again."""

    past: History
    deployment: Deployment
    proxies: Sequence[Proxy]
    done: Counter[str] = attrs.field(factory=Counter)

    async def rounds(self, number: int, pause: Callable[[random.Random], float]) -> None:
        """That many, each after a pause; every kind of fault has had its turn before one comes again."""
        chance = random.Random(f"{self.past.seed} chaos")  # noqa: S311 - a seeded choice is what is wanted
        kinds: list[Callable[[random.Random], Awaitable[None]]] = []
        for _ in range(number):
            await asyncio.sleep(pause(chance))
            if not kinds:
                kinds = list(self._kinds())
                chance.shuffle(kinds)
            await self.fault(kinds.pop(), chance)

    async def fault(self, kind: Callable[[random.Random], Awaitable[None]], chance: random.Random) -> None:
        """Breaks something and waits until everything works again."""
        name = kind.__name__
        begun = time.monotonic()
        self.past.faults.append((name, begun, float("inf")))
        await kind(chance)
        await self.recovered()
        self.past.faults[-1] = (name, begun, time.monotonic())
        self.done[name] += 1

    async def recovered(self) -> None:
        """Starts what does not run and waits until all of it is ready.

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
        """SIGKILL to a server and its workers."""
        await asyncio.to_thread(self.deployment.kill, chance.randrange(self.deployment.servers))

    async def all_servers_killed(self, chance: random.Random) -> None:  # noqa: ARG002 - every kind takes it
        """SIGKILL to every server."""
        for number in range(self.deployment.servers):
            await asyncio.to_thread(self.deployment.kill, number)

    async def server_told_to_end(self, chance: random.Random) -> None:
        """SIGTERM under load: it ends by itself, with exit code 0."""
        number = chance.randrange(self.deployment.servers)
        self.deployment.terminate(number)
        end = time.monotonic() + DEADLINE
        while not self.deployment.ended(number):
            if time.monotonic() > end:
                raise Broken("a server does not end after SIGTERM")
            await asyncio.sleep(_STEP)

    async def replies_lost(self, chance: random.Random) -> None:
        """For a while everything is done, and nobody is told."""
        for proxy in self.proxies:
            proxy.dropping = True
        await asyncio.sleep(chance.uniform(0.2, 0.6))
        for proxy in self.proxies:
            proxy.dropping = False

    async def backend_killed(self, chance: random.Random) -> None:  # noqa: ARG002 - every kind takes it
        """SIGKILL to one of PostgreSQL's processes, upon which it ends all others and recovers."""
        assert self.deployment.postgres is not None
        await asyncio.to_thread(self.deployment.postgres.kill_backend)

    async def database_stopped(self, chance: random.Random) -> None:
        """PostgreSQL is stopped as by a crash, stays away for a moment and starts again."""
        postgres = self.deployment.postgres
        assert postgres is not None
        await asyncio.to_thread(postgres.stop, immediately=True)
        await asyncio.sleep(chance.uniform(0, 0.5))
        await asyncio.to_thread(postgres.start)

    async def last_crash(self) -> None:
        """Everything is killed at once and started again."""
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
