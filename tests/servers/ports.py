"""Ports for servers that tests start in other processes."""

import random
import socket
from typing import Final

# Below the ports that systems give to outgoing connections (from 32768 on Linux). Such a connection could take the port
# between this choice and the server's bind.
_PORTS: Final = range(10_240, 32_768)


def free_port() -> int:
    """A port of 127.0.0.1 on which no process listens."""
    while True:
        port = random.choice(_PORTS)  # noqa: S311 - only lowers the chance that two processes choose the same port
        with socket.socket() as probe:
            # A server may bind a port whose last connections are still in TIME_WAIT.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
