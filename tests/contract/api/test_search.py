"""The search over HTTP: parameters, links between pages, facets, and refusals."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import httpx2
import pytest

from sellout_adapters.testing.scene import Scene, product_entry, shoe_size, unit_entry
from sellout_core.catalogue.search import CatalogueQuery
from sellout_core.people.accounts import OPERATOR
from sellout_core.use_cases.catalogue.importing.writing import import_products
from sellout_core.use_cases.shopping.wishlists import add_to_wishlist
from sellout_core.values import ProductId, UserId
from sellout_http.api.queries import catalogue_query
from sellout_http.routes import OPERATIONS
from tests.contract.conftest import PERSISTENT
from tests.contract.support.shop import CUSTOMER_ID, Served, log_in, problem_of, serving_shop, shop_over

PARAMETERS: Final = {parameter.name for parameter in catalogue_query.PARAMETERS}


def items(client: httpx2.Client, query: str, **headers: str) -> list[Any]:
    """All products that a search finds, from all pages."""
    found, url = [], f"/product/all/1?{query}"
    while url:
        response = client.get(url, headers=headers)
        assert response.status_code == 200, response.text
        found += response.json()["items"]
        url = response.links.get("next", {}).get("url", "")
    return found


def names(row: Mapping[str, Any], *members: str) -> set[str]:
    """The names in these members of a card."""
    return {named["name"] for member in members for named in row[member]}


def test_each_parameter_does_what_it_says(shared: Served) -> None:
    """Each search is compared with a filter of the whole catalogue."""
    client = shared.client
    everything = items(client, "page_size=100")
    assert len(everything) == 61
    units = {card["id"]: client.get(f"/product_unit/product/{card['id']}").json() for card in everything}

    def expected(test: Any) -> list[Any]:
        return [card for card in everything if test(card)]

    def price(card: Any) -> int:
        return -1 if card["min_price"] is None else int(card["min_price"])

    for query, test in {
        "q=NIKE": lambda card: "nike" in f"{names(card, 'brands')} {card['name']} {card['sku']}".lower(),
        "brand=nike": lambda card: "Nike" in names(card, "brands"),
        "brand=1": lambda card: any(brand["id"] == 1 for brand in card["brands"]),
        "brand=%D0%BC%D0%B8%D1%80%D0%B0%D0%B6&brand=Nike": lambda card: names(card, "brands") & {"Мираж", "Nike"},
        "category=running&brand=nike": lambda card: {"Running", "Nike"} <= names(card, "categories", "brands"),
        "tag=limited": lambda card: "Limited" in names(card, "tags"),
        "gender=f&gender=3": lambda card: card["gender"]["name"] in "FU",
        "size=EU:42&size=us:8": lambda card: any(
            unit["availability"] and (unit["size"]["EU"] == "42" or unit["size"]["US"] == "8")
            for unit in units[card["id"]]
        ),
        "price_min=10000&price_max=15000": lambda card: 10_000 <= price(card) <= 15_000,
        "available=true": lambda card: price(card) >= 0,
        "available=false": lambda card: price(card) < 0,
        "brand=0": lambda _: False,
        "tag=none+such": lambda _: False,
        "brand=99999999999999999999999": lambda _: False,
        "q=": lambda _: True,
    }.items():
        assert items(client, f"{query}&page_size=7") == expected(test), query
        assert client.get(f"/product/facets?{query}").json()["count"] == len(expected(test))
    for sort, key in {
        "id": lambda card: card["id"],
        "-add_date": lambda card: (-int(card["add_date"].replace("-", "")), card["id"]),
        "price": lambda card: (price(card) < 0, price(card), card["id"]),
        "-price": lambda card: (-price(card), card["id"]),
        "relevance": lambda card: card["id"],
    }.items():
        assert items(client, f"sort={sort}&page_size=9") == sorted(everything, key=key), sort


def test_links_keep_what_was_asked_for(shared: Served) -> None:
    """The link is percent-encoded, keeps the prefix and a fixed order of parameters, and omits unknown ones."""
    query = "sort=price&brand=Nike&q=%D0%BD&page_size=1&q&brand=%3E%22%D0%81&size=EU:4+2".replace("&q&", "&")
    response = shared.client.get(f"/api/v1/product/all/3?{query}")
    kept = "page_size=1&q=%D0%BD&brand=Nike&brand=%3E%22%D0%81&size=EU%3A4+2&sort=price"
    assert response.links["prev"]["url"] == f"/api/v1/product/all/2?{kept}"
    first = shared.client.get(f"/api/v1/product/all/1?{query}")
    assert first.headers["link"] == f'</api/v1/product/all/1?{kept}>; rel="last"'


def test_the_number_of_pages_is_right_where_it_is_sent(shared: Served) -> None:
    """The last page of every search has it, and so has every page if the facet index has counted."""
    for query in ("q=air", "brand=nike", "price_min=1&sort=price", "available=false", "q=zzz", "sort=-price"):
        count = shared.client.get(f"/product/facets?{query}").json()["count"]
        last = max(1, -(-count // 3))
        for number in range(1, last + 1):
            response = shared.client.get(f"/product/all/{number}?page_size=3&{query}")
            sent = response.headers.get("x-total-pages")
            assert sent in ({str(last)} if number == last else {None, str(last)}), query
            assert ("last" in response.links) == (sent is not None)


def test_words_may_come_as_bare_bytes(shared: Served) -> None:
    """Old browsers and command lines send UTF-8 bytes without percent-encoding. Bytes that are not UTF-8 find
    nothing.
    """
    found = items(shared.client, "brand=" + quote("Тропа"))
    assert len(found) > 5
    for raw, count in (("тропа", len(found)), ("%D1%82%D1%80%D0%BE%D0%BF%D0%B0", len(found)), ("%ff%fe", 0)):
        assert shared.client.get(f"/product/facets?brand={raw}").json()["count"] == count


BAD: Final[Mapping[str, list[str]]] = {
    "q": ["x" * 201, "a+b+c+d+e+f+g+h+i+j+k", "%00", "a&q=b"],
    "brand": ["", "%20", "x" * 151, "a%00", "&".join(["1"] + ["brand=1"] * 20)],
    "category": ["", "x" * 151],
    "tag": ["", "%0000"],
    "gender": ["", "&".join(["M"] + ["gender=M"] * 20)],
    "size": ["", "42", "EU", "EU:", ":42", "CM:27", "EU%3A%00", "EU :42", "\uff25\uff35:42", "EU:" + "4" * 151],
    "price_min": ["", "-1", "1.5", "1e3", "01", "+1", "1_0", "1000000001", "9" * 30, "\u0661", "NaN", "1&price_min=1"],
    "price_max": ["", "x", "1000000001", "5&price_max=5", "1&price_min=2"],
    "available": ["", "1", "True", "yes", "null", "true&available=true"],
    "sort": ["", "name", "-id", "add_date", "PRICE", "id&sort=id", "price%00"],
}


def test_a_bad_value_is_a_422_that_names_its_parameter(shared: Served) -> None:
    assert set(BAD) == PARAMETERS
    for path in ("/product/all/1", "/product/facets"):
        for name, values in BAD.items():
            for value in values:
                response = shared.client.get(f"{path}?{name}={value}")
                fields = problem_of(response, 422, "invalid_fields")["fields"]
                (field,) = fields
                assert (set(field), field["parameter"]) == ({"parameter", "detail", "code"}, name), value


def test_every_bad_parameter_is_named_at_once(shared: Served) -> None:
    query = "&".join(f"{name}={values[0]}" for name, values in BAD.items())
    fields = problem_of(shared.client.get(f"/product/facets?{query}"), 422, "invalid_fields")["fields"]
    assert {field["parameter"] for field in fields} == PARAMETERS


def test_odd_queries_are_answered(shared: Served) -> None:
    """Unusual values are searched for as they are. Unknown parameters are refused."""
    for value in (
        "'",
        '"',
        "%25",
        "*",
        "a*",
        "NEAR(a+b)",
        "a:b",
        "§b1",
        "\\",
        "'':*",
        "👟",
        "%E2%80%AE",
        "a%0Ab",
        "(",
        "!",
    ):
        for name in ("q", "brand", "size=EU:42&tag"):
            assert shared.client.get(f"/product/all/1?{name}={value}").status_code == 200
    for query in ("", "&&&", "q"):
        assert shared.client.get(f"/product/all/1?{query}").status_code == 200
    for query in ("=", "Q=a", "sort[]=x"):
        problem_of(shared.client.get(f"/product/all/1?{query}"), 422, "invalid_fields")
    many = "&".join(f"x{n}=1" for n in range(500))
    problem_of(shared.client.get(f"/product/all/1?{many}"), 414, "query_too_long")


def test_facets_lead_to_what_they_count(shared: Served) -> None:
    """A search for the value of a facet finds as many products as the facet says."""
    client = shared.client
    for query in ("", "brand=nike&brand=3", "q=a&available=true"):
        facets = client.get(f"/product/facets?{query}").json()
        assert facets["count"] == len(items(client, query))
        asked = [
            *((f"category={row['id']}", row["count"]) for row in facets["categories"]),
            *((f"tag={row['id']}", row["count"]) for row in facets["tags"]),
            *((f"gender={quote(row['name'])}", row["count"]) for row in facets["genders"]),
            *((f"size={quote(row['size'])}", row["count"]) for row in facets["sizes"][::5]),
            *((f"price_min={row['price_min']}&price_max={row['price_max']}", row["count"]) for row in facets["prices"]),
        ]
        assert len(asked) > 10
        for more, count in asked:
            assert client.get(f"/product/facets?{query}&{more}").json()["count"] == count, more
    assert facets["prices"] == sorted(facets["prices"], key=lambda row: row["price_min"])


def test_facets_are_no_product(shared: Served) -> None:
    """The path is not read as a product's id. As other documents of the catalogue, facets have an ETag."""
    response = shared.client.get("/product/facets")
    assert (response.status_code, response.headers["cache-control"]) == (200, "no-cache")
    again = shared.client.get("/product/facets/", headers={"If-None-Match": response.headers["etag"]})
    assert again.status_code == 304
    assert shared.client.head("/api/v1/product/facets").headers["content-length"] == str(len(response.content))
    assert shared.client.post("/product/facets").status_code == 405
    problem_of(shared.client.get("/product/facet"), 404, "not_found")
    assert json.loads(shared.client.get("/product/facets?q=zzz").content) == {
        "count": 0,
        "brands": [],
        "categories": [],
        "genders": [],
        "sizes": [],
        "prices": [],
        "tags": [],
    }


def test_what_is_found_is_the_readers_and_of_today(served: Served) -> None:
    """The page shows the reader's own wishes, and a change of the catalogue at once."""
    client, customer = served.client, log_in(served.client, "noadmin")
    url = "/product/all/1?q=air&sort=price"
    first = client.get(url).json()["items"][0]
    unit, _ = add_to_wishlist(served.shop, OPERATOR, UserId(CUSTOMER_ID), ProductId(first["id"]), None)
    for headers, wished in (({}, False), (customer, True), ({}, False), (customer, True)):
        card = next(card for card in client.get(url, headers=headers).json()["items"] if card["id"] == first["id"])
        assert card == {**first, "in_wishlist": wished, "wishlist_unit_ids": [unit.id] if wished else []}
    import_products(served.shop, OPERATOR, [product_entry("new", unit_entry(1, shoe_size("99")), name="Airship")])
    assert client.get(url).json()["items"][0]["sku"] == "new"
    assert client.get("/product/facets?size=EU:99").json()["count"] == 1


@pytest.mark.parametrize("kind", PERSISTENT)
def test_a_name_that_another_process_added_is_found(kind: str, tmp_path: Path) -> None:
    with PERSISTENT[kind](tmp_path) as one, PERSISTENT[kind](tmp_path) as other:
        Scene(one).sell(product_entry("first"))
        with serving_shop(shop_over(other), cache_mib=0) as served:
            assert served.client.get("/product/facets?brand=nike").json()["count"] == 1
            Scene(one).sell(product_entry("second", brands=("Late",)))
            assert served.client.get("/product/facets?brand=late").json()["count"] == 1
            assert [card["sku"] for card in items(served.client, "q=late")] == ["second"]
        assert other.read(lambda tx: tx.cards.search(CatalogueQuery(brands=("late",)), 0, 9, None)).total == 1


def test_every_parameter_is_described() -> None:
    described = {
        operation.path: {parameter.name for parameter in operation.parameters}
        for operation in OPERATIONS
        if operation.path in {"/product/all/{num_page}", "/product/facets"}
    }
    assert described == {"/product/all/{num_page}": PARAMETERS | {"page_size"}, "/product/facets": PARAMETERS}
