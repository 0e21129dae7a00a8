"""The demo shop, served over HTTP."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import attrs
import httpx2

from sellout_adapters import demo
from sellout_adapters.passwords import Argon2Passwords
from sellout_adapters.pictures.memory import MemoryPictures
from sellout_adapters.pictures.rendering import render_picture
from sellout_adapters.system import assemble, system_clock
from sellout_adapters.testing.bank import Bank
from sellout_core.people.accounts import OPERATOR, Session
from sellout_core.ports.store import Store, Transaction
from sellout_core.shop import Policy, Shop
from sellout_core.shopping.guest_carts import fingerprint_of
from sellout_core.use_cases.catalogue.importing.exporting import export_products
from sellout_core.use_cases.events.webhooks import NewWebhook, create_webhook
from sellout_core.values import Clock, ProductUnitId, SessionId, UserId
from sellout_http.app import ShopApplication, create_app
from tests.contract.support.client import client_of
from tests.contract.support.documented import require_documented
from tests.contract.support.mailed import SHOPS
from tests.contract.support.secrecy import GUEST, KEY, REQUEST_LOG, WEBHOOK_SECRET, require_no_secrets

STAFF_ID, CUSTOMER_ID = 1, 2
SESSION_ID = SessionId("0123456789abcdef")
"""A session of the staff, whose tokens do not exist."""

PASSWORDS = {demo.STAFF: demo.PASSWORD, demo.CUSTOMER: demo.PASSWORD, "mail@mail.ru": "пароль"}


@attrs.frozen
class Served:
    """A served shop, with its core and its application."""

    shop: Shop
    client: httpx2.Client
    app: ShopApplication


def shop_over(store: Store, clock: Clock = system_clock) -> Shop:
    """A shop on a store, whatever the store holds. Short passwords are allowed, and hashes are cheap."""
    return attrs.evolve(
        assemble(store, KEY, Policy(min_password_length=6, refuse_common_passwords=False), clock),
        passwords=Argon2Passwords(time_cost=1, memory_kib=8),
        picture_storage=MemoryPictures(),
        render_picture=render_picture,
        payment_provider=Bank(),
    )


def demo_shop(store: Store, clock: Clock = system_clock) -> Shop:
    """Loads the demo, a guest's cart with the units 1 and 2, and a webhook into an empty store."""
    shop = shop_over(store, clock)
    assert demo.load(shop)
    expires_at = shop.clock() + shop.policy.guest_cart_lifetime
    fingerprint, unit_ids = fingerprint_of(GUEST), [ProductUnitId(1), ProductUnitId(2)]
    store.write(lambda tx: tx.guest_carts.add(fingerprint, unit_ids, expires_at))
    session = Session(SESSION_ID, UserId(STAFF_ID), "", datetime(2099, 12, 31, tzinfo=UTC))
    store.write(lambda tx: tx.sessions.add(session))
    create_webhook(
        shop, OPERATOR, NewWebhook(url="https://erp.example/hook", events=("order.overpaid",), secret=WEBHOOK_SECRET)
    )
    return shop


@contextmanager
def serving_shop(shop: Shop, **options: Any) -> Iterator[Served]:
    """Serves a shop. `options` are those of `create_app`. The client fails the test if a response is not in the OpenAPI
    document or holds a secret.
    """
    app = create_app(shop, **{"log": REQUEST_LOG, **options})
    with client_of(app) as client:
        SHOPS[client] = shop
        client.event_hooks = {"response": [require_documented, require_no_secrets]}
        yield Served(shop, client, app)


@contextmanager
def serving_demo(store: Store, **options: Any) -> Iterator[Served]:
    """Loads the demo into an empty store and serves it as `serving_shop` does."""
    with serving_shop(demo_shop(store), **options) as served:
        yield served


def log_in(client: httpx2.Client, user: str) -> dict[str, str]:
    """Logs in and returns the Authorization header."""
    response = client.post("/user/login", json={"username": user, "password": PASSWORDS[user]})
    assert response.status_code == 200, response.text
    return {"Authorization": f"Bearer {response.json()['access']}"}


def problem_of(response: httpx2.Response, status: int, code: str) -> dict[str, Any]:
    """Asserts that a response is a problem document with this status and code. Returns the document."""
    assert response.status_code == status, f"{response.status_code} {response.text}"
    assert response.headers["content-type"] == "application/problem+json"
    document: dict[str, Any] = response.json()
    assert (document["status"], document["code"], document["type"]) == (status, code, f"/problems/{code}")
    assert document["title"]
    assert document["detail"]
    return document


def everything_in(shop: Shop) -> Any:
    """The users, carts, a guest's cart, wishlists, orders, products, pictures, delivery tariffs, webhooks and the
    demo's promo code of a shop, to compare.
    """
    products: list[Any] = []
    export_products(shop, OPERATOR, products.append)

    def work(tx: Transaction) -> Any:
        users = tx.users.after(0, 1_000)
        carts = [tx.carts.of(user.id) for user in users]
        wishlists = [tx.wishlists.of(user.id) for user in users]
        guests = tx.guest_carts.of(fingerprint_of(GUEST))
        pictures = tx.pictures.of_products([product.id for product in tx.products.after(0, 10_000)])
        orders, promo_code = tx.orders.after(0, 1_000), tx.promo_codes.by_code(demo.PROMO_CODE)
        others = tx.delivery_tariffs.all(), tx.subscriptions.all()
        return users, carts, guests, wishlists, orders, promo_code, pictures, others

    storage = shop.picture_storage
    files = storage.names() if isinstance(storage, MemoryPictures) else None
    return products, shop.store.read(work), files
