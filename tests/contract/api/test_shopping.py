"""What users do before they order, on every store: browse, wish, fill a cart, keep addresses."""

import re

import httpx2
import pytest

from sellout_core.values import MAX_ADDRESSES
from tests.contract.support.buyer import ADDRESS, Buyer, change_product, change_unit, newcomer, noadmin, staff
from tests.contract.support.shop import Served, everything_in, problem_of

pytestmark = pytest.mark.http

NO_SUCH = 987_654_321
# Product 3 of the demo has sizes 5 (unit 3 at 13250), 6 (units 4 at 12700 and 5 at 13100), 7 (unit 6 at 12150) and "no
# size", which is 8. Unit 14 of the listed product 5 is unavailable. Product 9 of unit 35 is not listed.
UNAVAILABLE, UNLISTED = 14, 35


@pytest.fixture
def anna(client: httpx2.Client) -> Buyer:
    """A newly registered user."""
    return newcomer(client, "anna@mail.ru")


def pages(client: httpx2.Client, url: str) -> list[list[int]]:
    """The ids of the products on every page."""
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
        own = buyer.get("/user_info")
        assert {name: own.pop(name) for name in ("tel", "main_address_id")} == {"tel": None, "main_address_id": None}
        assert own == buyer.get("/user_info/{me}")
        assert buyer.get("/user_info")["id"] == buyer.user_id


def test_every_listed_product_is_on_one_page(shared: Served) -> None:
    """Products are in the order of their ids, 20 on a page by default."""
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
    """The price is null if no unit is available."""
    items = shared.client.get("/product/all/1?page_size=100").json()["items"]
    for item in items:
        units = shared.client.get(f"/product_unit/product/{item['id']}").json()
        assert [unit["id"] for unit in units] == sorted(unit["id"] for unit in units)
        prices = [unit["final_price"] for unit in units if unit["availability"]]
        assert item["min_price"] == min(prices, default=None), item["name"]
    assert None in [item["min_price"] for item in items]


def test_prices_and_listing_are_todays(served: Served, client: httpx2.Client) -> None:
    """Cards show a change of a unit at once. A product that is no longer listed is on no page and has no card."""
    for changes, price in (({"price": 12000}, 12000), ({"available": False}, 12150), ({"available": True}, 12000)):
        change_unit(served.shop, 4, **changes)
        assert client.get("/product_unit/product_main/3/0").json()["min_price"] == price
    change_product(served.shop, 3, available=False)
    assert 3 not in [item["id"] for item in client.get("/product/all/1").json()["items"]]
    problem_of(client.get("/product_unit/product_main/3/0"), 404, "not_found")


def test_a_product_that_is_not_listed_exists_for_staff_alone(served: Served, anna: Buyer) -> None:
    """Every path that names the product or its unit is a 404 for others. A response to staff is not cached
    for others.
    """
    client, product, unit = served.client, 9, UNLISTED
    admin = staff(client)
    paths = [f"/product_unit/product/{product}", f"/product_unit/product_main/{product}/{{}}"]
    additions = [f"/wishlist/add_no_size/{{me}}/{product}", f"/order/cart_add/{{me}}/{unit}"]
    for _ in range(2):
        for path in paths:
            for asked in (path.format(0), path.format(anna.user_id)):
                refused = client.get(asked), client.get(asked, headers=anna.headers)
                absent = client.get(asked.replace(f"/{product}", f"/{NO_SUCH}", 1))
                assert {(answer.status_code, answer.content) for answer in refused} == {(404, absent.content)}
            shown = client.get(path.format(admin.user_id), headers=admin.headers)
            assert shown.status_code == 200
            assert str(shown.json()).count("'available_flag': False") >= 1
        for path in additions:
            problem_of(anna.request("POST", path), 404, "not_found")
    assert admin.request("POST", additions[0]).status_code == 201
    problem_of(admin.request("POST", additions[1]), 409, "unavailable")


def test_a_product_stays_where_it_was_wished_for_viewed_put_into_a_cart_or_ordered(served: Served, anna: Buyer) -> None:
    """The product is taken off the list while its card and units are cached."""
    anna.fill_cart(4, 6)
    assert anna.check_out(4).status_code == 201
    wished = anna.request("POST", "/wishlist/add/{me}/3/6").json()
    card = "/product_unit/product_main/3/{me}"
    assert anna.request("GET", card).status_code == anna.request("GET", "/product_unit/product/3").status_code == 200
    change_product(served.shop, 3, available=False)
    for method, path in (
        ("GET", card),
        ("GET", "/product_unit/product/3"),
        ("POST", "/wishlist/add/{me}/3/6"),
        ("POST", "/order/cart_add/{me}/6"),
    ):
        problem_of(anna.request(method, path), 404, "not_found")
    assert [unit["product"]["id"] for unit in anna.get("/order/cart/{me}")["product_units"]] == [3]
    assert [(kept["id"], kept["product"]["id"]) for kept in anna.get("/wishlist/{me}")] == [(wished["id"], 3)]
    assert [seen["id"] for seen in anna.get("/user/last_seen/{me}")] == [3]
    [order] = anna.get("/order/user_orders/{me}")
    assert [unit["product"]["id"] for unit in order["product_unit"]] == [3]
    assert anna.request("DELETE", "/order/cart_delete/{me}/6").status_code == 200
    assert anna.request("DELETE", f"/wishlist/delete/{wished['id']}").status_code == 200


def test_wishing_twice_gives_the_card_that_is_there(anna: Buyer) -> None:
    """The first request gets a 201, the second a 200 with the same document. Each size of a product, and no size, is an
    item of its own.
    """
    cards = []
    for path in ("add/{me}/3/6", "add_no_size/{me}/3", "add/{me}/3/5", "add_no_size/{me}/1"):
        first, again = (anna.request("POST", f"/wishlist/{path}") for _ in range(2))
        assert (first.status_code, again.status_code) == (201, 200)
        assert first.content == again.content
        cards.append(first.json())
    # A card has the ids of all wishlist units of its product.
    listed = anna.get("/wishlist/{me}")
    assert anna.request("POST", "/wishlist/add/{me}/3/8").json() == listed[1]
    for card in (*cards, *listed):
        assert card["id"] in card["product"].pop("wishlist_unit_ids")
    assert listed == cards
    assert [(card["product"]["id"], card["size"]["id"]) for card in cards] == [(3, 6), (3, 8), (3, 5), (1, 2)]
    assert [card["product_unit"]["id"] for card in cards] == [4, 6, 3, 1]
    assert {card["size"][grid] for card in cards[1::2] for grid in ("INT", "US", "UK", "EU", "IT", "RU")} == {"0"}
    assert all(card["product"]["in_wishlist"] for card in cards)


def test_a_wishlists_card_offers_the_cheapest_unit_to_be_had(served: Served, anna: Buyer) -> None:
    """The unit has the item's size, or any size if the item has none. It is null if none is available."""
    anna.request("POST", "/wishlist/add/{me}/3/6")
    anna.request("POST", "/wishlist/add_no_size/{me}/3")
    offers = []
    for unit_id in (4, 5, 6, 3):
        change_unit(served.shop, unit_id, available=False)
        offers.append([card["product_unit"] and card["product_unit"]["id"] for card in anna.get("/wishlist/{me}")])
    assert offers == [[5, 6], [None, 6], [None, 3], [None, None]]


def test_a_wish_is_for_a_size_of_the_product(served: Served, anna: Buyer) -> None:
    """A size of another product is a 422. An id that does not exist is a 404."""
    before = everything_in(served.shop)
    problem_of(anna.request("POST", "/wishlist/add/{me}/3/1"), 422, "size_of_another_product")
    for path in (f"add/{{me}}/3/{NO_SUCH}", f"add/{{me}}/{NO_SUCH}/6", f"add_no_size/{{me}}/{NO_SUCH}"):
        problem_of(anna.request("POST", f"/wishlist/{path}"), 404, "not_found")
    assert everything_in(served.shop) == before


def test_changing_a_wishs_size_changes_it(anna: Buyer) -> None:
    """The item keeps its id and its place. A size that the wishlist already holds for the product is a 409."""
    first, second = (anna.request("POST", f"/wishlist/add/{{me}}/3/{size_id}").json()["id"] for size_id in (5, 6))
    for size_id, unit_id in ((7, 6), (7, 6), (8, 6), (5, 3), (8, 6)):
        response = anna.request("POST", f"/wishlist/change_size/{{me}}/{first}/{size_id}")
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
        problem_of(anna.request("POST", f"/wishlist/change_size/{{me}}/{unit_id}/{size_id}"), *problem)
    assert anna.get("/wishlist/{me}") == kept


def test_deleting_a_wish_gives_it_back_once(anna: Buyer) -> None:
    """The first deletion returns the item, the second is a 404. `in_wishlist` is true for the item's owner alone."""
    card = anna.request("POST", "/wishlist/add/{me}/3/5").json()

    def wished(buyer: Buyer | None) -> list[bool]:
        headers = buyer.headers if buyer else {}
        user_id = buyer.user_id if buyer else 0
        page = anna.client.get("/product/all/1", headers=headers).json()["items"]
        main = anna.client.get(f"/product_unit/product_main/3/{user_id}", headers=headers).json()
        return [next(item for item in page if item["id"] == 3)["in_wishlist"], main["in_wishlist"]]

    assert (wished(anna), wished(None), wished(noadmin(anna.client))) == ([True] * 2, [False] * 2, [False] * 2)
    response = anna.request("DELETE", f"/wishlist/delete/{card['id']}")
    assert (response.status_code, response.json()) == (200, card)
    assert (wished(anna), anna.get("/wishlist/{me}")) == ([False] * 2, [])
    problem_of(anna.request("DELETE", f"/wishlist/delete/{card['id']}"), 404, "not_found")


def test_a_cart_is_a_set(anna: Buyer) -> None:
    """A repeated addition changes nothing. A removal returns the unit, a repeated one is a 404."""
    added, again, other = (anna.request("POST", f"/order/cart_add/{{me}}/{unit_id}") for unit_id in (4, 4, 1))
    assert (added.status_code, again.status_code, other.status_code) == (201, 200, 201)
    assert added.content == again.content
    assert anna.cart() == [4, 1]
    assert added.json() == anna.client.get("/product_unit/product/3").json()[1]
    removed, missing = (anna.request("DELETE", "/order/cart_delete/{me}/4") for _ in range(2))
    assert (removed.status_code, removed.json()) == (200, added.json())
    problem_of(missing, 404, "not_found")
    assert missing.content == anna.request("DELETE", f"/order/cart_delete/{{me}}/{NO_SUCH}").content
    assert anna.cart() == [1]


def test_what_cannot_be_had_goes_into_no_cart(served: Served, anna: Buyer) -> None:
    """An unavailable unit is a 409 that names it. A unit that does not exist or whose product is not listed
    is a 404.
    """
    before = everything_in(served.shop)
    document = problem_of(anna.request("POST", f"/order/cart_add/{{me}}/{UNAVAILABLE}"), 409, "unavailable")
    assert document["unavailable"] == [UNAVAILABLE]
    for unit_id in (UNLISTED, NO_SUCH):
        problem_of(anna.request("POST", f"/order/cart_add/{{me}}/{unit_id}"), 404, "not_found")
    assert everything_in(served.shop) == before


def test_a_cart_shows_todays_prices_and_what_cannot_be_had_since(served: Served, anna: Buyer) -> None:
    """A unit that became unavailable stays in the cart, is shown as unavailable, and can be removed."""
    anna.fill_cart(4, 6)
    change_unit(served.shop, 4, available=False)
    change_unit(served.shop, 6, price=1)
    units = anna.get("/order/cart/{me}")["product_units"]
    assert [(unit["id"], unit["final_price"], unit["availability"]) for unit in units] == [
        (4, 12700, False),
        (6, 1, True),
    ]
    problem_of(anna.request("POST", "/order/cart_add/{me}/4"), 409, "unavailable")
    assert anna.request("DELETE", "/order/cart_delete/{me}/4").json()["availability"] is False
    assert anna.cart() == [6]


def test_the_last_seven_products_seen_are_kept(anna: Buyer) -> None:
    """The list holds distinct products, the latest first. It is the same in every document that shows it."""

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
    """These are no views: the anonymous card, the card of another user, a product that does not exist, a page."""
    other = noadmin(anna.client)
    before = everything_in(served.shop)
    for path in ("product_main/3/0", f"product_main/3/{other.user_id}", f"product_main/3/{NO_SUCH}", "product/3"):
        anna.get(f"/product_unit/{path}")
    assert anna.request("GET", f"/product_unit/product_main/{NO_SUCH}/{{me}}").status_code == 404
    anna.get("/product/all/1")
    assert everything_in(served.shop) == before
    staff(anna.client).get(f"/product_unit/product_main/3/{anna.user_id}")
    assert [card["id"] for card in anna.get("/user/last_seen/{me}")] == [3]


def test_an_address_book_is_kept(client: httpx2.Client) -> None:
    """Addresses are listed in the order of their creation, also in the user's document. They can be edited
    and deleted.
    """
    anna = newcomer(client, "anna")
    (first,) = anna.get("/user/address/{me}")
    other = {"address": "Невский 1 🏠", "post_index": ""}
    response = anna.request("POST", "/user/address/{me}", json=other)
    assert response.status_code == 201
    second = response.json()
    assert second == {"id": second["id"], **other}
    assert first == {"id": first["id"], **ADDRESS}
    assert anna.get("/user/address/{me}") == anna.get("/user_info/{me}")["address"] == [first, second]
    edited = anna.request("PUT", f"/user/address/{{me}}/{first['id']}", json=other)
    assert (edited.status_code, edited.json()) == (200, {"id": first["id"], **other})
    assert anna.get("/user/address/{me}") == [edited.json(), second]
    deleted = anna.request("DELETE", f"/user/address/{{me}}/{first['id']}")
    assert (deleted.status_code, deleted.json()) == (200, edited.json())
    assert anna.get("/user/address/{me}") == [second]
    for response in (
        anna.request("DELETE", f"/user/address/{{me}}/{first['id']}"),
        anna.request("PUT", f"/user/address/{{me}}/{first['id']}", json=other),
    ):
        problem_of(response, 404, "not_found")


def test_an_address_book_is_full_some_day(client: httpx2.Client) -> None:
    """Beyond the limit, an address gets a 409 that states the limit, until another one is deleted."""
    anna = newcomer(client, "anna")
    last = [anna.add_address() for _ in range(MAX_ADDRESSES - 1)][-1]
    document = problem_of(anna.request("POST", "/user/address/{me}", json=ADDRESS), 409, "limit_reached")
    assert document["maximum"] == MAX_ADDRESSES
    anna.request("DELETE", f"/user/address/{{me}}/{last}")
    anna.add_address()
    assert len(anna.get("/user/address/{me}")) == MAX_ADDRESSES
