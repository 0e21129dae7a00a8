"""The demo shop, served over real HTTP: what every test that speaks HTTP begins with."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import attrs
import httpx2

from sellout_adapters import demo
from sellout_adapters.passwords import Argon2Passwords
from sellout_adapters.system import assemble, system_clock
from sellout_core.accounts import OPERATOR
from sellout_core.ports.store import Store, Transaction
from sellout_core.shop import Policy, Shop
from sellout_core.use_cases.importing.exporting import export_products
from sellout_core.values import Clock
from sellout_http.app import ShopApplication, create_app
from tests.contract.support.client import client_of
from tests.contract.support.documented import require_documented
from tests.contract.support.secrecy import KEY, REQUEST_LOG, require_discreet

STAFF_ID, CUSTOMER_ID = 1, 2
PASSWORDS = {demo.STAFF: demo.PASSWORD, demo.CUSTOMER: demo.PASSWORD, "mail@mail.ru": "пароль"}


@attrs.frozen
class Served:
    """A shop on a real socket, and the shop and its application themselves to look behind the answers."""

    shop: Shop
    client: httpx2.Client
    app: ShopApplication


def shop_over(store: Store, clock: Clock = system_clock) -> Shop:
    """A shop over whatever a store holds, with the demo's short passwords and cheap hashes."""
    return attrs.evolve(
        assemble(store, KEY, Policy(min_password_length=6, refuse_common_passwords=False), clock),
        passwords=Argon2Passwords(time_cost=1, memory_kib=8),
    )


def demo_shop(store: Store, clock: Clock = system_clock) -> Shop:
    """The demo shop in an empty store."""
    shop = shop_over(store, clock)
    assert demo.load(shop)
    return shop


@contextmanager
def serving_shop(shop: Shop, **options: Any) -> Iterator[Served]:
    """A shop, served; the options are `create_app`'s. The client fails a test that gets an answer which the OpenAPI
    document does not have, or which holds a secret.
    """
    app = create_app(shop, **{"log": REQUEST_LOG, **options})
    with client_of(app) as client:
        client.event_hooks = {"response": [require_documented, require_discreet]}
        yield Served(shop, client, app)


@contextmanager
def serving_demo(store: Store, **options: Any) -> Iterator[Served]:
    """The demo shop, put into an empty store and served as `serving_shop` does."""
    with serving_shop(demo_shop(store), **options) as served:
        yield served


def log_in(client: httpx2.Client, user: str) -> dict[str, str]:
    """The header of a logged-in user."""
    response = client.post("/user/login", json={"username": user, "password": PASSWORDS[user]})
    assert response.status_code == 200, response.text
    return {"Authorization": f"Bearer {response.json()['access']}"}


def problem_of(response: httpx2.Response, status: int, code: str) -> dict[str, Any]:
    """Asserts that an answer is the problem document of that status and code, and gives it."""
    assert response.status_code == status, f"{response.status_code} {response.text}"
    assert response.headers["content-type"] == "application/problem+json"
    document: dict[str, Any] = response.json()
    assert (document["status"], document["code"], document["type"]) == (status, code, f"/problems/{code}")
    assert document["title"]
    assert document["detail"]
    return document


def everything_in(shop: Shop) -> Any:
    """All that a shop holds for its users, to compare."""
    products: list[Any] = []
    export_products(shop, OPERATOR, products.append)

    def work(tx: Transaction) -> Any:
        users = tx.users.after(0, 1_000)
        carts = [tx.carts.of(user.id) for user in users]
        wishlists = [tx.wishlists.of(user.id) for user in users]
        return users, carts, wishlists, tx.orders.after(0, 1_000), tx.promo_codes.by_code(demo.PROMO_CODE)

    return products, shop.store.read(work)
