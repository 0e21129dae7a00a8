"""Checks responses against the OpenAPI document: finds the operation of a request, and its documented responses."""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

import attrs
import httpx2
import msgspec
from jsonschema import Draft202012Validator

from sellout_http.site import openapi

# Encoded and decoded, so that it is what a client reads.
DOCUMENT: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(openapi.document()))


@attrs.frozen
class DocumentedOperation:
    """An operation of the OpenAPI document."""

    method: str
    path: str
    details: Mapping[str, Any]

    @property
    def id(self) -> str:
        """The name of the operation in test reports."""
        return f"{self.method} {self.path}"

    def content(self, status: int, sent: str | None = None) -> Mapping[str, Any]:
        """The documented content of a status. `type` is the media type: that of the value of `Content-Type` that was
        sent, otherwise the usual one, which is the first.
        """
        contents = self.details["responses"][str(status)]["content"]
        media_type = next(
            (each for each in contents if sent is not None and sent.startswith(each)), next(iter(contents))
        )
        return {"type": media_type, **contents[media_type]}


DOCUMENTED_OPERATIONS = [
    DocumentedOperation(method.upper(), path, details)
    for path, methods in DOCUMENT["paths"].items()
    for method, details in methods.items()
]


_BY_METHOD_AND_PATH = {(operation.method, operation.path): operation for operation in DOCUMENTED_OPERATIONS}
# A path without parameters has priority over a path with one.
_PATTERNS = [
    (re.compile(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(template))), template)
    for template in sorted(DOCUMENT["paths"], key=lambda template: template.count("{"))
]


@lru_cache(maxsize=1024)
def operation_of(method: str, path: str) -> DocumentedOperation | None:
    """The operation of a method and a path. None if the document does not list the path in this form."""
    plain = path.removeprefix("/api/v1").removesuffix("/")
    found = next((template for pattern, template in _PATTERNS if pattern.fullmatch(plain)), None)
    return None if found is None else _BY_METHOD_AND_PATH.get((method, found))


def require_documented(response: httpx2.Response) -> None:
    """Asserts that the document lists the response's status, media type and code, and that a problem document fits its
    schema.
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
    sent = response.headers["content-type"]
    content = operation.content(response.status_code, sent)
    assert sent in (content["type"], f"{content['type']}; charset=utf-8; header=present"), where
    if content["type"] == "application/problem+json":
        response.read()
        assert response.json()["code"] in content["examples"], f"{where}: {response.text}"
        schema_validator(content["schema"]).validate(response.json())


def schema_validator(schema: Any) -> Draft202012Validator:
    """A validator of one of the document's schemas, with the components that it refers to."""
    return Draft202012Validator({**schema, "components": DOCUMENT["components"]})


def members(document: Any) -> Iterator[tuple[str, Any]]:
    """Every member at every depth."""
    if isinstance(document, dict):
        yield from document.items()
    for item in document.values() if isinstance(document, dict) else document if isinstance(document, list) else ():
        yield from members(item)
