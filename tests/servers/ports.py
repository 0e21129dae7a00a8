"""Ports for servers that tests start in processes of their own."""

import random
import socket
from typing import Final

# Below the ports that systems give to outgoing connections (from 32768 on Linux): one of those could be taken between
# the choice of a port here and the moment the server binds it.
_PORTS: Final = range(10_240, 32_768)


def free_port() -> int:
    """A port of 127.0.0.1 on which no process listens."""
    while True:
        port = random.choice(_PORTS)  # noqa: S311 - processes that choose at once should choose differently, no more
        with socket.socket() as probe:
            # A port whose last connections are still in TIME_WAIT is free for a server.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
