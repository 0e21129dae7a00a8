"""Runs the server: checks everything that can fail, then starts granian's workers."""

import atexit
import copy
import encodings.idna  # noqa: F401 - see `_announce`
import errno
import gc
import os
import shutil
import socket
import sys
import threading
from collections.abc import Sequence
from contextlib import closing
from functools import partial
from ipaddress import ip_address
from multiprocessing.util import Finalize
from pathlib import Path
from typing import Any, Final

import attrs
import click
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.log import LOGGING_CONFIG, LogLevels
from sqlalchemy import make_url
from typed_settings import Secret

from sellout_adapters import demo
from sellout_adapters.payments.sandbox import SandboxBank, SandboxPages
from sellout_adapters.pictures.folder import FolderPictures
from sellout_adapters.sql.engines.opening import without_passwords
from sellout_http.app import create_app
from sellout_http.event_delivery import deliver_until
from sellout_http.runtime import logging
from sellout_http.runtime.asgi import Application
from sellout_http.server import log_stream
from sellout_http.server.composition import (
    open_counter,
    open_mailer,
    open_payments,
    open_pictures,
    open_shop,
    open_store,
    open_webhooks,
)
from sellout_http.server.connections import (
    ConnectionGuard,
    ConnectionLimits,
    allow_more_descriptors,
    allowed_descriptors,
)
from sellout_http.server.log_stream import STDERR
from sellout_http.server.mail_sender import send_until
from sellout_http.server.metrics_port import prepare_metrics, publish_metrics
from sellout_http.server.signals import hold_signals, stopping_once
from sellout_http.server.workers import Workers, end_with_parent
from sellout_http.settings.model import Settings, read_settings, variable_name
from sellout_http.settings.signing_key import BadSettings, key_beside

DRAIN_SECONDS: Final = 30

_BACKLOG: Final = 4096
"""The maximum number of connections that wait to be accepted. The system may allow fewer."""

_LOG_SECONDS: Final = 1
"""How long a process waits at its end until its log is written."""

_MAX_HEAD: Final = 32 * 1024
_OTHER_DESCRIPTORS: Final = 64
_PROBE_SECONDS: Final = 0.05


class CannotServe(Exception):
    """The server cannot start. The message is one line with the reason."""


def run(settings: Settings) -> None:
    """Serves until SIGTERM or SIGINT, finishes the requests in flight, and returns.

    Raises:
        BadSettings: there is no key for signing tokens, or the key file is invalid.
        CannotOpen: the database cannot be used.
        CannotServe: a port cannot be used.
    """
    announcement = _prepare(settings)
    if settings.metrics_port is not None:
        _require_free(settings.metrics_host, settings.metrics_port)
        atexit.register(shutil.rmtree, prepare_metrics(settings, os.environ), ignore_errors=True)
    atexit.register(STDERR.drain, _LOG_SECONDS)
    os.register_at_fork(after_in_child=hold_signals)
    end_with_parent(DRAIN_SECONDS)
    threading.Thread(target=_announce, args=(settings, announcement), daemon=True).start()
    _serve(settings)


def app_from_environment() -> Application:
    """The ASGI application of a worker. `run` has set the environment variables.

    Raises:
        BadSettings: a variable is out of its limits, or there is no key.
        CannotOpen: the database cannot be used.
    """
    settings = read_settings()
    key = _given_key(settings)
    store = open_store(settings, settings.pool)
    shop = open_shop(settings, store, key)
    mailer = open_mailer(settings)
    pictures = shop.picture_storage
    app = create_app(
        shop,
        threads=settings.threads,
        hash_threads=settings.hash_threads,
        client_share=settings.client_share,
        client_untaken_mib=settings.client_untaken_mib,
        list_seconds=settings.statement_timeout / 3,  # well before PostgreSQL ends an idle transaction
        limits=settings.limits,
        counter=open_counter(settings),
        proxies=settings.proxies,
        origins=settings.origins,
        origin_pattern=settings.origin_pattern,
        body_seconds=settings.request_timeout,
        cache_mib=settings.cache_mib,
        read_picture=pictures.read if isinstance(pictures, FolderPictures) else None,
        log=logging.configure(_log_style(settings), STDERR),
        log_addresses=settings.log_client_addresses,
        sandbox=SandboxPages(shop) if isinstance(shop.payment_provider, SandboxBank) else None,
        mail=None if mailer is None else partial(send_until, shop, mailer),
        measured=settings.metrics_port is not None,
        webhooks=partial(deliver_until, shop, partial(open_webhooks, settings)),
    )
    if settings.metrics_port is not None:
        publish_metrics(settings.metrics_host, settings.metrics_port, shop, app.figures)
    # All objects so far live as long as the process. A garbage collection over them would block all requests for a
    # tenth of a second.
    gc.collect()
    gc.freeze()
    # multiprocessing, which started this worker, does not run the functions of atexit.
    Finalize(None, STDERR.drain, (_LOG_SECONDS,), exitpriority=0)
    guard = ConnectionGuard(settings.port, _limits(settings), settings.proxies.untrusted)
    guard.start()
    return guard.protect(stopping_once(app, app.health, settings.drain_delay))


def _prepare(settings: Settings) -> Sequence[str]:
    """Checks the port, opens the database and the key, loads the demo data, and exports the settings to the workers.
    Returns the lines to print when the server is running.
    """
    _require_free(settings.host, settings.port)
    allow_more_descriptors()
    # This process closes all connections before it forks: otherwise the workers would share them.
    open_counter(settings)
    open_mailer(settings)
    open_pictures(settings)
    open_payments(settings, "")
    with closing(open_store(settings)) as store:
        file = _database_file(settings.database_url)
        key = _given_key(settings) if settings.secret_key or file is None else key_beside(file)
        loaded = demo.load(open_shop(settings, store, key)) if settings.demo else None
    attrs.evolve(settings, secret_key=Secret(key)).export(os.environ)
    return [
        "SellOut is running. Ctrl-C stops it.",
        f"  API            {_url(settings)}/",
        f"  Documentation  {_url(settings)}/docs",
        f"  Database       {file or without_passwords(make_url(settings.database_url)).render_as_string()}",
        *_demo_lines(loaded),
    ]


def _demo_lines(loaded: bool | None) -> Sequence[str]:
    if loaded is None:
        return []
    if not loaded:
        return ["The demo data was not loaded: the shop is not empty."]
    return [
        f"  Demo accounts  {demo.STAFF}, who is staff and may do everything, and {demo.CUSTOMER}, a customer;",
        f"                 the password of both is {demo.PASSWORD}",
    ]


def _given_key(settings: Settings) -> str:
    if settings.secret_key is None:
        raise BadSettings(f"{variable_name('secret_key')} must be set: only an SQLite database keeps a key of its own")
    return settings.secret_key.get_secret_value()


def _database_file(url: str) -> Path | None:
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite" or not parsed.database:
        return None
    return Path(parsed.database).resolve()


def _require_free(host: str, port: int) -> None:
    """Binds the port once without SO_REUSEPORT. Granian sets that option, so two servers could share a port unnoticed.

    Raises:
        CannotServe: the port is in use, or this process may not bind it.
    """
    with socket.socket(_family(host), socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen()
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise CannotServe(f"port {port} on {host} is in use") from None
            raise CannotServe(f"cannot listen on port {port} of {host}: {error.strerror}") from None


def _serve(settings: Settings) -> None:
    logging.configure(_log_style(settings), STDERR)
    server = Workers(
        "sellout_http.server.process:app_from_environment",
        factory=True,
        address=settings.host,
        port=settings.port,
        interface=Interfaces.ASGI,
        workers=settings.workers,
        http=HTTPModes.http1,
        websockets=False,
        backlog=_BACKLOG,
        # The maximum number of connections that granian accepts.
        backpressure=_limits(settings).total,
        http1_settings=HTTP1Settings(header_read_timeout=settings.idle_timeout * 1000, max_buffer_size=_MAX_HEAD),
        workers_kill_timeout=settings.drain_delay + DRAIN_SECONDS,
        log_level=LogLevels.warning,
        log_dictconfig=_logging(_log_style(settings)),
    )
    server.serve()


def _limits(settings: Settings) -> ConnectionLimits:
    """The limits of the connections of a worker, which also needs descriptors for its database and files."""
    return ConnectionLimits(
        total=min(settings.max_connections, max(1, allowed_descriptors() - settings.pool - _OTHER_DESCRIPTORS)),
        per_client=settings.client_connections,
        send_seconds=settings.send_timeout,
    )


def _log_style(settings: Settings) -> logging.Style:
    return settings.log_style or ("text" if sys.stderr.isatty() else "json")


def _logging(style: logging.Style) -> dict[str, Any]:
    """Granian's logging, on stderr like the shop's log. Stdout is for the output of the command."""
    config: dict[str, Any] = copy.deepcopy(LOGGING_CONFIG)
    for handler in config["handlers"].values():
        handler["stream"] = f"ext://{log_stream.__name__}.STDERR"
    config["formatters"]["generic"] = {"()": logging.formatter, "style": style}
    return config


def _announce(settings: Settings, lines: Sequence[str]) -> None:
    """Prints the lines when the server accepts connections.

    Workers are forked meanwhile. If this thread imported a module during a fork, the module would stay locked in the
    worker. So `encodings.idna`, which connecting needs, is imported in advance.
    """
    pause = threading.Event()
    while not _answers(settings):
        pause.wait(_PROBE_SECONDS)
    click.echo("\n".join(lines))


def _answers(settings: Settings) -> bool:
    try:
        socket.create_connection((_reachable(settings.host), settings.port), timeout=1).close()
    except OSError:
        return False
    return True


def _url(settings: Settings) -> str:
    host = _reachable(settings.host)
    return f"http://[{host}]:{settings.port}" if ":" in host else f"http://{host}:{settings.port}"


def _reachable(host: str) -> str:
    """The address for connecting from this machine to a server that listens on `host`."""
    if ip_address(host).is_unspecified:
        return "::1" if _family(host) == socket.AF_INET6 else "127.0.0.1"
    return host


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET
