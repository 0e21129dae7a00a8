"""The connections of a served shop: limits per client, and time limits of idle ones."""

import select
import socket
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

from sellout_http.server.connections import ConnectionLimits, surplus
from tests.contract.support.client import receive_all
from tests.contract.support.command import ServerProcess, running_server

GET = b"GET /livez HTTP/1.1\r\nHost: shop\r\n\r\n"
PATIENCE = 60
"""The seconds that a test waits before it fails."""

ENDED = select.POLLERR | select.POLLHUP | select.POLLRDHUP


@contextmanager
def connections(server: ServerProcess, sources: Sequence[str]) -> Iterator[list[socket.socket]]:
    """Opens a connection from each of these addresses of this machine."""
    with ExitStack() as stack:
        yield [stack.enter_context(_connection(server, source)) for source in sources]


def _connection(server: ServerProcess, source: str) -> socket.socket:
    connection = socket.socket()
    connection.settimeout(PATIENCE)
    # A small buffer: the server soon has to wait for the client.
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.bind((source, 0))
    connection.connect(("127.0.0.1", server.port))
    return connection


def wait_until_ended(opened: Sequence[socket.socket], count: int) -> list[socket.socket]:
    """Waits until the server has closed this number of connections, and returns the others. Reads nothing."""
    poll, left = select.poll(), {connection.fileno(): connection for connection in opened}
    for descriptor in left:
        poll.register(descriptor, ENDED)
    while len(left) > len(opened) - count:
        events = poll.poll(1000 * PATIENCE)
        assert events, "the server closes none"
        for descriptor, _ in events:
            poll.unregister(descriptor)
            del left[descriptor]
    return list(left.values())


def wait_until_seen(server: ServerProcess) -> None:
    """Waits until the guard has seen all open connections. The server must allow four per client. Five of another
    client's are opened, and the guard closes one.
    """
    with connections(server, ["127.0.2.1"] * 5) as others:
        wait_until_ended(others, 1)


def answers(connection: socket.socket) -> bool:
    connection.sendall(GET)
    return connection.recv(65_536).startswith(b"HTTP/1.1 200")


def fill(connection: socket.socket, request: bytes) -> None:
    """Sends requests until the server takes no more, and reads no response."""
    poll = select.poll()
    poll.register(connection, select.POLLOUT)
    connection.setblocking(False)
    while poll.poll(500):
        try:
            connection.send(100 * request)
        except BlockingIOError:
            continue
    connection.settimeout(PATIENCE)


def test_an_unread_response_is_dropped_with_its_connection(tmp_path: Path) -> None:
    with (
        running_server(tmp_path, "--demo", SELLOUT_SEND_TIMEOUT="1") as (server, _),
        connections(server, ["127.0.1.1"] * 3) as unread,
    ):
        for connection in unread:
            fill(connection, b"GET /product/all/1 HTTP/1.1\r\nHost: shop\r\n\r\n")
        wait_until_ended(unread, 3)
        assert server.request("GET", "/livez")[0] == 200


def test_a_connection_may_be_idle_for_a_while(tmp_path: Path) -> None:
    """The limit applies before the first request, within its headers, and after its response."""
    sent = [b"", b"GET /livez HTTP/1.1\r\nHost: sh", GET]
    with (
        running_server(tmp_path, SELLOUT_IDLE_TIMEOUT="1") as (server, _),
        connections(server, ["127.0.1.1"] * len(sent)) as idle,
    ):
        for connection, part in zip(idle, sent, strict=True):
            connection.sendall(part)
        assert [receive_all(connection).count(b"HTTP/1.1 200") for connection in idle] == [0, 0, 1]


def test_a_client_has_its_share_of_the_connections(tmp_path: Path) -> None:
    """The newest connections above the share are closed. The others are served."""
    with (
        running_server(tmp_path, SELLOUT_CLIENT_CONNECTIONS="4") as (server, _),
        connections(server, ["127.0.0.1", *["127.0.1.1"] * 4]) as first,
    ):
        assert all(map(answers, first))
        # Otherwise the guard might see these together with the later ones, in the order of their descriptors, which are
        # reused.
        wait_until_seen(server)
        with connections(server, ["127.0.1.1"] * 8) as more:
            wait_until_ended(more, 8)
            assert all(map(answers, first))


def test_a_client_over_its_share_costs_one_refusal_per_connection(tmp_path: Path) -> None:
    """Further requests on the connection get no response."""
    with (
        running_server(tmp_path, SELLOUT_CLIENT_CONNECTIONS="4") as (server, _),
        connections(server, ["127.0.1.1"] * 4) as first,
    ):
        assert all(map(answers, first))
        wait_until_seen(server)
        refusals = 0
        # The guard may close the connection before the refusal is sent.
        while not refusals:
            with connections(server, ["127.0.1.1"]) as [further], suppress(ConnectionError):
                further.sendall(3 * GET)
                head = receive_all(further)
                assert b"HTTP/1.1 200" not in head
                refusals += head.count(b"HTTP/1.1 429")
        assert refusals == 1
        assert all(map(answers, first))


def test_the_system_holds_little_of_unread_answers(tmp_path: Path) -> None:
    """The system's own buffer for a connection is megabytes."""
    with (
        running_server(tmp_path, "--demo", SELLOUT_CLIENT_CONNECTIONS="4") as (server, _),
        connections(server, ["127.0.1.1"]) as [unread],
    ):
        assert answers(unread)
        wait_until_seen(server)
        fill(unread, b"GET /product/all/1?page_size=100 HTTP/1.1\r\nHost: shop\r\n\r\n")
        assert 0 < waiting_to_be_sent(unread) < 1024 * 1024


def waiting_to_be_sent(connection: socket.socket) -> int:
    """The number of bytes that the server's side of a connection has not sent, from /proc/net/tcp."""
    ours, peer = connection.getsockname()[1], connection.getpeername()[1]
    for row in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = row.split()
        if fields[1].endswith(f":{peer:04X}") and fields[2].endswith(f":{ours:04X}"):
            return int(fields[4].partition(":")[0], 16)
    raise AssertionError("no such connection")


@pytest.mark.parametrize(("host", "client"), [("::1", "::1"), ("::", "127.0.1.1")])
def test_a_client_has_its_share_on_a_listener_of_ipv6(tmp_path: Path, host: str, client: str) -> None:
    family = socket.AF_INET6 if ":" in client else socket.AF_INET
    with (
        running_server(tmp_path, "--host", host, SELLOUT_CLIENT_CONNECTIONS="4") as (server, _),
        ExitStack() as stack,
    ):
        opened = [stack.enter_context(socket.socket(family)) for _ in range(12)]
        for connection in opened:
            connection.bind((client, 0))
            connection.connect((client if family is socket.AF_INET6 else "127.0.0.1", server.port))
        wait_until_ended(opened, 8)


def test_a_trusted_proxy_has_all_connections_it_opens(tmp_path: Path) -> None:
    variables = {"SELLOUT_CLIENT_CONNECTIONS": "1", "SELLOUT_TRUSTED_PROXIES": "127.0.1.1"}
    with running_server(tmp_path, **variables) as (server, _), connections(server, ["127.0.1.1"] * 8) as proxied:
        # The guard has also seen these when it closes one of the others.
        with connections(server, ["127.0.2.1"] * 2) as others:
            wait_until_ended(others, 1)
        assert all(map(answers, proxied))


def test_a_place_is_kept_for_health_checks(tmp_path: Path) -> None:
    """Other clients hold all other places."""
    with running_server(tmp_path, SELLOUT_MAX_CONNECTIONS="16", SELLOUT_IDLE_TIMEOUT="60") as (server, _):
        many = [f"127.0.{1 + number}.1" for number in range(30)]
        with connections(server, many) as idle:
            wait_until_ended(idle, 16)
            assert server.request("GET", "/livez")[0] == 200
            assert server.request("GET", "/readyz")[0] == 200


LIMITS = ConnectionLimits(total=16, per_client=4, send_seconds=1)


@pytest.mark.parametrize(
    ("came", "closed"),
    [
        ("", ""),
        ("aaaabbbb", ""),
        ("aaaaa", "5"),
        ("aaaabaab", "67"),
        ("aaaabbbbccccdd", ""),
        ("aaaabbbbccccddd", "48c"),
        ("abcdefghijklmnop", "12"),
    ],
)
def test_those_who_have_most_lose_their_newest(came: str, closed: str) -> None:
    """Two of the 16 places stay free. Connections are numbered from 1 in base 17."""
    numbered = dict(enumerate(came, start=1))
    assert surplus(numbered, LIMITS) == [int(digit, 17) for digit in closed]
