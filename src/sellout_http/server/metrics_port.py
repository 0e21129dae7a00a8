"""The port of the metrics. One of the workers serves the figures of all of them; if it dies, another one goes on."""

import os
import socket
import sys
import tempfile
import threading
from collections.abc import Callable, MutableMapping
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from socketserver import TCPServer, ThreadingMixIn
from typing import Any, Final
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from sellout_core.errors import Unavailable
from sellout_core.people.accounts import OPERATOR
from sellout_core.shop import Shop
from sellout_core.use_cases.backlog import BacklogFigures, read_backlog
from sellout_http.metrics.figures import Figures
from sellout_http.metrics.sharing import Place, read_figures, share_figures, wait_for_turn
from sellout_http.runtime.executor import SearchedStore
from sellout_http.runtime.logging import log
from sellout_http.runtime.served_store import served
from sellout_http.server.composition import import_exposition
from sellout_http.settings.model import Settings, variable_name
from sellout_http.settings.signing_key import BadSettings

_FOLDER: Final = "_SELLOUT_METRICS_FOLDER"
"""The variable that tells the workers the folder of their figures. It is no setting."""

_MAX_CALLERS: Final = 8
_READ_SECONDS: Final = 5
_RETRY_SECONDS: Final = 1


class _Handler(WSGIRequestHandler):
    timeout = _READ_SECONDS

    def log_message(self, *_: object) -> None:
        """Logs nothing."""


class MetricsServer(ThreadingMixIn, WSGIServer):
    """The HTTP server of the metrics. It closes further connections while it serves eight.

    Args:
        host: The IP address to listen on.
        port: The port to listen on. 0: any free one.
        app: The WSGI application.

    Raises:
        OSError: the port cannot be used.
    """

    daemon_threads = True

    def __init__(self, host: str, port: int, app: Any) -> None:
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._free = threading.BoundedSemaphore(_MAX_CALLERS)
        super().__init__((host, port), _Handler)
        self.set_app(app)

    def server_bind(self) -> None:
        """Binds the port without a question to DNS, which the class of the standard library asks for a name."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[:2]  # type: ignore[assignment]
        self.setup_environ()

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serves a connection in a thread."""
        if self._free.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serves a connection."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 - the standard library's
        """Logs an error. One of the connection is the client's."""
        error = sys.exception()
        if not isinstance(error, OSError):
            log.error("failed", exc_info=error)


def prepare_metrics(settings: Settings, environment: MutableMapping[str, str]) -> Path:
    """Makes the folder of the workers' figures, and names it in the environment. The caller deletes the folder.

    Raises:
        BadSettings: the package for metrics is missing, or the port is that of the shop.
    """
    if settings.metrics_port == settings.port:
        raise BadSettings(f"{variable_name('metrics_port')} must not be the port of the shop")
    import_exposition()
    environment[_FOLDER] = tempfile.mkdtemp(prefix="sellout-metrics-")
    return Path(environment[_FOLDER])


def publish_metrics(host: str, port: int, shop: Shop, figures: Callable[[], Figures]) -> None:
    """Starts the threads of a worker that share its figures and, when it is its turn, serve those of all workers.
    `prepare_metrics` has made the folder. A worker without it serves the shop alone, and logs an error.
    """
    folder = Path(os.environ[_FOLDER])
    try:
        place = Place.take(folder)
    except OSError as error:
        log.error("failed", exc_info=error)
        return
    app = metrics_app(partial(read_figures, folder), partial(read_backlog_in_time, shop))
    for name, work in (
        ("figures", partial(share_figures, place, figures)),
        ("metrics", partial(_serve_in_turn, folder, host, port, app)),
    ):
        threading.Thread(target=work, name=name, daemon=True).start()


def metrics_app(figures: Callable[[], Any], backlog: Callable[[], BacklogFigures | None]) -> Any:
    """The WSGI application that sends the metrics, for any path.

    Args:
        figures: As `exposition.ShopCollector.figures`.
        backlog: As `exposition.ShopCollector.backlog`.
    """
    exposition = import_exposition()
    return exposition.metrics_app(exposition.ShopCollector(figures, backlog))


def read_backlog_in_time(shop: Shop) -> BacklogFigures | None:
    """The backlog. None: the database is unreachable, or the read took longer than a search may."""
    try:
        return read_backlog(shop.over(SearchedStore(served(shop.store), Future())), OPERATOR)
    except Unavailable:
        return None
    except Exception as error:  # noqa: BLE001 - the other metrics are sent
        log.error("failed", exc_info=error)
        return None


def _serve_in_turn(folder: Path, host: str, port: int, app: Any) -> None:
    wait_for_turn(folder)
    failed, pause = False, threading.Event()
    while True:
        try:
            server = MetricsServer(host, port, app)
        except OSError as error:
            if not failed:
                log.error("metrics port cannot be used", exc_info=error)
            failed = True
            pause.wait(_RETRY_SECONDS)
        else:
            server.serve_forever()
