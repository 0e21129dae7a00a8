"""The HTTP application over a shop: the operations and pages on their paths, and the edge around them."""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, cast

from litestar import Litestar, Request
from litestar.config.cors import CORSConfig
from litestar.handlers import HTTPRouteHandler
from litestar.response.base import ASGIResponse

from sellout_core.shop import Shop
from sellout_http.api.dispatcher import Dispatcher
from sellout_http.api.operations import Operation
from sellout_http.api.rate_limits import Counter, Limiter, Limits, StoreCounter
from sellout_http.api.request_context import path_ids
from sellout_http.catalogue_cache.document_cache import Documents
from sellout_http.catalogue_cache.middleware import Shortcut
from sellout_http.catalogue_cache.responder import Showing
from sellout_http.middleware.forwarded_headers import Proxies
from sellout_http.middleware.front import Front
from sellout_http.middleware.path_aliases import Edge
from sellout_http.problems.handlers import EXCEPTION_HANDLERS, allow
from sellout_http.routes import OPERATIONS
from sellout_http.runtime.asgi import Application
from sellout_http.runtime.executor import Hands, Reads, Workers, Writes
from sellout_http.runtime.logging import ENTRY, RequestLog
from sellout_http.runtime.streaming import WAITING, Lists
from sellout_http.runtime.threads import LIST_THREADS, SEARCH_THREADS, spare_processors
from sellout_http.schemas.json_body import MAX_BYTES
from sellout_http.site.documentation import Pages
from sellout_http.site.health import Health

SEARCHES_WAITING: Final = 64
"""How many searches wait for a thread before the next one is told to come back."""

AnyRequest = Request[Any, Any, Any]
Page = Callable[[AnyRequest], Awaitable[ASGIResponse]]


def create_app(
    shop: Shop,
    *,
    threads: int = 8,
    hash_threads: int | None = None,
    hash_queue: int = 64,
    list_threads: int = LIST_THREADS,
    list_seconds: float = 10,
    health: Health | None = None,
    limits: Limits | None = None,
    counter: Counter | None = None,
    proxies: Proxies | None = None,
    origins: Sequence[str] = (),
    origin_pattern: str | None = None,
    body_seconds: float = 30,
    cache_mib: int = 32,
    log: RequestLog | None = None,
    log_addresses: bool = False,
    statements: Callable[[], int] = int,
    reads: Reads | None = None,
    writes: Writes | None = None,
    on_shutdown: Callable[[], None] | None = None,
) -> Application:
    """The shop as an ASGI application.

    Args:
        shop: The shop to serve.
        threads: How many requests the shop works on at once, beside those on the event loop; its store needs as many
            connections, and those of the other threads.
        hash_threads: How many more threads register and log in, which takes a processor each; by default as many as
            there are processors, but for one.
        hash_queue: How many registrations and log-ins wait for those threads before the next one is told to come back.
        list_threads: How many more threads read long lists, one each; eight more lists wait for those threads.
        list_seconds: How long a client may take for each hundred rows of such a list.
        health: What `/readyz` answers by; by default it is always ready.
        limits: How often things may be tried; by default as often as anybody likes.
        counter: What counts the tries of all processes together; by default the shop's store.
        proxies: The proxies whose word on their clients is taken; by default none.
        origins: The web origins whose scripts may read the answers, `*` for all; by default the shop's own alone.
        origin_pattern: A regular expression that further such origins match as a whole.
        body_seconds: How long a request's body may take to arrive.
        cache_mib: How many MiB of the catalogue's documents are kept; 0 keeps none.
        log: Where a line for each request goes; by default nowhere.
        log_addresses: Whether a request's line has the client's IP address; behind known proxies the address that they
            forward.
        statements: How many statements the store was asked by the thread that calls this, for the log.
        reads: What does short reads on the event loop, of a store whose reads may wait; by default threads do them.
        writes: What does short writes on the event loop; by default threads do them.
        on_shutdown: Called once the last request is answered.
    """
    health = health or Health()
    cors = _cors(origins, origin_pattern) if origins or origin_pattern else None
    hands = Hands(
        shop.store,
        Workers("shop", threads),
        Workers("hash", hash_threads or spare_processors(), hash_queue),
        Workers("list", list_threads, WAITING),
        Workers("search", SEARCH_THREADS, SEARCHES_WAITING),
        statements,
        reads,
        writes,
    )
    lists = Lists(hands.readers.run, list_seconds)
    showing = Showing(shop, hands, Documents(cache_mib * 1024 * 1024))
    dispatcher = Dispatcher(
        shop, hands, Limiter(counter or StoreCounter(shop), shop.clock, limits or Limits()), showing, lists
    )
    routed = Litestar(
        [*_operation_routes(dispatcher), *_page_routes({**Pages().routes(), **health.routes()})],
        debug=False,
        openapi_config=None,
        logging_config=None,
        exception_handlers=EXCEPTION_HANDLERS,
        request_max_body_size=MAX_BYTES,
        cors_config=cors,
        on_shutdown=[lists.stop, hands.close, health.close, *([on_shutdown] if on_shutdown else [])],
    )
    edge = Edge(Shortcut(cast(Application, routed), dispatcher, showing, OPERATIONS, varying=cors is not None))
    return Front(edge, proxies or Proxies(), body_seconds, log, varying=cors is not None, log_addresses=log_addresses)


def _cors(origins: Sequence[str], pattern: str | None) -> CORSConfig:
    return CORSConfig(
        allow_origins=list(origins),
        allow_origin_regex=pattern,
        allow_methods=["GET", "POST", "PUT", "DELETE"],
        allow_headers=["Authorization", "Content-Type", "Idempotency-Key", "X-Request-ID"],
        expose_headers=["ETag", "Link", "RateLimit", "RateLimit-Policy", "Retry-After", "X-Request-ID"],
        max_age=3600,
    )


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
        scope: Any = request.scope
        scope[ENTRY].route = path
        return _options({"GET"}) if request.method == "OPTIONS" else await page(request)

    return _route(path, {"GET"}, answer)


def _route(path: str, methods: set[str], answer: Callable[..., Any]) -> HTTPRouteHandler:
    # One route for all methods of a path, OPTIONS included: the framework's own OPTIONS knows of one handler only.
    accepted: Any = sorted(methods | {"OPTIONS"})
    return HTTPRouteHandler(path, http_method=accepted, status_code=200)(answer)


def _options(methods: set[str]) -> ASGIResponse:
    return ASGIResponse(status_code=204, headers={"allow": allow(methods | {"OPTIONS"})})
