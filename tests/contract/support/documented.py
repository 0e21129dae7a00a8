"""Holding answers to the OpenAPI document: which operation a request is for, and whether it may answer like that."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import attrs
import httpx2
import msgspec
from jsonschema import Draft202012Validator

from sellout_http.site import openapi

# As a client has it: JSON, read back.
DOCUMENT: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(openapi.document()))


@attrs.frozen
class Documented:
    """An operation of the document."""

    method: str
    path: str
    details: Mapping[str, Any]

    @property
    def id(self) -> str:
        """A name for a test's report."""
        return f"{self.method} {self.path}"

    def content(self, status: int) -> Mapping[str, Any]:
        """What the document says of the one media type of a status, with the media type's name as `type`."""
        ((media_type, content),) = self.details["responses"][str(status)]["content"].items()
        return {"type": media_type, **content}


DOCUMENTED = [
    Documented(method.upper(), path, details)
    for path, methods in DOCUMENT["paths"].items()
    for method, details in methods.items()
]


def operation_of(method: str, path: str) -> Documented | None:
    """The operation that a method and a path name; None for paths and spellings that the document does not list."""
    plain = path.removeprefix("/api/v1").removesuffix("/")
    found = [
        template
        for template in DOCUMENT["paths"]
        if re.fullmatch(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(template)), plain)
    ]
    # A path that is written out wins over one with an id in the same place.
    found.sort(key=lambda template: template.count("{"))
    return next((one for one in DOCUMENTED if found and (one.method, one.path) == (method, found[0])), None)


def require_documented(response: httpx2.Response) -> None:
    """Asserts that the answer's status, media type and code are those documented of its operation, and that a
    problem document fits the schema of its status.
    """
    request = response.request
    operation = operation_of(request.method, request.url.raw_path.decode().partition("?")[0])
    if operation is None:
        return
    where = f"{operation.id} answered {response.status_code}, which is not documented"
    assert str(response.status_code) in operation.details["responses"], where
    if response.status_code == 304:
        assert "304" in operation.details["responses"]
        return
    content = operation.content(response.status_code)
    assert response.headers["content-type"] == content["type"], where
    if content["type"] == "application/problem+json":
        response.read()
        assert response.json()["code"] in content["examples"], f"{where}: {response.text}"
        validator(content["schema"]).validate(response.json())


def validator(schema: Any) -> Draft202012Validator:
    """A validator of one of the document's schemas, which may refer to others."""
    return Draft202012Validator({**schema, "components": DOCUMENT["components"]})


def members(document: Any) -> Iterator[tuple[str, Any]]:
    """Every member at every depth."""
    if isinstance(document, dict):
        yield from document.items()
    for item in document.values() if isinstance(document, dict) else document if isinstance(document, list) else ():
        yield from members(item)
