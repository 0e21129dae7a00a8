"""The OpenAPI document is valid, complete and true: it lists what is routed, and its schemas fit what is served."""

import json
import re
from typing import Any, Final

import httpx2
import pytest
from openapi_spec_validator import validate

from sellout_adapters import demo
from sellout_core.ports.store import Store
from sellout_http.api.operations import Access, Operation
from sellout_http.app import create_app
from sellout_http.problems.types import KINDS
from sellout_http.routes import OPERATIONS
from sellout_http.schemas import samples
from sellout_http.site.openapi import document
from tests.contract.support.documented import validator
from tests.contract.support.requests import IN_WORKING_ORDER, live_body, path_of
from tests.contract.support.shop import Served, demo_shop, log_in

DOCUMENT: Final[dict[str, Any]] = json.loads(json.dumps(document()))
DESCRIBED: Final = {
    f"{method.upper()} {path}": described
    for path, methods in DOCUMENT["paths"].items()
    for method, described in methods.items()
}
MAX_ID: Final = 2**53 - 1


def reply_schema(described: Any) -> Any:
    """The schema of an operation's usual answer."""
    success = next(status for status in described["responses"] if status.startswith("2"))
    return described["responses"][success]["content"]["application/json"]["schema"]


def test_the_document_is_openapi() -> None:
    validate(DOCUMENT)
    assert DOCUMENT["openapi"].startswith("3.1")


def test_it_lists_every_operation_once_and_nothing_else() -> None:
    routed = [f"{operation.method} {operation.path}" for operation in OPERATIONS]
    assert sorted(routed) == sorted(DESCRIBED)
    names = [described["operationId"] for described in DESCRIBED.values()]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("name", DESCRIBED)
def test_an_operation_is_described_in_full(name: str) -> None:
    """Summary, tags, security, limits of its parameters, examples, and the refusals it can give."""
    described = DESCRIBED[name]
    assert described["summary"]
    assert set(described["tags"]) <= {tag["name"] for tag in DOCUMENT["tags"]}
    ids = re.findall(r"\{(\w+)\}", name)
    in_path = [one for one in described["parameters"] if one["in"] == "path"]
    assert [one["name"] for one in in_path] == ids
    for one in in_path:
        assert one["required"]
        assert one["schema"]["type"] == "integer"
        assert (one["schema"]["minimum"] in (0, 1), one["schema"]["maximum"]) == (True, MAX_ID)
        assert isinstance(one["schema"]["maximum"], int)
    refusals = {status for status in described["responses"] if not status.startswith(("2", "3"))}
    assert {"401", "503"} <= refusals
    assert ("404" in refusals) or not ids
    assert {"400", "413", "415", "422"} <= refusals or "requestBody" not in described
    for status in refusals:
        assert list(described["responses"][status]["content"]) == ["application/problem+json"]


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: f"{operation.method} {operation.path}")
def test_examples_fit_the_schemas_and_are_the_documented_samples(operation: Any) -> None:
    described = DESCRIBED[f"{operation.method} {operation.path}"]
    sample = samples.find(operation.method, operation.path)
    success = next(status for status in described["responses"] if status.startswith("2"))
    example = described["responses"][success]["content"]["application/json"]["example"]
    validator(reply_schema(described)).validate(example)
    if sample.get("response") is not None and operation.path != "/order/orders":
        assert example == sample["response"]
    if "requestBody" in described:
        content = described["requestBody"]["content"]["application/json"]
        validator(content["schema"]).validate(content["example"])
        assert sample.get("request") in (None, content["example"])
        assert list(validator(content["schema"]).iter_errors({**content["example"], "unknown": 1}))


URLS: Final = {
    "/user/{user_id}": "/user/2",
    "/user/address/{user_id}": "/user/address/2",
    "/product/{product_id}": "/product/3",
    "/product/all/{num_page}": "/product/all/1?page_size=100",
    "/product/facets": "/product/facets?q=n&size=EU:42",
    "/product_unit/product/{product_id}": "/product_unit/product/5",
    "/product_unit/product_main/{product_id}/{user_id}": "/product_unit/product_main/4/0",
    "/order/user_orders/{user_id}": "/order/user_orders/2",
}
"""The URLs of reads that show more than the URL with every id 1."""

READS: Final = [
    (operation.path, URLS.get(operation.path, re.sub(r"\{\w+\}", "1", operation.path)))
    for operation in OPERATIONS
    if operation.method == "GET"
]


@pytest.fixture
def staff(shared: Served) -> dict[str, str]:
    """The header of a member of staff."""
    pair = shared.client.post("/user/login", json={"username": "artem", "password": "sellout-demo"}).json()
    return {"Authorization": f"Bearer {pair['access']}"}


@pytest.mark.parametrize(("path", "url"), READS)
def test_what_is_served_fits_its_schema(shared: Served, staff: dict[str, str], path: str, url: str) -> None:
    response = shared.client.get(url, headers=staff)
    assert response.status_code == 200
    validator(reply_schema(DESCRIBED[f"GET {path}"])).validate(response.json())


def test_what_any_operation_answers_fits_the_schema_of_its_status(served: Served) -> None:
    """Changes included, each with a request that succeeds."""
    for operation in IN_WORKING_ORDER:
        body = live_body(operation, served.client)
        staff = log_in(served.client, demo.STAFF)
        response = served.client.request(operation.method, path_of(operation), json=body, headers=staff)
        replies = DESCRIBED[f"{operation.method} {operation.path}"]["responses"]
        content = replies[str(response.status_code)]["content"]["application/json"]
        assert response.status_code < 300, response.text
        validator(content["schema"]).validate(response.json())


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: f"{operation.method} {operation.path}")
def test_access_and_statuses_are_the_operations(operation: Operation) -> None:
    """A token is optional just where anybody may call, and every status of success is there."""
    described = DESCRIBED[f"{operation.method} {operation.path}"]
    personal = operation.path in {"/product/all/{num_page}", "/product_unit/product_main/{product_id}/{user_id}"}
    expected: Any = None if personal else [] if operation.access is Access.ANON else [{"bearer": []}]
    assert described.get("security") == expected
    # What an operation without a list of its own takes.
    assert DOCUMENT["security"] == [{}, {"bearer": []}]
    assert {int(status) for status in described["responses"] if status < "3"} == set(operation.statuses)
    assert ("403" in described["responses"]) == (
        operation.access is Access.ADMIN or (operation.access is Access.USER and "{user_id}" in operation.path)
    )
    for name in ("WWW-Authenticate", "Retry-After"):
        assert name in described["responses"]["401" if name == "WWW-Authenticate" else "503"]["headers"]


def test_the_problems_given_as_examples_are_problems() -> None:
    """Each stands under its own status, fits the schema, and is one of the table's; every one of the core's is used."""
    problem, examples = validator(DOCUMENT["components"]["schemas"]["Problem"]), DOCUMENT["components"]["examples"]
    assert set(examples) == set(KINDS)
    used = set()
    for described in DESCRIBED.values():
        for status, response in described["responses"].items():
            for code, example in (
                response.get("content", {}).get("application/problem+json", {}).get("examples", {}).items()
            ):
                assert example == {"$ref": f"#/components/examples/{code}"}
                value = examples[code]["value"]
                problem.validate(value)
                assert (value["code"], str(value["status"])) == (code, status)
                used.add(code)
    # What is left is every request's, or no operation of the API raises it.
    of_all = {"bad_request", "method_not_allowed", "internal_error"}
    assert set(KINDS) - used == {*of_all, "promo_code_taken"}


def test_the_paths_are_those_the_app_routes(store: Store) -> None:
    """Besides the pages for browsers and load balancers, all of them and no other, by the router's own word."""
    router = create_app(demo_shop(store)).router
    routed = {f"{method} {route.path_format}" for route in router.routes for method in set(route.methods) - {"OPTIONS"}}
    pages = {"/", "/docs", "/docs/{name}", "/openapi.json", "/problems", "/problems/{code}", "/livez", "/readyz"}
    aliases = {
        f"{operation.method} {re.sub(r':(str|int)', '', alias)}"
        for operation in OPERATIONS
        for alias in operation.aliases
    }
    assert routed == set(DESCRIBED) | {f"GET {page}" for page in pages} | aliases


def test_a_refusal_fits_the_problem_schema(shared: Served) -> None:
    problem = DOCUMENT["components"]["schemas"]["Problem"]
    for response in (shared.client.get("/user"), shared.client.post("/user/login", json={})):
        validator(problem).validate(response.json())


def test_the_app_serves_this_document(shared: Served) -> None:
    assert shared.client.get("/openapi.json").json() == DOCUMENT


def test_the_interactive_page_needs_nothing_from_elsewhere(shared: Served) -> None:
    """Every file it names is the shop's own and there, compressed for whoever takes that and plain for others."""
    page = shared.client.get("/docs")
    assert page.status_code == 200
    files = re.findall(r"(?:src|href)=\"([^\"]+)\"", page.text)
    assert len([file for file in files if file.endswith((".js", ".css"))]) >= 3
    for file in files:
        assert file.startswith(("/", "data:")), file
        assert not file.startswith("//"), file
        if file.startswith("/"):
            assert_served_both_ways(shared.client, file)
    script = shared.client.get("/docs/start.js").text
    assert re.findall(r'url: "([^"]+)"', script) == ["/openapi.json"]
    assert "validatorUrl: null" in script
    assert "//" not in script
    style = shared.client.get("/docs/swagger-ui.css").text
    assert not re.findall(r"@import|url\((?![\"']?(?:data:|#))", style)
    assert "default-src 'self'" in page.headers["content-security-policy"]


def assert_served_both_ways(client: httpx2.Client, file: str) -> None:
    """A file answers alike with and without compression."""
    plain = client.get(file, headers={"Accept-Encoding": "identity"})
    packed = client.get(file, headers={"Accept-Encoding": "gzip"})
    assert (plain.status_code, packed.status_code) == (200, 200)
    assert "content-encoding" not in plain.headers
    assert plain.content == packed.content
