"""The cache of catalogue documents: each reader gets the right document, this process sees its own changes at once, and
memory is bounded.
"""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import attrs
import httpx2
import pytest

from sellout_adapters import demo
from sellout_adapters.testing.scene import product_entry, shoe_size, unit_entry
from sellout_core.people.accounts import OPERATOR
from sellout_core.ports.store import Store
from sellout_core.use_cases.catalogue.importing.writing import import_products
from sellout_core.use_cases.shopping.wishlists import add_to_wishlist
from sellout_core.values import ProductId, UserId, WishlistUnitId
from sellout_http.catalogue_cache.document_cache import Document, DocumentCache, Key
from sellout_http.runtime.etags import matches_etag
from tests.contract.conftest import PERSISTENT
from tests.contract.support.shop import CUSTOMER_ID, Served, demo_shop, log_in, serving_shop

PAGES = ["/product/all/1", "/product/all/1?page_size=2", "/product_unit/product/2", "/product_unit/product_main/2/0"]
OTHERS = ["/api/v1/product/all/1", "/product/all/1/", "/product_unit/product_main/2/7"]


@pytest.fixture(params=[0, 32])
def either(request: pytest.FixtureRequest, store: Store) -> Iterator[Served]:
    """The demo shop, with and without a cache."""
    with serving_shop(demo_shop(store), cache_mib=request.param) as served:
        yield served


def rename(served: Served, name: str) -> None:
    """Renames the first product in the store of this process."""
    import_products(served.shop, OPERATOR, [product_entry("air_force_1", name=name)])


@pytest.mark.parametrize("path", PAGES)
def test_a_kept_document_is_the_one_that_is_read(served: Served, path: str) -> None:
    first, second = served.client.get(path), served.client.get(path)
    assert first.status_code == second.status_code == 200
    assert first.content == second.content
    same = {"etag", "link", "cache-control", "vary", "content-type", "content-length", "x-content-type-options"}
    assert [(name, first.headers.get(name)) for name in same] == [(name, second.headers.get(name)) for name in same]
    head = served.client.head(path)
    assert (head.status_code, head.content, head.headers["etag"]) == (200, b"", first.headers["etag"])


@pytest.mark.parametrize("path", [*PAGES, *OTHERS])
def test_a_document_that_is_still_so_is_not_sent_again(served: Served, path: str) -> None:
    """The rules are those of RFC 9110, section 13.1.2: weak comparison, lists, and `*`. They apply to cached and other
    documents.
    """
    tag = served.client.get(path).headers["etag"]
    for sent in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        for _ in range(2):
            answer = served.client.get(path, headers={"If-None-Match": sent})
            assert (answer.status_code, answer.content) == (304, b"")
            assert answer.headers["etag"] == tag
            assert answer.headers["cache-control"] == "no-cache"
    for sent in ('"other"', tag.strip('"'), ""):
        assert served.client.get(path, headers={"If-None-Match": sent}).status_code == 200
    rename(served, "Another name")
    if "/all/" in path:
        assert served.client.get(path, headers={"If-None-Match": tag}).status_code == 200


def test_a_process_sees_its_own_catalogue_change_at_once(either: Served) -> None:
    for number in range(5):
        rename(either, f"Name {number}")
        shown = either.client.get("/product/all/1").json()["items"][0]
        assert shown["name"] == f"Name {number}"
        token = log_in(either.client, demo.CUSTOMER)
        assert either.client.get("/product/all/1", headers=token).json()["items"][0]["name"] == f"Name {number}"
        assert either.client.get("/product_unit/product_main/1/0").json()["name"] == f"Name {number}"


def test_what_is_sold_out_is_seen_at_once(either: Served) -> None:
    last = unit_entry(5, shoe_size("41"), stock=1)
    import_products(either.shop, OPERATOR, [product_entry("last", last)])
    product = either.client.get("/product/all/1?page_size=100").json()["items"][-1]
    assert (product["sku"], product["min_price"]) == ("last", 5)
    path = f"/product_unit/product/{product['id']}"
    [unit] = either.client.get(path).json()
    token = log_in(either.client, demo.CUSTOMER)
    assert either.client.post(f"/order/cart_add/{CUSTOMER_ID}/{unit['id']}", headers=token).status_code == 201
    addresses = either.client.get(f"/user/address/{CUSTOMER_ID}", headers=token).json()
    order = {
        "product_unit": [unit["id"]],
        "email": "mail@mail.ru",
        "tel": 77777777777,
        "first_name": "A",
        "last_name": "B",
        "address_id": addresses[0]["id"],
        "promo_code": "",
        "total_amount": 100,
    }
    assert either.client.post(f"/order/checkout/{CUSTOMER_ID}", headers=token, json=order).status_code == 201
    assert either.client.get("/product/all/1?page_size=100").json()["items"][-1]["min_price"] is None
    assert either.client.get(path).json()[0]["availability"] is False


def test_in_wishlist_is_the_readers_own_whatever_is_kept(either: Served) -> None:
    """A product's own text may look like the members `in_wishlist` and `wishlist_unit_ids`."""
    token = log_in(either.client, demo.CUSTOMER)
    staff = log_in(either.client, demo.STAFF)
    rename(either, '"in_wishlist":false,"wishlist_unit_ids":[]')

    def wished(headers: dict[str, str]) -> dict[int, list[int]]:
        items = either.client.get("/product/all/1", headers=headers).json()["items"]
        assert all(item["in_wishlist"] == bool(item["wishlist_unit_ids"]) for item in items)
        return {item["id"]: item["wishlist_unit_ids"] for item in items if item["in_wishlist"]}

    before, of_staff = wished(token), wished(staff)
    for product_id in (5, 4, 3):
        unit, _ = add_to_wishlist(either.shop, OPERATOR, UserId(CUSTOMER_ID), ProductId(product_id), None)
        before = before | {product_id: [*before.get(product_id, []), unit.id]}
        assert (wished(token), wished({}), wished(staff)) == (before, {}, of_staff)
    card = f"/product_unit/product_main/4/{CUSTOMER_ID}"
    assert either.client.get(card, headers=token).json()["in_wishlist"] is True
    assert either.client.get(card, headers=staff).json()["in_wishlist"] is True
    assert either.client.get(card).json()["in_wishlist"] is False
    viewed = either.client.get(f"/user/last_seen/{CUSTOMER_ID}", headers=token).json()
    assert viewed[0]["id"] == 4


def test_staff_get_the_anonymous_card_for_an_unknown_user(either: Served) -> None:
    staff = log_in(either.client, demo.STAFF)
    answer = either.client.get("/product_unit/product_main/4/999", headers=staff)
    assert answer.json() == either.client.get("/product_unit/product_main/4/0").json()


@pytest.mark.parametrize("kind", PERSISTENT)
def test_another_process_sees_a_change_when_its_version_is_not_recent_any_more(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The version is cached for a second at most. In this test it is not cached."""
    monkeypatch.setattr("sellout_adapters.sql.session.product_cache._RECENT", 0.0)
    with (
        PERSISTENT[kind](tmp_path) as store,
        PERSISTENT[kind](tmp_path) as other,
        serving_shop(demo_shop(store)) as here,
    ):
        assert here.client.get("/product/all/1").status_code == 200
        elsewhere = attrs.evolve(here.shop, store=other)
        for name in ("One", "Two"):
            import_products(elsewhere, OPERATOR, [product_entry("air_force_1", name=name)])
            assert here.client.get("/product/all/1").json()["items"][0]["name"] == name


def test_many_entity_tags_are_matched_in_few_calls() -> None:
    """A header may hold 30,000 commas, and it is matched on the event loop."""
    calls = list[str]()
    tag = Document(b"{}").etag
    tags = '"x",' * 8_000
    sys.setprofile(lambda *noted: calls.append(noted[1]))
    try:
        found = [matches_etag(tag, [sent]) for sent in (tags, "," * 32_000, f"{tags} W/{tag}")]
    finally:
        sys.setprofile(None)
    assert found == [False, False, True]
    assert len(calls) < 50


def test_a_cached_document_takes_as_many_bytes_as_are_counted() -> None:
    """The size does not change after the document was sent, neither anonymous nor personal."""
    card = b'{"in_wishlist":false,"wishlist_unit_ids":[]}'
    body = b"[" + card + b"," + card + b"]" + b" " * 10_000
    sent = Document(body, cards=(ProductId(1), ProductId(2)))
    assert sent.raw_headers
    wished = {ProductId(2): (WishlistUnitId(3), WishlistUnitId(14))}
    mark = b'"in_wishlist":true,"wishlist_unit_ids":[3,14]}]'
    assert sent.personalised(wished) == body.replace(b'"in_wishlist":false,"wishlist_unit_ids":[]}]', mark)
    members = [getattr(sent, name) for name in vars(sent)]
    pieces = [piece for member in members for piece in (member if isinstance(member, list) else [member])]
    assert sum(len(piece) for piece in pieces if isinstance(piece, bytes)) == len(body)


def document(size: int) -> Document:
    return Document(b"x" * size)


def key(route: str, query: bytes = b"") -> Key:
    return "", route, query


def test_no_more_is_kept_than_may_be() -> None:
    """The least recently used document is evicted first. A document that is too large is not cached."""
    kept = DocumentCache(10 * (1024 + 1000))
    for number in range(30):
        kept.add(key(str(number)), 1, document(1000))
        kept.find(key("0"), 1)
    found = [number for number in range(30) if kept.find(key(str(number)), 1)]
    assert found == [0, *range(21, 30)]
    kept.add(key("large"), 1, document(100_000))
    kept.add(key("", b"x" * 1000), 1, document(1))
    assert kept.find(key("large"), 1) is None
    assert kept.find(key("", b"x" * 1000), 1) is None
    assert kept.find(key("0"), 2) is None
    kept.add(key("new"), 2, document(1))
    assert kept.find(key("0"), 1) is None
    kept.add(key("late"), 1, document(1))
    assert kept.find(key("new"), 2) is not None
    assert kept.find(key("late"), 1) is None


def test_without_room_nothing_is_kept() -> None:
    kept = DocumentCache(0)
    kept.add(key(""), 1, document(1))
    assert kept.find(key(""), 1) is None


def test_refusals_are_not_kept(served: Served) -> None:
    get: Callable[..., httpx2.Response] = served.client.get
    for _ in range(2):
        assert get("/product_unit/product/999").status_code == 404
        assert get("/product/all/1?page_size=0").status_code == 422
        bad: Any = {"Authorization": "Bearer nothing"}
        assert get("/product/all/1", headers=bad).status_code == 401
