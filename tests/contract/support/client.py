"""Serves an application on a real socket, for tests that speak HTTP. Granian runs in a thread of this process."""

import asyncio
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import httpx2
from granian.constants import HTTPModes, Interfaces
from granian.server.embed import Server

HOST = "127.0.0.1"
START_SECONDS = 60.0
TLS = ssl.create_default_context()
"""Shared by all clients, because reading the certificates takes longer than most tests. The servers have no TLS."""


@contextmanager
def serving_app(app: Any) -> Iterator[str]:
    """Serves an ASGI application with its lifespan on a free port. Yields the base URL, and drains the server at the
    end.
    """
    with socket.socket() as reserved:
        # A socket that is bound but does not listen reserves the port and gets no connections. The server shares the
        # port.
        reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        reserved.bind((HOST, 0))
        port = reserved.getsockname()[1]
        server = _ServerThread(app, port)
        server.start()
        try:
            server.wait_until_it_answers()
            yield f"http://{HOST}:{port}"
        finally:
            server.stop()


@contextmanager
def client_of(app: Any) -> Iterator[httpx2.Client]:
    """Serves an application and yields its client, which follows no redirects."""
    with serving_app(app) as base_url, httpx2.Client(base_url=base_url, timeout=60, verify=TLS) as client:
        yield client


def send_raw(client: httpx2.Client, request: bytes) -> tuple[int, bytes]:
    """Sends bytes, which need not be HTTP. Returns the status and the body of the response. The request must ask the
    server to close the connection.
    """
    with socket.create_connection((client.base_url.host, client.base_url.port or 0), timeout=60) as connection:
        connection.sendall(request)
        answer = receive_all(connection)
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split(maxsplit=2)[1]), body


def receive_all(connection: socket.socket) -> bytes:
    """All bytes until the peer closes the connection. If the peer has unread bytes then, the system may report a reset;
    the bytes received before it are returned.
    """
    answer = b""
    with suppress(ConnectionResetError):
        while part := connection.recv(65_536):
            answer += part
    return answer


class _ServerThread(threading.Thread):
    """Runs the server in an event loop. `wait_until_it_answers` raises the error of a server that fails to start."""

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
        except BaseException as failure:  # noqa: BLE001 - raised in the waiting thread
            self._failure = failure
        finally:
            self._loop.close()

    async def _serve(self) -> None:
        self._server = Server(
            self._app,
            address=HOST,
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
                httpx2.get(f"http://{HOST}:{self._port}/", verify=TLS)
            except httpx2.TransportError:
                self.join(0.01)
            else:
                return
        raise TimeoutError("the server does not answer")

    def stop(self) -> None:
        if self._server is not None and self.is_alive():
            self._loop.call_soon_threadsafe(self._server.stop)
        self.join()
