"""Reads the final state of the shop over HTTP."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Final, TypeVar

from tests.consistency.buyers import Buyer
from tests.consistency.client import Client
from tests.consistency.history import Deed, Purchase
from tests.consistency.history import Final as End
from tests.consistency.staff import Staff

_AT_ONCE: Final = 16
_REPEATED: Final = 200
T = TypeVar("T")


async def read_back(admin: Client, buyers: Sequence[Buyer], staff: Sequence[Staff], final: End) -> None:
    """Reads everything that the laws are about, repeats acknowledged requests, and places a further order with each
    promo code.

    Raises:
        UnexpectedResponse: a response is not the expected one. It is recorded.
    """
    past = admin.past
    await _each(lambda buyer: _read_buyer(buyer, final), buyers)
    final.orders = await admin.must("GET", "/order/orders")
    await _each(lambda order: _read_order(admin, order["id"], final), final.orders)
    await _each(lambda unit_id: _read_unit(admin, unit_id, final), past.goods)
    final.audit = await admin.must("GET", "/audit")
    final.products = await admin.must("GET", "/product")
    final.promo_codes = await admin.must("GET", "/promo")
    final.tariffs = await admin.must("GET", "/delivery_tariffs")
    final.facets = await admin.must("GET", "/product/facets")
    for noun in ("brand", "tag"):
        final.references[noun] = await admin.must("GET", f"/{noun}")
    senders: dict[int, Client] = {user.user_id: user for user in (*buyers, *staff)}
    await _each(lambda purchase: _repeat_purchase(purchase, buyers, final), past.purchases)
    done = [deed for deed in past.deeds if deed.acknowledged and deed.key is not None and deed.moved is None]
    await _each(lambda deed: _repeat_deed(deed, senders, final), done[-_REPEATED:])
    await _probe(admin, buyers[0], final)
    final.is_whole = True


async def _each(read: Callable[[T], Awaitable[None]], things: Iterable[T]) -> None:
    gate = asyncio.Semaphore(_AT_ONCE)

    async def gated(thing: T) -> None:
        async with gate:
            await read(thing)

    await asyncio.gather(*map(gated, things))


async def _read_buyer(buyer: Buyer, final: End) -> None:
    final.orders_of[buyer.user_id] = await buyer.must("GET", "/order/user_orders")
    cart = await buyer.must("GET", buyer.mine("/order/cart/{}"))
    final.carts[buyer.user_id] = [unit["id"] for unit in cart["product_units"]]


async def _read_order(admin: Client, order_id: int, final: End) -> None:
    final.tracking[order_id] = await admin.must("GET", f"/order/tracking/{order_id}")
    final.histories[order_id] = await admin.must("GET", f"/order/history/{order_id}")


async def _read_unit(admin: Client, unit_id: int, final: End) -> None:
    final.ledger[unit_id] = await admin.must("GET", f"/stock/{unit_id}")
    final.units[unit_id] = await admin.must("GET", f"/product_unit/{unit_id}")


async def _repeat_purchase(purchase: Purchase, buyers: Sequence[Buyer], final: End) -> None:
    if purchase.key is not None and purchase.acknowledged:
        [buyer] = [buyer for buyer in buyers if buyer.user_id == purchase.buyer_id]
        final.replays[purchase.mark] = await buyer.repeat(purchase)


async def _repeat_deed(deed: Deed, senders: dict[int, Client], final: End) -> None:
    final.repeats[deed.mark] = await senders[deed.actor_id].again(deed)


async def _probe(admin: Client, buyer: Buyer, final: End) -> None:
    """Places one further order with each promo code, which shows the activation count."""
    [unit_id] = list(admin.past.goods)[:1]
    for promo_code in final.promo_codes:
        if not promo_code["active_status"]:
            path = f"/promo/{promo_code['id']}"
            started = await admin.ask("PATCH", path, {"active_status": True}, headers={"If-Match": "*"})
            assert started is not None
            admin.allowed(started, (200,), path)
    for name in admin.past.codes:
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
            final.probes[name] = json.loads(answer.text)["promo_code"]["activation_count"]
        elif answer.status == 422 and "promo_code_used_up" in answer.text:
            final.probes[name] = None
        else:
            buyer.note("answers", f"{purchase.mark}: {answer}")
