"""The attacks: their requests, their number of connections, and how long a buyer may wait meanwhile."""

import json
import random
import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlencode

import attrs

from benchmarks import catalogue
from benchmarks.catalogue import SEED
from benchmarks.load import Request
from benchmarks.people import HOT, Buyer, Person, register, shop_over
from benchmarks.shops import Loaded
from sellout_adapters.testing.scene import PASSWORD, checkout_request
from sellout_core.people.accounts import OPERATOR
from sellout_core.ports.store import Transaction
from sellout_core.shop import Shop
from sellout_core.shopping.ordering import NewOrder
from sellout_core.use_cases.people import sessions
from sellout_core.use_cases.shopping import carts, wishlists
from sellout_core.use_cases.shopping.checkout import check_out
from sellout_core.values import MAX_CART, MAX_PAGE_SIZE, MAX_WISHLIST, ProductUnitId

ORDERS: Final = 10_000

_DISTINCT: Final = 500
"""The number of different requests of an attack, where they differ."""

_LONG_QUERY: Final = 31 * 1024


@attrs.frozen
class Target:
    """The attacked shop, and a customer with a full cart, a full wishlist and many orders."""

    shop: Loaded
    hoarder: Person
    units: Sequence[ProductUnitId]
    refresh: str


Requests = Callable[[Target], Sequence[bytes]]


@attrs.frozen
class Attack:
    """One attack.

    Attributes:
        name: Its name in the table and on the command line.
        connections: The number of its connections.
        requests: The requests of its connections.
        behaviour: The name of a function of `benchmarks.attacker`.
        beside: The baseline of the buyer's p99: the control, or the shop alone.
        log_ins: Whether the measured requests are log-ins.
    """

    name: str
    connections: int
    requests: Requests
    behaviour: str = "ask"
    beside: str = "control"
    log_ins: bool = False


def furnish_target(shop: Loaded) -> Target:
    """Adds the customer of the target to a shop."""
    made = shop_over(shop.store)
    buyer = shop.people.buyers[-1]
    hoarder = register(made, "hoarder")
    tokens = sessions.log_in(made, "hoarder", PASSWORD)
    _order_often(made, buyer)

    def sizes(tx: Transaction) -> Sequence[Any]:
        products = tx.products.after(0, MAX_WISHLIST)
        return tx.units.of_products([product.id for product in products])

    units = made.store.read(sizes)
    places = {(unit.product_id, unit.size_id): unit.id for unit in units}
    for product_id, size_id in list(places)[:MAX_WISHLIST]:
        wishlists.add_to_wishlist(made, OPERATOR, hoarder.user_id, product_id, size_id)
    in_cart = [unit.id for unit in units[:MAX_CART]]
    for unit_id in in_cart:
        carts.add_to_cart(made, OPERATOR, hoarder.user_id, unit_id)
    return Target(shop, hoarder, in_cart, tokens.refresh)


def _order_often(made: Shop, buyer: Buyer) -> None:
    """Adds `ORDERS` copies of one order of the buyer."""
    unit_id = buyer.unit_ids[0]
    carts.add_to_cart(made, OPERATOR, buyer.user_id, unit_id)
    placed = check_out(made, OPERATOR, buyer.user_id, checkout_request(buyer.address_id, unit_id)).order
    new = NewOrder(**{name: getattr(placed, name) for name in attrs.fields_dict(NewOrder)})

    def work(tx: Transaction) -> None:
        for _ in range(ORDERS - 1):
            tx.orders.add(new)

    made.store.write(work)


def _encoded(request: Request, more_headers: Mapping[str, str] | None = None, body: bytes | None = None) -> bytes:
    content = body or (b"" if request.body is None else json.dumps(request.body).encode())
    headers = {"Host": "127.0.0.1", **request.headers(), **(more_headers or {})}
    if content or request.method != "GET":
        headers |= {"Content-Type": "application/json", "Content-Length": str(len(content))}
    lines = [f"{request.method} {request.path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode() + content


def _get(*paths: str) -> Requests:
    return lambda _: [_encoded(Request(path)) for path in paths]


def _personal(path: str) -> Requests:
    def requests(target: Target) -> Sequence[bytes]:
        hoarder = target.hoarder
        return [_encoded(Request(path.format(user_id=hoarder.user_id), hoarder.token))]

    return requests


def _facets(_: Target) -> Sequence[bytes]:
    chance = random.Random(SEED)  # noqa: S311 - not for cryptography
    prices = [chance.randrange(3_000, 60_000) for _ in range(_DISTINCT)]
    return [_encoded(Request(f"/product/facets?price_min={price}")) for price in prices]


def _searches(_: Target) -> Sequence[bytes]:
    chance = random.Random(SEED)  # noqa: S311 - not for cryptography
    return [
        _encoded(
            Request(
                "/product/all/1?"
                + urlencode(
                    {
                        "brand": chance.choice(catalogue.BRANDS),
                        "size": f"EU:{chance.randint(36, 47)}",
                        "price_max": chance.randrange(3_000, 60_000),
                    }
                )
            )
        )
        for _ in range(_DISTINCT)
    ]


def _deep_pages(target: Target) -> Sequence[bytes]:
    chance = random.Random(SEED)  # noqa: S311 - not for cryptography
    last = max(1, target.shop.people.listed // MAX_PAGE_SIZE)
    numbers = [chance.randint(1, last) for _ in range(_DISTINCT)]
    return [_encoded(Request(f"/product/all/{number}?page_size={MAX_PAGE_SIZE}")) for number in numbers]


def _nested(length: int) -> Requests:
    body = b"[" * (length // 2) + b"]" * (length // 2)
    return lambda _: [_encoded(Request("/user/token/verify", method="POST"), body=body)]


def _refused_log_ins(_: Target) -> Sequence[bytes]:
    return [
        _encoded(
            Request(
                "/user/login", method="POST", body={"username": f"nobody{number}", "password": secrets.token_hex(8)}
            )
        )
        for number in range(_DISTINCT)
    ]


def _refreshes(target: Target) -> Sequence[bytes]:
    return [_encoded(Request("/user/token/refresh", method="POST", body={"refresh": target.refresh}))]


def _promo_check(target: Target) -> Sequence[bytes]:
    body = {"promo_code": HOT, "product_unit": list(target.units)}
    return [_encoded(Request(f"/promo/check/{target.hoarder.user_id}", target.hoarder.token, "POST", body))]


def _own_orders(target: Target) -> Sequence[bytes]:
    return [_encoded(Request("/order/user_orders", target.shop.people.buyers[-1].token))]


def _slow_body(_: Target) -> Sequence[bytes]:
    begun = _encoded(Request("/user/login", method="POST"), {"Content-Length": "4096"}, body=b"{")
    return [begun[:-1] + b"\0" + b"{" + b" " * 4000]


CONTROL: Final = _get("/product/all/1")
"""The request of the control: a cached page."""

ATTACKS: Final = (
    Attack("unread", 1030, CONTROL, "read_nothing", "alone"),
    Attack("idle", 1100, CONTROL, "send_nothing", "alone"),
    Attack("slow-headers", 200, lambda _: [b"GET / HTTP/1.1\r\n\0X-Padding: " + b"x" * 4000], "send_slowly", "alone"),
    Attack("slow-bodies", 200, _slow_body, "send_slowly", "alone"),
    Attack("facets", 100, _facets, "leave"),
    Attack("searches", 100, _searches, "leave"),
    Attack("nested-4k", 50, _nested(4 * 1024)),
    Attack("nested-64k", 50, _nested(64 * 1024 - 2)),
    Attack("long-queries", 50, _get("/product/all/1?" + "a&" * (_LONG_QUERY // 2))),
    Attack("log-ins", 100, _refused_log_ins),
    Attack("log-ins-of-others", 100, _refused_log_ins, log_ins=True),
    Attack("refreshes", 100, _refreshes),
    Attack("wishlist", 50, _personal("/wishlist/{user_id}")),
    Attack("cart", 50, _personal("/order/cart/{user_id}")),
    Attack("orders", 50, _own_orders),
    Attack("promo-check", 50, _promo_check),
    Attack("documentation", 100, _get("/docs/swagger-ui-bundle.js", "/docs", "/openapi.json")),
    Attack("problems", 100, _get("/problems")),
    Attack("deep-pages", 100, _deep_pages),
)
