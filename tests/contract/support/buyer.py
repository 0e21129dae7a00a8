"""A buyer of the demo shop over HTTP, and functions that change rows of the shop directly."""

from typing import Any

import attrs
import httpx2
import jwt

from sellout_core.shop import Shop
from tests.contract.support.shop import CUSTOMER_ID, STAFF_ID, log_in

ADDRESS = {"address": "Проспект Мира 111", "post_index": "308033"}


@attrs.frozen
class Buyer:
    """A logged-in user over HTTP. In paths, `{me}` stands for the user's id."""

    client: httpx2.Client
    user_id: int
    headers: dict[str, str]

    def request(self, method: str, path: str, **options: Any) -> httpx2.Response:
        """Sends a request and returns the response, whatever its status is."""
        headers = {**self.headers, **options.pop("headers", {})}
        return self.client.request(method, path.format(me=self.user_id), headers=headers, **options)

    def get(self, path: str) -> Any:
        """Asserts that a GET succeeds and returns its document."""
        response = self.request("GET", path)
        assert response.status_code == 200, response.text
        return response.json()

    def cart(self) -> list[int]:
        """The ids of the units in the cart."""
        return [unit["id"] for unit in self.get("/order/cart/{me}")["product_units"]]

    def fill_cart(self, *unit_ids: int) -> None:
        """Puts units into the cart."""
        for unit_id in unit_ids:
            response = self.request("POST", f"/order/cart_add/{{me}}/{unit_id}")
            assert response.status_code == 201, response.text

    def add_address(self) -> int:
        """Adds an address and returns its id."""
        response = self.request("POST", "/user/address/{me}", json=ADDRESS)
        assert response.status_code == 201, response.text
        address_id: int = response.json()["id"]
        return address_id

    def check_out(self, *unit_ids: int, key: str | None = None, **members: Any) -> httpx2.Response:
        """Sends a checkout of the units. The default address is the buyer's first."""
        address_id = members.pop("address_id", None) or self.get("/user/address/{me}")[0]["id"]
        body = order_body(*unit_ids, address_id=address_id, **members)
        headers = {} if key is None else {"Idempotency-Key": key}
        return self.request("POST", "/order/checkout/{me}", json=body, headers=headers)

    def order(self, *unit_ids: int, **members: Any) -> dict[str, Any]:
        """Asserts that a checkout succeeds and returns the order's document."""
        response = self.check_out(*unit_ids, **members)
        assert response.status_code == 201, response.text
        document: dict[str, Any] = response.json()
        return document


def order_body(*unit_ids: int, address_id: int, **members: Any) -> dict[str, Any]:
    """The body of a checkout. A member whose value is `...` is left out."""
    body = {
        "product_unit": list(unit_ids),
        "email": "mail@mail.ru",
        "tel": 77777777777,
        "first_name": "Имя",
        "last_name": "Фамилия",
        "address_id": address_id,
        **members,
    }
    return {name: value for name, value in body.items() if value is not ...}


def staff(client: httpx2.Client) -> Buyer:
    """The staff user of the demo."""
    return Buyer(client, STAFF_ID, log_in(client, "artem"))


def noadmin(client: httpx2.Client) -> Buyer:
    """The customer of the demo, who has one address, one order, and unit 1 in the cart."""
    return Buyer(client, CUSTOMER_ID, log_in(client, "noadmin"))


def newcomer(client: httpx2.Client, username: str) -> Buyer:
    """Registers a user and adds an address."""
    response = client.post("/user/register", json={"username": username, "password": "secret"})
    assert response.status_code == 201, response.text
    access = response.json()["access"]
    user_id = jwt.decode(access, options={"verify_signature": False})["user_id"]
    buyer = Buyer(client, user_id, {"Authorization": f"Bearer {access}"})
    buyer.add_address()
    return buyer


def change_unit(shop: Shop, unit_id: int, **changes: Any) -> None:
    """Changes a product unit in the store."""

    def work(tx: Any) -> None:
        tx.units.save_many([attrs.evolve(tx.units.get_many([unit_id])[unit_id], **changes)])

    shop.store.write(work)


def change_product(shop: Shop, product_id: int, **changes: Any) -> None:
    """Changes a product in the store."""

    def work(tx: Any) -> None:
        tx.products.save_many([attrs.evolve(tx.products.get_many([product_id])[product_id], **changes)])

    shop.store.write(work)


def change_user(shop: Shop, user_id: int, **changes: Any) -> None:
    """Changes a user in the store."""

    def work(tx: Any) -> None:
        tx.users.save(attrs.evolve(tx.users.for_update(user_id), **changes))

    shop.store.write(work)
