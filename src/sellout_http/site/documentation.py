"""The pages for browsers: the interactive documentation, its files, the OpenAPI document, and the problem pages.

No page loads anything from another server.
"""

import gzip
import hashlib
import re
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any, Final

import attrs
import msgspec
from litestar import Request
from litestar.response.base import ASGIResponse

from sellout_core.errors import NotFound
from sellout_http.middleware.large_responses import CHUNK_BYTES
from sellout_http.problems import pages
from sellout_http.runtime.etags import matches_etag
from sellout_http.site import openapi

DOCUMENTATION: Final = "/docs"

# Swagger UI sets style attributes and draws its icons from data URLs.
_POLICY: Final = (
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_NO_WEIGHT: Final = re.compile(r"q=0(?:\.0*)?")
_FILES: Final = {
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui.css": "text/css",
    "start.js": "text/javascript",
}
_PAGE: Final = f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>SellOut API</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="{DOCUMENTATION}/swagger-ui.css">
</head>
<body>
<noscript>This page needs JavaScript. The OpenAPI document is at <a href="/openapi.json">/openapi.json</a>.</noscript>
<div id="swagger-ui"></div>
<script src="{DOCUMENTATION}/swagger-ui-bundle.js"></script>
<script src="{DOCUMENTATION}/start.js"></script>
</body>
</html>
"""

AnyRequest = Request[Any, Any, Any]


class _ChunkedResponse(ASGIResponse):
    """Sends a shared body in chunks, so that a client that does not read it takes the memory of one chunk."""

    def __init__(self, body: bytes, headers: Mapping[str, str]) -> None:
        self._content = body
        self._fields = headers

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:  # noqa: ARG002 - ASGI's
        headers = [(name.encode(), value.encode()) for name, value in self._fields.items()]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        length = len(self._content)
        for end in range(CHUNK_BYTES, length + CHUNK_BYTES, CHUNK_BYTES):
            chunk = self._content[end - CHUNK_BYTES : end]
            await send({"type": "http.response.body", "body": chunk, "more_body": end < length})


@attrs.frozen
class Asset:
    """A file to serve, compressed and plain. Clients cache it for a day and revalidate it after that."""

    content_type: str
    plain: bytes
    compressed: bytes
    etag: str

    @classmethod
    def of(cls, content_type: str, compressed: bytes) -> "Asset":
        """The asset of a gzip file's bytes."""
        etag = f'"{hashlib.sha256(compressed).hexdigest()[:32]}"'
        return cls(content_type, gzip.decompress(compressed), compressed, etag)

    def answer(self, request: AnyRequest, max_age: int = 86_400) -> ASGIResponse:
        """The response with the file, compressed if the client accepts that, or a 304."""
        headers = {
            "etag": self.etag,
            "cache-control": f"public, max-age={max_age}",
            "vary": "accept-encoding",
        }
        if matches_etag(self.etag, request.headers.getall("if-none-match", [])):
            return ASGIResponse(status_code=304, headers=headers)
        body = self.plain
        if takes_gzip(request.headers.get("accept-encoding", "")):
            headers["content-encoding"] = "gzip"
            body = self.compressed
        charset = "; charset=utf-8" if self.content_type.startswith("text/") else ""
        return _ChunkedResponse(
            body, {**headers, "content-type": self.content_type + charset, "content-length": str(len(body))}
        )


class Pages:
    """All pages and files for browsers, read and encoded once."""

    def __init__(self) -> None:
        self._openapi = _openapi_asset()
        self._assets = {name: _asset(name, content_type) for name, content_type in _FILES.items()}

    async def root(self, request: AnyRequest) -> ASGIResponse:  # noqa: ARG002 - every page takes the request
        """The redirect from `/` to the documentation."""
        return ASGIResponse(status_code=307, headers={"location": DOCUMENTATION})

    async def documentation(self, request: AnyRequest) -> ASGIResponse:  # noqa: ARG002 - every page takes the request
        """The interactive documentation."""
        return _html(_PAGE, _POLICY)

    async def asset(self, request: AnyRequest) -> ASGIResponse:
        """A file of the interactive documentation.

        Raises:
            NotFound: there is no such file.
        """
        asset = self._assets.get(request.path_params["name"])
        if asset is None:
            raise NotFound
        return asset.answer(request)

    async def openapi(self, request: AnyRequest) -> ASGIResponse:
        """The OpenAPI document."""
        return self._openapi.answer(request, max_age=0)

    async def problems(self, request: AnyRequest) -> ASGIResponse:  # noqa: ARG002 - every page takes the request
        """The list of problems."""
        return _html(pages.list_page(), pages.POLICY)

    async def problem(self, request: AnyRequest) -> ASGIResponse:
        """The explanation of one problem.

        Raises:
            NotFound: there is no such problem.
        """
        return _html(pages.explanation_page(request.path_params["code"]), pages.POLICY)

    def routes(self) -> Mapping[str, Any]:
        """The pages by path, for GET."""
        return {
            "/": self.root,
            DOCUMENTATION: self.documentation,
            f"{DOCUMENTATION}/{{name:str}}": self.asset,
            "/openapi.json": self.openapi,
            "/problems": self.problems,
            "/problems/{code:str}": self.problem,
        }


def takes_gzip(accept_encoding: str) -> bool:
    """Whether an Accept-Encoding header allows gzip."""
    for part in accept_encoding.lower().split(","):
        coding, _, weight = part.partition(";")
        if coding.strip() in {"gzip", "*"}:
            return _NO_WEIGHT.fullmatch(weight.strip()) is None
    return False


@cache
def _openapi_asset() -> Asset:
    return Asset.of("application/json", gzip.compress(msgspec.json.encode(openapi.document()), mtime=0))


@cache
def _asset(name: str, content_type: str) -> Asset:
    folder = resources.files("sellout_http.site") / "swagger_ui"
    packed = folder / f"{name}.gz"
    if packed.is_file():
        return Asset.of(content_type, packed.read_bytes())
    return Asset.of(content_type, gzip.compress((folder / name).read_bytes(), mtime=0))


def _html(text: str, policy: str) -> ASGIResponse:
    headers = {"content-security-policy": policy, "cache-control": "no-cache"}
    return ASGIResponse(body=text, media_type="text/html", headers=headers)
