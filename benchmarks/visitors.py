"""Visitors of a shop under attack: their waits for each response, and their refusals."""

import http.client
import json
import secrets
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import attrs

from benchmarks.load import Request
from benchmarks.people import Buyer
from benchmarks.servers import Server
from sellout_adapters.testing.scene import PASSWORD

TIMEOUT: Final = 10.0
"""Seconds after which an answer counts as none."""

_PAUSE: Final = 0.02
"""The seconds between two requests of a visitor."""

_ADDRESSES: Final = 250


@attrs.frozen
class Waits:
    """The waits of a visitor.

    Attributes:
        milliseconds: The time to each response, or to the timeout.
        checkouts: The times of checkouts alone.
        failures: The requests with a status of 500 or above, or without a response.
        refusals: The statuses from 400 to 499.
    """

    milliseconds: list[float] = attrs.field(factory=list)
    checkouts: list[float] = attrs.field(factory=list)
    failures: list[str] = attrs.field(factory=list)
    refusals: list[int] = attrs.field(factory=list)

    @property
    def p99(self) -> float:
        """The 99th percentile of the waits, in milliseconds."""
        ordered = sorted(self.milliseconds)
        return ordered[max(0, -(-len(ordered) * 99 // 100) - 1)]

    @property
    def p50(self) -> float:
        """The median of the checkouts, or of all requests without checkouts, in milliseconds."""
        return statistics.median(self.checkouts or self.milliseconds)


Visit = Callable[[Server, Waits, float], None]
"""Visits a server until a time of `time.monotonic`."""


def buy(buyer: Buyer, number: int) -> Visit:
    """A buyer who logs in once and then buys repeatedly: a card, the cart, and the checkout, each on a new connection.
    Buyers with different numbers have different addresses.
    """
    address = f"127.0.0.{1 + number % _ADDRESSES}"
    token = ""

    def visit(server: Server, waits: Waits, end: float) -> None:
        nonlocal token
        unit_id = buyer.unit_ids[0]
        while time.monotonic() < end:
            token = token or _log_in(server, buyer.username, waits, address)
            if not token:
                continue
            requests = [
                Request(f"/product_unit/product_main/{buyer.product_id}/{buyer.user_id}", token),
                Request(f"/order/cart_add/{buyer.user_id}/{unit_id}", token, "POST"),
                attrs.evolve(buyer.checkout(unit_id, secrets.token_hex(8)), token=token),
            ]
            _ask(server, requests, waits, address)

    return visit


def log_in(buyers: Sequence[Buyer], numbers: Iterator[int]) -> Visit:
    """Users who log in, one every 700 ms and each from a new address, so they stay within the rate limits. The limits
    outlive a server, so all visits share the iterator of numbers.
    """

    def visit(server: Server, waits: Waits, end: float) -> None:
        while time.monotonic() < end:
            number = next(numbers)
            buyer = buyers[number % len(buyers)]
            _log_in(server, buyer.username, waits, f"127.0.100.{1 + number % _ADDRESSES}")
            time.sleep(0.7)

    return visit


def until_answered(server: Server, longest: float) -> float:
    """The seconds until the shop answers a visitor within a second, or `longest`."""
    begun = time.monotonic()
    while time.monotonic() < begun + longest:
        waits = Waits()
        _ask(server, [Request("/product/all/1")], waits)
        if not waits.failures and waits.p99 < 1000:
            break
    return time.monotonic() - begun


def _log_in(server: Server, username: str, waits: Waits, address: str) -> str:
    body = {"username": username, "password": PASSWORD}
    answers = _ask(server, [Request("/user/login", method="POST", body=body)], waits, address)
    return str(answers[0]["access"]) if answers else ""


def _ask(
    server: Server, requests: Sequence[Request], waits: Waits, address: str = "127.0.0.1"
) -> Sequence[dict[str, Any]]:
    """The documents of the responses to requests on one new connection, until a request fails."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=TIMEOUT, source_address=(address, 0))
    documents = []
    try:
        for request in requests:
            begun = time.perf_counter()
            status, content, failure = 0, b"", ""
            try:
                body = None if request.body is None else json.dumps(request.body)
                connection.request(request.method, request.path, body, request.headers())
                response = connection.getresponse()
                status, content = response.status, response.read()
            except (OSError, http.client.HTTPException) as error:
                failure = type(error).__name__
            taken = (time.perf_counter() - begun) * 1000
            waits.milliseconds.append(taken)
            if "/checkout/" in request.path:
                waits.checkouts.append(taken)
            if failure or status >= 500:
                waits.failures.append(failure or str(status))
                break
            if status >= 400:
                waits.refusals.append(status)
                break
            documents.append(json.loads(content))
            time.sleep(_PAUSE)
    finally:
        connection.close()
    if len(documents) < len(requests):
        time.sleep(_PAUSE)
    return documents
