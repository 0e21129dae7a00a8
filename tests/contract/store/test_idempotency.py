"""Checkouts that are sent again, at the same time or later, on every store; and shops that are restarted."""

from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import httpx2
import pytest

from sellout_adapters.testing.scene import HeldClock
from tests.contract.conftest import PERSISTENT
from tests.contract.support.buyer import Buyer, newcomer, noadmin, order_body, staff
from tests.contract.support.shop import Served, demo_shop, everything_in, problem_of, serving_shop, shop_over

AT_ONCE = 50


@pytest.fixture
def buyer(client: httpx2.Client) -> Buyer:
    """The demo's customer with units 1 and 2 in the cart, which cost 107."""
    user = noadmin(client)
    user.fill_cart(2)
    return user


def at_once(calls: Sequence[Callable[[], httpx2.Response]]) -> list[httpx2.Response]:
    """Makes the calls at the same time and returns the responses."""
    with ThreadPoolExecutor(len(calls)) as pool:
        return [future.result() for future in [pool.submit(call) for call in calls]]


def test_a_key_gets_the_first_answer_again(buyer: Buyer) -> None:
    """The response is the same byte for byte, whatever has changed since, and however the JSON is formatted. There is
    one order.
    """
    first = buyer.check_out(1, 2, key="a key", address_id=2, promo_code="SALE")
    assert first.status_code == 201
    buyer.request("DELETE", "/user/address/{me}/2")
    buyer.fill_cart(1, 2)
    body = dict(reversed(order_body(1, 2, address_id=2, promo_code="SALE", tel="77777777777").items()))
    for path in ("/order/checkout/{me}", "/cart/checkout/{me}", "/api/v1/order/checkout/{me}/"):
        again = buyer.request("POST", path, json=body, headers={"Idempotency-Key": "a key"})
        assert (again.status_code, again.content) == (201, first.content)
        assert again.headers["content-type"] == "application/json"
    assert len(buyer.get("/order/user_orders")) == 2
    assert buyer.cart() == [1, 2]


def test_a_key_stands_for_one_body(served: Served, buyer: Buyer) -> None:
    """A different body with the same key gets a 422 and changes nothing."""
    first = buyer.check_out(1, key="a key")
    assert first.status_code == 201
    buyer.fill_cart(1)
    before = everything_in(served.shop)
    others: list[tuple[tuple[int, ...], dict[str, Any]]] = [
        ((2,), {}),
        ((1, 2), {}),
        ((1,), {"promo_code": "SALE"}),
        ((1,), {"promo_code": "NOPE"}),
        ((1,), {"total_amount": 7}),
        ((1,), {"first_name": "Другая"}),
        ((1,), {"address_id": 1}),
        ((4,), {}),
    ]
    for unit_ids, members in others:
        problem_of(buyer.check_out(*unit_ids, key="a key", **members), 422, "idempotency_key_reused")
    assert everything_in(served.shop) == before
    assert buyer.check_out(1, key="a key").content == first.content
    assert buyer.check_out(1, key="A key").json()["id"] == first.json()["id"] + 1


def test_a_key_is_its_buyers_own(client: httpx2.Client) -> None:
    """Another buyer may use the same key for another order."""
    buyers = [newcomer(client, name) for name in ("anna", "boris")]
    for buyer in buyers:
        buyer.fill_cart(2)
    first, second = (buyer.check_out(2, key="a key") for buyer in buyers)
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json()["id"] != second.json()["id"]
    assert [buyer.check_out(2, key="a key").content for buyer in buyers] == [first.content, second.content]
    assert [len(buyer.get("/order/user_orders")) for buyer in buyers] == [1, 1]


def test_a_refusal_is_not_kept(buyer: Buyer) -> None:
    """The key stays unused, so the same or another request may succeed later."""
    assert buyer.check_out(4, key="a key").status_code == 409
    assert buyer.check_out(1, key="a key", promo_code="NOPE").status_code == 422
    buyer.fill_cart(4)
    first = buyer.check_out(4, key="a key")
    assert first.status_code == 201
    assert buyer.check_out(4, key="a key").content == first.content


def test_an_answer_is_kept_a_day(timed: Served, clock: HeldClock) -> None:
    """After a day the key is unused again, and the cart is checked."""
    buyer = noadmin(timed.client)
    first = buyer.check_out(1, key="a key")
    clock.advance(hours=24, seconds=-1)
    buyer = noadmin(timed.client)
    assert buyer.check_out(1, key="a key").content == first.content
    clock.advance(seconds=1)
    buyer = noadmin(timed.client)
    problem_of(buyer.check_out(1, key="a key"), 409, "not_in_cart")
    buyer.fill_cart(1)
    assert buyer.check_out(1, key="a key").json()["id"] == first.json()["id"] + 1


def test_identical_requests_with_a_key_get_one_order(buyer: Buyer) -> None:
    """All of them get the same response."""
    answers = at_once([lambda: buyer.check_out(1, 2, key="a key", address_id=2, promo_code="SALE")] * AT_ONCE)
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert len(buyer.get("/order/user_orders")) == 2
    assert answers[0].json()["promo_code"]["activation_count"] == 6
    assert buyer.cart() == []


def test_identical_requests_without_a_key_get_one_order_too(buyer: Buyer) -> None:
    """One of them is ordered. The others are refused, because the cart is empty."""
    answers = at_once([lambda: buyer.check_out(1, 2, address_id=2)] * AT_ONCE)
    assert Counter(answer.status_code for answer in answers) == {201: 1, 409: AT_ONCE - 1}
    for answer in answers:
        if answer.status_code == 409:
            assert problem_of(answer, 409, "not_in_cart")["not_in_cart"] == [1, 2]
    assert len(buyer.get("/order/user_orders")) == 2


def test_a_promo_code_is_not_overrun_nor_stock_oversold(client: httpx2.Client) -> None:
    """As many of the simultaneous checkouts succeed as there are activations or pieces."""
    buyers = [newcomer(client, f"buyer{number}") for number in range(8)]
    for buyer in buyers:
        buyer.fill_cart(2, 5)
    addresses = {buyer.user_id: buyer.get("/user/address/{me}")[0]["id"] for buyer in buyers}

    def race(unit_id: int, **members: Any) -> Counter[tuple[int, str | None]]:
        answers = at_once(
            [partial(buyer.check_out, unit_id, address_id=addresses[buyer.user_id], **members) for buyer in buyers]
        )
        return Counter((answer.status_code, answer.json().get("code")) for answer in answers)

    assert race(2, promo_code="SALE") == {(201, None): 5, (422, "promo_code_used_up"): 3}
    assert race(5) == {(201, None): 2, (409, "unavailable"): 6}
    orders = staff(client).get("/order/orders")
    assert max(order["promo_code"]["activation_count"] for order in orders if order["promo_code"]) == 10


def test_an_answer_kept_for_staff_shows_the_buyer_no_more_than_their_own(client: httpx2.Client) -> None:
    """Staff order for a buyer, who repeats the request with the same key. The buyer must not see the promo code's
    owner.
    """
    buyer, boss = newcomer(client, "buyer"), staff(client)
    buyer.fill_cart(2)
    as_staff = Buyer(client, buyer.user_id, boss.headers)
    address_id = buyer.get("/user/address/{me}")[0]["id"]
    first = as_staff.check_out(2, key="a key", promo_code="SALE", address_id=address_id)
    again = buyer.check_out(2, key="a key", promo_code="SALE", address_id=address_id)
    assert (first.status_code, again.content) == (201, first.content)
    assert again.json()["promo_code"]["owner"]["username"] == ""


@pytest.mark.parametrize("kind", PERSISTENT)
def test_a_shop_that_starts_again_has_everything(kind: str, tmp_path: Path) -> None:
    """A user registers, browses and orders. After a restart every response is the same, the response to the repeated
    checkout included.
    """
    with PERSISTENT[kind](tmp_path) as store, serving_shop(demo_shop(store)) as before:
        anna = newcomer(before.client, "анна@почта.рф")
        for product_id in (3, 1, 2):
            anna.get(f"/product_unit/product_main/{product_id}/{{me}}")
        anna.request("POST", "/wishlist/add/{me}/3/6")
        anna.request("POST", "/wishlist/add_no_size/{me}/1")
        anna.fill_cart(1, 2, 4, 6)
        placed = anna.check_out(1, 2, key="a key", promo_code="SALE", total_amount=100)
        assert placed.status_code == 201
        assert anna.order(4)["total_amount"] == 12700
        boss = staff(before.client)
        paths = (
            "/user_info/{me}",
            "/user/last_seen/{me}",
            "/user/address/{me}",
            "/wishlist/{me}",
            "/order/cart/{me}",
            "/order/user_orders",
            "/product/all/2",
            "/product_unit/product/3",
        )
        for_staff = ("/user", "/product", "/order/orders")
        answers = [anna.request("GET", path).content for path in paths] + [
            boss.request("GET", path).content for path in for_staff
        ]
    with PERSISTENT[kind](tmp_path) as store, serving_shop(shop_over(store)) as after:
        anna, boss = (Buyer(after.client, user.user_id, user.headers) for user in (anna, boss))
        again = [anna.request("GET", path).content for path in paths] + [
            boss.request("GET", path).content for path in for_staff
        ]
        assert again == answers
        replayed = anna.check_out(1, 2, key="a key", promo_code="SALE", total_amount=100)
        assert (replayed.status_code, replayed.content) == (201, placed.content)
        assert anna.cart() == [6]
