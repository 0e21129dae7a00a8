"""Converts exceptions to responses with problem documents. An unexpected exception reveals nothing to the client."""

from typing import Any, Final

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException

from sellout_core.errors import SellOutError, Unavailable
from sellout_http.problems.details import Problem, Refused, RefusedChange, TooManyRequests, problem, problem_of
from sellout_http.runtime import outage_log
from sellout_http.runtime.logging import fields, log
from sellout_http.runtime.threads import ClientBusy

AnyRequest = Request[Any, Any, Any]
RETRY_AFTER_SECONDS: Final = 1
_CODES: Final = {404: "not_found", 405: "method_not_allowed", 413: "body_too_large"}
# Litestar's detail of the 500 that it raises when a client disconnects before the end of its body.
_CLIENT_LEFT: Final = "client disconnected prematurely"


def answer_core_error(request: AnyRequest, error: SellOutError) -> Response[bytes]:
    """The response to an error of the core. If the store is unavailable, logs the reason."""
    if isinstance(error, Unavailable):
        outage_log.OUTAGES.note(error, request.scope, is_in_request_line=True)
    return _response(request, problem_of(error))


def answer_refused(request: AnyRequest, error: Refused) -> Response[bytes]:
    """The response to a request that is invalid as HTTP or JSON."""
    return _response(request, problem(error.code, error.detail))


def answer_refused_change(request: AnyRequest, error: RefusedChange) -> Response[bytes]:
    """The response to a batch of which one change is refused."""
    return _response(request, error.document)


def answer_too_many(request: AnyRequest, error: TooManyRequests) -> Response[bytes]:
    """The response to a request over a rate limit."""
    response = _response(request, problem("too_many_requests"))
    for name, value in error.headers.items():
        response.set_header(name, value)
    return response


def answer_client_busy(request: AnyRequest, _: ClientBusy) -> Response[bytes]:
    """The response to a client that has reached its share of concurrent work."""
    response = _response(request, problem("too_many_requests"))
    response.set_header("retry-after", str(RETRY_AFTER_SECONDS))
    return response


def answer_http_error(request: AnyRequest, error: HTTPException) -> Response[bytes]:
    """The response to an error of Litestar: an unknown path, another method, a body that is too large."""
    if error.status_code >= 500 and error.detail != _CLIENT_LEFT:
        return answer_unexpected(request, error)
    response = _response(request, problem(_CODES.get(error.status_code, "bad_request")))
    if error.status_code == 405:
        allowed = set((error.headers or {}).get("allow", "").split(", "))
        response.set_header("allow", allow(allowed))
    return response


def answer_unexpected(request: AnyRequest, error: Exception) -> Response[bytes]:
    """The response to an unexpected exception. Logs its traceback."""
    log.error("failed", exc_info=error, **fields(request.scope))
    return _response(request, problem("internal_error"))


def allow(methods: set[str]) -> str:
    """The value of an Allow header. HEAD is allowed where GET is."""
    return ", ".join(sorted(methods | ({"HEAD"} if "GET" in methods else set())))


EXCEPTION_HANDLERS: Final[dict[Any, Any]] = {
    SellOutError: answer_core_error,
    Refused: answer_refused,
    RefusedChange: answer_refused_change,
    TooManyRequests: answer_too_many,
    ClientBusy: answer_client_busy,
    HTTPException: answer_http_error,
    Exception: answer_unexpected,
}


def _response(request: AnyRequest, document: Problem) -> Response[bytes]:
    headers = {"cache-control": "no-store"}
    if document.status == 401:
        # RFC 6750, section 3: the header has an error only if the request sent a token.
        sent = document.code == "unauthenticated" and "authorization" in request.headers
        headers["www-authenticate"] = 'Bearer error="invalid_token"' if sent else "Bearer"
    if document.status in (408, 413):
        # The rest of the body is not read, so no request can follow on the connection.
        headers["connection"] = "close"
    if document.status == 503:
        headers["retry-after"] = str(RETRY_AFTER_SECONDS)
    return Response(
        msgspec.json.encode(document),
        status_code=document.status,
        media_type="application/problem+json",
        headers=headers,
    )
