"""Paths and methods of the HTTP API: aliases, HEAD, OPTIONS, unknown paths, caching, and content types."""

import json
import re
from typing import Final

import httpx2
import pytest

from sellout_adapters import demo
from sellout_http.api.operations import Access
from sellout_http.routes import OPERATIONS
from tests.contract.support.buyer import ADDRESS
from tests.contract.support.client import send_raw
from tests.contract.support.requests import CHECKOUT, OPERATION_NAMES, headers_of, path_of, valid_body
from tests.contract.support.shop import SESSION_ID, Served, log_in, problem_of

pytestmark = pytest.mark.http

PREFIXES: Final = ("", "/api/v1")
READS: Final = [name for name, operation in OPERATION_NAMES.items() if operation.method == "GET"]
PAGES: Final = (
    *("/", "/docs", "/docs/swagger-ui-bundle.js", "/docs/swagger-ui.css", "/docs/start.js", "/openapi.json"),
    *("/problems", "/problems/not_found", "/livez", "/readyz"),
)
INDEX_READS: Final = {
    "/order/1": "/order/info/1",
    "/user/user_info/1": "/user_info/1",
    "/user/user_info/2": "/user_info/2",
    "/order/user_orders": "/order/user_orders/1",
}
METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "BREW")


@pytest.fixture(scope="module")
def staff(shared: Served) -> dict[str, str]:
    return log_in(shared.client, demo.STAFF)


def paths() -> dict[str, set[str]]:
    """The methods of each path of the API."""
    found: dict[str, set[str]] = {}
    for operation in OPERATIONS:
        path = operation.path.replace("{session_id}", SESSION_ID).replace("{provider}", "bank")
        found.setdefault(re.sub(r"\{\w+\}", "1", path), set()).add(operation.method)
    return found


def allowed(methods: set[str]) -> str:
    """The Allow header of a path with these methods."""
    return ", ".join(sorted(methods | {"OPTIONS"} | ({"HEAD"} if "GET" in methods else set())))


@pytest.mark.parametrize("name", READS)
def test_a_path_answers_with_prefix_and_slash(shared: Served, staff: dict[str, str], name: str) -> None:
    """The response is the same at the documented path and under /api/v1, with and without a trailing slash."""
    # The card of user 0, because the card of a user notes a view.
    operation = OPERATION_NAMES[name]
    path = path_of(operation, **({"user_id": 0} if name == "show_card" else {}))
    require_same_response(shared.client, path, path, {**staff, **headers_of(operation)})


def require_same_response(client: httpx2.Client, path: str, alias: str, headers: dict[str, str]) -> None:
    """Asserts that an alias, with each prefix and trailing slash, has the response of the path."""
    plain = client.get(path, headers=headers)
    assert plain.status_code == 200
    alias, mark, query = alias.partition("?")
    for prefix in PREFIXES:
        for end in ("", "/"):
            response = client.get(f"{prefix}{alias}{end}{mark}{query}", headers=headers)
            assert (response.status_code, response.content) == (200, plain.content)


@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize("end", ["", "/"])
def test_other_methods_answer_with_prefix_and_slash(client: httpx2.Client, prefix: str, end: str) -> None:
    """The aliases work for each method. An empty query changes nothing."""
    pair = client.post(f"{prefix}/user/login{end}?", json=valid_body(OPERATION_NAMES["log_in"])).json()
    staff = {"Authorization": f"Bearer {pair['access']}"}
    added = client.post(f"{prefix}/user/address/1{end}", headers=staff, json=ADDRESS)
    assert added.status_code == 201
    path = f"{prefix}/user/address/1/{added.json()['id']}{end}"
    assert client.put(path, headers=staff, json=ADDRESS).json() == added.json()
    assert client.delete(path, headers=staff).json() == added.json()


@pytest.mark.parametrize("spelling", INDEX_READS)
def test_the_index_spelling_of_a_read_answers_too(shared: Served, staff: dict[str, str], spelling: str) -> None:
    """The response is that of the detailed path, with each prefix and trailing slash."""
    require_same_response(shared.client, INDEX_READS[spelling], spelling, staff)


@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize("end", ["", "/"])
def test_the_index_spelling_of_a_change_answers_too(client: httpx2.Client, prefix: str, end: str) -> None:
    """The two writing operations on carts have such aliases."""
    staff = log_in(client, demo.STAFF)
    removed = client.delete(f"{prefix}/cart/cart_delete/1/2{end}", headers=staff)
    assert (removed.status_code, removed.json()["id"]) == (200, 2)
    assert [unit["id"] for unit in client.get("/order/cart/1", headers=staff).json()["product_units"]] == [1]
    ordered = client.post(f"{prefix}/cart/checkout/1{end}", headers=staff, json={**CHECKOUT, "product_unit": [1]})
    assert (ordered.status_code, [unit["id"] for unit in ordered.json()["product_unit"]]) == (201, [1])


def test_own_orders_are_the_callers(shared: Served) -> None:
    """`order/user_orders` without an id lists the caller's orders."""
    customer = log_in(shared.client, demo.CUSTOMER)
    orders = shared.client.get("/order/user_orders", headers=customer)
    assert orders.content == shared.client.get("/order/user_orders/2", headers=customer).content
    assert [order["id"] for order in orders.json()] == [1]
    problem_of(shared.client.get("/order/user_orders"), 401, "unauthenticated")


@pytest.mark.parametrize("name", READS)
def test_head_is_get_without_a_body(shared: Served, staff: dict[str, str], name: str) -> None:
    """Status and headers are the same, Content-Length included, for successes and refusals."""
    operation = OPERATION_NAMES[name]
    good = path_of(operation, **({"user_id": 0} if name == "show_card" else {}))
    refused = path_of(operation, **dict.fromkeys(operation.id_names, "x")) if operation.id_names else f"{good}/x"
    for path in (good, f"/api/v1{good}/", refused):
        for headers in (staff, {}, {"Authorization": "Bearer x"}):
            same_head(shared.client, path, headers)


@pytest.mark.parametrize("path", [*PAGES, *INDEX_READS, "/problems/nothing", "/docs/nothing", "/nothing"])
def test_head_works_for_pages_too(shared: Served, path: str) -> None:
    """They are the same with and without compression."""
    for coding in ("gzip", "identity"):
        same_head(shared.client, path, {"Accept-Encoding": coding})


def same_head(client: httpx2.Client, path: str, headers: dict[str, str]) -> None:
    """Asserts that HEAD has the status and headers of GET, and no body."""
    got, head = client.get(path, headers=headers), client.head(path, headers=headers)
    assert head.status_code == got.status_code
    # A response without a body has no Transfer-Encoding (RFC 9112, section 6.1).
    its_own = {"date": "", "x-request-id": "", "transfer-encoding": ""}
    assert {**head.headers, **its_own} == {**got.headers, **its_own}
    if got.status_code != 307 and "transfer-encoding" not in got.headers:
        assert int(head.headers["content-length"]) > 0
    assert head.content == b""


def test_no_byte_follows_the_headers_of_head(shared: Served) -> None:
    """On a raw connection, a body would be read as the next response."""
    status, body = send_raw(shared.client, b"HEAD /product/all/1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert (status, body) == (200, b"")


@pytest.mark.parametrize("path", paths())
def test_another_method_is_a_405(shared: Served, path: str) -> None:
    """`Allow` lists the methods that work, HEAD beside GET, for every caller and every alias."""
    methods = paths()[path]
    for method in METHODS:
        if method in methods or method == "OPTIONS" or (method == "HEAD" and "GET" in methods):
            continue
        for spelling in (path, f"/api/v1{path}/"):
            response = shared.client.request(method, spelling)
            assert response.status_code == 405, (method, spelling)
            assert response.headers["allow"] == allowed(methods)
            if method != "HEAD":
                problem_of(response, 405, "method_not_allowed")


@pytest.mark.parametrize("path", PAGES)
def test_pages_answer_get_alone(shared: Served, path: str) -> None:
    """HEAD works, too."""
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        response = shared.client.request(method, path)
        problem_of(response, 405, "method_not_allowed")
        assert response.headers["allow"] == "GET, HEAD, OPTIONS"
    response = shared.client.options(path)
    assert (response.status_code, response.headers["allow"]) == (204, "GET, HEAD, OPTIONS")


@pytest.mark.parametrize("path", paths())
def test_options_says_what_a_path_allows(shared: Served, path: str) -> None:
    """OPTIONS works for every caller. Its response has no body."""
    for spelling in (path, f"{path}/", f"/api/v1{path}"):
        response = shared.client.options(spelling)
        assert (response.status_code, response.content) == (204, b"")
        assert response.headers["allow"] == allowed(paths()[path])


def test_the_index_spellings_allow_what_the_details_do(shared: Served) -> None:
    """An alias is the same resource."""
    for path, methods in {
        "/order/1": {"GET"},
        "/user/user_info/1": {"GET"},
        "/cart/checkout/1": {"POST"},
        "/cart/cart_delete/1/1": {"DELETE"},
    }.items():
        assert shared.client.options(path).headers["allow"] == allowed(methods)
        response = shared.client.patch(path)
        problem_of(response, 405, "method_not_allowed")
        assert response.headers["allow"] == allowed(methods)


NOWHERE: Final = (
    *("/api", "/api/v2/product/all/1", "/API/V1/product/all/1", "/api/v1/api/v1/user/login"),
    *("/product//all/1", "/product/all//1", "/product/all/1//", "/api/v1//product/all/1", "/product/1//"),
    *("/product/all/1/2", "/products", "/Product/all/1", "/user/login/x", "/wishlist", "/promo/check"),
    *("/cart", "/cart/1", "/cart/cart_add/1/1", "/cart/cart/1", "/order", "/order/cart", "/order/info", "/order/x"),
    *("/wishlist/add/1/1", "/order/info/1/1", "/user/1/address", "/user_info/1/1"),
    *("/order%2Finfo/1", "/product/all%2F1", "/order%2finfo%2f1", "/%2e%2e/product", "/docs/%2e%2e/app.py"),
    *("/docs/%2e%2e%2fapp.py", "/openapi.yaml", "/favicon.ico", "/robots.txt", "/.env", "/schema", "/docs/x/y"),
    *("/%00", "/%00nowhere", "/%ff", "/👟", "/nothing" + "x" * 10_000, "/problems/not_found/x"),
)
NO_SUCH_PAGE: Final = (
    *("/docs/swagger-ui-bundle.js.gz", "/docs/nothing", "/docs/LICENSE", "/docs/%00", "/docs/%ff"),
    *("/problems/nothing", "/problems/%3Cscript%3E", "/problems/Not_found", "/problems/%00"),
    *("/user/token", "/user/address", "/user/user_info", "/product/all", "/user/nothing", "/product/x"),
)


@pytest.mark.parametrize("path", [*NOWHERE, *NO_SUCH_PAGE], ids=lambda path: path[:40])
def test_an_unknown_path_is_a_404(shared: Served, staff: dict[str, str], path: str) -> None:
    """It is a problem document for each method, and repeats nothing of the path."""
    for method in ("GET", "POST", "DELETE", "PATCH") if path in NOWHERE else ("GET",):
        response = shared.client.request(method, path, headers=staff)
        problem_of(response, 404, "not_found")
        assert "script" not in response.text
    assert shared.client.head(path).status_code == 404


@pytest.mark.parametrize("target", ["//", "///", "//product/all/1", "/product/../product/all/1", "*", "/\x00nowhere"])
def test_what_a_client_would_not_send_is_nowhere_either(shared: Served, target: str) -> None:
    """HTTP clients normalize such paths. The server receives them as they are."""
    status, _ = send_raw(shared.client, f"GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    assert status == (400 if "\0" in target else 404)


def test_the_root_leads_to_the_documentation(shared: Served) -> None:
    """The prefix alone leads there, too."""
    for path in ("/", "/api/v1", "/api/v1/"):
        response = shared.client.get(path)
        assert (response.status_code, response.headers["location"]) == (307, "/docs")
    assert shared.client.get(response.headers["location"]).headers["content-type"].startswith("text/html")


@pytest.mark.parametrize("prefix", PREFIXES)
def test_a_page_links_to_its_neighbours(shared: Served, prefix: str) -> None:
    """Links keep the prefix and the page size. The pages show each product once."""
    for query in ("", "?page_size=7", "?page_size=100"):
        path: str | None = f"{prefix}/product/all/1{query}"
        seen: list[int] = []
        numbers: list[int] = []
        while path is not None:
            response = shared.client.get(path)
            assert response.status_code == 200
            number = response.json()["page number"]
            numbers.append(number)
            seen += [item["id"] for item in response.json()["items"]]
            links = {rel: link["url"] for rel, link in response.links.items()}
            previous = f"{prefix}/product/all/{number - 1}{query}" if number > 1 else None
            assert links.get("prev") == previous
            assert links.get("next") in {None, f"{prefix}/product/all/{number + 1}{query}"}
            assert set(links) <= {"prev", "next", "last"}
            path, last = links.get("next"), links["last"]
        assert numbers == list(range(1, len(numbers) + 1))
        assert last == f"{prefix}/product/all/{number}{query}"
        assert response.headers["x-total-pages"] == str(number)
        assert len(set(seen)) == len(seen) > 50
        assert seen == sorted(seen)


def test_a_page_past_the_end_is_empty(shared: Served) -> None:
    """It has links to the previous and the last page. The last page has no next link, even if it is full."""
    for number in (1000, 2**53 - 1):
        response = shared.client.get(f"/product/all/{number}")
        assert response.json() == {"page number": number, "items": []}
        assert response.headers["link"] == f'</product/all/{number - 1}>; rel="prev", </product/all/4>; rel="last"'
    total = sum(len(shared.client.get(f"/product/all/{number}").json()["items"]) for number in range(1, 10))
    size = next(size for size in range(100, 0, -1) if total % size == 0)
    last = shared.client.get(f"/product/all/{total // size}?page_size={size}")
    assert len(last.json()["items"]) == size
    assert "next" not in last.links


@pytest.mark.parametrize("name", READS)
def test_personal_documents_are_not_stored(shared: Served, staff: dict[str, str], name: str) -> None:
    """Responses to a request with a token, a guest's too, and refusals, are not cached."""
    operation = OPERATION_NAMES[name]
    path = path_of(operation, **({"user_id": 0} if name == "show_card" else {}))
    required = headers_of(operation)
    assert shared.client.get(path, headers={**staff, **required}).headers["cache-control"] == "no-store"
    assert shared.client.get(path_of(operation) + "/x", headers=staff).headers["cache-control"] == "no-store"
    anonymous = shared.client.get(path, headers=required)
    if name == "show_guest_cart":
        assert (anonymous.status_code, anonymous.headers["cache-control"]) == (200, "no-store")
    elif operation.access is Access.ANON:
        assert anonymous.headers["cache-control"] == "no-cache"
    else:
        problem_of(anonymous, 401, "unauthenticated")
        assert anonymous.headers["cache-control"] == "no-store"


def test_tokens_are_not_stored(shared: Served) -> None:
    """This applies to the responses of log-in, refresh and verify."""
    pair = shared.client.post("/user/login", json=valid_body(OPERATION_NAMES["log_in"]))
    assert pair.headers["cache-control"] == "no-store"
    for path, body in (
        ("/user/token/verify", {"token": pair.json()["access"]}),
        ("/user/token/refresh", {"refresh": pair.json()["refresh"]}),
    ):
        response = shared.client.post(path, json=body)
        assert (response.status_code, response.headers["cache-control"]) == (200, "no-store")


@pytest.mark.parametrize("path", [*PAGES, "/product/all/1", "/user/1", "/nothing"])
def test_no_answer_is_sniffed(shared: Served, path: str) -> None:
    """Browsers take the Content-Type as it is stated."""
    response = shared.client.get(path)
    if response.status_code != 307:
        assert response.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "path", ["/docs/swagger-ui-bundle.js", "/docs/swagger-ui.css", "/docs/start.js", "/openapi.json"]
)
def test_a_file_that_did_not_change_is_not_sent_again(shared: Served, path: str) -> None:
    """The entity tag may be alone, weak, or one of several."""
    first = shared.client.get(path)
    tag = first.headers["etag"]
    assert first.headers["vary"].lower() == "accept-encoding"
    for known in (tag, f"W/{tag}", f'"other", {tag}'):
        again = shared.client.get(path, headers={"If-None-Match": known})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    for other in ('"other"', tag.strip('"'), ""):
        assert shared.client.get(path, headers={"If-None-Match": other}).content == first.content


def test_json_says_it_is_json(shared: Served, staff: dict[str, str]) -> None:
    """It is UTF-8, whatever the client accepts."""
    for headers in ({}, {"Accept": "text/html"}, {"Accept": "application/xml;q=1"}, {"Accept-Charset": "cp1251"}):
        response = shared.client.get("/user/address/1", headers={**staff, **headers})
        assert response.headers["content-type"] == "application/json"
        assert json.loads(response.content.decode("utf-8"))[0]["address"] == "Проспект Мира 111"
