"""Buyers who send all kinds of requests over HTTP, and record each request and its response."""

import asyncio
import json
import time
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from typing import Any, Final

import httpx2

from tests.consistency.client import Client, RunEnded, UnexpectedResponse
from tests.consistency.history import Answer, Belief, Deed, History, Purchase

_MOST_IN_CART: Final = 6


class Buyer(Client):
    """A buyer who sends random requests, chosen by a seed, and waits for each response."""

    def __init__(self, number: int, past: History, client: httpx2.AsyncClient, until: Callable[[], float]) -> None:
        super().__init__(f"buyer{number}", past, client, until)
        self.number = number
        self.address_id = 0
        self._wishes: list[int] = []
        self._orders: list[int] = []
        self._bought = 0
        self._others: Sequence[Buyer] = ()

    @property
    def cart(self) -> Belief:
        """The units that the buyer expects in the cart."""
        return self.past.carts.setdefault(self.user_id, Belief())

    def set_others(self, others: Sequence["Buyer"]) -> None:
        """Sets the buyers whose objects this buyer tries to read and change."""
        self._others = [other for other in others if other is not self]

    async def register(self) -> None:
        """Registers, or logs in if the user exists already, and adds an address."""
        await super().register()
        address = await self.must("POST", self.mine("/user/address/{}"), self._address(), allowed=(201,))
        self.address_id = address["id"]

    def mine(self, path: str) -> str:
        """The path with the buyer's id."""
        return path.format(self.user_id)

    async def shop(self, going_on: Callable[[], bool]) -> None:
        """Sends requests until `going_on` returns false."""
        does: list[tuple[int, Callable[[], Coroutine[Any, Any, None]]]] = [
            (10, self._browse),
            (6, self._view_card),
            (4, self._wish),
            (24, self._fill_cart),
            (4, self._empty_cart),
            (2, self._shop_as_guest),
            (30, self.check_out),
            (4, self._check_code),
            (6, self._read_orders),
            (5, self._cancel),
            (3, self._send_back),
            (4, self._read_own),
            (2, self._move),
            (6, self._try_others_objects),
            (1, self._refresh),
            (1, self._log_out),
        ]
        weights = [weight for weight, _ in does]
        try:
            while going_on():
                [(_, do)] = self._random.choices(does, weights)
                with suppress(UnexpectedResponse):
                    await do()
        except RunEnded:
            return

    async def _browse(self) -> None:
        await self.must("GET", f"/product/all/{self._random.randint(1, 3)}")
        # Staff may hide the product.
        await self.must(
            "GET", f"/product_unit/product/{self._random.choice(list(self.past.goods))}", allowed=(200, 404)
        )

    async def _view_card(self) -> None:
        product_id = self._listed()
        await self.must("GET", f"/product_unit/product_main/{product_id}/{self.user_id}")
        seen = await self.must("GET", self.mine("/user/last_seen/{}"))
        if not seen or seen[0]["id"] != product_id:
            self.note(
                "answers", f"{self.name} looked at {product_id}, and last seen is {[each['id'] for each in seen]}"
            )

    async def _wish(self) -> None:
        product_id = self._listed()
        chance = self._random.random()
        if self._wishes and chance < 0.4:
            await self.must("DELETE", f"/wishlist/delete/{self._wishes.pop()}", allowed=(200, 404))
        elif chance < 0.7:
            wish = await self.must("POST", f"/wishlist/add_no_size/{self.user_id}/{product_id}", allowed=(200, 201))
            self._wishes = [*{*self._wishes, wish["id"]}]
            # The product has one size, which may be in the wishlist already.
            path = f"/wishlist/change_size/{self.user_id}/{wish['id']}/{await self._size_of(product_id)}"
            await self.must("POST", path, allowed=(200, 409))
        else:
            path = f"/wishlist/add/{self.user_id}/{product_id}/{await self._size_of(product_id)}"
            wish = await self.must("POST", path, allowed=(200, 201))
            self._wishes = [*{*self._wishes, wish["id"]}]
        shown = await self.must("GET", self.mine("/wishlist/{}"))
        if sorted(each["id"] for each in shown) != sorted(self._wishes):
            self.note("answers", f"{self.name} wishes for {self._wishes}, and sees {[each['id'] for each in shown]}")

    def _listed(self) -> int:
        """A product that staff do not hide."""
        return self._random.choice([number for number, goods in self.past.goods.items() if not goods.by_staff])

    def _refuses(self, unit_id: int, status: int) -> bool:
        """Whether the shop may refuse to add a unit to a cart with this status: it is sold out, or hidden."""
        return status == 409 or (status == 404 and self.past.goods[unit_id].by_staff)

    async def _size_of(self, product_id: int) -> int:
        [unit] = await self.must("GET", f"/product_unit/product/{product_id}")
        size_id: int = unit["size"]["id"]
        return size_id

    async def _fill_cart(self) -> None:
        for _ in range(self._random.randint(1, 3)):
            unit_id = self._random.choice(list(self.past.goods))
            if len(self.cart.certain) < _MOST_IN_CART and unit_id not in self.cart.uncertain:
                await self.put(unit_id)

    async def put(self, unit_id: int) -> None:
        """Adds a unit to the cart, if it is available."""
        self._in_flight = False
        answer = await self.ask("POST", f"/order/cart_add/{self.user_id}/{unit_id}")
        assert answer is not None
        self._note_belated(unit_id)
        if answer.status_code in (200, 201):
            self.cart.certain.add(unit_id)
        elif not self._refuses(unit_id, answer.status_code):
            self.note("answers", f"{self.name} cannot take {unit_id}: {answer.status_code} {answer.text[:300]}")

    async def _empty_cart(self) -> None:
        if self.cart.certain:
            await self._take_out(self._random.choice(sorted(self.cart.certain)))

    async def _shop_as_guest(self) -> None:
        """Adds a unit to a guest's cart, and logs in with its token: no later attempt adds the unit again."""
        unit_id = self._random.choice(list(self.past.goods))
        if len(self.cart.certain) >= _MOST_IN_CART or unit_id in self.cart.uncertain:
            return
        answer = await self.ask("POST", f"/order/guest_cart_add/{unit_id}", anon=True)
        assert answer is not None
        if answer.status_code == 201:
            await self.log_in(answer.headers["x-cart-token"])
            self.cart.certain.add(unit_id)
        elif not self._refuses(unit_id, answer.status_code):
            self.note("answers", f"a guest cannot take {unit_id}: {answer.status_code} {answer.text[:300]}")

    async def _take_out(self, unit_id: int) -> None:
        # If a response was lost, the unit may already be removed.
        self._in_flight = False
        await self.must("DELETE", f"/order/cart_delete/{self.user_id}/{unit_id}", allowed=(200, 404))
        self._note_belated(unit_id)
        self.cart.certain.discard(unit_id)

    def _note_belated(self, unit_id: int) -> None:
        if self._in_flight:
            self.cart.belated.add(unit_id)

    async def _check_code(self) -> None:
        wanted = self._some_of_the_cart()
        if wanted:
            body = {"promo_code": self._random.choice(list(self.past.codes)), "product_unit": wanted}
            await self.must("POST", self.mine("/promo/check/{}"), body, allowed=(200, 409, 422))

    def _some_of_the_cart(self) -> list[int]:
        certain = sorted(self.cart.certain)
        return self._random.sample(certain, min(len(certain), self._random.randint(1, 3)))

    async def check_out(self) -> None:
        """Orders a part of the cart. One checkout in ten is sent several times at once, four in ten have a
        promo code, and half of them a delivery.
        """
        wanted = self._some_of_the_cart()
        if not wanted:
            await self._fill_cart()
            return
        self._bought += 1
        mark = f"{self.name}-{self._bought}"
        chance = self._random.random
        code = self._random.choice(list(self.past.codes)) if chance() < 0.4 else None
        delivery, fee = self._delivery() if chance() < 0.5 else (None, 0)
        known = sum(self.past.goods[unit_id].prices[-1][0] for unit_id in wanted) + fee
        purchase = Purchase(
            mark=mark,
            buyer_id=self.user_id,
            key=None if chance() < 0.1 else f"key of {mark}",
            unit_ids=tuple(wanted),
            code=code,
            ceiling=known if chance() < 0.25 else None,
            address_id=self.address_id,
            delivery=delivery,
            recipient=self._recipient(mark) if chance() < 0.3 else None,
            begun=time.monotonic(),
        )
        copies = self._random.randint(2, 4) if chance() < 0.1 else 1
        await self.send(purchase, copies)
        if purchase.acknowledged and purchase.key and chance() < 0.1:
            await self._send_once_more(purchase)

    def _delivery(self) -> tuple[dict[str, Any], int]:
        """A delivery, and its fee as far as the buyer knows."""
        tariff = self._random.choice(list(self.past.tariffs.values()))
        place = {"pick_up_point": f"MSK-{self._random.randint(1, 9)}"}
        delivery = {
            "kind": tariff.kind,
            "one_parcel": self._random.random() < 0.5,
            **(place if tariff.kind == "pick_up_point" else {"address": self._address()}),
        }
        return delivery, fee_of(tariff.prices[-1][0])

    def _recipient(self, mark: str) -> dict[str, Any]:
        return {"name": mark, "surname": f"of {self.name}", "telephone": "79990001133"}

    async def send(self, purchase: Purchase, copies: int = 1) -> None:
        """Sends this number of copies of a checkout at once, and records what the buyer knows afterwards."""
        self.past.purchases.append(purchase)
        wanted = set(purchase.unit_ids)
        # Before the outcome is known, each unit is either in the cart or ordered.
        self.cart.certain -= wanted
        self.cart.uncertain |= wanted
        await asyncio.gather(*(self._send(purchase) for _ in range(copies)))
        purchase.ended = time.monotonic()
        if purchase.acknowledged:
            self._orders.append(json.loads(purchase.acknowledged[0])["id"])
            self.past.placed.append(self._orders[-1])
        elif purchase.unknown:
            return
        else:
            self.cart.certain |= wanted
        self.cart.uncertain -= wanted
        if any(answer.status == 409 and "unavailable" in answer.text for answer in purchase.answers):
            for unit_id in wanted & self.cart.certain:
                await self._take_out(unit_id)

    async def _send(self, purchase: Purchase) -> None:
        path, once = self.mine("/order/checkout/{}"), purchase.key is None
        try:
            answer = await self.ask("POST", path, _body(purchase), key=purchase.key, once=once)
        except RunEnded:
            answer = None
        if answer is None:
            purchase.unknown += 1
        else:
            purchase.answers.append(Answer(answer.status_code, answer.text))
            if answer.status_code not in (201, 409, 422):
                self.note("answers", f"{purchase.mark}: {answer.status_code} {answer.text[:300]}")

    async def repeat(self, purchase: Purchase) -> Answer:
        """Sends a checkout and returns the response."""
        answer = await self.ask("POST", self.mine("/order/checkout/{}"), _body(purchase), key=purchase.key)
        assert answer is not None
        return Answer(answer.status_code, answer.text)

    async def _send_once_more(self, purchase: Purchase) -> None:
        """The same request must get the same response. A different request under the same key must be refused."""
        await self._send(purchase)
        other = {**_body(purchase), "last_name": "Another"}
        answer = await self.ask("POST", self.mine("/order/checkout/{}"), other, key=purchase.key)
        if answer is not None and answer.status_code != 422:
            self.note("answers", f"{purchase.mark}: another body under its key: {answer.status_code}")

    async def _read_orders(self) -> None:
        orders = await self.must("GET", "/order/user_orders")
        for order in orders:
            if order["user"]["id"] != self.user_id:
                self.note("isolation", f"{self.name} sees order {order['id']} of user {order['user']['id']}")
        if not set(self._orders) <= {order["id"] for order in orders}:
            self.note("answers", f"{self.name} does not see all of the orders {self._orders}")
        if self._orders:
            order_id = self._random.choice(self._orders)
            await self.must("GET", f"/order/info/{order_id}")
            await self.must("GET", f"/order/tracking/{order_id}")

    async def _cancel(self) -> None:
        """Cancels units of an order, or the whole order. The shop refuses units that staff have confirmed."""
        await self._ask_for("cancel", lambda unit: "cancelled" in unit["possible"])

    async def _send_back(self) -> None:
        """Asks to return delivered units."""
        await self._ask_for("return", lambda unit: unit["state"] == "delivered")

    async def _ask_for(self, kind: str, suits: Callable[[dict[str, Any]], bool]) -> None:
        if not self._orders:
            return
        order_id = self._random.choice(self._orders)
        units = (await self.must("GET", f"/order/tracking/{order_id}"))["product_unit"]
        wanted = [unit["id"] for unit in units if suits(unit)]
        # A buyer asks in vain at times: the shop must refuse.
        if not wanted and self._random.random() < 0.8:
            return
        some = self._random.sample(wanted, self._random.randint(1, len(wanted))) if wanted else None
        mark = f"{self.name} {kind} {self.past.number()}"
        deed = Deed(
            kind=kind,
            mark=mark,
            actor_id=self.user_id,
            object_id=order_id,
            path=f"/order/{kind}/{order_id}",
            body={"reason": mark, "product_unit": some},
            key=None if self._random.random() < 0.2 else f"key of {mark}",
        )
        await self.command(deed)

    async def _read_own(self) -> None:
        me = await self.must("GET", self.mine("/user_info/{}"))
        cart = await self.must("GET", self.mine("/order/cart/{}"))
        for owner in (me, cart["user"]):
            if owner["username"] != self.name:
                self.note("isolation", f"{self.name} is shown {owner['username']}")
        there = {unit["id"] for unit in cart["product_units"]}
        if not self.cart.allows(there):
            self.note("answers", f"{self.name} has {self.cart} in the cart, and sees {there}")

    async def _move(self) -> None:
        addresses = await self.must("GET", self.mine("/user/address/{}"))
        for address in addresses:
            if not address["address"].endswith(self.name):
                self.note("isolation", f"{self.name} sees the address {address}")
        spare = [address["id"] for address in addresses if address["id"] != self.address_id]
        if spare and self._random.random() < 0.5:
            path = f"/user/address/{self.user_id}/{spare[0]}"
            await self.must("PUT", path, self._address())
        elif spare:
            await self.must("DELETE", f"/user/address/{self.user_id}/{spare[0]}", allowed=(200, 404))
        else:
            await self.must("POST", self.mine("/user/address/{}"), self._address(), allowed=(201,))

    async def _try_others_objects(self) -> None:
        """Tries to read or change an object of another user."""
        other = self._random.choice(self._others)
        tries = [
            ("GET", f"/order/cart/{other.user_id}", None),
            ("GET", f"/order/user_orders/{other.user_id}", None),
            ("GET", f"/user_info/{other.user_id}", None),
            ("GET", f"/user/address/{other.user_id}", None),
            ("GET", f"/wishlist/{other.user_id}", None),
            ("GET", "/order/orders", None),
            ("GET", "/user", None),
            ("POST", f"/order/cart_add/{other.user_id}/{self._random.choice(list(self.past.goods))}", None),
            ("PUT", f"/user/address/{self.user_id}/{other.address_id}", self._address()),
            ("DELETE", f"/user/address/{other.user_id}/{other.address_id}", None),
            ("POST", f"/order/checkout/{other.user_id}", self._anothers_checkout(other)),
        ]
        if other._orders:
            theirs = self._random.choice(other._orders)
            tries += [
                ("GET", f"/order/info/{theirs}", None),
                ("GET", f"/order/tracking/{theirs}", None),
                ("GET", f"/order/history/{theirs}", None),
                ("POST", f"/order/cancel/{theirs}", {}),
                ("POST", f"/order/return/{theirs}", {}),
                ("POST", f"/order/payment/{theirs}", {"captured": 1}),
                ("POST", f"/order/move/{theirs}", {"to": "confirmed"}),
                ("POST", f"/order/refund/{theirs}", {"to": "done"}),
            ]
        method, path, body = self._random.choice(tries)
        answer = await self.ask(method, path, body)
        if answer is not None and answer.status_code not in (403, 404):
            self.note("isolation", f"{self.name}: {method} {path}: {answer.status_code} {answer.text[:200]}")

    def _anothers_checkout(self, other: "Buyer") -> dict[str, Any]:
        unit_ids = sorted(other.cart.certain)[:1] or [1]
        return {
            "product_unit": unit_ids,
            "email": "mail@mail.ru",
            "tel": "79990001122",
            "first_name": f"{self.name} for {other.name}",
            "last_name": "",
            "address_id": other.address_id,
        }

    async def _refresh(self) -> None:
        answer = await self.ask("POST", "/user/token/refresh", {"refresh": self._tokens["refresh"]}, anon=True)
        if answer is not None and answer.status_code == 200:
            self._tokens = answer.json()
            await self.must("POST", "/user/token/verify", {"token": self._tokens["access"]})
        else:
            # The response to an earlier refresh was lost, and its token is used.
            await self.log_in()

    async def _log_out(self) -> None:
        await self.must("POST", "/user/logout")
        await self.log_in()

    def _address(self) -> dict[str, str]:
        return {"address": f"{self._random.randint(1, 99)} street of {self.name}", "post_index": "308033"}


def _body(purchase: Purchase) -> dict[str, Any]:
    return {
        "product_unit": purchase.unit_ids,
        "email": "mail@mail.ru",
        "tel": "79990001122",
        "first_name": purchase.mark,
        "last_name": "Buyer",
        "address_id": purchase.address_id,
        "promo_code": purchase.code,
        "total_amount": purchase.ceiling,
        "recipient": purchase.recipient,
        "delivery": purchase.delivery,
    }


def fee_of(price: int) -> int:
    """The delivery fee: the carrier's price, up to the next multiple of 50 (docs/http-contract.md#delivery)."""
    return (price + 49) // 50 * 50
