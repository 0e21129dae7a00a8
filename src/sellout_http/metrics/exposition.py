"""The metrics of Prometheus. docs/metrics.md describes each of them."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Any, Final

import attrs
from prometheus_client import CollectorRegistry, make_wsgi_app
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from sellout_core.use_cases.backlog import BacklogFigures
from sellout_http.metrics.figures import Load, Totals
from sellout_http.middleware.request_timings import BOUNDS, Timing

_LE: Final = [*map(floatToGoString, BOUNDS), "+Inf"]
_Values = Mapping[tuple[str, ...], float]
"""Values by the values of their labels."""

NO_ROUTE: Final = "none"
OTHER: Final = "other"


@attrs.frozen
class ShopCollector(Collector):
    """Makes the metrics anew for each request.

    Attributes:
        figures: The totals of all workers, and the load of each living one.
        backlog: The backlog. None: the database could not be read in time.
    """

    figures: Callable[[], tuple[Totals, Sequence[Load]]]
    backlog: Callable[[], BacklogFigures | None]

    def collect(self) -> Iterator[Metric]:
        """All metrics, without those of the database if it cannot be read."""
        totals, loads = self.figures()
        yield from _requests(totals.timings)
        hits, misses = totals.cache_hits, totals.cache_misses
        yield _counter("sellout_document_cache_hits", "Catalogue documents found in the cache", hits)
        yield _counter("sellout_document_cache_misses", "Catalogue documents read from the store", misses)
        refused: _Values = {(rule,): number for rule, number in totals.refused.items()}
        yield _counters("sellout_rate_limited", "Attempts refused by a rate limit", ["rule"], refused)
        yield _counter("sellout_worker_restarts", "Workers that replaced a dead one", totals.restarts)
        yield _gauge("sellout_workers", "Living workers", len(loads))
        yield from _pools(loads)
        yield from _connections(loads)
        yield from _backlog(self.backlog())


def metrics_app(collector: Collector) -> Any:
    """A WSGI application that sends the metrics of a collector."""
    registry = CollectorRegistry()
    registry.register(collector)
    send = make_wsgi_app(registry)

    def app(environ: dict[str, Any], start_response: Any) -> Any:
        # The library fails at a version that is no number. Such a request gets the plain format.
        try:
            choose_encoder(environ.get("HTTP_ACCEPT", ""))
        except (TypeError, ValueError):
            environ["HTTP_ACCEPT"] = ""
        return send(environ, start_response)

    return app


def _requests(timings: Iterable[Timing]) -> Iterator[Metric]:
    numbers, durations = Counter[tuple[str, ...]](), dict[tuple[str, ...], Timing]()
    for each in timings:
        route: tuple[str, ...] = each.method or OTHER, each.route or NO_ROUTE
        numbers[(*route, str(each.status))] += sum(each.buckets)
        known = durations.get(route)
        durations[route] = each if known is None else known.plus(each)
    labels = ["method", "route", "status"]
    yield _counters("sellout_requests", "Requests by the status of their response", labels, numbers)
    family = HistogramMetricFamily(
        "sellout_request_duration_seconds", "Durations of requests, to the end of the response", labels=labels[:2]
    )
    for route, each in durations.items():
        family.add_metric(route, list(zip(_LE, accumulate(each.buckets), strict=True)), each.seconds)
    yield family


def _pools(loads: Sequence[Load]) -> Iterator[Metric]:
    running, waiting, threads, limits, on_loop = (Counter[tuple[str, ...]]() for _ in range(5))
    for load in loads:
        for name, depth in load.pools.items():
            running[name,] += min(depth.calls, depth.threads)
            waiting[name,] += max(0, depth.calls - depth.threads)
            threads[name,] += depth.threads
            limits[name,] += depth.max_waiting
        for kind, calls in load.calls_on_loop.items():
            on_loop[kind,] += calls
    yield _gauges("sellout_pool_running_calls", "Calls that have a thread", ["pool"], running)
    yield _gauges("sellout_pool_waiting_calls", "Calls that wait for a thread", ["pool"], waiting)
    yield _gauges("sellout_pool_threads", "Threads", ["pool"], threads)
    yield _gauges("sellout_pool_max_waiting_calls", "Calls that may wait for a thread", ["pool"], limits)
    yield _gauges("sellout_loop_calls", "Calls that run or wait on the event loop", ["kind"], on_loop)


def _connections(loads: Sequence[Load]) -> Iterator[Metric]:
    known = [load.connections for load in loads if load.connections is not None]
    yield _gauge("sellout_database_connections", "Database connections in use", sum(used for used, _ in known))
    most = sum(limit for _, limit in known)
    yield _gauge("sellout_database_max_connections", "Maximum number of database connections", most)


def _backlog(backlog: BacklogFigures | None) -> Iterator[Metric]:
    yield _gauge("sellout_database_up", "Whether the database was read in time", int(backlog is not None))
    if backlog is None:
        return
    orders: _Values = {(status,): number for status, number in backlog.orders.items()}
    yield _gauges("sellout_orders", "Orders by status", ["status"], orders)
    mails, due = backlog.mails, backlog.payments_due
    yield _gauge("sellout_outbox_mails", "Mails in the outbox", mails.number)
    yield _gauge("sellout_outbox_age_seconds", "Age of the oldest mail in the outbox", mails.age.total_seconds())
    yield _gauge("sellout_due_payments", "Payments about which the provider is to be asked", due.number)
    meaning = "Time since the first of these payments was due"
    yield _gauge("sellout_due_payments_age_seconds", meaning, due.age.total_seconds())
    new, waiting = backlog.events, backlog.deliveries
    yield _gauge("sellout_undispatched_events", "Events that are not dispatched", new.number)
    meaning = "Age of the oldest event that is not dispatched"
    yield _gauge("sellout_undispatched_events_age_seconds", meaning, new.age.total_seconds())
    yield _gauge("sellout_waiting_deliveries", "Deliveries of events that wait", waiting.number)
    meaning = "Age of the oldest event of which a delivery waits"
    yield _gauge("sellout_waiting_deliveries_age_seconds", meaning, waiting.age.total_seconds())
    yield _gauge("sellout_dead_deliveries", "Deliveries of events that were given up", backlog.dead_deliveries)


def _counters(name: str, meaning: str, labels: Sequence[str], values: _Values) -> Metric:
    family = CounterMetricFamily(name, meaning, labels=labels)
    for key, value in values.items():
        family.add_metric(key, value)
    return family


def _gauges(name: str, meaning: str, labels: Sequence[str], values: _Values) -> Metric:
    family = GaugeMetricFamily(name, meaning, labels=labels)
    for key, value in values.items():
        family.add_metric(key, value)
    return family


def _counter(name: str, meaning: str, value: float) -> Metric:
    return CounterMetricFamily(name, meaning, value=value)


def _gauge(name: str, meaning: str, value: float) -> Metric:
    return GaugeMetricFamily(name, meaning, value=value)
