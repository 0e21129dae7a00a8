"""The OpenAPI document is valid and complete: it lists all routes, and its schemas fit the responses."""

import asyncio
import gzip
import json
import re
from typing import Any, Final

import httpx2
import pytest
from openapi_spec_validator import validate

from sellout_adapters import demo
from sellout_core.ports.store import Store
from sellout_http.api.operations import TEXT_IDS, Access, Operation
from sellout_http.app import create_app
from sellout_http.problems.types import PROBLEM_TYPES
from sellout_http.routes import OPERATIONS
from sellout_http.runtime.asgi import Message
from sellout_http.schemas import samples
from sellout_http.site.openapi import document
from tests.contract.support.documented import schema_validator
from tests.contract.support.requests import IN_SUCCEEDING_ORDER, content_of, headers_of, path_of, valid_body_with_token
from tests.contract.support.shop import Served, demo_shop, log_in

DOCUMENT: Final[dict[str, Any]] = json.loads(json.dumps(document()))
DESCRIBED: Final = {
    f"{method.upper()} {path}": described
    for path, methods in DOCUMENT["paths"].items()
    for method, described in methods.items()
}
MAX_ID: Final = 2**53 - 1


def reply_schema(described: Any) -> Any:
    """The schema of an operation's successful response."""
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
    """An operation has a summary, tags, security, limits of its parameters, and all its refusals."""
    described = DESCRIBED[name]
    assert described["summary"]
    assert set(described["tags"]) <= {tag["name"] for tag in DOCUMENT["tags"]}
    ids = re.findall(r"\{(\w+)\}", name)
    in_path = [one for one in described["parameters"] if one["in"] == "path"]
    assert [one["name"] for one in in_path] == ids
    for one in in_path:
        assert one["required"]
        if one["name"] in TEXT_IDS:
            assert one["schema"] == {"type": "string", "pattern": TEXT_IDS[one["name"]]}
            continue
        assert one["schema"]["type"] == "integer"
        assert (one["schema"]["minimum"] in (0, 1), one["schema"]["maximum"]) == (True, MAX_ID)
        assert isinstance(one["schema"]["maximum"], int)
    refusals = {status for status in described["responses"] if not status.startswith(("2", "3"))}
    assert {"401", "503"} <= refusals
    assert ("404" in refusals) or not ids
    content = described.get("requestBody", {"content": ()})["content"]
    assert {"400"} <= refusals or "application/json" not in content
    assert {"413", "415", "422"} <= refusals or not content
    for status in refusals:
        assert list(described["responses"][status]["content"]) == ["application/problem+json"]


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: f"{operation.method} {operation.path}")
def test_examples_fit_the_schemas_and_are_the_documented_samples(operation: Any) -> None:
    described = DESCRIBED[f"{operation.method} {operation.path}"]
    sample = samples.find(operation.method, operation.path)
    success = next(status for status in described["responses"] if status.startswith("2"))
    example = described["responses"][success]["content"]["application/json"]["example"]
    schema_validator(reply_schema(described)).validate(example)
    if sample.get("response") is not None and operation.path != "/order/orders":
        assert example == sample["response"]
    if operation.upload is not None:
        file = {"type": "string", "format": "binary"}
        schemas = [
            (media_type, file if media_type.startswith("image/") else {"type": "object"})
            for media_type in operation.upload.media_types
            if ";" not in media_type
        ]
        types = {media_type: {"schema": schema} for media_type, schema in schemas}
        assert described["requestBody"] == {"required": True, "content": types}
    elif "requestBody" in described:
        content = described["requestBody"]["content"]["application/json"]
        schema_validator(content["schema"]).validate(content["example"])
        assert sample.get("request") in (None, content["example"])
        assert list(schema_validator(content["schema"]).iter_errors({**content["example"], "unknown": 1}))


URLS: Final = {
    "/user/{user_id}": "/user/2",
    "/user/address/{user_id}": "/user/address/2",
    "/product/{product_id}": "/product/3",
    "/product/all/{num_page}": "/product/all/1?page_size=100",
    "/product/facets": "/product/facets?q=n&size=EU:42",
    "/product_unit/product/{product_id}": "/product_unit/product/5",
    "/product_unit/product_main/{product_id}/{user_id}": "/product_unit/product_main/4/0",
    "/order/user_orders/{user_id}": "/order/user_orders/2",
    "/report/sales": "/report/sales?from=2026-01-01&to=2027-01-01&by=day",
}
"""The URLs of reads that show more than the URL with every id 1."""

READS: Final = [
    (operation, URLS.get(operation.path, path_of(operation))) for operation in OPERATIONS if operation.method == "GET"
]


@pytest.fixture
def staff(shared: Served) -> dict[str, str]:
    """The Authorization header of a member of staff."""
    pair = shared.client.post("/user/login", json={"username": "artem", "password": "sellout-demo"}).json()
    return {"Authorization": f"Bearer {pair['access']}"}


@pytest.mark.parametrize(
    ("operation", "url"), READS, ids=lambda part: part if isinstance(part, str) else part.handler.__name__
)
def test_what_is_served_fits_its_schema(shared: Served, staff: dict[str, str], operation: Operation, url: str) -> None:
    response = shared.client.get(url, headers={**staff, **headers_of(operation)})
    assert response.status_code == 200
    schema_validator(reply_schema(DESCRIBED[f"GET {operation.path}"])).validate(response.json())


def test_what_any_operation_answers_fits_the_schema_of_its_status(served: Served) -> None:
    """Each operation, writing ones included, gets a request that succeeds."""
    for operation in IN_SUCCEEDING_ORDER:
        body = valid_body_with_token(operation, served.client)
        staff = log_in(served.client, demo.STAFF)
        headers = {**staff, **headers_of(operation)}
        response = served.client.request(
            operation.method, path_of(operation), headers=headers, **content_of(operation, body)
        )
        replies = DESCRIBED[f"{operation.method} {operation.path}"]["responses"]
        content = replies[str(response.status_code)]["content"]["application/json"]
        assert response.status_code < 300, response.text
        schema_validator(content["schema"]).validate(response.json())


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: f"{operation.method} {operation.path}")
def test_access_and_statuses_are_the_operations(operation: Operation) -> None:
    """The token is optional exactly where anonymous callers are allowed. Every status of success is listed."""
    described = DESCRIBED[f"{operation.method} {operation.path}"]
    personal = operation.path in {
        "/product/all/{num_page}",
        "/product/by_sku",
        "/product/by_slug",
        "/product/related/{product_id}",
        "/product_unit/product_main/{product_id}/{user_id}",
    }
    expected: Any = None if personal else [] if operation.access is Access.ANON else [{"bearer": []}]
    assert described.get("security") == expected
    # The security of operations without their own.
    assert DOCUMENT["security"] == [{}, {"bearer": []}]
    assert {int(status) for status in described["responses"] if status < "4" and status != "304"} == set(
        operation.statuses
    )
    assert ("403" in described["responses"]) == (
        operation.access is Access.ADMIN or (operation.access is Access.USER and "{user_id}" in operation.path)
    )
    for name in ("WWW-Authenticate", "Retry-After"):
        assert name in described["responses"]["401" if name == "WWW-Authenticate" else "503"]["headers"]


def test_the_problems_given_as_examples_are_problems() -> None:
    """Each example is under its status, fits the schema, and is a known problem. Every problem that the core can cause
    has an example.
    """
    problem, examples = (
        schema_validator(DOCUMENT["components"]["schemas"]["Problem"]),
        DOCUMENT["components"]["examples"],
    )
    assert set(examples) == set(PROBLEM_TYPES)
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
    # The rest can occur on any request, or on no operation.
    of_all = {"bad_request", "method_not_allowed", "internal_error"}
    assert set(PROBLEM_TYPES) - used == of_all


def test_the_paths_are_those_the_app_routes(store: Store) -> None:
    """Apart from pages for browsers and load balancers, the router's paths are those of the document."""
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
        schema_validator(problem).validate(response.json())


def test_the_app_serves_this_document(shared: Served) -> None:
    assert shared.client.get("/openapi.json").json() == DOCUMENT


def test_the_interactive_page_needs_nothing_from_elsewhere(shared: Served) -> None:
    """The shop serves all files that the page names, with and without compression."""
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
    """Asserts that a file is the same with and without compression."""
    plain = client.get(file, headers={"Accept-Encoding": "identity"})
    packed = client.get(file, headers={"Accept-Encoding": "gzip"})
    assert (plain.status_code, packed.status_code) == (200, 200)
    assert "content-encoding" not in plain.headers
    assert plain.content == packed.content


@pytest.mark.parametrize("coding", ["gzip", "identity"])
def test_a_file_is_decompressed_once_and_sent_in_pieces(
    shared: Served, monkeypatch: pytest.MonkeyPatch, coding: str
) -> None:
    """A client that does not read a large file holds one piece of it in memory."""
    sent = list[Message]()
    scope = {
        "type": "http",
        "method": "GET",
        "path": "/docs/swagger-ui-bundle.js",
        "query_string": b"",
        "headers": [(b"accept-encoding", coding.encode())],
        "client": ("127.0.0.1", 1),
    }

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    def refuse(_: bytes) -> bytes:
        raise AssertionError("the file is decompressed again")

    plain = shared.client.get("/docs/swagger-ui-bundle.js", headers={"accept-encoding": "identity"}).content
    unpack = gzip.decompress
    with monkeypatch.context() as patched:
        patched.setattr(gzip, "decompress", refuse)
        asyncio.run(shared.app(scope, receive, send))
    start, *pieces = sent
    body = b"".join(piece["body"] for piece in pieces)
    assert (unpack(body) if coding == "gzip" else body) == plain
    assert dict(start["headers"])[b"content-length"] == str(len(body)).encode()
    assert [piece["more_body"] for piece in pieces] == [True] * (len(pieces) - 1) + [False]
    assert max(len(piece["body"]) for piece in pieces) <= 65_536
