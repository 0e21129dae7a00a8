"""The baseline of a server built like the shop's: Litestar under granian with the options of
`sellout_http.server.process`, with a fixed response.

    python -m benchmarks.fixed PORT SIZE...

`/SIZE` returns this number of bytes of JSON.
"""

import os
import sys
from typing import Final

from granian import Granian
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels
from litestar import Litestar, MediaType, get
from litestar.handlers import HTTPRouteHandler

_SIZES: Final = "BENCHMARK_SIZES"


def app() -> Litestar:
    """Builds the application in a worker."""
    sizes = sorted({int(size) for size in os.environ[_SIZES].split()})
    return Litestar([_route(size) for size in sizes], openapi_config=None, logging_config=None)


def main() -> None:
    """Serves until SIGTERM."""
    port, *sizes = sys.argv[1:]
    os.environ[_SIZES] = " ".join(sizes)
    Granian(
        "benchmarks.fixed:app",
        factory=True,
        address="127.0.0.1",
        port=int(port),
        interface=Interfaces.ASGI,
        workers=1,
        http=HTTPModes.http1,
        websockets=False,
        backlog=1024,
        http1_settings=HTTP1Settings(header_read_timeout=30_000, max_buffer_size=32 * 1024),
        log_level=LogLevels.warning,
    ).serve()


def _route(size: int) -> HTTPRouteHandler:
    document = b'"' + b"x" * (size - 2) + b'"'

    @get(f"/{size}", media_type=MediaType.JSON)
    async def fixed() -> bytes:
        return document

    return fixed


if __name__ == "__main__":
    main()
