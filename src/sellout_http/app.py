"""The HTTP application over a shop: the operations and pages on their paths, and the edge around them."""

import os
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, cast

from litestar import Litestar, Request
from litestar.handlers import HTTPRouteHandler
from litestar.response.base import ASGIResponse

from sellout_core.shop import Shop
from sellout_http.call import Dispatcher, Workers, path_ids
from sellout_http.edge import Application, Edge
from sellout_http.failures import EXCEPTION_HANDLERS, allow
from sellout_http.health import Health
from sellout_http.operations import Operation
from sellout_http.pages import Pages
from sellout_http.reading import MAX_BYTES
from sellout_http.routes import OPERATIONS

AnyRequest = Request[Any, Any, Any]
Page = Callable[[AnyRequest], Awaitable[ASGIResponse]]


def create_app(
    shop: Shop,
    *,
    threads: int = 8,
    hash_threads: int | None = None,
    hash_queue: int = 64,
    health: Health | None = None,
    on_shutdown: Callable[[], None] | None = None,
) -> Application:
    """The shop as an ASGI application.

    Args:
        shop: The shop to serve.
        threads: How many requests the shop works on at once; its store needs as many connections, and those of the
            hashing threads.
        hash_threads: How many more threads register and log in, which takes a processor each; by default one for each
            processor.
        hash_queue: How many registrations and log-ins wait for those threads before the next one is told to come back.
        health: What `/readyz` answers by; by default it is always ready.
        on_shutdown: Called once the last request is answered.
    """
    health = health or Health()
    dispatcher = Dispatcher(
        shop,
        Workers("shop", threads),
        Workers("hash", hash_threads or os.cpu_count() or 1, hash_queue),
    )
    routed = Litestar(
        [*_operation_routes(dispatcher), *_page_routes({**Pages().routes(), **health.routes()})],
        debug=False,
        openapi_config=None,
        logging_config=None,
        exception_handlers=EXCEPTION_HANDLERS,
        request_max_body_size=MAX_BYTES,
        on_shutdown=[dispatcher.close, health.close, *([on_shutdown] if on_shutdown else [])],
    )
    return Edge(cast(Application, routed))


def _operation_routes(dispatcher: Dispatcher) -> list[HTTPRouteHandler]:
    by_path: dict[str, dict[str, Operation]] = {}
    for operation in OPERATIONS:
        by_path.setdefault(operation.path, {})[operation.method] = operation
    return [_operation_route(dispatcher, path, operations) for path, operations in by_path.items()]


def _operation_route(dispatcher: Dispatcher, path: str, operations: Mapping[str, Operation]) -> HTTPRouteHandler:
    async def answer(request: AnyRequest) -> ASGIResponse:
        if request.method == "OPTIONS":
            path_ids(next(iter(operations.values())), request.path_params)
            return _options(set(operations))
        return await dispatcher.answer(operations[request.method], request)

    return _route(re.sub(r"\{(\w+)\}", r"{\1:str}", path), set(operations), answer)


def _page_routes(pages: Mapping[str, Page]) -> list[HTTPRouteHandler]:
    return [_page_route(path, page) for path, page in pages.items()]


def _page_route(path: str, page: Page) -> HTTPRouteHandler:
    async def answer(request: AnyRequest) -> ASGIResponse:
        return _options({"GET"}) if request.method == "OPTIONS" else await page(request)

    return _route(path, {"GET"}, answer)


def _route(path: str, methods: set[str], answer: Callable[..., Any]) -> HTTPRouteHandler:
    # One route for all methods of a path, OPTIONS included: the framework's own OPTIONS knows of one handler only.
    accepted: Any = sorted(methods | {"OPTIONS"})
    return HTTPRouteHandler(path, http_method=accepted, status_code=200)(answer)


def _options(methods: set[str]) -> ASGIResponse:
    return ASGIResponse(status_code=204, headers={"allow": allow(methods | {"OPTIONS"})})
