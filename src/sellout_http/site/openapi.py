"""The OpenAPI 3.1 document, derived from the table of operations and the types of bodies and documents."""

from importlib.metadata import version
from typing import Any, Final

import msgspec

from sellout_core import errors, values
from sellout_core.errors import FieldCode
from sellout_core.fulfilment.refusals import AboveAmountDue, MoveImpossible
from sellout_core.people.refusals import SecondFactorMissing
from sellout_core.values import ProductUnitId
from sellout_http.api.media_types import JSON
from sellout_http.api.operations import TEXT_IDS, Access, Operation
from sellout_http.api.queries.query_parameters import IF_MATCH, Parameter
from sellout_http.problems.details import PAGES, Problem, problem, problem_of
from sellout_http.problems.types import PROBLEM_TYPES
from sellout_http.routes import GROUPS, OPERATIONS
from sellout_http.site.event_schemas import webhooks

_SCHEMAS: Final = "#/components/schemas/{name}"
_BODY_CODES: Final = ("malformed_json", "request_timeout", "body_too_large", "unsupported_media_type", "invalid_fields")
_UPLOAD_CODES: Final = ("request_timeout", "body_too_large")
_TEXT_EXAMPLES: Final = {"session_id": "0123456789abcdef", "provider": "sandbox"}
_FILE: Final = {"schema": {"type": "string", "format": "binary"}}
_ANY_OBJECT: Final = {"schema": {"type": "object"}}
_BEARER: Final = "bearer"
_OPTIONAL_TOKEN: Final[list[dict[str, list[str]]]] = [{}, {_BEARER: []}]
_CODE_SCHEMA: Final = "ProblemCode"
_DESCRIPTION: Final = f"""The back end of a sneaker shop.

Registering and logging in return an access token. Send it as `Authorization: Bearer ...`. Every path also works with a
trailing slash. An id in a path that is not a whole number within its limits is a 404. An unknown query parameter is a
422. A query has at most 4 KiB and 64 parameters. An error is a problem document (RFC 9457) with a stable `code`.
[{PAGES}]({PAGES}) explains every problem."""
_PROBLEM_HEADERS: Final = {
    401: {"WWW-Authenticate": "Bearer, with an error if the request sent a token."},
    429: {
        "Retry-After": "The seconds to wait before a retry.",
        "RateLimit": "The limit that is reached, and the seconds until its window ends.",
        "RateLimit-Policy": "The maximum number of attempts, and the window in seconds.",
    },
    503: {"Retry-After": "The seconds to wait before a retry."},
}
_CACHE_HEADERS: Final = {
    "ETag": "The entity tag of the document.",
    "Cache-Control": "Whether the document may be cached, and when to revalidate it.",
}
_UNCHANGED: Final = {"304": {"description": "The document has an entity tag in `If-None-Match`."}}
_IF_NONE_MATCH: Final = {
    "name": "If-None-Match",
    "in": "header",
    "description": "Entity tags of cached documents. Without a token, the response is a 304 if one of them is current.",
    "schema": {"type": "string"},
}

# Examples of the errors with members of their own.
_EXAMPLES: Final = (
    errors.InvalidFields((errors.InvalidField("#/address_id", "is missing", FieldCode.REQUIRED),)),
    errors.PriceChanged(107),
    errors.UnitsUnavailable((2,)),
    errors.NotInCart((1, 2)),
    errors.LimitReached(values.MAX_CART),
    errors.StillReferredTo(("orders",)),
    MoveImpossible({ProductUnitId(1): ("confirmed", "cancelled")}),
    AboveAmountDue(107),
)


def document() -> dict[str, Any]:
    """The OpenAPI document, of types that JSON has."""
    bodies = [operation.body for operation in OPERATIONS if operation.body is not None]
    documents = [operation.document for operation in OPERATIONS]
    parts = [part for operation in OPERATIONS for part in operation.body_parts]
    schemas, components = msgspec.json.schema_components([*bodies, *documents, *parts, Problem], ref_template=_SCHEMAS)
    body_schemas = dict(zip(bodies, schemas, strict=False))
    document_schemas = schemas[len(bodies) :]
    paths: dict[str, dict[str, Any]] = {}
    for operation, document_schema in zip(OPERATIONS, document_schemas, strict=False):
        body_schema = body_schemas[operation.body] if operation.body else None
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(
            operation, body_schema, document_schema
        )
    return {
        "openapi": "3.1.0",
        "info": {"title": "SellOut", "version": version("sellout"), "description": _DESCRIPTION},
        # The default for operations without `security`. Generated clients send a token there if they have one.
        "security": _OPTIONAL_TOKEN,
        "servers": [{"url": "/"}, {"url": "/api/v1"}],
        "tags": [{"name": group.tag, "description": group.description} for group in GROUPS],
        "paths": paths,
        "webhooks": webhooks("Webhooks"),
        "components": {
            "schemas": {
                **{name: _finished(schema) for name, schema in components.items()},
                **_parameter_schemas(),
                **_problem_schemas(components[Problem.__name__]),
            },
            "examples": {code: {"value": _problem_example(code)} for code in PROBLEM_TYPES},
            "securitySchemes": {
                _BEARER: {"type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": "An access token."}
            },
        },
    }


def codes(operation: Operation) -> list[str]:
    """The codes of the problems of an operation, including those of every operation."""
    found = {
        errors.Unauthenticated.code,
        errors.Unavailable.code,
        errors.InvalidFields.code,
        "query_too_long",
        "too_many_requests",
    }
    found.update(error.code for error in operation.errors)
    found.update(operation.more_codes)
    if operation.access is Access.ADMIN or (operation.access is Access.USER and "user_id" in operation.id_names):
        found.update((errors.Forbidden.code, SecondFactorMissing.code))
    if operation.id_names:
        found.add(errors.NotFound.code)
    if operation.body is not None:
        found.update(_BODY_CODES)
    if operation.upload is not None:
        found.update(_UPLOAD_CODES)
    if operation.parameters:
        found.add(errors.InvalidFields.code)
    if len(operation.media_types) > 1:
        found.add("not_acceptable")
    if IF_MATCH in operation.parameters:
        found.add("precondition_required")
    return [code for code in PROBLEM_TYPES if code in found]


def _operation(operation: Operation, body_schema: Any, document_schema: Any) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": operation.handler.__name__,
        "summary": operation.summary,
        "description": f"{operation.description} Access: {operation.access.value}.".strip(),
        "tags": [operation.tag],
        **_security(operation),
        "parameters": _parameters(operation),
        "responses": {str(status): _success(operation, status, document_schema) for status in operation.statuses}
        | (_UNCHANGED if operation.is_revalidated else {})
        | _problems(codes(operation)),
    }
    if body_schema is not None:
        content = {"schema": body_schema, "example": operation.request_example}
        # A generator makes wrong code of two types; a merge patch may be sent as either.
        described["requestBody"] = {"required": True, "content": {"application/json": content}}
    if operation.upload is not None:
        names = dict.fromkeys(value.partition(";")[0] for value in operation.upload.media_types)
        content = {name: _ANY_OBJECT if name == "application/json" else _FILE for name in names}
        described["requestBody"] = {"required": True, "content": content}
    return described


def _parameters(operation: Operation) -> list[dict[str, Any]]:
    ids = [{"name": name, "in": "path", "required": True, **_id_schema(operation, name)} for name in operation.id_names]
    others = [
        {
            "name": more.name,
            "in": more.location,
            "description": more.description,
            "schema": _parameter_schema(more),
            **({"required": True} if more.required else {}),
        }
        for more in operation.parameters
    ]
    return [*ids, *others, *([_IF_NONE_MATCH] if operation.is_revalidated else [])]


def _id_schema(operation: Operation, name: str) -> dict[str, Any]:
    if name in TEXT_IDS:
        return {"schema": {"type": "string", "pattern": TEXT_IDS[name]}, "example": _TEXT_EXAMPLES[name]}
    least = operation.least_ids[name]
    return {"schema": {"type": "integer", "minimum": least, "maximum": values.MAX_ID}, "example": 1}


def _parameter_schema(parameter: Parameter) -> dict[str, Any]:
    title = parameter.schema.get("title")
    return dict(parameter.schema) if title is None else {"$ref": _SCHEMAS.format(name=title)}


def _parameter_schemas() -> dict[str, Any]:
    """The named schemas of parameters."""
    schemas = [parameter.schema for operation in OPERATIONS for parameter in operation.parameters]
    return {schema["title"]: dict(schema) for schema in schemas if "title" in schema}


def _success(operation: Operation, status: int, schema: Any) -> dict[str, Any]:
    named = {201: "Created", 301: "The present path of the document"}
    created = named.get(status, "Done" if operation.method != "GET" else "The document")
    content = {"schema": schema, "example": operation.reply_example}
    # The example is JSON. Other forms are texts.
    forms = {name: content if name == JSON else {"schema": {"type": "string"}} for name in operation.media_types}
    response: dict[str, Any] = {"description": created, "content": forms}
    if described := {**operation.reply_headers, **({} if operation.catalogue is None else _CACHE_HEADERS)}:
        response["headers"] = _headers(described)
    return response


def _problems(found: list[str]) -> dict[str, Any]:
    responses: dict[str, Any] = {}
    for status in sorted({PROBLEM_TYPES[code].status for code in found}):
        here = [code for code in found if PROBLEM_TYPES[code].status == status]
        content = {
            "schema": _one_of(here),
            "examples": {code: {"$ref": f"#/components/examples/{code}"} for code in here},
        }
        responses[str(status)] = {
            "description": ", ".join(f"{PROBLEM_TYPES[code].title} (`{code}`)" for code in here),
            "content": {"application/problem+json": content},
        }
        if status in _PROBLEM_HEADERS:
            responses[str(status)]["headers"] = _headers(_PROBLEM_HEADERS[status])
    return responses


def _security(operation: Operation) -> dict[str, Any]:
    """The `security` of an operation. With an optional token it has none, so that the document's default applies.

    `openapi-python-client` requires an authenticated client for every operation with a `security` that is not empty.
    """
    if operation.access is not Access.ANON:
        return {"security": [{_BEARER: []}]}
    personal = operation.catalogue is not None and operation.catalogue.wished is not None
    return {} if personal else {"security": []}


def _one_of(found: list[str]) -> dict[str, Any]:
    """The schema of a response with one of some codes."""
    references = {code: _SCHEMAS.format(name=_schema_name(code)) for code in found}
    choices = [{"$ref": reference} for reference in references.values()]
    if len(choices) == 1:
        return choices[0]
    return {"oneOf": choices, "discriminator": {"propertyName": "code", "mapping": references}}


def _schema_name(code: str) -> str:
    return "".join(word.capitalize() for word in code.split("_")) + Problem.__name__


def _problem_schemas(general: dict[str, Any]) -> dict[str, Any]:
    """The schemas of all codes, of the general problem document, and of the document of each code."""
    properties, described = general["properties"], " ".join(general["description"].split())
    any_code = {"$ref": _SCHEMAS.format(name=_CODE_SCHEMA), "description": properties["code"]["description"]}
    return {
        _CODE_SCHEMA: {
            "title": _CODE_SCHEMA,
            "description": "The code of a problem. Later versions may add codes.",
            "type": "string",
            "enum": list(PROBLEM_TYPES),
        },
        Problem.__name__: {**general, "description": described, "properties": {**properties, "code": any_code}},
        **{_schema_name(code): _problem_schema(code, properties) for code in PROBLEM_TYPES},
    }


def _problem_schema(code: str, properties: dict[str, Any]) -> dict[str, Any]:
    members = list(_problem_example(code))
    fixed: dict[str, Any] = {
        "code": {"const": code, "type": "string"},
        "status": {"const": PROBLEM_TYPES[code].status, "type": "integer"},
    }
    return {
        "title": _schema_name(code),
        "description": f"{PROBLEM_TYPES[code].title}. {PROBLEM_TYPES[code].english}",
        "type": "object",
        "properties": {name: {**properties[name], **fixed.get(name, {})} for name in members},
        "required": members,
    }


def _finished(schema: dict[str, Any]) -> dict[str, Any]:
    """Changes a schema of msgspec: removes line breaks from its description, and adds the type of an enum.

    Removes the `default` of members: openapi-typescript makes members with a default required, also in requests.
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
    example = next((error for error in _EXAMPLES if error.code == code), None)
    return msgspec.to_builtins(problem(code) if example is None else problem_of(example))
