"""The HTTP application of a shop: Litestar, which routes operations and pages, inside ASGI middleware."""

import threading
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final, cast

import attrs
from litestar import Litestar, Request, Response
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
from sellout_http.live_events import live_events_of
from sellout_http.metrics.figures import Figures, Sources
from sellout_http.middleware.access_log import AccessLogMiddleware
from sellout_http.middleware.cors import cors_rules
from sellout_http.middleware.forwarded_headers import ForwardedHeadersMiddleware, Proxies
from sellout_http.middleware.head_requests import HeadMiddleware
from sellout_http.middleware.large_responses import LargeResponseMiddleware
from sellout_http.middleware.path_prefix import PathPrefixMiddleware
from sellout_http.middleware.request_body import RequestBodyMiddleware
from sellout_http.middleware.request_timings import RequestTimings
from sellout_http.middleware.response_headers import ResponseHeadersMiddleware
from sellout_http.problems.handlers import EXCEPTION_HANDLERS, allow, answer_http_error
from sellout_http.routes import OPERATIONS
from sellout_http.runtime.asgi import LOG_ENTRY, Application, Receive, Scope, Send
from sellout_http.runtime.executor import Executor
from sellout_http.runtime.logging import RequestLog, log
from sellout_http.runtime.served_store import ServedStore, served
from sellout_http.runtime.streaming import ListStreams
from sellout_http.runtime.threads import (
    LIST_THREADS,
    LONG_READ_THREADS,
    PROVIDER_THREADS,
    SEARCH_THREADS,
    UPLOAD_THREADS,
    WAITING_CALLS,
    WAITING_LISTS,
    WAITING_LONG_READS,
    WAITING_PROVIDERS,
    WAITING_SEARCHES,
    WAITING_UPLOADS,
    ThreadPool,
    spare_processors,
)
from sellout_http.schemas.json_body import MAX_BYTES
from sellout_http.site.documentation import Pages
from sellout_http.site.health import Health
from sellout_http.site.pictures import PictureFiles, ReadFile
from sellout_http.site.sandbox import Bank, SandboxSite
from sellout_http.upkeep import UPKEEP_SECONDS, keep_up, needs_upkeep

_MIB: Final = 1024 * 1024
AnyRequest = Request[Any, Any, Any]
Endpoint = Callable[[AnyRequest], Awaitable[ASGIResponse]]
OperationEndpoint = Callable[[Operation, AnyRequest], Awaitable[ASGIResponse]]


@attrs.frozen(eq=False)
class ShopApplication:
    """The ASGI application.

    Attributes:
        router: Litestar, which has all routes and the lifespan.
        health: The state that `/readyz` reports.
        figures: Returns what this process has counted so far, for metrics.
    """

    router: Litestar
    health: Health
    figures: Callable[[], Figures]
    _http: Application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes an HTTP request to the middleware, and the lifespan to Litestar."""
        app = self._http if scope["type"] == "http" else cast(Application, self.router)
        await app(scope, receive, send)


def create_app(
    shop: Shop,
    *,
    threads: int = 8,
    hash_threads: int | None = None,
    hash_queue: int = 64,
    client_share: int = 100,
    client_untaken_mib: int = 16,
    list_threads: int = LIST_THREADS,
    list_seconds: float = 10,
    limits: Limits | None = None,
    counter: Counter | None = None,
    proxies: Proxies | None = None,
    origins: Sequence[str] = (),
    origin_pattern: str | None = None,
    body_seconds: float = 30,
    cache_mib: int = 32,
    read_picture: ReadFile | None = None,
    log: RequestLog | None = None,
    log_addresses: bool = False,
    mail: Callable[[threading.Event], None] | None = None,
    webhooks: Callable[[threading.Event], None] | None = None,
    sandbox: Bank | None = None,
    upkeep_seconds: float | None = UPKEEP_SECONDS,
    measured: bool = False,
    live_seconds: float = 300,
) -> ShopApplication:
    """Creates the ASGI application of a shop. At the end of its lifespan the application closes the shop's store, if
    the store has all members of `ServedStore`.

    Args:
        shop: The shop to serve. Its store may have the members of `runtime.served_store.ServedStore`.
        threads: The number of general threads. The store needs a connection for each thread of any kind.
        hash_threads: The number of threads that hash passwords. Each uses a processor. Default: all processors but one.
        hash_queue: The maximum number of registrations and log-ins that wait for these threads. The next one is refused
            with 503.
        client_share: The maximum share of one client in the places for hashes, searches, lists, uploads and long
            reads, in percent. The next request is refused with 429.
        client_untaken_mib: The maximum size of large responses that one client has not received yet, in MiB. The next
            large response is a 429.
        list_threads: The number of threads that stream long lists. Eight more lists wait for them.
        list_seconds: The maximum time that a client takes for each hundred rows of such a list, in seconds.
        limits: The rate limits. Default: none.
        counter: Counts attempts for all processes. Default: the shop's store.
        proxies: The proxies whose forwarded headers are trusted. Default: none.
        origins: The web origins whose scripts may read responses. `*` allows all. Default: none but the shop's own.
        origin_pattern: A regular expression. An origin that matches it as a whole is allowed too.
        body_seconds: The maximum time that a request's body takes to arrive, in seconds.
        cache_mib: The maximum size of the cached catalogue documents, in MiB. 0 disables the cache.
        read_picture: Returns the content of a picture's file by its name, for the files that the shop serves itself.
            None: it serves none.
        log: Receives a line for each request. Default: none.
        log_addresses: Whether a request's line contains the client's IP address.
        mail: Sends the mails of the outbox, in a thread of its own, until the event is set. Default: nothing does.
        webhooks: Delivers events to webhooks, in a thread of its own, until the event is set. Default: nothing does.
        sandbox: The made-up bank of a demo, whose pages the shop serves. None: there is none.
        live_seconds: The maximum time of a stream of events, in seconds.
        upkeep_seconds: The time between two rounds of `upkeep`. None: this process does none.
        measured: Whether the durations of requests are counted, for metrics.
    """
    cors = cors_rules(origins, origin_pattern)
    store = served(shop.store)
    health = Health(store.check)
    executor = Executor(
        store,
        general=ThreadPool("shop", threads, WAITING_CALLS, client_share),
        hashes=ThreadPool("hash", hash_threads or spare_processors(), hash_queue, client_share),
        lists=ThreadPool("list", list_threads, WAITING_LISTS, client_share),
        long_reads=ThreadPool("long read", LONG_READ_THREADS, WAITING_LONG_READS, client_share),
        providers=ThreadPool("provider", PROVIDER_THREADS, WAITING_PROVIDERS, client_share),
        searches=ThreadPool("search", SEARCH_THREADS, WAITING_SEARCHES, client_share),
        uploads=ThreadPool("upload", UPLOAD_THREADS, WAITING_UPLOADS, client_share),
    )
    streams = ListStreams(store, executor, list_seconds)
    limiter = Limiter(counter or StoreCounter(shop), shop.clock, limits or Limits())
    live = live_events_of(shop, executor, lambda: health.is_draining, live_seconds)
    dispatcher = Dispatcher(shop, executor, limiter, streams, live)
    documents = DocumentCache(cache_mib * _MIB)
    catalogue = CatalogueResponder(shop, store, executor, documents)
    timings = RequestTimings() if measured else None

    @asynccontextmanager
    async def lifespan(_: Litestar) -> AsyncIterator[None]:
        stopped = threading.Event()
        threads = [threading.Thread(target=_maintain_facet_index, args=(store, stopped), name="facets")]
        if mail is not None:
            threads.append(threading.Thread(target=mail, args=(stopped,), name="mail"))
        if webhooks is not None:
            threads.append(threading.Thread(target=webhooks, args=(stopped,), name="webhooks"))
        if upkeep_seconds is not None and needs_upkeep(shop):
            threads.append(threading.Thread(target=keep_up, args=(shop, stopped, upkeep_seconds), name="upkeep"))
        for thread in threads:
            thread.start()
        yield
        stopped.set()
        for thread in threads:
            thread.join()
        streams.stop()
        live.stop()
        await executor.close()
        health.close()
        store.close()

    files = {} if read_picture is None else PictureFiles(read_picture, executor).routes()
    bank = () if sandbox is None else SandboxSite(sandbox, executor).routes()
    pages = {**Pages().routes(), **health.routes(), **files}
    router = Litestar(
        [
            *_operation_routes(dispatcher, catalogue),
            *(_page_route(path, page) for path, page in pages.items()),
            *(_page_route(*each) for each in bank),
        ],
        cors_config=cors,
        debug=False,
        exception_handlers={**EXCEPTION_HANDLERS, MethodNotAllowedException: _answer_method_not_allowed},
        lifespan=[lifespan],
        logging_config=None,
        openapi_config=None,
    )
    # The innermost comes first. Litestar would run its own middleware after routing, too late for all of these.
    # Cached documents are small, so they skip this one.
    app: Application = LargeResponseMiddleware(cast(Application, router), client_untaken_mib * _MIB)
    # The cache replaces routing, so it needs the path without its prefix, and GET instead of HEAD.
    app = CatalogueCacheMiddleware(app, router, catalogue, cors=cors is not None)
    app = PathPrefixMiddleware(app)
    app = HeadMiddleware(app)
    # It delays the start of a response until the request's body has been read.
    app = RequestBodyMiddleware(app, body_seconds)
    # Every response has these headers. HSTS needs the client's scheme.
    app = ResponseHeadersMiddleware(app, cors=cors is not None)
    # It measures everything above, and needs the client's address.
    app = AccessLogMiddleware(app, log, timings, log_addresses=log_addresses)
    app = ForwardedHeadersMiddleware(app, proxies or Proxies())
    figures = Sources(timings, documents, limiter, executor, store).read
    return ShopApplication(router, health, figures, app)


def _maintain_facet_index(store: ServedStore, stopped: threading.Event) -> None:
    try:
        store.maintain_facet_index(stopped)
    except Exception as error:  # noqa: BLE001 - without the index the database counts facets, more slowly
        log.error("failed", exc_info=error)


def _operation_routes(dispatcher: Dispatcher, catalogue: CatalogueResponder) -> list[HTTPRouteHandler]:
    """A route handler for each operation. The first one of a path also answers OPTIONS. Litestar's own handler would
    omit HEAD and accept invalid ids.
    """
    routes = [(path, each) for each in OPERATIONS for path in [each.path.replace("}", ":str}"), *each.aliases]]
    by_path = defaultdict[str, list[Operation]](list)
    for path, operation in routes:
        by_path[path].append(operation)
    handlers = []
    for path, operation in routes:
        answer = dispatcher.answer if operation.catalogue is None else catalogue.answer
        is_first, methods = by_path[path][0] is operation, {str(each.method) for each in by_path[path]}
        endpoint = _answer_operation(answer, operation, methods)
        handlers.append(_handler(path, [operation.method, *(["OPTIONS"] if is_first else [])], endpoint, operation))
    return handlers


def _answer_operation(answer: OperationEndpoint, operation: Operation, methods: set[str]) -> Endpoint:
    async def endpoint(request: AnyRequest) -> ASGIResponse:
        if request.method != "OPTIONS":
            return await answer(operation, request)
        scope: Any = request.scope
        path_ids(operation, scope)
        return _options(methods)

    return endpoint


def _page_route(path: str, page: Endpoint, method: str = "GET") -> HTTPRouteHandler:
    async def endpoint(request: AnyRequest) -> ASGIResponse:
        scope: Any = request.scope
        scope[LOG_ENTRY].route = path.replace(":str}", "}")
        return _options({method}) if request.method == "OPTIONS" else await page(request)

    return _handler(path, [method, "OPTIONS"], endpoint)


def _answer_method_not_allowed(request: AnyRequest, error: MethodNotAllowedException) -> Response[bytes]:
    """A 405, or a 404 if the path exists for no method: Litestar checks the method before the types of a path's ids."""
    try:
        request.app.asgi_router.handle_routing(path=request.scope["path"], method="OPTIONS")
    except NotFoundException as not_found:
        return answer_http_error(request, not_found)
    return answer_http_error(request, error)


def _handler(path: str, methods: Any, endpoint: Endpoint, operation: Operation | None = None) -> HTTPRouteHandler:
    most = MAX_BYTES if operation is None else operation.body_limits.size
    if operation is not None and operation.upload is not None:
        most = operation.upload.max_bytes
    return HTTPRouteHandler(
        path, http_method=methods, status_code=200, opt={"operation": operation}, request_max_body_size=most
    )(endpoint)


def _options(methods: set[str]) -> ASGIResponse:
    return ASGIResponse(status_code=204, headers={"allow": allow(methods | {"OPTIONS"})})
