"""The middleware: security headers, CORS, request ids, the log, and time limits of bodies."""

import io
import json
import re
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from sellout_adapters import demo
from sellout_adapters.sql import SqlStore
from sellout_core.ports.store import Store
from sellout_http.app import create_app
from sellout_http.runtime import logging
from sellout_http.settings.model import read_settings
from tests.contract.conftest import PERSISTENT
from tests.contract.support.client import client_of, receive_all, send_raw
from tests.contract.support.command import running_server
from tests.contract.support.requests import OPERATION_NAMES, path_of, valid_body
from tests.contract.support.secrecy import STREAM, found_in_log
from tests.contract.support.shop import Served, demo_shop, log_in, problem_of, serving_demo, shop_over

pytestmark = pytest.mark.http

SECURITY = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
}
ORIGIN = "https://shop.example"
PAGES = ["/", "/docs", "/docs/start.js", "/openapi.json", "/problems", "/problems/x", "/livez"]
OTHERS = ["/product/all/1", "/user", "/nothing", "//", "/user/1", "/order/orders/", "/api/v1/product/all/1"]
REQUEST = {"event", "level", "timestamp", "method", "route", "status", "milliseconds"}
MEMBERS = REQUEST | {"request_id", "user_id", "statements"}


@pytest.mark.parametrize("path", [*PAGES, *OTHERS])
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "OPTIONS", "BREW"])
def test_every_answer_has_the_security_headers(shared: Served, method: str, path: str) -> None:
    """Each header is there once, whatever the status is."""
    response = shared.client.request(method, path)
    for name, value in SECURITY.items():
        assert response.headers.get_list(name) == [value]
    (policy,) = response.headers.get_list("content-security-policy")
    for directive in ("base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"):
        assert directive in policy
    assert "default-src 'none'" in policy or "object-src 'none'" in policy
    assert "strict-transport-security" not in response.headers
    assert "access-control-allow-origin" not in response.headers


def test_browsers_are_told_to_keep_to_tls_behind_tls_alone(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SELLOUT_TRUSTED_PROXIES", "127.0.0.1")
    with serving_demo(store, proxies=read_settings().proxies) as shop:
        for path in ("/product/all/1", "/nothing"):
            plain = shop.client.get(path)
            secure = shop.client.get(path, headers={"X-Forwarded-Proto": "https"})
            assert "strict-transport-security" not in plain.headers
            assert secure.headers["strict-transport-security"] == "max-age=31536000; includeSubDomains"


def preflight(client: httpx2.Client, origin: str, headers: str = "authorization") -> httpx2.Response:
    asked = {"Origin": origin, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": headers}
    return client.options("/order/checkout/2", headers=asked)


def test_other_origins_read_nothing_unless_they_are_configured(shared: Served) -> None:
    origins = (ORIGIN, "http://localhost:5173", "http://127.0.0.1:3000")
    for response in (
        *(shared.client.get("/product/all/1", headers={"Origin": origin}) for origin in origins),
        *(preflight(shared.client, origin) for origin in origins),
    ):
        assert not [name for name in response.headers if name.startswith("access-control")]
        assert "origin" not in response.headers.get("vary", "")


def test_configured_origins_read_everything_that_their_users_may(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SELLOUT_CORS_ORIGINS", f"{ORIGIN}, http://localhost:3000")
    with serving_demo(store, origins=read_settings().origins) as shop:
        for origin in (ORIGIN, "http://localhost:3000"):
            for path in ("/product/all/1", "/user", "/nothing", "/user/2"):
                response = shop.client.get(path, headers={"Origin": origin})
                assert response.headers["access-control-allow-origin"] == origin
                assert "origin" in response.headers["vary"].lower()
                exposed = response.headers["access-control-expose-headers"].lower()
                assert {"link", "retry-after", "x-cart-token", "x-request-id"} <= set(exposed.split(", "))
                assert "access-control-allow-credentials" not in response.headers
            for headers in (
                "authorization",
                "Content-Type, Idempotency-Key",
                "x-request-id",
                "x-cart-token",
                "last-event-id",
            ):
                allowed = preflight(shop.client, origin, headers=headers)
                assert allowed.status_code == 204
                assert allowed.headers["access-control-allow-origin"] == origin
                assert set(allowed.headers["access-control-allow-methods"].split(", ")) >= {"POST", "PUT", "DELETE"}
                assert allowed.headers["access-control-max-age"] == "3600"
        for other in ("https://shop.example.evil", "https://evil.example", "null", "http://shop.example"):
            response = shop.client.get("/product/all/1", headers={"Origin": other})
            assert "access-control-allow-origin" not in response.headers
            assert "origin" in response.headers["vary"].lower()
            refused = preflight(shop.client, other)
            assert refused.status_code == 400
            assert "access-control-allow-origin" not in refused.headers
        # Otherwise a cache could give the response for one origin to another one.
        assert "origin" in shop.client.get("/product/all/1").headers["vary"].lower()


def test_a_demo_answers_scripts_from_this_machine(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Origins on this machine are allowed on any port, beside the configured ones."""
    monkeypatch.setenv("SELLOUT_CORS_ORIGINS", ORIGIN)
    monkeypatch.setenv("SELLOUT_DEMO", "yes")
    settings = read_settings()
    with serving_demo(store, origins=settings.origins, origin_pattern=settings.origin_pattern) as shop:
        for origin in (
            "http://localhost:5173",
            "http://127.0.0.1:3000",
            "http://localhost",
            "http://127.0.0.1",
            ORIGIN,
        ):
            answer = shop.client.get("/product/all/1", headers={"Origin": origin})
            assert answer.headers["access-control-allow-origin"] == origin
            assert preflight(shop.client, origin).headers["access-control-allow-origin"] == origin
        for other in (
            "https://localhost:5173",
            "http://localhost.evil.example",
            "http://localhost:5173.evil.example",
            "http://localhost:",
            "http://localhost:1@evil.example",
            "http://evil.example/http://localhost",
            "http://127.0.0.2:3000",
            "http://127x0x0x1:3000",
            "null",
        ):
            answer = shop.client.get("/product/all/1", headers={"Origin": other})
            assert "access-control-allow-origin" not in answer.headers
            assert preflight(shop.client, other).status_code == 400


def test_without_a_demo_scripts_from_this_machine_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SELLOUT_DEMO", raising=False)
    assert read_settings().origin_pattern is None


def test_every_answer_has_a_name(shared: Served) -> None:
    """The response repeats the request's id if it is well-formed, and has a new one otherwise."""
    for good in ("a", "A-1_b.c", "x" * 128):
        assert shared.client.get("/product/all/1", headers={"X-Request-ID": good}).headers["x-request-id"] == good
    for bad in ("", "x" * 129, "two words", "semi;colon", '"quoted"', "a\tb", "å"):
        raw_headers = {b"x-request-id": bad.encode("latin-1")}
        given = shared.client.get("/nothing", headers=raw_headers).headers["x-request-id"]
        assert re.fullmatch("[0-9a-f]{32}", given)
    doubled = shared.client.get("/user", headers=[("X-Request-ID", "one"), ("X-Request-ID", "two")])
    assert re.fullmatch("[0-9a-f]{32}", doubled.headers["x-request-id"])
    assert len({shared.client.get("/user").headers["x-request-id"] for _ in range(20)}) == 20


@contextmanager
def logging_to(store: Store, style: logging.Style, **options: Any) -> Iterator[tuple[httpx2.Client, io.BytesIO]]:
    """Serves the demo shop with its own log, which is complete after the server has ended. Lines of other applications
    in this process are in it, too.
    """
    written = io.BytesIO()
    stream = io.TextIOWrapper(written, write_through=True)
    shop = demo_shop(store)
    try:
        log = logging.configure(style, stream)
        with client_of(create_app(shop, log=log, **options)) as client:
            yield client, written
    finally:
        logging.configure("json", STREAM)
        stream.detach()
    assert found_in_log(written.getvalue().decode()) == []


def lines(written: io.BytesIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in written.getvalue().splitlines()]


def test_a_request_is_one_line(store: Store) -> None:
    """The line has these members and no others."""
    with logging_to(store, "json") as (client, written):
        headers = log_in(client, demo.CUSTOMER)
        client.get("/order/cart/2", headers={**headers, "X-Request-ID": "mine"})
        client.get("/user/2", headers=headers)
        client.get("/api/v1/product_unit/product_main/1/0/")
        client.head("/docs?secret=1")
        client.get("/a/path/of%0d%0amine?with=query")
        client.request("BREW-COFFEE", "/user")
    found = [line for line in lines(written) if line["route"] != "/"]
    assert all(set(line) == MEMBERS for line in found)
    assert [(line["method"], line["route"], line["status"], line["user_id"]) for line in found] == [
        ("POST", "/user/login", 200, None),
        ("GET", "/order/cart/{user_id}", 200, 2),
        ("GET", "/user/{user_id}", 403, 2),
        ("GET", "/product_unit/product_main/{product_id}/{user_id}", 200, None),
        ("HEAD", "/docs", 200, None),
        ("GET", None, 404, None),
        (None, None, 405, None),
    ]
    assert found[1]["request_id"] == "mine"
    counted = [line["statements"] for line in found]
    assert all(count > 0 for count in counted[:4]) == isinstance(store, SqlStore)
    assert counted[4:] == [0, 0, 0]
    assert all(0 <= line["milliseconds"] < 60_000 for line in found)


def test_client_addresses_are_logged_only_if_the_operator_wants_them(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not read_settings().log_client_addresses
    monkeypatch.setenv("SELLOUT_LOG_CLIENT_ADDRESSES", "yes")
    monkeypatch.setenv("SELLOUT_TRUSTED_PROXIES", "127.0.0.1")
    settings = read_settings()
    assert settings.log_client_addresses
    with logging_to(store, "json", log_addresses=True, proxies=settings.proxies) as (client, written):
        client.get("/product/all/1")
        client.get("/product/all/1", headers={"X-Forwarded-For": "203.0.113.7"})
        client.get("/product/all/1", headers={"X-Forwarded-For": "2001:db8::7"})
    logged = [line["client"] for line in lines(written) if line["route"] == "/product/all/{num_page}"]
    assert logged == ["127.0.0.1", "203.0.113.7", "2001:db8::7"]


@pytest.mark.parametrize("style", ["json", "text"])
def test_nothing_that_is_sent_makes_a_line_of_its_own(store: Store, style: logging.Style) -> None:
    """The requests contain CR, LF, other line breaks and terminal codes wherever they may have text."""
    forged = 'x\r\n{"event":"forged"}\u2028\x1b[31m'
    with logging_to(store, style) as (client, written):
        for name in ("log_in", "register", "verify_token"):
            body = dict.fromkeys(valid_body(OPERATION_NAMES[name]) or {}, forged)
            client.post(path_of(OPERATION_NAMES[name]), json=body)
        client.get("/" + "".join(f"%{byte:02x}" for byte in forged.encode()))
        client.get("/product/all/1", params={"page_size": forged, forged: "1"})
        answered = send_raw(
            client, b"GET /user HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Request-ID: a\x0bb\r\n\r\n"
        )
        assert answered[0] in (400, 401)
    log = written.getvalue().decode()
    assert "forged" not in log
    assert "\x1b" not in log
    assert all(" request " in line or '"request"' in line for line in log.splitlines())


def test_on_a_terminal_a_line_can_be_read(store: Store) -> None:
    with logging_to(store, "text") as (client, written):
        client.get("/product/all/1", headers={"X-Request-ID": "mine"})
    (line,) = [line for line in written.getvalue().decode().splitlines() if "mine" in line]
    assert re.search(r"\brequest\b.*route=/product/all/\{num_page\}.*status=200", line)


class FullDisk(io.BytesIO):
    """A stream that no write succeeds on."""

    def write(self, _: Any) -> int:
        raise OSError(28, "No space left on device")


def test_a_blocked_log_does_not_block_requests(store: Store) -> None:
    stream = io.TextIOWrapper(FullDisk())
    try:
        with client_of(create_app(demo_shop(store), log=logging.configure("json", stream))) as client:
            assert client.get("/product/all/1").status_code == 200
            assert client.get("/user").status_code == 401
    finally:
        logging.configure("json", STREAM)
        stream.detach()


START = b"POST /user/login HTTP/1.1\r\nHost: shop\r\nContent-Type: application/json\r\nContent-Length: 60\r\n\r\n"


@contextmanager
def connections(client: httpx2.Client, count: int, sent: bytes) -> Iterator[list[socket.socket]]:
    """Connections on which these bytes were sent."""
    with ExitStack() as stack:
        address = (client.base_url.host, client.base_url.port or 0)
        opened = [stack.enter_context(socket.create_connection(address, timeout=60)) for _ in range(count)]
        for connection in opened:
            connection.sendall(sent)
        yield opened


def refused(*more: str, method: str = "POST") -> bytes:
    """The head of a request with a bad token."""
    return "\r\n".join(
        [f"{method} /user/address/1 HTTP/1.1", "Host: shop", "Authorization: Bearer x", *more, "", ""]
    ).encode()


@pytest.mark.parametrize(
    ("length", "body"),
    [("Content-Length: 7", b"[1,2,3]"), ("Transfer-Encoding: chunked", b"7\r\n[1,2,3]\r\n0\r\n\r\n")],
)
@pytest.mark.parametrize("method", ["POST", "GET"])
def test_a_connection_outlives_a_refusal_before_its_body(shared: Served, length: str, body: bytes, method: str) -> None:
    """The body arrives after the refusal. The next request on the connection is answered."""
    with connections(shared.client, 1, refused(length, method=method)) as (connection,):
        assert shared.client.get("/product/all/1").status_code == 200
        connection.sendall(body + b"GET /livez HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n")
        answers = receive_all(connection)
    assert answers.startswith(b"HTTP/1.1 401")
    assert answers.count(b"HTTP/1.1 200") == 1


@pytest.mark.parametrize("more", [["Content-Length: 1000000000000"], ["Content-Length: 7", "Expect: 100-continue"]])
def test_a_body_that_is_not_wanted_ends_its_connection(shared: Served, more: list[str]) -> None:
    """A body that is too long, or has `Expect`, is not read, and the response closes the connection."""
    with connections(shared.client, 1, refused(*more)) as (connection,):
        answer = receive_all(connection)
    assert answer.startswith(b"HTTP/1.1 401")
    assert b"connection: close" in answer.lower()


def test_a_list_with_a_body_is_followed_by_another_request_or_says_that_it_is_not(shared: Served) -> None:
    """If the body arrives before the list begins, the check for a disconnect has consumed it. Then the response must
    close the connection.
    """
    token = log_in(shared.client, demo.STAFF)["Authorization"]
    head = f"GET /user HTTP/1.1\r\nHost: shop\r\nAuthorization: {token}\r\nContent-Length: 7\r\n\r\n".encode()
    with connections(shared.client, 1, head) as (connection,):
        assert shared.client.get("/product/all/1").status_code == 200
        connection.sendall(b"[1,2,3]GET /livez HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n")
        answers = receive_all(connection)
    assert answers.startswith(b"HTTP/1.1 200")
    ends = b"connection: close" in answers.partition(b"\r\n\r\n")[0].lower()
    assert answers.count(b"HTTP/1.1 200") == (1 if ends else 2)


@pytest.mark.parametrize("body_seconds", [0.5, 3600])
def test_an_unread_body_is_given_up(store: Store, body_seconds: float) -> None:
    """The refusal is sent after the time limit, but never later than a few seconds."""
    with (
        client_of(create_app(demo_shop(store), body_seconds=body_seconds)) as client,
        connections(client, 1, refused("Content-Length: 7") + b"[1,") as (connection,),
    ):
        answer = receive_all(connection)
    assert answer.startswith(b"HTTP/1.1 401")
    assert b"connection: close" in answer.lower()


def test_a_body_that_stalls_is_given_up(store: Store) -> None:
    """Other clients are served meanwhile."""
    with (
        client_of(create_app(demo_shop(store), body_seconds=0.5)) as client,
        connections(client, 20, START + b'{"user') as stalled,
    ):
        assert client.get("/product/all/1").status_code == 200
        for connection in stalled:
            answer = receive_all(connection)
            assert answer.startswith(b"HTTP/1.1 408")
            assert b"connection: close" in answer.lower()
            assert b'"code":"request_timeout"' in answer
        assert client.get("/product/all/1").status_code == 200


def test_a_body_may_not_trickle_in_forever(store: Store) -> None:
    """The time limit is for the whole body. Further bytes do not extend it."""
    with (
        client_of(create_app(demo_shop(store), body_seconds=0.5)) as client,
        connections(client, 1, START) as (connection,),
    ):
        connection.settimeout(0.1)
        answer = b""
        for _ in range(50):
            try:
                answer = connection.recv(65_536)
                break
            except TimeoutError:
                connection.sendall(b" ")
        assert answer.startswith(b"HTTP/1.1 408")


@pytest.mark.parametrize("kind", ["headers", "body"])
def test_200_stalled_connections_harm_no_other_client(tmp_path: Path, kind: str) -> None:
    """The server closes the connections after their time limit, and serves other clients."""
    variables = {"SELLOUT_REQUEST_TIMEOUT": "2", "SELLOUT_IDLE_TIMEOUT": "2"}
    with running_server(tmp_path, "--demo", **variables) as (server, _):
        with httpx2.Client(base_url=f"http://127.0.0.1:{server.port}", timeout=60) as client:
            sent = b"GET /product/all/1 HTTP/1.1\r\nHost: sh" if kind == "headers" else START + b"{"
            with connections(client, 200, sent) as stalled:
                for _ in range(20):
                    assert client.get("/product/all/1").status_code == 200
                answers = [receive_all(connection) for connection in stalled]
            assert {answer[:12] for answer in answers} <= {b"", b"HTTP/1.1 408"}
        # The connection of `client` was idle as long, so the server may be closing it.
        assert httpx2.get(f"http://127.0.0.1:{server.port}/product/all/1", timeout=60).status_code == 200
        assert server.stop() == (0, "")


def test_a_head_has_its_limits(tmp_path: Path) -> None:
    heads = [
        b"GET /" + b"x" * 70_000 + b" HTTP/1.1\r\nHost: shop\r\n",
        b"GET /user?" + b"x" * 70_000 + b" HTTP/1.1\r\nHost: shop\r\n",
        b"GET /user HTTP/1.1\r\nHost: shop\r\nX-Long: " + b"x" * 70_000 + b"\r\n",
        b"GET /user HTTP/1.1\r\nHost: shop\r\n" + b"X-Many: x\r\n" * 2_000,
    ]
    with running_server(tmp_path) as (server, _):
        with httpx2.Client(base_url=f"http://127.0.0.1:{server.port}", timeout=60) as client:
            for head in heads:
                status, _ = send_raw(client, head + b"Connection: close\r\n\r\n")
                assert status in (400, 414, 431), head[:40]
                assert client.get("/product/all/1").status_code == 200
        assert server.stop() == (0, "")


@pytest.mark.parametrize("kind", PERSISTENT)
def test_a_shop_with_nothing_configured_logs_no_requests(tmp_path: Path, kind: str) -> None:
    """A service that includes the application has its own log."""
    with PERSISTENT[kind](tmp_path) as store, client_of(create_app(shop_over(store))) as client:
        problem_of(client.get("/user"), 401, "unauthenticated")


@pytest.mark.parametrize(
    "lengths",
    [
        ["Content-Length: 5", "Transfer-Encoding: chunked"],
        ["Transfer-Encoding: chunked", "Content-Length: 44"],
        ["Content-Length: 5", "Content-Length: 6"],
        ["Content-Length: 5, 6"],
        ["Content-Length: +5"],
        ["Content-Length: -1"],
        ["Content-Length: 0x5"],
        ["Transfer-Encoding: xchunked"],
        ["Transfer-Encoding: chunked, identity"],
        ["Transfer-Encoding : chunked"],
        ["Transfer-Encoding:\x0bchunked"],
    ],
    ids=" ".join,
)
def test_no_request_hides_in_another(shared: Served, lengths: list[str]) -> None:
    """Parsers could disagree about the end of such a body. It gets a 400, and the connection is closed."""
    hidden = "0\r\n\r\nGET /problems HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    head = ["POST /user/login HTTP/1.1", "Host: x", "Content-Type: application/json", *lengths, "", ""]
    with connections(shared.client, 1, ("\r\n".join(head) + hidden).encode()) as (connection,):
        answer = receive_all(connection)
    assert answer.startswith(b"HTTP/1.1 400")
    assert answer.count(b"HTTP/1.1") == 1
