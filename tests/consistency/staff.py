"""Staff who move orders, and change the catalogue, the stock and the promo codes, while buyers shop."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from datetime import date, timedelta
from typing import Any, Final

import httpx2

from sellout_core.fulfilment.lifecycle import REFUND_MOVES, LineState, RefundState
from tests.consistency.client import Client, RunEnded, UnexpectedResponse
from tests.consistency.history import Deed, Edit, Goods, History, Priced

_READING: Final = 0.05
"""The most that staff look at a document before they change it, in seconds."""

_STEPS: Final = 8
_MANY_ORDERS: Final = 6
_LAST_DAY: Final = date(2999, 12, 31)
_ONWARD: Final = tuple(state.value for state in LineState if state is not LineState.CANCELLED)


class Staff(Client):
    """A member of staff who sends random requests, chosen by a seed, and waits for each response."""

    def __init__(self, number: int, past: History, client: httpx2.AsyncClient, until: Callable[[], float]) -> None:
        super().__init__(f"staff{number}", past, client, until)

    async def work(self, going_on: Callable[[], bool]) -> None:
        """Sends requests until `going_on` returns false."""
        does: list[tuple[int, Callable[[], Coroutine[Any, Any, None]]]] = [
            (40, self._work_on_order),
            (8, self._move_many),
            (6, self._ask_the_impossible),
            (12, self._reprice_unit),
            (6, self._change_tariff),
            (8, self._change_product),
            (6, self._merge),
            (12, self._enter_stock),
            (8, self._switch_promo_code),
        ]
        weights = [weight for weight, _ in does]
        self.past.staff.add(self.user_id)
        try:
            while going_on():
                [(_, do)] = self._random.choices(does, weights)
                with suppress(UnexpectedResponse):
                    await do()
                # Without an order or a product to work on, nothing else waits.
                await asyncio.sleep(0)
        except RunEnded:
            return

    def _deed(self, kind: str, object_id: int, path: str, body: dict[str, Any], *, key: bool = True) -> Deed:
        """A command whose reason is its mark."""
        mark = f"{self.name} {kind} {self.past.number()}"
        return Deed(
            kind=kind,
            mark=mark,
            actor_id=self.user_id,
            object_id=object_id,
            path=path,
            body={"reason": mark, **body},
            key=f"key of {mark}" if key else None,
        )

    async def _do(self, deed: Deed, **options: Any) -> Any:
        """Sends a command. One in ten is repeated, and one in twenty is sent with another body under its key. Refused
        moves of several orders would be tried again, so these are repeated after the run alone.
        """
        document = await self.command(deed, **options)
        if document is not None and deed.key is not None and deed.moved is None:
            chance = self._random.random()
            if chance < 0.1 and deed.kind != "moves" and await self.again(deed) != deed.answer:
                self.note("answers", f"{deed.mark}: another response under its key")
            elif chance > 0.95:
                other = {**deed.body, "reason": "another"} if "reason" in deed.body else {"captured": 10**15}
                answer = await self.ask("POST", deed.path, other, key=deed.key)
                if answer is not None and answer.status_code != 422:
                    self.note("answers", f"{deed.mark}: another body under its key: {answer.status_code}")
        return document

    async def _some_order(self) -> int | None:
        """An order, more often an early one: several of the staff work on it."""
        orders = self.past.placed
        if not orders:
            await self.must("GET", "/order/orders?limit=5")
            await asyncio.sleep(_READING)
            return None
        return orders[min(self._random.randrange(len(orders)), self._random.randrange(len(orders)))]

    async def _work_on_order(self) -> None:
        """Moves an order on for some steps."""
        order_id = await self._some_order()
        for _ in range(self._random.randint(1, _STEPS) if order_id else 0):
            tracking = await self.must("GET", f"/order/tracking/{order_id}")
            deed = self._next_step(tracking)
            if deed is None:
                return
            done = await self._do(deed)
            if deed.kind == "refund" and deed.body["to"] == "done" and done is not None and self._random.random() < 0.3:
                # Another of the staff pays the same refund back.
                again = self._deed("refund", tracking["order_id"], deed.path, {}, key=False)
                again.body = {**deed.body, "reason": again.mark}
                await self.command(again)

    def _next_step(self, tracking: dict[str, Any]) -> Deed | None:
        """A command that the order allows, as far as staff know."""
        order_id, units = tracking["order_id"], tracking["product_unit"]
        due, chance = tracking["payment"]["amount_due"], self._random.random()
        key = self._random.random() < 0.9
        if due and chance < 0.7:
            captured = due if chance < 0.4 else self._random.randint(1, due)
            # The shop stores no reason of a payment, so the amount alone tells payments of one actor apart.
            deed = self._deed("payment", order_id, f"/order/payment/{order_id}", {}, key=key)
            deed.body = {"captured": captured}
            return deed
        refunds = [(named, refund) for named, refund in _refunds(tracking) if refund["state"] != "done"]
        if refunds and chance < 0.8:
            named, refund = self._random.choice(refunds)
            targets = [move.target.value for move in REFUND_MOVES if move.source is RefundState(refund["state"])]
            body = {"to": self._random.choice(targets), **named}
            return self._deed("refund", order_id, f"/order/refund/{order_id}", body, key=key)
        targets = sorted({target for unit in units for target in unit["possible"]})
        if not targets:
            return None
        onward = [target for target in targets if target in _ONWARD]
        target = self._random.choice(onward if onward and self._random.random() < 0.75 else targets)
        able = [unit["id"] for unit in units if target in unit["possible"]]
        some = None if chance < 0.4 else self._random.sample(able, self._random.randint(1, len(able)))
        if target == LineState.CANCELLED.value and chance < 0.7:
            return self._deed("cancel", order_id, f"/order/cancel/{order_id}", {"product_unit": some}, key=key)
        deed = self._deed("move", order_id, f"/order/move/{order_id}", {}, key=key)
        deed.body |= self._move(target, deed.mark) | {"product_unit": some}
        return deed

    def _move(self, target: str, mark: str) -> dict[str, Any]:
        """The members of a move with everything that it may need."""
        return {
            "to": target,
            "cost": self._random.randint(0, 99),
            "carrier": "Carrier",
            "tracking_number": mark,
        }

    async def _move_many(self) -> None:
        """Moves several orders at once. Each has its own result."""
        orders = self.past.placed
        if not orders:
            return
        target = self._random.choice(_ONWARD[1:])
        deeds = []
        for order_id in self._random.sample(orders, min(len(orders), self._random.randint(1, _MANY_ORDERS))):
            deed = self._deed("moves", order_id, "/order/moves", {})
            deed.moved = False
            deed.body |= self._move(target, deed.mark) | {"order": order_id}
            deeds.append(deed)
        whole = self._deed("moves", 0, "/order/moves", {})
        whole.body = {"moves": [deed.body for deed in deeds]}
        self.past.deeds += deeds
        for deed in deeds:
            deed.lost = True
        results = await self._do(whole, allowed=(200,))
        for deed, result in zip(deeds, results or (), strict=False):
            deed.lost = False
            deed.answer = whole.answer
            deed.moved = result["tracking"] is not None
            if result["problem"] is not None and result["problem"]["code"] != "move_impossible":
                self.note("answers", f"{deed.mark}: {result['problem']}")

    async def _ask_the_impossible(self) -> None:
        """Sends a command that the order may not allow: the shop must refuse it, or carry it out as another one."""
        order_id = await self._some_order()
        if order_id is None:
            return
        tracking = await self.must("GET", f"/order/tracking/{order_id}")
        unit_id = self._random.choice(tracking["product_unit"])["id"]
        chance = self._random.random()
        if chance < 0.3:
            deed = self._deed("payment", order_id, f"/order/payment/{order_id}", {}, key=False)
            deed.body = {"captured": tracking["payment"]["amount_due"] + self._random.randint(1, 9)}
        elif chance < 0.6:
            # Most of them are done already.
            known = [named for named, _ in _refunds(tracking)]
            named = self._random.choice(known) if known and chance < 0.55 else {"product_unit": [unit_id]}
            body = {"to": "done", **named}
            deed = self._deed("refund", order_id, f"/order/refund/{order_id}", body, key=False)
        else:
            deed = self._deed("move", order_id, f"/order/move/{order_id}", {}, key=False)
            target = self._random.choice([state.value for state in LineState])
            deed.body |= self._move(target, deed.mark) | {"product_unit": [unit_id]}
        await self.command(deed)

    def _own_goods(self, *, limited: bool = False) -> tuple[int, Goods]:
        """A unit of those that staff change, more often an early one: several of the staff change it."""
        own = [
            (unit_id, goods)
            for unit_id, goods in self.past.goods.items()
            if goods.by_staff and (goods.stock is not None or not limited)
        ]
        return own[min(self._random.randrange(len(own)), self._random.randrange(len(own)))]

    async def _edit(
        self, kind: str, path: str, object_id: int, field: str, make: Callable[[Any], tuple[Any, Any, dict[str, Any]]]
    ) -> Edit | None:
        """Reads a document and changes it. `make` returns the present value of the field, the new one, and the body.

        None: the shop refused the change, because another one came first, or the response was lost.
        """
        read = await self.ask("GET", path)
        assert read is not None
        document = self.allowed(read, (200,), f"GET {path}").json()
        before, after, body = make(document)
        await asyncio.sleep(self._random.uniform(0, _READING))
        if self._random.random() < 0.03:
            answer = await self.ask("PATCH", path, body)
            assert answer is not None
            self.allowed(answer, (428,), f"PATCH {path} without If-Match")
        edit = Edit(
            kind=kind,
            object_id=object_id,
            actor_id=self.user_id,
            based_on=read.headers["etag"],
            field=field,
            before=before,
            after=after,
        )
        self.past.edits.append(edit)
        answer = await self.ask("PATCH", path, body, headers={"If-Match": edit.based_on})
        assert answer is not None
        edit.status, edit.lost = answer.status_code, self.lost
        self.allowed(answer, (200, 412), f"PATCH {path} {body}")
        return edit if edit.acknowledged else None

    async def _reprice_unit(self) -> None:
        unit_id, goods = self._own_goods()

        def body(unit: Any, price: int) -> tuple[int, int, dict[str, Any]]:
            return unit["final_price"], price, {"final_price": price}

        await self._reprice(goods, "product_unit", f"/product_unit/{unit_id}", unit_id, body)

    async def _change_tariff(self) -> None:
        tariff_id, tariff = self._random.choice(list(self.past.tariffs.items()))

        def body(tariffs: Any, price: int) -> tuple[int, int, dict[str, Any]]:
            shown = tariffs[tariff.kind]
            return shown["price"], price, {tariff.kind: {"price": price, "currency": shown["currency"]["id"]}}

        await self._reprice(tariff, "delivery_tariff", "/delivery_tariffs", tariff_id, body)

    async def _reprice(
        self,
        priced: Priced,
        kind: str,
        path: str,
        object_id: int,
        body: Callable[[Any, int], tuple[int, int, dict[str, Any]]],
    ) -> None:
        """Gives a unit or a delivery a price that it never had. `body` returns the present price, the new one, and the
        body of the change.
        """
        price = self._random.randint(1, 9999)
        while any(price == each for each, _, _ in priced.prices):
            price = self._random.randint(1, 9999)

        def make(document: Any) -> tuple[int, int, dict[str, Any]]:
            priced.offer(price, time.monotonic())
            return body(document, price)

        refused = True
        try:
            edit = await self._edit(kind, path, object_id, "price", make)
            refused = not self.lost
            if edit is not None:
                refused = False
                priced.end(edit.before, time.monotonic())
        except RunEnded:
            refused = False
            raise
        finally:
            if refused:
                priced.withdraw(price)

    async def _change_product(self) -> None:
        """Hides or shows a product, or gives it another brand and another tag. `rel_num` is the mark of the change."""
        unit_id, _ = self._own_goods()
        number = self.past.number()
        names: dict[str, Any] = {}
        if self._random.random() < 0.5:
            for noun in ("brand", "tag"):
                rows = await self.must("GET", f"/{noun}")
                names[f"{noun}s"] = [self._random.choice(rows)["name"]]

        def make(product: Any) -> tuple[int, int, dict[str, Any]]:
            change = names or {"available_flag": not product["available_flag"]}
            return product["rel_num"], number, {"rel_num": number, **change}

        # The first import assigns ids in the order of the file, and each product has one unit.
        await self._edit("product", f"/product/{unit_id}", unit_id, "rel_num", make)

    async def _merge(self) -> None:
        """Merges a brand or a tag into another one, and adds one in its place."""
        noun = self._random.choice(["brand", "tag"])
        deed = self._deed(noun, 0, f"/{noun}", {})
        deed.body = {"name": deed.mark}
        await self.command(deed, allowed=(201,))
        rows = await self.must("GET", f"/{noun}")
        if len(rows) < 2:
            return
        row, into = self._random.sample([row["id"] for row in rows], 2)
        edit = Edit(
            kind=noun, object_id=row, actor_id=self.user_id, based_on="", field="into_id", before=None, after=into
        )
        self.past.edits.append(edit)
        answer = await self.ask("POST", f"/{noun}/{row}/merge/{into}")
        assert answer is not None
        edit.status, edit.lost = answer.status_code, self.lost
        # Another of the staff has merged one of them, or an earlier attempt of this request has.
        self.allowed(answer, (200, 404), f"merge {noun} {row} into {into}")

    async def _enter_stock(self) -> None:
        """Enters pieces that arrived, or were counted: some were lost or found."""
        unit_id, _ = self._own_goods(limited=True)
        path = f"/stock/{unit_id}"
        if self._random.random() < 0.6:
            deed = self._deed("received", unit_id, path, {"received": self._random.randint(1, 3)})
        else:
            left = (await self.must("GET", path))["stock"]
            deed = self._deed("counted", unit_id, path, {"counted": max(0, left + self._random.randint(-1, 2))})
        await self._do(deed, allowed=(201,))

    async def _switch_promo_code(self) -> None:
        """Stops a promo code, or starts it again. Its last day is the mark of the change."""
        found = await self.must("GET", "/promo?limit=100")
        promo_code_id = self._random.choice(found)["id"]
        last_day = (_LAST_DAY - timedelta(days=self.past.number())).isoformat()

        def make(code: Any) -> tuple[str, str, dict[str, Any]]:
            body = {"active_status": not code["active_status"], "active_until_date": last_day}
            return code["active_until_date"], last_day, body

        await self._edit("promo_code", f"/promo/{promo_code_id}", promo_code_id, "active_until", make)


def _refunds(tracking: dict[str, Any]) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """The refunds of an order, each after the members of a request that name it."""
    found: list[tuple[dict[str, Any], Any]] = [
        ({"product_unit": [unit["id"]]}, unit["refund"]) for unit in tracking["product_unit"]
    ]
    found.append(({"delivery": True}, tracking["payment"]["delivery_refund"]))
    return [(named, refund) for named, refund in found if refund]
