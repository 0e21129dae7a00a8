"""Promo codes and checkouts over HTTP, on every store."""

from datetime import date, timedelta
from typing import Any

import httpx2
import pytest

from sellout_adapters.testing.scene import HeldClock
from sellout_core.errors import InvalidFields
from sellout_core.people.accounts import OPERATOR
from sellout_core.shop import Shop
from sellout_core.shopping.ordering import NewPromoCode
from sellout_core.use_cases.shopping.promo_codes import create_promo_code
from tests.contract.support.buyer import ADDRESS, Buyer, change_unit, change_user, newcomer, noadmin, staff
from tests.contract.support.shop import CUSTOMER_ID, STAFF_ID, Served, everything_in, problem_of

pytestmark = pytest.mark.http

NO_SUCH = 987_654_321
LAST_ONE, LAST_TWO = 17, 5
"""Units of the demo with a stock of one (product 5, at 16100) and of two (product 3, at 13100)."""


@pytest.fixture
def buyer(client: httpx2.Client) -> Buyer:
    """The demo's customer with units 1 and 2 in the cart, which cost 107."""
    user = noadmin(client)
    user.fill_cart(2)
    return user


def promo_code(shop: Shop, code: str, **members: Any) -> None:
    """Adds a promo code that can be redeemed, unless `members` say otherwise. Its owner is the demo's staff."""
    given = {
        "owner_id": STAFF_ID,
        "discount_percentage": 15,
        "max_activation_count": 10,
        "active_until": date(2099, 12, 31),
        **members,
    }
    shop.store.write(lambda tx: tx.promo_codes.add(NewPromoCode(code=code, **given)))


def test_an_order_reads_back_the_same_everywhere(buyer: Buyer) -> None:
    """The response, both paths of one order, and all lists show the same order. The cart is empty."""
    order = buyer.order(1, 2, promo_code="SALE", total_amount=10000)
    assert (order["total_amount"], order["tel"], order["fact_of_payment"]) == (91, "77777777777", False)
    assert (order["email"], order["name"], order["surname"]) == ("mail@mail.ru", "Имя", "Фамилия")
    assert (order["address"], order["status"]) == ({"id": 2, **ADDRESS}, {"id": 1, "name": "pending"})
    assert [(unit["id"], unit["final_price"]) for unit in order["product_unit"]] == [(1, 7), (2, 100)]
    assert (order["user"]["id"], order["promo_code"]["activation_count"]) == (buyer.user_id, 6)
    assert buyer.cart() == []
    for path in (f"/order/info/{order['id']}", f"/order/{order['id']}"):
        assert buyer.get(path) == [order]
    for path in ("/order/user_orders/{me}", "/order/user_orders"):
        assert [listed["id"] for listed in buyer.get(path)] == [1, order["id"]]
        assert buyer.get(path)[-1] == order
    listed = staff(buyer.client).get("/order/orders")[-1]
    assert listed.pop("product_units") == listed["product_unit"]
    assert {**listed, "promo_code": None} == {**order, "promo_code": None}


def test_units_stand_in_an_order_as_they_were_asked_for(buyer: Buyer) -> None:
    """The order has the sequence of the request, not of the cart. Units that are not ordered stay in the cart."""
    buyer.fill_cart(4)
    assert [unit["id"] for unit in buyer.order(4, 1)["product_unit"]] == [4, 1]
    assert buyer.cart() == [2]


def test_the_price_is_the_shops_and_the_clients_figure_a_ceiling(served: Served, buyer: Buyer) -> None:
    """A checkout above the client's total is refused, states the right total, and changes nothing. At or below it, or
    without one, it succeeds.
    """
    before = everything_in(served.shop)
    for members, total in (({"promo_code": "SALE"}, 91), ({}, 107)):
        for ceiling in (0, total - 1):
            response = buyer.check_out(1, 2, **members, total_amount=ceiling)
            assert problem_of(response, 409, "price_changed")["total_amount"] == total
    assert everything_in(served.shop) == before
    assert buyer.order(1, total_amount=7)["total_amount"] == 7
    assert buyer.order(2, total_amount=None)["total_amount"] == 100
    buyer.fill_cart(1, 2)
    assert buyer.order(1, total_amount=10**15)["total_amount"] == 7
    assert buyer.order(2)["total_amount"] == 100


def test_a_price_that_rises_before_the_order_is_noticed(served: Served, buyer: Buyer) -> None:
    """The buyer saw a total of 107. A lower price than that is charged."""
    change_unit(served.shop, 2, price=101)
    response = buyer.check_out(1, 2, total_amount=107)
    assert problem_of(response, 409, "price_changed")["total_amount"] == 108
    change_unit(served.shop, 2, price=50)
    assert buyer.order(1, 2, total_amount=107)["total_amount"] == 57


DISCOUNTS: list[tuple[int, dict[str, int], int]] = [
    (10, {}, 82),  # 107 less 10 % is 96.3, rounded 96. That less 15 % is 81.6, rounded 82.
    (5, {"discount_percentage": 25}, 77),  # 101.65, rounded 102; then 76.5, rounded 77. In the other order: 76.
    (50, {"discount_percentage": 50}, 27),  # 53.5, rounded 54; then 27.
    (0, {"discount_percentage": 0, "discount_absolute": 7}, 100),
    (10, {"discount_percentage": 15, "discount_absolute": 12}, 70),
    (0, {"discount_percentage": 0, "discount_absolute": 108}, 0),
    (100, {}, 0),
    (0, {"discount_percentage": 100}, 0),
    (0, {"discount_percentage": 0}, 107),
]
"""A buyer's personal percentage, a promo code's terms, and the total of units 1 and 2."""


def test_discounts_come_in_order_and_each_rounds_half_up(served: Served, client: httpx2.Client) -> None:
    """First comes the personal percentage, then the promo code's percentage, then its absolute discount. The total is
    never negative. The check and the checkout agree.
    """
    buyer = newcomer(client, "anna")
    for number, (personal, terms, total) in enumerate(DISCOUNTS):
        buyer.fill_cart(1, 2)
        change_user(served.shop, buyer.user_id, personal_discount=personal)
        promo_code(served.shop, f"CODE{number}", **terms)
        asked = {"promo_code": f"code{number}", "product_unit": [1, 2]}
        check = buyer.request("POST", "/promo/check/{me}", json=asked).json()
        assert check["total_amount"] == sum(unit["amount"] for unit in check["product_unit"]) == total
        assert check["amount"] - check["saving"] == total
        if total:
            refusal = buyer.check_out(1, 2, promo_code=f"CODE{number}", total_amount=total - 1)
            assert problem_of(refusal, 409, "price_changed")["total_amount"] == total
        order = buyer.order(1, 2, promo_code=f"CODE{number}", total_amount=total)
        assert order["total_amount"] == total
        assert [unit["final_price"] for unit in order["product_unit"]] == [7, 100]


def test_checking_a_promo_code_counts_nothing(served: Served, buyer: Buyer) -> None:
    """A code is accepted in any case, and for the whole cart or a part of it. The check changes nothing."""
    before = everything_in(served.shop)
    for code in ("SALE", "sale", "sAlE"):
        response = buyer.request("POST", "/promo/check/{me}", json={"promo_code": code, "product_unit": [2, 1]})
        assert response.status_code == 200
        assert response.json() == {
            "promo_code": "SALE",
            "discount_percentage": 15,
            "discount_absolute": 0,
            "amount": 107,
            "saving": 16,
            "total_amount": 91,
            "product_unit": [{"id": 2, "final_price": 100, "amount": 85}, {"id": 1, "final_price": 7, "amount": 6}],
        }
    assert everything_in(served.shop) == before


def test_a_promo_code_that_cannot_be_redeemed_says_why(served: Served, buyer: Buyer) -> None:
    """Unknown, inactive, expired and used up codes have different problem codes. The check and the checkout give the
    same response.
    """
    yesterday = (served.shop.clock() - timedelta(days=1)).date()
    promo_code(served.shop, "OFF", active=False)
    promo_code(served.shop, "OVER", active_until=yesterday)
    promo_code(served.shop, "USED", activation_count=10)
    promo_code(served.shop, "NEVER", max_activation_count=0)
    codes = {
        "SALE ": "promo_code_unknown",
        "NOPE": "promo_code_unknown",
        "off": "promo_code_inactive",
        "Over": "promo_code_expired",
        "USED": "promo_code_used_up",
        "NEVER": "promo_code_used_up",
    }
    before = everything_in(served.shop)
    for code, problem in codes.items():
        check = buyer.request("POST", "/promo/check/{me}", json={"promo_code": code, "product_unit": [1]})
        order = buyer.check_out(1, 2, promo_code=code)
        problem_of(check, 422, problem)
        problem_of(order, 422, problem)
        assert check.content == order.content
    assert everything_in(served.shop) == before


def test_a_promo_codes_last_day_counts(timed: Served, clock: HeldClock) -> None:
    """The code is valid until the end of the day in the shop's time zone."""
    buyer = noadmin(timed.client)
    buyer.fill_cart(2)
    promo_code(timed.shop, "TODAY", active_until=clock.now.date())
    clock.now = clock.now.replace(hour=23, minute=59, second=59)
    assert buyer.order(1, promo_code="TODAY")["promo_code"]["active_until_date"] == "2026-03-01"
    clock.advance(seconds=1)
    problem_of(buyer.check_out(2, promo_code="TODAY"), 422, "promo_code_expired")


def test_no_promo_code_is_none(buyer: Buyer) -> None:
    """A promo code that is absent, null or empty is no promo code."""
    for code in (..., None, ""):
        order = buyer.order(1, promo_code=code)
        assert (order["promo_code"], order["total_amount"]) == (None, 7)
        buyer.fill_cart(1)


def test_a_telephone_number_is_sent_as_number_or_text(buyer: Buyer) -> None:
    """The order shows it as text."""
    numbers = {77777777777: "77777777777", "77777777777": "77777777777", "+79990001122": "+79990001122"}
    for sent, shown in {**numbers, "007": "007", 999_999_999_999_999: "999999999999999", 0: "0"}.items():
        assert buyer.order(1, tel=sent)["tel"] == shown
        buyer.fill_cart(1)


def test_an_order_goes_to_an_address_of_its_buyer(served: Served, buyer: Buyer) -> None:
    """The order has the address as it is now. A deleted, another user's or unknown address gets a 422."""
    mine = buyer.add_address()
    deleted = buyer.add_address()
    buyer.request("PUT", f"/user/address/{{me}}/{mine}", json={"address": "Невский 1", "post_index": "190000"})
    buyer.request("DELETE", f"/user/address/{{me}}/{deleted}")
    before = everything_in(served.shop)
    answers = [buyer.check_out(1, address_id=address_id) for address_id in (deleted, 1, NO_SUCH)]
    for answer in answers:
        problem_of(answer, 422, "unknown_address")
    assert len({answer.content for answer in answers}) == 1
    assert everything_in(served.shop) == before
    assert buyer.order(1, address_id=mine)["address"] == {"id": mine, "address": "Невский 1", "post_index": "190000"}


def test_only_what_is_in_the_cart_is_ordered(served: Served, buyer: Buyer) -> None:
    """The response names the units that are not in the cart, whether or not they exist, and nothing changes. So a
    repeated click orders nothing.
    """
    before = everything_in(served.shop)
    for wanted, missing in (((1, 4), [4]), ((NO_SUCH, 2, 4), [NO_SUCH, 4]), ((14,), [14])):
        assert problem_of(buyer.check_out(*wanted), 409, "not_in_cart")["not_in_cart"] == missing
        check = buyer.request("POST", "/promo/check/{me}", json={"promo_code": "SALE", "product_unit": wanted})
        assert problem_of(check, 409, "not_in_cart")["not_in_cart"] == missing
    assert everything_in(served.shop) == before
    buyer.order(1)
    assert problem_of(buyer.check_out(1, 2), 409, "not_in_cart")["not_in_cart"] == [1]
    assert buyer.cart() == [2]


def test_what_cannot_be_had_any_more_is_named(served: Served, buyer: Buyer) -> None:
    """Units that became unavailable are named. The other units are not ordered."""
    buyer.fill_cart(4, 6)
    for unit_id in (2, 6):
        change_unit(served.shop, unit_id, available=False)
    before = everything_in(served.shop)
    document = problem_of(buyer.check_out(6, 1, 2, 4, promo_code="SALE"), 409, "unavailable")
    assert document["unavailable"] == [6, 2]
    check = buyer.request("POST", "/promo/check/{me}", json={"promo_code": "SALE", "product_unit": [1, 2]})
    assert problem_of(check, 409, "unavailable")["unavailable"] == [2]
    assert everything_in(served.shop) == before
    assert buyer.order(1, 4)["total_amount"] == 12707


def test_an_order_keeps_what_was_agreed(served: Served, buyer: Buyer) -> None:
    """Prices, address and discounts of an order do not change with the catalogue, the address book or the
    promo code.
    """
    order = buyer.order(1, 2, promo_code="SALE")
    change_unit(served.shop, 1, price=999_999)
    change_unit(served.shop, 2, price=1)
    change_user(served.shop, buyer.user_id, personal_discount=50)
    buyer.request("PUT", "/user/address/{me}/2", json={"address": "Невский 1", "post_index": "190000"})
    kept = {**order, "user": None}
    assert {**buyer.get(f"/order/info/{order['id']}")[0], "user": None} == kept
    assert buyer.request("DELETE", "/user/address/{me}/2").status_code == 200
    anna = newcomer(buyer.client, "anna")
    anna.fill_cart(2)
    assert anna.order(2, promo_code="SALE")["promo_code"]["activation_count"] == 7
    assert {**buyer.get(f"/order/info/{order['id']}")[0], "user": None} == kept
    assert kept["promo_code"]["activation_count"] == 6


def test_a_promo_codes_owner_is_known_to_themselves_and_staff(served: Served, client: httpx2.Client) -> None:
    """Other buyers see the owner's document with all personal values empty."""
    owner, buyer, boss = newcomer(client, "owner@mail.ru"), noadmin(client), staff(client)
    promo_code(served.shop, "MINE", owner_id=owner.user_id)
    owner.get("/product_unit/product_main/1/{me}")
    owner.fill_cart(1)
    own, bought = owner.order(1, promo_code="MINE"), buyer.order(1, promo_code="MINE")
    shown, emptied = own["promo_code"]["owner"], bought["promo_code"]["owner"]
    assert shown == {**owner.get("/user_info/{me}"), "last_viewed_products": [1]}
    assert list(emptied) == list(shown)
    assert emptied["id"] == owner.user_id
    for name, value in emptied.items():
        if name != "id":
            assert value in ("", None, [], 0, False), name
            assert value is None or shown[name] is None or type(value) is type(shown[name]), name
    for path in (f"/order/info/{bought['id']}", "/order/user_orders/{me}", "/order/user_orders"):
        assert buyer.get(path)[-1]["promo_code"]["owner"] == emptied
        assert "owner@mail.ru" not in buyer.request("GET", path).text
    for path in (f"/order/info/{bought['id']}", f"/order/user_orders/{CUSTOMER_ID}", "/order/orders"):
        assert boss.get(path)[-1]["promo_code"]["owner"] == shown


def test_limited_stock_sells_out(client: httpx2.Client) -> None:
    """The last piece makes the unit unavailable in the catalogue, and in the carts of others."""
    anna, boris = newcomer(client, "anna"), newcomer(client, "boris")
    for user in (anna, boris):
        user.fill_cart(LAST_ONE, LAST_TWO)
    assert anna.order(LAST_ONE)["product_unit"][0]["availability"] is False
    for response in (
        boris.check_out(LAST_ONE, LAST_TWO),
        noadmin(client).request("POST", f"/order/cart_add/2/{LAST_ONE}"),
    ):
        assert problem_of(response, 409, "unavailable")["unavailable"] == [LAST_ONE]
    units = {unit["id"]: unit["availability"] for unit in client.get("/product_unit/product/5").json()}
    assert units[LAST_ONE] is False
    assert boris.cart() == [LAST_ONE, LAST_TWO]
    assert boris.order(LAST_TWO)["product_unit"][0]["availability"] is True
    assert anna.order(LAST_TWO)["product_unit"][0]["availability"] is False
    problem_of(anna.request("POST", f"/order/cart_add/{{me}}/{LAST_TWO}"), 409, "unavailable")


def test_a_checkout_changes_all_or_nothing(served: Served, buyer: Buyer) -> None:
    """A refused checkout leaves stock, promo code, cart and orders as they were, whichever check refused it."""
    buyer.fill_cart(LAST_ONE)
    promo_code(served.shop, "USED", activation_count=10)
    before = everything_in(served.shop)
    for members in ({"promo_code": "USED"}, {"total_amount": 1}, {"address_id": NO_SUCH}, {"promo_code": "NOPE"}):
        assert buyer.check_out(LAST_ONE, 1, **members).status_code in {409, 422}
        assert everything_in(served.shop) == before
    assert buyer.order(LAST_ONE, 1)["total_amount"] == 16107


@pytest.mark.parametrize(
    "useless", [{"discount_percentage": 0}, {"max_activation_count": 0}, {"active_until": date(2026, 2, 28)}]
)
def test_a_promo_code_that_no_order_can_use_is_not_created(
    timed: Served, clock: HeldClock, useless: dict[str, Any]
) -> None:
    """A promo code whose last day is today can be created and redeemed."""
    good: dict[str, Any] = {
        "owner_id": STAFF_ID,
        "discount_percentage": 15,
        "max_activation_count": 10,
        "active_until": clock.now.date(),
    }
    with pytest.raises(InvalidFields):
        create_promo_code(timed.shop, OPERATOR, NewPromoCode(code="NEW", **{**good, **useless}))
    buyer = noadmin(timed.client)
    buyer.fill_cart(2)
    problem_of(buyer.check_out(2, promo_code="NEW"), 422, "promo_code_unknown")
    create_promo_code(timed.shop, OPERATOR, NewPromoCode(code="NEW", **good))
    assert buyer.order(2, promo_code="NEW")["promo_code"]["activation_count"] == 1
