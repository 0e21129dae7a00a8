"""One run, from an empty database to the violations."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager, suppress
from pathlib import Path
from shutil import copytree
from tempfile import TemporaryDirectory
from typing import Any, Final

import attrs
import httpx2

from tests.consistency.buyers import Buyer
from tests.consistency.chaos import Chaos
from tests.consistency.client import PASSWORD, Client, UnexpectedResponse
from tests.consistency.deliveries import all_delivered, subscribe
from tests.consistency.deployment import Broken, Deployment, catalogue
from tests.consistency.history import Code, Goods, History, Tariff
from tests.consistency.history import Final as End
from tests.consistency.laws import Violation, violations
from tests.consistency.proxy import Proxy
from tests.consistency.reading import read_back
from tests.consistency.receivers import Receivers, receivers
from tests.consistency.staff import Staff
from tests.servers.postgres import private_server

CODES: Final = {
    "SPRING": Code(15, 0, 1_000_000),
    "EXACT": Code(0, 100, 1_000_000),
    "BOTH": Code(33, 7, 150),
    "RARE": Code(7, 0, 12),
    "GONE": Code(50, 0, 1),
}
ADMIN: Final = "boss"
IMPATIENT: Final = "from tests.consistency.impatient import main; main()"
"""The program that runs the command."""

_AFTERWARDS: Final = 60
_REGISTERING_AT_ONCE: Final = 8
_UNPAID_SECONDS: Final = 1
_WAIT: Final = 0.1


@attrs.frozen(kw_only=True)
class Plan:
    """The parameters of a run. `seconds` is its minimum duration. `reprices` is the number of price changes by import,
    each with a round in which unpaid orders expire. `commands` is the minimum number of commands about orders and stock
    that users send after the faults and price changes, unless they take more than a minute. With `receivers`, the shop
    sends its events to receivers of webhooks.
    """

    database: str = "sqlite"
    seed: int = 0
    receivers: bool = True
    buyers: int = 54
    staff: int = 10
    servers: int = 1
    workers: int = 1
    rounds: int = 8
    seconds: float = 10
    commands: int = 0
    reprices: int = 3
    code: str = IMPATIENT
    plenty: int = 24
    scarce: int = 24
    stock: tuple[int, int] = (3, 30)
    pause: tuple[float, float] = (0.3, 1.2)


@attrs.define
class Outcome:
    """The result of a run."""

    past: History
    final: End
    violations: list[Violation]
    faults: Counter[str]
    dropped: int
    seconds: float

    def figures(self) -> dict[str, Any]:
        """The statistics of the run."""
        sent = self.past.purchases
        return {
            "seed": self.past.seed,
            "orders": len(self.final.orders),
            "checkouts": len(sent),
            "commands": len(self.past.deeds),
            "changes by staff": len(self.past.edits),
            "by kind": self.past.counts(),
            "sent more than once": sum(len(purchase.answers) + purchase.unknown > 1 for purchase in sent),
            "with a promo code": sum(purchase.code is not None for purchase in sent),
            "events": len({arrival.body["id"] for arrival in self.final.arrivals or []}),
            "requests to receivers": len(self.final.arrivals or []),
            "refused by receivers": sum(not arrival.accepted for arrival in self.final.arrivals or []),
            "requests": self.past.requests,
            "broken connections": self.past.broken,
            "503": len(self.past.failures),
            "replies lost": self.dropped,
            "faults": dict(sorted(self.faults.items())),
            "rounds": self.faults.total(),
            "violations": len(self.violations),
            "seconds": round(self.seconds, 1),
        }


@contextmanager
def deployed(plan: Plan, folder: Path) -> Iterator[Deployment]:
    """The deployment of a plan, without data."""
    if plan.database == "sqlite":
        deployment = Deployment(folder, None, plan.servers, plan.workers, plan.code)
        try:
            yield deployment
        finally:
            deployment.close()
        return
    with private_server(durable=True) as postgres:
        deployment = Deployment(folder, postgres, plan.servers, plan.workers, plan.code)
        try:
            yield deployment
        finally:
            deployment.close()


def run(plan: Plan, filled: Path | None = None) -> Outcome:
    """Executes a plan in a new folder. `filled` is a folder in which `fill` has run for the same goods."""
    with TemporaryDirectory(prefix="consistency") as name, deployed(plan, Path(name)) as deployment:
        if filled is None:
            fill(plan, deployment)
        else:
            copytree(filled, name, dirs_exist_ok=True)
        return asyncio.run(_Run(plan, deployment).whole())


def fill(plan: Plan, deployment: Deployment) -> None:
    """Adds the goods and an administrator to an empty shop, with the operator's commands."""
    if plan.database != "sqlite":
        deployment.command("migrate")
    deployment.command("import", "-", stdin=catalogue(_goods(plan)))
    deployment.command("create-admin", "--username", ADMIN, stdin=PASSWORD)
    # Otherwise the receivers might get the event of the administrator.
    deployment.command("work", "--once")


def _goods(plan: Plan) -> list[tuple[int, int | None, int, bool]]:
    """The number, the stock and the price of each product, and whether staff change it: every other one."""
    chance = random.Random(f"{plan.seed} goods")  # noqa: S311 - the choice must be seeded
    stocks = [None] * plan.plenty + [chance.randint(*plan.stock) for _ in range(plan.scarce)]
    return [(number, stock, chance.randint(1, 9999), number % 2 == 1) for number, stock in enumerate(stocks)]


class _Run:
    """The state of a run."""

    def __init__(self, plan: Plan, deployment: Deployment) -> None:
        self.plan = plan
        self.deployment = deployment
        self.past = History(plan.seed)
        self.final = End()
        self.chance = random.Random(f"{plan.seed} prices")  # noqa: S311 - the choice must be seeded
        self.deadline = float("inf")
        self.going = True
        self.past.codes.update(CODES)
        for number, kind in enumerate(("pick_up_point", "courier"), start=1):
            self.past.tariffs[number] = Tariff(kind, [(self.chance.randint(1, 999), 0, float("inf"))])
        for number, stock, price, by_staff in _goods(plan):
            # The first import assigns ids in the order of the file.
            self.past.goods[number + 1] = Goods((f"sku-{number}", "42"), stock, [(price, 0, float("inf"))], by_staff)

    async def whole(self) -> Outcome:
        """Executes all steps."""
        begun = time.monotonic()
        proxies = [Proxy(port) for port in self.deployment.ports]
        chaos = Chaos(self.past, self.deployment, proxies)
        await chaos.recovered()
        async with AsyncExitStack() as stack:
            for proxy in proxies:
                await proxy.start()
                stack.push_async_callback(proxy.close)

            async def connected(number: int) -> httpx2.AsyncClient:
                base = f"http://127.0.0.1:{proxies[number % len(proxies)].port}"
                # Without the certificates, which no request needs, a client is made in no time.
                return await stack.enter_async_context(httpx2.AsyncClient(base_url=base, verify=False))

            admin = Client(ADMIN, self.past, await connected(0), lambda: self.deadline)
            buyers = [
                Buyer(number, self.past, await connected(number), lambda: self.deadline)
                for number in range(self.plan.buyers)
            ]
            staff = [
                Staff(number, self.past, await connected(number), lambda: self.deadline)
                for number in range(self.plan.staff)
            ]
            listening = stack.enter_context(receivers(self.plan.seed)) if self.plan.receivers else None
            await self._open(admin, buyers, staff, listening)
            await self._shop(buyers, staff, chaos)
            await chaos.last_crash()
            self.deadline = time.monotonic() + _AFTERWARDS
            if listening is not None:
                await all_delivered(admin, listening, self.final)
            self.final.sold_and_left(await asyncio.to_thread(self.deployment.left))
            with suppress(UnexpectedResponse):
                await read_back(admin, buyers, staff, self.final)
        wrong = violations(self.past, self.final)
        dropped = sum(proxy.dropped for proxy in proxies)
        return Outcome(self.past, self.final, wrong, chaos.done, dropped, time.monotonic() - begun)

    async def _open(self, admin: Client, buyers: list[Buyer], staff: list[Staff], listening: Receivers | None) -> None:
        """The receivers are subscribed, and all users register. An administrator gives the rights of staff, sets the
        delivery tariffs, and creates the promo codes.
        """
        gate = asyncio.Semaphore(_REGISTERING_AT_ONCE)

        async def register(user: Client) -> None:
            async with gate:
                await user.register()

        await admin.log_in()
        if listening is not None:
            await subscribe(admin, listening)
        await asyncio.gather(*map(register, [*buyers, *staff]))
        for member in staff:
            path = f"/user/{member.user_id}"
            answer = await admin.ask("PATCH", path, {"is_staff": True}, headers={"If-Match": "*"})
            assert answer is not None
            admin.allowed(answer, (200,), path)
        currency = (await admin.must("GET", "/currency"))[0]["id"]
        prices = {each.kind: {"price": each.prices[0][0], "currency": currency} for each in self.past.tariffs.values()}
        answer = await admin.ask("PATCH", "/delivery_tariffs", prices, headers={"If-Match": "*"})
        assert answer is not None
        admin.allowed(answer, (200,), "/delivery_tariffs")
        for name, code in CODES.items():
            body = {
                "string_representation": name,
                "owner_id": (await admin.must("GET", "/user_info"))["id"],
                "max_activation_count": code.maximum,
                "active_until_date": "2099-12-31",
                "discount_percentage": code.percent,
                "discount_absolute": code.absolute,
            }
            await admin.must("POST", "/promo", body, allowed=(201,))
        for buyer in buyers:
            buyer.set_others(buyers)

    async def _shop(self, buyers: list[Buyer], staff: list[Staff], chaos: Chaos) -> None:
        """The buyers shop and staff work during the faults and price changes, then finish their last request."""
        busy = [asyncio.ensure_future(buyer.shop(lambda: self.going)) for buyer in buyers]
        busy += [asyncio.ensure_future(member.work(lambda: self.going)) for member in staff]
        end = time.monotonic() + self.plan.seconds
        share = self.plan.seconds / (self.plan.reprices + 1)
        pause = self.plan.pause
        try:
            breaking = asyncio.ensure_future(
                chaos.rounds(self.plan.rounds, lambda chance: chance.uniform(pause[0], pause[1]))
            )
            for _ in range(self.plan.reprices):
                await asyncio.sleep(share)
                await asyncio.to_thread(self._change_prices)
                await asyncio.to_thread(self._expire)
            await breaking
            sent = len(self.past.deeds)
            # The last prices are valid for as long as the others, even if the change took long.
            await asyncio.sleep(max(share, end - time.monotonic()))
            last, enough = time.monotonic() + _AFTERWARDS, sent + self.plan.commands
            while len(self.past.deeds) < enough and time.monotonic() < last:  # noqa: ASYNC110 - all users add commands
                await asyncio.sleep(_WAIT)
        finally:
            self.going = False
            self.deadline = time.monotonic() + _AFTERWARDS
            await asyncio.gather(*busy)

    def _change_prices(self) -> None:
        """Imports the goods that staff do not change with new prices, and with a larger stock of the limited ones. The
        file has the number of pieces ever received, without the sold ones.
        """
        begun = time.monotonic()
        lines = []
        imported = {unit_id: goods for unit_id, goods in self.past.goods.items() if not goods.by_staff}
        for unit_id, goods in imported.items():
            price = self.chance.randint(1, 9999)
            goods.prices.append((price, begun, float("inf")))
            goods.stock = None if goods.stock is None else goods.stock + self.chance.randint(0, 2)
            lines.append((unit_id - 1, goods.stock, price, False))
        self._insist("import", "-", stdin=catalogue(lines))
        ended = time.monotonic()
        for goods in imported.values():
            price, since, _ = goods.prices[-2]
            goods.prices[-2] = (price, since, ended)

    def _expire(self) -> None:
        """Lets unpaid orders expire, as a machine without servers does."""
        begun = time.monotonic()
        self._insist("work", "--once", variables={"SELLOUT_UNPAID_ORDER_LIFETIME": str(_UNPAID_SECONDS)})
        self.past.expiries.append((begun, _UNPAID_SECONDS))

    def _insist(self, *arguments: str, **options: Any) -> None:
        """Repeats a command until it succeeds: the database may be stopped."""
        last: Exception | None = None
        for _ in range(20):
            try:
                self.deployment.command(*arguments, code=self.plan.code, **options)
            except Broken as error:
                last = error
                time.sleep(0.3)
            else:
                return
        raise Broken(f"sellout {arguments[0]} cannot be run") from last
