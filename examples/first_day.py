"""The first day of a shop, over HTTP alone: it fills an empty shop, sells, and checks every figure of the shop.

    export SELLOUT_ADMIN_PASSWORD='a password of your own'
    sellout create-admin --username boss
    sellout serve
    python examples/first_day.py http://127.0.0.1:8000 boss

The command `sellout create-admin` makes the first superuser of a shop. The script needs httpx2 and Pillow. It keeps to
the default rate limits of the shop, and waits as long as the shop says if one is exceeded. If a figure is wrong, it
prints the figure and ends with exit code 1.
"""
# ruff: noqa: INP001, T201 - a script, which prints

import io
import os
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx2
from PIL import Image

PRODUCTS = 200
PIECES = 5
PROMO_CODE = "OPENING"
ATTEMPTS = 5

Figures = dict[str, tuple[object, object]]
"""Figures of the shop by name, each with the expected value."""


@dataclass
class User:
    """A logged-in user. In paths, `{me}` stands for the user's id."""

    http: httpx2.Client
    id: int
    headers: dict[str, str]

    def send(self, method: str, path: str, expected: int = 200, **options: Any) -> httpx2.Response:
        """Sends a request and returns the response, which must have the expected status."""
        headers = self.headers | options.pop("headers", {})
        return send(self.http, method, path.format(me=self.id), expected, headers=headers, **options)

    def get(self, path: str) -> Any:
        """Reads a document."""
        return self.send("GET", path).json()

    def post(self, path: str, body: Any = None, expected: int = 200, key: str = "") -> Any:
        """Posts a body. The idempotency key makes it safe to send the request again."""
        content = {} if body is None else {"json": body}
        return self.send("POST", path, expected, headers={"Idempotency-Key": key or str(uuid4())}, **content).json()

    def change(self, path: str, **members: Any) -> None:
        """Changes a document in the version that is read now. The shop refuses the change of an older version."""
        tag = self.send("GET", path).headers["ETag"]
        self.send("PATCH", path, headers={"If-Match": tag}, json=members)


@dataclass
class Unit:
    """A product unit as it must be."""

    id: int
    product: int
    price: int
    stock: int = PIECES
    hidden: bool = False


@dataclass
class Day:
    """What was done in the shop. The expected figures follow from it."""

    boss: User
    promo_code: int = 0
    units: list[Unit] = field(default_factory=list[Unit])
    orders: dict[str, int] = field(default_factory=dict[str, int])
    audit: Counter[str] = field(default_factory=Counter[str])


def send(http: httpx2.Client, method: str, path: str, expected: int, **options: Any) -> httpx2.Response:
    """Sends a request, and sends it again later if a rate limit is exceeded or the shop is overloaded."""
    response = http.request(method, path, **options)
    for _ in range(ATTEMPTS):
        if response.status_code not in (429, 503):
            break
        time.sleep(float(response.headers.get("Retry-After", 1)))
        response = http.request(method, path, **options)
    if response.status_code != expected:
        sys.exit(f"{method} {path}: the status is {response.status_code}, expected {expected}: {response.text}")
    return response


def require(figures: Figures) -> None:
    """Ends the script if a figure is wrong."""
    wrong = [
        f"{name}: {found}, expected {expected}" for name, (found, expected) in figures.items() if found != expected
    ]
    if wrong:
        sys.exit("\n".join(wrong))


# People


def logged_in(http: httpx2.Client, path: str, expected: int, **body: str) -> User:
    """Logs in or registers a user."""
    tokens = send(http, "POST", path, expected, json=body).json()
    user = User(http, 0, {"Authorization": f"Bearer {tokens['access']}"})
    user.id = user.get("/user_info")["id"]
    return user


def register(http: httpx2.Client, name: str) -> User:
    """Registers a buyer with an address and a telephone number."""
    password = f"{name} likes sneakers"
    buyer = logged_in(http, "/user/register", 201, username=name, password=password, first_name=name.title())
    address = buyer.post("/user/address/{me}", {"address": "Проспект Мира 111", "post_index": "308033"}, 201)
    buyer.change("/user_info", tel="+79990001122", main_address_id=address["id"])
    return buyer


# The catalogue


def add_reference_rows(day: Day) -> None:
    """Brands, categories and so on. The genders `M` and `F` are in every shop."""
    rows = {"brand": ["Nike", "Adidas", "Puma"], "tag": ["New"], "currency": ["RUB"], "delivery_type": ["Plane"]}
    for noun, names in rows.items():
        for name in names:
            day.boss.post(f"/{noun}", {"name": name}, 201)
            day.audit[f"create {noun}"] += 1
    day.boss.post("/platform", {"platform": "Poizon", "site": "https://poizon.example"}, 201)
    shoes = day.boss.post("/category", {"name": "Shoes"}, 201)["id"]
    day.boss.post("/category", {"name": "Sneakers", "parent_id": shoes}, 201)
    day.audit.update({"create platform": 1, "create category": 2})


def batch(day: Day, changes: list[dict[str, Any]], *, atomic: bool = True) -> list[dict[str, Any]]:
    """Sends many changes in one request, and returns the result of each."""
    results: list[dict[str, Any]] = day.boss.post("/product/batch", {"changes": changes, "atomic": atomic})["results"]
    return results


def add_products(day: Day) -> None:
    """All products, and then a unit of each."""
    products = batch(day, [{"kind": "create_product", "body": product(number)} for number in range(PRODUCTS)])
    # Ten percent of each price are a whole number, so a discount is not rounded.
    day.units = [Unit(0, added["id"], price=1_000 + 100 * number) for number, added in enumerate(products)]
    units = batch(day, [{"kind": "create_unit", "body": product_unit(unit)} for unit in day.units])
    for unit, added in zip(day.units, units, strict=True):
        unit.id = added["id"]
    day.audit.update({"create product": PRODUCTS, "create product_unit": PRODUCTS})


def product(number: int) -> dict[str, Any]:
    """The body of a product."""
    return {
        "sku": f"SNEAKER-{number:03}",
        "name": f"Sneaker {number}",
        "gender": "MF"[number % 2],
        "add_date": "2026-01-31",
        "brands": [("Nike", "Adidas", "Puma")[number % 3]],
        "categories": ["Sneakers"],
        "tags": ["New"] if number % 5 == 0 else [],
    }


def product_unit(unit: Unit) -> dict[str, Any]:
    """The body of a product unit."""
    return {
        "product": unit.product,
        "size": dict.fromkeys(("INT", "US", "UK", "EU", "IT", "RU"), "42"),
        "final_price": unit.price,
        "currency": "RUB",
        "delivery_type": "Plane",
        "platform": "Poizon",
        "site": "https://poizon.example",
        "stock": unit.stock,
    }


def add_pictures(day: Day) -> None:
    """A picture of each product. It changes the product, whose `bucket_link` is the address of its first picture."""
    for number, unit in enumerate(day.units):
        file = io.BytesIO()
        Image.new("RGB", (40, 30), (number, 255 - number, 100)).save(file, "PNG")
        headers = {"Content-Type": "image/png", "Idempotency-Key": str(uuid4())}
        day.boss.send("POST", f"/product/{unit.product}/images", 201, content=file.getvalue(), headers=headers)
    day.audit["update product"] += PRODUCTS


def raise_prices(day: Day, units: list[Unit]) -> None:
    """Raises prices by 500, each with its own result. The last change is based on an old version and is refused."""
    tags = [day.boss.send("GET", f"/product_unit/{unit.id}").headers["ETag"] for unit in units]
    changes = [
        {"kind": "change_unit", "id": unit.id, "if_match": tag, "body": {"final_price": unit.price + 500}}
        for unit, tag in zip(units, tags, strict=True)
    ]
    results = batch(day, [*changes, changes[0]], atomic=False)
    require({"changes of prices": ([result["status"] for result in results], [200] * len(units) + [412])})
    for unit in units:
        unit.price += 500
    day.audit["update product_unit"] += len(units)


def count_stock(day: Day, missing: Unit, arrived: Unit) -> None:
    """Three pieces of a unit are on the shelf, and ten pieces of another one arrive."""
    day.boss.post(f"/stock/{missing.id}", {"counted": 3, "reason": "Two were damaged."}, 201)
    day.boss.post(f"/stock/{arrived.id}", {"received": 10}, 201)
    missing.stock, arrived.stock = 3, arrived.stock + 10


def hide_product(day: Day, unit: Unit, buyer: User) -> None:
    """Hides a product. Buyers do not see it any more, and cannot buy it."""
    day.boss.change(f"/product/{unit.product}", available_flag=False)
    unit.hidden = True
    day.audit["update product"] += 1
    buyer.send("GET", f"/product_unit/product/{unit.product}", 404)
    buyer.post(f"/order/cart_add/{{me}}/{unit.id}", expected=404)


# Orders


def start_promotion(day: Day) -> None:
    """Makes a promo code that takes off ten percent."""
    code = {
        "string_representation": PROMO_CODE,
        "owner_id": day.boss.id,
        "discount_percentage": 10,
        "max_activation_count": 50,
        "active_until_date": (datetime.now(UTC) + timedelta(days=30)).date().isoformat(),
    }
    day.promo_code = day.boss.post("/promo", code, 201)["id"]
    day.audit["create promo_code"] += 1


def fill_cart(buyer: User, units: list[Unit]) -> None:
    """Puts units into the cart."""
    for unit in units:
        buyer.post(f"/order/cart_add/{{me}}/{unit.id}", expected=201)


def check_out(buyer: User, units: list[Unit], promo_code: str | None = None, expected: int = 201) -> dict[str, Any]:
    """Orders units of the cart, for the total of the cart at most. Sends the order twice, as a client does that got no
    response. The idempotency key makes it one order.
    """
    profile = buyer.get("/user_info")
    body = {
        "product_unit": [unit.id for unit in units],
        "email": f"{profile['username']}@mail.example",
        "tel": profile["tel"],
        "first_name": profile["first_name"],
        "last_name": profile["last_name"],
        "address_id": profile["main_address_id"],
        "promo_code": promo_code,
        "total_amount": buyer.get("/order/cart/{me}")["total_amount"],
    }
    key = str(uuid4())
    first, again = (buyer.post("/order/checkout/{me}", body, expected, key) for _ in range(2))
    require({"a repeated checkout": (again, first)})
    for unit in units if expected == 201 else []:
        unit.stock -= 1
    answer: dict[str, Any] = first
    return answer


def buy(buyer: User, units: list[Unit], promo_code: str | None = None) -> int:
    """Puts units into the cart and orders them. Returns the id of the order."""
    fill_cart(buyer, units)
    order: int = check_out(buyer, units, promo_code)["id"]
    return order


def give_up(buyer: User, order: int, units: list[Unit]) -> None:
    """Cancels an order that staff have not confirmed. Its pieces and its use of the promo code come back."""
    buyer.post(f"/order/cancel/{order}", {"reason": "The wrong size."})
    for unit in units:
        unit.stock += 1


def stop_promotion(day: Day, buyer: User, units: list[Unit]) -> int:
    """Stops the promo code, which refuses a checkout. The buyer orders without it. Returns the id of the order."""
    day.boss.change(f"/promo/{day.promo_code}", active_status=False)
    day.audit["update promo_code"] += 1
    fill_cart(buyer, units)
    refusal = check_out(buyer, units, PROMO_CODE, expected=422)
    require({"the code of a checkout with a stopped promo code": (refusal["code"], "promo_code_inactive")})
    order: int = check_out(buyer, units)["id"]
    return order


def fulfil(day: Day, order: int, sold_out: Unit) -> None:
    """Enters the payment of an order. One unit cannot be had, and its share is paid back. The others are delivered."""
    due = day.boss.get(f"/order/tracking/{order}")["payment"]["amount_due"]
    day.boss.post(f"/order/payment/{order}", {"captured": due})
    day.boss.post(f"/order/move/{order}", {"to": "confirmed"})
    day.boss.post(f"/order/cancel/{order}", {"product_unit": [sold_out.id], "reason": "It is sold out."})
    day.boss.post(f"/order/refund/{order}", {"to": "done"})
    sold_out.stock += 1
    parcel = {"to": "handed_over", "carrier": "CDEK", "tracking_number": "1234567890"}
    way: list[dict[str, Any]] = [{"to": state} for state in ("in_transit_hub", "in_transit_moscow", "arrived")]
    for move in [{"to": "purchased", "cost": 700}, *way, parcel, {"to": "delivered"}]:
        day.boss.post(f"/order/move/{order}", move)


# Figures


def catalogue_figures(day: Day) -> Figures:
    """The products, their pictures and prices, and the stock of each unit."""
    guest, products = day.boss.http, day.boss.get("/product")
    pictures = [product["bucket_link"] for product in products if product["bucket_link"]]
    pages = [send(guest, "GET", f"/product/all/{page}?page_size=100", 200).json()["items"] for page in (1, 2)]
    prices = {card["id"]: card["min_price"] for page in pages for card in page}
    figures: Figures = {
        "products": (len(products), PRODUCTS),
        "pictures": (len(pictures), PRODUCTS),
        "type of a picture": (send(guest, "GET", pictures[0], 200).headers["Content-Type"], "image/webp"),
        "prices of listed products": (prices, {unit.product: unit.price for unit in day.units if not unit.hidden}),
    }
    for unit in day.units:
        figures[f"stock of unit {unit.id}"] = (day.boss.get(f"/stock/{unit.id}")["stock"], unit.stock)
    return figures


def order_figures(day: Day) -> Figures:
    """The orders, the sales, a payment, the promo code and the buyers."""
    boss, today = day.boss, datetime.now(UTC).date()
    # The shop's time zone may be ahead of UTC or behind it.
    period = f"from={today - timedelta(days=1)}&to={today + timedelta(days=2)}"
    buyers = [user for user in boss.get("/user") if not user["is_staff"]]
    payment = boss.get(f"/order/tracking/{day.orders['discounted']}")["payment"]
    return {
        # Three units of 1,000, 1,100 and 1,200 less ten percent, one of 1,300, and one before and after its new price.
        "totals of orders": (
            {name: boss.get(f"/order/info/{order}")[0]["total_amount"] for name, order in day.orders.items()},
            {"discounted": 2_970, "given up": 1_170, "old price": 2_000, "new price": 2_500, "without code": 1_300},
        ),
        # The cancelled unit of 1,200 and the order that was given up do not count.
        "sales": (
            boss.get(f"/report/sales?{period}&by=day")["totals"],
            [{"currency": "RUB", "orders": 4, "units": 5, "revenue": 7_690, "discounts": 210}],
        ),
        "payment": (
            {name: payment[name] for name in ("amount_due", "captured", "refunded")},
            {"amount_due": 0, "captured": 2_970, "refunded": 1_080},
        ),
        "activations of the promo code": (boss.get(f"/promo/{day.promo_code}")["activation_count"], 1),
        "purchases of buyers": (
            {buyer["username"]: buyer["all_purchase_amount"] for buyer in buyers},
            {"anna": 1_890, "boris": 0, "vera": 0},
        ),
    }


def audit_figures(day: Day) -> Figures:
    """How often the staff user changed each kind of object."""
    entries = day.boss.get(f"/audit?user={day.boss.id}")
    return {"audit": (Counter(f"{entry['action']} {entry['kind']}" for entry in entries), day.audit)}


def check(day: Day) -> None:
    """Compares every figure of the shop with what was done."""
    require(catalogue_figures(day) | order_figures(day) | audit_figures(day))


def trade(http: httpx2.Client, username: str, password: str) -> Day:
    """Fills an empty shop, and trades in it for a day."""
    day = Day(logged_in(http, "/user/login", 200, username=username, password=password))
    require({"products of an empty shop": (len(day.boss.get("/product")), 0)})
    add_reference_rows(day)
    add_products(day)
    add_pictures(day)
    start_promotion(day)
    units = day.units
    anna, boris, vera = (register(http, name) for name in ("anna", "boris", "vera"))
    day.orders["discounted"] = buy(anna, units[:3], PROMO_CODE)
    day.orders["given up"] = buy(boris, units[3:4], PROMO_CODE)
    give_up(boris, day.orders["given up"], units[3:4])
    day.orders["old price"] = buy(vera, units[10:11])
    raise_prices(day, units[10:20])
    day.orders["new price"] = buy(vera, units[10:11])
    count_stock(day, units[20], units[21])
    day.orders["without code"] = stop_promotion(day, boris, units[3:4])
    hide_product(day, units[30], vera)
    fulfil(day, day.orders["discounted"], units[2])
    return day


def main(url: str, username: str, password: str) -> Day:
    """Trades in the shop at a URL, as that staff user, and checks the figures."""
    try:
        with httpx2.Client(base_url=url, timeout=60) as http:
            day = trade(http, username, password)
            check(day)
    except httpx2.TransportError as error:
        sys.exit(f"{url} cannot be reached: {error}")
    print(f"{PRODUCTS} products and {len(day.orders)} orders: every figure is right.")
    return day


if __name__ == "__main__":
    if len(sys.argv) != 3 or "SELLOUT_ADMIN_PASSWORD" not in os.environ:
        sys.exit(__doc__)
    main(sys.argv[1], sys.argv[2], os.environ["SELLOUT_ADMIN_PASSWORD"])
