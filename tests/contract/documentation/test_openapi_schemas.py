"""The OpenAPI schemas suit generated clients: described, named for code, with every code of a refusal."""

import re
from importlib.metadata import version

import pytest

from sellout_http.problems.types import KINDS
from tests.contract.support.documented import DOCUMENT, DOCUMENTED, Documented, members, validator


def test_every_schema_and_every_member_is_described() -> None:
    """A whole sentence each; amounts of money name their unit."""
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


def test_names_of_schemas_read_well_in_generated_code() -> None:
    """Whole words, and no schema inside another one that a generator would have to invent a name for."""
    names = set(DOCUMENT["components"]["schemas"])
    assert not names & {"Named", "Nothing", "FlatUnit", "FlatProduct", "Unit", "Tokens", "Page"}
    assert all(re.fullmatch(r"([A-Z][a-z]+)+", name) for name in names)
    for schema in DOCUMENT["components"]["schemas"].values():
        for member in schema.get("properties", {}).values():
            for part in (member, *member.get("anyOf", ()), member.get("items", {})):
                assert "enum" not in part
                assert "properties" not in part


def test_each_set_of_constants_is_one_named_schema() -> None:
    """Else a generator makes an enum for each operation, named after it: `ShowPageSort` and `ShowFacetsSort`."""
    for operation in DOCUMENTED:
        for parameter in operation.details["parameters"]:
            for _, schema in members({"schema": parameter["schema"]}):
                assert not isinstance(schema, dict) or "enum" not in schema, f"{operation.id}: {parameter['name']}"
    reference = {"$ref": "#/components/schemas/ProductSort"}
    for path in ("/product/all/{num_page}", "/product/facets"):
        parameters = {one["name"]: one["schema"] for one in DOCUMENT["paths"][path]["get"]["parameters"]}
        assert parameters["sort"] == reference


def test_every_constant_has_a_name_in_generated_code() -> None:
    """A value that is no identifier, such as `-price`, needs one; generators name it by its position otherwise."""
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


@pytest.mark.parametrize("operation", DOCUMENTED, ids=lambda operation: operation.id)
def test_the_schema_of_a_refusal_has_just_the_codes_of_its_status(operation: Documented) -> None:
    """Each code has a schema of its own, with the members that only it has, told apart by `code`."""
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
            validator(content["schema"]).validate(example)
            assert list(validator(content["schema"]).iter_errors({**example, "code": "another"}))


def schema_of(code: str) -> str:
    """The name of a code's schema."""
    return code.title().replace("_", "") + "Problem"


def test_every_code_is_one_of_the_general_problems() -> None:
    schemas = DOCUMENT["components"]["schemas"]
    assert schemas["ProblemCode"]["enum"] == list(KINDS)
    assert schemas["Problem"]["properties"]["code"]["$ref"] == "#/components/schemas/ProblemCode"
    for code in KINDS:
        properties = schemas[schema_of(code)]["properties"]
        assert (properties["code"]["const"], properties["status"]["const"]) == (code, KINDS[code].status)
    members = {
        "invalid_fields": "fields",
        "price_changed": "total_amount",
        "unavailable": "unavailable",
        "not_in_cart": "not_in_cart",
        "limit_reached": "maximum",
    }
    for code in KINDS:
        more = [members[code]] if code in members else []
        assert schemas[schema_of(code)]["required"] == ["type", "title", "status", "detail", "code", *more]
