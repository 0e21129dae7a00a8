"""What pages about products show, over HTTP."""

from urllib.parse import quote

import pytest

from sellout_adapters import demo
from sellout_adapters.testing.scene import product_entry, shoe_size, unit_entry
from sellout_core.people.accounts import OPERATOR
from sellout_core.use_cases.catalogue.importing.writing import import_products
from tests.contract.support.documented import require_documented
from tests.contract.support.shop import CUSTOMER_ID, Served, log_in, problem_of

pytestmark = pytest.mark.http


def test_sizes_have_the_lowest_price_of_their_available_units(served: Served) -> None:
    units = [
        unit_entry(9, shoe_size("41"), platform="A"),
        unit_entry(7, shoe_size("41"), platform="B"),
        unit_entry(5, shoe_size("42"), availability=False),
    ]
    import_products(served.shop, OPERATOR, [product_entry("new", *units)])
    product_id = served.client.get("/product/all/1?page_size=100").json()["items"][-1]["id"]
    path = f"/product_unit/min_price/{product_id}"
    response = served.client.get(path)
    require_documented(response)
    assert [(entry["size"]["EU"], entry["min_price"]) for entry in response.json()] == [("41", 7), ("42", None)]
    assert {entry["size"]["product"] for entry in response.json()} == {product_id}
    tag = response.headers["etag"]
    assert served.client.get(path, headers={"If-None-Match": tag}).status_code == 304
    import_products(served.shop, OPERATOR, [product_entry("new", *units, available_flag=False)])
    assert served.client.get(path).status_code == 404
    assert served.client.get(path, headers=log_in(served.client, demo.CUSTOMER)).status_code == 404
    assert served.client.get(path, headers=log_in(served.client, demo.STAFF)).json() == response.json()


def test_a_heart_is_taken_back_by_the_ids_on_the_card(served: Served) -> None:
    """The page and the card have the ids of all of the caller's wishlist cards of the product."""
    client, token = served.client, log_in(served.client, demo.CUSTOMER)
    card = f"/product_unit/product_main/4/{CUSTOMER_ID}"
    for size in client.get("/product_unit/product/4").json():
        client.post(f"/wishlist/add/{CUSTOMER_ID}/4/{size['size']['id']}", headers=token)
    client.post(f"/wishlist/add_no_size/{CUSTOMER_ID}/4", headers=token)
    ids = client.get(card, headers=token).json()["wishlist_unit_ids"]
    assert len(ids) > 1
    wishlist = client.get(f"/wishlist/{CUSTOMER_ID}", headers=token).json()
    assert ids == [unit["id"] for unit in wishlist if unit["product"]["id"] == 4]
    assert all(unit["product"]["wishlist_unit_ids"] == ids for unit in wishlist if unit["product"]["id"] == 4)
    for number, unit_id in enumerate(ids):
        page = client.get("/product/all/1", headers=token).json()["items"]
        (shown,) = [item for item in page if item["id"] == 4]
        assert (shown["in_wishlist"], shown["wishlist_unit_ids"]) == (True, ids[number:])
        assert client.delete(f"/wishlist/delete/{unit_id}", headers=token).status_code == 200
    shown = client.get(card, headers=token).json()
    assert (shown["in_wishlist"], shown["wishlist_unit_ids"]) == (False, [])


def test_a_cart_has_its_totals_before_and_after_the_personal_discount(served: Served) -> None:
    """A checkout of the units that can be bought costs the total."""
    client, staff = served.client, log_in(served.client, demo.STAFF)
    sent = {**staff, "If-Match": "*"}
    answer = client.patch(f"/user/{CUSTOMER_ID}", headers=sent, json={"personal_discount_percentage": 15})
    assert answer.status_code == 200
    for unit in client.get(f"/order/cart/{CUSTOMER_ID}", headers=staff).json()["product_units"]:
        client.delete(f"/order/cart_delete/{CUSTOMER_ID}/{unit['id']}", headers=staff)
    import_products(served.shop, OPERATOR, [product_entry("a", unit_entry(7)), product_entry("b", unit_entry(100))])
    for product in client.get("/product/all/1?page_size=100").json()["items"][-2:]:
        [unit] = client.get(f"/product_unit/product/{product['id']}").json()
        client.post(f"/order/cart_add/{CUSTOMER_ID}/{unit['id']}", headers=staff)

    def totals() -> tuple[int | None, int | None]:
        cart = client.get(f"/order/cart/{CUSTOMER_ID}", headers=staff).json()
        return cart["subtotal_amount"], cart["total_amount"]

    assert totals() == (107, 91)
    import_products(served.shop, OPERATOR, [product_entry("a", unit_entry(7), available_flag=False)])
    assert totals() == (100, 85)
    import_products(served.shop, OPERATOR, [product_entry("a", unit_entry(7, currency="CNY"))])
    assert totals() in {(None, None), (100, 85)}


def test_a_product_is_found_by_its_sku_and_by_its_slug(served: Served) -> None:
    client, token = served.client, log_in(served.client, demo.CUSTOMER)
    import_products(served.shop, OPERATOR, [product_entry("щ/ku ½&?", name="Щука 1", brands=("Тропа",))])
    path = f"/product/by_sku?sku={quote('щ/ku ½&?', safe='')}"
    card = client.get(path).json()
    assert card["slug"] == "tropa-shchuka-1"
    by_slug = f"/product/by_slug?slug={card['slug']}"
    for url in (path, by_slug):
        for _ in range(2):
            response = client.get(url)
            require_documented(response)
            assert (response.status_code, response.json()) == (200, card)
            assert client.get(url, headers={"If-None-Match": response.headers["etag"]}).status_code == 304
        client.post(f"/wishlist/add_no_size/{CUSTOMER_ID}/{card['id']}", headers=token)
        wished = client.get(f"/product_unit/product_main/{card['id']}/{CUSTOMER_ID}", headers=token).json()
        assert wished["in_wishlist"]
        assert client.get(url, headers=token).json() == wished
        assert client.get(url).json() == card


@pytest.mark.parametrize("prefix", ["", "/api/v1"])
def test_an_old_slug_leads_to_the_present_one(served: Served, prefix: str) -> None:
    """The redirect has the prefix of the request, also from the cache, and no precondition answers it with a 304."""
    client, staff = served.client, log_in(served.client, demo.STAFF)
    before = client.get("/product_unit/product_main/1/0").json()["slug"]
    first = client.get(f"{prefix}/product/by_slug?slug={before}")
    sent = {**staff, "If-Match": "*"}
    assert client.patch("/product/1", headers=sent, json={"name": "Ёлка"}).status_code == 200
    for headers in ({}, {}, {"If-None-Match": f"{first.headers['etag']}, *"}, staff, log_in(client, demo.CUSTOMER)):
        response = client.get(f"{prefix}/product/by_slug?slug={before}", headers=headers)
        require_documented(response)
        assert response.status_code == 301
        assert response.headers["location"] == f"{prefix}/product/by_slug?slug=nike-elka"
        assert response.headers["cache-control"] in {"no-cache", "no-store"}
    found = client.get(response.headers["location"])
    assert (found.status_code, found.json()["id"], found.json()["slug"]) == (200, 1, "nike-elka")
    import_products(served.shop, OPERATOR, [product_entry("air_force_1", name="Третье")])
    locations = {
        client.get(f"{prefix}/product/by_slug?slug={slug}").headers["location"] for slug in (before, "nike-elka")
    }
    assert locations == {f"{prefix}/product/by_slug?slug=nike-trete"}


def test_a_hidden_product_has_no_address_but_for_staff(served: Served) -> None:
    client, staff = served.client, log_in(served.client, demo.STAFF)
    import_products(served.shop, OPERATOR, [product_entry("new", name="Old")])
    import_products(served.shop, OPERATOR, [product_entry("new", name="New", available_flag=False)])
    for query, status in (("by_sku?sku=new", 200), ("by_slug?slug=nike-new", 200), ("by_slug?slug=nike-old", 301)):
        for headers in ({}, log_in(client, demo.CUSTOMER)):
            problem_of(client.get(f"/product/{query}", headers=headers), 404, "not_found")
        assert client.get(f"/product/{query}", headers=staff).status_code == status


@pytest.mark.parametrize("name", ["sku", "slug"])
def test_an_address_takes_one_text(served: Served, name: str) -> None:
    for query in ("", f"?{name}=a&{name}=a", f"?{name}=%00", f"?{name}={'a' * 151}"):
        (field,) = problem_of(served.client.get(f"/product/by_{name}{query}"), 422, "invalid_fields")["fields"]
        assert field["parameter"] == name
    for value in ("", "%20", "none", "%F0%9F%91%9F", "%FF"):
        problem_of(served.client.get(f"/product/by_{name}?{name}={value}"), 404, "not_found")


def test_products_and_brands_are_suggested_while_typing(served: Served) -> None:
    client = served.client
    import_products(served.shop, OPERATOR, [product_entry("new", unit_entry(9), name="Ёлка", brands=("Щука",))])
    product = client.get("/product/by_sku?sku=new").json()
    shown = {name: product[name] for name in ("id", "name", "slug", "min_price")}
    for typed in ("щ", "елк", "%D1%91%D0%BB", "щука ел"):
        for _ in range(2):
            response = client.get(f"/product/suggest?q={typed}")
            require_documented(response)
            assert response.json()["products"] == [shown]
    assert [brand["name"] for brand in client.get("/product/suggest?q=щ").json()["brands"]] == ["Щука"]
    for nothing in ("", "?q=", "?q=%20-", "?q=zzz"):
        assert client.get(f"/product/suggest{nothing}").json() == {"brands": [], "products": []}
    assert len(client.get("/product/suggest?q=n").json()["products"]) == 10
    for query in ("q=a&q=b", f"q={'a' * 201}", "q=%00", "q=" + "+".join("abcdefghijk")):
        (field,) = problem_of(client.get(f"/product/suggest?{query}"), 422, "invalid_fields")["fields"]
        assert field["parameter"] == "q"
    import_products(served.shop, OPERATOR, [product_entry("new", name="Ёлка", brands=("Щука",), available_flag=False)])
    assert client.get("/product/suggest?q=елк").json()["products"] == []


def test_related_products_are_ranked_by_views_until_they_are_cached(served: Served) -> None:
    """Views do not change the catalogue, so a cached list is as it was; a change of the catalogue renews it. The hearts
    are those of the caller.
    """
    client, token = served.client, log_in(served.client, demo.CUSTOMER)
    for sku in ("dunk", "air", "low"):
        import_products(served.shop, OPERATOR, [product_entry(sku, brands=("Щука",), categories=("Рыба",))])
    dunk, air, low = (client.get(f"/product/by_sku?sku={sku}").json()["id"] for sku in ("dunk", "air", "low"))
    path = f"/product/related/{dunk}"

    def found(**headers: str) -> list[int]:
        response = client.get(path, headers=headers)
        require_documented(response)
        return [card["id"] for card in response.json()]

    assert found() == [low, air]
    assert client.get(f"/product_unit/product_main/{air}/{CUSTOMER_ID}", headers=token).status_code == 200
    assert found() == found(**token) == [low, air]
    tag = client.get(path).headers["etag"]
    assert client.get(path, headers={"If-None-Match": tag}).status_code == 304
    import_products(served.shop, OPERATOR, [product_entry("other")])
    assert found() == found(**token) == [air, low]
    assert client.get(path, headers={"If-None-Match": tag}).status_code == 200
    client.post(f"/wishlist/add_no_size/{CUSTOMER_ID}/{low}", headers=token)
    hearts = [card["in_wishlist"] for card in client.get(path, headers=token).json()]
    assert (hearts, [card["in_wishlist"] for card in client.get(path).json()]) == ([False, True], [False, False])
    card = client.get(f"/product_unit/product_main/{air}/0").json()
    assert client.get(path).json()[0] == card
    hidden = product_entry("air", brands=("Щука",), categories=("Рыба",), available_flag=False)
    import_products(served.shop, OPERATOR, [hidden])
    assert found() == found(**token) == [low]
    for headers in ({}, token):
        problem_of(client.get(f"/product/related/{air}", headers=headers), 404, "not_found")
    staff = log_in(client, demo.STAFF)
    assert [card["id"] for card in client.get(f"/product/related/{air}", headers=staff).json()] == [low, dunk]
    for unknown in ("0", "999999", "x"):
        problem_of(client.get(f"/product/related/{unknown}"), 404, "not_found")
