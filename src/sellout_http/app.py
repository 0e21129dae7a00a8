"""The HTTP application of a shop: Litestar routes the operations and pages; ASGI middleware stands in front of it."""

from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final, cast

import attrs
from litestar import Litestar, Request, Response
from litestar.config.cors import CORSConfig
from litestar.exceptions import MethodNotAllowedException, NotFoundException
from litestar.handlers import HTTPRouteHandler
from litestar.response.base import ASGIResponse

from sellout_core.shop import Shop
from sellout_http.api.dispatcher import Dispatcher
from sellout_http.api.operations import Operation
from sellout_http.api.rate_limits import Counter, Limiter, Limits, StoreCounter
from sellout_http.api.request_context import path_ids
from sellout_http.catalogue_cache.document_cache import DocumentCache
from sellout_http.catalogue_cache.middleware import CatalogueCacheMiddleware
from sellout_http.catalogue_cache.responder import CatalogueResponder
from sellout_http.middleware.access_log import AccessLogMiddleware
from sellout_http.middleware.forwarded_headers import ForwardedHeadersMiddleware, Proxies
from sellout_http.middleware.head_requests import HeadMiddleware
from sellout_http.middleware.path_prefix import PathPrefixMiddleware
from sellout_http.middleware.request_body import RequestBodyMiddleware
from sellout_http.middleware.response_headers import ResponseHeadersMiddleware
from sellout_http.problems.handlers import EXCEPTION_HANDLERS, allow, answer_http_error
from sellout_http.routes import OPERATIONS
from sellout_http.runtime.asgi import LOG_ENTRY, Application, Receive, Scope, Send
from sellout_http.runtime.executor import Executor, ThreadPool
from sellout_http.runtime.logging import RequestLog
from sellout_http.runtime.served_store import served
from sellout_http.runtime.streaming import ListStreams
from sellout_http.runtime.threads import (
    LIST_THREADS,
    SEARCH_THREADS,
    WAITING_LISTS,
    WAITING_SEARCHES,
    spare_processors,
)
from sellout_http.schemas.json_body import MAX_BYTES
from sellout_http.site.documentation import Pages
from sellout_http.site.health import Health

_MIB: Final = 1024 * 1024

AnyRequest = Request[Any, Any, Any]
Answer = Callable[[Operation, AnyRequest], Awaitable[ASGIResponse]]
Page = Callable[[AnyRequest], Awaitable[ASGIResponse]]


@attrs.frozen(eq=False)
class ShopApplication:
    """The ASGI application.

    Attributes:
        router: Litestar, which has all routes and the lifespan.
        health: What `/readyz` answers by.
    """

    router: Litestar
    health: Health
    _http: Application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes HTTP requests to the middleware, and the lifespan to Litestar."""
        app = self._http if scope["type"] == "http" else cast(Application, self.router)
        await app(scope, receive, send)


def create_app(
    shop: Shop,
    *,
    threads: int = 8,
    hash_threads: int | None = None,
    hash_queue: int = 64,
    list_threads: int = LIST_THREADS,
    list_seconds: float = 10,
    limits: Limits | None = None,
    counter: Counter | None = None,
    proxies: Proxies | None = None,
    origins: Sequence[str] = (),
    origin_pattern: str | None = None,
    body_seconds: float = 30,
    cache_mib: int = 32,
    log: RequestLog | None = None,
    log_addresses: bool = False,
) -> ShopApplication:
    """The shop as an ASGI application. It closes the shop's store at the end of its lifespan, if the store has all
    members of `ServedStore`.

    Args:
        shop: The shop to serve. Its store may have the members of `runtime.served_store.ServedStore`.
        threads: How many requests run in general threads at once. The store needs a connection for each thread of any
            kind.
        hash_threads: How many threads hash passwords; each takes a processor. By default all processors but one.
        hash_queue: How many registrations and log-ins wait for those threads at most; the next one is refused with 503.
        list_threads: How many threads stream long lists; eight more lists wait for them.
        list_seconds: How long a client may take for each hundred rows of such a list.
        limits: The rate limits; by default none.
        counter: Counts attempts for all processes; by default the shop's store does.
        proxies: The proxies whose forwarded headers are trusted; by default none.
        origins: The web origins whose scripts may read the answers, `*` for all; by default the shop's own alone.
        origin_pattern: A regular expression that further such origins match as a whole.
        body_seconds: How long a request's body may take to arrive.
        cache_mib: How many MiB of catalogue documents are cached at most; 0 caches none.
        log: Where the requests' lines go; by default nowhere.
        log_addresses: Whether a request's line has the client's IP address.
    """
    cors = _cors(origins, origin_pattern) if origins or origin_pattern else None
    store = served(shop.store)
    health = Health(store.check)
    executor = Executor(
        store,
        general=ThreadPool("shop", threads),
        hashes=ThreadPool("hash", hash_threads or spare_processors(), hash_queue),
        lists=ThreadPool("list", list_threads, WAITING_LISTS),
        searches=ThreadPool("search", SEARCH_THREADS, WAITING_SEARCHES),
    )
    streams = ListStreams(store, executor, list_seconds)
    documents = DocumentCache(cache_mib * _MIB)
    limiter = Limiter(counter or StoreCounter(shop), shop.clock, limits or Limits())
    dispatcher = Dispatcher(shop, executor, limiter, streams)
    catalogue = CatalogueResponder(shop, store, executor, documents)

    @asynccontextmanager
    async def lifespan(_: Litestar) -> AsyncIterator[None]:
        yield
        streams.stop()
        await executor.close()
        health.close()
        store.close()

    pages = {**Pages().routes(), **health.routes()}
    router = Litestar(
        [*_operation_routes(dispatcher, catalogue), *(_page_route(path, page) for path, page in pages.items())],
        cors_config=cors,
        debug=False,
        exception_handlers={**EXCEPTION_HANDLERS, MethodNotAllowedException: _answer_method_not_allowed},
        lifespan=[lifespan],
        logging_config=None,
        openapi_config=None,
        request_max_body_size=MAX_BYTES,
    )
    # From the last to the first. Litestar's own middleware runs after its routing, too late for all of these.
    # The cache answers instead of the routing, so it comes last, and needs the routed path and method.
    app: Application = CatalogueCacheMiddleware(cast(Application, router), store, documents, cors=cors is not None)
    app = PathPrefixMiddleware(app)
    app = HeadMiddleware(app)
    # It delays a response's start until the body is read, after all else has decided what the response is.
    app = RequestBodyMiddleware(app, body_seconds)
    # Every response has these headers. HSTS needs the client's scheme.
    app = ResponseHeadersMiddleware(app, cors=cors is not None)
    # It measures everything above. A line needs the client's address.
    app = AccessLogMiddleware(app, log, log_addresses=log_addresses)
    app = ForwardedHeadersMiddleware(app, proxies or Proxies())
    return ShopApplication(router, health, app)


def _cors(origins: Sequence[str], pattern: str | None) -> CORSConfig:
    return CORSConfig(
        allow_origins=list(origins),
        allow_origin_regex=pattern,
        allow_methods=["GET", "POST", "PUT", "DELETE"],
        allow_headers=["Authorization", "Content-Type", "Idempotency-Key", "X-Request-ID"],
        expose_headers=["ETag", "Link", "RateLimit", "RateLimit-Policy", "Retry-After", "X-Request-ID"],
        max_age=3600,
    )


def _operation_routes(dispatcher: Dispatcher, catalogue: CatalogueResponder) -> list[HTTPRouteHandler]:
    """A route handler for each operation, and one for OPTIONS on each path."""
    handlers, by_path = [], defaultdict[str, list[Operation]](list)
    for operation in OPERATIONS:
        answer = dispatcher.answer if operation.catalogue is None else catalogue.answer
        paths = [operation.path.replace("}", ":str}"), *operation.aliases]
        handlers.append(_handler(paths, operation.method, _answer_operation(answer, operation)))
        for path in paths:
            by_path[path].append(operation)
    # First, or Litestar adds an answer of its own to OPTIONS, which leaves out HEAD and accepts invalid ids.
    return [*(_handler([path], "OPTIONS", _answer_options(found)) for path, found in by_path.items()), *handlers]


def _answer_operation(answer: Answer, operation: Operation) -> Page:
    async def endpoint(request: AnyRequest) -> ASGIResponse:
        return await answer(operation, request)

    return endpoint


def _answer_options(operations: Sequence[Operation]) -> Page:
    async def endpoint(request: AnyRequest) -> ASGIResponse:
        scope: Any = request.scope
        path_ids(operations[0], scope)
        return _options({operation.method for operation in operations})

    return endpoint


def _page_route(path: str, page: Page) -> HTTPRouteHandler:
    async def endpoint(request: AnyRequest) -> ASGIResponse:
        scope: Any = request.scope
        scope[LOG_ENTRY].route = path
        return _options({"GET"}) if request.method == "OPTIONS" else await page(request)

    return _handler([path], ["GET", "OPTIONS"], endpoint)


def _answer_method_not_allowed(request: AnyRequest, error: MethodNotAllowedException) -> Response[bytes]:
    """The answer to another method, which is 404 where the path does not exist for any method: Litestar looks at the
    method before the types of a path's ids.
    """
    try:
        request.app.asgi_router.handle_routing(path=request.scope["path"], method="OPTIONS")
    except NotFoundException as nowhere:
        return answer_http_error(request, nowhere)
    return answer_http_error(request, error)


def _handler(paths: list[str], method: Any, endpoint: Page) -> HTTPRouteHandler:
    return HTTPRouteHandler(paths, http_method=method, status_code=200)(endpoint)


def _options(methods: set[str]) -> ASGIResponse:
    return ASGIResponse(status_code=204, headers={"allow": allow(methods | {"OPTIONS"})})
