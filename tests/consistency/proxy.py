"""A TCP proxy between the buyers and a server that can drop the server's responses."""

import asyncio
from contextlib import suppress


class Proxy:
    """Passes bytes on in both directions. While `dropping`, a response breaks its connection: the request was executed,
    and its response is lost.
    """

    def __init__(self, port: int) -> None:
        self._target = port
        self.port = 0
        self.dropping = False
        self.dropped = 0
        self._server: asyncio.Server | None = None
        # A task that nothing else refers to may be collected while its connection waits.
        self._connections: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Listens on a free port."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Refuses new connections, and breaks the open ones."""
        if self._server is not None:
            self._server.close()
        for connection in self._connections:
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)
        try:
            server_reader, server_writer = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            writer.transport.abort()
            return
        up = asyncio.ensure_future(self._pass(reader, server_writer, from_server=False))
        await self._pass(server_reader, writer, from_server=True)
        up.cancel()
        for each in (writer, server_writer):
            each.transport.abort()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, from_server: bool) -> None:
        with suppress(OSError, asyncio.CancelledError):
            while part := await reader.read(65_536):
                if from_server and self.dropping:
                    self.dropped += 1
                    return
                writer.write(part)
                await writer.drain()
            if not from_server and writer.can_write_eof():
                writer.write_eof()
