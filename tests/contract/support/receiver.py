"""Receivers of webhooks on this machine: good ones, and those that refuse, hang, redirect or die."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal

import attrs
from standardwebhooks import Webhook

from tests.contract.support.secrecy import WEBHOOK_SECRET

Behaviour = Literal["good", "failing", "hanging", "redirecting", "dying", "endless"]


@attrs.define
class Receiver:
    """A receiver. It checks each signature with the reference library.

    Attributes:
        behaviour: What it does with a request.
        location: Where it redirects to.
        url: Its address.
        received: The bodies of all requests.
        headers: Their headers.
        arrived: Is released once for each request.
    """

    behaviour: Behaviour = "good"
    location: str = ""
    url: str = ""
    received: list[dict[str, Any]] = attrs.field(factory=list)
    headers: list[dict[str, str]] = attrs.field(factory=list)
    arrived: threading.Semaphore = attrs.field(factory=lambda: threading.Semaphore(0))
    ended: threading.Event = attrs.field(factory=threading.Event)

    @property
    def ids(self) -> list[int]:
        """The ids of the events, without repetitions, in the order of their first arrival."""
        return list(dict.fromkeys(body["id"] for body in self.received))

    def take(self, headers: dict[str, str], body: dict[str, Any]) -> Behaviour:
        """Notes a request, and decides what happens to it. The headers have the members `path` and `body`, the body as
        it came.
        """
        self.received.append(body)
        self.headers.append(headers)
        self.arrived.release()
        return self.behaviour

    def of_subject(self, subject: str) -> list[int]:
        """The same for one subject."""
        return list(dict.fromkeys(body["id"] for body in self.received if body["subject"] == subject))


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    receiver: Receiver

    def do_POST(self) -> None:
        receiver = self.receiver
        content = self.rfile.read(int(self.headers["Content-Length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        match receiver.take({**headers, "path": self.path, "body": content.decode()}, json.loads(content)):
            case "good":
                self._respond(204)
            case "failing":
                self._respond(500)
            case "redirecting":
                self._respond(302)
            case "hanging":
                receiver.ended.wait()
                self.close_connection = True
            case "dying":
                self.wfile.write(b"HTTP/1.1 2")
                self.close_connection = True
            case "endless":
                self.send_response(200)
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                self._write_chunks()

    def _respond(self, status: int) -> None:
        self.send_response(status)
        if status == 302:
            self.send_header("Location", self.receiver.location)
        if status != 204:
            self.send_header("Content-Length", "0")
        self.end_headers()

    def _write_chunks(self) -> None:
        self.close_connection = True
        try:
            while not self.receiver.ended.is_set():
                self.wfile.write(b"1000\r\n" + b"a" * 4096 + b"\r\n")
        except OSError:
            pass

    def log_message(self, *_: object) -> None:
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """A sender may leave at any time."""


def verify(received: dict[str, str], secret: str = WEBHOOK_SECRET) -> Any:
    """The body of a request, whose signature the reference library checks.

    Raises:
        WebhookVerificationError: it is wrong, or older than five minutes.
    """
    return Webhook(secret).verify(received["body"], received)


@contextmanager
def receiving(behaviour: Behaviour = "good", location: str = "") -> Iterator[Receiver]:
    """Runs a receiver on a free port."""
    receiver = Receiver(behaviour, location)
    with served(receiver):
        yield receiver


@contextmanager
def served(receiver: Receiver) -> Iterator[None]:
    """Runs a receiver on a free port."""
    handler = type("Receiving", (Handler,), {"receiver": receiver})
    server = _Server(("127.0.0.1", 0), handler)
    receiver.url = f"http://127.0.0.1:{server.server_port}/hook"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield
    finally:
        receiver.ended.set()
        server.shutdown()
        thread.join()
        server.server_close()
