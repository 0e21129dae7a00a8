"""Carts of guests over HTTP, on every store (docs/http-contract.md#guest-cart)."""

from collections.abc import Iterator
from datetime import timedelta
from ipaddress import ip_network
from typing import Any, Final

import attrs
import httpx2
import pytest

from sellout_adapters import demo
from sellout_adapters.testing.scene import HeldClock
from sellout_core.ports.store import Store
from sellout_core.shopping.guest_carts import fingerprint_of
from sellout_http.api.rate_limits import Limits
from sellout_http.middleware.forwarded_headers import Proxies
from tests.contract.support.buyer import Buyer, change_unit, newcomer, noadmin, staff
from tests.contract.support.secrecy import GUEST
from tests.contract.support.shop import Served, demo_shop, everything_in, log_in, problem_of, serving_shop

pytestmark = pytest.mark.http

# Unit 14 of the demo is unavailable. Unit 35 is of a product that is not listed. Unit 3 is in no cart.
UNAVAILABLE, UNLISTED, FREE = 14, 35, 3
CART: Final = "/order/guest_cart"
LOG_IN: Final = {"username": demo.CUSTOMER, "password": demo.PASSWORD}
LIMITS: Final = Limits(guest_carts_per_address=10, refused_promo_codes=10)


@attrs.frozen
class Guest:
    """A buyer who is not logged in, with the token of a cart."""

    client: httpx2.Client
    token: str

    def request(self, method: str, path: str, **options: Any) -> httpx2.Response:
        headers = {"X-Cart-Token": self.token, **options.pop("headers", {})}
        return self.client.request(method, path, headers=headers, **options)

    def add(self, unit_id: int) -> httpx2.Response:
        return self.request("POST", f"/order/guest_cart_add/{unit_id}")

    def remove(self, unit_id: int) -> httpx2.Response:
        return self.request("DELETE", f"/order/guest_cart_delete/{unit_id}")

    def check(self, code: str, *unit_ids: int, **options: Any) -> httpx2.Response:
        body = {"promo_code": code, "product_unit": unit_ids}
        return self.request("POST", "/promo/check_guest", json=body, **options)

    def cart(self) -> list[int]:
        response = self.request("GET", CART)
        assert response.status_code == 200, response.text
        return [unit["id"] for unit in response.json()["product_units"]]


def new_guest(client: httpx2.Client, *unit_ids: int) -> Guest:
    """A guest whose cart has these units."""
    response = client.post(f"/order/guest_cart_add/{unit_ids[0]}")
    assert response.status_code == 201, response.text
    guest = Guest(client, response.headers["x-cart-token"])
    for unit_id in unit_ids[1:]:
        assert guest.add(unit_id).status_code == 201
    return guest


def test_a_guest_fills_and_empties_a_cart(client: httpx2.Client) -> None:
    created = client.post("/order/guest_cart_add/1")
    guest = Guest(client, created.headers["x-cart-token"])
    again, second = guest.add(1), guest.add(FREE)
    assert [response.status_code for response in (created, again, second)] == [201, 200, 201]
    assert again.content == created.content
    assert "x-cart-token" not in {**again.headers, **second.headers}
    assert guest.cart() == [1, FREE]
    removed = guest.remove(1)
    assert (removed.status_code, removed.content) == (200, created.content)
    problem_of(guest.remove(1), 404, "not_found")
    assert guest.cart() == [FREE]


def test_a_guests_cart_has_the_members_of_a_users(client: httpx2.Client) -> None:
    buyer, guest = newcomer(client, "anna@mail.ru"), new_guest(client, 1, FREE)
    buyer.fill_cart(1, FREE)
    own, guests = buyer.get("/order/cart/{me}"), guest.request("GET", CART).json()
    assert list(guests) == list(own)
    assert guests["product_units"] == own["product_units"]
    assert list(guests["user"]) == list(own["user"])
    assert guests["user"]["id"] == 0
    assert {str(value) for name, value in guests["user"].items() if name != "id"} == {"", "None", "False", "0", "[]"}


def test_a_guests_units_obey_the_rules_of_a_users(client: httpx2.Client) -> None:
    guest = new_guest(client, 1)
    for add in (guest.add, lambda unit_id: client.post(f"/order/guest_cart_add/{unit_id}")):
        assert problem_of(add(UNAVAILABLE), 409, "unavailable")["unavailable"] == [UNAVAILABLE]
        problem_of(add(UNLISTED), 404, "not_found")
        problem_of(add(987_654_321), 404, "not_found")
    assert guest.cart() == [1]


def test_a_guest_checks_a_promo_code_as_a_user_does(client: httpx2.Client) -> None:
    buyer, guest = newcomer(client, "anna@mail.ru"), new_guest(client, 1, FREE)
    buyer.fill_cart(1, FREE)
    for unit_ids, code in (
        ((1, FREE), demo.PROMO_CODE),
        ((FREE,), demo.PROMO_CODE.lower()),
        ((1,), "none"),
        ((2,), demo.PROMO_CODE),
    ):
        body = {"promo_code": code, "product_unit": unit_ids}
        asked = buyer.request("POST", "/promo/check/{me}", json=body)
        answered = guest.check(code, *unit_ids)
        assert (answered.status_code, answered.content) == (asked.status_code, asked.content)


BAD: Final[dict[str, list[str | bytes]]] = {
    "none": [],
    "empty": [""],
    "short": ["0" * 31],
    "long": ["0" * 33],
    "10 KB": ["0" * 10_240],
    "capitals": [GUEST.upper()],
    "no hexadecimal digits": ["g" * 32],
    "quoted": [f'"{GUEST}"'],
    "the id of the cart": ["1"],
    "not ASCII": ["0" * 31 + "é"],
    "no text": [b"\xff" * 32],
    "twice": [GUEST, GUEST],
    "two": [GUEST, "0" * 32],
    "joined": [f"{GUEST}, {GUEST}"],
    "a fingerprint": [fingerprint_of(GUEST)],
}


def calls(client: httpx2.Client, tokens: list[str | bytes], authorization: dict[str, str]) -> Iterator[httpx2.Response]:
    """The responses of all operations on a guest's cart to these tokens."""
    headers: Any = [("X-Cart-Token", each.encode() if isinstance(each, str) else each) for each in tokens]
    headers += authorization.items()
    yield client.get(CART, headers=headers)
    yield client.delete("/order/guest_cart_delete/1", headers=headers)
    check = {"promo_code": demo.PROMO_CODE, "product_unit": [1]}
    yield client.post("/promo/check_guest", headers=headers, json=check)
    if tokens:
        yield client.post(f"/order/guest_cart_add/{FREE}", headers=headers)


@pytest.mark.parametrize("name", BAD)
def test_a_malformed_token_is_a_422(shared: Served, name: str) -> None:
    """It changes nothing, for a user with an access token, too."""
    before = everything_in(shared.shop)
    code = "required" if name == "none" else "repeated" if len(BAD[name]) > 1 else "malformed"
    for authorization in ({}, {"Authorization": f"Bearer {_pair(shared.client)['access']}"}):
        for response in calls(shared.client, BAD[name], authorization):
            (field,) = problem_of(response, 422, "invalid_fields")["fields"]
            assert field == {"header": "X-Cart-Token", "detail": field["detail"], "code": code}
    assert _without_log_ins(everything_in(shared.shop)) == _without_log_ins(before)


def test_an_unknown_token_is_a_404(shared: Served) -> None:
    """A token that another guest could have is refused as one that never was."""
    before = everything_in(shared.shop)
    for token in ("0" * 32, GUEST[::-1], GUEST[:-1] + "0"):
        for response in calls(shared.client, [token], {}):
            problem_of(response, 404, "guest_cart_unknown")
            assert response.headers["cache-control"] == "no-store"
    assert everything_in(shared.shop) == before


def test_an_access_token_is_no_token_of_a_cart(shared: Served) -> None:
    for token in _pair(shared.client).values():
        for response in calls(shared.client, [token], {}):
            problem_of(response, 422, "invalid_fields")


def test_an_expired_cart_is_a_404(timed: Served, clock: HeldClock) -> None:
    guest = new_guest(timed.client, FREE)
    clock.advance(days=30, microseconds=-1)
    assert guest.cart() == [FREE]
    clock.advance(microseconds=1)
    for response in calls(timed.client, [guest.token], {}):
        problem_of(response, 404, "guest_cart_unknown")
    assert guest.request("POST", "/user/login", json=LOG_IN).status_code == 200
    assert FREE not in noadmin(timed.client).cart()


def test_the_database_has_no_token(served: Served) -> None:
    guest = new_guest(served.client, 1)
    store = served.shop.store
    assert store.read(lambda tx: tx.guest_carts.of(guest.token)) is None
    cart = store.read(lambda tx: tx.guest_carts.of(fingerprint_of(guest.token)))
    assert cart is not None
    assert guest.token not in str(attrs.asdict(cart))


def test_a_log_in_merges_a_guests_cart_once(client: httpx2.Client) -> None:
    buyer, boris = newcomer(client, "anna@mail.ru"), newcomer(client, "boris@mail.ru")
    buyer.fill_cart(2)
    guest = new_guest(client, 1, 2, FREE)
    body = {"username": "anna@mail.ru", "password": "secret"}
    for _ in range(2):
        assert guest.request("POST", "/user/login", json=body).status_code == 200
        assert buyer.cart() == [2, 1, FREE]
    assert guest.request("POST", "/user/login", json={**body, "username": "boris@mail.ru"}).status_code == 200
    assert boris.cart() == []
    problem_of(guest.request("GET", CART), 404, "guest_cart_unknown")


def test_a_registration_merges_a_guests_cart(client: httpx2.Client) -> None:
    guest = new_guest(client, 1, FREE)
    body = {"username": "anna@mail.ru", "password": "long enough"}
    pair = guest.request("POST", "/user/register", json=body)
    assert pair.status_code == 201
    authorization = {"Authorization": f"Bearer {pair.json()['access']}"}
    user_id = client.get("/user_info", headers=authorization).json()["id"]
    assert Buyer(client, user_id, authorization).cart() == [1, FREE]
    problem_of(guest.request("POST", "/user/register", json=body), 409, "username_taken")
    problem_of(guest.request("GET", CART), 404, "guest_cart_unknown")


@pytest.mark.parametrize("name", [*BAD, "unknown"])
def test_no_log_in_is_refused_because_of_a_token_of_a_cart(shared: Served, name: str) -> None:
    buyer = noadmin(shared.client)
    before = buyer.cart()
    tokens = BAD.get(name, ["0" * 32])
    headers: Any = [("X-Cart-Token", each.encode() if isinstance(each, str) else each) for each in tokens]
    assert shared.client.post("/user/login", json=LOG_IN, headers=headers).status_code == 200
    assert buyer.cart() == before
    assert Guest(shared.client, GUEST).cart() == [1, 2]


def test_a_refused_log_in_leaves_the_guests_cart(client: httpx2.Client) -> None:
    guest = new_guest(client, 1)
    problem_of(guest.request("POST", "/user/login", json={**LOG_IN, "password": "wrong"}), 401, "bad_credentials")
    problem_of(guest.request("POST", "/user/login", json={}), 422, "invalid_fields")
    taken = {"username": demo.CUSTOMER, "password": "long enough"}
    problem_of(guest.request("POST", "/user/register", json=taken), 409, "username_taken")
    assert guest.cart() == [1]


def test_other_requests_with_a_token_merge_nothing(client: httpx2.Client) -> None:
    """Only a log-in and a registration do."""
    guest = new_guest(client, FREE)
    pair = _pair(client)
    assert guest.request("POST", "/user/token/refresh", json={"refresh": pair["refresh"]}).status_code == 200
    buyer = noadmin(client)
    buyer.request("GET", "/order/cart/{me}", headers={"X-Cart-Token": guest.token})
    assert FREE not in buyer.cart()
    assert guest.cart() == [FREE]


def test_no_document_of_a_guest_is_cached(served: Served) -> None:
    """Two guests at one path get their own carts, and a change is seen at once."""
    one, other = new_guest(served.client, 1), new_guest(served.client, FREE)
    for guest, unit_id in ((one, 1), (other, FREE), (one, 1)):
        response = guest.request("GET", CART)
        assert [unit["id"] for unit in response.json()["product_units"]] == [unit_id]
        assert response.headers["cache-control"] == "no-store"
        assert "etag" not in response.headers
        head = guest.request("HEAD", CART, headers={"If-None-Match": "*"})
        assert (head.status_code, head.headers["cache-control"]) == (200, "no-store")
    change_unit(served.shop, 1, price=777)
    assert one.request("GET", CART).json()["product_units"][0]["final_price"] == 777


@pytest.fixture
def limited(store: Store, clock: HeldClock) -> Iterator[Served]:
    """The demo shop behind a trusted proxy, with rate limits and a clock that the test sets."""
    proxies = Proxies([ip_network("127.0.0.1")])
    with serving_shop(demo_shop(store, clock), limits=LIMITS, proxies=proxies) as served:
        yield served


def test_ten_carts_a_minute_from_one_address(limited: Served, clock: HeldClock) -> None:
    """Additions to a cart do not count."""
    client, guest = limited.client, Guest(limited.client, GUEST)
    assert [client.post("/order/guest_cart_add/1").status_code for _ in range(10)] == [201] * 10
    refused = client.post("/order/guest_cart_add/1")
    problem_of(refused, 429, "too_many_requests")
    assert refused.headers["ratelimit-policy"] == '"guest_carts_per_address";q=10;w=60'
    assert "x-cart-token" not in refused.headers
    assert [guest.add(unit_id).status_code for unit_id in (1, FREE)] == [200, 201]
    assert client.post("/order/guest_cart_add/1", headers={"X-Forwarded-For": "192.0.2.1"}).status_code == 201
    clock.advance(seconds=60)
    assert client.post("/order/guest_cart_add/1").status_code == 201


def test_guests_of_an_address_guess_ten_promo_codes_in_ten_minutes(limited: Served, clock: HeldClock) -> None:
    """A new cart gives no new guesses. Codes that are accepted do not count."""
    guests = [Guest(limited.client, GUEST), new_guest(limited.client, 1)]
    for n in range(10):
        assert guests[n % 2].check(demo.PROMO_CODE, 1).status_code == 200
        problem_of(guests[n % 2].check(f"guess {n}", 1), 422, "promo_code_unknown")
    for guest in guests:
        problem_of(guest.check(demo.PROMO_CODE, 1), 429, "too_many_requests")
    assert guests[0].check(demo.PROMO_CODE, 1, headers={"X-Forwarded-For": "192.0.2.1"}).status_code == 200
    buyer = noadmin(limited.client)
    body = {"promo_code": demo.PROMO_CODE, "product_unit": buyer.cart()}
    assert buyer.request("POST", "/promo/check/{me}", json=body).status_code == 200
    clock.now += timedelta(minutes=10)
    assert guests[0].check(demo.PROMO_CODE, 1).status_code == 200


def test_staff_see_what_guests_put_into_no_list(client: httpx2.Client) -> None:
    """Carts of guests belong to no user."""
    new_guest(client, FREE)
    assert FREE not in staff(client).cart()
    assert client.get(CART, headers=log_in(client, demo.STAFF)).status_code == 422


def _pair(client: httpx2.Client) -> dict[str, str]:
    pair: dict[str, str] = client.post("/user/login", json=LOG_IN).json()
    return pair


def _without_log_ins(everything: Any) -> Any:
    """The shop without its users, whose `last_login` changes."""
    products, (_, *others), files = everything
    return products, others, files
