"""Limits the connections of a worker.

Granian limits the connections of a process, but not those of a client. It waits without limit for a client that does
not read its response.
"""

import os
import resource
import socket
import struct
import threading
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Hashable, Mapping
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import Any, Final, TypeVar

import attrs

from sellout_http.middleware.large_responses import REFUSAL, REFUSAL_HEADERS
from sellout_http.runtime.asgi import Application, Receive, Scope, Send

C = TypeVar("C", bound=Hashable)
_DESCRIPTORS: Final = "/proc/self/fd" if Path("/proc/self/fd").exists() else "/dev/fd"

_SCAN_SECONDS: Final = 0.1
"""The minimum time between two scans of the connections. Scans take at most a twentieth of the time, or a fifth while
connections are closed.
"""

_UNLIMITED: Final = 1_000_000

_SEND_BUFFER: Final = 128 * 1024
"""The send buffer of a connection, in bytes. The system doubles it. By default it is megabytes, enough for hundreds of
responses that the client never reads.
"""

_RESET: Final = struct.pack("ii", 1, 0)
"""`struct linger`: closing the connection drops the bytes that the client has not received."""


@attrs.frozen
class Connection:
    """A connection that a client opened.

    Attributes:
        descriptor: The file descriptor. Another connection may get the same one later.
        peer: The address and the port of the client.
    """

    descriptor: int
    peer: tuple[Any, ...]


@attrs.frozen(kw_only=True)
class ConnectionLimits:
    """The limits of one process.

    Attributes:
        total: The maximum number of connections. An eighth of them is kept free.
        per_client: The maximum number of connections of one client.
        send_seconds: The maximum time in which a client receives no byte of a response. It has an effect only on
            systems with TCP_USER_TIMEOUT.
    """

    total: int
    per_client: int
    send_seconds: int


def surplus(clients: Mapping[C, str], limits: ConnectionLimits) -> list[C]:
    """The connections to close: the newest ones of each client that exceeds its share. While too few places are free,
    the share shrinks, down to one connection. If that is not enough, the oldest connections are closed too.

    Args:
        clients: The client of each open connection, from the oldest connection to the newest.
        limits: The limits.
    """
    by_client = defaultdict[str, list[C]](list)
    for connection, client in clients.items():
        by_client[client].append(connection)
    sizes, room = [len(own) for own in by_client.values()], limits.total - limits.total // 8
    shares = range(1, limits.per_client + 1)
    share = max(1, bisect_right(shares, room, key=lambda share: sum(min(size, share) for size in sizes)))
    kept = {connection for own in by_client.values() for connection in own[:share]}
    within = [connection for connection in clients if connection in kept]
    return [*(connection for connection in clients if connection not in kept), *within[: max(0, len(within) - room)]]


def allow_more_descriptors() -> None:
    """Raises the limit of open files of this process and its children to the hard limit."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(OSError, ValueError):  # the system may have a lower limit than it reports
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def allowed_descriptors() -> int:
    """The maximum number of open files and connections of this process."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return _UNLIMITED if soft == resource.RLIM_INFINITY else soft


class ConnectionGuard:
    """Closes connections of this process that exceed the limits. A thread scans the connections again and again.
    Between two scans, `protect` refuses the first request of a new connection that exceeds its client's share.

    Args:
        port: The local port of the connections.
        limits: The limits.
        client: Returns the client of an address. None: the address is a trusted proxy, whose connections are not
            closed.
    """

    def __init__(self, port: int, limits: ConnectionLimits, client: Callable[[str], str | None]) -> None:
        self._port = port
        self._limits = limits
        self._client = client
        self._clients: dict[Connection, str] = {}
        self._full: Collection[str] = ()
        self._served: Collection[tuple[str, int]] = ()

    def protect(self, app: Application) -> Application:
        """Wraps an application. If a client has reached its share, the first request of each further connection is a
        429, which closes the connection. So a connection with a hundred requests costs one refusal.
        """

        async def answer(scope: Scope, receive: Receive, send: Send) -> None:
            # Usually no client has reached its share.
            if not self._full or scope["type"] != "http" or not self._refuses(*scope["client"]):
                await app(scope, receive, send)
                return
            headers = [*REFUSAL_HEADERS, (b"connection", b"close")]
            await send({"type": "http.response.start", "status": 429, "headers": headers})
            await send({"type": "http.response.body", "body": REFUSAL})

        return answer

    def _refuses(self, address: str, port: str) -> bool:
        client = self._client(address)
        return client in self._full and (client, int(port)) not in self._served

    def start(self) -> None:
        """Starts the thread. It ends with the process."""
        threading.Thread(target=self._watch, name="connections", daemon=True).start()

    def _watch(self) -> None:
        pause = threading.Event()
        while True:
            began, closed = monotonic(), False
            # Without a free descriptor the list of descriptors cannot be read. Other connections end meanwhile.
            with suppress(OSError):
                closed = self._close_surplus()
            taken = monotonic() - began
            # A client over its limits connects again, and is served until the next scan.
            pause.wait(4 * taken if closed else max(_SCAN_SECONDS, 20 * taken))

    def _close_surplus(self) -> bool:
        """Closes the connections that exceed the limits. Returns whether there were any."""
        names = os.listdir(_DESCRIPTORS)  # noqa: PTH208 - pathlib takes three times as long
        found = {connection: None for name in names if (connection := self._connection(int(name)))}
        # The dictionary is in the order in which the connections were first seen.
        seen = {connection: client for connection, client in self._clients.items() if connection in found}
        for connection in found:
            if connection not in seen and (client := self._client(connection.peer[0])) is not None:
                seen[connection] = client
        self._clients = seen
        closed = surplus(seen, self._limits)
        full = {client for client, count in Counter(seen.values()).items() if count >= self._limits.per_client}
        full.update(seen.pop(connection) for connection in closed)
        self._served = {(client, connection.peer[1]) for connection, client in seen.items() if client in full}
        self._full = full
        # A client that sees a connection closed may connect again at once: the next one is already refused.
        for connection in closed:
            _close(connection)
        return bool(closed)

    def _connection(self, descriptor: int) -> Connection | None:
        """The connection with that descriptor. None: the descriptor is not a connection of the port, or was closed."""
        try:
            # The addresses of this family are the longest. `getpeername` returns the real family.
            borrowed = socket.socket(socket.AF_INET6, socket.SOCK_STREAM, 0, descriptor)
        except OSError:
            return None
        try:
            peer = borrowed.getpeername()
            connection = Connection(descriptor, peer)
            if connection not in self._clients:
                if borrowed.getsockname()[1] != self._port:
                    return None
                self._limit_unsent(borrowed)
        except (OSError, IndexError):
            return None
        else:
            return connection
        finally:
            borrowed.detach()

    def _limit_unsent(self, connection: socket.socket) -> None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)
        # The kernel measures what the client receives. The server only knows what it has handed to the kernel.
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 1000 * self._limits.send_seconds)


def _close(connection: Connection) -> None:
    """Closes a connection. The server notices that, and closes its descriptor."""
    with suppress(OSError), socket.socket(fileno=os.dup(connection.descriptor)) as own:
        # The descriptor may belong to another connection by now. The duplicate cannot change.
        if own.getpeername() == connection.peer:
            own.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            own.shutdown(socket.SHUT_RDWR)
