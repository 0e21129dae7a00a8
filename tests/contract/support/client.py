"""An application on a real socket, for tests that speak HTTP: the server the shop runs on, in a thread of its own."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import httpx2
from granian.constants import HTTPModes, Interfaces
from granian.server.embed import Server

ADDRESS = "127.0.0.1"
START_SECONDS = 60.0


@contextmanager
def serving(app: Any) -> Iterator[str]:
    """Serves an ASGI application, lifespan included, on a free port, and gives its base URL; drains on leaving."""
    with socket.socket() as reserved:
        # Bound and not listening, the port is nobody else's and gets no connections; the server shares it.
        reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        reserved.bind((ADDRESS, 0))
        port = reserved.getsockname()[1]
        server = _ServerThread(app, port)
        server.start()
        try:
            server.wait_until_it_answers()
            yield f"http://{ADDRESS}:{port}"
        finally:
            server.stop()


@contextmanager
def client_of(app: Any) -> Iterator[httpx2.Client]:
    """A client of an application that is served meanwhile. It follows no redirects."""
    with serving(app) as base_url, httpx2.Client(base_url=base_url, timeout=60) as client:
        yield client


def raw(client: httpx2.Client, request: bytes) -> tuple[int, bytes]:
    """The status and the body that a client's server answers bytes on the wire with, be they HTTP or not. The server
    must close the connection after it, so a request asks for that.
    """
    with socket.create_connection((client.base_url.host, client.base_url.port or 0), timeout=60) as connection:
        connection.sendall(request)
        answer = received(connection)
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split(maxsplit=2)[1]), body


def received(connection: socket.socket) -> bytes:
    """All that comes until the other end closes the connection. If it closes with something unread, the system may
    report that as a reset: what came before stands.
    """
    answer = b""
    with suppress(ConnectionResetError):
        while part := connection.recv(65_536):
            answer += part
    return answer


class _ServerThread(threading.Thread):
    """Runs the server in an event loop; what ends it early is raised where it is waited for."""

    def __init__(self, app: Any, port: int) -> None:
        super().__init__(name="server", daemon=True)
        self._app = app
        self._port = port
        self._loop = asyncio.new_event_loop()
        self._server: Server | None = None
        self._failure: BaseException | None = None

    def run(self) -> None:
        try:
            self._loop.run_until_complete(self._serve())
        except BaseException as failure:  # noqa: BLE001 - passed on to whoever waits
            self._failure = failure
        finally:
            self._loop.close()

    async def _serve(self) -> None:
        self._server = Server(
            self._app,
            address=ADDRESS,
            port=self._port,
            interface=Interfaces.ASGI,
            http=HTTPModes.http1,
            websockets=False,
            log_enabled=False,
        )
        await self._server.serve()

    def wait_until_it_answers(self) -> None:
        for _ in range(int(START_SECONDS * 100)):
            if self._failure is not None:
                raise self._failure
            try:
                httpx2.get(f"http://{ADDRESS}:{self._port}/")
            except httpx2.TransportError:
                self.join(0.01)
            else:
                return
        raise TimeoutError("the server does not answer")

    def stop(self) -> None:
        if self._server is not None and self.is_alive():
            self._loop.call_soon_threadsafe(self._server.stop)
        self.join()
