"""What people do before they order, over real HTTP on every store: browse, wish, fill a cart, keep addresses."""

import re

import httpx2
import pytest

from sellout_core.values import MAX_ADDRESSES
from tests.contract.support.buyer import ADDRESS, Buyer, change_product, change_unit, newcomer, noadmin, staff
from tests.contract.support.shop import Served, everything_in, problem_of

NO_SUCH = 987_654_321
# Product 3 of the demo has sizes 5 (unit 3 at 13250), 6 (units 4 at 12700 and 5 at 13100), 7 (unit 6 at 12150) and
# "no size", 8; unit 14 is one of listed product 5 that cannot be had, unit 35 one of product 9, which is not listed.
UNAVAILABLE, UNLISTED = 14, 35


@pytest.fixture
def anna(client: httpx2.Client) -> Buyer:
    """A user who has just registered."""
    return newcomer(client, "anna@mail.ru")


def pages(client: httpx2.Client, url: str) -> list[list[int]]:
    """The products of every page, following the links."""
    found: list[list[int]] = []
    while url:
        response = client.get(url)
        assert response.status_code == 200
        assert response.json()["page number"] == len(found) + 1
        found.append([item["id"] for item in response.json()["items"]])
        link = re.search(r'<([^>]*)>; rel="next"', response.headers.get("link", ""))
        url = link[1] if link else ""
    return found


def test_a_caller_reads_their_own_profile_without_knowing_their_id(client: httpx2.Client) -> None:
    assert client.get("/user_info").status_code == 401
    for buyer in (noadmin(client), staff(client)):
        assert buyer.get("/user_info") == buyer.get("/user_info/{me}")
        assert buyer.get("/user_info")["id"] == buyer.user_id


def test_every_listed_product_is_on_one_page(shared: Served) -> None:
    """By id, twenty a page unless asked for otherwise, and no other product is."""
    client = shared.client
    listed = [product["id"] for product in staff(client).get("/product") if product["available_flag"]]
    assert len(listed) == 61
    for query, size in (
        ("", 20),
        ("?page_size=1", 1),
        ("?page_size=7", 7),
        ("?page_size=61", 61),
        ("?page_size=100", 100),
    ):
        found = pages(client, f"/product/all/1{query}")
        assert [product_id for page in found for product_id in page] == listed
        assert {len(page) for page in found[:-1]} <= {size}
        past = client.get(f"/product/all/{len(found) + 1}{query}")
        assert (past.status_code, past.json()["items"]) == (200, [])
        assert 'rel="next"' not in past.headers["link"]


def test_a_cards_price_is_the_lowest_that_can_be_had(shared: Served) -> None:
    """Among the available units that the shop shows of the product, null without any."""
    items = shared.client.get("/product/all/1?page_size=100").json()["items"]
    for item in items:
        units = shared.client.get(f"/product_unit/product/{item['id']}").json()
        assert [unit["id"] for unit in units] == sorted(unit["id"] for unit in units)
        prices = [unit["final_price"] for unit in units if unit["availability"]]
        assert item["min_price"] == min(prices, default=None), item["name"]
    assert None in [item["min_price"] for item in items]


def test_prices_and_listing_are_todays(served: Served, client: httpx2.Client) -> None:
    """Cards follow the units; a product that is taken off the list is on no page, and still has its card."""
    for changes, price in (({"price": 12000}, 12000), ({"available": False}, 12150), ({"available": True}, 12000)):
        change_unit(served.shop, 4, **changes)
        assert client.get("/product_unit/product_main/3/0").json()["min_price"] == price
    change_product(served.shop, 3, available=False)
    assert 3 not in [item["id"] for item in client.get("/product/all/1").json()["items"]]
    card = client.get("/product_unit/product_main/3/0").json()
    assert (card["id"], card["available_flag"]) == (3, False)


def test_wishing_twice_gives_the_card_that_is_there(anna: Buyer) -> None:
    """201, then 200 with the same document; every size, and no size, is a card of its own."""
    cards = []
    for path in ("add/{me}/3/6", "add_no_size/{me}/3", "add/{me}/3/5", "add_no_size/{me}/1"):
        first, again = (anna.ask("POST", f"/wishlist/{path}") for _ in range(2))
        assert (first.status_code, again.status_code) == (201, 200)
        assert first.content == again.content
        cards.append(first.json())
    assert anna.ask("POST", "/wishlist/add/{me}/3/8").json() == cards[1]
    assert anna.get("/wishlist/{me}") == cards
    assert [(card["product"]["id"], card["size"]["id"]) for card in cards] == [(3, 6), (3, 8), (3, 5), (1, 2)]
    assert [card["product_unit"]["id"] for card in cards] == [4, 6, 3, 1]
    assert {card["size"][grid] for card in cards[1::2] for grid in ("INT", "US", "UK", "EU", "IT", "RU")} == {"0"}
    assert all(card["product"]["in_wishlist"] for card in cards)


def test_a_wishlists_card_offers_the_cheapest_unit_to_be_had(served: Served, anna: Buyer) -> None:
    """In its size, in any for "no size"; null when there is none."""
    anna.ask("POST", "/wishlist/add/{me}/3/6")
    anna.ask("POST", "/wishlist/add_no_size/{me}/3")
    offers = []
    for unit_id in (4, 5, 6, 3):
        change_unit(served.shop, unit_id, available=False)
        offers.append([card["product_unit"] and card["product_unit"]["id"] for card in anna.get("/wishlist/{me}")])
    assert offers == [[5, 6], [None, 6], [None, 3], [None, None]]


def test_a_wish_is_for_a_size_of_the_product(served: Served, anna: Buyer) -> None:
    """Another product's size is a 422, what does not exist a 404."""
    before = everything_in(served.shop)
    problem_of(anna.ask("POST", "/wishlist/add/{me}/3/1"), 422, "size_of_another_product")
    for path in (f"add/{{me}}/3/{NO_SUCH}", f"add/{{me}}/{NO_SUCH}/6", f"add_no_size/{{me}}/{NO_SUCH}"):
        problem_of(anna.ask("POST", f"/wishlist/{path}"), 404, "not_found")
    assert everything_in(served.shop) == before


def test_changing_a_wishs_size_changes_it(anna: Buyer) -> None:
    """The card keeps its id and place; a size that the wishlist holds for the product is a 409."""
    first, second = (anna.ask("POST", f"/wishlist/add/{{me}}/3/{size_id}").json()["id"] for size_id in (5, 6))
    for size_id, unit_id in ((7, 6), (7, 6), (8, 6), (5, 3), (8, 6)):
        response = anna.ask("POST", f"/wishlist/change_size/{{me}}/{first}/{size_id}")
        assert response.status_code == 200
        card = response.json()
        assert (card["id"], card["size"]["id"], card["product_unit"]["id"]) == (first, size_id, unit_id)
        assert anna.get("/wishlist/{me}")[0] == card
    kept = anna.get("/wishlist/{me}")
    refused = {
        (first, 6): (409, "already_in_wishlist"),
        (second, 8): (409, "already_in_wishlist"),
        (first, 1): (422, "size_of_another_product"),
        (first, NO_SUCH): (404, "not_found"),
        (NO_SUCH, 7): (404, "not_found"),
    }
    for (unit_id, size_id), problem in refused.items():
        problem_of(anna.ask("POST", f"/wishlist/change_size/{{me}}/{unit_id}/{size_id}"), *problem)
    assert anna.get("/wishlist/{me}") == kept


def test_deleting_a_wish_gives_it_back_once(anna: Buyer) -> None:
    """The card that was removed, then 404; whether a product is wished for is told to its user alone."""
    card = anna.ask("POST", "/wishlist/add/{me}/3/5").json()

    def wished(buyer: Buyer | None) -> list[bool]:
        headers = buyer.headers if buyer else {}
        user_id = buyer.user_id if buyer else 0
        page = anna.client.get("/product/all/1", headers=headers).json()["items"]
        main = anna.client.get(f"/product_unit/product_main/3/{user_id}", headers=headers).json()
        return [next(item for item in page if item["id"] == 3)["in_wishlist"], main["in_wishlist"]]

    assert (wished(anna), wished(None), wished(noadmin(anna.client))) == ([True] * 2, [False] * 2, [False] * 2)
    response = anna.ask("DELETE", f"/wishlist/delete/{card['id']}")
    assert (response.status_code, response.json()) == (200, card)
    assert (wished(anna), anna.get("/wishlist/{me}")) == ([False] * 2, [])
    problem_of(anna.ask("DELETE", f"/wishlist/delete/{card['id']}"), 404, "not_found")


def test_a_cart_is_a_set(anna: Buyer) -> None:
    """Adding again changes nothing; what is removed is given back, once."""
    added, again, other = (anna.ask("POST", f"/order/cart_add/{{me}}/{unit_id}") for unit_id in (4, 4, 1))
    assert (added.status_code, again.status_code, other.status_code) == (201, 200, 201)
    assert added.content == again.content
    assert anna.cart() == [4, 1]
    assert added.json() == anna.client.get("/product_unit/product/3").json()[1]
    removed, missing = (anna.ask("DELETE", "/order/cart_delete/{me}/4") for _ in range(2))
    assert (removed.status_code, removed.json()) == (200, added.json())
    problem_of(missing, 404, "not_found")
    assert missing.content == anna.ask("DELETE", f"/order/cart_delete/{{me}}/{NO_SUCH}").content
    assert anna.cart() == [1]


def test_what_cannot_be_had_goes_into_no_cart(served: Served, anna: Buyer) -> None:
    """A unit that is unavailable, or of a product that is not listed: 409, naming it. One that is not: 404."""
    before = everything_in(served.shop)
    for unit_id in (UNAVAILABLE, UNLISTED):
        document = problem_of(anna.ask("POST", f"/order/cart_add/{{me}}/{unit_id}"), 409, "unavailable")
        assert document["unavailable"] == [unit_id]
    problem_of(anna.ask("POST", f"/order/cart_add/{{me}}/{NO_SUCH}"), 404, "not_found")
    assert everything_in(served.shop) == before


def test_a_cart_shows_todays_prices_and_what_cannot_be_had_since(served: Served, anna: Buyer) -> None:
    """What became unavailable stays in it, says so, and can be taken out."""
    anna.fill_cart(4, 6)
    change_unit(served.shop, 4, available=False)
    change_unit(served.shop, 6, price=1)
    units = anna.get("/order/cart/{me}")["product_units"]
    assert [(unit["id"], unit["final_price"], unit["availability"]) for unit in units] == [
        (4, 12700, False),
        (6, 1, True),
    ]
    problem_of(anna.ask("POST", "/order/cart_add/{me}/4"), 409, "unavailable")
    assert anna.ask("DELETE", "/order/cart_delete/{me}/4").json()["availability"] is False
    assert anna.cart() == [6]


def test_the_last_seven_products_seen_are_kept(anna: Buyer) -> None:
    """Distinct, latest first, the same in every list that shows them."""

    def view(*product_ids: int) -> None:
        for product_id in product_ids:
            anna.get(f"/product_unit/product_main/{product_id}/{{me}}")

    def seen() -> list[int]:
        cards = [card["id"] for card in anna.get("/user/last_seen/{me}")]
        for document in (anna.get("/user_info"), anna.get("/user_info/{me}"), anna.get("/order/cart/{me}")["user"]):
            assert [product["id"] for product in document["last_viewed_products"]] == cards
        return cards

    assert seen() == []
    view(1, 2, 3)
    assert seen() == [3, 2, 1]
    view(1, 1)
    assert seen() == [1, 3, 2]
    view(4, 5, 6, 7)
    assert seen() == [7, 6, 5, 4, 1, 3, 2]
    view(8, 5)
    assert seen() == [5, 8, 7, 6, 4, 1, 3]


def test_only_ones_own_card_counts_as_seen(served: Served, anna: Buyer) -> None:
    """Not the anonymous one, not another user's, not a product that does not exist, not a page."""
    other = noadmin(anna.client)
    before = everything_in(served.shop)
    for path in ("product_main/3/0", f"product_main/3/{other.user_id}", f"product_main/3/{NO_SUCH}", "product/3"):
        anna.get(f"/product_unit/{path}")
    assert anna.ask("GET", f"/product_unit/product_main/{NO_SUCH}/{{me}}").status_code == 404
    anna.get("/product/all/1")
    assert everything_in(served.shop) == before
    staff(anna.client).get(f"/product_unit/product_main/3/{anna.user_id}")
    assert [card["id"] for card in anna.get("/user/last_seen/{me}")] == [3]


def test_an_address_book_is_kept(client: httpx2.Client) -> None:
    """Listed in order of entry, here and in the user's document; edited, deleted, and then gone."""
    anna = newcomer(client, "anna")
    (first,) = anna.get("/user/address/{me}")
    other = {"address": "Невский 1 🏠", "post_index": ""}
    response = anna.ask("POST", "/user/address/{me}", json=other)
    assert response.status_code == 201
    second = response.json()
    assert second == {"id": second["id"], **other}
    assert first == {"id": first["id"], **ADDRESS}
    assert anna.get("/user/address/{me}") == anna.get("/user_info/{me}")["address"] == [first, second]
    edited = anna.ask("PUT", f"/user/address/{{me}}/{first['id']}", json=other)
    assert (edited.status_code, edited.json()) == (200, {"id": first["id"], **other})
    assert anna.get("/user/address/{me}") == [edited.json(), second]
    deleted = anna.ask("DELETE", f"/user/address/{{me}}/{first['id']}")
    assert (deleted.status_code, deleted.json()) == (200, edited.json())
    assert anna.get("/user/address/{me}") == [second]
    for response in (
        anna.ask("DELETE", f"/user/address/{{me}}/{first['id']}"),
        anna.ask("PUT", f"/user/address/{{me}}/{first['id']}", json=other),
    ):
        problem_of(response, 404, "not_found")


def test_an_address_book_is_full_some_day(client: httpx2.Client) -> None:
    """The next address is a 409 that says how many there may be, until one is deleted."""
    anna = newcomer(client, "anna")
    last = [anna.add_address() for _ in range(MAX_ADDRESSES - 1)][-1]
    document = problem_of(anna.ask("POST", "/user/address/{me}", json=ADDRESS), 409, "limit_reached")
    assert document["maximum"] == MAX_ADDRESSES
    anna.ask("DELETE", f"/user/address/{{me}}/{last}")
    anna.add_address()
    assert len(anna.get("/user/address/{me}")) == MAX_ADDRESSES
