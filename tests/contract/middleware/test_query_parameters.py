"""Unknown query parameters, and the limits of a query."""

from typing import Any, Final

import pytest

from sellout_adapters import demo
from sellout_http.api.operations import Access, Operation
from tests.contract.support.documented import DOCUMENT
from tests.contract.support.requests import OPERATION_NAMES, path_of, valid_body
from tests.contract.support.shop import STAFF_ID, Served, everything_in, log_in, problem_of

pytestmark = pytest.mark.http

EVERY: Final = pytest.mark.parametrize("operation", OPERATION_NAMES.values(), ids=OPERATION_NAMES)


def query_names(operation: Operation) -> list[str]:
    return [parameter.name for parameter in operation.parameters if parameter.location == "query"]


@pytest.fixture(scope="module")
def staff(shared: Served) -> dict[str, str]:
    return log_in(shared.client, demo.STAFF)


def with_query(path: str, query: str) -> str:
    """A path with more query parameters."""
    return f"{path}{'&' if '?' in path else '?'}{query}"


@EVERY
def test_an_unknown_parameter_is_named(shared: Served, staff: dict[str, str], operation: Operation) -> None:
    """The response is the same for valid and invalid bodies, and under the prefix. Nothing changes."""
    before = everything_in(shared.shop)
    for prefix in ("", "/api/v1"):
        for body in (valid_body(operation), None if operation.body is None else {"bad": 1}):
            path = with_query(prefix + path_of(operation), "prise_max=5&x&prise_max=6")
            response = shared.client.request(operation.method, path, json=body, headers=staff)
            fields = problem_of(response, 422, "invalid_fields")["fields"]
            assert [(field["parameter"], field["code"]) for field in fields] == [
                ("prise_max", "unknown_parameter"),
                ("x", "unknown_parameter"),
            ]
            known = query_names(operation)
            assert not known or any(fields[0]["detail"].endswith(f" {name}") for name in known)
    assert everything_in(shared.shop) == before


@pytest.mark.parametrize(
    ("path", "name", "nearest"),
    [
        ("/product/all/1?prise_max=5", "prise_max", "price_max"),
        ("/product/all/1?PAGE_SIZE=5", "PAGE_SIZE", "page_size"),
        ("/product/facets?brnad=Nike", "brnad", "brand"),
        ("/order/orders?limits=1", "limits", "limit"),
        ("/user?status=pending", "status", None),
        ("/product/all/1?=", "", None),
        ("/product/all/1?%23/a=%ff", "#/a", None),
        ("/product/all/1?idempotency_key=1", "idempotency_key", None),
    ],
)
def test_the_nearest_known_parameter_is_named(
    shared: Served, staff: dict[str, str], path: str, name: str, nearest: str | None
) -> None:
    (field,) = problem_of(shared.client.get(path, headers=staff), 422, "invalid_fields")["fields"]
    assert field["parameter"] == name
    assert nearest is None or field["detail"] == f"is not known here; the nearest known parameter is {nearest}"


def test_a_cached_page_answers_no_unknown_parameter(shared: Served) -> None:
    """The response is the same before and after a page is cached."""
    for _ in range(2):
        assert shared.client.get("/product/all/1?page_size=5").status_code == 200
        for query in ("x=1", "page_size=5&x=1"):
            response = shared.client.get(f"/product/all/1?{query}", headers={"If-None-Match": "*"})
            problem_of(response, 422, "invalid_fields")


@EVERY
def test_rights_are_checked_before_parameters(shared: Served, operation: Operation) -> None:
    """A refusal is the same with an unknown parameter. The plain request is sent second, because it may log out."""
    callers: list[dict[str, Any]] = [{"Authorization": "Bearer x"}]
    if operation.access is not Access.ANON:
        callers += [{}, log_in(shared.client, demo.CUSTOMER)]
    for headers in callers:
        path, body = path_of(operation, user_id=STAFF_ID), valid_body(operation)
        asked = shared.client.request(operation.method, with_query(path, "x=1"), headers=headers, json=body)
        plain = shared.client.request(operation.method, path, headers=headers, json=body)
        if plain.status_code in (401, 403):
            assert (asked.status_code, asked.json()) == (plain.status_code, plain.json())
        else:
            problem_of(asked, 422, "invalid_fields")


@pytest.mark.parametrize("path", ["/product/all/1", "/order/orders", "/user/1", "/product/facets"])
def test_a_query_has_limits(shared: Served, staff: dict[str, str], path: str) -> None:
    for query in ("q=" + "x" * 4095, "&" * 64, "brand=1&" * 64 + "brand=1"):
        problem_of(shared.client.get(f"{path}?{query}", headers=staff), 414, "query_too_long")
    for query in ("x=" + "x" * 4094, "&" * 62 + "&x"):
        problem_of(shared.client.get(f"{path}?{query}", headers=staff), 422, "invalid_fields")


def test_the_openapi_document_has_both_answers_everywhere() -> None:
    for methods in DOCUMENT["paths"].values():
        for details in methods.values():
            examples = [
                details["responses"][status]["content"]["application/problem+json"]["examples"]
                for status in ("422", "414")
            ]
            assert "invalid_fields" in examples[0]
            assert "query_too_long" in examples[1]
