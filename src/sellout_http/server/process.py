"""Runs the shop as a server: everything that can fail is tried first, then granian's workers take over."""

import copy
import encodings.idna  # noqa: F401 - see `_announce`
import errno
import gc
import os
import socket
import sys
import threading
from collections.abc import Sequence
from contextlib import closing
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final

import attrs
import click
from granian import Granian
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.log import LOGGING_CONFIG, LogLevels
from sqlalchemy import make_url
from typed_settings import Secret

from sellout_adapters import demo
from sellout_adapters.sql.engines.opening import without_passwords
from sellout_http.app import create_app
from sellout_http.runtime import logging
from sellout_http.runtime.asgi import Application
from sellout_http.server.composition import open_counter, open_shop, open_store
from sellout_http.server.signals import hold_signals, stopping_once
from sellout_http.settings.model import Settings, load, variable
from sellout_http.settings.signing_key import BadSettings, key_beside

DRAIN_SECONDS: Final = 30

_MAX_HEAD: Final = 32 * 1024

_PROBE_SECONDS: Final = 0.05


class CannotServe(Exception):
    """The server cannot start; the message is one line that says why."""


def run(settings: Settings) -> None:
    """Serves until SIGTERM or SIGINT, answers what was asked by then, and returns.

    Raises:
        BadSettings: the database needs a key and has none, or the key beside it is not fit.
        CannotOpen: the database cannot be used.
        CannotServe: the port cannot.
    """
    announcement = _prepare(settings)
    os.register_at_fork(after_in_child=hold_signals)
    threading.Thread(target=_announce, args=(settings, announcement), daemon=True).start()
    _serve(settings)


def app_from_environment() -> Application:
    """The ASGI application of one worker, by the variables that `run` left it.

    Raises:
        BadSettings: a variable is out of its limits, or there is no key.
        CannotOpen: the database cannot be used.
    """
    settings = load()
    key = _given_key(settings)
    store = open_store(settings, settings.pool)
    app = create_app(
        open_shop(settings, store, key),
        threads=settings.threads,
        hash_threads=settings.hash_threads,
        list_seconds=settings.statement_timeout / 3,  # well before PostgreSQL ends a transaction that asks nothing
        limits=settings.limits,
        counter=open_counter(settings),
        proxies=settings.proxies,
        origins=settings.origins,
        origin_pattern=settings.origin_pattern,
        body_seconds=settings.request_timeout,
        cache_mib=settings.cache_mib,
        log=logging.configure(_log_style(settings), sys.stderr),
        log_addresses=settings.log_client_addresses,
    )
    # Objects that exist by now live as long as the process. A garbage collection over them would delay every request
    # by a tenth of a second.
    gc.collect()
    gc.freeze()
    return stopping_once(app, app.health, settings.drain_delay)


def _prepare(settings: Settings) -> Sequence[str]:
    """Everything short of serving: the port is free, the database is ours, it has a key, the demo data is in. Leaves
    the settings to the workers and returns what to say once they are up.
    """
    _require_free(settings.host, settings.port)
    # What this process opens is closed again: a worker that inherits a connection would share it.
    open_counter(settings)
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
        raise BadSettings(f"{variable('secret_key')} must be set: only an SQLite database keeps a key of its own")
    return settings.secret_key.get_secret_value()


def _database_file(url: str) -> Path | None:
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite" or not parsed.database:
        return None
    return Path(parsed.database).absolute()


def _require_free(host: str, port: int) -> None:
    """Binds once without SO_REUSEPORT, which granian sets: with it, two servers would share a port in silence.

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
    server = Granian(
        "sellout_http.server.process:app_from_environment",
        factory=True,
        address=settings.host,
        port=settings.port,
        interface=Interfaces.ASGI,
        workers=settings.workers,
        http=HTTPModes.http1,
        websockets=False,
        backlog=1024,
        http1_settings=HTTP1Settings(header_read_timeout=settings.request_timeout * 1000, max_buffer_size=_MAX_HEAD),
        workers_kill_timeout=settings.drain_delay + DRAIN_SECONDS,
        log_level=LogLevels.warning,
        log_dictconfig=_logging(_log_style(settings)),
    )
    server.serve()


def _log_style(settings: Settings) -> logging.Style:
    return settings.log_style or ("text" if sys.stderr.isatty() else "json")


def _logging(style: logging.Style) -> dict[str, Any]:
    """Granian's logging, on stderr, where ours is: stdout is for what the command says."""
    config: dict[str, Any] = copy.deepcopy(LOGGING_CONFIG)
    for handler in config["handlers"].values():
        handler["stream"] = "ext://sys.stderr"
    config["formatters"]["generic"] = {"()": logging.formatter, "style": style}
    return config


def _announce(settings: Settings, lines: Sequence[str]) -> None:
    """Prints the lines once the port answers.

    Workers are forked meanwhile. A module that this thread is just importing then would be locked in them forever, so
    the one that connecting needs is imported beforehand.
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
    """The address at which this machine reaches a server that listens on `host`."""
    if ip_address(host).is_unspecified:
        return "::1" if _family(host) == socket.AF_INET6 else "127.0.0.1"
    return host


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET
