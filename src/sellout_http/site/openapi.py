"""The OpenAPI 3.1 document, built from the operations and from the very types the edge enforces and encodes."""

from importlib.metadata import version
from typing import Any, Final

import msgspec

from sellout_core import errors, values
from sellout_core.errors import FieldCode
from sellout_http.api.operations import Access, Operation
from sellout_http.api.query_parameters import Parameter
from sellout_http.problems.details import PAGES, Problem, problem, problem_of
from sellout_http.problems.types import KINDS
from sellout_http.routes import GROUPS, OPERATIONS

_SCHEMAS: Final = "#/components/schemas/{name}"
_BODY_CODES: Final = ("malformed_json", "request_timeout", "body_too_large", "unsupported_media_type", "invalid_fields")
_BEARER: Final = "bearer"
_OPTIONAL_TOKEN: Final[list[dict[str, list[str]]]] = [{}, {_BEARER: []}]
_CODES: Final = "ProblemCode"
_DESCRIPTION: Final = f"""The back end of a sneaker shop.

Send the access token that registering or logging in gives as `Authorization: Bearer ...`. Paths answer with and without
a trailing slash. A path's id that is no whole number in its limits is a 404. A query parameter that an operation does
not know is a 422; a query holds at most 4 KiB and 64 parameters. Anything that goes wrong is a problem
document (RFC 9457) whose `code` never changes; [{PAGES}]({PAGES}) explains each."""
_PROBLEM_HEADERS: Final = {
    401: {"WWW-Authenticate": "Bearer, with an error where a token was sent."},
    429: {
        "Retry-After": "After how many seconds to try again.",
        "RateLimit": "The limit that is used up, and when it is not any more.",
        "RateLimit-Policy": "How many tries it allows in how many seconds.",
    },
    503: {"Retry-After": "After how many seconds to try again."},
}
_KEPT: Final = {"ETag": "The document's version.", "Cache-Control": "Whether it may be kept, and when to ask again."}
_UNCHANGED: Final = {"304": {"description": "It is as `If-None-Match` has it."}}
_IF_NONE_MATCH: Final = {
    "name": "If-None-Match",
    "in": "header",
    "description": "ETags of documents the client holds; without a token, 304 answers one of them.",
    "schema": {"type": "string"},
}

# Errors with typed members, as examples show them.
_TELLING: Final = (
    errors.InvalidFields((errors.InvalidField("#/address_id", "is missing", FieldCode.REQUIRED),)),
    errors.PriceChanged(107),
    errors.UnitsUnavailable((2,)),
    errors.NotInCart((1, 2)),
    errors.LimitReached(values.MAX_CART),
)


def document() -> dict[str, Any]:
    """The OpenAPI document, ready to be written as JSON."""
    bodies = [operation.body for operation in OPERATIONS if operation.body is not None]
    answers = [operation.answer for operation in OPERATIONS]
    schemas, components = msgspec.json.schema_components([*bodies, *answers, Problem], ref_template=_SCHEMAS)
    body_schemas = dict(zip(bodies, schemas, strict=False))
    answer_schemas = schemas[len(bodies) :]
    paths: dict[str, dict[str, Any]] = {}
    for operation, answer_schema in zip(OPERATIONS, answer_schemas, strict=False):
        body_schema = body_schemas[operation.body] if operation.body else None
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(
            operation, body_schema, answer_schema
        )
    return {
        "openapi": "3.1.0",
        "info": {"title": "SellOut", "version": version("sellout"), "description": _DESCRIPTION},
        # An operation without `security` takes this: generated clients send a token there if they have one.
        "security": _OPTIONAL_TOKEN,
        "servers": [{"url": "/"}, {"url": "/api/v1"}],
        "tags": [{"name": group.tag, "description": group.description} for group in GROUPS],
        "paths": paths,
        "components": {
            "schemas": {
                **{name: _finished(schema) for name, schema in components.items()},
                **_parameter_schemas(),
                **_problem_schemas(components[Problem.__name__]),
            },
            "examples": {code: {"value": _problem_example(code)} for code in KINDS},
            "securitySchemes": {
                _BEARER: {"type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": "An access token."}
            },
        },
    }


def codes(operation: Operation) -> list[str]:
    """The codes of the problems an operation can answer with, those that every operation has included."""
    found = {errors.Unauthenticated.code, errors.Unavailable.code, errors.InvalidFields.code, "query_too_long"}
    found.update(error.code for error in operation.errors)
    if operation.access is Access.ADMIN or (operation.access is Access.USER and "user_id" in operation.id_names):
        found.add(errors.Forbidden.code)
    if operation.limits:
        found.add("too_many_requests")
    if operation.id_names:
        found.add(errors.NotFound.code)
    if operation.body is not None:
        found.update(_BODY_CODES)
    if operation.parameters:
        found.add(errors.InvalidFields.code)
    return [code for code in KINDS if code in found]


def _operation(operation: Operation, body_schema: Any, answer_schema: Any) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": operation.handler.__name__,
        "summary": operation.summary,
        "description": f"{operation.description} Access: {operation.access.value}.".strip(),
        "tags": [operation.tag],
        **_security(operation),
        "parameters": _parameters(operation),
        "responses": {str(status): _success(operation, status, answer_schema) for status in operation.statuses}
        | ({} if operation.catalogue is None else _UNCHANGED)
        | _problems(codes(operation)),
    }
    if body_schema is not None:
        content = {"schema": body_schema, "example": operation.request_example}
        described["requestBody"] = {"required": True, "content": {"application/json": content}}
    return described


def _parameters(operation: Operation) -> list[dict[str, Any]]:
    ids = [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": {"type": "integer", "minimum": operation.least_ids[name], "maximum": values.MAX_ID},
            "example": 1,
        }
        for name in operation.id_names
    ]
    others = [
        {"name": more.name, "in": more.location, "description": more.description, "schema": _parameter_schema(more)}
        for more in operation.parameters
    ]
    return [*ids, *others, *([] if operation.catalogue is None else [_IF_NONE_MATCH])]


def _parameter_schema(parameter: Parameter) -> dict[str, Any]:
    title = parameter.schema.get("title")
    return dict(parameter.schema) if title is None else {"$ref": _SCHEMAS.format(name=title)}


def _parameter_schemas() -> dict[str, Any]:
    """The named schemas of parameters."""
    schemas = [parameter.schema for operation in OPERATIONS for parameter in operation.parameters]
    return {schema["title"]: dict(schema) for schema in schemas if "title" in schema}


def _success(operation: Operation, status: int, schema: Any) -> dict[str, Any]:
    created = "Created" if status == 201 else "Done" if operation.method != "GET" else "The document"
    content = {"schema": schema, "example": operation.reply_example}
    response: dict[str, Any] = {"description": created, "content": {"application/json": content}}
    if described := {**operation.reply_headers, **({} if operation.catalogue is None else _KEPT)}:
        response["headers"] = _headers(described)
    return response


def _problems(found: list[str]) -> dict[str, Any]:
    responses: dict[str, Any] = {}
    for status in sorted({KINDS[code].status for code in found}):
        here = [code for code in found if KINDS[code].status == status]
        content = {
            "schema": _one_of(here),
            "examples": {code: {"$ref": f"#/components/examples/{code}"} for code in here},
        }
        responses[str(status)] = {
            "description": ", ".join(f"{KINDS[code].title} (`{code}`)" for code in here),
            "content": {"application/problem+json": content},
        }
        if status in _PROBLEM_HEADERS:
            responses[str(status)]["headers"] = _headers(_PROBLEM_HEADERS[status])
    return responses


def _security(operation: Operation) -> dict[str, Any]:
    """Nothing where a token is optional and personalises the answer: the document's own `security` says so.

    `openapi-python-client` wants an authenticated client for every operation with a list of its own that is not empty.
    """
    if operation.access is not Access.ANON:
        return {"security": [{_BEARER: []}]}
    personal = operation.catalogue is not None and operation.catalogue.wished is not None
    return {} if personal else {"security": []}


def _one_of(found: list[str]) -> dict[str, Any]:
    """The schema of a response that has one of some codes."""
    references = {code: _SCHEMAS.format(name=_schema_name(code)) for code in found}
    choices = [{"$ref": reference} for reference in references.values()]
    if len(choices) == 1:
        return choices[0]
    return {"oneOf": choices, "discriminator": {"propertyName": "code", "mapping": references}}


def _schema_name(code: str) -> str:
    return "".join(word.capitalize() for word in code.split("_")) + Problem.__name__


def _problem_schemas(general: dict[str, Any]) -> dict[str, Any]:
    """Every code, the general problem document, and for each code the document with the members that it has."""
    properties, described = general["properties"], " ".join(general["description"].split())
    any_code = {"$ref": _SCHEMAS.format(name=_CODES), "description": properties["code"]["description"]}
    return {
        _CODES: {
            "title": _CODES,
            "description": "The code of a problem. Later versions may add codes.",
            "type": "string",
            "enum": list(KINDS),
        },
        Problem.__name__: {**general, "description": described, "properties": {**properties, "code": any_code}},
        **{_schema_name(code): _problem_schema(code, properties) for code in KINDS},
    }


def _problem_schema(code: str, properties: dict[str, Any]) -> dict[str, Any]:
    members = list(_problem_example(code))
    fixed: dict[str, Any] = {
        "code": {"const": code, "type": "string"},
        "status": {"const": KINDS[code].status, "type": "integer"},
    }
    return {
        "title": _schema_name(code),
        "description": f"{KINDS[code].title}. {KINDS[code].english}",
        "type": "object",
        "properties": {name: {**properties[name], **fixed.get(name, {})} for name in members},
        "required": members,
    }


def _finished(schema: dict[str, Any]) -> dict[str, Any]:
    """A schema whose description, a docstring, has no line breaks; msgspec leaves out the type of an enum.

    Members have no `default`: openapi-typescript takes one with a default for required, in requests too.
    """
    kind = {"type": "string"} if "enum" in schema else {}
    finished = {**kind, **schema, "description": " ".join(schema["description"].split())}
    if "properties" in schema:
        finished["properties"] = {
            name: {key: value for key, value in member.items() if key != "default"}
            for name, member in schema["properties"].items()
        }
    return finished


def _headers(described: Any) -> dict[str, Any]:
    return {name: {"description": text, "schema": {"type": "string"}} for name, text in described.items()}


def _problem_example(code: str) -> Any:
    telling = next((error for error in _TELLING if error.code == code), None)
    return msgspec.to_builtins(problem(code) if telling is None else problem_of(telling))
