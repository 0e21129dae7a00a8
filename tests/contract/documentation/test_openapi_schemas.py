"""The OpenAPI schemas suit generated clients: they have descriptions, names for code, and each code of a refusal."""

import re
import sys
import unicodedata
from importlib.metadata import version

import pytest

from sellout_adapters.usernames import username_fault
from sellout_core import values
from sellout_http.problems.types import PROBLEM_TYPES
from tests.contract.support.documented import (
    DOCUMENT,
    DOCUMENTED_OPERATIONS,
    DocumentedOperation,
    members,
    schema_validator,
)


def test_every_schema_and_every_member_is_described() -> None:
    """A description is a whole sentence. An amount of money states its unit."""
    found = 0
    for name, schema in DOCUMENT["components"]["schemas"].items():
        assert schema["title"] == name
        assert schema["description"].endswith("."), name
        for member, described in schema.get("properties", {}).items():
            found += 1
            assert "default" not in described, f"{name}.{member}: a generator takes it for required"
            assert described.get("description", "").endswith("."), f"{name}.{member} is not described"
            if re.search(r"price|amount|saving|absolute", member) and described.get("type") != "array":
                assert re.search(r"whole (currency )?units", described["description"]), f"{name}.{member} has no unit"
    assert found > 200


def test_the_pattern_of_usernames_refuses_what_the_shop_refuses() -> None:
    """White space and control characters: of scripts and invisible characters a pattern says nothing."""
    username = DOCUMENT["components"]["schemas"]["RegisterRequest"]["properties"]["username"]
    assert "RFC 8265" in username["description"]
    refused = [
        character
        for character in map(chr, range(sys.maxunicode + 1))
        if unicodedata.category(character) in {"Cc", "Zl", "Zp", "Zs"}
    ]
    assert len(refused) > 80
    for character in refused:
        assert not re.search(username["pattern"], f"some{character}user")
        assert username_fault(f"some{character}user") is not None
    for allowed in ("artem", "артём", "mail@mail.ru", "_a.b-c+1", "ж" * values.MAX_USERNAME):
        assert re.search(username["pattern"], allowed)
        assert username_fault(allowed) is None


def test_names_of_schemas_read_well_in_generated_code() -> None:
    """Names are whole words. No schema is nested, because a generator would invent a name for it."""
    names = set(DOCUMENT["components"]["schemas"])
    assert not names & {"Named", "Nothing", "FlatUnit", "FlatProduct", "Unit", "Tokens", "Page"}
    assert all(re.fullmatch(r"([A-Z][a-z]+)+", name) for name in names)
    for schema in DOCUMENT["components"]["schemas"].values():
        for member in schema.get("properties", {}).values():
            for part in (member, *member.get("anyOf", ()), member.get("items", {})):
                assert "enum" not in part
                assert "properties" not in part


def test_each_set_of_constants_is_one_named_schema() -> None:
    """Otherwise a generator makes an enum for each operation: `ShowPageSort` and `ShowFacetsSort`."""
    for operation in DOCUMENTED_OPERATIONS:
        for parameter in operation.details["parameters"]:
            for _, schema in members({"schema": parameter["schema"]}):
                assert not isinstance(schema, dict) or "enum" not in schema, f"{operation.id}: {parameter['name']}"
    reference = {"$ref": "#/components/schemas/ProductSort"}
    for path in ("/product/all/{num_page}", "/product/facets"):
        parameters = {one["name"]: one["schema"] for one in DOCUMENT["paths"][path]["get"]["parameters"]}
        assert parameters["sort"] == reference


def test_every_constant_has_a_name_in_generated_code() -> None:
    """A value that is not an identifier, such as `-price`, needs a name. Otherwise generators name it by its
    position.
    """
    found = [schema for schema in DOCUMENT["components"]["schemas"].values() if "enum" in schema]
    for schema in found:
        names = schema.get("x-enum-varnames", schema["enum"])
        assert all(re.fullmatch(r"[A-Za-z][A-Za-z_]*", name) for name in names), schema["title"]
        assert len(set(names)) == len(names) == len(schema["enum"])
    order = DOCUMENT["components"]["schemas"]["ProductSort"]
    assert dict(zip(order["x-enum-varnames"], order["enum"], strict=True)) == {
        "ID": "id",
        "NEWEST": "-add_date",
        "CHEAPEST": "price",
        "DEAREST": "-price",
        "RELEVANCE": "relevance",
    }
    assert order["default"] == "id"
    assert len(found) >= 4


def test_the_version_is_the_packages() -> None:
    assert DOCUMENT["info"]["version"] == version("sellout")


@pytest.mark.parametrize("operation", DOCUMENTED_OPERATIONS, ids=lambda operation: operation.id)
def test_the_schema_of_a_refusal_has_just_the_codes_of_its_status(operation: DocumentedOperation) -> None:
    """Each code has its own schema with its own members. `code` tells them apart."""
    for response in operation.details["responses"].values():
        content = response.get("content", {}).get("application/problem+json")
        if content is None:
            continue
        codes = list(content["examples"])
        references = [f"#/components/schemas/{schema_of(code)}" for code in codes]
        if len(codes) == 1:
            assert content["schema"] == {"$ref": references[0]}
        else:
            mapping = dict(zip(codes, references, strict=True))
            assert content["schema"] == {
                "oneOf": [{"$ref": reference} for reference in references],
                "discriminator": {"propertyName": "code", "mapping": mapping},
            }
        for code in codes:
            example = DOCUMENT["components"]["examples"][code]["value"]
            schema_validator(content["schema"]).validate(example)
            assert list(schema_validator(content["schema"]).iter_errors({**example, "code": "another"}))


def schema_of(code: str) -> str:
    """The name of a code's schema."""
    return code.title().replace("_", "") + "Problem"


def test_every_code_is_one_of_the_general_problems() -> None:
    schemas = DOCUMENT["components"]["schemas"]
    assert schemas["ProblemCode"]["enum"] == list(PROBLEM_TYPES)
    assert schemas["Problem"]["properties"]["code"]["$ref"] == "#/components/schemas/ProblemCode"
    for code in PROBLEM_TYPES:
        properties = schemas[schema_of(code)]["properties"]
        assert (properties["code"]["const"], properties["status"]["const"]) == (code, PROBLEM_TYPES[code].status)
    members = {
        "invalid_fields": "fields",
        "price_changed": "total_amount",
        "unavailable": "unavailable",
        "not_in_cart": "not_in_cart",
        "limit_reached": "maximum",
        "still_referred_to": "referrers",
        "move_impossible": "possible",
        "above_amount_due": "amount_due",
    }
    for code in PROBLEM_TYPES:
        more = [members[code]] if code in members else []
        assert schemas[schema_of(code)]["required"] == ["type", "title", "status", "detail", "code", *more]
