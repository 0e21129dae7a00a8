"""One run, from an empty database to the violations."""

import asyncio
import json
import random
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, contextmanager, suppress
from pathlib import Path
from shutil import copytree
from tempfile import TemporaryDirectory
from typing import Any, Final

import attrs
import httpx2

from tests.consistency.buyers import PASSWORD, Buyer, UnexpectedResponse
from tests.consistency.chaos import Chaos
from tests.consistency.deployment import Broken, Deployment, catalogue
from tests.consistency.history import Code, Goods, History, Purchase
from tests.consistency.history import Final as End
from tests.consistency.laws import Violation, violations
from tests.consistency.proxy import Proxy
from tests.contract.support.command import CODE
from tests.servers.postgres import private_server

CODES: Final = {
    "SPRING": Code(15, 0, 1_000_000),
    "EXACT": Code(0, 100, 1_000_000),
    "BOTH": Code(33, 7, 150),
    "RARE": Code(7, 0, 12),
    "GONE": Code(50, 0, 1),
}
ADMIN: Final = "boss"
_AFTERWARDS: Final = 60
_REGISTERING_AT_ONCE: Final = 8


@attrs.frozen(kw_only=True)
class Plan:
    """The parameters of a run. `seconds` is its minimum duration. `reprices` is the number of price changes."""

    database: str = "sqlite"
    seed: int = 0
    buyers: int = 64
    servers: int = 1
    workers: int = 1
    rounds: int = 8
    seconds: float = 10
    reprices: int = 3
    code: str = CODE
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
            "sent more than once": sum(len(purchase.answers) + purchase.unknown > 1 for purchase in sent),
            "with a promo code": sum(purchase.code is not None for purchase in sent),
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
    """Adds the goods, an administrator and the promo codes to an empty shop, with the operator's commands."""
    if plan.database != "sqlite":
        deployment.command("migrate")
    deployment.command("import", "-", stdin=catalogue(*_goods(plan)))
    deployment.command("create-admin", "--username", ADMIN, stdin=PASSWORD)

    def create_promo_code(name: str) -> None:
        code = CODES[name]
        terms = [f"--percent={code.percent}", f"--absolute={code.absolute}", f"--max={code.maximum}"]
        deployment.command("create-promo-code", name, *terms, "--until=2099-12-31", f"--owner={ADMIN}")

    with ThreadPoolExecutor() as pool:
        list(pool.map(create_promo_code, CODES))


def _goods(plan: Plan) -> tuple[list[int | None], list[int]]:
    """The stock and the price of each product."""
    chance = random.Random(f"{plan.seed} goods")  # noqa: S311 - the choice must be seeded
    stocks = [None] * plan.plenty + [chance.randint(*plan.stock) for _ in range(plan.scarce)]
    return list(stocks), [chance.randint(1, 9999) for _ in stocks]


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
        self.stocks, self.prices = _goods(plan)
        self.past.codes.update(CODES)
        for number, (stock, price) in enumerate(zip(self.stocks, self.prices, strict=True)):
            # The first import assigns ids in the order of the file.
            self.past.goods[number + 1] = Goods((f"sku-{number}", "42"), stock, [(price, 0, float("inf"))])

    async def whole(self) -> Outcome:
        """Executes all steps."""
        begun = time.monotonic()
        proxies = [Proxy(port) for port in self.deployment.ports]
        chaos = Chaos(self.past, self.deployment, proxies)
        await chaos.recovered()
        async with AsyncExitStack() as stack:
            for proxy in proxies:
                await proxy.start()
                stack.callback(proxy.close)
            buyers = []
            for number in range(self.plan.buyers):
                base = f"http://127.0.0.1:{proxies[number % len(proxies)].port}"
                client = await stack.enter_async_context(httpx2.AsyncClient(base_url=base))
                buyers.append(Buyer(number, self.past, client, lambda: self.deadline))
            await self._shop(buyers, chaos)
            await chaos.last_crash()
            with suppress(UnexpectedResponse):
                await self._read_back(buyers)
        wrong = violations(self.past, self.final)
        dropped = sum(proxy.dropped for proxy in proxies)
        return Outcome(self.past, self.final, wrong, chaos.done, dropped, time.monotonic() - begun)

    async def _shop(self, buyers: list[Buyer], chaos: Chaos) -> None:
        """The buyers shop during the faults and price changes, then finish their last request."""
        gate = asyncio.Semaphore(_REGISTERING_AT_ONCE)

        async def register(buyer: Buyer) -> None:
            async with gate:
                await buyer.register()

        await asyncio.gather(*map(register, buyers))
        for buyer in buyers:
            buyer.set_others(buyers)
        busy = [asyncio.ensure_future(buyer.shop(lambda: self.going)) for buyer in buyers]
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
            await breaking
            # The last prices are valid for as long as the others, even if the change took long.
            await asyncio.sleep(max(share, end - time.monotonic()))
        finally:
            self.going = False
            self.deadline = time.monotonic() + _AFTERWARDS
            await asyncio.gather(*busy)

    def _change_prices(self) -> None:
        """Imports all goods with new prices, and with a larger stock of the limited ones. Repeats until the import
        succeeds. The file has the number of pieces ever received, without the sold ones.
        """
        self.prices = [self.chance.randint(1, 9999) for _ in self.prices]
        self.stocks = [None if stock is None else stock + self.chance.randint(0, 2) for stock in self.stocks]
        begun = time.monotonic()
        for number, (price, stock) in enumerate(zip(self.prices, self.stocks, strict=True)):
            goods = self.past.goods[number + 1]
            goods.prices.append((price, begun, float("inf")))
            goods.stock = stock
        self._import(catalogue(self.stocks, self.prices))
        ended = time.monotonic()
        for goods in self.past.goods.values():
            price, since, _ = goods.prices[-2]
            goods.prices[-2] = (price, since, ended)

    def _import(self, lines: str) -> None:
        last: Exception | None = None
        for _ in range(20):
            try:
                self.deployment.command("import", "-", stdin=lines, code=self.plan.code)
            except Broken as error:
                last = error
                time.sleep(0.3)
            else:
                return
        raise Broken("the prices cannot be changed") from last

    async def _read_back(self, buyers: list[Buyer]) -> None:
        """Reads the final state over HTTP, and the remaining stock from an export."""
        self.deadline = time.monotonic() + _AFTERWARDS
        units = await asyncio.to_thread(self.deployment.left)
        self.final.left = {name: (left, available) for name, (left, available, _) in units.items()}
        self.final.sold = {name: sold for name, (_, _, sold) in units.items()}
        for buyer in buyers:
            self.final.orders_of[buyer.user_id] = await buyer.must("GET", "/order/user_orders")
            cart = await buyer.must("GET", buyer.mine("/order/cart/{}"))
            self.final.carts[buyer.user_id] = [unit["id"] for unit in cart["product_units"]]
        by_id = {buyer.user_id: buyer for buyer in buyers}
        for purchase in self.past.purchases:
            if purchase.key is not None and purchase.acknowledged:
                self.final.replays[purchase.mark] = await by_id[purchase.buyer_id].repeat(purchase)
        base = f"http://127.0.0.1:{self.deployment.ports[0]}"
        async with httpx2.AsyncClient(base_url=base) as client:
            pair = (await client.post("/user/login", json={"username": ADMIN, "password": PASSWORD})).json()
            headers = {"Authorization": f"Bearer {pair['access']}"}
            answer = await client.get("/order/orders", headers=headers, timeout=_AFTERWARDS)
            self.final.orders = answer.json()
        await self._probe(buyers[0])

    async def _probe(self, buyer: Buyer) -> None:
        """Places one further order with each promo code, which shows the activation count."""
        [unit_id] = list(self.past.goods)[:1]
        for name in self.past.codes:
            await buyer.ask("POST", f"/order/cart_add/{buyer.user_id}/{unit_id}")
            purchase = Purchase(
                mark=f"probe of {name}",
                buyer_id=buyer.user_id,
                key=f"probe of {name}",
                unit_ids=(unit_id,),
                code=name,
                ceiling=None,
                address_id=buyer.address_id,
                begun=time.monotonic(),
            )
            answer = await buyer.repeat(purchase)
            if answer.status == 201:
                self.final.probes[name] = json.loads(answer.text)["promo_code"]["activation_count"]
            elif answer.status == 422 and "promo_code_used_up" in answer.text:
                self.final.probes[name] = None
            else:
                buyer.note("answers", f"{purchase.mark}: {answer}")
