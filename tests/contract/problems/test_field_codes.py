"""Each entry of `fields` has a stable code beside its text, for every place and kind of fault."""

from typing import Any

import pytest

from sellout_core.errors import FieldCode
from tests.contract.support.requests import CHECKOUT
from tests.contract.support.shop import Served, log_in, problem_of

pytestmark = pytest.mark.http

REGISTRATION = {"username": "some_user", "password": "long enough"}


@pytest.mark.parametrize(
    ("member", "value", "code"),
    [
        ("username", 5, FieldCode.WRONG_TYPE),
        ("username", "", FieldCode.TOO_SHORT),
        ("username", "x" * 151, FieldCode.TOO_LONG),
        ("username", " ", FieldCode.BLANK),
        ("username", "\0", FieldCode.CHARACTER_NOT_ALLOWED),
        ("username", "some user", FieldCode.CHARACTER_NOT_ALLOWED),
        ("username", "\N{CYRILLIC SMALL LETTER A}rtem", FieldCode.MIXED_SCRIPTS),
        ("password", "x", FieldCode.TOO_SHORT),
        ("password", "x" * 129, FieldCode.TOO_LONG),
        ("gender", "x", FieldCode.NOT_ONE_OF),
        ("is_staff", True, FieldCode.UNKNOWN_MEMBER),
    ],
)
def test_a_member_of_a_registration(shared: Served, member: str, value: Any, code: FieldCode) -> None:
    response = shared.client.post("/user/register", json={**REGISTRATION, member: value})
    (field,) = problem_of(response, 422, "invalid_fields")["fields"]
    assert (field["pointer"], field["code"]) == (f"#/{member}", code)


@pytest.mark.parametrize(
    ("member", "value", "code"),
    [
        ("product_unit", [], FieldCode.TOO_FEW),
        ("product_unit", list(range(1, 102)), FieldCode.TOO_MANY),
        ("product_unit", [1, 1], FieldCode.REPEATED),
        ("email", "mail", FieldCode.NOT_AN_EMAIL),
        ("tel", "x", FieldCode.NOT_A_TELEPHONE_NUMBER),
        ("address_id", 0, FieldCode.OUT_OF_RANGE),
        ("total_amount", 10**400, FieldCode.OUT_OF_RANGE),
        ("first_name", None, FieldCode.WRONG_TYPE),
    ],
)
def test_a_member_of_a_checkout(shared: Served, member: str, value: Any, code: FieldCode) -> None:
    staff = log_in(shared.client, "artem")
    response = shared.client.post("/order/checkout/1", json={**CHECKOUT, member: value}, headers=staff)
    (field,) = problem_of(response, 422, "invalid_fields")["fields"]
    assert (field["pointer"], field["code"]) == (f"#/{member}", code)


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("price_min=x", FieldCode.WRONG_TYPE),
        ("price_min=-1", FieldCode.OUT_OF_RANGE),
        ("price_min=1000000001", FieldCode.OUT_OF_RANGE),
        ("price_min=5&price_max=4", FieldCode.OUT_OF_RANGE),
        ("sort=x", FieldCode.NOT_ONE_OF),
        ("sort=id&sort=id", FieldCode.REPEATED),
        ("size=42", FieldCode.MALFORMED),
        ("size=EU:", FieldCode.TOO_SHORT),
        ("q=" + "+".join("abcdefghijklmnopqrstuvwxyz"), FieldCode.TOO_MANY),
        ("page_size=101", FieldCode.OUT_OF_RANGE),
        ("page_size=1.0", FieldCode.WRONG_TYPE),
    ],
)
def test_a_parameter(shared: Served, query: str, code: FieldCode) -> None:
    (field,) = problem_of(shared.client.get(f"/product/all/1?{query}"), 422, "invalid_fields")["fields"]
    assert field["code"] == code


def test_a_header(shared: Served) -> None:
    headers = {**log_in(shared.client, "artem"), "Idempotency-Key": "x" * 256}
    response = shared.client.post("/order/checkout/1", json=CHECKOUT, headers=headers)
    (field,) = problem_of(response, 422, "invalid_fields")["fields"]
    assert (field["header"], field["code"]) == ("Idempotency-Key", FieldCode.MALFORMED)


def test_the_openapi_document_lists_them_all(shared: Served) -> None:
    schemas = shared.client.get("/openapi.json").json()["components"]["schemas"]
    assert sorted(schemas["FieldCode"]["enum"]) == sorted(FieldCode)
    assert "code" in schemas["FieldProblem"]["required"]
