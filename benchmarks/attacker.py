"""The process that attacks a server. It executes a plan, which is a JSON document on stdin.

The plan has the port, the behaviour, the number of connections, the number of IP addresses (127.0.1.1 and up), and the
requests. Each connection sends all requests in a cycle, and starts at a different one. The process prints a line after
it has tried to open all connections, and attacks until it is terminated. It opens a connection again after the server
closes it.
"""

import asyncio
import json
import os
import resource
import socket
import struct
import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import suppress
from itertools import count
from typing import Any, Final

import attrs

_PAUSE: Final = 0.05
"""The seconds before a refused or closed connection is opened again."""

_LONGEST: Final = 60.0
_SMALL_BUFFER: Final = 4096
_PIPELINED: Final = 64
_ESTABLISHED: Final = 1
_RESET: Final = struct.pack("ii", 1, 0)
"""With this option, closing sends a reset (socket(7), SO_LINGER)."""


@attrs.frozen
class Connection:
    """A connection of the attack: the port, the client's address, and the requests."""

    port: int
    address: str
    requests: Sequence[bytes]
    first: int

    def in_turn(self) -> Iterator[bytes]:
        """The requests in an endless cycle."""
        return (self.requests[number % len(self.requests)] for number in count(self.first))

    async def open(self, receive_buffer: int = 0) -> socket.socket:
        """Opens and returns a connected socket."""
        opened = socket.socket()
        try:
            if receive_buffer:
                opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
            opened.setblocking(False)
            opened.bind((self.address, 0))
            await asyncio.get_running_loop().sock_connect(opened, ("127.0.0.1", self.port))
        except BaseException:
            opened.close()
            raise
        return opened


async def ask(connection: Connection) -> None:
    """Sends a request, reads the response, and repeats."""
    reader, writer = await asyncio.open_connection(sock=await connection.open())
    try:
        for request in connection.in_turn():
            writer.write(request)
            await _read_answer(reader)
    finally:
        writer.transport.abort()


async def leave(connection: Connection) -> None:
    """Sends a request and closes the connection at once."""
    loop = asyncio.get_running_loop()
    for request in connection.in_turn():
        opened = await connection.open()
        try:
            await loop.sock_sendall(opened, request)
            # The server has begun to handle the request.
            await asyncio.sleep(_PAUSE)
        finally:
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            opened.close()


async def read_nothing(connection: Connection) -> None:
    """Sends requests and reads no response."""
    opened = await connection.open(_SMALL_BUFFER)
    try:
        requests = connection.in_turn()
        await asyncio.get_running_loop().sock_sendall(opened, b"".join(next(requests) for _ in range(_PIPELINED)))
        await _until_closed(opened)
    finally:
        opened.close()


async def send_nothing(connection: Connection) -> None:
    """Connects and sends nothing."""
    opened = await connection.open()
    try:
        await asyncio.get_running_loop().sock_recv(opened, 1)
    finally:
        opened.close()


async def send_slowly(connection: Connection) -> None:
    """Sends a request at one byte a second. The part before a null byte is sent at once."""
    begun, _, rest = next(connection.in_turn()).partition(b"\0")
    reader, writer = await asyncio.open_connection(sock=await connection.open())
    closed = asyncio.ensure_future(reader.read())
    try:
        writer.write(begun)
        for number in range(len(rest)):
            done, _ = await asyncio.wait({closed}, timeout=1)
            if done:
                return
            writer.write(rest[number : number + 1])
    finally:
        closed.cancel()
        writer.transport.abort()


BEHAVIOURS: Final[dict[str, Callable[[Connection], Awaitable[None]]]] = {
    behaviour.__name__: behaviour for behaviour in (ask, leave, read_nothing, send_nothing, send_slowly)
}


async def _read_answer(reader: asyncio.StreamReader) -> None:
    """Reads one response.

    Raises:
        EOFError: the connection has ended, or will be closed after the response.
    """
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    fields = dict(line.split(b": ", 1) for line in head.split(b"\r\n")[1:-2])
    if b"chunked" in fields.get(b"transfer-encoding", b""):
        while size := int(await reader.readuntil(b"\r\n"), 16):
            await reader.readexactly(size + 2)
        await reader.readexactly(2)
    else:
        await reader.readexactly(int(fields.get(b"content-length", b"0")))
    if fields.get(b"connection") == b"close":
        raise EOFError


async def _until_closed(opened: socket.socket) -> None:
    """Waits until the server closes the connection, and reads nothing."""
    while True:
        await asyncio.sleep(_PAUSE * 10)
        state = opened.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0]
        if state != _ESTABLISHED:
            return


async def attack(plan: dict[str, Any]) -> None:
    """Executes a plan until it is cancelled."""
    behaviour = BEHAVIOURS[plan["behaviour"]]
    requests = [request.encode("latin-1") for request in plan["requests"]]
    tried = asyncio.Semaphore(0)

    async def insist(connection: Connection) -> None:
        released = False
        while True:
            # With a timeout, so a server that stops answering does not look like a slow one.
            with suppress(OSError, EOFError, TimeoutError, ValueError):
                working = asyncio.ensure_future(behaviour(connection))
                if not released:
                    await asyncio.sleep(_PAUSE)
                    released = True
                    tried.release()
                await asyncio.wait_for(working, _LONGEST)
            await asyncio.sleep(_PAUSE)

    addresses = [f"127.0.{1 + number // 250}.{1 + number % 250}" for number in range(plan["addresses"])]
    tasks = [
        asyncio.ensure_future(insist(Connection(plan["port"], addresses[number % len(addresses)], requests, number)))
        for number in range(plan["connections"])
    ]
    for _ in tasks:
        await tried.acquire()
    print("begun", flush=True)  # noqa: T201 - read by the process that started this one
    await asyncio.gather(*tasks)


def main() -> None:
    """Reads the plan from stdin and executes it."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    # The benchmark needs the processor for the server, not for the attacker.
    os.nice(10)
    asyncio.run(attack(json.load(sys.stdin)))


if __name__ == "__main__":
    main()
